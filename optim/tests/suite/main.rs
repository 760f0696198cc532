//! Optimizers and schedules, one program for all so that it is linked once.

mod clipping;
mod common;
mod optimizers;
mod schedules;
mod state;
