//! What a stage has done outside of the process is undone where its records are not committed, and
//! only there: after a failure, after a stop, and by the next run after a crash.

#![allow(missing_docs, unreachable_pub, reason = "the stages of a test are public because the macros make public types of them")]

mod hotel;
#[cfg(all(unix, feature = "mutants"))]
mod killed;

use std::fs;

use etl_core::observe::report::{Report, Status};
use etl_core::{ErrorKind, Pipeline};

use hotel::{Aside, Config, Owned, Passing, Place, Plain, Told, Whole};

fn numbers(range: std::ops::Range<u64>) -> Vec<u64> {
    range.collect()
}

/// The run fails in the middle, and the next one does not.
fn in_two<P: Pipeline<Settings = Config>>() -> (Place, Report) {
    let mut place = Place::new(300);
    place.config.broken = Some(217);
    let failed = place.run::<P>(|options| options.stages[0].batch = 20);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.failure.as_ref().unwrap().code(), "Closed::Broken");
    assert_eq!(place.held(), place.loaded(), "what stands is what is in the table");
    assert!(!place.loaded().is_empty());
    assert_eq!(failed.compensated, place.undone().len() as u64);
    place.config.broken = None;
    let report = place.run::<P>(|_| {});
    assert_eq!((report.status, report.compensated), (Status::Done, 0));
    assert_eq!((place.held(), place.loaded()), (numbers(0..300), numbers(0..300)));
    (place, failed)
}

#[test]
fn a_run_that_ends_well_undoes_nothing_and_leaves_an_empty_log() {
    let place = Place::new(300);
    let report = place.run::<Aside>(|_| {});
    assert_eq!((report.status, report.compensated), (Status::Done, 0));
    assert_eq!((place.held(), place.loaded(), place.undone()), (numbers(0..300), numbers(0..300), Vec::new()));
    assert_eq!(fs::read(place.log()).unwrap(), b"");
}

#[test]
fn after_a_failure_exactly_what_is_not_committed_is_undone_and_the_newest_first() {
    let (place, _) = in_two::<Plain>();
    let undone: Vec<_> = place.undone().into_iter().map(|(guest, _)| guest).collect();
    assert!(undone.contains(&217) && undone.is_sorted_by(|a, b| a > b), "{undone:?}");
}

#[test]
fn records_that_are_given_away_are_undone_all_the_same() {
    in_two::<Owned>();
}

#[test]
fn calls_that_are_under_way_at_once_are_undone_all_the_same() {
    in_two::<Aside>();
}

#[test]
fn an_undoing_function_is_told_what_the_effect_returned_where_that_is_known() {
    let (place, _) = in_two::<Plain>();
    let unknown: Vec<_> = place.undone().into_iter().filter(|(_, room)| room.is_none()).map(|(guest, _)| guest).collect();
    // Those that were not called any more, and the one that failed.
    assert!(unknown.contains(&217) && unknown.iter().all(|guest| *guest >= 217), "{unknown:?}");
    assert!(place.undone().iter().all(|(guest, room)| room.as_ref().is_none_or(|room| *room == format!("room {guest}"))));
}

#[test]
fn what_an_earlier_run_left_is_undone_before_the_next_one_reads() {
    let mut place = Place::new(100);
    // Nobody undoes what the first run did, as if it was killed.
    (place.config.broken, place.config.closed) = (Some(60), true);
    let failed = place.run::<Plain>(|options| options.stages[0].batch = 20);
    assert_eq!((failed.status, failed.compensated), (Status::CompensationFailed, 0));
    (place.config.broken, place.config.closed) = (None, false);
    let report = place.run::<Plain>(|_| {});
    assert_eq!(report.compensated, failed.not_compensated.len() as u64);
    assert_eq!((place.held(), place.loaded()), (numbers(0..100), numbers(0..100)));
}

#[test]
fn what_cannot_be_undone_ends_the_run_as_such_and_is_listed_by_position_alone() {
    let mut place = Place::new(50);
    (place.config.broken, place.config.closed) = (Some(30), true);
    let report = place.run::<Plain>(|_| {});
    let failure = report.failure.as_ref().unwrap();
    assert_eq!((report.status, failure.kind()), (Status::CompensationFailed, ErrorKind::CompensationFailed));
    assert!(failure.causes().any(|cause| cause.contains("the run had failed")), "{failure}");
    let listed: Vec<_> = report.not_compensated.iter().map(|record| record.ordinal).collect();
    let loaded = place.loaded();
    assert!(listed.is_sorted_by(|a, b| a > b) && listed.iter().all(|guest| !loaded.contains(guest)), "{listed:?}");
    assert!(place.held().iter().all(|guest| loaded.contains(guest) || listed.contains(guest)), "{listed:?}");
    assert!(report.not_compensated.iter().all(|record| (&*record.stage, &*record.code) == ("book", "Closed::Shut")));
    let written = serde_json::to_string(&report).unwrap();
    assert!(!written.contains("guest of") && !written.contains("room "), "I8: {written}");
    // The next run reads nothing before it is undone.
    let again = place.run::<Plain>(|_| {});
    assert_eq!((again.status, again.records.extracted), (Status::CompensationFailed, 0));
}

