//! The async job: a service that is asked politely and is busy now and then, into Parquet and into
//! a target of the program's own.

mod support;

use std::process::Command;

use parquet::file::reader::SerializedFileReader;
use parquet::record::RowAccessor;
use support::{Place, Ran, data};

const OBSERVATIONS: u64 = 2_226;

fn weather(place: &Place, pipeline: &str, input: &std::path::Path, output: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weather"));
    command.args([pipeline, "run"]);
    for (key, path) in [("input", input.to_owned()), ("output", place.path(output)), ("rejects", place.path("rejects.jsonl"))] {
        command.arg("--set").arg(format!("{key}={}", path.display()));
    }
    command.arg("--report").arg(place.path("report.json"));
    place.run(command)
}

#[test]
fn every_observation_is_enriched_and_busy_answers_are_asked_for_again() {
    let place = Place::new();
    let ran = weather(&place, "to-parquet", &data("weather.csv"), "weather.parquet");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.assert_conserved();
    assert_eq!((ran.total("extracted"), ran.total("loaded")), (OBSERVATIONS, OBSERVATIONS));
    let retries = ran.report.as_ref().unwrap()["stages"][1]["retries"].as_u64().unwrap();
    assert!(retries >= OBSERVATIONS / 20, "one answer in twenty is `busy`: {retries}");

    let file = std::fs::File::open(place.path("weather.parquet")).unwrap();
    let rows: Vec<_> = SerializedFileReader::new(file).unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(rows.len() as u64, OBSERVATIONS);
    let text = |column| rows[0].get_string(column).unwrap().as_str();
    assert_eq!((text(0), text(1), rows[0].get_int(2).unwrap()), ("EWR", "Newark Liberty Intl", 18));
    assert_eq!(text(3), "2013-01-01T06:00:00Z", "the order is kept");
}

#[test]
fn a_loader_on_a_type_of_the_programs_own_writes_every_observation() {
    let place = Place::new();
    let ran = weather(&place, "to-noticeboard", &data("weather.csv"), "notices.txt");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let notices = std::fs::read_to_string(place.path("notices.txt")).unwrap();
    assert_eq!(notices.lines().count() as u64, OBSERVATIONS);
    assert_eq!(notices.lines().next(), Some("2013-01-01T06:00:00Z Newark Liberty Intl (18 ft): 39.0 °F"));
}

#[test]
fn an_unknown_station_is_a_dead_letter() {
    let place = Place::new();
    let weather_csv = std::fs::read_to_string(data("weather.csv")).unwrap().replacen("EWR,2013", "XXX,2013", 1);
    std::fs::write(place.path("weather.csv"), weather_csv).unwrap();
    std::fs::copy(data("airports.csv"), place.path("airports.csv")).unwrap();
    let ran = weather(&place, "to-parquet", &place.path("weather.csv"), "weather.parquet");
    assert_eq!((ran.code, ran.total("loaded"), ran.total("rejected")), (0, OBSERVATIONS - 1, 1), "{}", ran.stderr);
    assert_eq!(place.rejects()[0]["error_code"], "AskError::UnknownStation");
}
