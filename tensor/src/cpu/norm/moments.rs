//! Mean and spread of a set of numbers, merged from those of its parts.

/// Of some numbers: how many, their mean, and the sum of their squared distances from it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl Moments {
    /// Those of both sets together (Chan, Golub and LeVeque 1979): no difference of large sums is ever taken.
    #[inline(always)]
    pub(crate) fn merge(self, other: Moments) -> Moments {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let (apart, share) = (other.mean - self.mean, other.count / count);
        Moments {
            count,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.count * share,
        }
    }

    /// The biased variance; NaN of no numbers.
    pub(crate) fn variance(self) -> f64 {
        self.squares / self.count
    }
}
