//! `cargo xtask fuzz`: every decoder against bytes that nobody would write.
//!
//! The targets are those of cargo-fuzz, built here by the flags that it would give, so that nothing has to be installed but
//! a C++ compiler (for libFuzzer itself). The address sanitizer needs a flag that the pinned compiler has but hides.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use crate::step::{Result, cargo, command, output, root, run, step};

/// How long one input may take, in seconds.
const HANG: u32 = 10;
/// The longest input that is tried, in bytes: several of the smallest blocks.
const LENGTH: u32 = 16 << 10;
/// The most memory that a target may take, in MiB.
const MEMORY: u32 = 2_048;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    /// How long each target runs; 0 for the corpus alone.
    pub(crate) seconds: u32,
    /// Whether the smallest corpus that reaches as much replaces the one in the repository.
    pub(crate) keep: bool,
    /// All of them where none is named.
    pub(crate) targets: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: 60, keep: false, targets: Vec::new() }
    }
}

/// How a target has fared.
struct Outcome {
    target: String,
    executions: u64,
    seconds: f64,
    corpus: usize,
    /// Inputs that crash it, hang it, or make it take too much memory.
    crashes: Vec<PathBuf>,
    ended_well: bool,
}

/// Builds the targets, runs each, and prints a table.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    let known = targets(&root().join("fuzz/fuzz_targets"))?;
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        return Err(format!("no target named `{unknown}`: there are {}", known.join(", ")).into());
    }
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    let host = host()?;
    step("build", || build(&host))?;
    let programs = root().join("target/fuzz").join(&host).join("release");
    let mut outcomes = Vec::new();
    for target in chosen {
        step(target, || {
            outcomes.push(attack(target, &programs.join(target), options)?);
            Ok(())
        })?;
    }
    print!("\n{}", table(&outcomes));
    let broken: Vec<_> = outcomes.iter().filter(|outcome| !outcome.ended_well || !outcome.crashes.is_empty()).collect();
    for outcome in &broken {
        for crash in &outcome.crashes {
            println!("again: {} {}", programs.join(&outcome.target).display(), crash.display());
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("{} of {} targets crashed", broken.len(), outcomes.len()).into()) }
}

/// The names of the files of targets.
fn targets(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn host() -> Result<String> {
    let version = output(command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say what it runs on")?.to_owned())
}

/// With a target named, the flags are not given to build scripts.
fn build(host: &str) -> Result<()> {
    let mut flags = vec![
        "--cfg",
        "fuzzing",
        "-Cpasses=sancov-module",
        "-Cllvm-args=-sanitizer-coverage-level=4",
        "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
        "-Cllvm-args=-sanitizer-coverage-pc-table",
        "-Cllvm-args=-sanitizer-coverage-trace-compares",
        "-Ccodegen-units=1",
    ];
    if host.ends_with("linux-gnu") {
        flags.push("-Zsanitizer=address");
    }
    let mut cargo = cargo(&["build", "--release", "--bins", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target/fuzz"]);
    cargo.args(["--target", host]).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags.join(" "));
    run(&mut cargo)
}

fn attack(target: &str, program: &Path, options: &Options) -> Result<Outcome> {
    let seeds = root().join("fuzz/corpus").join(target);
    let work = root().join("target/fuzz/work").join(target);
    let (found, artifacts) = (work.join("found"), work.join("artifacts"));
    for directory in [&seeds, &found, &artifacts] {
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let earlier = files(&artifacts)?;
    let mut fuzzer = command(program);
    fuzzer.arg(&found).arg(&seeds).args(limits(&artifacts)).arg("-print_final_stats=1");
    fuzzer.arg(if options.seconds == 0 { "-runs=0".to_owned() } else { format!("-max_total_time={}", options.seconds) });
    let begun = Instant::now();
    let ran = fuzzer.stdout(Stdio::null()).stderr(Stdio::piped()).output().map_err(|error| format!("{target}: {error}"))?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        // The last lines say where.
        let lines: Vec<_> = said.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(60)..].join("\n"));
    } else if options.keep {
        keep(program, &work.join("smallest"), &[&found, &seeds], &seeds)?;
    }
    let crashes = files(&artifacts)?.into_iter().filter(|path| !earlier.contains(path)).collect();
    Ok(Outcome {
        target: target.to_owned(),
        executions: executions(&said),
        seconds,
        corpus: files(&seeds)?.len(),
        crashes,
        ended_well: ran.status.success(),
    })
}

fn limits(artifacts: &Path) -> Vec<String> {
    vec![
        format!("-timeout={HANG}"),
        format!("-rss_limit_mb={MEMORY}"),
        format!("-max_len={LENGTH}"),
        format!("-artifact_prefix={}/", artifacts.display()),
    ]
}

/// Puts the fewest inputs that reach everything into the place of the corpus.
fn keep(program: &Path, smallest: &Path, from: &[&Path], corpus: &Path) -> Result<()> {
    if smallest.is_dir() {
        fs::remove_dir_all(smallest)?;
    }
    fs::create_dir_all(smallest)?;
    let mut merge = command(program);
    // Which branches are taken counts, and not how often: otherwise there are thousands.
    merge.args(["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0"]).arg(smallest).args(from);
    let merged = merge.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !merged.success() {
        return Err(format!("the corpus could not be made smaller: {merged}").into());
    }
    fs::remove_dir_all(corpus)?;
    fs::create_dir_all(corpus)?;
    for file in files(smallest)? {
        fs::copy(&file, corpus.join(file.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// How many inputs were tried, by what libFuzzer says at the end.
fn executions(said: &str) -> u64 {
    let count = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn table(outcomes: &[Outcome]) -> String {
    let mut table = "| target | executions | a second | corpus | crashes |\n|---|---:|---:|---:|---:|\n".to_owned();
    for outcome in outcomes {
        let a_second = outcome.executions as f64 / outcome.seconds.max(1.0);
        let Outcome { target, executions, corpus, crashes, .. } = outcome;
        table += &format!("| {target} | {executions} | {a_second:.0} | {corpus} | {} |\n", crashes.len());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_the_fuzzer_is_understood() {
        let said = "#5 DONE\nDone 12512 runs in 26 second(s)\nstat::number_of_executed_units: 12512\nstat::peak_rss_mb: 187\n";
        assert_eq!(executions(said), 12_512);
        assert_eq!(executions("killed"), 0);
    }

    #[test]
    fn each_target_is_a_program_of_its_package() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let manifest = fs::read_to_string(package.join("Cargo.toml")).expect("the package is there");
        for target in targets(&package.join("fuzz_targets")).expect("the targets are there") {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target} has no [[bin]]");
        }
    }

    #[test]
    fn crashes_are_counted_in_the_table() {
        let outcome =
            Outcome { target: "csv".into(), executions: 1_000, seconds: 10.0, corpus: 7, crashes: vec!["a".into()], ended_well: false };
        assert!(table(&[outcome]).ends_with("| csv | 1000 | 100 | 7 | 1 |\n"));
    }
}
