use ocelli_tensor::Tensor;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let tall = [[1.2, 0.3], [-0.4, 0.9], [0.5, -0.7]];
    let square = [[1.1, 0.2, -0.3], [0.4, -0.9, 0.1], [-0.2, 0.6, 1.3]];
    let upper = [[1.5, 0.4, -0.2], [0.0, -1.2, 0.7], [0.0, 0.0, 0.9]];
    let pair = |v: &ocelli_autograd::Var| {
        let (q, r) = v.qr()?;
        q.matmul(&r.mul(&r)?)
    };
    vec![
        case("q of qr", |v| Ok(v[0].qr()?.0)).value(Tensor::new(tall).unwrap()),
        case("r of qr", |v| Ok(v[0].qr()?.1)).value(Tensor::new(tall).unwrap()),
        case("qr, square", move |v| pair(&v[0])).value(Tensor::new(square).unwrap()),
        case("qr, tall", move |v| pair(&v[0])).value(Tensor::new(tall).unwrap()),
        case("qr, wide", move |v| pair(&v[0])).value(Tensor::new(tall).unwrap().t().unwrap()),
        case("qr, batched", move |v| pair(&v[0])).value(
            Tensor::stack(
                &[Tensor::new(tall).unwrap(), Tensor::new(tall).unwrap().mul(-0.5).unwrap().add(0.2).unwrap()],
                0,
            )
            .unwrap(),
        ),
        case("inverse of a triangle", |v| v[0].triangular_inverse()).value(Tensor::new(upper).unwrap()),
    ]
}
