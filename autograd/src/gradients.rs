//! Walking the graph back.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::node::Source;
use crate::record::with_recording;
use crate::{Error, Result, Var};

/// The gradients of one `backward`, looked up by variable. There is no state in the variables themselves, so nothing needs
/// to be set to zero before the next one.
#[derive(Debug, Default)]
pub struct Gradients(HashMap<u64, Var>);

impl Gradients {
    /// The gradient of a variable.
    ///
    /// # Errors
    /// [`Error::NoGradient`] if the result does not depend on it (or it is not one of the targets asked for).
    pub fn get(&self, variable: &Var) -> Result<&Var> {
        self.find(variable).ok_or(Error::NoGradient)
    }

    /// The gradient of a variable, or `None` if the result does not depend on it.
    pub fn find(&self, variable: &Var) -> Option<&Var> {
        self.0.get(&variable.source()?.id())
    }

    /// Puts another gradient in a variable's place: clipped, scaled. Ignored for constants, which have none.
    pub fn set(&mut self, variable: &Var, gradient: Var) {
        if let Some(source) = variable.source() {
            self.0.insert(source.id(), gradient);
        }
    }

    /// Number of variables that have a gradient.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no variable has one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How to run `backward`; [`Var::backward`] is `Backward::new().run(&loss)`.
///
/// ```
/// use ocelli_autograd::{Backward, Var};
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_autograd::Result<()> {
/// // The second derivative of x³ is 6x.
/// let x = Var::leaf(Tensor::new(2.0f64)?)?;
/// let y = x.pow(3.0)?;
/// let first = Backward::new().create_graph().run(&y)?;
/// let second = first.get(&x)?.backward()?;
/// assert_eq!(second.get(&x)?.item::<f64>()?, 12.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Backward {
    seed: Option<Var>,
    targets: Option<Vec<Var>>,
    retain_graph: bool,
    create_graph: bool,
}

impl Backward {
    /// From a result of one element, to all variables, freeing the graph.
    pub fn new() -> Self {
        Backward::default()
    }

    /// Starts from this gradient of the result instead of 1.
    #[must_use]
    pub fn seed(mut self, seed: impl Into<Var>) -> Self {
        self.seed = Some(seed.into());
        self
    }

    /// Computes the gradients of these only: variables or intermediate results.
    #[must_use]
    pub fn targets(mut self, targets: &[&Var]) -> Self {
        self.targets = Some(targets.iter().map(|&target| target.clone()).collect());
        self
    }

    /// Keeps the values in the graph, so that `backward` can run over it again.
    #[must_use]
    pub fn retain_graph(mut self) -> Self {
        self.retain_graph = true;
        self
    }

    /// Records the computation of the gradients, so that they can be differentiated again. Implies `retain_graph`.
    #[must_use]
    pub fn create_graph(mut self) -> Self {
        self.create_graph = true;
        self.retain_graph = true;
        self
    }

    /// Walks back from `result`.
    ///
    /// # Errors
    /// [`Error::NotScalar`] without a seed if `result` has not exactly one element, [`Error::NoGraph`] if nothing was recorded,
    /// [`Error::GraphFreed`] if an earlier run has freed the graph.
    pub fn run(&self, result: &Var) -> Result<Gradients> {
        let source = result.source().ok_or(Error::NoGraph)?;
        let seed = match &self.seed {
            Some(seed) if seed.shape() == result.shape() => seed.clone(),
            Some(seed) => {
                let expected = format!("a seed of the result's shape {}", result.shape());
                return Err(ocelli_tensor::Error::shape("backward", expected, seed.shape()).into());
            }
            None if result.numel() != 1 => return Err(Error::NotScalar(result.shape().clone())),
            None => Var::constant(result.tensor().ones_like()?),
        };
        with_recording(self.create_graph, || self.walk(source, seed))
    }

