//! `micro TABLE CONTESTANT [--records N] [--batch B] …`: runs one contestant of one table, and prints one line of JSON at its end.

mod arguments;
mod cpu;
mod io;
mod memory;
mod ours;
mod outcome;
mod overhead;

use std::error::Error;
use std::process::ExitCode;

use arguments::Arguments;
use outcome::Outcome;

/// An error is a sentence for whoever runs the benchmark.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match Arguments::of_process().and_then(|arguments| run(&arguments)) {
        Ok(outcome) => {
            println!("{}", outcome.line());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Outcome> {
    match arguments.table.as_str() {
        "overhead" => overhead::run(arguments),
        "cpu" => cpu::run(arguments),
        "io" => io::run(arguments),
        "memory" => memory::run(arguments),
        other => Err(format!("no table named `{other}`: overhead, cpu, io or memory").into()),
    }
}
