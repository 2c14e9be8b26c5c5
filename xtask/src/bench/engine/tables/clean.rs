//! Clean and load: the flights job beside the hand-written programs and the Python scripts.
//!
//! Its programs (`generate`, `ours`, `expert`, `serde_loop`, `sqlite_loop`) are built from `bench/clean`. What it takes to have
//! them here: the rows of a [`Table`] with `program: Program::Built("expert")`, `arguments: [input, output, rejects, format, …]`
//! and `records: None`; a variant of `Program` for scripts that the interpreter of a virtual environment runs; and a step that
//! generates the input before the first round. A line without `check` is understood already: `good` and `sum_distance` take its
//! place.

use crate::bench::engine::table::Table;

pub(super) fn tables() -> Vec<Table> {
    Vec::new()
}
