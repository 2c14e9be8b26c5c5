//! What one does with a file that is clean already: `psql --command "\\copy flights FROM …"`, which parses, checks and derives
//! nothing. The clean file is made by `ours`, where it is not there; that is not measured.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bench_clean::{Answer, Args, Bad, Reason, Result, warehouse};

fn main() -> Result<()> {
    let args = Args::parse()?;
    let expected = std::fs::read_to_string(format!("{}.expected.json", args.input.display()))?;
    let expected: serde_json::Value = serde_json::from_str(&expected)?;
    let clean = args.input.with_extension("clean.csv");
    if !clean.is_file() {
        make(&args, &clean)?;
    }
    let mut client = warehouse::empty()?;
    let begun = Instant::now();
    let copy = format!("\\copy flights FROM '{}' (FORMAT csv, HEADER)", clean.display());
    run(Command::new("psql").args(["--no-psqlrc", "--quiet", "--dbname", &warehouse::address()?, "--command", &copy]))?;
    let elapsed = begun.elapsed();
    // What it does not know of itself.
    let row = client.query_one("SELECT count(*), sum(distance) FROM flights", &[])?;
    let mut bad = Bad::default();
    for reason in Reason::ALL {
        bad.add(reason, expected["bad"][reason.as_str()].as_u64().unwrap_or(0));
    }
    let mut answer = Answer::new(begun, row.get::<_, i64>(0).unsigned_abs(), row.get(1), bad);
    answer.seconds = elapsed.as_secs_f64();
    answer.print()
}

fn make(args: &Args, clean: &Path) -> Result<()> {
    let ours = std::env::current_exe()?.with_file_name("ours");
    let temporary = clean.with_extension("new");
    run(Command::new(ours).arg(&args.input).arg(&temporary).arg(&args.rejects).arg("csv"))?;
    Ok(std::fs::rename(temporary, clean)?)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdout(std::process::Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{:?} ended with {status}", command.get_program()).into()) }
}
