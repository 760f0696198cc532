//! Recurrent layers: LSTM, GRU and the plain recurrence.

use std::fmt::Debug;
use std::marker::PhantomData;

use ocelli_autograd::Var;
use ocelli_autograd::ops::recurrent::RecurrentVars;
use ocelli_tensor::{DType, Generator, RecurrentCell, Tensor};

use super::dropout::Dropout;
use crate::initializers::RandomUniform;
use crate::{Error, Initializer, Layer, Module, Param, Result, Visitor};

/// The kinds of [`Recurrent`] layers.
pub trait RecurrentKind: Debug + Clone + Copy + Default + Send + Sync + 'static {
    /// The name in messages and summaries.
    const NAME: &'static str;
    /// What happens at a step.
    const CELL: RecurrentCell;
}

/// The kind of [`LSTM`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LstmKind;
/// The kind of [`GRU`].
#[derive(Debug, Clone, Copy, Default)]
pub struct GruKind;
/// The kind of [`SimpleRNN`].
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainKind;

impl RecurrentKind for LstmKind {
    const NAME: &'static str = "LSTM";
    const CELL: RecurrentCell = RecurrentCell::Lstm;
}
impl RecurrentKind for GruKind {
    const NAME: &'static str = "GRU";
    const CELL: RecurrentCell = RecurrentCell::Gru;
}
impl RecurrentKind for PlainKind {
    const NAME: &'static str = "SimpleRNN";
    const CELL: RecurrentCell = RecurrentCell::Plain;
}

/// Long short-term memory; its states are `[h, c]`. See [`RecurrentCell::Lstm`] and [`Recurrent`].
pub type LSTM = Recurrent<LstmKind>;
/// Gated recurrent unit; its state is `[h]`. See [`RecurrentCell::Gru`] and [`Recurrent`].
pub type GRU = Recurrent<GruKind>;
/// The recurrence without gates, `h = tanh(W·x + b + U·h₀ + b')`: PyTorch's `RNN`; its state is `[h]`. See [`Recurrent`].
pub type SimpleRNN = Recurrent<PlainKind>;

/// Recurrent layers over sequences `[batch, time, features]`, one or several on top of each other, in one or both directions.
///
/// [`Layer::forward`] gives the last output, `[batch, directions · hidden]`, or with `return_sequences` the outputs of all steps,
/// `[batch, time, directions · hidden]`: as Keras' layers do. [`Recurrent::forward_with_state`] takes and gives states, as PyTorch's.
/// Keys and shapes of the weights are PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, with `_reverse` behind them
/// for the way back.
///
/// Keras' files hold `kernel` and `recurrent_kernel` transposed, an LSTM's gates in the same order, a GRU's as `z r n`, and one bias where
/// the other is 0 (for a GRU with `reset_after` both, one below the other).
///
/// ```
/// use ocelli_nn::{LSTM, Layer};
/// use ocelli_tensor::{DType, Generator, Tensor};
/// # fn main() -> ocelli_nn::Result<()> {
/// let lstm = LSTM::builder(8, 16).layers(2).bidirectional(true).build(&mut Generator::new(0))?;
/// let x = Tensor::zeros([4, 10, 8], DType::F32)?.into();
/// assert_eq!(lstm.forward(&x)?.shape()[..], [4, 32]);
/// let (y, states) = lstm.forward_with_state(&x, None)?;
/// assert_eq!(y.shape()[..], [4, 10, 32]);
/// assert_eq!((states.len(), &states[0].shape()[..]), (2, &[4, 4, 16][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recurrent<K: RecurrentKind> {
    /// Layer by layer, the way back behind the way there.
    ways: Vec<Way>,
    options: RecurrentBuilder<K>,
    dropout: Option<Dropout>,
}

/// The weights of one layer in one direction.
#[derive(Debug)]
struct Way {
    weight_ih: Param,
    weight_hh: Param,
    biases: Option<(Param, Param)>,
}

/// How to make a [`Recurrent`] layer.
#[derive(Debug, Clone)]
pub struct RecurrentBuilder<K: RecurrentKind> {
    inputs: usize,
    hidden: usize,
    layers: usize,
    bidirectional: bool,
    bias: bool,
    dropout: f64,
    batch_first: bool,
    return_sequences: bool,
    reset_after: bool,
    dtype: DType,
    kernel_initializer: Option<Initializer>,
    recurrent_initializer: Option<Initializer>,
    bias_initializer: Option<Initializer>,
    kind: PhantomData<K>,
}

