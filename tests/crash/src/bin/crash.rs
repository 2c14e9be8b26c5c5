//! The harness itself; `cargo xtask crash` builds and runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().skip(1).any(|arg| arg == "--help" || arg == "-h") {
        print!("{}", etl_crash::args::USAGE);
        return ExitCode::SUCCESS;
    }
    let args = match etl_crash::args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(problem) => {
            eprint!("error: {problem}\n\n{}", etl_crash::args::USAGE);
            return ExitCode::from(2);
        }
    };
    match etl_crash::campaign::run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
