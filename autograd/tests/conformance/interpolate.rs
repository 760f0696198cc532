use ocelli_tensor::{InterpolateMode, ResizeTo};

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut modes = vec![InterpolateMode::Nearest];
    for align_corners in [false, true] {
        modes.push(InterpolateMode::Linear { align_corners });
        modes.push(InterpolateMode::Cubic { align_corners });
    }
    for mode in modes {
        let mut add = |to: ResizeTo, shape: &[usize]| {
            let name = format!("interpolate {mode:?} of {shape:?} to {to:?}");
            let case = case(name, move |v| v[0].interpolate(to.clone(), mode)?.square());
            cases.push(case.input(shape, -1.0, 1.0));
        };
        add(ResizeTo::size([5, 2]), &[1, 2, 3, 4]);
        add(ResizeTo::Scale(vec![1.7, 0.6]), &[2, 1, 3, 4]);
        add(ResizeTo::scale(2.0), &[0, 1, 3, 4]);
        if !matches!(mode, InterpolateMode::Cubic { .. }) {
            add(ResizeTo::size(5), &[1, 2, 3]);
            add(ResizeTo::size([3, 2, 4]), &[1, 1, 2, 3, 3]);
        }
    }
    cases
}
