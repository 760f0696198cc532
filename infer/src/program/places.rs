//! Where operands lie: in a root while a program is built, in the arena afterwards.

use super::view::View;
use super::{Action, Operand, Source, Step};

impl Operand {
    pub(super) fn view(&self) -> View {
        match self {
            Operand::Arena(view) | Operand::Constant(_, view) => *view,
        }
    }

    pub(super) fn arena(&self) -> Option<View> {
        match self {
            Operand::Arena(view) => Some(*view),
            Operand::Constant(..) => None,
        }
    }
}

impl Source {
    pub(super) fn arena(&self) -> Option<View> {
        match self {
            Source::Arena(view, _) => Some(*view),
            _ => None,
        }
    }

    pub(super) fn place(&mut self, offsets: &[usize]) {
        if let Source::Arena(view, _) = self {
            place(view, offsets);
        }
    }
}

impl Step {
    /// All views that the step reads in the arena.
    pub(super) fn views(&self) -> impl Iterator<Item = View> {
        let sources = match &self.action {
            Action::Call { from, .. } => &from[..],
            Action::Load { from, .. } => std::slice::from_ref(from),
            _ => &[],
        };
        self.reads.iter().filter_map(Operand::arena).chain(sources.iter().filter_map(Source::arena))
    }

    /// From places in roots to places in the arena.
    pub(super) fn place(&mut self, offsets: &[usize]) {
        place(&mut self.write, offsets);
        for read in &mut self.reads {
            if let Operand::Arena(view) = read {
                place(view, offsets);
            }
        }
        match &mut self.action {
            Action::Call { from, .. } => from.iter_mut().for_each(|source| source.place(offsets)),
            Action::Load { from, .. } => from.place(offsets),
            _ => {}
        }
    }
}

fn place(view: &mut View, offsets: &[usize]) {
    view.start += offsets.get(view.root).copied().unwrap_or(0);
}
