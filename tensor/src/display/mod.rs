//! Tensors as text, in the form that NumPy prints: columns aligned, long tensors abridged, lines of 75 characters.

mod number;

use std::fmt;

use crate::{Device, Result, Tensor};

/// Tensors of more elements are abridged.
const ABRIDGE_ABOVE: usize = 1000;
/// Elements kept at each end of an axis that is abridged.
const EDGE: usize = 3;
/// Characters in a line.
const LINE: usize = 75;

/// The numbers in brackets, as NumPy's `print` shows them; of more than 1000 elements, three at each end of every axis.
///
/// ```
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_tensor::Result<()> {
/// let x = Tensor::new([[1.0f32, -0.5], [10.25, 3.0]])?;
/// assert_eq!(x.to_string(), "[[ 1.   -0.5 ]\n [10.25  3.  ]]");
/// # Ok(())
/// # }
/// ```
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What cannot be abridged to fit into memory (many axes, each a few elements long) is no reason for `to_string` to fail.
        f.write_str(&text(self).unwrap_or_else(|_| "[...]".to_owned()))
    }
}

/// The numbers as [`Display`](fmt::Display) shows them, and a last line with shape, dtype and device.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{self}")?;
        write!(f, "Tensor(shape={}, dtype={}, device={})", self.shape(), self.dtype(), self.device())
    }
}

fn text(x: &Tensor) -> Result<String> {
    if x.numel() == 0 {
        return Ok("[]".to_owned());
    }
    let x = &x.to_device(Device::Cpu)?;
    let mut shown = x.clone();
    let mut abridged = vec![false; x.rank()];
    if x.numel() > ABRIDGE_ABOVE {
        // The longest axis first, so that what is copied on the way is small.
        let mut axes: Vec<usize> = (0..x.rank()).filter(|&axis| x.shape()[axis] > 2 * EDGE).collect();
        axes.sort_by_key(|&axis| std::cmp::Reverse(x.shape()[axis]));
        for axis in axes {
            let along = axis as isize;
            let (head, tail) = (shown.narrow(along, 0, EDGE)?, shown.narrow(along, x.shape()[axis] - EDGE, EDGE)?);
            shown = Tensor::concat(&[head, tail], along)?;
            abridged[axis] = true;
        }
    }
    let words = number::words(&shown)?;
    if x.rank() == 0 {
        return Ok(words.concat());
    }
    let brackets = Brackets { shape: shown.shape(), abridged: &abridged };
    Ok(brackets.write(0, &words, " ", LINE))
}

struct Brackets<'a> {
    shape: &'a [usize],
    abridged: &'a [bool],
}

impl Brackets<'_> {
    /// The text of a block whose first axis is `axis`, to stand behind `indent`.
    fn write(&self, axis: usize, words: &[String], indent: &str, width: usize) -> String {
        let size = self.shape[axis];
        let inner = words.len() / size;
        let mut text = String::new();
        if axis + 1 == self.shape.len() {
            // Room for the bracket or the space that follows a word.
            let mut lines = Lines { text: &mut text, line: indent.to_owned(), indent, width: width - 1 };
            for (i, word) in words.iter().enumerate() {
                if self.abridged[axis] && i == EDGE {
                    lines.add("...");
                    lines.line.push(' ');
                }
                lines.add(word);
                if i + 1 < size {
                    lines.line.push(' ');
                }
            }
            let line = lines.line;
            text.push_str(&line);
        } else {
            let separator = "\n".repeat(self.shape.len() - axis - 1);
            let deeper = format!("{indent} ");
            for (i, block) in words.chunks(inner).enumerate() {
                if self.abridged[axis] && i == EDGE {
                    text.push_str(indent);
                    text.push_str("...");
                    text.push_str(&separator);
                }
                text.push_str(indent);
                text.push_str(&self.write(axis + 1, block, &deeper, width - 1));
                if i + 1 < size {
                    text.push_str(&separator);
                }
            }
        }
        format!("[{}]", &text[indent.len()..])
    }
}

/// Words in lines of limited width.
struct Lines<'a> {
    text: &'a mut String,
    line: String,
    indent: &'a str,
    width: usize,
}

impl Lines<'_> {
    fn add(&mut self, word: &str) {
        // A word that is too long for any line is not worth a new one.
        if self.line.len() + word.len() > self.width && self.line.len() > self.indent.len() {
            self.text.push_str(self.line.trim_end());
            self.text.push('\n');
            self.line = self.indent.to_owned();
        }
        self.line.push_str(word);
    }
}
