//! The tree of modules: walking it, and what follows from the walk.

use ocelli_tensor::{Device, Tensor};

use crate::{Buffer, Mode, Param, RandomStream, Result, StateDict, state_dict};

/// Something with parameters: a layer, a block, a network. Derive it: `#[derive(Module)]` visits a struct's fields, and the
/// fields' names become the keys of files.
///
/// ```
/// use ocelli_nn::{Conv2d, Linear, Module};
/// use ocelli_tensor::Generator;
///
/// #[derive(Module)]
/// struct Net {
///     conv: Conv2d,
///     fc: Linear,
/// }
///
/// # fn main() -> ocelli_nn::Result<()> {
/// let mut generator = Generator::new(0);
/// let net = Net { conv: Conv2d::new(1, 4, 3, &mut generator)?, fc: Linear::new(16, 10, &mut generator)? };
/// let keys: Vec<String> = net.named_parameters().into_iter().map(|(key, _)| key).collect();
/// assert_eq!(keys, ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]);
/// assert_eq!(net.parameter_count(), 4 * 9 + 4 + 160 + 10);
/// # Ok(())
/// # }
/// ```
pub trait Module: Send + Sync {
    /// Calls the visitor for each part of this module, in the order of the fields.
    fn visit(&self, visitor: &mut dyn Visitor);

    /// The name of the type, without its path.
    fn type_name(&self) -> &'static str {
        let name = std::any::type_name::<Self>();
        let end = name.find('<').unwrap_or(name.len());
        name[..end].rsplit("::").next().unwrap_or(name)
    }

    /// Visits this module as a part of another, under a name.
    fn visit_as(&self, name: &str, visitor: &mut dyn Visitor) {
        let part = Part { name, type_name: self.type_name(), address: std::ptr::from_ref(self).cast::<()>().addr() };
        visitor.enter(part);
        self.visit(visitor);
        visitor.leave();
    }

    /// All parameters with their paths in the tree. A shared parameter appears under each of its paths.
    fn named_parameters(&self) -> Vec<(String, Param)> {
        let mut collect = Collect::default();
        self.visit(&mut collect);
        collect.params
    }

    /// All buffers with their paths.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        let mut collect = Collect::default();
        self.visit(&mut collect);
        collect.buffers
    }

    /// The positions of all streams of random numbers, with their paths.
    fn random_state(&self) -> Vec<(String, u64)> {
        let mut collect = Collect::default();
        self.visit(&mut collect);
        collect.streams
    }

    /// Puts streams of random numbers back to the positions that [`Module::random_state`] has told.
    fn restore_random_state(&self, state: &[(String, u64)]) {
        self.visit(&mut RestoreStreams { path: Path::default(), state });
    }

    /// Number of elements of all parameters, each shared one counted once.
    fn parameter_count(&self) -> usize {
        distinct(&self.named_parameters()).iter().map(|param| param.numel()).sum()
    }

    /// Copies of all parameters and buffers by path, as a file holds them.
    fn state_dict(&self) -> StateDict {
        let params = self.named_parameters().into_iter().map(|(path, param)| (path, param.tensor()));
        let buffers = self.named_buffers().into_iter().map(|(path, buffer)| (path, buffer.tensor()));
        params.chain(buffers).collect()
    }

    /// Takes over the values of a state dict, which must have exactly this module's keys and shapes. Nothing is changed
    /// otherwise.
    ///
    /// # Errors
    /// [`Error::StateDict`](crate::Error::StateDict) with the missing, unexpected and misshapen keys.
    fn load_state_dict(&self, state: &StateDict) -> Result<()> {
        state_dict::load_strict(&self.named_parameters(), &self.named_buffers(), state)
    }

    /// Takes over the values of a state dict whose keys and shapes fit, and tells which do not: for a new head on an old
    /// backbone.
    ///
    /// # Errors
    /// Only if memory runs out.
    fn load_matching(&self, state: &StateDict) -> Result<crate::LoadReport> {
        state_dict::load_matching(&self.named_parameters(), &self.named_buffers(), state)
    }

    /// Switches every layer to training.
    fn train(&self) {
        self.visit(&mut SetMode(true));
    }

    /// Switches every layer to evaluation: dropout lets everything pass, batch norm uses its running statistics.
    fn eval(&self) {
        self.visit(&mut SetMode(false));
    }

    /// Moves all parameters and buffers to a device. Inputs must be there too; files and state dicts fit models on any device.
    ///
    /// # Errors
    /// Those of [`Tensor::to_device`], for the first tensor that cannot be moved; those before it have been.
    fn to(&self, device: Device) -> Result<()> {
        self.named_parameters().iter().try_for_each(|(_, param)| param.to_device(device))?;
        self.named_buffers().iter().try_for_each(|(_, buffer)| buffer.to_device(device))
    }

    /// Freezes all parameters, or lets them train again.
    fn set_trainable(&self, trainable: bool) {
        self.named_parameters().iter().for_each(|(_, param)| param.set_trainable(trainable));
    }
}

