//! A record that owns its data.
use etl_core::prelude::*;

#[derive(SerdeRecord)]
pub struct Word(String);

#[transform]
fn trim(word: Word) -> Word {
    Word(word.0.trim().to_owned())
}

fn main() {}
