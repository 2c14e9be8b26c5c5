//! What is said of a `pipeline!`, and where.

use super::tokens;

#[track_caller]
fn says(input: &str, wanted: &[&str]) {
    let said = super::listed(crate::pipeline::expand(tokens(input)).1);
    assert_eq!(said, wanted, "{input}");
}

#[track_caller]
fn clause_says(clause: &str, wanted: &[&str]) {
    says(&format!("P {{ flow: a => b,\n{clause} }}"), wanted);
}

#[test]
fn clauses_may_stand_in_any_order() {
    says("P { flow: a => b }", &[]);
    says("P { flow: ::x::a => crate::y::b => self::c, }", &[]);
    says(
        r#"pub(crate) P { dead_letter: file(settings.rejects), flow: a => b, memory: "1 GiB", settings: Map<A, B>, crate: ::etl,
           error_threshold: 0.5%, delivery: at_most_once, resources: [x::r, s,], }"#,
        &[],
    );
    clause_says("error_threshold: [100%, 500, 20 in a row] after 1_000", &[]);
    clause_says("error_threshold: 20 in a row", &[]);
    clause_says("settings: ()", &[]);
}

#[test]
fn a_clause_that_is_unknown_or_doubled_is_told() {
    clause_says("flows: a => b", &["2:1 unknown clause `flows`; did you mean `flow`?"]);
    clause_says("dlq: file(\"x\")", &["2:1 unknown clause `dlq`; did you mean `dead_letter`?"]);
    clause_says(
        "zebra: 1",
        &[
            "2:1 unknown clause `zebra`; there are `settings`, `resources`, `flow`, `delivery`, `atomic`, `error_threshold`, `dead_letter`, `memory` and `crate`",
        ],
    );
    clause_says("retries: 5", &["2:1 `retries` is an option of stages: write `#[transform(retries = 5)]`"]);
    clause_says("deadline = \"10m\"", &["2:1 `deadline` is an option of stages: write `#[transform(deadline = \"10m\")]`"]);
    clause_says("batch_size: settings.batch", &["2:1 `batch` is an option of stages: write `#[transform(batch = 500)]`"]);
    clause_says("idempotent: id", &["2:1 `idempotent` is an option of stages: write `#[loader(idempotent(key = id))]`"]);
    clause_says("replayable: true", &["2:1 `replayable` is an option of stages: write `#[extractor(replayable)]`"]);
    clause_says("exactly_once: true", &["2:1 unknown clause `exactly_once`; did you mean `delivery`?"]);
    clause_says("flow: c => d", &["2:1 clause `flow` is given twice; remove this one, or the first at line 1"]);
    clause_says("settings: ,", &["2:1 clause `settings` is empty; write what it is, or remove it"]);
    clause_says("settings = Config", &["2:10 write `settings: …`, with a colon"]);
    clause_says("#[cfg(test)] settings: Config", &["2:1 a clause cannot have attributes; put them on the pipeline"]);
    says("P { settings: Config\nflow: a => b }", &["2:1 expected `,` before `flow`"]);
    says(
        "P { a => b }",
        &["1:5 expected a clause such as `flow: …`", "1:1 pipeline `P` has no `flow:`; write `flow: extractor => loader`"],
    );
}

#[test]
fn a_mistake_in_one_clause_does_not_hide_the_next() {
    says(
        "P { delivery: twice, memory: 5, flow: a -> b, error_threshold: 0% }",
        &[
            "1:41 stages are joined by `=>`, not by `->`",
            "1:15 unknown delivery `twice`; there are `at_most_once`, `at_least_once`, `effectively_once` and `exactly_once`",
            "1:64 `0%` is no share of the records; it must be more than 0% and at most 100%",
            "1:30 write the memory as text with a unit: `memory: \"256 MiB\"`",
        ],
    );
}

#[test]
fn a_flow_has_a_stage_on_both_sides_of_an_arrow() {
    says(
        "P { flow: a }",
        &["1:11 pipeline `P` needs at least an extractor and a loader, but has only `a`; write `flow: extractor => loader`"],
    );
    says("P { flow: }", &["1:5 clause `flow` is empty; write what it is, or remove it"]);
    says("P { flow: a => }", &["1:13 expected a stage after `=>`"]);
    says("P { flow: => a }", &["1:11 expected a stage before `=>`"]);
    says("P { flow: a => => b }", &["1:16 expected the name of a stage"]);
    says("P { flow: a b }", &["1:13 stages are joined by `=>`: write it between these two"]);
    says("P { flow: a { b } }", &["1:13 stages are joined by `=>`: write it between these two"]);
    says("P { flow: a . b }", &["1:13 stages are joined by `=>`, not by `.`"]);
    says("P { flow: a >> b }", &["1:13 stages are joined by `=>`, not by `>>`"]);
    says("P { flow: a => 5 }", &["1:16 expected the name of a stage"]);
    says("P { flow: a => b, c }", &["1:17 unexpected in `flow`; is there a `,` missing?"]);
    says("P { flow: a => b =>\n a }", &["2:2 stage `a` is in pipeline `P` twice, first at line 1; a stage has one place in a flow"]);
}

#[test]
fn a_flow_names_stages_and_calls_none() {
    says("P { flow: x::a() => b() }", &["1:15 name the stage, do not call it: write `x::a`"]);
    says("P { flow: a => b(&client) }", &["1:17 name the stage, do not call it: write `b`"]);
    says("P { flow: a => b(parallel, batch = 5) => c }", &["1:17 options stand in the attribute: `#[transform(parallel, batch = 5)]`"]);
    says("P { flow: a => b(idempotent(key = id)) }", &["1:17 options stand in the attribute: `#[loader(idempotent(key = id))]`"]);
}

