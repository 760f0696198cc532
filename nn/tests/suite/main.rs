//! Layers, losses and what makes their parameters, one program for all so that it is linked once.

mod common;
mod constraints;
mod initializers;
mod layers;
mod losses;
mod modules;
mod recurrent;
