//! What the measurements come to: medians, bars, and the page with both.

use std::fmt::Write as _;
use std::time::Duration;

use super::crates::{STAGES_EACH, Variant};
use super::measure::Took;
use super::{Measured, SIZES};
use crate::step::Result;

/// The most that a bar allows.
const LIMIT: f64 = 1.3;
const PAGE: &str = include_str!("templates/page.md.txt");
/// The kinds of checks: what they are called, and which of the medians is theirs.
const COLD: Kind = ("cold", |one| one.cold);
const EDIT: Kind = ("one function edited", |one| one.edit);
type Kind = (&'static str, fn(&Medians) -> Median);

/// The variants in the order of the columns.
const COLUMNS: [Variant; 3] = [Variant::Macros, Variant::ByHand, Variant::Plain];

/// The medians of one crate.
struct Medians {
    variant: Variant,
    pipelines: u32,
    cold: Median,
    edit: Median,
}

/// Of several measurements, in seconds.
#[derive(Clone, Copy)]
struct Median {
    wall: f64,
    cpu: Option<f64>,
}

/// All of them.
pub(super) struct Results(Vec<Medians>);

/// Something that must not be larger than [`LIMIT`].
struct Bar {
    what: &'static str,
    ratio: f64,
}

impl Bar {
    fn holds(&self) -> bool {
        self.ratio <= LIMIT
    }

    fn verdict(&self) -> &'static str {
        if self.holds() { "PASS" } else { "FAIL" }
    }
}

impl Results {
    /// The medians; an error where nothing was measured.
    pub(super) fn of(measured: &[Measured]) -> Result<Self> {
        let medians = |one: &Measured| {
            let (cold, edit) = (Median::of(&one.cold)?, Median::of(&one.edit)?);
            Some(Medians { variant: one.variant, pipelines: one.pipelines, cold, edit })
        };
        let all: Option<Vec<_>> = measured.iter().map(medians).collect();
        Ok(Self(all.ok_or("nothing was measured")?))
    }

    /// The tables and the bars, as Markdown.
    pub(super) fn tables(&self) -> String {
        let mut text = String::from("Wall time of `cargo check`:\n\n");
        text.push_str(&self.times(&|median| Some(median.wall)));
        text.push_str("\nWall time per stage, above that of the program without pipelines:\n\n");
        text.push_str(&self.per_stage());
        if self.0.iter().all(|medians| medians.cold.cpu.is_some()) {
            text.push_str("\nUser time of cargo and the compiler, which a busy machine disturbs less:\n\n");
            text.push_str(&self.times(&|median| median.cpu));
        }
        text.push_str("\n| bar | measured | at most | |\n|---|--:|--:|---|\n");
        for bar in self.bars() {
            let _ = writeln!(text, "| {} | {:.2} | {LIMIT} | {} |", bar.what, bar.ratio, bar.verdict());
        }
        text
    }

    fn times(&self, of: &dyn Fn(Median) -> Option<f64>) -> String {
        let mut text = String::from("| | pipelines | macros | by hand | plain functions | macros / by hand | macros / plain |\n");
        text.push_str("|---|--:|--:|--:|--:|--:|--:|\n");
        for (kind, pick) in [COLD, EDIT] {
            for pipelines in SIZES {
                let [macros, by_hand, plain] = COLUMNS.map(|variant| of(pick(self.one(variant, pipelines))).unwrap_or(f64::NAN));
                let (to_hand, to_plain) = (macros / by_hand, macros / plain);
                let _ = writeln!(
                    text,
                    "| {kind} | {pipelines} | {macros:.2} s | {by_hand:.2} s | {plain:.2} s | {to_hand:.2} | {to_plain:.2} |"
                );
            }
        }
        text
    }

    fn per_stage(&self) -> String {
        let mut text = String::from("| | stages | macros | by hand | plain functions | macros / by hand |\n|---|--:|--:|--:|--:|--:|\n");
        for kind in [COLD, EDIT] {
            for pipelines in &SIZES[1..] {
                let [macros, by_hand, plain] = COLUMNS.map(|variant| 1e3 * self.stage(variant, *pipelines, kind));
                let (kind, stages, ratio) = (kind.0, pipelines * STAGES_EACH, macros / by_hand);
                let _ = writeln!(text, "| {kind} | {stages} | {macros:.2} ms | {by_hand:.2} ms | {plain:.2} ms | {ratio:.2} |");
            }
        }
        text
    }

    /// What one stage adds where there are so many pipelines, in seconds.
    fn stage(&self, variant: Variant, pipelines: u32, (_, pick): Kind) -> f64 {
        let added = pick(self.one(variant, pipelines)).wall - pick(self.one(variant, 0)).wall;
        added / f64::from(pipelines * STAGES_EACH)
    }

    fn bars(&self) -> [Bar; 2] {
        let edit = |variant| self.one(variant, 10).edit.wall;
        let stage = |pipelines| self.stage(Variant::Macros, pipelines, COLD);
        [
            Bar { what: "one function edited in 10 pipelines: macros / by hand", ratio: edit(Variant::Macros) / edit(Variant::ByHand) },
            Bar { what: "macros, cost per stage when cold: of 500 stages / of 100 stages", ratio: stage(50) / stage(10) },
        ]
    }

