//! The layers: the same rules at each, the last one wins, and each value knows where it came from.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::{Given, Node, Resolved, collect, resolve};
use crate::contract::record::Secret;
use crate::observe::sample::outline;

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only their names and types matter")]
struct Settings {
    input: String,
    database: Secret<String>,
    #[serde(default)]
    port: u16,
}

/// How a layer says `key = value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    File,
    LaterFile,
    Env,
    Flag,
}

const LAYERS: [Layer; 4] = [Layer::File, Layer::LaterFile, Layer::Env, Layer::Flag];

impl Layer {
    fn origin(self, key: &str) -> String {
        match self {
            Self::File => "file a.toml".to_owned(),
            Self::LaterFile => "file b.toml".to_owned(),
            Self::Env => format!("env ETL__{}", key.to_uppercase().replace('.', "__")),
            Self::Flag => "flag --set".to_owned(),
        }
    }
}

/// Says each key and value in its layer. The values of files are text, numbers or flags of TOML,
/// whichever reads.
fn said(values: &[(Layer, &str, &str)]) -> Result<Node, Vec<super::Problem>> {
    let folder = tempfile::tempdir().unwrap();
    let mut given = Given::default();
    let mut files: BTreeMap<Layer, String> = BTreeMap::new();
    for (layer, key, value) in values {
        match layer {
            Layer::File | Layer::LaterFile => {
                let literal =
                    if toml::from_str::<toml::Table>(&format!("x = {value}")).is_ok() { (*value).to_owned() } else { format!("'{value}'") };
                files.entry(*layer).or_default().push_str(&format!("{key} = {literal}\n"));
            }
            Layer::Env => {
                given.env.insert(format!("ETL__{}", key.to_uppercase().replace('.', "__")), (*value).to_owned());
            }
            Layer::Flag => given.flags.push(("--set", (*key).to_owned(), (*value).to_owned())),
        }
    }
    for layer in [Layer::File, Layer::LaterFile] {
        let path = folder.path().join(if layer == Layer::File { "a.toml" } else { "b.toml" });
        std::fs::write(&path, files.remove(&layer).unwrap_or_default()).unwrap();
        given.files.push(path);
    }
    let folder = folder.path().display().to_string() + "/";
    collect(given).map(|mut tree| {
        shorten(&mut tree, &folder);
        tree
    })
}

/// Takes the temporary folder out of the names of the files.
fn shorten(node: &mut Node, folder: &str) {
    if let Some(leaf) = &mut node.leaf
        && let super::Origin::File { path, .. } = &mut leaf.origin
    {
        *path = path.replace(folder, "");
    }
    node.children.values_mut().for_each(|child| shorten(child, folder));
}

fn resolved(values: &[(Layer, &str, &str)]) -> Resolved<Settings> {
    resolve(&outline(), said(values).unwrap())
}

const COMPLETE: [(Layer, &str, &str); 2] = [(Layer::File, "input", "a.csv"), (Layer::File, "database", "hunter2")];

