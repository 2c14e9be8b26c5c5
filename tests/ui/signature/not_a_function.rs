//! An attribute on a struct.
use etl_core::prelude::*;

#[transform]
struct Clean;

fn main() {}
