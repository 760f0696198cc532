//! The kernel of an expression: its text in WGSL, and its parameters.
//!
//! A kernel is written once for each chain of functions, dtypes, number of axes and operands that are read by four; numbers in the chain,
//! sizes, strides and offsets are parameters. The functions are those of the files of numbers, called by their constants, and each step's
//! result is rounded to its dtype: a chain gives exactly what its operations give one by one.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{LazyLock, Mutex};

use smallvec::SmallVec;

use super::elementwise::{F32, I32, I64, Numbers, ROUNDING, rounding};
use super::expression::{Expression, Function, MOST_LEAVES, Source, Step, count_of};
use super::{Grid, Kernel, Memory, Program, Stored};
use crate::cpu::walk::Walk;
use crate::layout::Layout;
use crate::lock::locked;
use crate::{DType, Error, Result, Shape, Tensor};

const FUSED: &str = include_str!("shaders/fused.wgsl");
/// Invocations of a workgroup.
const GROUP: usize = 64;
/// Invocations that keep an adapter busy: where there are as many even so, each makes four neighbours.
const MANY: usize = 1 << 16;
/// Words of parameters, and those before sizes, strides and numbers.
const WORDS: usize = 64;
const HEAD: usize = 4;
/// What the operands' types are called.
const TYPES: [&str; MOST_LEAVES] = ["A", "B", "C", "D", "E", "F"];

