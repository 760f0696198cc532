//! Steps of optimizers in place.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::kernel::codes;
use super::{Grid, Kernel, Memory, Program, windows};
use crate::layout::Layout;
use crate::{Result, Tensor, UpdateRule, WeightDecay};

static KERNEL: Kernel = Kernel { name: "update", files: &[include_str!("shaders/update.wgsl")] };
/// The rules, as the file numbers them.
static RULES: LazyLock<HashMap<String, u32>> = LazyLock::new(|| codes(KERNEL.files[0]));
/// Invocations of a workgroup.
const GROUP: usize = 64;

/// What a rule is to the kernel.
struct Form {
    name: &'static str,
    variant: bool,
    inside: bool,
    has_velocity: bool,
    rate: f64,
    epsilon: f64,
    numbers: [f64; 5],
}

impl Form {
    fn of(rule: UpdateRule) -> Form {
        let plain = Form {
            name: "descent",
            variant: false,
            inside: false,
            has_velocity: false,
            rate: 0.0,
            epsilon: 0.0,
            numbers: [0.0; 5],
        };
        match rule {
            UpdateRule::Descent { rate } => Form { rate, ..plain },
            UpdateRule::Momentum { momentum, taken, ahead, rate } => Form {
                name: "momentum",
                variant: ahead.is_some(),
                rate,
                numbers: [momentum, taken, ahead.unwrap_or_default(), 0.0, 0.0],
                ..plain
            },
            UpdateRule::RmsProp { rho, epsilon, inside, centered, momentum, rate } => {
                let [kept, taken] = momentum.unwrap_or_default();
                Form {
                    name: "rms_prop",
                    variant: centered,
                    inside,
                    has_velocity: momentum.is_some(),
                    rate,
                    epsilon,
                    numbers: [rho, 1.0 - rho, kept, taken, 0.0],
                }
            }
            UpdateRule::Adam { betas: [first, second], epsilon, correction, amsgrad, rate } => Form {
                name: "adam",
                variant: amsgrad,
                rate,
                epsilon,
                numbers: [first, 1.0 - first, second, 1.0 - second, 1.0 / correction],
                ..plain
            },
            UpdateRule::Adagrad { epsilon, inside, rate } => Form { name: "adagrad", inside, rate, epsilon, ..plain },
            UpdateRule::Adadelta { rho, epsilon, rate } => {
                Form { name: "adadelta", rate, epsilon, numbers: [rho, 1.0 - rho, 0.0, 0.0, 0.0], ..plain }
            }
        }
    }
}

/// Changes a parameter of `f32` and its states, all dense in one order of memory, nobody else's, and as many as the rule has.
pub(crate) fn step(
    parameter: &Tensor,
    gradient: &Tensor,
    states: &[&Tensor],
    rule: UpdateRule,
    decay: WeightDecay,
) -> Result<()> {
    if parameter.numel() == 0 {
        return Ok(());
    }
    let form = Form::of(rule);
    let flat = |x: &Tensor| {
        let offset = x.layout().offset;
        x.with_layout(Layout { offset, ..Layout::contiguous([x.numel()].into()) })
    };
    // States that a rule does not have are the parameter again, and not looked at.
    let state = |i: usize| flat(states.get(i).map_or(parameter, |state| state));
    let (parameter, gradient, states) = (flat(parameter), flat(gradient), [state(0), state(1), state(2)]);
    let tensors = [&parameter, &gradient, &states[0], &states[1], &states[2]];
    windows::each_window(tensors, &mut |tensors| record(&form, tensors, decay))
}

fn record(form: &Form, [parameter, gradient, states @ ..]: [&Tensor; 5], decay: WeightDecay) -> Result<()> {
    let offset = |x: &Tensor| x.layout().offset as u32;
    let mut params = vec![parameter.numel() as u32, 0, offset(parameter), offset(gradient)];
    params.extend(states.map(offset).into_iter().chain([0]));
    let numbers = [decay.kept, decay.coupled, form.rate, form.epsilon].into_iter().chain(form.numbers);
    params.extend(numbers.map(|number| (number as f32).to_bits()));
    let constants = [
        ("RULE", RULES[form.name]),
        ("VARIANT", u32::from(form.variant)),
        ("INSIDE", u32::from(form.inside)),
        ("HAS_VELOCITY", u32::from(form.has_velocity)),
    ];
    let program = Program { kernel: &KERNEL, types: &[], sizes: &[], constants: &constants };
    let writes: [&Memory; 4] = [parameter, states[0], states[1], states[2]].map(Tensor::memory);
    parameter.memory().context().run(
        program,
        &params,
        &writes,
        &[gradient.memory()],
        Grid::of(parameter.numel(), GROUP),
    )
}
