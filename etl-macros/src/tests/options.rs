//! What is said of options, and where.

use super::said;
use crate::role::Role;

const PLAIN: &str = "fn clean(raw: Raw) -> Clean { raw.into() }";
const ASYNC: &str = "async fn clean(raw: Raw) -> Result<Clean> { raw.into() }";

#[track_caller]
fn says(role: Role, options: &str, item: &str, wanted: &[&str]) {
    assert_eq!(said(role, options, item), wanted, "{role}({options})");
}

#[test]
fn every_option_is_accepted_where_it_belongs() {
    says(Role::Extractor, r#"batch = 10, retries = 2, backoff = "1s", malformed = fail, crate = ::etl"#, "fn a() -> Vec<R> {}", &[]);
    says(Role::Extractor, r#"timeout = "1s""#, "async fn a() -> Vec<R> {}", &[]);
    says(Role::Transform, "parallel, batch = 500, unordered, validate(input, output), invalid = skip, crate = crate::core", PLAIN, &[]);
    says(Role::Transform, r#"concurrency = 8, unordered, retries = 3, backoff = "1s", timeout = "1s","#, ASYNC, &[]);
    says(Role::Filter, r#"validate(input), invalid = fail"#, "fn f(r: &R) -> bool {}", &[]);
    says(Role::Loader, r#"batch = BATCH, retries = 2, backoff = "1s", timeout = "1s", validate(input)"#, "async fn f(r: &[R]) {}", &[]);
    says(Role::Resource, "", "fn pool() -> Pool {}", &[]);
}

#[test]
fn an_unknown_option_is_answered_with_the_one_that_was_meant() {
    let list = "there are `parallel`, `batch`, `concurrency`, `unordered`, `rate`, `retries`, `backoff`, `timeout`, `deadline`, `validate`, `invalid`, `compensate` and `crate`";
    let meant = |option: &str, meant: &str| format!("1:1 unknown option `{option}` for `#[transform]`; did you mean `{meant}`? ({list})");
    says(Role::Transform, "paralell", PLAIN, &[&meant("paralell", "parallel")]);
    says(Role::Transform, "retry = 3", PLAIN, &[&meant("retry", "retries")]);
    says(Role::Transform, "batch_size = 3", PLAIN, &[&meant("batch_size", "batch")]);
    says(Role::Transform, "zebra", PLAIN, &[&format!("1:1 unknown option `zebra` for `#[transform]`; {list}")]);
}

#[test]
fn an_option_of_another_role_is_told_apart_from_an_unknown_one() {
    says(
        Role::Loader,
        "parallel",
        "fn l(r: &[R]) {}",
        &["1:1 `parallel` is not an option of `#[loader]`, but of `#[transform]`; remove it here"],
    );
    says(
        Role::Filter,
        "batch = 3",
        "fn f(r: &R) -> bool {}",
        &["1:1 `batch` is not an option of `#[filter]`, but of `#[extractor]`, `#[transform]` and `#[loader]`; remove it here"],
    );
}

#[test]
fn a_duplicate_points_at_the_second() {
    says(
        Role::Transform,
        "batch = 1, parallel, batch = 2",
        PLAIN,
        &["1:22 option `batch` is given twice; remove this one, or the first at line 1"],
    );
}

#[test]
fn a_value_of_the_wrong_kind_points_at_the_value() {
    says(Role::Transform, r#"batch = "500""#, PLAIN, &["1:9 `batch` must be a number, but this is text; remove the quotes: `batch = 500`"]);
    says(Role::Transform, r#"batch = "many""#, PLAIN, &["1:9 `batch` must be a number, but this is text; write `batch = 500`"]);
    says(Role::Transform, "batch = 1.5", PLAIN, &["1:9 `batch` must be a whole number or the name of a constant; write `batch = 500`"]);
    says(Role::Transform, "batch = -1", PLAIN, &["1:9 `batch` must be a whole number or the name of a constant; write `batch = 500`"]);
    says(Role::Transform, "batch = 0", PLAIN, &["1:9 `batch` must be at least 1"]);
    says(Role::Transform, "retries = 0", PLAIN, &["1:11 `retries` must be at least 1; to try only once, leave `retries` out"]);
    says(Role::Transform, "retries = 5_000_000_000", PLAIN, &["1:11 `retries` is too large; at most 4294967295"]);
    says(Role::Transform, "batch", PLAIN, &["1:1 option `batch` needs a value: write `batch = 500`"]);
    says(Role::Transform, "batch =", PLAIN, &["1:1 option `batch` needs a value: write `batch = 500`"]);
    says(Role::Transform, "batch(5)", PLAIN, &["1:6 option `batch` needs a value: write `batch = 500`"]);
    says(Role::Transform, "parallel = true", PLAIN, &["1:12 `parallel` takes no value: write `parallel`"]);
    says(Role::Transform, "batch 5", PLAIN, &["1:7 expected `,`, `= value` or `(…)` after option `batch`"]);
    says(Role::Transform, "5", PLAIN, &["1:1 expected the name of an option"]);
}

#[test]
fn a_duration_is_text_with_a_unit() {
    says(Role::Transform, "timeout = 30", ASYNC, &["1:11 `timeout` is written as text with a unit: `timeout = \"30s\"`"]);
    let bad = "1:11 `5 parsecs` is not a duration; write `timeout = \"5s\"`, `\"250ms\"`, `\"2m\"` or `\"1h 30m\"`";
    says(Role::Transform, r#"timeout = "5 parsecs""#, ASYNC, &[bad]);
    says(Role::Transform, r#"timeout = "0s""#, ASYNC, &["1:11 `timeout` must be longer than zero; leave it out if there is none"]);
}

#[test]
fn words_and_sides_are_those_of_the_table() {
    says(Role::Extractor, "malformed = rejct", "fn a() -> Vec<R> {}", &["1:13 `malformed` cannot be `rejct`; did you mean `reject`?"]);
    says(
        Role::Extractor,
        "malformed = retry",
        "fn a() -> Vec<R> {}",
        &["1:13 `malformed` cannot be `retry`; write one of `reject`, `skip` and `fail`"],
    );
    let sides = "say which side to validate: `validate(input)`, `validate(output)` or `validate(input, output)`";
    says(Role::Transform, "validate()", PLAIN, &[&format!("1:9 {sides}")]);
    says(Role::Transform, "validate", PLAIN, &["1:1 option `validate` needs to know which side: write `validate(output)`"]);
    says(Role::Transform, "validate(both)", PLAIN, &[&format!("1:10 `both` is no side of a stage; {sides}")]);
    says(Role::Transform, "validate(input, input)", PLAIN, &["1:17 `input` is given twice; remove one"]);
    says(Role::Loader, "validate(output)", "fn l(r: &[R]) {}", &["1:10 a `#[loader]` has no output; write `validate(input)`"]);
}

#[test]
fn options_that_need_or_exclude_each_other_are_told() {
    says(Role::Transform, r#"backoff = "1s""#, PLAIN, &["1:1 `backoff` is the pause before a retry; add `retries`, or remove it"]);
    says(
        Role::Transform,
        "unordered",
        PLAIN,
        &["1:1 `unordered` has no effect on a stage that works on one record after another; add `parallel`, or remove it"],
    );
    says(
        Role::Loader,
        "invalid = skip",
        "fn l(r: &[R]) {}",
        &["1:1 `invalid` says what happens to a record that breaks a rule, but nothing is validated; add `validate(input)`, or remove it"],
    );
    says(Role::Transform, r#"timeout = "1s""#, PLAIN, &["1:1 a plain `fn` cannot be stopped; make it `async`, or leave `timeout` out"]);
    says(
        Role::Transform,
        "parallel",
        "fn count(raw: Raw, seen: &mut u64) -> Raw { raw }",
        &["1:1 `parallel` works on several records at once, so the function cannot keep `&mut` state; remove `parallel`, or the state"],
    );
}

#[test]
fn what_undoes_is_named() {
    let named = "1:14 `compensate` takes the name of a function: write `compensate = undo`, and `undo` as a function of its own";
    says(Role::Transform, "compensate = undo", PLAIN, &[]);
    says(Role::Transform, "compensate = hotel::undo", PLAIN, &[]);
    says(Role::Transform, "compensate = undo()", PLAIN, &[named]);
    says(Role::Transform, "compensate", PLAIN, &["1:1 option `compensate` needs a value: write `compensate = undo`"]);
    says(
        Role::Transform,
        "compensate = undo",
        "fn f(raw: Vec<Raw>) -> Batch<Raw> { raw }",
        &["1:1 `compensate` undoes what was done for one record, but this function takes a batch; take a single record, or remove it"],
    );
}

#[test]
fn a_key_is_one_field_or_several() {
    let key = |options: &str, wanted: &[&str]| says(Role::Loader, options, "fn l(r: &[R]) {}", wanted);
    key("idempotent(key = id)", &[]);
    key("idempotent(key = [day, number])", &[]);
    let form = "say by which fields a record replaces an earlier one: write `idempotent(key = id)` or `idempotent(key = [day, number])`";
    key("idempotent", &[&format!("1:1 {form}")]);
    key("idempotent = id", &[&format!("1:1 {form}")]);
    key("idempotent()", &[&format!("1:11 {form}")]);
    key("idempotent(key)", &[&format!("1:12 {form}")]);
    key("idempotent(key = [])", &[&format!("1:11 {form}")]);
    key("idempotent(id)", &["1:12 say that this is the key: write `idempotent(key = id)`"]);
    key("idempotent(key = [a, b, a])", &["1:25 field `a` is in the key twice; remove one"]);
    says(
        Role::Loader,
        "idempotent(key = id)",
        "fn l(r: &[R], tx: &mut Tx) {}",
        &[
            "1:1 `idempotent` has no effect on a loader that takes a transaction: its records are committed with the checkpoint, so none is loaded again; remove it",
        ],
    );
}

#[test]
fn a_rate_is_so_many_in_a_time_for_what_waits() {
    let of_awaiting = |options: &str, wanted: &[&str]| says(Role::Transform, options, "async fn a(r: &R) -> R {}", wanted);
    of_awaiting(r#"rate = "1_000/min""#, &[]);
    of_awaiting(r#"rate = "fast""#, &["1:8 `fast` is not a rate; write `rate = \"100/s\"`, `\"6000/min\"` or `\"50000/h\"`"]);
    of_awaiting(r#"rate = "0/s""#, &["1:8 `rate` must be at least 1"]);
    of_awaiting(
        "rate = 100",
        &["1:8 `rate` is written as text, so many records by the second, the minute or the hour: `rate = \"100/s\"`"],
    );
    let plain = "1:1 `rate` paces calls that wait for something else, but this plain `fn` computes; make it an `async fn`, or write `rate` on the extractor or the loader";
    says(Role::Transform, r#"rate = "1/s""#, "fn a(r: &R) -> R {}", &[plain]);
    says(Role::Filter, r#"rate = "1/s""#, "fn a(r: &R) -> bool {}", &[plain]);
    says(Role::Loader, r#"rate = "1/s", linger = "5s""#, "fn a(r: &[R]) {}", &[]);
    says(Role::Extractor, r#"rate = "1/s", linger = "5ms""#, "fn a() -> Vec<R> {}", &[]);
}

#[test]
fn an_outage_is_waited_out_behind_the_retries_of_a_loader() {
    let loader =
        |options: &str, wanted: &[&str]| says(Role::Loader, options, "async fn l(r: &[R], tx: &mut Tx<'_>) -> Result<()> {}", wanted);
    loader(r#"retries = 3, outage = "10m""#, &[]);
    loader(r#"outage = "10m", deadline = "1m", retries = RETRIES"#, &[]);
    let alone = "1:1 `outage` is how long a target is waited for when the retries of a batch are used up, but nothing is retried; add `retries`, or remove it";
    loader(r#"outage = "10m""#, &[alone]);
    let soon = "1:23 `soon` is not a duration; write `outage = \"5s\"`, `\"250ms\"`, `\"2m\"` or `\"1h 30m\"`";
    loader(r#"retries = 3, outage = "soon""#, &[soon]);
    loader(r#"retries = 3, outage = "0s""#, &["1:23 `outage` must be longer than zero; leave it out if there is none"]);
    let elsewhere = "1:14 `outage` is not an option of `#[transform]`, but of `#[loader]`; remove it here";
    says(Role::Transform, r#"retries = 3, outage = "10m""#, ASYNC, &[elsewhere]);
}

#[test]
fn all_tries_of_a_record_fit_the_deadline() {
    let deadline = |options: &str, wanted: &[&str]| says(Role::Transform, options, "async fn a(r: &R) -> R {}", wanted);
    deadline(r#"retries = 3, deadline = "1s""#, &[]);
    deadline(r#"retries = 3, timeout = "10s", backoff = "1s", deadline = "54s""#, &[]);
    let too_short = |worst: &str| {
        format!(
            "the tries may take longer than this: `timeout` × (`retries` + 1) and the pauses between them are {worst} at worst; write at least that, or lower one of them"
        )
    };
    deadline(r#"deadline = "53s", retries = 3, timeout = "10s", backoff = "1s""#, &[&format!("1:12 {}", too_short("54s"))]);
    // The pauses grow to 30 s, each with a jitter of as much again.
    deadline(r#"deadline = "1s", retries = 4, timeout = "1s", backoff = "20s""#, &[&format!("1:12 {}", too_short("3m 45s"))]);
    deadline(
        r#"deadline = "1s""#,
        &[
            "1:1 `deadline` bounds all tries of a record together, but there is only one; add `retries`, or remove it; one call alone is bounded by `timeout`",
        ],
    );
}

#[test]
fn what_is_said_of_the_pipeline_is_told_where_it_goes() {
    says(
        Role::Loader,
        "atomic = run, delivery = exactly_once",
        "fn l(r: &[R]) {}",
        &[
            "1:1 `atomic` is said of a whole pipeline, not of a stage; write `atomic: run` in `pipeline!`",
            "1:15 `delivery` is said of a whole pipeline, not of a stage; write `delivery: at_least_once` in `pipeline!`",
        ],
    );
}

#[test]
fn the_path_of_the_runtime_is_absolute() {
    says(
        Role::Transform,
        "crate = core",
        PLAIN,
        &["1:9 `core` means something else in every module; write an absolute path: `crate = ::core`, or `crate = crate::…`"],
    );
}

#[test]
fn all_mistakes_are_reported_at_once_and_the_stage_expands_with_defaults() {
    let (expanded, errors) =
        crate::stage::expand(Role::Transform, super::tokens("paralel, batch = 0, retries = \"2\""), super::tokens(PLAIN));
    assert_eq!(super::listed(errors).len(), 3);
    assert_eq!(super::poison_in(&expanded), 0);
    assert!(!expanded.to_string().contains("with_options"), "{expanded}");
}
