//! A resource can be lent to several threads.
use etl_core::prelude::*;

pub struct Index {
    names: std::sync::Mutex<Vec<String>>,
}

#[resource]
fn index() -> Index {
    Index { names: Default::default() }
}

fn main() {}
