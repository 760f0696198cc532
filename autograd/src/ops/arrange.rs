//! Elements in another order: flip, roll.
