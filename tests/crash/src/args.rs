//! The command line of the harness.

use std::path::PathBuf;
use std::time::Duration;

use crate::class::Class;
use crate::kinds::Kind;

/// What the command line looks like.
pub const USAGE: &str = "\
usage: cargo xtask crash [OPTIONS]

  --kind NAME,…     what is done to the runs: kill, syscall, errno, server, cut, stall, reader, zombie,
                    grown, power, control (all)
  --class NAME,…    the targets: postgres, sqlite, sqlite-new, dataset, parquet, csv-file, csv-append,
                    jsonl, jsonl-gz, upsert, append (all)
  --rounds N        how many rounds of each kind and class; those that try every place go through all of them once (5)
  --budget TIME     as many rounds as fit, spread over kinds and classes: 8m, 90s
  --seed N          where the random numbers begin; a bad round names its own, which `--rounds 1` repeats
  --records N       how many records a run loads (20000)
  --append FILE     adds a JSON line for each round
  --report FILE     prints the sums of such a file, of the rounds with the code as it is now, and runs nothing
  --dir DIR         where the rounds take place (memory, else the temporary directory)
  --mutant NAME     runs everything with this seeded bug
  --from-scratch    the engine does not go on where it was killed, but begins again
";

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// What is done to the runs.
    pub kinds: Vec<Kind>,
    /// The targets.
    pub classes: Vec<Class>,
    /// How many rounds of each kind and class.
    pub rounds: u64,
    /// As many rounds as fit.
    pub budget: Option<Duration>,
    /// Where the random numbers begin.
    pub seed: Option<u64>,
    /// How many records a run loads.
    pub records: u64,
    /// Where each round is noted.
    pub append: Option<PathBuf>,
    /// The file whose sums are wanted.
    pub report: Option<PathBuf>,
    /// Where the rounds take place.
    pub directory: Option<PathBuf>,
    /// The seeded bug that all runs have.
    pub mutant: Option<String>,
    /// The engine does not go on where it was killed.
    pub from_scratch: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            kinds: Kind::ALL.to_vec(),
            classes: Class::ALL.to_vec(),
            rounds: 5,
            budget: None,
            seed: None,
            records: 20_000,
            append: None,
            report: None,
            directory: None,
            mutant: None,
            from_scratch: false,
        }
    }
}

/// Reads the arguments, without the name of the program.
///
/// # Errors
/// A sentence about what cannot be understood.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Args, String> {
    let mut parsed = Args::default();
    let mut args = args.into_iter();
    while let Some(flag) = args.next() {
        if flag == "--from-scratch" {
            parsed.from_scratch = true;
            continue;
        }
        let known = ["--kind", "--class", "--rounds", "--budget", "--seed", "--records", "--append", "--report", "--dir", "--mutant"];
        if !known.contains(&flag.as_str()) {
            return Err(format!("unexpected argument `{flag}`"));
        }
        let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{flag} needs a number, and not `{value}`"));
        match flag.as_str() {
            "--kind" => parsed.kinds = list(&value, |name| Kind::ALL.into_iter().find(|kind| kind.name() == name))?,
            "--class" => parsed.classes = list(&value, Class::by_name)?,
            "--rounds" => parsed.rounds = number()?,
            "--seed" => parsed.seed = Some(number()?),
            "--records" => parsed.records = number()?,
            "--budget" => {
                let time = humantime::parse_duration(&value);
                parsed.budget = Some(time.map_err(|_| format!("--budget needs a time such as 8m, and not `{value}`"))?);
            }
            "--append" => parsed.append = Some(value.into()),
            "--report" => parsed.report = Some(value.into()),
            "--dir" => parsed.directory = Some(value.into()),
            _ => parsed.mutant = Some(value),
        }
    }
    Ok(parsed)
}

fn list<T>(names: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    names.split(',').map(|name| find(name).ok_or_else(|| format!("there is nothing named `{name}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Args, String> {
        parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn each_option_is_understood() {
        assert_eq!(parsed(&[]), Ok(Args::default()));
        let args = parsed(&["--kind", "kill,syscall", "--class", "sqlite", "--rounds", "50", "--seed", "7", "--budget", "8m"]).unwrap();
        assert_eq!((args.kinds, args.classes), (vec![Kind::Kill, Kind::Syscall], vec![Class::Sqlite]));
        assert_eq!((args.rounds, args.seed, args.budget), (50, Some(7), Some(Duration::from_secs(480))));
    }

    #[test]
    fn a_wrong_command_line_is_an_error() {
        for (args, said) in [
            (&["--fast"][..], "unexpected argument `--fast`"),
            (&["--rounds"], "--rounds needs a value"),
            (&["--rounds", "many"], "--rounds needs a number, and not `many`"),
            (&["--class", "oracle"], "there is nothing named `oracle`"),
            (&["--budget", "soon"], "--budget needs a time such as 8m, and not `soon`"),
        ] {
            assert_eq!(parsed(args), Err(said.to_owned()));
        }
    }
}