/// A kernel, and its number among them.
type Written = (&'static Kernel, u32);

/// The sizes of the axes, and the strides of result and operands along them, from the fastest axis on.
type Axes = SmallVec<[(usize, [isize; MOST_LEAVES + 1]); 4]>;

/// Which operands are read by four where an invocation makes four neighbours, the others being one number for all of these.
type Fours = SmallVec<[bool; MOST_LEAVES]>;

/// The way through the result and the operands together, axes that allow it being merged.
fn walk(expression: &Expression, layout: &Layout) -> Walk<{ MOST_LEAVES + 1 }> {
    let nowhere = Layout::contiguous(Shape::from(()));
    let places: [Layout; MOST_LEAVES] =
        std::array::from_fn(|i| expression.leaves.get(i).map_or(&nowhere, |x| x.layout()).broadcast_to(&layout.shape));
    Walk::along_first(std::array::from_fn(|i| i.checked_sub(1).map_or(layout, |i| &places[i])))
}

/// Words of parameters for so many axes.
fn words(expression: &Expression, rank: usize) -> usize {
    let words_of = |step: &Step| step.function.numbers().len() * words_of_number(step);
    let numbers: usize = expression.steps.iter().map(words_of).sum();
    HEAD + rank + expression.leaves.len() * (1 + rank) + numbers
}

/// Whether the parameters have room for sizes and strides.
pub(super) fn has_room(expression: &Expression, layout: &Layout) -> bool {
    words(expression, layout.shape.rank().max(1)) <= WORDS
        || words(expression, walk(expression, layout).axes().len().max(1)) <= WORDS
}

pub(super) fn too_many_axes(layout: &Layout) -> Error {
    let message = "expected fewer axes that do not lie as one block, received";
    Error::argument("kernel", format!("{message} {}", layout.shape.rank()))
}

/// Records the kernel that writes the elements of an expression to memory, where they lie as `layout` says.
pub(super) fn record(expression: &Expression, out: &Memory, layout: &Layout) -> Result<()> {
    let context = out.context();
    let walk = walk(expression, layout);
    let rank = walk.axes().len().max(1);
    if words(expression, rank) > WORDS {
        return Err(too_many_axes(layout));
    }
    let mut params: SmallVec<[u32; WORDS]> = SmallVec::from_elem(0, HEAD);
    params[0] = count_of(layout.numel())?;
    let axes: Axes = walk.axes().rev().collect();
    params.extend((0..rank).map(|axis| axes.get(axis).map_or(1, |(size, _)| *size as u32)));
    for leaf in 1..=expression.leaves.len() {
        params.push(count_of(walk.start()[leaf])?);
        params.extend((0..rank).map(|axis| axes.get(axis).map_or(0, |(_, strides)| strides[leaf] as i32 as u32)));
    }
    for step in &expression.steps {
        let count = words_of_number(step);
        step.function.numbers().iter().for_each(|bits| params.extend_from_slice(&bits[..count]));
    }
    let of = |dtype: DType| Stored::of(dtype, context.has_f16());
    let result = of(expression.steps.last().map_or(DType::F32, |step| step.dtype))?;
    let stored =
        expression.leaves.iter().map(|x| of(x.dtype())).collect::<Result<SmallVec<[Stored; MOST_LEAVES]>>>()?;
    let fours = fours(layout.numel(), &axes, &walk.start()[1..], result, &stored);
    let mut types: SmallVec<[(&'static str, Stored); MOST_LEAVES + 2]> = SmallVec::new();
    types.extend([("S", result), ("R", result.by_four(fours.is_some()))]);
    for (i, (name, stored)) in TYPES.into_iter().zip(stored).enumerate() {
        types.push((name, stored.by_four(fours.as_ref().is_some_and(|fours| fours[i]))));
    }
    let invocations = if fours.is_some() { layout.numel() / 4 } else { layout.numel() };
    let (kernel, number) = kernel(expression, rank, fours.as_ref());
    let vectors = (params.len() - HEAD).div_ceil(4);
    let program =
        Program { kernel, types: &types, sizes: &[("KERNEL", number), ("VECTORS", vectors as u32)], constants: &[] };
    let reads: SmallVec<[&Memory; MOST_LEAVES]> = expression.leaves.iter().map(|x| x.memory()).collect();
    context.record(program, &params, &[out], &reads, Grid::of(invocations, GROUP), 0)
}

/// How an invocation makes four neighbours, if that pays and all operands allow it: wide accesses are fewer. Numbers of two words are wide
/// by themselves.
fn fours(count: usize, axes: &Axes, starts: &[usize], result: Stored, stored: &[Stored]) -> Option<Fours> {
    let is_four = |number: usize| number.is_multiple_of(4);
    let ((size, strides), others) = axes.split_first()?;
    if count < 4 * MANY || !is_four(*size) || result == Stored::I64 || stored.contains(&Stored::I64) {
        return None;
    }
    let of_leaf = |i: usize| match strides[1 + i] {
        0 => Some(false),
        1 => {
            let lies_by_four =
                |(_, strides): &(usize, [isize; MOST_LEAVES + 1])| is_four(strides[1 + i].unsigned_abs());
            (is_four(starts[i]) && others.iter().all(lies_by_four)).then_some(true)
        }
        _ => None,
    };
    (0..stored.len()).map(of_leaf).collect()
}

/// The kernel of an expression, which is written if it is a new one.
fn kernel(expression: &Expression, rank: usize, fours: Option<&Fours>) -> Written {
    type Key = (Option<Numbers>, String);
    static WRITTEN: LazyLock<Mutex<HashMap<Key, Written>>> = LazyLock::new(Mutex::default);
    let key = (expression.numbers(), body(expression, rank, fours));
    let mut written = locked(&WRITTEN);
    if let Some(kernel) = written.get(&key) {
        return *kernel;
    }
    let named = expression.steps.iter().map(|step| step.function.name()).filter(|name| *name != "fill");
    let name = named.collect::<Vec<&str>>().join(" ");
    let numbers = key.0.map(|numbers| [F32, I32, I64][numbers as usize]);
    let files = [ROUNDING].into_iter().chain(numbers).chain([FUSED, &*key.1.clone().leak()]);
    // As many as there are chains in a program; a pipeline is kept for each, too.
    let kernel: &'static Kernel = Box::leak(Box::new(Kernel {
        name: if name.is_empty() { "fill" } else { name.leak() },
        files: files.collect::<Vec<&'static str>>().leak(),
    }));
    let kernel = (kernel, written.len() as u32);
    written.insert(key, kernel);
    kernel
}

/// Words that a number takes among the parameters.
fn words_of_number(step: &Step) -> usize {
    let numbers = step.numbers.unwrap_or(Numbers::of(step.dtype));
    if numbers == Numbers::I64 { 2 } else { 1 }
}

/// A word of the parameters.
fn word(place: usize) -> String {
    let (vector, component) = ((place - HEAD) / 4, ["x", "y", "z", "w"][place % 4]);
    format!("p.words[{vector}].{component}")
}

