//! Sorting, the largest, the distinct, and the positions of what is not zero.
