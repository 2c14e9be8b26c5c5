//! `flights`, wired by the public builder that `pipeline!` expands to: the same plan, and the same
//! rows.

mod support;

#[path = "../src/bin/flights.rs"]
#[allow(dead_code, unreachable_pub, reason = "a program, taken in as a module")]
mod program;

use etl_connectors::sqlite;
use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::needs::{Context, Provides, Resource};
use etl_core::observe::report::{Report, Status};
use etl_core::policy::{Delivery, Policy, Threshold};
use etl_core::wiring::Plan;
use program::{Config, Flights, Registry, clean, departed, flights, flights_table, look_up, registry, warehouse};
use support::{Place, data};

/// What `pipeline!` would write.
struct ByHand {
    settings: Config,
    registry: Registry,
    warehouse: sqlite::Database,
}

impl Context for ByHand {}

impl Provides<Config> for ByHand {
    fn get(&self) -> &Config {
        &self.settings
    }
}

impl Provides<Registry> for ByHand {
    fn get(&self) -> &Registry {
        &self.registry
    }
}

impl Provides<sqlite::Database> for ByHand {
    fn get(&self) -> &sqlite::Database {
        &self.warehouse
    }
}

fn plan() -> Plan<ByHand> {
    let mut policy = Policy::NONE;
    policy.threshold = Threshold::rate(0.01);
    policy.delivery = Some(Delivery::ExactlyOnce);
    policy.dead_letter = true;
    Plan::build("Flights")
        .doc("Cleans the carriers' exports and loads them into the warehouse.")
        .resources(&["registry", "warehouse"])
        .policy(policy)
        .extract::<flights>()
        .transform::<clean>()
        .transform::<look_up>()
        .transform::<departed>()
        .load::<flights_table>()
}

fn settings(place: &Place, output: &str) -> Config {
    let text = serde_json::json!({ "input": data("flights.csv"), "output": place.path(output), "rejects": place.path("rejects.jsonl") });
    serde_json::from_value(text).unwrap()
}

fn assert_done(report: &Report) {
    assert_eq!(report.status, Status::Done, "{:?}", report.failure);
}

#[tokio::test]
async fn the_builder_makes_the_plan_and_the_rows_that_the_macro_makes() {
    assert_eq!(plan().outline(), Flights::plan().outline());

    let place = Place::new();
    let by_macro = Flights::plan();
    let options = RunOptions::new(by_macro.outline());
    let context = Flights::context(settings(&place, "macro.sqlite")).await.unwrap();
    let by_macro = by_macro.with(context, options).execute().await;
    assert_done(&by_macro);

    let by_hand = plan();
    let options = RunOptions::new(by_hand.outline());
    let settings = settings(&place, "flights.sqlite");
    let context = ByHand {
        registry: <registry as Resource>::make((&settings,)).await.unwrap(),
        warehouse: <warehouse as Resource>::make((&settings,)).await.unwrap(),
        settings,
    };
    let by_hand = by_hand.with(context, options).execute().await;
    assert_done(&by_hand);
    assert_eq!(by_hand.records, by_macro.records);

    let attach = format!("ATTACH '{}' AS other", place.path("macro.sqlite").display());
    let database = rusqlite::Connection::open(place.path("flights.sqlite")).unwrap();
    database.execute_batch(&attach).unwrap();
    let differing = "SELECT count(*) FROM flights AS a JOIN other.flights AS b ON a.rowid = b.rowid
                     WHERE (a.carrier, a.flight, a.distance, a.dep_delay, a.seats, a.speed_mph) IS NOT (b.carrier, b.flight, b.distance, b.dep_delay, b.seats, b.speed_mph)";
    assert_eq!(database.query_row(differing, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(place.number("SELECT count(*) FROM flights"), 26_483.0);
}