#[test]
fn every_layer_refuses_the_same_values_with_the_same_words() {
    let bad = [
        ("clean.batch", "0", "must be at least 1, not `0`"),
        ("clean.batch", "many", "must be a whole number, at least 1, not `many`"),
        ("clean.batch", "-5", "must be a whole number, at least 1, not `-5`"),
        ("clean.batch", "1.5", "must be a whole number, at least 1, not `1.5`"),
        ("clean.batsh", "5", "is no option of transform `clean`"),
        ("clean.timeout", "5s", "cannot be set: a plain `fn` cannot be stopped"),
        ("clean.concurrency", "4", "is the number of `async` calls under way at once, but this is a plain `fn`"),
        ("clean.retries", "2", "has nothing to retry: no error of this stage is of class retry"),
        ("clean.invalid", "skip", "decides over records and is set in the attribute only"),
        ("clean.parallel", "maybe", "must be `true` or `false` (`on`, `off`), not `maybe`"),
        ("locate.timeout", "0s", "must be longer than zero"),
        ("locate.timeout", "5", "must be a duration such as `5s`, `250ms`, `2m` or `1h 30m`, not `5`"),
        ("locate.backoff", "0ms", "must be longer than zero"),
        ("locate.outage", "10m", "is not an option of a `transform`, but of other roles"),
        ("flights_table.concurrency", "2", "cannot be more than 1: the target takes one transaction after the other"),
        ("flights_table.outage", "soon", "must be a duration such as `5s`, `250ms`, `2m` or `1h 30m`, not `soon`"),
        ("locate.concurrency", "0", "must be at least 1, not `0`"),
        ("locate.validate", "on", "cannot be switched on: the attribute does not say which side to validate"),
        ("departed.batch", "5", "is not an option of a `filter`, but of other roles"),
        ("flights.parallel", "on", "is not an option of an `extractor`, but of other roles"),
        ("pipeline.threads", "0", "must be at least 1, not `0`"),
        ("pipeline.thread", "2", "is no option of a pipeline"),
        ("pipeline.memory", "lots", "must be a size such as `64 MiB` or `1 GB`, not `lots`"),
        ("pipeline.error_threshold", "0%", "must be more than 0% and at most 100%, not `0%`"),
        ("pipeline.error_threshold", "101%", "must be more than 0% and at most 100%, not `101%`"),
        ("pipeline.error_threshold", "0", "must be at least 1: a threshold of 0 would stop the run at the first error"),
        ("pipeline.error_min_sample", "0", "must be at least 1, not `0`"),
        ("inptu", "a.csv", "is no setting of this pipeline"),
        ("port", "70000", "must be a whole number (u16) from 0 to 65535, not `70000`"),
        ("port", "http", "must be a whole number (u16) from 0 to 65535, not `http`"),
    ];
    for (key, value, words) in bad {
        for layer in LAYERS {
            let mut values = COMPLETE.to_vec();
            values.push((layer, key, value));
            let resolved = resolved(&values);
            let [problem] = resolved.problems.as_slice() else { panic!("{layer:?} {key}={value}: {:?}", resolved.problems) };
            assert_eq!(problem.key.as_deref(), Some(key), "{layer:?}");
            assert_eq!(problem.text, words, "{layer:?} {key}");
            assert_eq!(problem.origin.as_ref().map(ToString::to_string), Some(layer.origin(key)));
            assert!(resolved.settings.is_none() || !key.chars().all(|c| c.is_ascii_lowercase()), "{layer:?} {key}");
        }
    }
}

#[test]
fn every_layer_accepts_the_same_values() {
    let good = [
        ("clean.batch", "1_000", "1000"),
        ("clean.parallel", "off", "off"),
        ("clean.validate", "false", "off"),
        ("locate.retries", "0", "0"),
        ("locate.timeout", "1m 30s", "1m 30s"),
        ("locate.concurrency", "1", "1"),
        ("flights_table.batch", "7", "7"),
        ("flights_table.outage", "600s", "10m"),
    ];
    for (key, value, shown) in good {
        for layer in LAYERS {
            let mut values = COMPLETE.to_vec();
            values.push((layer, key, value));
            let resolved = resolved(&values);
            assert_eq!(resolved.problems, [], "{layer:?} {key}={value}");
            let (stage, option) = key.split_once('.').unwrap();
            let index = outline().stages.iter().position(|definition| definition.name == stage).unwrap();
            let row = resolved.shown_stages[index].iter().find(|row| row.key == option).unwrap();
            assert_eq!((row.value.as_deref(), row.origin.to_string()), (Some(shown), layer.origin(key)));
        }
    }
}

#[test]
fn what_is_said_reaches_the_run() {
    let mut values = COMPLETE.to_vec();
    values.extend([
        (Layer::Flag, "clean.batch", "9"),
        (Layer::Flag, "clean.validate", "off"),
        (Layer::Env, "locate.concurrency", "2"),
        (Layer::File, "pipeline.memory", "'64 MiB'"),
        (Layer::File, "pipeline.error_threshold", "['2%', 7]"),
        (Layer::Env, "pipeline.error_min_sample", "50"),
        (Layer::Flag, "pipeline.dead_letter", "other.jsonl"),
        (Layer::Flag, "pipeline.threads", "3"),
    ]);
    let resolved = resolved(&values);
    assert_eq!(resolved.problems, []);
    let options = resolved.options;
    assert_eq!((options.stages[1].batch, options.stages[1].validate), (9, false));
    assert_eq!((options.stages[2].concurrency, options.stages[2].retries), (2, 3));
    assert_eq!((options.memory, options.threads), (64 << 20, 3));
    assert_eq!((options.threshold.rate, options.threshold.count, options.threshold.min_sample), (Some(0.02), Some(7), 50));
    assert_eq!(options.dead_letter.as_deref(), Some("other.jsonl".as_ref()));
}

