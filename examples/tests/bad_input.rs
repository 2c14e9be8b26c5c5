//! Bad input of every kind: a clear error naming file and line, or a rejected record with its
//! position; never a panic, a hang, or a record that vanishes.

mod support;

use support::{Place, Ran, data};

const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour\n";
const GOOD: &str = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n";

/// Runs a file, tolerating any number of errors.
fn run(place: &Place, content: impl AsRef<[u8]>) -> Ran {
    let input = place.input(content);
    let ran = place.flights(&input, &["--set", "pipeline.error_threshold=100%"]);
    assert!(!ran.stderr.contains("panicked at"), "{}", ran.stderr);
    if ran.report.is_some() {
        ran.assert_conserved();
    }
    ran
}

/// Two good lines around a bad one: the bad one is rejected at its line, for this reason.
fn rejects(bad: impl AsRef<[u8]>, code: &str, words: &str) {
    let place = Place::new();
    let content = [HEADER.as_bytes(), GOOD.as_bytes(), bad.as_ref(), GOOD.as_bytes()].concat();
    let ran = run(&place, &content);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!((ran.total("loaded"), ran.total("rejected")), (2, 1), "{}", ran.stderr);
    let letters = place.rejects();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["error_code"], code);
    assert!(letters[0]["sanitized_message"].as_str().unwrap().contains(words), "{}", letters[0]["sanitized_message"]);
    assert_eq!(letters[0]["id"]["line"], 3);
    assert_eq!(letters[0]["id"]["ordinal"], 1);
    assert_eq!(letters[0]["id"]["offset"], HEADER.len() + GOOD.len());
}

#[test]
fn a_missing_file() {
    let place = Place::new();
    place.input("");
    let ran = place.flights(&place.path("nowhere.csv"), &[]);
    ran.assert_fails(1, &["nowhere.csv", "No such file"]);
}

#[test]
fn a_directory() {
    let place = Place::new();
    place.input("");
    std::fs::create_dir(place.path("folder")).unwrap();
    let ran = place.flights(&place.path("folder"), &[]);
    ran.assert_fails(1, &["folder", "directory"]);
}

#[test]
fn an_empty_file() {
    let place = Place::new();
    run(&place, "").assert_fails(1, &["flights.csv", "header"]);
}

#[test]
fn a_file_without_a_header() {
    let place = Place::new();
    run(&place, GOOD.repeat(3)).assert_fails(1, &["flights.csv", "`year`"]);
}

#[test]
fn wrong_columns() {
    let place = Place::new();
    run(&place, format!("{}{GOOD}", HEADER.replace("dep_delay", "delay"))).assert_fails(1, &["flights.csv", "`dep_delay`"]);
}

#[test]
fn nothing_but_a_header() {
    let place = Place::new();
    let ran = run(&place, HEADER);
    assert_eq!((ran.code, ran.total("extracted")), (0, 0), "{}", ran.stderr);
    assert!(place.path("flights.sqlite").exists(), "the run is done, so there is an output");
}

#[test]
fn reordered_columns_are_bound_by_name() {
    let place = Place::new();
    let reverse = |line: &str| line.trim_end().split(',').rev().collect::<Vec<_>>().join(",") + "\n";
    let ran = run(&place, reverse(HEADER) + &reverse(GOOD));
    assert_eq!((ran.code, ran.total("loaded")), (0, 1), "{}", ran.stderr);
    assert_eq!(place.number("SELECT sum(distance) FROM flights"), 1_400.0);
}

#[test]
fn a_bom_crlf_and_no_newline_at_the_end() {
    let place = Place::new();
    let content = format!("\u{feff}{HEADER}{GOOD}{}", GOOD.trim_end()).replace('\n', "\r\n");
    let ran = run(&place, content);
    assert_eq!((ran.code, ran.total("loaded"), ran.total("rejected")), (0, 2, 0), "{}", ran.stderr);
}

#[test]
fn a_quoted_newline_moves_the_lines_that_follow() {
    let place = Place::new();
    let quoted = GOOD.replace("EWR", "\"E\nWR\"");
    let ragged = "2013,1\n";
    let ran = run(&place, format!("{HEADER}{quoted}{ragged}{GOOD}"));
    assert_eq!((ran.code, ran.total("loaded"), ran.total("rejected")), (0, 2, 1), "{}", ran.stderr);
    assert_eq!(place.rejects()[0]["id"]["line"], 4);
}

