//! From a graph to steps for one batch size.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use ocelli_autograd::Op;
use ocelli_autograd::ops::arithmetic::Function;
use ocelli_autograd::ops::view::{Expand, Reshape, SumTo};
use ocelli_tensor::{DType, Shape};

use super::concat::{Claims, claims};
use super::memory::{self, Root};
use super::packed::Packed;
use super::run::Output;
use super::view::{View, is_row_major, physical, places_and_channels, row_major, three};
use super::{Action, Operand, Program, Source, Step, name};
use crate::Result;
use crate::capture::is_sized;
use crate::graph::{Graph, Id, Kind, Windows};
use crate::kernels::binary::Broadcast;
use crate::kernels::copy::{Axis, Copy};
use crate::kernels::map::Chain;
use crate::kernels::{extent, pool};
use crate::unary::Unary;

impl Program {
    /// The steps for batches of `n` rows.
    ///
    /// # Errors
    /// If the graph has no shapes at this batch size.
    pub(crate) fn build(graph: &Graph, packed: &[Option<Arc<Packed>>], n: usize) -> Result<Program> {
        let mut forbidden = HashSet::new();
        loop {
            let mut builder = Builder::new(graph, packed, n, &forbidden)?;
            for id in 0..graph.nodes.len() {
                if builder.live[id] {
                    builder.node(id)?;
                }
            }
            let Some(id) = builder.conflict() else { return builder.finish() };
            // A step would read what it writes: it gets memory of its own, or what it reads does.
            let inside = builder.claims.iter().filter(|(_, claim)| claim.0 == id).map(|(&input, _)| input);
            let before = forbidden.len();
            if builder.claims.contains_key(&id) {
                forbidden.insert(id);
            } else {
                forbidden.extend(inside);
            }
            if forbidden.len() == before {
                let message = format!("expected steps that do not write what they read, received node {id} that does");
                return Err(ocelli_tensor::Error::argument("compile", message).into());
            }
        }
    }
}

/// Where a node's value is.
#[derive(Debug, Clone)]
enum Home {
    Tensor(Source),
    Arena(View),
}

/// A step of a node, with views that count in roots.
struct Draft {
    node: Id,
    step: Step,
}

struct Builder<'a> {
    graph: &'a Graph,
    packed: &'a [Option<Arc<Packed>>],
    live: Vec<bool>,
    uses: Vec<usize>,
    shapes: Vec<Vec<usize>>,
    claims: Claims,
    homes: Vec<Option<Home>>,
    /// Views that were given out before their node was reached: a concat's, to those who write into it.
    planned: Vec<Option<View>>,
    /// Values of tensors that steps on slices read.
    loaded: Vec<Option<Operand>>,
    /// Elements of each root.
    roots: Vec<usize>,
    drafts: Vec<Draft>,
    slots: usize,
}

impl<'a> Builder<'a> {
    fn new(graph: &'a Graph, packed: &'a [Option<Arc<Packed>>], n: usize, forbidden: &HashSet<Id>) -> Result<Self> {
        let live = graph.live();
        let shape = |(node, &live): (&crate::graph::Node, &bool)| if live { node.shape(n) } else { Ok(Vec::new()) };
        let count = graph.nodes.len();
        Ok(Builder {
            shapes: graph.nodes.iter().zip(&live).map(shape).collect::<Result<_>>()?,
            claims: claims(graph, &live, forbidden),
            uses: graph.uses(),
            graph,
            packed,
            live,
            homes: vec![None; count],
            planned: vec![None; count],
            loaded: vec![None; count],
            roots: Vec::new(),
            drafts: Vec::new(),
            slots: 0,
        })
    }

    // ---- memory ----------------------------------------------------------------------------------------------------

    fn root(&mut self, shape: &[usize]) -> View {
        let (places, channels) = places_and_channels(shape);
        self.roots.push(extent(places, channels, channels));
        View::dense(self.roots.len() - 1, shape)
    }

    /// Where a node writes.
    fn output(&mut self, id: Id) -> View {
        if let Some(view) = self.planned[id] {
            return view;
        }
        let view = match self.claims.get(&id) {
            Some(&(concat, first)) => {
                let (_, channels) = places_and_channels(&self.shapes[id]);
                self.output(concat).narrow(first, channels)
            }
            None => {
                let shape = self.shapes[id].clone();
                self.root(&shape)
            }
        };
        self.planned[id] = Some(view);
        view
    }

