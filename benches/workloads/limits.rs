//! What the machine can do: multiply-adds in registers, and copying memory.

use std::hint::black_box;

use rayon::prelude::*;

use crate::{Result, THREADS, Work};

/// More than any core needs in flight to keep its multiply-add units busy.
const CHAINS: usize = 12;

/// This many floating-point operations as fused multiply-adds that touch no memory, over all threads.
pub(crate) fn fma(flops: usize) -> Result<Work> {
    let (width, chain) = widest();
    let rounds = flops / (2 * width * CHAINS * THREADS);
    Ok(Box::new(move || {
        rayon::broadcast(|_| black_box(chain(black_box(rounds))));
        Ok(())
    }))
}

/// Copies this many bytes, so that twice as many are moved, over all threads.
pub(crate) fn copy(bytes: usize) -> Result<Work> {
    let (from, mut to) = (vec![1u8; bytes], vec![0u8; bytes]);
    let share = bytes / THREADS;
    Ok(Box::new(move || {
        to.par_chunks_mut(share).zip(from.par_chunks(share)).for_each(|(to, from)| to.copy_from_slice(from));
        black_box(&to);
        Ok(())
    }))
}

/// The lanes of the widest vectors there are, and a loop of multiply-adds on [`CHAINS`] of them.
fn widest() -> (usize, fn(usize) -> f32) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has AVX-512F.
            return (16, |rounds| unsafe { x86::avx512(rounds) });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU has AVX2 and FMA.
            return (8, |rounds| unsafe { x86::avx2(rounds) });
        }
    }
    (4, portable)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_add_ps, _mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_set1_ps, _mm512_add_ps, _mm512_cvtss_f32,
        _mm512_fmadd_ps, _mm512_set1_ps,
    };

    use super::CHAINS;

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(rounds: usize) -> f32 {
        let (factor, term) = (_mm512_set1_ps(0.5), _mm512_set1_ps(1.0));
        let mut chains = [term; CHAINS];
        for _ in 0..rounds {
            for x in &mut chains {
                *x = _mm512_fmadd_ps(*x, factor, term);
            }
        }
        _mm512_cvtss_f32(chains.into_iter().fold(term, |sum, x| _mm512_add_ps(sum, x)))
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2(rounds: usize) -> f32 {
        let (factor, term) = (_mm256_set1_ps(0.5), _mm256_set1_ps(1.0));
        let mut chains = [term; CHAINS];
        for _ in 0..rounds {
            for x in &mut chains {
                *x = _mm256_fmadd_ps(*x, factor, term);
            }
        }
        _mm256_cvtss_f32(chains.into_iter().fold(term, |sum, x| _mm256_add_ps(sum, x)))
    }
}

/// Four lanes: SSE's and NEON's. A separate product and sum where the target has no fused one, which would be a call otherwise.
fn portable(rounds: usize) -> f32 {
    let step = |x: f32| if cfg!(target_arch = "aarch64") { x.mul_add(0.5, 1.0) } else { x * 0.5 + 1.0 };
    let mut chains = [[1.0f32; 4]; CHAINS];
    for _ in 0..rounds {
        for x in chains.iter_mut().flatten() {
            *x = step(*x);
        }
    }
    chains.iter().flatten().sum()
}
