//! The program that loads into PostgreSQL, through the built binary, against a server of its own.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use support::{Place, Ran, data};

/// A database with the table of the example.
struct Warehouse {
    url: String,
    client: postgres::Client,
}

impl Warehouse {
    fn new() -> Self {
        let url = etl_postgres_server::database();
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client.batch_execute(&std::fs::read_to_string(data("flights_postgres.sql")).unwrap()).unwrap();
        Self { url, client }
    }

    fn number(&mut self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).unwrap().get(0)
    }
}

fn flights_postgres(place: &Place, input: &Path, url: &str, more: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flights_postgres"));
    command.arg("run").args(["--set", &format!("input={}", input.display()), "--set", &format!("database={url}")]);
    command.args(["--set", &format!("rejects={}", place.path("rejects.jsonl").display())]);
    command.arg("--report").arg(place.path("report.json")).args(more);
    place.run(command)
}

#[test]
fn counts_and_sums_per_carrier_are_those_of_the_raw_csv() {
    let (place, mut warehouse) = (Place::new(), Warehouse::new());
    let ran = flights_postgres(&place, &data("flights.csv"), &warehouse.url, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.assert_conserved();
    let mut raw: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(data("flights.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (carrier, delay, distance) = (at("carrier"), at("dep_delay"), at("distance"));
    for record in reader.records() {
        let record = record.unwrap();
        if let Ok(delay) = record[delay].parse::<i64>() {
            let sums = raw.entry(record[carrier].to_owned()).or_default();
            *sums = (sums.0 + 1, sums.1 + delay, sums.2 + record[distance].parse::<i64>().unwrap());
        }
    }
    let rows = warehouse.client.query("SELECT carrier, count(*), sum(dep_delay), sum(distance) FROM flights GROUP BY 1", &[]).unwrap();
    let loaded: BTreeMap<_, _> = rows.iter().map(|row| (row.get::<_, String>(0), (row.get(1), row.get(2), row.get(3)))).collect();
    assert_eq!(loaded, raw);
    assert_eq!(ran.total("loaded"), raw.values().map(|sums| sums.0.unsigned_abs()).sum::<u64>());
    assert_eq!(warehouse.number("SELECT count(*) FROM flights WHERE departed_on NOT BETWEEN '2013-01-01' AND '2013-01-31'"), 0);
}

#[test]
fn i2_a_second_run_loads_nothing() {
    let (place, mut warehouse) = (Place::new(), Warehouse::new());
    assert_eq!(flights_postgres(&place, &data("flights.csv"), &warehouse.url, &[]).code, 0);
    let count = warehouse.number("SELECT count(*) FROM flights");
    let again = flights_postgres(&place, &data("flights.csv"), &warehouse.url, &[]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!((again.total("loaded"), warehouse.number("SELECT count(*) FROM flights")), (0, count));
}

#[test]
fn i2_commits_whose_answers_are_lost_are_found_out_before_a_unique_key_refuses_the_records() {
    let (place, mut warehouse) = (Place::new(), Warehouse::new());
    warehouse.client.batch_execute("CREATE UNIQUE INDEX ON flights (departed_on, carrier, flight, origin, sched_dep_time)").unwrap();
    let proxy = etl_postgres_server::Proxy::before(&warehouse.url).unwrap();
    // The first two are those of the ledger's tables and of the claim.
    proxy.lose_commits(2, 4);
    let ran = flights_postgres(&place, &data("flights.csv"), &proxy.url(&warehouse.url), &[]);
    assert_eq!((ran.code, proxy.still_to_lose()), (0, 0), "{}", ran.stderr);
    ran.assert_conserved();
    assert_eq!((ran.total("loaded"), ran.total("rejected")), (26_483, 0));
    assert_eq!(warehouse.number("SELECT count(*) FROM flights"), 26_483);
    assert!(place.rejects().is_empty());
}

#[test]
fn i8_a_server_that_is_away_is_told_without_the_password() {
    let place = Place::new();
    let ran = flights_postgres(&place, &data("flights.csv"), "postgresql://ann:canary@127.0.0.1:1/warehouse", &[]);
    ran.assert_fails(75, &["127.0.0.1:1/warehouse"]);
    assert!(!ran.stderr.contains("canary") && !ran.stdout.contains("canary"));
}
