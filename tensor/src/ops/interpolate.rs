//! Resizing pictures and volumes.
