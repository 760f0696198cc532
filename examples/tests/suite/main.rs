//! The example programs from outside, one program for all so that it is linked once.

mod data;
mod detection;
mod devices;
mod mnist;
mod program;