    /// The view of a node's value, which is loaded into the arena if it is a tensor.
    fn view(&mut self, id: Id) -> View {
        match self.operand(id) {
            Operand::Arena(view) => view,
            Operand::Constant(_, view) => {
                // Steps that want the arena get a copy of a constant there.
                let shape = self.shapes[id].clone();
                let copy = self.root(&shape);
                let reads = vec![self.operand(id)];
                self.push(id, "copy".into(), Action::Map(Chain::default()), reads, copy);
                debug_assert_eq!(view.numel(), copy.numel());
                self.loaded[id] = Some(Operand::Arena(copy));
                copy
            }
        }
    }

    fn operand(&mut self, id: Id) -> Operand {
        if let Some(operand) = &self.loaded[id] {
            return operand.clone();
        }
        let shape = self.shapes[id].clone();
        let operand = match self.homes[id].clone() {
            Some(Home::Arena(view)) => return Operand::Arena(view),
            Some(Home::Tensor(Source::Constant(tensor))) => {
                let view = View::dense(usize::MAX, &shape);
                let lying = if shape.len() == 4 { tensor.permute([0, 2, 3, 1]) } else { Ok(tensor) };
                let values = lying.and_then(|t| t.to_dtype(DType::F32)).and_then(|t| t.to_vec::<f32>());
                Operand::Constant(Arc::new(values.unwrap_or_default()), view)
            }
            Some(Home::Tensor(from)) => {
                let view = self.root(&shape);
                let axes = shape.iter().zip(row_major(&shape)).zip(view.strides(&shape));
                let axes = axes.map(|((&size, from), to)| Axis { size, from, to: to.unsigned_abs() });
                let action = Action::Load { from, row_major: Copy::new(axes, 0) };
                self.push(id, "load".into(), action, Vec::new(), view);
                Operand::Arena(view)
            }
            // Nodes come in order: what is read has a home.
            None => Operand::Arena(View::default()),
        };
        self.loaded[id] = Some(operand.clone());
        operand
    }

    /// The view of a value without gaps between its places.
    fn dense(&mut self, id: Id, view: View, shape: &[usize]) -> View {
        if view.is_dense() {
            return View { stride: view.channels, ..view };
        }
        let copy = self.root(shape);
        self.push(id, "copy".into(), Action::Map(Chain::default()), vec![Operand::Arena(view)], copy);
        copy
    }

    // ---- steps -----------------------------------------------------------------------------------------------------

    fn push(&mut self, node: Id, name: String, action: Action, reads: Vec<Operand>, write: View) {
        let moved: usize = reads.iter().map(|read| read.view().numel()).sum::<usize>() + write.numel();
        let weights = match &action {
            Action::Conv { .. } | Action::Linear { .. } => self.weights(node),
            _ => 0,
        };
        let flops = match &action {
            Action::Conv { layer, images, input, .. } => match &**layer {
                Packed::Conv(conv) => conv.flops(*images, three(*input)).unwrap_or(0),
                Packed::Linear(_) => 0,
            },
            Action::Linear { .. } => 2 * (write.places * weights) as u64,
            Action::Load { .. } | Action::Call { .. } | Action::Copy(_) => 0,
            _ => write.numel() as u64,
        };
        let bytes = (size_of::<f32>() * (moved + weights)) as u64;
        let shape = self.shapes[node].clone();
        self.drafts.push(Draft { node, step: Step { name, shape, action, reads, write, flops, bytes } });
    }

    fn weights(&self, id: Id) -> usize {
        match &self.graph.nodes[id].kind {
            Kind::Conv(layer) => layer.weight.numel(),
            Kind::Linear(layer) => layer.weight.numel(),
            _ => 0,
        }
    }