    fn walk(&self, root: &Source, seed: Var) -> Result<Gradients> {
        let targets: Option<HashSet<u64>> = self.targets.as_ref().map(|targets| ids(targets));
        // Nodes that lead to a target; `None`: all do.
        let useful = targets.as_ref().map(|targets| leading_to(root, targets));
        let wanted = |id: u64| targets.as_ref().is_none_or(|targets| targets.contains(&id));
        let leads = |id: u64| useful.as_ref().is_none_or(|useful| useful.contains(&id));

        let mut gradients = Gradients::default();
        // A node's number is above those of its inputs, so taking the highest first visits each node after all its users.
        let mut pending: BTreeMap<u64, (Source, Var)> = BTreeMap::from([(root.id(), (root.clone(), seed))]);
        while let Some((id, (source, dy))) = pending.pop_last() {
            let node = match source {
                Source::Node(node) => node,
                Source::Leaf(_) => {
                    if wanted(id) {
                        gradients.0.insert(id, dy);
                    }
                    continue;
                }
            };
            if targets.is_some() && wanted(id) {
                gradients.0.insert(id, dy.clone());
            }
            let needed: Vec<bool> =
                node.edges.iter().map(|edge| edge.as_ref().is_some_and(|edge| leads(edge.id()))).collect();
            if !needed.contains(&true) {
                continue;
            }
            let input_gradients = node.backward(dy, &needed, self.retain_graph)?;
            for (input, gradient) in input_gradients.into_iter().enumerate() {
                let (Some(edge), Some(gradient), true) = (&node.edges[input], gradient, needed[input]) else {
                    continue;
                };
                match pending.remove(&edge.id()) {
                    Some((edge, sum)) => pending.insert(edge.id(), (edge, accumulated(sum, &gradient)?)),
                    None => pending.insert(edge.id(), (edge.clone(), gradient)),
                };
            }
        }
        Ok(gradients)
    }
}

/// The sum, in the place of the first if nothing else needs that.
fn accumulated(sum: Var, gradient: &Var) -> Result<Var> {
    if sum.requires_grad() || gradient.requires_grad() || sum.dtype() != gradient.dtype() {
        return sum.add(gradient);
    }
    let mut sum = sum.into_tensor();
    sum.accumulate(gradient.tensor())?;
    Ok(Var::constant(sum))
}

fn ids(vars: &[Var]) -> HashSet<u64> {
    vars.iter().filter_map(|var| var.source().map(Source::id)).collect()
}

/// The numbers of all nodes and leaves at or above which a target lies.
fn leading_to(root: &Source, targets: &HashSet<u64>) -> HashSet<u64> {
    // In ascending order of numbers, every input is decided before its users.
    let mut all: BTreeMap<u64, Source> = BTreeMap::new();
    let mut stack = vec![root.clone()];
    while let Some(source) = stack.pop() {
        if all.contains_key(&source.id()) {
            continue;
        }
        if let Source::Node(node) = &source {
            stack.extend(node.edges.iter().flatten().cloned());
        }
        all.insert(source.id(), source);
    }
    let mut leading = HashSet::new();
    for (id, source) in all {
        let through = match &source {
            Source::Leaf(_) => false,
            Source::Node(node) => node.edges.iter().flatten().any(|edge| leading.contains(&edge.id())),
        };
        if through || targets.contains(&id) {
            leading.insert(id);
        }
    }
    leading
}

impl Var {
    /// The gradients of this number with respect to every variable it was computed from. Frees the values kept for it.
    ///
    /// # Errors
    /// [`Error::NotScalar`] unless there is exactly one element, [`Error::NoGraph`] if nothing was recorded,
    /// [`Error::GraphFreed`] at the second time.
    pub fn backward(&self) -> Result<Gradients> {
        Backward::new().run(self)
    }

    /// As [`Var::backward`] for a result of any shape, starting from its gradient.
    ///
    /// # Errors
    /// As there, and if the seed has another shape than this.
    pub fn backward_from(&self, seed: impl Into<Var>) -> Result<Gradients> {
        Backward::new().seed(seed).run(self)
    }
}
