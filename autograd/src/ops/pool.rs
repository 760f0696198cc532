//! Pooling in 1 to 3 dimensions.
