//! Convolution and transposed convolution in 1 to 3 dimensions.
