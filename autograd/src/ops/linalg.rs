//! Matrix decompositions.
