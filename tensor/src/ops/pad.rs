//! Padding.
