//! A model as a table: Keras' `summary()`.

use std::collections::HashMap;

use ocelli_autograd::{Var, no_grad};
use ocelli_tensor::{DType, Device, Shape, Tensor};

use crate::module::{Part, Path, Visitor, distinct};
use crate::observe::{Call, calls_of};
use crate::{Buffer, Layer, Mode, Param, Result};

/// What [`summary`] has found: print it for the table.
#[derive(Debug, Clone)]
pub struct Summary {
    model: &'static str,
    rows: Vec<Row>,
    total: Count,
    trainable: Count,
    non_trainable: Count,
}

/// One layer of the model, in the order of their calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its path in the model.
    pub name: String,
    /// The name of its type.
    pub type_name: &'static str,
    /// The shape of its output. The batch size, which is `None` in the table, is 1 here.
    pub output: Shape,
    /// Number of elements of its parameters and buffers.
    pub parameters: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    elements: usize,
    bytes: usize,
}

impl Count {
    fn add(&mut self, tensor: &Tensor) {
        self.elements += tensor.numel();
        self.bytes += tensor.numel() * tensor.dtype().size();
    }
}

impl Summary {
    /// The layers that the model calls itself, in the order of the calls.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Number of elements of all parameters and buffers, as Keras counts.
    pub fn total_parameters(&self) -> usize {
        self.total.elements
    }

    /// Number of elements of the parameters that are trained.
    pub fn trainable_parameters(&self) -> usize {
        self.trainable.elements
    }
}

/// Runs a model on zeros of `input`'s shape (with a batch size, which the table shows as `None`) in evaluation mode, and lists
/// the layers that it calls. Afterwards each layer is in the mode it was in before.
///
/// ```
/// use ocelli_nn::{Linear, ReLU, Sequential, summary};
/// use ocelli_tensor::{DType, Generator};
/// # fn main() -> ocelli_nn::Result<()> {
/// let mut generator = Generator::new(0);
/// let model = Sequential::new().add(Linear::new(784, 64, &mut generator)?).add(ReLU);
/// let table = summary(&model, [1, 784], DType::F32)?.to_string();
/// assert!(table.contains("(None, 64)") && table.contains("Total params: 50,240 (196.25 KB)"), "{table}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the model does not take an input of that shape.
pub fn summary(model: &dyn Layer, input: impl Into<Shape>, dtype: DType) -> Result<Summary> {
    let device = model.named_parameters().first().map_or(Device::Cpu, |(_, param)| param.tensor().device());
    let x = Var::constant(Tensor::full_on(device, input, 0, dtype)?);
    let mut modes = Modes::default();
    model.visit(&mut modes);
    model.eval();
    let (result, calls) = calls_of(|| no_grad(|| model.forward(&x)));
    model.visit(&mut RestoreModes(modes.0.into_iter()));
    result?;
    let mut tree = Tree::default();
    model.visit_as("", &mut tree);
    let rows = calls.iter().filter(|call| call.depth == 2).map(|call| tree.row(call)).collect();
    let mut summary = Summary {
        model: model.type_name(),
        rows,
        total: Count::default(),
        trainable: Count::default(),
        non_trainable: Count::default(),
    };
    for param in distinct(&model.named_parameters()) {
        let tensor = param.tensor();
        summary.total.add(&tensor);
        if param.is_trainable() { summary.trainable.add(&tensor) } else { summary.non_trainable.add(&tensor) }
    }
    for (path, buffer) in model.named_buffers() {
        // A counter of batches is no weight: Keras does not have it.
        if !path.ends_with("num_batches_tracked") {
            summary.total.add(&buffer.tensor());
            summary.non_trainable.add(&buffer.tensor());
        }
    }
    Ok(summary)
}

#[derive(Default)]
struct Modes(Vec<bool>);

impl Visitor for Modes {
    fn mode(&mut self, mode: &Mode) {
        self.0.push(mode.is_training());
    }
}

struct RestoreModes(std::vec::IntoIter<bool>);

impl Visitor for RestoreModes {
    fn mode(&mut self, mode: &Mode) {
        if let Some(training) = self.0.next() {
            mode.set_training(training);
        }
    }
}