/// The bindings of the operands, what becomes of one element of each, and `main`.
fn body(expression: &Expression, rank: usize, fours: Option<&Fours>) -> String {
    let mut text = String::new();
    for (i, name) in TYPES.iter().enumerate().take(expression.leaves.len()) {
        let _ = writeln!(text, "@group(0) @binding({}) var<storage, read> leaf{i}: array<{name}>;", i + 2);
    }
    element(&mut text, expression, rank);
    text.push_str("\n@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3<u32>) {\n");
    text.push_str("    let i = id.x + id.y * p.row;\n");
    let width = if fours.is_some() { "4u * i" } else { "i" };
    let _ = writeln!(text, "    let first = {width};\n    if first >= p.count {{ return; }}");
    // Places along the axes, from the fastest one.
    let mut rest = "first".to_owned();
    for axis in 0..rank - 1 {
        let size = word(HEAD + axis);
        let _ = writeln!(text, "    let at{axis} = i32({rest} % {size});\n    let rest{axis} = {rest} / {size};");
        rest = format!("rest{axis}");
    }
    let _ = writeln!(text, "    let at{} = i32({rest});", rank - 1);
    let is_by_four = |i: usize| fours.is_some_and(|fours| fours[i]);
    for i in 0..expression.leaves.len() {
        let start = HEAD + rank + i * (1 + rank);
        let mut place = format!("i32({})", word(start));
        for axis in 0..rank {
            let _ = write!(place, " + at{axis} * i32({})", word(start + 1 + axis));
        }
        let part = if is_by_four(i) { " / 4u" } else { "" };
        let _ = writeln!(text, "    let x{i} = leaf{i}[u32({place}){part}];");
    }
    let made = |component: &str| {
        let operand = |(i, x): (usize, &Tensor)| {
            loaded(x.dtype(), &if is_by_four(i) { format!("x{i}{component}") } else { format!("x{i}") })
        };
        let operands: SmallVec<[String; MOST_LEAVES]> = expression.leaves.iter().enumerate().map(operand).collect();
        format!("element({})", operands.join(", "))
    };
    let result = match fours {
        Some(_) => format!("R({})", [".x", ".y", ".z", ".w"].map(made).join(", ")),
        None => made(""),
    };
    let _ = writeln!(text, "    out[i] = {result};\n}}");
    text
}

/// The function that makes an element of the result from the operands' as numbers.
fn element(text: &mut String, expression: &Expression, rank: usize) {
    let parameter = |(i, x): (usize, &Tensor)| format!("x{i}: {}", number(x.dtype()));
    let parameters: SmallVec<[String; MOST_LEAVES]> = expression.leaves.iter().enumerate().map(parameter).collect();
    let _ = writeln!(text, "\nfn element({}) -> S {{", parameters.join(", "));
    let mut next = HEAD + rank + expression.leaves.len() * (1 + rank);
    for (i, step) in expression.steps.iter().enumerate() {
        let count = words_of_number(step);
        let numbers: SmallVec<[String; 2]> = step
            .function
            .numbers()
            .iter()
            .map(|_| {
                let high = if count == 2 { word(next + 1) } else { "0u".to_owned() };
                let bits = format!("vec2<u32>({}, {high})", word(next));
                next += count;
                bits
            })
            .collect();
        let mut value = value(expression, step, &numbers);
        if i + 1 < expression.steps.len() && step.dtype == DType::F32 {
            value = format!("sealed({value})");
        }
        let _ = writeln!(text, "    let v{i} = {value};");
    }
    let last = expression.steps.len() - 1;
    let _ = writeln!(text, "    return {};\n}}", stored(expression.steps[last].dtype, &format!("v{last}")));
}

/// What an element is as a number.
fn number(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => "f32",
        DType::U8 | DType::I32 => "i32",
        DType::I64 => "vec2<u32>",
        DType::Bool => "bool",
    }
}

/// An element as a [`number`].
fn loaded(dtype: DType, element: &str) -> String {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => format!("f32({element})"),
        DType::U8 => format!("i32({element})"),
        DType::Bool => format!("{element} != 0u"),
        DType::I32 | DType::I64 => element.to_owned(),
    }
}

/// The reverse of [`loaded`].
fn stored(dtype: DType, value: &str) -> String {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => format!("S({value})"),
        DType::U8 => format!("u32({value})"),
        DType::Bool => format!("select(0u, 1u, {value})"),
        DType::I32 | DType::I64 => value.to_owned(),
    }
}

