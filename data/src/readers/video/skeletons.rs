//! Sequences of skeletons, as NTU RGB+D has them (A. Shahroudy et al., 2016), as CSV.

use std::path::Path;

use crate::readers::csv_labels::Table;
use crate::readers::files::{self, at, number};
use crate::{Error, Result};

/// Memory for at most so many joints is reserved for each row of a file.
const MOST_PER_ROW: usize = 64;

/// The joints of some bodies over time.
#[derive(Debug, Clone, PartialEq)]
pub struct SkeletonSequence {
    shape: [usize; 3],
    positions: Vec<Option<[f64; 3]>>,
}

impl SkeletonSequence {
    /// `[frames, bodies, joints]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Where a joint is, in the file's unit (metres, for NTU RGB+D); `None` if it is not there, or there is no such joint.
    pub fn position(&self, frame: usize, body: usize, joint: usize) -> Option<[f64; 3]> {
        let [frames, bodies, joints] = self.shape;
        let inside = frame < frames && body < bodies && joint < joints;
        if inside { self.positions[(frame * bodies + body) * joints + joint] } else { None }
    }

    /// All joints, frame by frame and within one body by body.
    pub fn positions(&self) -> &[Option<[f64; 3]>] {
        &self.positions
    }
}

/// Reads a CSV file with the columns `frame`, `body`, `joint` (all counted from 0), `x`, `y` and `z`, and others that are passed over; rows may come in
/// any order.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`], with the line, for what is no such row, for a joint that comes twice, and for numbers so large that most of
/// the joints are not there.
pub fn read_skeletons(path: impl AsRef<Path>) -> Result<SkeletonSequence> {
    let path = path.as_ref();
    parse_skeletons(path, &files::read(path)?)
}

/// As [`read_skeletons`], from the bytes of a file; `name` is what errors call it.
///
/// # Errors
/// As [`read_skeletons`].
pub fn parse_skeletons(name: impl AsRef<Path>, bytes: &[u8]) -> Result<SkeletonSequence> {
    let path = name.as_ref();
    let mut table = Table::open(path, bytes)?;
    let [frame, body, joint] = [table.column("frame")?, table.column("body")?, table.column("joint")?];
    let [x, y, z] = [table.column("x")?, table.column("y")?, table.column("z")?];
    let mut rows = Vec::new();
    let mut shape = [0usize; 3];
    while let Some((line, row)) = table.next()? {
        let fail = |message: String| at(path, line as usize, message);
        let mut place = [0usize; 3];
        for ((place, size), column) in place.iter_mut().zip(&mut shape).zip([frame, body, joint]) {
            let whole = row[column]
                .parse::<u32>()
                .map_err(|_| fail(format!("expected a whole number, received {:?}", &row[column])))?;
            *place = whole as usize;
            *size = (*size).max(whole as usize + 1);
        }
        let mut position = [0.0; 3];
        for (number, column) in position.iter_mut().zip([x, y, z]) {
            *number = self::number(&row[column]).map_err(fail)?;
        }
        rows.push((line, place, position));
    }
    let [frames, bodies, joints] = shape;
    let count = frames.checked_mul(bodies).and_then(|count| count.checked_mul(joints));
    let Some(count) = count.filter(|&count| count <= rows.len().saturating_mul(MOST_PER_ROW)) else {
        let message = format!("expected most of [frames, bodies, joints] = {shape:?}, received {} rows", rows.len());
        return Err(Error::format(path, message));
    };
    let mut positions = vec![None; count];
    for (line, [frame, body, joint], position) in rows {
        let place = &mut positions[(frame * bodies + body) * joints + joint];
        if place.replace(position).is_some() {
            let message =
                format!("expected each joint once, received joint {joint} of body {body} in frame {frame} again");
            return Err(at(path, line as usize, message));
        }
    }
    Ok(SkeletonSequence { shape, positions })
}

/// The action that a name of NTU RGB+D tells, counted from 0: 12 for `S001C002P003R002A013`.
pub fn ntu_action(name: &str) -> Option<usize> {
    let digits = name.get(..20)?.strip_prefix('S')?.rsplit_once('A')?.1;
    let action: usize = digits.parse().ok()?;
    (digits.len() == 3).then(|| action.checked_sub(1)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences() {
        let text = "frame,body,joint,x,y,z\n1,0,1,1,2,3\n0,0,0,0.5,0,-1\n0,0,1,0,0,0\n";
        let sequence = parse_skeletons("s.csv", text.as_bytes()).unwrap();
        assert_eq!(sequence.shape(), [2, 1, 2]);
        assert_eq!(
            (sequence.position(1, 0, 1), sequence.position(1, 0, 0), sequence.position(2, 0, 0)),
            (Some([1.0, 2.0, 3.0]), None, None)
        );
        let text = |row: &str| {
            parse_skeletons("s.csv", format!("frame,body,joint,x,y,z\n0,0,0,0,0,0\n{row}\n").as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert!(text("0,0,0,1,1,1").contains("line 3: expected each joint once"));
        assert!(text("4000000000,0,0,1,1,1").contains("received 2 rows"));
        assert!(text("4000000000,4000000000,4000000000,1,1,1").contains("received 2 rows"));
        assert!(
            text("-1,0,0,1,1,1").contains("line 3")
                && text("0,0,1,nan,1,1").contains("finite")
                && text("0,0,1").contains("columns")
        );
        assert_eq!(ntu_action("S001C002P003R002A013.skeleton"), Some(12));
        assert!(ntu_action("S001").is_none() && ntu_action("S001C002P003R002A000").is_none());
    }
}
