//! The tables, by part.

mod clean;
mod cpu;
mod io;
mod memory;
mod overhead;

use super::table::{Part, Table};

/// The tables of one part.
pub(super) fn of(part: Part) -> Vec<Table> {
    match part {
        Part::Overhead => overhead::tables(),
        Part::Clean => clean::tables(),
        Part::Cpu => cpu::tables(),
        Part::Io => io::tables(),
        Part::Memory => memory::tables(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bench::engine::table::Measure;

    #[test]
    fn every_name_in_a_table_is_that_of_one_row() {
        for table in Part::ALL.into_iter().flat_map(of) {
            let names: BTreeSet<_> = table.rows.iter().map(|row| row.name).collect();
            assert_eq!(names.len(), table.rows.len(), "{}: two rows of one name", table.title);
            let mut used: Vec<_> = table.baseline.into_iter().chain(table.ours).collect();
            for bar in &table.bars {
                match &bar.measure {
                    Measure::Time { of, to, .. } | Measure::Efficiency { of, to, .. } => used.extend([*of, *to]),
                    Measure::Flat { of, to } | Measure::Budget { of, to, .. } => used.extend([*of, *to]),
                    Measure::Ahead { of, rows } => used.extend(rows.iter().chain([of])),
                }
            }
            for name in used {
                assert!(names.contains(name), "{}: no row named `{name}`", table.title);
            }
        }
    }
}
