//! Models and boxes, one program for all so that it is linked once.

mod boxes;
mod common;
mod masks;
mod models;
mod plans;
