//! Settings drawn from a range.

use crate::{Error, Result, SampleRng};

/// A number drawn evenly from `range`, which must lie in `domain`; `op` and `what` are what errors call it.
pub(super) fn draw(
    op: &'static str,
    what: &str,
    range: [f64; 2],
    domain: [f64; 2],
    rng: &mut SampleRng,
) -> Result<f64> {
    let [low, high] = range;
    // Written so that NaN is refused.
    if !(domain[0] <= low && low <= high && high <= domain[1] && high.is_finite()) {
        let [from, to] = domain;
        return Err(Error::argument(op, format!("expected {what} in {from}..={to}, received {low}..={high}")));
    }
    rng.uniform(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_outside_of_the_domain_are_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        assert_eq!(draw("x", "a part", [0.5, 0.5], [0.0, 1.0], rng).unwrap(), 0.5);
        for range in [[-0.1, 0.5], [0.5, 1.1], [0.6, 0.5], [f64::NAN, 0.5], [0.5, f64::NAN]] {
            let text = draw("x", "a part", range, [0.0, 1.0], rng).unwrap_err().to_string();
            assert!(text.contains("expected a part in 0..=1, received"), "{text}");
        }
        assert!(draw("x", "a factor", [0.0, f64::INFINITY], [0.0, f64::INFINITY], rng).is_err());
    }
}