    fn node(&mut self, id: Id) -> Result<()> {
        let graph = self.graph;
        let node = &graph.nodes[id];
        let (inputs, shape) = (&node.inputs, self.shapes[id].clone());
        let home = match &node.kind {
            Kind::Input(i) => Home::Tensor(Source::Input(*i)),
            Kind::Constant(tensor) => Home::Tensor(Source::Constant(tensor.clone())),
            Kind::Op(op) => {
                let from = inputs.iter().map(|&input| self.source(input)).collect();
                let slot = self.slots;
                self.slots += 1;
                let op = resized(op, &shape);
                self.push(id, op.name().to_string(), Action::Call { op, from, slot }, Vec::new(), View::default());
                Home::Tensor(Source::Slot(slot))
            }
            Kind::Conv(layer) => {
                let reads: Vec<Operand> = inputs.iter().map(|&input| Operand::Arena(self.view(input))).collect();
                let source = &self.shapes[inputs[0]];
                let (input, output) = ([source[2], source[3]], [shape[2], shape[3]]);
                let Some(packed) = &self.packed[id] else { return Err(unpacked(id)) };
                let name = name::conv(layer);
                let (layer, activation) = (Arc::clone(packed), layer.epilogue.activation);
                let action = Action::Conv { layer, activation, images: shape[0], input, output };
                let write = self.output(id);
                self.push(id, name, action, reads, write);
                Home::Arena(write)
            }
            Kind::Linear(layer) => {
                let reads: Vec<Operand> = inputs.iter().map(|&input| Operand::Arena(self.view(input))).collect();
                let Some(packed) = &self.packed[id] else { return Err(unpacked(id)) };
                let name = name::linear(layer);
                let action = Action::Linear { layer: Arc::clone(packed), activation: layer.epilogue.activation };
                let write = self.output(id);
                self.push(id, name, action, reads, write);
                Home::Arena(write)
            }
            Kind::Map(unaries) => {
                let read = self.view(inputs[0]);
                let write = if self.may_overwrite(inputs[0]) && !self.claims.contains_key(&id) {
                    read
                } else {
                    self.output(id)
                };
                let chain = Chain::new(unaries, read.channels);
                self.push(id, name::map(unaries), Action::Map(chain), vec![Operand::Arena(read)], write);
                Home::Arena(write)
            }
            Kind::Binary(function, unaries) => self.binary(id, *function, unaries)?,
            Kind::Pool { windows, max } => {
                let read = self.view(inputs[0]);
                let source = self.shapes[inputs[0]].clone();
                let input = [source[2], source[3]];
                let along = |axis: usize| match windows {
                    Windows::Fixed(options) => pool::fixed(options, axis, input, shape[axis + 2]),
                    // The axes that a mean has taken away are of one place.
                    Windows::Adaptive => Ok(pool::adaptive(input[axis], shape.get(axis + 2).copied().unwrap_or(1))),
                };
                let action = Action::Pool { max: *max, rows: along(0)?, columns: along(1)?, images: shape[0], input };
                let write = self.output(id);
                self.push(id, name::pool(windows, *max), action, vec![Operand::Arena(read)], write);
                Home::Arena(write)
            }
            Kind::Concat => {
                let write = self.output(id);
                let mut first = 0;
                for &input in inputs {
                    let read = self.operand(input);
                    let slice = write.narrow(first, read.view().channels);
                    first += slice.channels;
                    if !matches!(&read, Operand::Arena(view) if *view == slice) {
                        self.push(id, "concat".into(), Action::Map(Chain::default()), vec![read], slice);
                    }
                }
                Home::Arena(write)
            }
            Kind::Softmax { log } => {
                let (read, write) = (self.view(inputs[0]), self.output(id));
                let name = if *log { "log_softmax" } else { "softmax" };
                self.push(id, name.into(), Action::Softmax { log: *log }, vec![Operand::Arena(read)], write);
                Home::Arena(write)
            }
            Kind::Reshape { physical } => Home::Arena(self.reshape(id, *physical)),
            Kind::Permute(order) => {
                let (read, write) = (self.view(inputs[0]), self.output(id));
                let from = read.strides(&self.shapes[inputs[0]]);
                let to = write.strides(&shape);
                let axes = (0..shape.len()).map(|i| Axis { size: shape[i], from: from[order[i]], to: to[i] as usize });
                let action = Action::Copy(Copy::new(axes, 0));
                self.push(id, "permute".into(), action, vec![Operand::Arena(read)], write);
                Home::Arena(write)
            }
            Kind::Slice { axis, start, step } => {
                let read = self.view(inputs[0]);
                if node.channel_axis() == Some(*axis) && *step == 1 {
                    Home::Arena(read.narrow(*start, shape[*axis]))
                } else {
                    let (mut from, write) = (read.strides(&self.shapes[inputs[0]]), self.output(id));
                    let first = *start as isize * from[*axis];
                    from[*axis] *= *step;
                    let to = write.strides(&shape);
                    let axes = (0..shape.len()).map(|i| Axis { size: shape[i], from: from[i], to: to[i] as usize });
                    let action = Action::Copy(Copy::new(axes, first.unsigned_abs()));
                    self.push(id, "slice".into(), action, vec![Operand::Arena(read)], write);
                    Home::Arena(write)
                }
            }
        };
        self.homes[id] = Some(home);
        Ok(())
    }