#[test]
fn undoing_is_tried_again_where_its_error_says_so() {
    let mut place = Place::new(20);
    place.config.broken = Some(19);
    fs::write(&place.config.busy, "").unwrap();
    let report = place.run::<Aside>(|_| {});
    assert_eq!((report.status, report.compensated), (Status::Failed, place.undone().len() as u64));
    assert!(report.compensated > 0 && place.held() == place.loaded() && !place.config.busy.exists());
}

#[test]
fn i4_a_log_that_does_not_say_what_is_committed_is_outranked_by_the_target() {
    let mut place = Place::new(100);
    (place.config.broken, place.config.closed) = (Some(60), true);
    place.run::<Plain>(|options| options.stages[0].batch = 20);
    let committed = place.loaded();
    assert!(!committed.is_empty());
    // As if the process was killed between the commit and the line that says so.
    let log = fs::read_to_string(place.log()).unwrap();
    let without: String = log.split_inclusive('\n').filter(|line| !line.starts_with(r#"{"committed"#)).collect();
    assert_ne!(log, without);
    fs::write(place.log(), without).unwrap();
    (place.config.broken, place.config.closed) = (None, false);
    place.run::<Plain>(|_| {});
    let undone: Vec<_> = place.undone().into_iter().map(|(guest, _)| guest).collect();
    assert!(!undone.is_empty() && undone.iter().all(|guest| !committed.contains(guest)), "{undone:?}");
    assert_eq!((place.held(), place.loaded()), (numbers(0..100), numbers(0..100)));
}

#[test]
fn where_the_target_keeps_no_account_the_checkpoint_says_what_stands() {
    let mut place = Place::new(300);
    place.config.broken = Some(217);
    let failed = place.run::<Told>(|options| options.stages[0].batch = 20);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(place.held(), place.told());
    place.config.broken = None;
    assert_eq!(place.run::<Told>(|_| {}).status, Status::Done);
    assert_eq!((place.held(), place.told()), (numbers(0..300), numbers(0..300)));
}

/// `atomic: run`
#[test]
fn all_that_a_run_did_is_undone_where_it_is_committed_as_a_whole() {
    let mut place = Place::new(300);
    place.config.broken = Some(217);
    let failed = place.run::<Whole>(|options| {
        options.stages[0].batch = 20;
        options.checkpoint = std::time::Duration::from_millis(1);
    });
    assert_eq!(failed.status, Status::Failed);
    let list = place.config.journal.with_extension("csv");
    assert!(!list.exists());
    assert!(place.held().is_empty() && place.undone().len() > 217, "{:?}", place.held());
    place.config.broken = None;
    assert_eq!(place.run::<Whole>(|_| {}).status, Status::Done);
    assert_eq!(place.held(), numbers(0..300));
    assert_eq!(fs::read_to_string(list).unwrap().lines().count(), 301);
    assert_eq!(fs::read(place.log()).unwrap(), b"");
}

#[test]
fn a_program_that_no_longer_knows_how_to_undo_says_so() {
    use etl_core::prelude::*;
    #[transform]
    pub fn book(guest: hotel::Guest) -> hotel::Booked {
        hotel::Booked::in_the_street(guest)
    }
    use hotel::{database, guests, rooms};
    pipeline! {
        Plain {
            settings: Config,
            resources: [database],
            flow: guests => book => rooms,
            delivery: exactly_once,
        }
    }
    let mut place = Place::new(50);
    (place.config.broken, place.config.closed) = (Some(30), true);
    place.run::<hotel::Plain>(|_| {});
    let report = place.run::<Plain>(|options| options.accept_changes = true);
    assert_eq!((report.status, report.records.extracted), (Status::CompensationFailed, 0));
    assert!(report.failure.unwrap().causes().any(|cause| cause.contains("`book`, which knew how")));
}

#[cfg(unix)]
#[test]
fn i8_the_log_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new(10);
    place.run::<Plain>(|_| {});
    assert_eq!(fs::metadata(place.log()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_dry_run_and_a_source_that_cannot_be_read_again_are_refused() {
    let place = Place::new(10);
    let refused = place.run::<Plain>(|options| options.dry_run = true).failure.unwrap();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.message().contains("a dry run would make them all the same"), "{refused}");
    let refused = place.run::<Passing>(|_| {}).failure.unwrap();
    assert!(refused.message().contains("cannot be read again"), "{refused}");
    assert!(place.journal().is_empty(), "no stage was called");
    assert!(place.folder().exists());
}
