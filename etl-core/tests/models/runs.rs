//! Runs one after the other into one target, each with what happens to it: whatever that is, the last
//! one leaves what an uninterrupted run leaves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use etl_core::observe::report::Status;
use etl_core::target::Keeps;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::support::{Fate, Fates};
use crate::target::Fault;
use crate::world::{Ended, How, Shape, World};

/// So many loads at most lie between two checkpoints.
const LOADS_BETWEEN_CHECKPOINTS: u64 = 16;

#[derive(Clone, Debug)]
enum Step {
    Run(How),
    Fold,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::Again),
        1 => Just(Fault::Refused),
        3 => Just(Fault::LostAgain),
        2 => Just(Fault::LostForGood),
        3 => Just(Fault::Crash),
        3 => Just(Fault::CrashBehind),
        1 => Just(Fault::TakenOver),
    ]
}

fn how() -> impl Strategy<Value = How> {
    (1_usize..12, 1_usize..24, 1_usize..4, prop::collection::btree_map(0_usize..60, fault(), 0..6), any::<bool>())
        .prop_map(|(batch, travelling, threads, script, tears)| How { batch, travelling, threads, script, tears })
}

fn fates(loads: bool) -> impl Strategy<Value = Fates> {
    let fate = if loads {
        prop_oneof![Just(Fate::Skip), Just(Fate::Reject)].boxed()
    } else {
        prop_oneof![Just(Fate::Skip), Just(Fate::Reject), Just(Fate::Filter), Just(Fate::Expand(2))].boxed()
    };
    (3_u64..17, prop::collection::btree_map(0_u64..17, fate, 0..4)).prop_map(|(modulus, by_remainder)| Fates { modulus, by_remainder })
}

fn shape() -> impl Strategy<Value = Shape> {
    (0_u64..120, fates(false), fates(true), any::<bool>(), 0_u8..3).prop_map(|(count, fates, load_fates, spoils, flow)| Shape {
        count,
        fates,
        load_fates,
        spoils,
        flow,
    })
}

/// What is done, whatever comes of it: the oracle is the shape alone.
struct Steps;

impl ReferenceStateMachine for Steps {
    type State = Shape;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Shape> {
        shape().boxed()
    }

    fn transitions(_: &Shape) -> BoxedStrategy<Step> {
        prop_oneof![5 => how().prop_map(Step::Run), 1 => Just(Step::Fold)].boxed()
    }

    fn apply(shape: Shape, _: &Step) -> Shape {
        shape
    }
}

/// A world, and how many more of each number than wanted may be there.
struct Model<const KEEPS: u8> {
    world: World,
    doubled: u64,
}

const LEDGER: u8 = 0;
const MARK: u8 = 1;
const NOTHING: u8 = 2;

impl<const KEEPS: u8> StateMachineTest for Model<KEEPS> {
    type SystemUnderTest = Self;
    type Reference = Steps;

    fn init_test(shape: &Shape) -> Self {
        let keeps = match KEEPS {
            LEDGER => Keeps::Ledger,
            MARK => Keeps::Mark,
            _ => Keeps::Nothing,
        };
        Self { world: World::new(shape.clone(), keeps), doubled: 0 }
    }

    fn apply(mut model: Self, _: &Shape, step: Step) -> Self {
        match step {
            Step::Fold => model.world.fold(),
            Step::Run(how) => model.run(&how),
        }
        model
    }

    fn check_invariants(model: &Self, shape: &Shape) {
        assert_eq!(model.world.broken(), Vec::<String>::new());
        let wanted = shape.rows();
        for (number, times) in model.world.rows() {
            let most = wanted.get(&number).copied().unwrap_or(0);
            assert!(most > 0, "{number} is loaded and should not be");
            assert!(KEEPS == NOTHING || times <= most, "{number} is there {times} times");
        }
    }

    fn teardown(mut model: Self, shape: Shape) {
        model.run(&How::well());
        Self::check_invariants(&model, &shape);
        let report = model.world.run(&How::well());
        let Ended::Reported(report) = report else { panic!("nothing kills it") };
        assert_eq!(report.status, Status::Done, "{:?}", report.failure);
        if KEEPS == NOTHING {
            let (there, wanted) = (model.world.rows(), shape.rows());
            assert_eq!(there.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "every number is there");
            let more = there.values().sum::<u64>() - wanted.values().sum::<u64>();
            assert!(more <= model.doubled, "{more} are doubled, {} were announced", model.doubled);
        } else {
            assert_eq!(model.world.rows(), shape.rows(), "each once");
        }
        assert_eq!(report.all_runs, Some(shape.totals()), "the totals are those of an uninterrupted run");
        let mut lettered = model.world.lettered();
        if KEEPS == NOTHING {
            lettered.dedup();
        }
        lettered.dedup_by(|a, b| a == b && model_expands(&shape, *a));
        assert_eq!(lettered, shape.rejected().collect::<Vec<_>>(), "each rejected record has a letter");
        if KEEPS == LEDGER {
            model.tiles(&shape);
        }
    }
}

