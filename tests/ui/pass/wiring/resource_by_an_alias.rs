//! The `Result` of a resource is written so.
use etl_core::prelude::*;

struct Database;

#[resource]
fn database() -> Result<Database> {
    Ok(Database)
}

fn main() {}