    fn binary(&mut self, id: Id, function: Function, unaries: &[Unary]) -> Result<Home> {
        let inputs = &self.graph.nodes[id].inputs;
        let (a, b) = (self.operand(inputs[0]), self.operand(inputs[1]));
        let shape = self.shapes[id].clone();
        // An operand of fewer axes is led by ones.
        let lying = |id: Id| {
            let mut sizes = vec![1; shape.len() - self.shapes[id].len()];
            sizes.extend(&self.shapes[id]);
            physical(&sizes)
        };
        let (a_sizes, b_sizes) = (lying(inputs[0]), lying(inputs[1]));
        // A constant of fewer axes lies row-major, which in front of channels-last images is another order.
        let read = |this: &mut Self, operand: Operand, id: Id, sizes: &[usize]| match operand {
            Operand::Constant(..) if this.shapes[id].len() != shape.len() => this.realigned(id, &shape, sizes),
            operand => operand,
        };
        let (a, b) = (read(self, a, inputs[0], &a_sizes), read(self, b, inputs[1], &b_sizes));
        let broadcast = Broadcast::new(&physical(&shape), (&a_sizes, a.view().stride), (&b_sizes, b.view().stride));
        let Some(broadcast) = broadcast else {
            let message =
                format!("expected operands that broadcast over at most 4 axes, received {}", Shape::from(&shape[..]));
            return Err(ocelli_tensor::Error::argument("compile", message).into());
        };
        let write = self.output(id);
        let (_, channels) = places_and_channels(&shape);
        let action = Action::Binary(function, broadcast, Chain::new(unaries, channels));
        self.push(id, name::binary(function, unaries), action, vec![a, b], write);
        Ok(Home::Arena(write))
    }

    /// A constant with leading axes of size 1, as an operand beside values of `shape`.
    fn realigned(&mut self, id: Id, shape: &[usize], sizes: &[usize]) -> Operand {
        let Kind::Constant(tensor) = &self.graph.nodes[id].kind else { return self.operand(id) };
        let mut led = vec![1; shape.len() - tensor.rank()];
        led.extend(tensor.shape().iter());
        let lying = tensor.reshape(&led[..]).and_then(|t| if led.len() == 4 { t.permute([0, 2, 3, 1]) } else { Ok(t) });
        let values = lying.and_then(|t| t.to_dtype(DType::F32)).and_then(|t| t.to_vec::<f32>()).unwrap_or_default();
        let channels = sizes.last().copied().unwrap_or(1);
        let places = sizes[..sizes.len().saturating_sub(1)].iter().product();
        Operand::Constant(Arc::new(values), View { root: usize::MAX, start: 0, places, channels, stride: channels })
    }

    fn reshape(&mut self, id: Id, in_memory_order: bool) -> View {
        let input = self.graph.nodes[id].inputs[0];
        let (read, from, to) = (self.view(input), self.shapes[input].clone(), self.shapes[id].clone());
        let (places, channels) = places_and_channels(&to);
        if in_memory_order || (is_row_major(&from) && is_row_major(&to)) {
            if (places, channels) == (read.places, read.channels) {
                return read;
            }
            let dense = self.dense(id, read, &from);
            return View { places, channels, stride: channels, ..dense };
        }
        // Through row-major order, from images or to images or both.
        let mut view = read;
        if !is_row_major(&from) {
            let flat = self.root(&[from.iter().product()]);
            let axes = from.iter().zip(view.strides(&from)).zip(row_major(&from));
            let axes = axes.map(|((&size, from), to)| Axis { size, from, to: to as usize });
            let action = Action::Copy(Copy::new(axes, 0));
            self.push(id, "reshape".into(), action, vec![Operand::Arena(view)], flat);
            view = flat;
        } else {
            view = self.dense(id, view, &from);
        }
        if is_row_major(&to) {
            return View { places, channels, stride: channels, ..view };
        }
        let write = self.root(&to);
        let axes = to.iter().zip(row_major(&to)).zip(write.strides(&to));
        let axes = axes.map(|((&size, from), to)| Axis { size, from, to: to as usize });
        self.push(id, "reshape".into(), Action::Copy(Copy::new(axes, 0)), vec![Operand::Arena(view)], write);
        write
    }

