//! Softmax and its logarithm.
