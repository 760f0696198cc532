//! Sums of products in Einstein's notation.
