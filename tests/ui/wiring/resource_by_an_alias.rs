//! A resource returns a `Result` by another name.
use etl_core::prelude::*;

struct Database;

type Opened = Result<Database>;

#[resource]
fn database() -> Opened {
    Ok(Database)
}

fn main() {}
