//! The main job, through the built binary, against what other tools make of the same data.

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use support::{Place, data};

/// The raw CSV in a database, every column a text: read with the `csv` crate and no code of ours.
fn raw_flights() -> rusqlite::Connection {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let mut reader = csv::Reader::from_path(data("flights.csv")).unwrap();
    let columns = reader.headers().unwrap().iter().map(|name| format!("{name:?}")).collect::<Vec<_>>();
    database.execute_batch(&format!("CREATE TABLE raw ({})", columns.join(","))).unwrap();
    let marks = vec!["?"; columns.len()].join(",");
    let mut insert = database.prepare(&format!("INSERT INTO raw VALUES ({marks})")).unwrap();
    for record in reader.records() {
        insert.execute(rusqlite::params_from_iter(record.unwrap().iter())).unwrap();
    }
    drop(insert);
    database
}

fn per_carrier(database: &rusqlite::Connection, sql: &str) -> BTreeMap<String, (i64, i64, i64)> {
    let mut query = database.prepare(sql).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn counts_and_sums_per_carrier_are_those_of_sql_over_the_raw_csv() {
    let place = Place::new();
    let ran = place.flights(&data("flights.csv"), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.assert_conserved();

    let ours = rusqlite::Connection::open(place.path("flights.sqlite")).unwrap();
    let ours = per_carrier(&ours, "SELECT carrier, count(*), sum(dep_delay), sum(distance) FROM flights GROUP BY 1");
    let raw = raw_flights();
    let theirs = per_carrier(
        &raw,
        "SELECT carrier, count(*), sum(CAST(dep_delay AS INTEGER)), sum(CAST(distance AS INTEGER)) FROM raw WHERE dep_delay <> 'NA' GROUP BY 1",
    );
    assert_eq!(ours, theirs);
    let count = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, u32>(0).map(u64::from)).unwrap();
    assert_eq!(ran.total("extracted"), count("SELECT count(*) FROM raw"));
    assert_eq!(ran.total("filtered"), count("SELECT count(*) FROM raw WHERE dep_delay = 'NA'"));
    assert_eq!(ran.total("loaded"), u64::try_from(theirs.values().map(|(count, _, _)| count).sum::<i64>()).unwrap());
}

#[test]
fn every_row_is_the_one_that_the_program_written_by_hand_makes() {
    let place = Place::new();
    assert_eq!(place.flights(&data("flights.csv"), &[]).code, 0);
    let mut by_hand = Command::new(env!("CARGO_BIN_EXE_flights_by_hand"));
    by_hand.args([data("flights.csv"), place.path("by_hand.sqlite"), place.path("by_hand.jsonl")]);
    assert_eq!(place.run(by_hand).code, 0);

    let both = rusqlite::Connection::open(place.path("flights.sqlite")).unwrap();
    both.execute("ATTACH ? AS hand", [place.path("by_hand.sqlite").to_str().unwrap()]).unwrap();
    let columns = "year, month, day, sched_dep_time, dep_time, dep_minutes, dep_delay, arr_delay, carrier, carrier_name, flight, tailnum, \
                   plane_year, manufacturer, model, seats, origin, dest, air_time, distance, speed_mph";
    for (left, right) in [("main", "hand"), ("hand", "main")] {
        let sql = format!("SELECT count(*) FROM (SELECT {columns} FROM {left}.flights EXCEPT SELECT {columns} FROM {right}.flights)");
        assert_eq!(both.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "rows of {left} that {right} lacks");
    }
    let count = |schema: &str| both.query_row(&format!("SELECT count(*) FROM {schema}.flights"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("main"), count("hand"));
}

#[test]
fn what_is_loaded_does_not_depend_on_batch_sizes_or_threads() {
    let order = "SELECT group_concat(flight || origin || sched_dep_time, ',') FROM (SELECT * FROM flights ORDER BY rowid)";
    let mut results = Vec::new();
    for more in [
        &["--threads", "1"][..],
        &["--threads", "4", "--set", "flights_table.batch=777"],
        &["--set", "flights.batch=10", "--set", "clean.batch=1"],
        &["--set", "pipeline.memory=64 KiB"],
    ] {
        let place = Place::new();
        let ran = place.flights(&data("flights.csv"), more);
        assert_eq!(ran.code, 0, "{more:?}: {}", ran.stderr);
        ran.assert_conserved();
        let database = rusqlite::Connection::open(place.path("flights.sqlite")).unwrap();
        results.push(database.query_row(order, [], |row| row.get::<_, String>(0)).unwrap());
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "the order of the source is kept");
}

#[test]
fn a_second_run_goes_on_where_the_first_stopped_and_begins_again_only_when_told_to() {
    let place = Place::new();
    assert_eq!(place.flights(&data("flights.csv"), &["--limit", "100"]).code, 0);
    let rest = place.flights(&data("flights.csv"), &[]);
    assert_eq!((rest.code, rest.total("extracted")), (0, 26_904), "{}", rest.stderr);
    assert_eq!(place.number("SELECT count(*) FROM flights"), 26_483.0);
    let inode = || std::fs::metadata(place.path("flights.sqlite")).unwrap().ino();
    let published = inode();
    let none = place.flights(&data("flights.csv"), &[]);
    assert_eq!((none.code, none.total("extracted")), (0, 0), "nothing is new");
    assert_eq!(inode(), published, "no copy takes its place");
    place.flights(&data("flights.csv"), &["--fresh"]).assert_fails(78, &["flights.sqlite", "--replace"]);
    assert_eq!(place.number("SELECT count(*) FROM flights"), 26_483.0, "the output is untouched");
    assert_eq!(place.flights(&data("flights.csv"), &["--fresh", "--replace"]).total("extracted"), 27_004);
    assert_eq!(place.number("SELECT count(*) FROM flights"), 26_483.0);
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let place = Place::new();
    let ran = place.flights(&data("flights.csv"), &["--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.report.as_ref().unwrap()["status"], "dry_run");
    assert_eq!(ran.total("loaded"), 0);
    ran.assert_conserved();
    assert!(!place.path("flights.sqlite").exists() && !place.path("rejects.jsonl").exists());
}

/// The year is January again and again: the real one needs the network. `cargo xtask data` and the
/// README measure that.
#[cfg(target_os = "linux")]
#[test]
fn i6_the_peak_of_memory_does_not_grow_with_the_input() {
    let month = std::fs::read_to_string(data("flights.csv")).unwrap();
    let (header, lines) = month.split_once('\n').unwrap();
    let year = format!("{header}\n{}", lines.repeat(12));
    let peak = |input: &str| {
        let place = Place::new();
        let input = place.input(input);
        let ran = place.flights(&input, &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.assert_conserved();
        ran.report.unwrap()["peak_memory_bytes"].as_u64().unwrap()
    };
    let (month, year) = (peak(&month), peak(&year));
    assert!(year <= month + (month / 10).max(16 << 20), "a month took {month} bytes, a year {year}");
}
