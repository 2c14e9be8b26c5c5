//! The name of a pipeline is written in the program.
pub struct Nothing;

impl etl_core::needs::Context for Nothing {}

fn main() {
    let name = "copies";
    let _ = etl_core::wiring::Plan::<Nothing>::build(name);
}