impl<K: RecurrentKind> Recurrent<K> {
    /// One layer in one direction, with biases; all weights evenly in `±1/√hidden`, as PyTorch begins.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(inputs: usize, hidden: usize, generator: &mut Generator) -> Result<Self> {
        Self::builder(inputs, hidden).build(generator)
    }

    /// To choose layers, directions, dropout, initializers and what is returned.
    pub fn builder(inputs: usize, hidden: usize) -> RecurrentBuilder<K> {
        RecurrentBuilder {
            inputs,
            hidden,
            layers: 1,
            bidirectional: false,
            bias: true,
            dropout: 0.0,
            batch_first: true,
            return_sequences: false,
            reset_after: true,
            dtype: DType::F32,
            kernel_initializer: None,
            recurrent_initializer: None,
            bias_initializer: None,
            kind: PhantomData,
        }
    }

    /// The outputs of all steps, `[batch, time, directions · hidden]`, and the states after the last: for each of the cell's states
    /// `[layers · directions, batch, hidden]`. `state` is what the first step begins with, of the same shapes; zeros by default.
    ///
    /// # Errors
    /// If the input or the states do not fit the layer, or there is no step.
    pub fn forward_with_state(&self, x: &Var, state: Option<&[Var]>) -> Result<(Var, Vec<Var>)> {
        let options = &self.options;
        let input = |expected: String, received: String| Error::Input { layer: K::NAME, expected, received };
        let order = if options.batch_first { "[batch, time, features]" } else { "[time, batch, features]" };
        if x.rank() != 3 || x.shape()[2] != options.inputs {
            let expected = format!("sequences {order} of {} features", options.inputs);
            return Err(input(expected, format!("shape {}", x.shape())));
        }
        let mut x = if options.batch_first { x.clone() } else { x.transpose(0, 1)? };
        let batch = x.shape()[0];
        if x.shape()[1] == 0 {
            return Err(input("at least one step".into(), format!("{order} = {}", x.shape())));
        }
        let count = K::CELL.states();
        if let Some(state) = state {
            let expected = [self.ways.len(), batch, options.hidden];
            if state.len() != count || state.iter().any(|state| state.shape()[..] != expected) {
                let shapes: Vec<String> = state.iter().map(|state| state.shape().to_string()).collect();
                let received = format!("{} of shapes {}", state.len(), shapes.join(", "));
                return Err(input(format!("{count} states of shape {expected:?}"), received));
            }
        }
        let directions = options.directions();
        let mut last: Vec<Vec<Var>> = vec![Vec::new(); count];
        for (layer, ways) in self.ways.chunks(directions).enumerate() {
            if let (Some(dropout), 1..) = (&self.dropout, layer) {
                x = dropout.forward(&x)?;
            }
            let mut outputs = Vec::new();
            for (direction, way) in ways.iter().enumerate() {
                let initial = match state {
                    None => Tensor::full_on(x.device(), [count, batch, options.hidden], 0, x.dtype())?.into(),
                    Some(state) => {
                        let own = (layer * directions + direction) as isize;
                        let own = state.iter().map(|state| Ok(state.select(0, own)?)).collect::<Result<Vec<Var>>>()?;
                        Var::stack(&own, 0)?
                    }
                };
                let states = if direction == 0 {
                    way.run(options, &x, &initial)?
                } else {
                    way.run(options, &x.flip(1)?, &initial)?
                };
                let end = states.select(2, -1)?;
                for (i, last) in last.iter_mut().enumerate() {
                    last.push(end.select(0, i as isize)?);
                }
                let output = states.select(0, 0)?;
                outputs.push(if direction == 0 { output } else { output.flip(1)? });
            }
            x = if outputs.len() == 1 { outputs.remove(0) } else { Var::concat(&outputs, -1)? };
        }
        let last = last.iter().map(|last| Ok(Var::stack(last, 0)?)).collect::<Result<Vec<Var>>>()?;
        Ok((if options.batch_first { x } else { x.transpose(0, 1)? }, last))
    }
}

impl Way {
    /// Weights for so many inputs.
    fn new<K: RecurrentKind>(options: &RecurrentBuilder<K>, inputs: usize, generator: &mut Generator) -> Result<Self> {
        let bound = 1.0 / (options.hidden as f64).sqrt();
        let width = K::CELL.gates() * options.hidden;
        let mut make = |initializer: &Option<Initializer>, shape: &[usize]| -> Result<Param> {
            let uniform = Initializer::from(RandomUniform::new(-bound, bound));
            Param::new(initializer.as_ref().unwrap_or(&uniform).init(shape, options.dtype, generator)?)
        };
        let weight_ih = make(&options.kernel_initializer, &[width, inputs])?;
        let weight_hh = make(&options.recurrent_initializer, &[width, options.hidden])?;
        let biases = if options.bias {
            Some((make(&options.bias_initializer, &[width])?, make(&options.bias_initializer, &[width])?))
        } else {
            None
        };
        Ok(Way { weight_ih, weight_hh, biases })
    }

