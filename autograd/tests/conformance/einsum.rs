use ocelli_autograd::Var;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let sum = |spec: &'static str, shapes: &[&[usize]]| {
        let empty = case(format!("einsum {spec}"), move |v| {
            let operands: Vec<&Var> = v.iter().collect();
            Var::einsum(spec, &operands)
        });
        shapes.iter().fold(empty, |case, shape| case.input(shape, -1.0, 1.0))
    };
    vec![
        sum("ij,jk->ik", &[&[2, 3], &[3, 2]]),
        sum("bthd,bshd->bhts", &[&[1, 2, 2, 3], &[1, 3, 2, 3]]),
        sum("...ij,jk", &[&[2, 2, 3], &[3, 2]]),
        sum("...ij,...jk->...ik", &[&[2, 1, 2, 2], &[2, 2, 2]]),
        sum("ii->i", &[&[3, 3]]),
        sum("ii", &[&[3, 3]]),
        sum("iij,jk->ik", &[&[2, 2, 3], &[3, 2]]),
        sum("iii->i", &[&[2, 2, 2]]),
        sum("ij->j", &[&[2, 3]]),
        sum("ij->ji", &[&[2, 3]]),
        sum("i,j->ij", &[&[2], &[3]]),
        sum("i,i->i", &[&[3], &[3]]),
        sum("ij,kl->jl", &[&[2, 3], &[2, 2]]),
        sum("ij,ik,il->jkl", &[&[2, 2], &[2, 3], &[2, 2]]),
        sum("ij,ij->j", &[&[1, 3], &[2, 1]]),
        sum("ij,ij->ij", &[&[1, 3], &[2, 1]]),
        sum("ij,jk->ik", &[&[0, 3], &[3, 2]]),
    ]
}
