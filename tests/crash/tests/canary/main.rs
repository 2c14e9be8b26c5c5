//! The leak test: every field of every record and every secret is a canary, everything goes wrong
//! that can, at `RUST_LOG=trace`, and no canary is heard where it has no business to be (I8).
//!
//! Searched are stdout, stderr, the report and everything in the state folder and beside it. Records
//! may be in the source, the target, the dead letters, the log of intents, and on stdout where
//! `dlq show` was asked for them. What an author logs is the author's affair, and is the control.

#![allow(missing_docs, unreachable_pub, reason = "a test")]

mod cage;
mod flock;
mod place;
mod postgres;
mod scenario;
mod scenarios;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use place::Voice;
use scenario::{Outcome, Scenario};

const VOICES: [Voice; 2] = [Voice::Text, Voice::Json];

/// Runs them, some at a time.
fn outcomes(scenarios: &[Scenario]) -> Vec<Outcome> {
    let jobs: Vec<_> = scenarios.iter().flat_map(|scenario| VOICES.map(|voice| (scenario, voice))).collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((scenario, voice)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = scenario.run(*voice);
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn no_canary_is_heard(scenarios: &[Scenario]) {
    let outcomes = outcomes(scenarios);
    assert_eq!(outcomes.len(), scenarios.len() * VOICES.len());
    let canaries: BTreeSet<_> = outcomes.iter().flat_map(|outcome| &outcome.canaries).collect();
    let hits: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.hits).collect();
    let wrong: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.wrong).collect();
    println!("{} canaries x {} scenarios, {} hits", canaries.len(), outcomes.len(), hits.len());
    for (place, hit) in &hits {
        println!("{place}: {}: {}", hit.form, hit.context);
    }
    for wrong in &wrong {
        println!("{wrong}");
    }
    assert!(canaries.len() > 200 && hits.is_empty() && wrong.is_empty(), "{} hits, {} wrong", hits.len(), wrong.len());
}

#[test]
fn i8_no_canary_is_heard_outside_of_the_dead_letters() {
    no_canary_is_heard(&scenarios::all());
}

#[test]
fn i8_no_canary_is_heard_on_the_way_to_postgres() {
    no_canary_is_heard(&postgres::all());
}

/// The control: logs at `trace` are written, and searched, and so is what is on the disk.
#[test]
fn a_stage_that_tells_its_record_is_heard() {
    let control = scenarios::control();
    assert!(control.control);
    for voice in VOICES {
        let heard = control.run(voice).hits;
        assert!(heard.iter().any(|(place, _)| place.ends_with("stderr")), "in logs as {voice:?}: {heard:?}");
    }
}
