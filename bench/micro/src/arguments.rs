//! The command line.

use std::collections::HashMap;
use std::str::FromStr;

use crate::Result;

/// A table, a contestant, and numbers by name.
pub(crate) struct Arguments {
    pub(crate) table: String,
    pub(crate) contestant: String,
    numbers: HashMap<String, String>,
}

impl Arguments {
    pub(crate) fn of_process() -> Result<Self> {
        Self::parse(std::env::args().skip(1))
    }

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let (Some(table), Some(contestant)) = (args.next(), args.next()) else {
            return Err("usage: micro TABLE CONTESTANT [--records N] [--batch B] …".into());
        };
        let mut numbers = HashMap::new();
        while let Some(flag) = args.next() {
            let name = flag.strip_prefix("--").ok_or_else(|| format!("`{flag}` is no flag"))?;
            numbers.insert(name.to_owned(), args.next().ok_or_else(|| format!("`{flag}` needs a number"))?);
        }
        Ok(Self { table, contestant, numbers })
    }

    /// The number of this name, or what it usually is.
    pub(crate) fn number<T: FromStr>(&self, name: &str, usual: T) -> Result<T> {
        let Some(text) = self.numbers.get(name) else { return Ok(usual) };
        text.replace('_', "").parse().map_err(|_error| format!("--{name} is no number: `{text}`").into())
    }

    /// That nobody goes by this name.
    pub(crate) fn unknown<T>(&self) -> Result<T> {
        Err(format!("no contestant named `{}` in `{}`", self.contestant, self.table).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names_and_defaults() {
        let arguments = Arguments::parse(["io", "ours", "--records", "20_000"].map(String::from).into_iter()).unwrap();
        assert_eq!((arguments.table.as_str(), arguments.contestant.as_str()), ("io", "ours"));
        assert_eq!(arguments.number("records", 1).unwrap(), 20_000);
        assert_eq!(arguments.number("batch", 500).unwrap(), 500);
        assert!(Arguments::parse(["io", "ours", "--records"].map(String::from).into_iter()).is_err());
        assert!(Arguments::parse(["io"].map(String::from).into_iter()).is_err());
    }
}
