//! The name of a pipeline, which is a label of its metrics, from the command line.
pub struct Nothing;

impl etl_core::needs::Context for Nothing {}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let _ = etl_core::wiring::Plan::<Nothing>::build(&name);
}
