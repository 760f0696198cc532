//! The numbers of one epoch or one batch.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Numbers by name, in the order in which they are shown: `loss`, the metrics, then `val_loss` and the metrics on the validation
/// data.
///
/// ```
/// use ocelli_train::Logs;
///
/// let logs: Logs = [("loss", 0.25), ("accuracy", 0.9)].into();
/// assert_eq!(logs.get("accuracy"), Some(0.9));
/// assert_eq!(logs.to_string(), "loss: 0.2500 - accuracy: 0.9000");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Logs(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry(String, #[serde(with = "exact")] f64);

impl Logs {
    /// No numbers yet.
    pub fn new() -> Self {
        Logs::default()
    }

    /// The number of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Sets a number; a new name goes to the end.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|entry| entry.0 == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push(Entry(name, value)),
        }
    }

    /// Names and numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|entry| (entry.0.as_str(), entry.1))
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Number of numbers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the numbers of others at the end, their names behind a prefix.
    pub(crate) fn append_prefixed(&mut self, prefix: &str, other: &Logs) {
        for (name, value) in other.iter() {
            self.set(format!("{prefix}{name}"), value);
        }
    }
}

impl<const N: usize> From<[(&str, f64); N]> for Logs {
    fn from(entries: [(&str, f64); N]) -> Self {
        let entries = entries.into_iter().map(|(name, value)| Entry(name.into(), value));
        Logs(entries.collect())
    }
}

impl std::fmt::Display for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i > 0 { " - " } else { "" };
            write!(f, "{separator}{name}: {}", short(value))?;
        }
        Ok(())
    }
}

/// Four places as Keras shows them, or scientific where those would all be zero.
pub(crate) fn short(value: f64) -> String {
    if value != 0.0 && value.is_finite() && (value.abs() < 1e-3 || value.abs() >= 1e6) {
        format!("{value:.4e}")
    } else {
        format!("{value:.4}")
    }
}

/// Floats in JSON, which has no word for NaN and the infinities: those are text.
pub(crate) mod exact {
    use super::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.collect_str(value) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(value) => Ok(value),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_json_to_the_last_bit() {
        let values =
            [0.1 + 0.2, 1.0 / 3.0, f64::MIN_POSITIVE, -0.0, f64::INFINITY, f64::NEG_INFINITY, 0.123_456_789_012_345_67];
        let mut logs = Logs::new();
        for (i, value) in values.into_iter().enumerate() {
            logs.set(format!("x{i}"), value);
        }
        logs.set("nan", f64::NAN);
        let text = serde_json::to_string(&logs).unwrap();
        let back: Logs = serde_json::from_str(&text).unwrap();
        for ((name, a), (_, b)) in logs.iter().zip(back.iter()) {
            assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{name}: {a} {b}");
        }
        assert_eq!(back.names().last(), Some("nan"));
    }

    #[test]
    fn setting_a_known_name_keeps_its_place() {
        let mut logs: Logs = [("loss", 1.0), ("accuracy", 0.5)].into();
        logs.set("loss", 0.00001);
        logs.append_prefixed("val_", &[("loss", 2.0)].into());
        assert_eq!(logs.to_string(), "loss: 1.0000e-5 - accuracy: 0.5000 - val_loss: 2.0000");
        assert_eq!((logs.len(), logs.is_empty(), logs.get("x")), (3, false, None));
    }
}
