//! A record that can neither move nor be shared between threads. errors: 2
use etl_core::prelude::*;

#[derive(SerdeRecord)]
struct Raw {
    number: std::rc::Rc<i64>,
}

fn main() {}
