//! The program that loads into PostgreSQL, through the built binary, against a server of its own.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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

fn command(place: &Place, input: &Path, url: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flights_postgres"));
    command.arg("run").args(["--set", &format!("input={}", input.display()), "--set", &format!("database={url}")]);
    command.args(["--set", &format!("rejects={}", place.path("rejects.jsonl").display())]);
    command.arg("--report").arg(place.path("report.json")).args(more);
    command
}

fn flights_postgres(place: &Place, input: &Path, url: &str, more: &[&str]) -> Ran {
    place.run(command(place, input, url, more))
}

/// A server of its own, which is lost while a run loads, and the run.
struct Outage {
    server: etl_postgres_server::Server,
    url: String,
    run: Child,
    said: BufReader<std::process::ChildStderr>,
    /// What it said until it noticed.
    stderr: String,
}

impl Outage {
    fn begin(place: &Place) -> Self {
        let server = etl_postgres_server::Server::start().unwrap();
        let url = server.database().unwrap();
        let mut observer = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        observer.batch_execute(&std::fs::read_to_string(data("flights_postgres.sql")).unwrap()).unwrap();
        // A flight that came twice would be a dead letter.
        observer.batch_execute("CREATE UNIQUE INDEX ON flights (departed_on, carrier, flight, origin, sched_dep_time)").unwrap();
        // Slow enough to be met half-way.
        let slow = ["batch=500", "rate=5000/s", "retries=1", "outage=1h", "concurrency=2"].map(|option| format!("flights_table.{option}"));
        let slow: Vec<&str> = slow.iter().flat_map(|option| ["--set", option]).collect();
        let mut command = command(place, &data("flights.csv"), &url, &slow);
        command.env_remove("RUST_LOG").current_dir(place.path("")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = command.spawn().unwrap();
        let mut said = BufReader::new(run.stderr.take().unwrap());
        while observer.query_one("SELECT count(*) FROM flights", &[]).unwrap().get::<_, i64>(0) == 0 {
            assert_eq!(run.try_wait().unwrap(), None, "it is under way");
        }
        server.crash().unwrap();
        let mut stderr = String::new();
        while !stderr.contains("is waited for") {
            assert_ne!(said.read_line(&mut stderr).unwrap(), 0, "{stderr}");
        }
        Self { server, url, run, said, stderr }
    }

    fn flights(&self) -> i64 {
        let mut observer = postgres::Client::connect(&self.url, postgres::NoTls).unwrap();
        observer.query_one("SELECT count(*) FROM flights", &[]).unwrap().get(0)
    }

    /// Waits for the end of the run, and says its exit code.
    fn code(&mut self) -> Option<i32> {
        self.said.read_to_string(&mut self.stderr).unwrap();
        self.run.wait().unwrap().code()
    }
}

fn report(place: &Place) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(place.path("report.json")).unwrap()).unwrap()
}

#[test]
fn counts_and_sums_per_carrier_are_those_of_the_raw_csv() {
    sums_are_those_of_the_raw_csv(&[]);
}

#[test]
fn several_transactions_at_once_load_what_one_after_the_other_does() {
    sums_are_those_of_the_raw_csv(&["--set", "flights_table.concurrency=3", "--set", "flights_table.batch=700"]);
}

fn sums_are_those_of_the_raw_csv(more: &[&str]) {
    let (place, mut warehouse) = (Place::new(), Warehouse::new());
    let ran = flights_postgres(&place, &data("flights.csv"), &warehouse.url, more);
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
fn i2_a_server_that_comes_back_is_waited_for_and_each_flight_is_loaded_once() {
    let place = Place::new();
    let mut outage = Outage::begin(&place);
    outage.server.resume().unwrap();
    assert_eq!(outage.code(), Some(0), "{}", outage.stderr);
    assert_eq!(outage.flights(), 26_483);
    let report = report(&place);
    let table = report["stages"].as_array().unwrap().last().unwrap();
    assert_eq!((&report["records"]["loaded"], &report["records"]["rejected"]), (&26_483.into(), &0.into()));
    assert_eq!(table["outages"], 1);
    assert!(table["outage_seconds"].as_f64().unwrap() > 0.0);
    let told = |words: &str| outage.stderr.matches(words).count();
    assert_eq!((told("is waited for"), told("the target is back")), (1, 1), "{}", outage.stderr);
}

#[test]
fn i7_a_signal_ends_the_waiting_and_the_next_run_goes_on() {
    let place = Place::new();
    let mut outage = Outage::begin(&place);
    let signalled = Command::new("kill").arg("-TERM").arg(outage.run.id().to_string()).status().unwrap();
    assert!(signalled.success());
    assert_eq!(outage.code(), Some(143), "{}", outage.stderr);
    let stopped = report(&place);
    assert_eq!(stopped["status"], "stopped");
    outage.server.resume().unwrap();
    let ran = flights_postgres(&place, &data("flights.csv"), &outage.url, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!((outage.flights(), ran.total("rejected")), (26_483, 0));
    assert!(ran.total("loaded") < 26_483, "it goes on where the other stopped");
}

#[test]
fn i8_a_server_that_is_away_is_told_without_the_password() {
    let place = Place::new();
    let ran = flights_postgres(&place, &data("flights.csv"), "postgresql://ann:canary@127.0.0.1:1/warehouse", &[]);
    ran.assert_fails(75, &["127.0.0.1:1/warehouse"]);
    assert!(!ran.stderr.contains("canary") && !ran.stdout.contains("canary"));
}