    /// An error that names the bars that do not hold.
    pub(super) fn judge(&self) -> Result<()> {
        let missed: Vec<_> =
            self.bars().into_iter().filter(|bar| !bar.holds()).map(|bar| format!("{} is {:.2}", bar.what, bar.ratio)).collect();
        if missed.is_empty() { Ok(()) } else { Err(format!("{}; at most {LIMIT} is allowed", missed.join(", and ")).into()) }
    }

    #[allow(clippy::expect_used, reason = "every variant of every size is generated and measured")]
    fn one(&self, variant: Variant, pipelines: u32) -> &Medians {
        let found = self.0.iter().find(|one| one.variant == variant && one.pipelines == pipelines);
        found.expect("every variant of every size is measured")
    }

    /// The page of the documentation.
    pub(super) fn page(&self, rounds: u32, compiler: &str) -> String {
        let cores = std::thread::available_parallelism().map_or_else(|_| "an unknown number of".to_owned(), |cores| cores.to_string());
        let system = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
        let lines = |variant: Variant| variant.pipeline(1, false).lines().count().to_string();
        let ratio = |of: &dyn Fn(Variant) -> f64| format!("{:.2}", of(Variant::Macros) / of(Variant::ByHand));
        let mut page = PAGE.to_owned();
        for (word, instead) in [
            ("TABLES", self.tables()),
            ("COLD_RATIO", ratio(&|variant| self.one(variant, 10).cold.wall)),
            ("EDIT_RATIO", ratio(&|variant| self.one(variant, 10).edit.wall)),
            ("COLD_ADDED", ratio(&|variant| self.stage(variant, 10, COLD))),
            ("EDIT_ADDED", ratio(&|variant| self.stage(variant, 10, EDIT))),
            ("ROUNDS", rounds.to_string()),
            ("COMPILER", compiler.to_owned()),
            ("CORES", cores),
            ("SYSTEM", system),
            ("MACRO_LINES", lines(Variant::Macros)),
            ("HAND_LINES", lines(Variant::ByHand)),
            ("PLAIN_LINES", lines(Variant::Plain)),
        ] {
            page = page.replace(word, &instead);
        }
        page
    }
}

impl Median {
    fn of(measured: &[Took]) -> Option<Self> {
        let cpu: Option<Vec<_>> = measured.iter().map(|took| took.cpu).collect();
        Some(Self { wall: median(measured.iter().map(|took| took.wall).collect())?, cpu: cpu.and_then(median) })
    }
}

/// In seconds; of an even number, the mean of the two in the middle.
fn median(mut times: Vec<Duration>) -> Option<f64> {
    times.sort_unstable();
    let middle = times.len() / 2;
    let upper = times.get(middle)?.as_secs_f64();
    let lower = if times.len().is_multiple_of(2) { times.get(middle - 1)?.as_secs_f64() } else { upper };
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cold, `stage` seconds a stage above one second; edited, half of that.
    fn results(stage: impl Fn(Variant, u32) -> u32) -> Results {
        let took = |millis: u32| Took { wall: Duration::from_millis(millis.into()), cpu: None };
        let measured = SIZES.into_iter().flat_map(|pipelines| Variant::ALL.map(|variant| (variant, pipelines)));
        let measured = measured.map(|(variant, pipelines)| {
            let cold = 1_000 + pipelines * STAGES_EACH * stage(variant, pipelines);
            // one slow round of three changes nothing
            let (cold, edit) = ([cold, 90_000, cold].map(took).to_vec(), [cold / 2, cold / 2, 90_000].map(took).to_vec());
            Measured { variant, pipelines, cold, edit }
        });
        Results::of(&measured.collect::<Vec<_>>()).expect("measured")
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |millis: &[u64]| median(millis.iter().copied().map(Duration::from_millis).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[5_000, 1_000, 3_000]), Some(3.0));
        assert_eq!(of(&[4_000, 1_000, 2_000, 9_000]), Some(3.0));
    }

    #[test]
    fn bars_that_hold_are_no_error() {
        let results = results(|_, _| 10);
        assert!(results.judge().is_ok());
        assert!(results.tables().contains("| macros, cost per stage when cold: of 500 stages / of 100 stages | 1.00 | 1.3 | PASS |"));
        assert!(results.tables().contains("| cold | 10 | 2.00 s | 2.00 s | 2.00 s | 1.00 | 1.00 |"));
        assert!(!results.tables().contains("User time"), "it is not known");
    }

    #[test]
    fn a_bar_that_does_not_hold_is_named() {
        let slower_than_by_hand = results(|variant, _| if variant == Variant::Macros { 20 } else { 10 });
        let said = slower_than_by_hand.judge().expect_err("a missed bar").to_string();
        assert_eq!(said, "one function edited in 10 pipelines: macros / by hand is 1.50; at most 1.3 is allowed");
        let page = slower_than_by_hand.page(7, "rustc 1.95.0");
        for said in
            ["with macros it takes 1.50 times as long as by hand when cold", "--rounds 7 --write` wrote this page, with rustc 1.95.0, "]
        {
            assert!(page.contains(said), "{page}");
        }
        let worse_the_more = results(|_, pipelines| pipelines);
        assert!(worse_the_more.judge().expect_err("a missed bar").to_string().contains("of 500 stages / of 100 stages is 5.00"));
    }
}
