//! The tables, by part.

mod clean;
mod cpu;
mod io;
mod memory;
mod overhead;

use super::Part;
use crate::bench::contest::{Program, Row, Table};

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

/// A contestant in the program `micro`.
fn micro(name: &'static str, part: Part, contestant: &str, records: u64) -> Row {
    Row::new(name, Program::Built("micro"), [part.name(), contestant]).asked_for(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_a_table_is_that_of_one_row() {
        for part in Part::ALL {
            let tables = of(part);
            assert!(!tables.is_empty(), "nothing is measured of {}", part.name());
            for table in tables {
                table.names_are_rows().unwrap();
            }
        }
    }

    #[test]
    fn a_contestant_is_named_behind_its_part() {
        assert_eq!(micro("a", Part::Io, "ours", 7).command_line(), ["io", "ours", "--records", "7"]);
    }
}