/// What a step computes; `numbers` are the bits of those that stand in it.
fn value(expression: &Expression, step: &Step, numbers: &[String]) -> String {
    let operand = |i: usize| match step.operands[i] {
        Source::Leaf(i) => format!("x{i}"),
        Source::Step(i) => format!("v{i}"),
    };
    let from_bits = |i: usize| numbers.get(i).map_or("X()".to_owned(), |bits| format!("from_bits({bits})"));
    let code = |name: &'static str| step.numbers.unwrap_or(Numbers::F32).function(name);
    let is_of_bools = || step.operands.iter().all(|source| expression.dtype(*source) == DType::Bool);
    let kind = rounding(step.dtype);
    match step.function {
        Function::Fill(_) => match step.dtype {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => format!("bitcast<f32>({}.x)", numbers[0]),
            DType::U8 | DType::I32 => format!("bitcast<i32>({}.x)", numbers[0]),
            DType::I64 => numbers[0].clone(),
            DType::Bool => format!("{}.x != 0u", numbers[0]),
        },
        Function::Map(name, _) => {
            let result = format!("unary({}u, {}, {}, {})", code(name), operand(0), from_bits(0), from_bits(1));
            if step.dtype == DType::Bool { format!("{result} != X()") } else { format!("finished({kind}u, {result})") }
        }
        Function::Zip(name, _) if is_of_bools() => of_bools(name, &operand(0), &operand(1)),
        Function::Compare(name) if is_of_bools() => of_bools(name, &operand(0), &operand(1)),
        Function::Zip(name, _) => {
            let result = format!("binary({}u, {}, {}, {})", code(name), operand(0), operand(1), from_bits(0));
            format!("finished({kind}u, {result})")
        }
        Function::Compare(name) => format!("compare({}u, {}, {})", code(name), operand(0), operand(1)),
        Function::Choose => format!("select({}, {}, {})", operand(1), operand(0), operand(2)),
        Function::Cast => cast(expression.dtype(step.operands[0]), step.dtype, &operand(0)),
    }
}

/// Arithmetic, logic and order of booleans: as numbers, "not zero" then.
fn of_bools(name: &'static str, x: &str, y: &str) -> String {
    match name {
        "add" | "maximum" | "logical_or" => format!("{x} || {y}"),
        "mul" | "minimum" | "logical_and" => format!("{x} && {y}"),
        "logical_xor" | "ne" => format!("{x} != {y}"),
        "eq" => format!("{x} == {y}"),
        "lt" => format!("!{x} && {y}"),
        "le" => format!("!{x} || {y}"),
        "gt" => format!("{x} && !{y}"),
        "ge" | "pow" => format!("{x} || !{y}"),
        _ => unreachable!("{name} is refused for booleans"),
    }
}

/// The file that a cast needs functions of, if of one.
pub(super) fn numbers_of_cast(from: DType, to: DType) -> Option<Numbers> {
    let is_wide = |dtype: DType| dtype == DType::I64;
    let into_whole = from.is_float() && to.is_integer();
    let is_whole_wide = (is_wide(from) && to != DType::Bool) || (is_wide(to) && from != DType::Bool);
    (into_whole || is_whole_wide).then(|| Numbers::of(from))
}

fn cast(from: DType, to: DType, x: &str) -> String {
    let kind = rounding(to);
    match (from, to) {
        (DType::Bool, _) if to.is_float() => format!("select(0.0, 1.0, {x})"),
        (DType::Bool, DType::I64) => format!("vec2<u32>(select(0u, 1u, {x}), 0u)"),
        (DType::Bool, _) => format!("select(0, 1, {x})"),
        (DType::I64, DType::Bool) => format!("any({x} != vec2<u32>(0u, 0u))"),
        // NaN is not zero either, and comparisons with it are not to be relied on.
        (_, DType::Bool) if from.is_float() => format!("select(true, false, {x} == 0.0)"),
        (_, DType::Bool) => format!("{x} != 0"),
        (DType::I64, _) if to.is_float() => format!("rounded({kind}u, to_f32({x}))"),
        (_, DType::I64) => format!("to_i64({x})"),
        _ if to.is_float() => format!("rounded({kind}u, f32({x}))"),
        _ if from.is_float() || from == DType::I64 => {
            if to == DType::U8 {
                format!("i32(to_u8({x}))")
            } else {
                format!("to_i32({x})")
            }
        }
        (_, DType::U8) => format!("{x} & 255"),
        _ => x.to_owned(),
    }
}
