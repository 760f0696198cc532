//! How elements lie in an adapter's memory.

use crate::{DType, Error, Result};

/// A type of WGSL that elements are stored as. Shaders have no numbers of 8 bits and rarely such of 64, and write whole words: so
/// `u8` and `bool` take a word each, `i64` two, `bf16` an `f32` of that precision, as does `f16` where the adapter has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stored {
    F32,
    F16,
    I32,
    U32,
    /// Low and high word.
    I64,
    /// Four neighbours at once, as kernels may read them.
    F32x4,
    F16x4,
    I32x4,
    U32x4,
}

impl Stored {
    /// # Errors
    /// [`Error::DType`] for `f64`, which no shading language of the web knows.
    pub(crate) fn of(dtype: DType, has_f16: bool) -> Result<Stored> {
        Ok(match dtype {
            DType::F16 if has_f16 => Stored::F16,
            DType::F32 | DType::F16 | DType::BF16 => Stored::F32,
            DType::I32 => Stored::I32,
            DType::U8 | DType::Bool => Stored::U32,
            DType::I64 => Stored::I64,
            DType::F64 => {
                return Err(Error::dtype("to_device", "a dtype that WebGPU devices have (f32 instead of f64)", dtype));
            }
        })
    }

    /// Four neighbours if that holds; as they are where they are two words each.
    pub(crate) fn by_four(self, holds: bool) -> Stored {
        match self {
            _ if !holds => self,
            Stored::F32 => Stored::F32x4,
            Stored::F16 => Stored::F16x4,
            Stored::I32 => Stored::I32x4,
            Stored::U32 => Stored::U32x4,
            other => other,
        }
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Stored::F16 => 2,
            Stored::F32 | Stored::I32 | Stored::U32 => 4,
            Stored::I64 | Stored::F16x4 => 8,
            Stored::F32x4 | Stored::I32x4 | Stored::U32x4 => 16,
        }
    }
}
