//! Which values may have the same memory.

/// A piece of memory, needed from one step to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    pub(super) size: usize,
    /// The first step that writes it.
    pub(super) first: usize,
    /// The last step that uses it.
    pub(super) last: usize,
}

impl Root {
    fn meets(&self, other: &Root) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Offsets begin at multiples of a cache line.
const ALIGNMENT: usize = 16;

/// Gives each root an offset such that none overlaps another that is needed at the same time: the largest first, each where it
/// fits the lowest. Returns the offsets and the size of the whole.
pub(super) fn plan(roots: &[Root]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..roots.len()).collect();
    order.sort_by_key(|&root| (std::cmp::Reverse(roots[root].size), roots[root].first));
    let mut offsets = vec![0; roots.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(roots.len());
    let mut total = 0;
    for root in order {
        let size = roots[root].size.next_multiple_of(ALIGNMENT);
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&other| roots[other].meets(&roots[root]))
            .map(|&other| (offsets[other], offsets[other] + roots[other].size.next_multiple_of(ALIGNMENT)))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, end) in taken {
            if at + size <= start {
                break;
            }
            at = at.max(end);
        }
        offsets[root] = at;
        total = total.max(at + size);
        placed.push(root);
    }
    (offsets, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_meet_shares() {
        let root = |size, first, last| Root { size, first, last };
        // A chain: each step reads the value before.
        let (offsets, total) = plan(&[root(100, 0, 1), root(64, 1, 2), root(100, 2, 3), root(16, 3, 4)]);
        assert_eq!(offsets, [0, 112, 0, 112]);
        assert_eq!(total, 176);
        // A residual stays while others come and go.
        let (offsets, total) = plan(&[root(16, 0, 3), root(16, 1, 2), root(16, 2, 3)]);
        assert_eq!(offsets, [0, 16, 32]);
        assert_eq!(total, 48);
        assert_eq!(plan(&[]), (Vec::new(), 0));
    }

    #[test]
    fn nothing_overlaps() {
        // Sizes and lives from a small generator.
        let mut seed = 1u64;
        let mut next = |limit: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % limit
        };
        let roots: Vec<Root> = (0..200)
            .map(|_| {
                let first = next(50) as usize;
                Root { size: next(1000) as usize, first, last: first + next(10) as usize }
            })
            .collect();
        let (offsets, total) = plan(&roots);
        for (i, a) in roots.iter().enumerate() {
            assert!(offsets[i] + a.size <= total);
            for (j, b) in roots.iter().enumerate().take(i) {
                let apart = offsets[i] + a.size <= offsets[j] || offsets[j] + b.size <= offsets[i];
                assert!(apart || !a.meets(b), "{a:?} at {} and {b:?} at {}", offsets[i], offsets[j]);
            }
        }
    }
}