#[test]
fn options_of_one_stage_must_agree() {
    let problem = |values: &[(Layer, &str, &str)]| resolved(&[&COMPLETE, values].concat()).problems.first().map(super::Problem::message);
    let flag = Layer::Flag;
    assert_eq!(
        problem(&[(flag, "locate.parallel", "off"), (flag, "locate.concurrency", "4")]).unwrap(),
        "`locate.concurrency` must be 1, because `parallel` is off"
    );
    assert_eq!(problem(&[(flag, "locate.parallel", "off")]), None);
    assert_eq!(resolved(&[&COMPLETE[..], &[(flag, "locate.parallel", "off")]].concat()).options.stages[2].concurrency, 1);
    assert!(
        problem(&[(flag, "clean.parallel", "off"), (flag, "clean.unordered", "on")]).unwrap().contains("`clean.unordered` has no effect")
    );
    assert!(problem(&[(flag, "locate.retries", "0"), (flag, "locate.backoff", "1s")]).unwrap().contains("nothing is retried"));
    assert!(problem(&[(flag, "flights_table.retries", "0"), (flag, "flights_table.outage", "1m")]).unwrap().contains("nothing is retried"));
    assert_eq!(problem(&[(flag, "flights_table.retries", "0"), (flag, "flights_table.outage", "0")]), None);
    // The attribute's backoff has nothing to say once the operator switches retries off.
    assert_eq!(problem(&[(flag, "locate.retries", "0")]), None);
}

#[test]
fn several_transactions_are_for_a_target_that_takes_them_and_not_for_a_run_that_becomes_one() {
    let mut outline = outline();
    outline.stages[4].concurrent = true;
    let problems = |outline: &crate::cli::Outline| {
        let said = said(&[&COMPLETE[..], &[(Layer::Flag, "flights_table.concurrency", "2")]].concat()).unwrap();
        let resolved = resolve::<Settings>(outline, said);
        (resolved.options.stages[4].concurrency, resolved.problems.into_iter().map(|problem| problem.text).collect::<Vec<_>>())
    };
    assert_eq!(problems(&outline), (2, Vec::new()));
    outline.policy.atomic = crate::contract::policy::Atomic::Run;
    assert_eq!(problems(&outline).1, ["cannot be more than 1: under `atomic: run` all records become one transaction"]);
}

#[test]
fn what_the_signature_cannot_do_is_refused() {
    let mut outline = outline();
    outline.stages[2].stateful = true;
    outline.stages[2].options.concurrency = None;
    outline.stages[2].takes = crate::contract::stage::Takes::Record;
    outline.stages[2].options.retries = None;
    outline.stages[4].transactional = false;
    outline.policy.delivery = None;
    for (key, value, words) in [
        ("locate.parallel", "on", "keeps `&mut` state"),
        ("locate.concurrency", "2", "keeps `&mut` state"),
        ("locate.retries", "1", "cannot be fed again"),
        ("flights_table.retries", "5", "without a transaction"),
    ] {
        let tree = said(&[&COMPLETE[..], &[(Layer::Flag, key, value)]].concat()).unwrap();
        let resolved = resolve::<Settings>(&outline, tree);
        assert_eq!(resolved.problems.len(), 1, "{key}");
        assert!(resolved.problems[0].text.contains(words), "{key}: {}", resolved.problems[0].text);
    }
    outline.policy.delivery = Some(crate::contract::policy::Delivery::AtMostOnce);
    outline.stages[4].transactional = true;
    let resolved = resolve::<Settings>(&outline, said(&[&COMPLETE[..], &[(Layer::Flag, "flights_table.retries", "5")]].concat()).unwrap());
    assert!(resolved.problems[0].text.contains("at_most_once"));
}

