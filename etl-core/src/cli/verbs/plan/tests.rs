use super::model::PlanModel;
use super::words;
use crate::cli::config::{self, Given};
use crate::observe::sample::outline;

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "only their names and types matter")]
struct Settings {
    input: String,
    database: crate::contract::record::Secret<String>,
    rejects: Option<std::path::PathBuf>,
}

fn model(flags: &[(&str, &str)]) -> PlanModel {
    let mut flags: Vec<_> = flags.iter().map(|(key, value)| ("--set", (*key).to_owned(), (*value).to_owned())).collect();
    // The machine's own number would not be the same everywhere.
    flags.push(("--threads", "pipeline.threads".to_owned(), "2".to_owned()));
    let tree = config::collect(Given { flags, ..Given::default() }).unwrap();
    let resolved = config::resolve::<Settings>(&outline(), tree);
    assert_eq!(resolved.problems, []);
    let dead_letter = resolved.settings.as_ref().and_then(|settings| settings.rejects.clone());
    PlanModel::new(&outline(), &resolved, dead_letter)
}

#[test]
fn in_words_without_settings() {
    insta::assert_snapshot!(words::of(&model(&[])));
}

#[test]
fn in_words_with_settings() {
    let settings = [
        ("input", "flights.csv"),
        ("database", "postgres://hunter2"),
        ("rejects", "rejects.jsonl"),
        ("locate.retries", "0"),
        ("clean.validate", "off"),
    ];
    let text = words::of(&model(&settings));
    assert!(!text.contains("hunter2"));
    insta::assert_snapshot!(text);
}

#[test]
fn as_json() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&model(&[("input", "flights.csv"), ("clean.batch", "1000")])).unwrap());
}