    /// All states after all steps, `[states, batch, time, hidden]`.
    fn run<K: RecurrentKind>(&self, options: &RecurrentBuilder<K>, x: &Var, initial: &Var) -> Result<Var> {
        let (input, hidden) = (self.weight_ih.var(), self.weight_hh.var());
        let [input_bias, hidden_bias] = match &self.biases {
            Some((input, hidden)) => [input.var(), hidden.var()],
            None => {
                let none = Var::constant(Tensor::full_on(input.device(), [input.shape()[0]], 0, input.dtype())?);
                [none.clone(), none]
            }
        };
        let weights =
            RecurrentVars { input: &input, hidden: &hidden, input_bias: &input_bias, hidden_bias: &hidden_bias };
        if K::CELL == RecurrentCell::Gru && !options.reset_after {
            return Ok(x.gru_reset_before(&weights, initial)?);
        }
        Ok(x.recurrent(K::CELL, &weights, initial)?)
    }
}

impl<K: RecurrentKind> Layer for Recurrent<K> {
    fn call(&self, x: &Var) -> Result<Var> {
        let (outputs, states) = self.forward_with_state(x, None)?;
        if self.options.return_sequences {
            return Ok(outputs);
        }
        // The way back ends at the first step, so the last outputs of both directions are states, not the last of the outputs.
        let directions = self.options.directions();
        let top = states[0].narrow(0, self.ways.len() - directions, directions)?;
        let batch = top.shape()[1];
        Ok(top.transpose(0, 1)?.reshape([batch, directions * self.options.hidden])?)
    }
}

impl<K: RecurrentKind> Module for Recurrent<K> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        let directions = self.options.directions();
        for (i, way) in self.ways.iter().enumerate() {
            let end = format!("l{}{}", i / directions, if i % directions == 1 { "_reverse" } else { "" });
            visitor.param(&format!("weight_ih_{end}"), &way.weight_ih);
            visitor.param(&format!("weight_hh_{end}"), &way.weight_hh);
            if let Some((input, hidden)) = &way.biases {
                visitor.param(&format!("bias_ih_{end}"), input);
                visitor.param(&format!("bias_hh_{end}"), hidden);
            }
        }
        self.dropout.visit_as("dropout", visitor);
    }

    fn type_name(&self) -> &'static str {
        K::NAME
    }
}

impl<K: RecurrentKind> RecurrentBuilder<K> {
    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Layers on top of each other; by default 1.
    #[must_use]
    pub fn layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// Whether each layer also runs from the last step to the first, the outputs being joined; by default not.
    #[must_use]
    pub fn bidirectional(mut self, bidirectional: bool) -> Self {
        self.bidirectional = bidirectional;
        self
    }

    /// Whether there are biases; by default there are.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// The share of a layer's outputs that the next one does not see in training; by default 0.
    #[must_use]
    pub fn dropout(mut self, rate: f64) -> Self {
        self.dropout = rate;
        self
    }

    /// Whether sequences come as `[batch, time, features]`, as by default and in Keras, or as `[time, batch, features]`, PyTorch's
    /// default.
    #[must_use]
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Whether [`Layer::forward`] gives the outputs of all steps; by default the last.
    #[must_use]
    pub fn return_sequences(mut self, return_sequences: bool) -> Self {
        self.return_sequences = return_sequences;
        self
    }

    /// The dtype of the weights; by default `f32`.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// How the weights of the inputs begin; by default evenly in `±1/√hidden`.
    #[must_use]
    pub fn kernel_initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.kernel_initializer = Some(initializer.into());
        self
    }

    /// How the weights of the states begin; by default evenly in `±1/√hidden`.
    #[must_use]
    pub fn recurrent_initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.recurrent_initializer = Some(initializer.into());
        self
    }

    /// How both biases begin; by default evenly in `±1/√hidden`.
    #[must_use]
    pub fn bias_initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.bias_initializer = Some(initializer.into());
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    /// If a size is 0 or the dropout's rate is not in `0..=1`.
    pub fn build(self, generator: &mut Generator) -> Result<Recurrent<K>> {
        if self.inputs == 0 || self.hidden == 0 || self.layers == 0 {
            let (inputs, hidden, layers) = (self.inputs, self.hidden, self.layers);
            let message =
                format!("expected at least 1 input, unit and layer, received {inputs}, {hidden} and {layers}");
            return Err(Error::argument(K::NAME, message));
        }
        let directions = self.directions();
        let ways = (0..self.layers * directions)
            .map(|i| {
                let inputs = if i < directions { self.inputs } else { directions * self.hidden };
                Way::new(&self, inputs, generator)
            })
            .collect::<Result<Vec<Way>>>()?;
        let dropout = if self.dropout == 0.0 { None } else { Some(Dropout::new(self.dropout, generator)?) };
        Ok(Recurrent { ways, options: self, dropout })
    }
}

impl RecurrentBuilder<GruKind> {
    /// Whether the reset gate stands behind the product with the state, as by default and in PyTorch, or before it, as in the paper and
    /// with Keras' `reset_after=False`. The latter is computed step by step.
    #[must_use]
    pub fn reset_after(mut self, reset_after: bool) -> Self {
        self.reset_after = reset_after;
        self
    }
}
