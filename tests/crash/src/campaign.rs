//! Goes through kinds and classes, and sums up.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;
use crate::args::Args;
use crate::class::Class;
use crate::freight::Freight;
use crate::kinds::Kind;
use crate::log::{self, Entry, Version};
use crate::outcome::Outcome;
use crate::table::Table;
use crate::yard::Yard;
use crate::{control, cut, grown, kill, power, reader, server, spoil, stall, zombie};

/// How many bad rounds of a kind and class are told one by one.
const BAD_SHOWN: u64 = 5;

/// Runs what was asked for. Returns whether every promise was kept and every seeded bug caught.
///
/// # Errors
/// The harness itself fails.
pub fn run(args: &Args) -> Result<bool> {
    if let Some(file) = &args.report {
        let mut table = Table::default();
        log::read(file, &log::codes(&workspace())?)?.iter().for_each(|entry| table.add(entry));
        print!("{}", table.markdown());
        return Ok(table.bad() == 0);
    }
    let directory = args.directory.clone().unwrap_or_else(usual_directory);
    let program = std::env::current_exe()?.with_file_name(format!("ferry{}", std::env::consts::EXE_SUFFIX));
    let version = log::version(&program, &workspace())?;
    let _ours = Yard::lock(&directory)?;
    let mut yard = Yard::open(&directory, &program, Freight { records: args.records }, !args.from_scratch)?;
    yard.mutant.clone_from(&args.mutant);
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("code {} at commit {}; rounds in {}; seed {seed}", version.code, version.commit, directory.display());
    let mut campaign = Campaign { args, version, seed, table: Table::default(), until: args.budget.map(|budget| Instant::now() + budget) };
    let mut all_caught = true;
    for (place, kind) in args.kinds.iter().enumerate() {
        let share = campaign.share(args.kinds.len() - place);
        if *kind == Kind::Control {
            all_caught = control::all(&yard, args, seed, share)?;
        } else {
            campaign.kind(&mut yard, *kind, share)?;
        }
    }
    print!("\n{}", campaign.table.plain());
    Ok(campaign.table.bad() == 0 && all_caught)
}

struct Campaign<'a> {
    args: &'a Args,
    version: Version,
    seed: u64,
    table: Table,
    until: Option<Instant>,
}

impl Campaign<'_> {
    /// When the first of so many kinds that are left must have ended.
    fn share(&self, left: usize) -> Option<Instant> {
        let until = self.until?;
        let now = Instant::now();
        Some(now + until.saturating_duration_since(now) / u32::try_from(left).unwrap_or(1))
    }

    /// All rounds of a kind: class by class in turn, so that a budget is spread evenly.
    fn kind(&mut self, yard: &mut Yard, kind: Kind, until: Option<Instant>) -> Result<()> {
        let classes: Vec<_> = self.args.classes.iter().copied().filter(|class| kind.fits(*class)).collect();
        let over = |until: Option<Instant>| until.is_some_and(|until| Instant::now() >= until);
        if kind.is_exhaustive() {
            for (place, class) in classes.iter().enumerate() {
                let left = u32::try_from(classes.len() - place).unwrap_or(1);
                let share = until.map(|until| Instant::now() + until.saturating_duration_since(Instant::now()) / left);
                let begun = Instant::now();
                let (mut rounds, seed) = (0, self.seed);
                // Where there is no time for all places, some of them from everywhere in the run.
                let sample = until.map(|_| seed);
                let mut note = |seed: u64, outcome: &Outcome| {
                    rounds += 1;
                    self.note(kind, *class, seed, outcome)
                };
                let goes_on = || !over(share);
                match kind {
                    Kind::Syscall => spoil::kills(yard, *class, sample, goes_on, &mut note)?,
                    Kind::Errno => spoil::errors(yard, *class, sample, goes_on, &mut note)?,
                    _ => power::failures(yard, *class, seed, sample.is_some(), goes_on, &mut note)?,
                }
                self.progress(kind, *class, rounds, begun.elapsed());
            }
            return Ok(());
        }
        let mut done = 0;
        let begun = Instant::now();
        while !over(until) && (until.is_some() || done < self.args.rounds) && !classes.is_empty() {
            for class in &classes {
                let seed = self.seed + done;
                let outcome = random_round(kind, yard, *class, seed)?;
                self.note(kind, *class, seed, &outcome)?;
            }
            done += 1;
        }
        for class in &classes {
            self.progress(kind, *class, done, begun.elapsed() / u32::try_from(classes.len()).unwrap_or(1));
        }
        Ok(())
    }

    fn note(&mut self, kind: Kind, class: Class, seed: u64, outcome: &Outcome) -> Result<()> {
        let mut entry = Entry::of(&self.version, kind, class, seed, outcome);
        if kind.is_exhaustive() && self.until.is_some() {
            // Nobody shall take a part of the places for all of them.
            entry.kind += " (sample)";
        }
        if entry.bad > 0 {
            let known = self.table.bad_of(&entry.kind, class.name());
            match known {
                0..BAD_SHOWN => println!("BAD {} {} (seed {seed}): {}", kind.name(), class.name(), entry.words),
                BAD_SHOWN => println!("BAD {} {}: and more", kind.name(), class.name()),
                _ => {}
            }
        }
        if let Some(file) = &self.args.append {
            log::append(file, &entry)?;
        }
        self.table.add(&entry);
        Ok(())
    }

    fn progress(&self, kind: Kind, class: Class, rounds: u64, took: Duration) {
        let each = took.as_secs_f64() / rounds.max(1) as f64;
        println!("{} {}: {rounds} rounds in {:.1} s, {each:.2} s each", kind.name(), class.name(), took.as_secs_f64());
    }
}

/// A round of a kind that has no last one.
///
/// # Errors
/// The harness itself fails.
pub(crate) fn random_round(kind: Kind, yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    match kind {
        Kind::Reader => reader::round(yard, class, seed),
        Kind::Zombie => zombie::round(yard, class, seed),
        Kind::Grown => grown::round(yard, class, seed),
        Kind::Server => server::round(yard, class, seed),
        Kind::Cut => cut::round(yard, class, seed),
        Kind::Stall => stall::round(yard, class, seed),
        _ => kill::round(yard, class, seed),
    }
}

/// The root of the workspace that this was compiled in.
pub(crate) fn workspace() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = || std::env::current_dir().unwrap_or_default();
    let start = package.unwrap_or_else(here);
    let root = start.ancestors().find(|directory| directory.join("etl-core/src").is_dir());
    root.map_or_else(here, Path::to_owned)
}

/// In memory, where that is a directory: a kill does not care, and a round is faster.
fn usual_directory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    base.join(format!("etl-crash-{}", std::process::id()))
}
