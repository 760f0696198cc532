//! Element types and how they promote.

use crate::{Error, Result};

/// The type of a tensor's elements.
///
/// # Promotion
///
/// An operation on two dtypes gives the smallest dtype of this lattice that holds both (PyTorch's rules):
///
/// * `bool` → `u8` → `i32` → `i64` → any float: a float operand wins over every integer, whatever its width;
/// * `f16`, `bf16` → `f32` → `f64`; `f16` with `bf16` gives `f32`, as neither holds the other.
///
/// A plain number is *weak*: it takes the tensor's dtype if that dtype is of the number's kind or above it
/// (`f16 tensor + 1.5` stays `f16`, `i32 tensor + 1` stays `i32`), and otherwise makes the result the default dtype of the
/// number's kind (`i32 tensor + 1.5` gives `f32`, `bool tensor + 1` gives `i64`). True division and the mathematical
/// functions turn integers and booleans into `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// `true` or `false`, one byte.
    Bool,
    /// Unsigned 8-bit integer: the pixels of a picture.
    U8,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer: indices and class numbers.
    I64,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an `f32`.
    BF16,
    /// IEEE 754 single precision, the default.
    F32,
    /// IEEE 754 double precision.
    F64,
}

impl DType {
    /// All dtypes, in promotion order.
    pub const ALL: [DType; 8] =
        [DType::Bool, DType::U8, DType::I32, DType::I64, DType::F16, DType::BF16, DType::F32, DType::F64];

    /// Bytes that one element takes.
    pub fn size(self) -> usize {
        match self {
            DType::Bool | DType::U8 => 1,
            DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// Whether this is one of the four float types.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
    }

    /// Whether this is `u8`, `i32` or `i64`.
    pub fn is_integer(self) -> bool {
        matches!(self, DType::U8 | DType::I32 | DType::I64)
    }

    /// Whether this is one of the two 16-bit float types, which kernels compute in `f32`.
    pub fn is_half(self) -> bool {
        matches!(self, DType::F16 | DType::BF16)
    }

    /// The dtype that holds both, by the rules above.
    ///
    /// ```
    /// use ocelli_tensor::DType;
    /// assert_eq!(DType::I64.promote(DType::F16), DType::F16);
    /// assert_eq!(DType::F16.promote(DType::BF16), DType::F32);
    /// assert_eq!(DType::U8.promote(DType::I32), DType::I32);
    /// ```
    pub fn promote(self, other: DType) -> DType {
        match (self, other) {
            (DType::F16, DType::BF16) | (DType::BF16, DType::F16) => DType::F32,
            (a, b) => {
                if (a as u8) >= (b as u8) {
                    a
                } else {
                    b
                }
            }
        }
    }

    /// The float dtype that true division and mathematical functions give for this dtype.
    pub fn to_float(self) -> DType {
        if self.is_float() { self } else { DType::F32 }
    }

    /// The dtype that kernels compute in: `f32` for the half types, itself for the others.
    pub(crate) fn wide(self) -> DType {
        if self.is_half() { DType::F32 } else { self }
    }

    /// Lower-case name: `"f32"`, `"bool"`, …
    pub fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::U8 => "u8",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
        }
    }

    /// `Err` unless this is a float type.
    pub(crate) fn require_float(self, op: &'static str) -> Result<()> {
        if self.is_float() { Ok(()) } else { Err(Error::dtype(op, "a float dtype", self)) }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Binds `$T` to the Rust type of a float dtype that kernels compute in (`f32`, `f64`).
macro_rules! with_float {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            other => unreachable!("kernel of f32 and f64 was given {other}"),
        }
    };
}

/// Binds `$T` to the Rust type of a dtype that has arithmetic of its own (`f32`, `f64`, `i32`, `i64`, `u8`).
macro_rules! with_number {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::I32 => {
                type $T = i32;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            float => $crate::dtype::with_float!(float, $T => $body),
        }
    };
}

/// Binds `$T` to the Rust type of any dtype.
macro_rules! with_element {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Bool => {
                type $T = bool;
                $body
            }
            $crate::DType::F16 => {
                type $T = half::f16;
                $body
            }
            $crate::DType::BF16 => {
                type $T = half::bf16;
                $body
            }
            number => $crate::dtype::with_number!(number, $T => $body),
        }
    };
}

/// Binds `$W` to an unsigned integer as wide as an element of the dtype: for kernels that only move elements about.
/// Read the tensor with `View::of_bits`, make the result with `Tensor::from_bits`.
macro_rules! with_width {
    ($dtype:expr, $W:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $W = u8;
                $body
            }
            2 => {
                type $W = u16;
                $body
            }
            4 => {
                type $W = u32;
                $body
            }
            _ => {
                type $W = u64;
                $body
            }
        }
    };
}

pub(crate) use {with_element, with_float, with_number, with_width};
