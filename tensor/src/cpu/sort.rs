//! Sorting by keys: whatever the dtype, elements become 64-bit integers of the same order, so one sort serves all.

use super::parallel::over_chunks;
use crate::Element;
use crate::profile;

/// An integer that orders as the element does: NaN above all others, the two zeros equal.
pub(crate) fn key<T: Element>(x: T) -> u64 {
    const SIGN: u64 = 1 << 63;
    if !T::DTYPE.is_float() {
        return x.to_i64() as u64 ^ SIGN;
    }
    let x = x.to_f64();
    // Adding 0 turns -0 into +0. Negative numbers have all bits flipped, others the sign.
    let bits = (x + 0.0).to_bits();
    let flip = (bits as i64 >> 63) as u64 | SIGN;
    if x.is_nan() { u64::MAX } else { bits ^ flip }
}

/// As many elements are kept in order as they come.
const FEW: usize = 32;

/// The positions of the first `k` elements in order, for each row of `n`; equal elements keep their order. `row_keys`
/// writes the keys of the elements from a place on.
pub(crate) fn order_rows(
    (n, k): (usize, usize),
    descending: bool,
    row_keys: &(dyn Fn(usize, &mut [u64]) + Sync),
    out: &mut [i64],
) {
    let _span = profile::span("sort", size_of_val(out));
    let flip = if descending { u64::MAX } else { 0 };
    over_chunks(out, k, 16 * n.div_ceil(k.max(1)), |start, piece| {
        let mut pairs: Vec<(u64, usize)> = Vec::with_capacity(n);
        let mut keys = vec![0; n];
        for (row, out) in (start / k..).zip(piece.chunks_exact_mut(k)) {
            row_keys(row * n, &mut keys);
            let all = keys.iter().enumerate().map(|(i, key)| (key ^ flip, i));
            pairs.clear();
            if k <= FEW && k < n / 8 {
                first_few(all, k, &mut pairs);
            } else {
                pairs.extend(all);
                if k < n {
                    pairs.select_nth_unstable(k - 1);
                    pairs.truncate(k);
                }
                pairs.sort_unstable();
            }
            for (out, &(_, i)) in out.iter_mut().zip(&pairs) {
                *out = i as i64;
            }
        }
    });
}

/// Fills `best` with the first `k` pairs in order. Most elements are passed over after one comparison.
fn first_few(all: impl Iterator<Item = (u64, usize)>, k: usize, best: &mut Vec<(u64, usize)>) {
    for pair in all {
        if best.len() == k {
            if best.last().is_some_and(|last| *last < pair) {
                continue;
            }
            best.pop();
        }
        best.insert(best.partition_point(|other| *other < pair), pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_the_first_of_all() {
        let keys: Vec<u64> = (0..600u64).map(|i| i * 7919 % 97).collect();
        let first = |n: usize, k: usize| {
            let mut out = vec![0; 2 * k];
            let row_keys = |start: usize, row: &mut [u64]| row.copy_from_slice(&keys[start..][..n]);
            order_rows((n, k), true, &row_keys, &mut out);
            out
        };
        let (few, all) = (first(300, 20), first(300, 300));
        assert_eq!(few[..20], all[..20]);
        assert_eq!(few[20..], all[300..320]);
    }
}
