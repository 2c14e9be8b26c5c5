//! The program whose instructions `cargo xtask bench instructions` counts.
//!
//! `make FOLDER RECORDS` writes the input; `run FLOW FOLDER RECORDS` runs one flow.

#![allow(missing_docs, unreachable_pub, reason = "a program that is measured, with stages in a module")]

mod flows;

use std::path::Path;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["make", folder, records] => Ok(flows::make_input(Path::new(folder), records.parse()?)?),
        ["run", flow, folder, records] if flows::FLOWS.contains(flow) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let report = runtime.block_on(flows::run(flow, Path::new(folder), records.parse()?)).map_err(|error| error.to_string())?;
            println!("{}", report.records.extracted);
            Ok(())
        }
        // What cargo calls every bench with.
        [.., "--bench"] => Ok(()),
        _ => Err(format!("usage: make FOLDER RECORDS | run FLOW FOLDER RECORDS, where FLOW is one of {:?}", flows::FLOWS).into()),
    }
}