#[test]
fn a_ragged_row() {
    rejects("2013,1,1\n", "ragged", "fields");
}

#[test]
fn a_row_with_too_many_fields() {
    rejects(GOOD.replace("2013-01-01", "2013,01,01"), "ragged", "fields");
}

#[test]
fn invalid_utf8() {
    let mut bad = GOOD.replace("EWR", "E?R").into_bytes();
    let at = bad.iter().position(|byte| *byte == b'?').unwrap();
    bad[at] = 0xff;
    rejects(bad, "not_utf8", "`origin`");
}

#[test]
fn a_number_out_of_range() {
    rejects(GOOD.replace("2013,1,1,", "99999,1,1,"), "field", "`year` is out of the range of u16");
}

#[test]
fn a_text_for_a_number() {
    rejects(GOOD.replace(",1400,", ",far,"), "field", "`distance` is not of type i32");
}

#[test]
fn na_for_a_number_that_must_be_there() {
    rejects(GOOD.replace(",1400,", ",NA,"), "field", "`distance`");
}

#[test]
fn a_time_that_is_none() {
    rejects(GOOD.replace(",515,", ",575,"), "CleanError::BadTime", "departure time is not a time of day");
}

#[test]
fn a_broken_rule() {
    rejects(GOOD.replace(",515,2,", ",515,1441,"), "validation", "`dep_delay`: greater than 1440");
}

#[test]
fn an_unknown_carrier_stops_the_run_and_leaves_no_output() {
    let place = Place::new();
    let ran = run(&place, format!("{HEADER}{GOOD}{}", GOOD.replace(",UA,", ",Q~,")));
    ran.assert_fails(1, &["stage `look_up`", "flights.csv line 3", "carrier is not in the registry", "airlines.csv, beside the input"]);
    assert!(!ran.stderr.contains("Q~"), "no content of the record (I8): {}", ran.stderr);
    assert!(!place.path("flights.sqlite").exists());
    assert_eq!((ran.total("loaded"), ran.total("failed"), ran.total("unfinished")), (0, 1, 1));
}

#[test]
fn a_line_of_100_mib_is_one_rejected_record() {
    let place = Place::new();
    let long = format!("{}{}\n", GOOD.trim_end(), "x".repeat(100 << 20));
    let ran = run(&place, [HEADER, GOOD, &long, GOOD].concat());
    assert_eq!((ran.code, ran.total("loaded"), ran.total("rejected")), (0, 2, 1), "{}", ran.stderr);
    let letters = place.rejects();
    assert_eq!((&letters[0]["error_code"], &letters[0]["id"]["line"]), (&"too_large".into(), &3.into()));
    let peak = ran.report.unwrap()["peak_memory_bytes"].as_u64().unwrap_or(0);
    assert!(peak < 90 << 20, "the line is not held in memory: {peak} bytes");
}

#[test]
fn too_many_errors_stop_the_run() {
    let place = Place::new();
    let input = place.input(format!("{HEADER}{}{}", GOOD.repeat(50), "2013,1\n".repeat(50)));
    let ran = place.flights(&input, &[]);
    ran.assert_fails(65, &["50 errors in 100 records", "1%"]);
    ran.assert_conserved();
    assert!(!place.path("flights.sqlite").exists());
    assert_eq!(place.rejects().len(), 50, "the dead letters say why");
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_a_record_moves() {
    let place = Place::new();
    let output = format!("output={}", place.path("no/such/folder/flights.sqlite").display());
    let ran = place.flights(&data("flights.csv"), &["--set", &output]);
    ran.assert_fails(78, &["no/such/folder"]);
    assert_eq!(ran.report.as_ref().map_or(0, |_| ran.total("extracted")), 0);
}

#[test]
fn settings_that_cannot_be_are_refused_before_a_record_moves() {
    for (setting, words) in [
        ("clean.batch=0", &["clean.batch", "at least 1"][..]),
        ("clean.bach=10", &["clean.bach", "`clean.batch`"]),
        ("inptu=x", &["inptu", "`input`"]),
        ("pipeline.error_threshold=0%", &["error_threshold"]),
        ("flights_table.timeout=5s", &["flights_table.timeout"]),
    ] {
        let place = Place::new();
        let ran = place.flights(&data("flights.csv"), &["--set", setting]);
        ran.assert_fails(78, words);
        assert!(!place.path("flights.sqlite").exists() && ran.report.is_none());
    }
}