/// Whether each of the records that a number becomes may have a letter of its own.
fn model_expands(shape: &Shape, number: u64) -> bool {
    matches!(shape.fates.of(number), Some(Fate::Expand(_)))
}

impl<const KEEPS: u8> Model<KEEPS> {
    fn run(&mut self, how: &How) {
        let Ended::Reported(report) = self.world.run(how) else {
            // Its expansion is four at most, and what was loaded by halves is a load too.
            self.doubled += LOADS_BETWEEN_CHECKPOINTS * how.batch as u64 * 4;
            return;
        };
        let taken_over = self.world.table.disk().taken_over;
        match &report.failure {
            None => assert!(!taken_over || KEEPS != LEDGER, "a run that another one has taken over from must not end well"),
            Some(failure) => {
                let scripted = failure.message().contains("as the script says") || failure.message().contains("as the number asked");
                assert!(scripted || matches!(failure.code(), "fenced" | "connection_lost"), "{failure:?}");
                // What was written, though the answer said that it was not, nobody can announce.
                let lost = how.script.values().filter(|fault| matches!(fault, Fault::LostForGood | Fault::LostAgain)).count() as u64;
                self.doubled += report.may_double.unwrap_or(0);
                self.doubled += lost * how.batch as u64 * 4;
                return;
            }
        }
        let lost = how.script.values().filter(|fault| matches!(fault, Fault::LostAgain)).count() as u64;
        self.doubled += lost * how.batch as u64 * 4;
    }

    /// The ledger holds each record of the source once.
    fn tiles(&self, shape: &Shape) {
        let disk = self.world.table.disk();
        let mut done: BTreeMap<u64, u64> = BTreeMap::new();
        for ordinal in disk.entries.iter().flat_map(|entry| entry.range.clone()) {
            *done.entry(ordinal).or_insert(0) += 1;
        }
        assert_eq!(done, (0..shape.count).map(|ordinal| (ordinal, 1)).collect(), "the ledger tiles the source");
    }
}

/// As many cases as `PROPTEST_CASES` says, or 64; again and again for `PROPERTY_BUDGET_SECS`.
fn check<const KEEPS: u8>() {
    let set = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let budget = Duration::from_secs(set("PROPERTY_BUDGET_SECS").unwrap_or(0));
    let cases = set("PROPTEST_CASES").map_or(64, |cases| u32::try_from(cases).unwrap());
    let config = Config { cases, source_file: Some(file!()), max_shrink_iters: 400, ..Config::default() };
    let begun = Instant::now();
    loop {
        let mut runner = TestRunner::new(config.clone());
        let checked = runner.run(&Steps::sequential_strategy(1..6), |(shape, steps, seen)| {
            Model::<KEEPS>::test_sequential(config.clone(), shape, steps, seen);
            Ok(())
        });
        if let Err(error) = checked {
            panic!("{error}\n{runner}");
        }
        if begun.elapsed() >= budget {
            return;
        }
    }
}

#[test]
fn i2_a_ledger_holds_each_record_once_whatever_happens_to_the_runs() {
    check::<LEDGER>();
}

#[test]
fn i2_a_file_with_a_mark_holds_each_record_once_whatever_happens_to_the_runs() {
    check::<MARK>();
}

#[test]
fn i1_where_nothing_is_kept_no_record_is_lost_and_no_more_are_doubled_than_announced() {
    check::<NOTHING>();
}

#[test]
fn what_a_load_that_ended_half_way_has_written_is_announced() {
    let load_fates = Fates { modulus: 4, by_remainder: BTreeMap::from([(2, Fate::Skip)]) };
    let shape = Shape { count: 4, fates: Fates::default(), load_fates, spoils: true, flow: 0 };
    let world = World::new(shape, Keeps::Nothing);
    // The first half is committed; the second is refused.
    let script = BTreeMap::from([(5, Fault::Refused)]);
    let ended = world.run(&How { batch: 4, travelling: 4, threads: 1, script, tears: false });
    let Ended::Reported(report) = ended else { panic!("nothing kills it") };
    assert_eq!((report.status, report.may_double), (Status::Failed, Some(2)));
    let Ended::Reported(report) = world.run(&How::well()) else { panic!("nothing kills it") };
    assert_eq!(report.status, Status::Done);
    assert_eq!(world.rows(), BTreeMap::from([(0, 2), (1, 2), (3, 1)]));
}
