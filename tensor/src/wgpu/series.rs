//! How workgroups share series of elements: the side of the host for `shaders/series.wgsl`.

use super::Grid;
use super::reduce::cut;
use crate::cpu::reduce::Block;
use crate::{Error, Result};

pub(super) const SERIES: &str = include_str!("shaders/series.wgsl");
/// Invocations of a workgroup.
const GROUP: usize = 256;
/// Neighbours that are enough for invocations to read side by side.
const RUN: usize = 32;
/// Elements that an invocation takes where nothing is gained by more.
const FEW: usize = 16;
/// Series that keep an adapter busy, whichever invocations share them.
const MANY: usize = 4096;
/// Elements that an invocation takes at most where a series is not cut: it may walk through them three times, and adapters stop
/// shaders of more than 65,535 rounds.
const MOST: usize = 20_000;

/// Dense memory seen as `[batch, outer, columns, run]`: series `(b, c)` has the elements `[b, :, c, :]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series {
    pub(super) batch: usize,
    pub(super) outer: usize,
    pub(super) columns: usize,
    pub(super) run: usize,
}

impl Series {
    /// Along the middle axis of a block.
    pub(super) fn of(Block { outer, n, inner }: Block) -> Series {
        match inner {
            1 => Series::rows(outer, n),
            _ => Series { batch: outer, outer: n, columns: inner, run: 1 },
        }
    }

    /// Rows that lie one behind the other.
    pub(super) fn rows(count: usize, len: usize) -> Series {
        Series { batch: count, outer: 1, columns: 1, run: len }
    }

    /// These series, and 1; or where their runs are short, a series for each place of a run, and how many there are of each of these.
    pub(super) fn side_by_side(self) -> (Series, usize) {
        if self.outer == 1 || self.run >= RUN {
            return (self, 1);
        }
        (Series { columns: self.columns * self.run, run: 1, ..self }, self.run)
    }

    pub(super) fn count(&self) -> usize {
        self.batch * self.columns
    }

    pub(super) fn len(&self) -> usize {
        self.outer * self.run
    }

    /// In parts where there are too few series to keep an adapter busy, or they are too long.
    pub(super) fn cut(self) -> Team {
        let team = self.team();
        let (part, parts) = cut(self.len(), team.ways, team.groups());
        Team { part, parts, ..team }
    }

    /// In parts as small as they pay where elements do not depend on each other.
    pub(super) fn strewn(self) -> Team {
        let team = self.team();
        let part = team.ways * FEW;
        Team { part, parts: self.len().div_ceil(part).max(1), ..team }
    }

    /// Each series in one piece.
    ///
    /// # Errors
    /// [`Error::Argument`] if that is too long.
    pub(super) fn whole(self, op: &'static str) -> Result<Team> {
        let mut team = self.team();
        // Many invocations for each series if they must, even if they do not lie side by side.
        while team.part > team.ways * MOST && team.lanes > 1 {
            team = team.with_lanes(team.lanes / 2);
        }
        if team.part > team.ways * MOST {
            let message = format!("expected at most {} elements along an axis, received {}", GROUP * MOST, team.part);
            return Err(Error::argument(op, message));
        }
        Ok(team)
    }

    fn team(self) -> Team {
        let len = self.len();
        if self.run == 1 && self.columns > 1 {
            // Of many series an invocation takes more, as merging with others costs a round each time their number doubles.
            let few = if self.count() >= MANY { FEW } else { 4 };
            let least = self.columns.next_power_of_two().min(64);
            let ways = len.div_ceil(few).next_power_of_two().clamp(1, GROUP / least);
            let lanes = self.columns.next_power_of_two().min(GROUP / ways);
            return Team { series: self, ways, lanes, along: false, side: self.columns, part: len, parts: 1 };
        }
        let mut ways = len.div_ceil(4).next_power_of_two().min(GROUP);
        // As many as read side by side are enough.
        while ways > RUN && ways * self.count() > RUN * MANY {
            ways /= 2;
        }
        Team { series: self, ways, lanes: GROUP / ways, along: true, side: self.count(), part: len, parts: 1 }
    }
}

/// Workgroups for series: `lanes` of them in one, `ways` invocations for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Team {
    series: Series,
    lanes: usize,
    ways: usize,
    /// Whether neighbouring invocations take neighbours along a series.
    along: bool,
    /// Series whose workgroups follow one another.
    side: usize,
    /// Elements of a part.
    pub(super) part: usize,
    pub(super) parts: usize,
}

impl Team {
    fn with_lanes(self, lanes: usize) -> Team {
        Team { lanes, ways: GROUP / lanes, ..self }
    }

    /// Whether workgroups have one series each.
    pub(super) fn is_alone(&self) -> bool {
        self.lanes == 1
    }

    fn across(&self) -> usize {
        self.side.div_ceil(self.lanes)
    }

    fn groups(&self) -> usize {
        self.across() * self.parts * self.series.count() / self.side.max(1)
    }

    pub(super) fn grid(&self) -> Grid {
        Grid::groups(self.groups())
    }

    /// The sizes that the file leaves open.
    pub(super) fn sizes(&self) -> [(&'static str, u32); 4] {
        let (lane_step, way_step) = if self.along { (self.ways, 1) } else { (1, self.lanes) };
        let sizes = [("LANES", self.lanes), ("WAYS", self.ways), ("LANE_STEP", lane_step), ("WAY_STEP", way_step)];
        sizes.map(|(name, size)| (name, size as u32))
    }

    /// The file's `Walk`.
    pub(super) fn walk(&self) -> Vec<u32> {
        let Series { columns, run, .. } = self.series;
        let stride = columns * run;
        // Numbers wrap around as they do in a shader, where that is behind the last element.
        let jump = self.ways / run.max(1) * stride + self.ways % run.max(1);
        [
            self.series.len(),
            0,
            columns,
            run,
            self.series.count(),
            self.side,
            self.part,
            self.parts,
            self.across(),
            self.groups(),
            jump,
            self.ways % run.max(1),
            stride - run,
            0,
            0,
            0,
        ]
        .map(|x| x as u32)
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::{GROUP, MOST, Series};

    #[test]
    fn no_invocation_walks_too_far() {
        for (n, columns) in [(10, 64), (80_001, 64), (1_000_000, 64), (GROUP * MOST, 3), (GROUP * MOST, 1)] {
            let series = Series { batch: 2, outer: n, columns, run: 1 };
            let team = series.whole("test").unwrap();
            assert!(n.div_ceil(team.ways) <= MOST && team.lanes * team.ways <= GROUP, "{team:?}");
            assert!(team.groups() * team.lanes >= series.count(), "{team:?}");
        }
        let error = Series::rows(1, GROUP * MOST + 1).whole("test").unwrap_err().to_string();
        assert_eq!(error, "test: expected at most 5120000 elements along an axis, received 5120001");
    }

    #[test]
    fn parts_cover_a_series() {
        for (n, run) in [(1, 1), (7, 1), (100_000, 1), (40, 49), (3, 100_000), (1, 5_000_000)] {
            let series = Series { batch: 1, outer: n, columns: 3, run };
            for team in [series.cut(), series.strewn()] {
                assert!(
                    (team.parts - 1) * team.part < series.len() && team.parts * team.part >= series.len(),
                    "{team:?}"
                );
                assert!(team.part <= team.ways * MOST, "{team:?}");
            }
        }
    }
}
