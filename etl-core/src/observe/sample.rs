//! A pipeline of which only the outline exists, for tests.

use std::time::Duration;

use crate::contract::error::{Class, Classes};
use crate::contract::guarantee::TargetKind;
use crate::contract::policy::{Delivery, Policy, Threshold};
use crate::contract::stage::{Role, StageDefinition, StageOptions, Takes};
use crate::engine::wiring::{Edge, Outline};

/// Flights that are cleaned, filtered and loaded.
pub(crate) fn outline() -> Outline {
    let flights = StageDefinition {
        output: "RawFlight",
        needs: &["Config"],
        replayable: true,
        decodes: true,
        doc: "The carriers' exports.",
        ..StageDefinition::new("flights", Role::Extractor)
    };
    let clean = StageDefinition {
        doc: "Times of day, and registered carriers only.",
        takes: Takes::Record,
        input: "RawFlight",
        output: "Flight",
        needs: &["Carriers"],
        classes: Classes::FAIL.with(Class::Reject),
        options: StageOptions { parallel: true, batch: Some(500), validate_output: true, ..StageOptions::NONE },
        ..StageDefinition::new("clean", Role::Transform)
    };
    let locate = StageDefinition {
        is_async: true,
        takes: Takes::RecordLent,
        input: "Flight",
        output: "Located<Flight>",
        classes: Classes::FAIL.with(Class::Retry).with(Class::Skip),
        options: StageOptions {
            concurrency: Some(8),
            retries: Some(3),
            backoff: Some(Duration::from_millis(200)),
            timeout: Some(Duration::from_secs(5)),
            ..StageOptions::NONE
        },
        ..StageDefinition::new("locate", Role::Transform)
    };
    let departed =
        StageDefinition { input: "Located<Flight>", output: "Located<Flight>", ..StageDefinition::new("departed", Role::Filter) };
    let flights_table = StageDefinition {
        is_async: true,
        input: "Located<Flight>",
        needs: &["Warehouse"],
        transactional: true,
        target: TargetKind::Commits,
        classes: Classes::FAIL.with(Class::Retry),
        options: StageOptions { batch: Some(5_000), retries: Some(3), timeout: Some(Duration::from_secs(30)), ..StageOptions::NONE },
        ..StageDefinition::new("flights_table", Role::Loader)
    };

    let stages = vec![flights, clean, locate, departed, flights_table];
    Outline {
        name: "DailyFlights",
        doc: "Cleans the carriers' exports and loads them into the warehouse.",
        edges: (1..stages.len()).map(|to| Edge { from: to - 1, to }).collect(),
        stages,
        resources: vec!["carriers", "warehouse"],
        policy: Policy { threshold: Threshold::rate(0.01), delivery: Some(Delivery::AtLeastOnce), dead_letter: true, ..Policy::NONE },
    }
}
