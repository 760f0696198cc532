//! Numbers as words of one width.

use crate::{DType, Result, Tensor, bf16, f16};

/// Most digits behind the point.
const PRECISION: usize = 8;

/// Each element as a word, all of one width.
pub(super) fn words(x: &Tensor) -> Result<Vec<String>> {
    if x.dtype().is_float() {
        let values = x.to_dtype(DType::F64)?.to_vec::<f64>()?;
        return Ok(match values[..] {
            [value] if x.rank() == 0 => vec![lone_float(value, x.dtype())],
            _ => floats(&values, x.dtype()),
        });
    }
    let words: Vec<String> = if x.dtype() == DType::Bool {
        let name = |value: bool| if value { "True" } else { "False" };
        let width = if x.rank() == 0 { 0 } else { 5 };
        let values = x.to_vec::<bool>()?.into_iter();
        values.map(|value| format!("{:>width$}", name(value))).collect()
    } else {
        let values = x.to_dtype(DType::I64)?.to_vec::<i64>()?.into_iter();
        values.map(|value| value.to_string()).collect()
    };
    let width = words.iter().map(String::len).max().unwrap_or(0);
    Ok(words.into_iter().map(|word| format!("{word:>width$}")).collect())
}

/// The fewest digits that tell the value from its neighbours in its dtype, and the exponent of the first.
fn shortest(value: f64, dtype: DType) -> (String, i32) {
    let text = match dtype {
        DType::F64 => format!("{value:e}"),
        DType::F32 => format!("{:e}", value as f32),
        half => {
            let back = |text: &str| {
                let parsed: f64 = text.parse().unwrap_or(f64::NAN);
                if half == DType::F16 { f16::from_f64(parsed).to_f64() } else { bf16::from_f64(parsed).to_f64() }
            };
            let texts = (0..=PRECISION).map(|digits| format!("{value:.digits$e}"));
            let mut found = texts.filter(|text| back(text) == value);
            found.next().unwrap_or_else(|| format!("{value:e}"))
        }
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.chars().filter(char::is_ascii_digit).collect();
    (digits, exponent.parse().unwrap_or(0))
}

/// Digits before and behind the point, at most [`PRECISION`] behind it.
fn positional(value: f64, dtype: DType) -> (String, String) {
    let (digits, exponent) = shortest(value, dtype);
    let behind = (digits.len() as i32 - 1 - exponent).clamp(0, PRECISION as i32) as usize;
    split(&format!("{value:.behind$}"))
}

/// Digits before and behind the point, and the exponent.
fn scientific(value: f64, dtype: DType) -> (String, String, i32) {
    let behind = (shortest(value, dtype).0.len() - 1).min(PRECISION);
    let text = format!("{value:.behind$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (before, behind) = split(digits);
    (before, behind, exponent.parse().unwrap_or(0))
}

fn split(digits: &str) -> (String, String) {
    let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
    (before.to_owned(), behind.trim_end_matches('0').to_owned())
}

/// The exponent with its sign and at least this many digits.
fn exponent_text(exponent: i32, digits: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:0digits$}", exponent.unsigned_abs())
}

fn special(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "nan",
        _ if value < 0.0 => "-inf",
        _ => "inf",
    }
}

fn floats(values: &[f64], dtype: DType) -> Vec<String> {
    let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let specials = values.iter().filter(|x| !x.is_finite());
    let special_width = specials.map(|&x| special(x).len()).max().unwrap_or(0);
    let (words, width) = if finite.is_empty() {
        (Vec::new(), special_width)
    } else if wants_exponent(&finite, dtype) {
        exponential_words(&finite, dtype, special_width)
    } else {
        positional_words(&finite, dtype, special_width)
    };
    let mut words = words.into_iter();
    let mut word = |&value: &f64| {
        let finite = if value.is_finite() { words.next() } else { None };
        finite.unwrap_or_else(|| format!("{:>width$}", special(value)))
    };
    values.iter().map(&mut word).collect()
}

/// NumPy's rule for when a block is written with exponents: large numbers, tiny ones, or both in one block.
fn wants_exponent(finite: &[f64], dtype: DType) -> bool {
    let sizes = finite.iter().map(|x| x.abs()).filter(|&x| x != 0.0);
    let (mut low, mut high) = (f64::INFINITY, 0.0f64);
    for size in sizes {
        (low, high) = (low.min(size), high.max(size));
    }
    if high == 0.0 {
        return false;
    }
    // From here on a number may have digits that its type does not hold.
    let (limit, ratio) = match dtype {
        DType::F64 => (1e8, high / low),
        DType::F32 => (1e6, f64::from(high as f32 / low as f32)),
        _ => (1e3, f16::from_f64(high / low).to_f64()),
    };
    high >= limit || low < 0.0001 || ratio > 1000.0
}

fn exponential_words(finite: &[f64], dtype: DType, special_width: usize) -> (Vec<String>, usize) {
    let parts: Vec<_> = finite.iter().map(|&x| scientific(x, dtype)).collect();
    let longest = |f: &dyn Fn(&(String, String, i32)) -> usize| parts.iter().map(f).max();
    let behind = longest(&|part| part.1.len()).unwrap_or(0);
    let digits = longest(&|part| exponent_text(part.2, 2).len() - 2).unwrap_or(2);
    let rest = 1 + behind + 2 + digits;
    let before = longest(&|part| part.0.len()).unwrap_or(0);
    let before = before.max(special_width.saturating_sub(rest));
    let word = |&value: &f64| {
        let text = format!("{value:.behind$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        // Without digits behind it the point stands all the same.
        let point = if behind == 0 { "." } else { "" };
        let exponent = exponent_text(exponent.parse().unwrap_or(0), digits);
        let width = before + rest;
        format!("{:>width$}", format!("{mantissa}{point}{exponent}"))
    };
    (finite.iter().map(word).collect(), before + rest)
}

fn positional_words(finite: &[f64], dtype: DType, special_width: usize) -> (Vec<String>, usize) {
    let parts: Vec<_> = finite.iter().map(|&x| positional(x, dtype)).collect();
    let behind = parts.iter().map(|part| part.1.len()).max().unwrap_or(0);
    let before = parts.iter().map(|part| part.0.len()).max().unwrap_or(0);
    let before = before.max(special_width.saturating_sub(behind + 1));
    let word = |(whole, rest): &(String, String)| format!("{whole:>before$}.{rest:<behind$}");
    (parts.iter().map(word).collect(), before + 1 + behind)
}

/// A number that stands alone has all the digits that tell it from its neighbours.
fn lone_float(value: f64, dtype: DType) -> String {
    if !value.is_finite() {
        return special(value).to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (digits, exponent) = shortest(value, dtype);
    let limit = match dtype {
        DType::F64 => 16,
        DType::F32 => 6,
        _ => 3,
    };
    if value != 0.0 && !(-4..limit).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}{}", exponent_text(exponent, 2));
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let before = exponent as usize + 1;
    let padded = format!("{digits:0<before$}");
    let (whole, rest) = padded.split_at(before);
    let rest = if rest.is_empty() { "0" } else { rest };
    format!("{sign}{whole}.{rest}")
}