#[test]
fn a_stage_is_no_setting_and_a_setting_is_no_stage() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only its name matters")]
    struct Clashing {
        #[serde(default)]
        clean: u8,
        #[serde(default)]
        pipeline: u8,
    }

    let clash = resolve::<Clashing>(&outline(), Node::default());
    assert_eq!(clash.problems.len(), 2);
    assert!(clash.problems[0].text.contains("`clean` cannot be a setting"));

    let stage = resolved(&[&COMPLETE[..], &[(Layer::Env, "clean", "5")]].concat());
    assert_eq!(stage.problems[0].message(), "`clean` is a stage, not a setting");
    let table = resolved(&[&COMPLETE[..], &[(Layer::Flag, "pipeline", "5")]].concat());
    assert_eq!(table.problems[0].message(), "`pipeline` is the table of the pipeline's options, not a setting");
}

#[test]
fn names_of_any_case_are_found_in_the_environment() {
    let mut outline = outline();
    outline.stages[1].name = "cleanUp";
    let tree = said(&[&COMPLETE[..], &[(Layer::Env, "cleanUp.batch", "3")]].concat()).unwrap();
    let resolved = resolve::<Settings>(&outline, tree);
    assert_eq!(resolved.problems, []);
    assert_eq!(resolved.options.stages[1].batch, 3);
}

#[test]
fn all_missing_settings_are_told_at_once() {
    let resolved = resolved(&[]);
    assert_eq!(resolved.missing, ["input", "database"]);
    let problem = super::missing_text(&resolved.missing).unwrap();
    insta::assert_snapshot!(format!("{}\n{}", problem.message(), problem.details()));
}

#[test]
fn all_problems_of_all_layers_are_told_at_once() {
    let resolved = resolved(&[
        (Layer::File, "clean.batch", "0"),
        (Layer::LaterFile, "departd.timeout", "'5s'"),
        (Layer::Env, "inptu", "a.csv"),
        (Layer::Env, "port", "http"),
        (Layer::Flag, "locate.retry", "2"),
        (Layer::Flag, "databse", "hunter2"),
    ]);
    let mut told = String::new();
    for problem in resolved.problems {
        told += &format!("error: {}\n{}", problem.message(), problem.details());
    }
    assert!(!told.contains("hunter2"), "i8: a value under a misspelt name may be a secret");
    insta::assert_snapshot!(told);
}

proptest! {
    /// Whichever layers say something, the strongest of them is heard, and `plan` names it.
    #[test]
    fn the_strongest_layer_that_speaks_is_heard(
        layers in proptest::sample::subsequence(LAYERS.to_vec(), 1..=4),
        numbers in proptest::collection::vec(1_u16..60_000, 4),
    ) {
        let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let mut values = COMPLETE.to_vec();
        for (layer, text) in layers.iter().zip(&texts) {
            for key in ["clean.batch", "port", "pipeline.memory"] {
                values.push((*layer, key, text));
            }
        }
        let strongest = *layers.last().unwrap();
        let expected = numbers[layers.len() - 1];
        let resolved = resolved(&values);
        prop_assert_eq!(&resolved.problems, &[]);
        prop_assert_eq!(resolved.settings.unwrap().port, expected);
        prop_assert_eq!(resolved.options.stages[1].batch, usize::from(expected));
        prop_assert_eq!(resolved.options.memory, u64::from(expected));
        let from = |rows: &[super::Shown], key: &str| rows.iter().find(|row| row.key == key).unwrap().origin.to_string();
        prop_assert_eq!(from(&resolved.shown_stages[1], "batch"), strongest.origin("clean.batch"));
        prop_assert_eq!(from(&resolved.shown_pipeline, "memory"), strongest.origin("pipeline.memory"));
        prop_assert_eq!(from(&resolved.shown_settings, "port"), strongest.origin("port"));
    }

    /// Keys that nobody touches keep what a weaker layer said.
    #[test]
    fn layers_are_merged_key_by_key(layers in proptest::collection::vec(proptest::sample::select(LAYERS.to_vec()), 3)) {
        let keys = ["clean.batch", "flights_table.batch", "port"];
        let mut values = COMPLETE.to_vec();
        values.extend(layers.iter().zip(keys).map(|(layer, key)| (*layer, key, "42")));
        let resolved = resolved(&values);
        prop_assert_eq!(resolved.options.stages[1].batch, 42);
        prop_assert_eq!(resolved.options.stages[4].batch, 42);
        prop_assert_eq!(resolved.settings.unwrap().port, 42);
    }
}
