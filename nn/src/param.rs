//! What a module is made of: parameters, buffers, its mode and its streams of random numbers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ocelli_autograd::Var;
use ocelli_tensor::{Device, Generator, Shape, Tensor};

use crate::{Constraint, Regularizer, Result};

/// A trainable tensor. Clones share it: that is how two layers share a weight.
#[derive(Clone)]
pub struct Param(Arc<Inner>);

struct Inner {
    var: RwLock<Var>,
    trainable: AtomicBool,
    regularizer: Option<Regularizer>,
    constraint: Option<Constraint>,
}

impl Param {
    /// A trainable parameter with this value.
    ///
    /// # Errors
    /// Unless the dtype is a float type.
    pub fn new(value: Tensor) -> Result<Self> {
        Param::with(value, None, None)
    }

    /// As [`Param::new`], with a penalty that the trainer adds to the loss and a constraint that the optimizer applies after
    /// each step.
    ///
    /// # Errors
    /// Unless the dtype is a float type.
    pub fn with(value: Tensor, regularizer: Option<Regularizer>, constraint: Option<Constraint>) -> Result<Self> {
        let var = RwLock::new(Var::leaf(value)?);
        Ok(Param(Arc::new(Inner { var, trainable: AtomicBool::new(true), regularizer, constraint })))
    }

    /// The value for computing with: a variable that gets a gradient, or a constant if the parameter is frozen.
    pub fn var(&self) -> Var {
        let var = self.0.var.read().unwrap_or_else(PoisonError::into_inner);
        if self.is_trainable() { var.clone() } else { var.detach() }
    }

    /// The value.
    pub fn tensor(&self) -> Tensor {
        self.0.var.read().unwrap_or_else(PoisonError::into_inner).tensor().clone()
    }

    /// Gives the parameter another value, cast to its dtype and moved to its device.
    ///
    /// # Errors
    /// If the shape is another.
    pub fn set(&self, value: Tensor) -> Result<()> {
        let mut var = self.0.var.write().unwrap_or_else(PoisonError::into_inner);
        if value.shape() != var.shape() {
            let expected = format!("the parameter's shape {}", var.shape());
            return Err(ocelli_tensor::Error::shape("set", expected, value.shape()).into());
        }
        *var = var.with_value(alike(value, var.tensor())?)?;
        Ok(())
    }

    /// Moves the value to a device.
    ///
    /// # Errors
    /// Those of [`Tensor::to_device`]; the value stays where it is then.
    pub fn to_device(&self, device: Device) -> Result<()> {
        let mut var = self.0.var.write().unwrap_or_else(PoisonError::into_inner);
        *var = var.with_value(var.tensor().to_device(device)?)?;
        Ok(())
    }

    /// Lets `change` change the value in place; see [`Var::change_value`].
    ///
    /// # Errors
    /// As there.
    pub fn change<E: From<ocelli_autograd::Error>>(
        &self,
        change: impl FnOnce(&mut Tensor) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.0.var.write().unwrap_or_else(PoisonError::into_inner).change_value(change)
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> Shape {
        self.tensor().shape().clone()
    }

    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.tensor().numel()
    }

    /// Whether the parameter gets gradients and is changed by optimizers.
    pub fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Freezes the parameter, or lets it train again.
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Relaxed);
    }

    /// The penalty on this parameter, if any.
    pub fn regularizer(&self) -> Option<&Regularizer> {
        self.0.regularizer.as_ref()
    }

    /// The constraint on this parameter, if any.
    pub fn constraint(&self) -> Option<&Constraint> {
        self.0.constraint.as_ref()
    }

    /// Whether both are one parameter under two names.
    pub fn is_same(&self, other: &Param) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Param({:?})", self.tensor())
    }
}

/// A tensor that belongs to a module's state but is not trained: the running mean of a batch norm. Clones share it.
#[derive(Clone)]
pub struct Buffer(Arc<RwLock<Tensor>>);

impl Buffer {
    /// A buffer with this value.
    pub fn new(value: Tensor) -> Self {
        Buffer(Arc::new(RwLock::new(value)))
    }

    /// The value.
    pub fn tensor(&self) -> Tensor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the buffer another value, cast to its dtype and moved to its device.
    ///
    /// # Errors
    /// If the shape is another.
    pub fn set(&self, value: Tensor) -> Result<()> {
        let mut tensor = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if value.shape() != tensor.shape() {
            let expected = format!("the buffer's shape {}", tensor.shape());
            return Err(ocelli_tensor::Error::shape("set", expected, value.shape()).into());
        }
        *tensor = alike(value, &tensor)?;
        Ok(())
    }

    /// Moves the value to a device.
    ///
    /// # Errors
    /// Those of [`Tensor::to_device`]; the value stays where it is then.
    pub fn to_device(&self, device: Device) -> Result<()> {
        let mut tensor = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *tensor = tensor.to_device(device)?;
        Ok(())
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({:?})", self.tensor())
    }
}

/// A value of another's dtype, on its device.
fn alike(value: Tensor, other: &Tensor) -> Result<Tensor> {
    if value.device() == other.device() {
        return Ok(value.to_dtype(other.dtype())?);
    }
    // Not every device has every dtype.
    Ok(value.to_device(Device::Cpu)?.to_dtype(other.dtype())?.to_device(other.device())?)
}

/// Whether a layer trains or is evaluated. A module's [`train`](crate::Module::train) and [`eval`](crate::Module::eval) switch
/// all that belong to it; a new layer trains, as in PyTorch.
#[derive(Debug)]
pub struct Mode(AtomicBool);

impl Mode {
    /// Whether the layer trains.
    pub fn is_training(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Switches to training or evaluation.
    pub fn set_training(&self, training: bool) {
        self.0.store(training, Ordering::Relaxed);
    }
}

impl Default for Mode {
    fn default() -> Self {
        Mode(AtomicBool::new(true))
    }
}

impl Clone for Mode {
    fn clone(&self) -> Self {
        Mode(AtomicBool::new(self.is_training()))
    }
}

/// A layer's own stream of random numbers, as of a dropout. Its position is part of a checkpoint, so that a resumed run draws
/// the numbers that an uninterrupted one would have drawn.
#[derive(Debug)]
pub struct RandomStream {
    seed: u64,
    draws: AtomicU64,
}

impl RandomStream {
    /// A stream whose seed is drawn from `generator`.
    pub fn new(generator: &mut Generator) -> Self {
        RandomStream { seed: generator.fork().seed(), draws: AtomicU64::new(0) }
    }

    /// A generator for the next use.
    pub fn next(&self) -> Generator {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        // Each use has 2³² counters of its own, enough for 2³⁴ numbers.
        Generator::at(self.seed, draw << 32)
    }

    /// Seed and number of uses so far: with [`RandomStream::restore`], all there is to know.
    pub fn state(&self) -> (u64, u64) {
        (self.seed, self.draws.load(Ordering::Relaxed))
    }

    /// Goes on after so many uses. The seed is the one that the stream was made with.
    pub fn restore(&self, draws: u64) {
        self.draws.store(draws, Ordering::Relaxed);
    }
}
