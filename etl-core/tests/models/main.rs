//! Delivery held against models: a target in memory, a run that breaks off at any of its calls, and
//! what must be there in the end, whatever happened on the way.

mod bisection;
mod runs;
mod source;
mod target;
mod world;

#[path = "../support/mod.rs"]
mod support;