    /// Whether a node's value is in memory that nobody else reads, so that a function of it can take its place.
    fn may_overwrite(&self, id: Id) -> bool {
        let own = matches!(
            self.graph.nodes[id].kind,
            Kind::Conv(_) | Kind::Linear(_) | Kind::Binary(..) | Kind::Pool { .. } | Kind::Softmax { .. }
        );
        own && self.uses[id] == 1 && !self.claims.contains_key(&id)
    }

    /// A node's value for an operation on tensors.
    fn source(&self, id: Id) -> Source {
        match &self.homes[id] {
            Some(Home::Tensor(source)) => source.clone(),
            Some(Home::Arena(view)) => Source::Arena(*view, self.shapes[id].clone()),
            // Nodes come in order: what is read has a home.
            None => Source::Input(usize::MAX),
        }
    }

    // ---- the whole -------------------------------------------------------------------------------------------------

    /// A node with a step that reads from the root that it writes to, other than in place.
    fn conflict(&self) -> Option<Id> {
        let conflicts = |draft: &&Draft| {
            let step = &draft.step;
            let reads = step.reads.iter().filter_map(Operand::arena);
            let in_place = |read: &View| matches!(step.action, Action::Map(_)) && *read == step.write;
            reads.filter(|read| read.root == step.write.root).any(|read| !in_place(&read))
        };
        self.drafts.iter().filter(|draft| !draft.step.action.is_call()).find(conflicts).map(|draft| draft.node)
    }

    fn finish(self) -> Result<Program> {
        let output = |&id: &Id| Output::new(self.source(id), self.shapes[id].clone());
        let mut outputs: Vec<Output> = self.graph.outputs.iter().map(output).collect();
        let mut lives: Vec<Root> = self.roots.iter().map(|&size| Root { size, first: usize::MAX, last: 0 }).collect();
        let mut touch = |view: &View, at: usize| {
            if let Some(root) = lives.get_mut(view.root) {
                (root.first, root.last) = (root.first.min(at), root.last.max(at));
            }
        };
        for (at, draft) in self.drafts.iter().enumerate() {
            if !draft.step.action.is_call() {
                touch(&draft.step.write, at);
            }
            draft.step.views().for_each(|view| touch(&view, at));
        }
        let end = self.drafts.len();
        outputs.iter().filter_map(|output| output.source.arena()).for_each(|view| touch(&view, end));
        let (offsets, arena) = memory::plan(&lives);
        let mut steps: Vec<Step> = self.drafts.into_iter().map(|draft| draft.step).collect();
        steps.iter_mut().for_each(|step| step.place(&offsets));
        outputs.iter_mut().for_each(|output| output.source.place(&offsets));
        Ok(Program { steps, outputs, arena, slots: self.slots, idle: Mutex::default() })
    }
}

/// An operation whose attribute is the shape of its result, at the batch size of a program.
fn resized(op: &Arc<dyn Op>, shape: &[usize]) -> Arc<dyn Op> {
    let (any, shape): (&dyn std::any::Any, Shape) = (&**op, Shape::from(shape));
    if !is_sized(&**op) {
        Arc::clone(op)
    } else if any.is::<Reshape>() {
        Arc::new(Reshape { shape })
    } else if any.is::<Expand>() {
        Arc::new(Expand { shape })
    } else {
        Arc::new(SumTo { shape })
    }
}

fn unpacked(id: Id) -> crate::Error {
    ocelli_tensor::Error::argument("compile", format!("expected packed weights for node {id}, received none")).into()
}