/// A module as its parent sees it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The name that the parent gives it.
    pub name: &'a str,
    /// The name of its type.
    pub type_name: &'static str,
    /// Where it is, to be recognized by.
    pub address: usize,
}

/// What walks a tree of modules.
pub trait Visitor {
    /// A part begins.
    fn enter(&mut self, _part: Part<'_>) {}
    /// The part that began last ends.
    fn leave(&mut self) {}
    /// A parameter.
    fn param(&mut self, _name: &str, _param: &Param) {}
    /// A buffer.
    fn buffer(&mut self, _name: &str, _buffer: &Buffer) {}
    /// A layer's mode.
    fn mode(&mut self, _mode: &Mode) {}
    /// A stream of random numbers.
    fn stream(&mut self, _name: &str, _stream: &RandomStream) {}
}

/// The names on the way from the root, joined by dots.
#[derive(Debug, Default, Clone)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_string());
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    pub(crate) fn join(&self, name: &str) -> String {
        self.0.iter().map(String::as_str).chain([name]).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(".")
    }
}

/// The parameters without repetitions of shared ones.
pub fn distinct(params: &[(String, Param)]) -> Vec<Param> {
    let mut distinct: Vec<Param> = Vec::new();
    for (_, param) in params {
        if !distinct.iter().any(|known| known.is_same(param)) {
            distinct.push(param.clone());
        }
    }
    distinct
}

#[derive(Default)]
struct Collect {
    path: Path,
    params: Vec<(String, Param)>,
    buffers: Vec<(String, Buffer)>,
    streams: Vec<(String, u64)>,
}

impl Visitor for Collect {
    fn enter(&mut self, part: Part<'_>) {
        self.path.enter(part.name);
    }
    fn leave(&mut self) {
        self.path.leave();
    }
    fn param(&mut self, name: &str, param: &Param) {
        self.params.push((self.path.join(name), param.clone()));
    }
    fn buffer(&mut self, name: &str, buffer: &Buffer) {
        self.buffers.push((self.path.join(name), buffer.clone()));
    }
    fn stream(&mut self, name: &str, stream: &RandomStream) {
        self.streams.push((self.path.join(name), stream.state().1));
    }
}

struct RestoreStreams<'a> {
    path: Path,
    state: &'a [(String, u64)],
}

impl Visitor for RestoreStreams<'_> {
    fn enter(&mut self, part: Part<'_>) {
        self.path.enter(part.name);
    }
    fn leave(&mut self) {
        self.path.leave();
    }
    fn stream(&mut self, name: &str, stream: &RandomStream) {
        let path = self.path.join(name);
        if let Some((_, draws)) = self.state.iter().find(|(known, _)| *known == path) {
            stream.restore(*draws);
        }
    }
}

struct SetMode(bool);

impl Visitor for SetMode {
    fn mode(&mut self, mode: &Mode) {
        mode.set_training(self.0);
    }
}

// ---- what a field may be -------------------------------------------------------------------------------------------

macro_rules! leaf {
    ($T:ty, |$this:ident, $name:ident, $visitor:ident| $visit:expr) => {
        impl Module for $T {
            fn visit(&self, visitor: &mut dyn Visitor) {
                self.visit_as("", visitor);
            }
            fn visit_as(&self, $name: &str, $visitor: &mut dyn Visitor) {
                let $this = self;
                $visit
            }
        }
    };
}
leaf!(Param, |this, name, visitor| visitor.param(name, this));
leaf!(Buffer, |this, name, visitor| visitor.buffer(name, this));
leaf!(Mode, |this, _name, visitor| visitor.mode(this));
leaf!(RandomStream, |this, name, visitor| visitor.stream(name, this));

/// Plain attributes have nothing to visit.
macro_rules! attribute {
    ($($T:ty),*) => {$(leaf!($T, |_this, _name, _visitor| ());)*};
}
attribute!(bool, u8, u32, u64, usize, i32, i64, isize, f32, f64, String, &'static str, Tensor);

impl<M: Module> Module for Option<M> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
    fn visit_as(&self, name: &str, visitor: &mut dyn Visitor) {
        if let Some(module) = self {
            module.visit_as(name, visitor);
        }
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        (**self).visit(visitor);
    }
    fn type_name(&self) -> &'static str {
        (**self).type_name()
    }
    fn visit_as(&self, name: &str, visitor: &mut dyn Visitor) {
        (**self).visit_as(name, visitor);
    }
}

impl<M: Module + ?Sized> Module for std::sync::Arc<M> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        (**self).visit(visitor);
    }
    fn type_name(&self) -> &'static str {
        (**self).type_name()
    }
    fn visit_as(&self, name: &str, visitor: &mut dyn Visitor) {
        (**self).visit_as(name, visitor);
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.iter().enumerate().for_each(|(i, module)| module.visit_as(&i.to_string(), visitor));
    }
}

impl<M: Module, const N: usize> Module for [M; N] {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.iter().enumerate().for_each(|(i, module)| module.visit_as(&i.to_string(), visitor));
    }
}
