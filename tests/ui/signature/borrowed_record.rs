//! A record that borrows.
use etl_core::prelude::*;

#[derive(SerdeRecord)]
pub struct Word(&'static str);

#[transform]
fn trim(word: &'static str) -> Word {
    Word(word.trim())
}

fn main() {}
