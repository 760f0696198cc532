//! Functions of one element, and how a chain of them is made shorter.

use ocelli_autograd::ops::math::MathFunction;

use crate::kernels::Activation;

/// A function of one element (and its channel).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unary {
    /// `x · scale + shift`, one number for all channels or one for each.
    Affine { scale: Vec<f64>, shift: Vec<f64> },
    /// What an epilogue can do too.
    Activation(Activation),
    /// Limits.
    Clamp(f32, f32),
    /// A mathematical function.
    Math(MathFunction),
    /// A power.
    Power(f32),
}

impl Unary {
    /// `x · scale + shift` for all channels alike.
    pub(crate) fn affine(scale: f64, shift: f64) -> Self {
        Unary::Affine { scale: vec![scale], shift: vec![shift] }
    }

    pub(crate) fn relu() -> Self {
        Unary::Activation(Activation::Relu)
    }

    /// `(scale, shift)` of an affine function that treats all channels alike.
    pub(crate) fn uniform(&self) -> Option<(f64, f64)> {
        let Unary::Affine { scale, shift } = self else { return None };
        let same = |values: &[f64]| values.first().copied().filter(|first| values.iter().all(|value| value == first));
        Some((same(scale)?, same(shift)?))
    }
}

/// The same function with as few parts as possible.
pub(crate) fn simplified(chain: Vec<Unary>) -> Vec<Unary> {
    let mut short: Vec<Unary> = Vec::with_capacity(chain.len());
    for next in chain {
        let next = named(next);
        match (short.last_mut(), next) {
            (Some(Unary::Affine { scale, shift }), Unary::Affine { scale: then, shift: plus }) => {
                (*scale, *shift) = compose((scale, shift), (&then, &plus));
            }
            (Some(Unary::Activation(Activation::Relu)), Unary::Clamp(low, high)) if low <= 0.0 => {
                short.pop();
                short.push(named(Unary::Clamp(0.0, high)));
            }
            (Some(Unary::Clamp(low, high)), Unary::Clamp(at_least, at_most)) if at_least <= at_most => {
                (*low, *high) = (low.max(at_least).min(at_most), high.min(at_most).max(at_least));
            }
            (Some(Unary::Activation(Activation::Relu)), Unary::Activation(Activation::Relu)) => {}
            (_, next) => short.push(next),
        }
        if short.last().and_then(Unary::uniform) == Some((1.0, 0.0)) {
            short.pop();
        }
    }
    short
}

/// `then · (scale · x + shift) + plus`.
fn compose((scale, shift): (&[f64], &[f64]), (then, plus): (&[f64], &[f64])) -> (Vec<f64>, Vec<f64>) {
    let channels = [scale, shift, then, plus].iter().map(|values| values.len()).max().unwrap_or(1);
    let at = |values: &[f64], c: usize| values[if values.len() == 1 { 0 } else { c }];
    let scales = (0..channels).map(|c| at(scale, c) * at(then, c)).collect();
    let shifts = (0..channels).map(|c| at(shift, c) * at(then, c) + at(plus, c)).collect();
    (scales, shifts)
}

/// A function that has a name of its own goes by it.
pub(crate) fn named(unary: Unary) -> Unary {
    match unary {
        Unary::Clamp(0.0, f32::INFINITY) => Unary::relu(),
        Unary::Clamp(0.0, 6.0) => Unary::Activation(Activation::Relu6),
        Unary::Math(MathFunction::Relu) => Unary::relu(),
        Unary::Math(MathFunction::Sigmoid) => Unary::Activation(Activation::Sigmoid),
        Unary::Math(MathFunction::Silu) => Unary::Activation(Activation::Silu),
        Unary::Math(MathFunction::Gelu) => Unary::Activation(Activation::Gelu),
        Unary::Math(MathFunction::GeluTanh) => Unary::Activation(Activation::GeluTanh),
        Unary::Math(MathFunction::HardSwish) => Unary::Activation(Activation::HardSwish),
        Unary::Math(MathFunction::Neg) => Unary::affine(-1.0, 0.0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affine_functions_become_one() {
        let chain = vec![
            Unary::affine(2.0, 1.0),
            Unary::Affine { scale: vec![1.0, 3.0], shift: vec![0.5] },
            Unary::Math(MathFunction::Neg),
        ];
        let expected = Unary::Affine { scale: vec![-2.0, -6.0], shift: vec![-1.5, -3.5] };
        assert_eq!(simplified(chain), [expected]);
        assert_eq!(simplified(vec![Unary::affine(2.0, 0.0), Unary::affine(0.5, 0.0)]), []);
    }

    #[test]
    fn limits_become_one() {
        assert_eq!(
            simplified(vec![Unary::relu(), Unary::Clamp(f32::NEG_INFINITY, 6.0)]),
            [Unary::Activation(Activation::Relu6)]
        );
        assert_eq!(simplified(vec![Unary::Clamp(0.0, 4.0), Unary::Clamp(1.0, 9.0)]), [Unary::Clamp(1.0, 4.0)]);
        assert_eq!(simplified(vec![Unary::relu(), Unary::relu()]), [Unary::relu()]);
    }
}