#[test]
fn branches_merges_and_routes_are_understood_and_refused() {
    let branches = "branches and merges (`[a, b]`) are not there yet; write one pipeline for each";
    says("P { flow: [a, b] => c }", &[&format!("1:11 {branches}")]);
    says("P { flow: a => [b, c => d] }", &[&format!("1:16 {branches}")]);
    says(
        "P { flow: a => match { Valid => b, Suspect => c => d } }",
        &["1:16 routing (`match { … }`) is not there yet; write a `#[filter]` and one pipeline for each"],
    );
}

#[test]
fn settings_are_named_by_their_type() {
    let form = "name the type of the settings: `settings: Config`";
    for value in ["[Config]", "&Config", "Config::from_env()", "Config { a: 1 }", "\"config.toml\"", "Config::from_env()?", "_"] {
        clause_says(&format!("settings: {value}"), &[&format!("2:11 {form}")]);
        clause_says(&format!("settings: {value},\ndead_letter: file(settings.x)"), &[&format!("2:11 {form}")]);
    }
    clause_says("settings: x::Config::default()", &["2:11 name the type of the settings: `settings: x::Config`"]);
    clause_says("settings: load()", &[&format!("2:11 {form}")]);
}

#[test]
fn policies_are_checked_as_they_are_written() {
    for delivery in ["at_most_once", "at_least_once", "effectively_once", "exactly_once"] {
        clause_says(&format!("delivery: {delivery}"), &[]);
    }
    clause_says("atomic: run", &[]);
    clause_says("atomic: batch", &[]);
    clause_says("atomic: bach", &["2:9 unknown `bach`; did you mean `atomic: batch`?"]);
    clause_says(
        "atomic: everything",
        &[
            "2:9 `everything` is nothing that is committed at once; write `batch` (each batch by itself) or `run` (the whole run at its end)",
        ],
    );
    clause_says("atomic: \"run\"", &["2:9 write one word: `batch` or `run`"]);
    clause_says(
        "delivery: \"exactly_once\"",
        &["2:11 write one word: `at_most_once`, `at_least_once`, `effectively_once` and `exactly_once`"],
    );
    clause_says("delivery: at_least_one", &["2:11 unknown delivery `at_least_one`; did you mean `at_least_once`?"]);
    clause_says("error_threshold: 101%", &["2:18 `101%` is no share of the records; it must be more than 0% and at most 100%"]);
    clause_says(
        "error_threshold: 0",
        &["2:18 a threshold of 0 stops the run at the first error; class the errors `fail` instead, or write at least 1"],
    );
    clause_says("error_threshold: 0.5", &["2:18 a number of errors is a whole number; is a `%` missing?"]);
    clause_says("error_threshold: [1%, 2%]", &["2:23 a threshold has one share, one number and one number in a row; remove one of them"]);
    let form = "write a share, a number of errors, a number in a row, or several of these: `1%`, `500`, `20 in a row`, `[1%, 500, 20 in a row]`, with `after 1_000` for the records that must be read first";
    clause_says("error_threshold: []", &[&format!("2:18 {form}")]);
    clause_says("error_threshold: \"1%\"", &[&format!("2:18 {form}")]);
    clause_says("error_threshold: 1% since 5", &[&format!("2:21 {form}")]);
    let form = "write where rejected records go: `dead_letter: file(\"rejects.jsonl\")` or `dead_letter: file(settings.rejects)`";
    clause_says("dead_letter: \"x\"", &[&format!("2:14 {form}")]);
    clause_says("dead_letter: file(path)", &[&format!("2:19 {form}")]);
    clause_says("dead_letter: file()", &[&format!("2:14 {form}")]);
    clause_says(
        "dead_letter: file(settings.x)",
        &["2:19 this pipeline has no `settings:`, so its dead letters need a path in quotes: `file(\"rejects.jsonl\")`"],
    );
    clause_says("resources: pool", &["2:12 list the resources in brackets: `resources: [a, b]`"]);
    clause_says("resources: [a, b, a]", &["2:19 resource `a` is listed twice, first at line 2; remove one"]);
}

#[test]
fn the_head_is_a_name_and_braces() {
    let usage = "write `pipeline! { pub Name { flow: extractor => transform => loader } }`";
    says("", &[&format!("1:1 expected the name of the pipeline; {usage}")]);
    says("pub struct P { flow: a => b }", &["1:5 remove `struct`: a pipeline is only its name and its clauses, `P { … }`"]);
    says("P", &[&format!("1:1 expected the clauses of pipeline `P` in braces; {usage}")]);
    says("P [a => b]", &[&format!("1:3 expected the clauses of pipeline `P` in braces; {usage}")]);
    says("P { flow: a => b } Q {}", &["1:20 `pipeline!` defines one pipeline; write another `pipeline!` for the next"]);
}

#[test]
fn a_binary_names_its_pipelines() {
    let said = |input: &str| super::listed(crate::entry::expand(tokens(input)).1);
    assert!(said("A").is_empty() && said("a::A, B,").is_empty() && said("A, crate = ::etl").is_empty());
    let usage = "name the pipelines of this binary: `main!(Orders)` or `main!(Orders, Refunds)`";
    assert_eq!(said("\"A\""), [format!("1:1 {usage}")]);
    assert_eq!(said(""), [format!("1:1 {usage}")]);
    assert_eq!(said("A, A"), ["1:4 pipeline `A` is listed twice; remove one"]);
}
