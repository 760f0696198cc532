//! Memory that is asked for, where a size comes from a file or a setting: too much of it is an error.

use crate::Result;

/// An empty vector with room for `count` elements.
pub(crate) fn with_capacity<T>(count: usize) -> Result<Vec<T>> {
    let mut elements = Vec::new();
    let refused = |_| ocelli_tensor::Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) };
    elements.try_reserve_exact(count).map_err(refused)?;
    Ok(elements)
}

/// A vector of `count` equal elements.
pub(crate) fn filled<T: Clone>(value: T, count: usize) -> Result<Vec<T>> {
    let mut elements = with_capacity(count)?;
    elements.resize(count, value);
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_an_error() {
        assert_eq!(filled(7u8, 3).unwrap(), [7, 7, 7]);
        assert!(with_capacity::<u64>(usize::MAX).is_err());
        assert!(filled(0u8, isize::MAX as usize).is_err());
    }
}
