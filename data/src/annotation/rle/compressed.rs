//! The text that COCO's files hold of a mask.

use super::Rle;
use crate::{Error, Result};

/// The first of the 64 characters: `0`, and the last is `o`.
const ZERO: u8 = b'0';
/// The bit of a character that says that another one of the number follows.
const MORE: u8 = 0x20;
/// Characters of a difference of two runs: 33 bits with the sign, five in each.
const LONGEST: u32 = 7;

impl Rle {
    /// COCO's compressed text: of each run from the fourth on the difference to the one before the last, in pieces of five bits, the lowest first,
    /// each with a bit that tells whether another follows, as characters from `0` on.
    pub fn to_compressed(&self) -> String {
        let mut text = String::with_capacity(2 * self.counts().len());
        for (i, &count) in self.counts().iter().enumerate() {
            let before = if i > 2 { i64::from(self.counts()[i - 2]) } else { 0 };
            let mut rest = i64::from(count) - before;
            loop {
                let piece = (rest & 0x1f) as u8;
                rest >>= 5;
                let last = rest == if piece & 0x10 != 0 { -1 } else { 0 };
                text.push(char::from(ZERO + piece + if last { 0 } else { MORE }));
                if last {
                    break;
                }
            }
        }
        text
    }

    /// Reads COCO's compressed text of a mask of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] for characters outside `0`..=`o`, a number that is cut off, too long or negative, and runs that do not add up to the pixels
    /// of the picture.
    pub fn from_compressed(size: [usize; 2], text: &str) -> Result<Self> {
        let refuse = |message: String| Error::argument("rle", message);
        let mut counts: Vec<u32> = Vec::with_capacity(text.len());
        let (mut number, mut pieces) = (0i64, 0);
        for (at, byte) in text.bytes().enumerate() {
            let piece = byte.wrapping_sub(ZERO);
            if piece >= 64 {
                let expected = "expected characters from '0' to 'o' in compressed runs";
                return Err(refuse(format!("{expected}, received {:?} at {at}", char::from(byte))));
            }
            number |= i64::from(piece & 0x1f) << (5 * pieces);
            pieces += 1;
            if piece & MORE != 0 {
                if pieces == LONGEST {
                    let expected = format!("expected numbers of at most {LONGEST} characters in compressed runs");
                    return Err(refuse(format!("{expected}, received a longer one that ends after character {at}")));
                }
                continue;
            }
            if piece & 0x10 != 0 {
                number |= -1 << (5 * pieces);
            }
            if counts.len() > 2 {
                number += i64::from(counts[counts.len() - 2]);
            }
            let count = u32::try_from(number).map_err(|_| {
                refuse(format!("expected a run of 0 to 2^32 - 1 pixels, received {number} at character {at}"))
            })?;
            counts.push(count);
            (number, pieces) = (0, 0);
        }
        if pieces > 0 {
            let message = format!("expected compressed runs, received a text that ends within a number: {text:?}");
            return Err(refuse(message));
        }
        Rle::from_counts(size, counts)
    }
}