/// Paths and parameter counts of all modules, to be found by their address.
#[derive(Default)]
struct Tree {
    path: Path,
    open: Vec<usize>,
    modules: Vec<Known>,
    /// How many calls have been given the modules at one address and type: a chain of layers without fields lies at one address.
    used: HashMap<(usize, &'static str), usize>,
}

struct Known {
    path: String,
    address: usize,
    type_name: &'static str,
    parameters: usize,
}

impl Tree {
    fn row(&mut self, call: &Call) -> Row {
        let key = (call.address, call.type_name);
        let same: Vec<&Known> = self.modules.iter().filter(|known| (known.address, known.type_name) == key).collect();
        let used = self.used.entry(key).or_default();
        let known = same.get(*used).or(same.last());
        *used += 1;
        Row {
            name: known.map_or_else(String::new, |known| known.path.clone()),
            type_name: call.type_name,
            output: call.output.clone(),
            parameters: known.map_or(0, |known| known.parameters),
        }
    }

    fn count(&mut self, elements: usize) {
        for &open in &self.open {
            self.modules[open].parameters += elements;
        }
    }
}

impl Visitor for Tree {
    fn enter(&mut self, part: Part<'_>) {
        self.open.push(self.modules.len());
        self.modules.push(Known {
            path: self.path.join(part.name),
            address: part.address,
            type_name: part.type_name,
            parameters: 0,
        });
        self.path.enter(part.name);
    }
    fn leave(&mut self) {
        self.path.leave();
        self.open.pop();
    }
    fn param(&mut self, _name: &str, param: &Param) {
        self.count(param.numel());
    }
    fn buffer(&mut self, name: &str, buffer: &Buffer) {
        if name != "num_batches_tracked" {
            self.count(buffer.tensor().numel());
        }
    }
}

// ---- the table ---------------------------------------------------------------------------------------------------------

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = ["Layer (type)".to_string(), "Output Shape".to_string(), "Param #".to_string()];
        let rows: Vec<[String; 3]> = self
            .rows
            .iter()
            .map(|row| {
                let name = format!("{} ({})", row.name, row.type_name);
                [name.trim_start().to_string(), shape_text(&row.output), grouped(row.parameters)]
            })
            .collect();
        let width = |column: usize, least: usize| {
            rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0).max(least) + 1
        };
        let widths = [width(0, 30), width(1, 22), width(2, 13)];
        let line = |left: &str, fill: &str, middle: &str, right: &str| {
            let cells: Vec<String> = widths.iter().map(|width| fill.repeat(width + 1)).collect();
            format!("{left}{}{right}", cells.join(middle))
        };
        let cells = |bar: &str, row: &[String; 3]| {
            let [name, shape, count] = row;
            let [a, b, c] = widths;
            format!("{bar} {name:<a$}{bar} {shape:<b$}{bar} {count:>w$} {bar}", w = c - 1)
        };
        writeln!(f, "Model: \"{}\"", self.model)?;
        writeln!(f, "{}", line("┏", "━", "┳", "┓"))?;
        writeln!(f, "{}", cells("┃", &head))?;
        writeln!(f, "{}", line("┡", "━", "╇", "┩"))?;
        for (i, row) in rows.iter().enumerate() {
            if i > 0 {
                writeln!(f, "{}", line("├", "─", "┼", "┤"))?;
            }
            writeln!(f, "{}", cells("│", row))?;
        }
        writeln!(f, "{}", line("└", "─", "┴", "┘"))?;
        writeln!(f, " Total params: {}", count_text(self.total))?;
        writeln!(f, " Trainable params: {}", count_text(self.trainable))?;
        write!(f, " Non-trainable params: {}", count_text(self.non_trainable))
    }
}

fn shape_text(shape: &Shape) -> String {
    let sizes: Vec<String> =
        shape.iter().enumerate().map(|(i, size)| if i == 0 { "None".to_string() } else { size.to_string() }).collect();
    format!("({})", sizes.join(", "))
}

fn count_text(count: Count) -> String {
    format!("{} ({})", grouped(count.elements), size_text(count.bytes))
}

/// `93322` as `"93,322"`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as Keras prints them: `"364.54 KB"`.
fn size_text(bytes: usize) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if size < 1024.0 || unit == "TB" {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    String::new()
}
