//! Every text that a user of the macros can meet, in one place, so that they can be read together.
//!
//! Lower case, code in backticks, no full stop; first what is wrong, then what to do.

use std::time::Duration;

use proc_macro2::Span;

use crate::role::Role;

// ---------------------------------------------------------------------------------------- options

pub(crate) const EXPECTED_OPTION: &str = "expected the name of an option";

pub(crate) fn option_needs_comma(name: &str) -> String {
    format!("expected `,`, `= value` or `(…)` after option `{name}`")
}

pub(crate) fn unknown_option(name: &str, role: Role, meant: Option<&str>, known: &[&str]) -> String {
    let known = listed(known);
    match meant {
        Some(meant) => format!("unknown option `{name}` for `{role}`; did you mean `{meant}`? (there are {known})"),
        None => format!("unknown option `{name}` for `{role}`; there are {known}"),
    }
}

pub(crate) fn option_of_another_role(name: &str, role: Role, others: &[Role]) -> String {
    let others: Vec<_> = others.iter().map(ToString::to_string).collect();
    format!(
        "`{name}` is not an option of `{role}`, but of {}; remove it here",
        listed(&others.iter().map(String::as_str).collect::<Vec<_>>())
    )
}

pub(crate) fn option_is_a_clause(name: &str, example: &str) -> String {
    format!("`{name}` is said of a whole pipeline, not of a stage; write `{example}` in `pipeline!`")
}

pub(crate) fn key_form(field: Option<&str>) -> String {
    match field {
        Some(field) => format!("say that this is the key: write `idempotent(key = {field})`"),
        None => "say by which fields a record replaces an earlier one: write `idempotent(key = id)` or `idempotent(key = [day, number])`"
            .to_owned(),
    }
}

pub(crate) fn key_twice(field: &str) -> String {
    format!("field `{field}` is in the key twice; remove one")
}

pub(crate) fn key_in_a_transaction() -> &'static str {
    "`idempotent` has no effect on a loader that takes a transaction: its records are committed with the checkpoint, so none is loaded again; remove it"
}

pub(crate) fn deadline_alone(is_async: bool) -> String {
    let other = if is_async { "; one call alone is bounded by `timeout`" } else { "" };
    format!("`deadline` bounds all tries of a record together, but there is only one; add `retries`, or remove it{other}")
}

pub(crate) fn outage_alone() -> &'static str {
    "`outage` is how long a target is waited for when the retries of a batch are used up, but nothing is retried; add `retries`, or remove it"
}

pub(crate) fn deadline_too_short(worst: Duration) -> String {
    // Whole milliseconds: what is smaller helps nobody here.
    let worst = humantime::format_duration(Duration::from_millis(u64::try_from(worst.as_millis()).unwrap_or(u64::MAX)));
    format!(
        "the tries may take longer than this: `timeout` × (`retries` + 1) and the pauses between them are {worst} at worst; write at least that, or lower one of them"
    )
}

pub(crate) fn deadline_too_short_somehow() -> &'static str {
    "the tries may take longer than this: `timeout` × (`retries` + 1) and the pauses between them; write more, or lower one of them"
}

pub(crate) fn replayable_already() -> &'static str {
    "`replayable` has no effect: the source that this extractor returns has positions and can be read again by itself; remove it"
}

pub(crate) fn nothing_to_decode() -> &'static str {
    "`malformed` has no effect: the records are not decoded, so none of them can be malformed; remove it"
}

pub(crate) fn too_many_values() -> &'static str {
    "a batch is one statement of this target, and this one holds more values (records × columns) than a statement can; write a smaller `batch`"
}

pub(crate) fn not_a_function_name(name: &str, example: &str) -> String {
    format!("`{name}` takes the name of a function: write `{example}`, and `undo` as a function of its own")
}

pub(crate) fn compensates_a_batch() -> &'static str {
    "`compensate` undoes what was done for one record, but this function takes a batch; take a single record, or remove it"
}

pub(crate) fn compensates_many() -> &'static str {
    "`compensate` undoes what was done for one record that became one, but this function may make many of one; return a record or an `Option` of one"
}

pub(crate) fn duplicate_option(name: &str, first: Span) -> String {
    format!("option `{name}` is given twice; remove this one, or the first{}", place(first))
}

pub(crate) fn flag_with_value(name: &str) -> String {
    format!("`{name}` takes no value: write `{name}`")
}

pub(crate) fn needs_value(name: &str, example: &str) -> String {
    format!("option `{name}` needs a value: write `{example}`")
}

pub(crate) fn needs_parens(name: &str, example: &str) -> String {
    format!("option `{name}` needs to know which side: write `{example}`")
}

pub(crate) fn zero(name: &str) -> String {
    if name == "retries" {
        "`retries` must be at least 1; to try only once, leave `retries` out".to_owned()
    } else {
        format!("`{name}` must be at least 1")
    }
}

pub(crate) fn too_large(name: &str, max: u64) -> String {
    format!("`{name}` is too large; at most {max}")
}

pub(crate) fn number_in_quotes(name: &str, text: &str, example: &str) -> String {
    if text.parse::<u64>().is_ok() {
        format!("`{name}` must be a number, but this is text; remove the quotes: `{name} = {text}`")
    } else {
        format!("`{name}` must be a number, but this is text; write `{example}`")
    }
}

pub(crate) fn not_a_number(name: &str, example: &str) -> String {
    format!("`{name}` must be a whole number or the name of a constant; write `{example}`")
}

pub(crate) fn zero_duration(name: &str) -> String {
    format!("`{name}` must be longer than zero; leave it out if there is none")
}

pub(crate) fn bad_duration(name: &str, text: &str) -> String {
    format!("`{text}` is not a duration; write `{name} = \"5s\"`, `\"250ms\"`, `\"2m\"` or `\"1h 30m\"`")
}

pub(crate) fn duration_is_text(name: &str, example: &str) -> String {
    format!("`{name}` is written as text with a unit: `{example}`")
}

pub(crate) fn bad_rate(text: &str) -> String {
    format!("`{text}` is not a rate; write `rate = \"100/s\"`, `\"6000/min\"` or `\"50000/h\"`")
}

pub(crate) fn rate_is_text(example: &str) -> String {
    format!("`rate` is written as text, so many records by the second, the minute or the hour: `{example}`")
}

pub(crate) fn rate_on_plain_fn() -> &'static str {
    "`rate` paces calls that wait for something else, but this plain `fn` computes; make it an `async fn`, or write `rate` on the extractor or the loader"
}

pub(crate) fn not_a_word(name: &str, words: &[&str]) -> String {
    format!("`{name}` is one of {}", listed(words))
}

pub(crate) fn unknown_word(name: &str, word: &str, meant: Option<&str>, words: &[&str]) -> String {
    match meant {
        Some(meant) => format!("`{name}` cannot be `{word}`; did you mean `{meant}`?"),
        None => format!("`{name}` cannot be `{word}`; write one of {}", listed(words)),
    }
}

pub(crate) fn validates_nothing(output: bool) -> String {
    if output {
        "say which side to validate: `validate(input)`, `validate(output)` or `validate(input, output)`".to_owned()
    } else {
        "say which side to validate: `validate(input)`".to_owned()
    }
}

pub(crate) fn no_output_to_validate(role: Role) -> String {
    let what = if role == Role::Filter { "passes its input on as it is" } else { "has no output" };
    format!("a `{role}` {what}; write `validate(input)`")
}

pub(crate) fn unknown_side(word: &str, output: bool) -> String {
    format!("`{word}` is no side of a stage; {}", validates_nothing(output))
}

pub(crate) fn side_twice(word: &str) -> String {
    format!("`{word}` is given twice; remove one")
}

pub(crate) fn timeout_on_plain_fn() -> &'static str {
    "a plain `fn` cannot be stopped; make it `async`, or leave `timeout` out"
}

pub(crate) fn concurrency_without_a_transaction() -> &'static str {
    "`concurrency` is the number of transactions under way at once, but this loader takes none; take `&mut` the target's transaction, or make the calls in a `#[transform(concurrency = …)]`"
}

pub(crate) fn one_transaction_at_a_time() -> &'static str {
    "`concurrency` is the number of transactions under way at once, but this target takes one after the other; remove it"
}

pub(crate) fn concurrency_of_a_whole_run(stage: &str, pipeline: &str) -> String {
    format!(
        "loader `{stage}` has several transactions under way at once, but under `atomic: run` all records of pipeline `{pipeline}` become one; remove `concurrency`, or write `atomic: batch`"
    )
}

pub(crate) fn order_lost_behind_state() -> &'static str {
    "this stage loses the order of the records (`unordered`, or the `concurrency` of a loader) behind one that keeps `&mut` state, so what that one knows could not be written down with them; remove the option, or put the stage before the one with state"
}

pub(crate) fn concurrency_on_plain_fn(role: Role) -> &'static str {
    if role == Role::Loader {
        return "`concurrency` is the number of transactions under way at once, and a plain `fn` keeps its thread until it is done; make the function `async`";
    }
    "`concurrency` is the number of `async` calls under way at once; make the function `async`, or use `parallel` to compute on several workers"
}

pub(crate) fn shares_state(option: &str) -> String {
    format!("`{option}` works on several records at once, so the function cannot keep `&mut` state; remove `{option}`, or the state")
}

pub(crate) fn unordered_alone(is_async: bool) -> String {
    let with = if is_async { "`parallel` or `concurrency`" } else { "`parallel`" };
    format!("`unordered` has no effect on a stage that works on one record after another; add {with}, or remove it")
}

pub(crate) fn backoff_alone() -> &'static str {
    "`backoff` is the pause before a retry; add `retries`, or remove it"
}

pub(crate) fn invalid_alone(role: Role) -> String {
    let sides = if role == Role::Transform { "`validate(input)` or `validate(output)`" } else { "`validate(input)`" };
    format!("`invalid` says what happens to a record that breaks a rule, but nothing is validated; add {sides}, or remove it")
}

pub(crate) fn crate_path_must_be_absolute(path: &str) -> String {
    format!("`{path}` means something else in every module; write an absolute path: `crate = ::{path}`, or `crate = crate::…`")
}

// -------------------------------------------------------------------------------------- signature

pub(crate) fn not_a_function(role: Role, found: &str) -> String {
    format!("`{role}` stands above a function, but this is a `{found}`")
}

pub(crate) fn no_body(role: Role) -> String {
    format!("`{role}` stands above a free function; a function of a trait cannot be a stage")
}

pub(crate) fn second_role_on_function(name: &str, first: Role, second: Role) -> String {
    format!("`{name}` already is a `{first}`; a function has one role, so remove `{second}`")
}

pub(crate) fn takes_self(role: Role, name: &str) -> String {
    format!("{} `{name}` cannot take `self`; move the function out of the `impl` block, and take what it needs as `&Resource`", role.name())
}

pub(crate) fn modifier(role: Role, name: &str, word: &str) -> String {
    format!("{} `{name}` cannot be `{word}`; write `fn` or `async fn`", role.name())
}

pub(crate) fn generic(role: Role, name: &str) -> String {
    format!("{} `{name}` cannot be generic: a pipeline needs to know its types; write a concrete type", role.name())
}

pub(crate) fn no_record(role: Role, name: &str) -> String {
    let first = if role == Role::Loader { "its records" } else { "its record" };
    format!("{} `{name}` takes no record; the first parameter is {first}\n\nwrite `{}`", role.name(), role.usage())
}

pub(crate) fn mutable_record(ty: &str) -> String {
    format!(
        "a record cannot be taken by `&mut`: it would not be the same when it is tried again or rejected; take `{ty}` or `&{ty}` and return the new record"
    )
}

pub(crate) fn second_record(name: &str, ty: &str) -> String {
    format!("`{name}` takes one record, the first parameter; everything else is lent: write `&{ty}`")
}

pub(crate) fn by_value_without_record(role: Role, name: &str, ty: &str) -> String {
    format!("{} `{name}` takes no record, only the settings and resources, which are lent: write `&{ty}`", role.name())
}

pub(crate) fn second_mutable(role: Role) -> String {
    match role {
        Role::Loader => "a loader writes in one transaction; remove one of the two `&mut` parameters".to_owned(),
        _ => "a transform keeps one state; put both into one struct".to_owned(),
    }
}

pub(crate) fn mutable_in_the_wrong_role(role: Role, name: &str) -> String {
    match role {
        Role::Filter => format!("filter `{name}` cannot keep state; a `#[transform]` that returns `Option` can"),
        _ => format!("{} `{name}` cannot take `&mut`: the settings and resources are shared; write `&`", role.name()),
    }
}

pub(crate) fn resource_is_no_plain_type(ty: &str) -> String {
    format!("`{ty}` cannot be lent: the settings and resources are found by their type; write `&` and the name of a type")
}

pub(crate) fn resource_is_unsized(ty: &str) -> String {
    format!("`{ty}` cannot be lent: the settings and resources are found by their type; take `&Config` and use its field")
}

pub(crate) fn resource_is_shared(pointer: &str, inner: &str) -> String {
    format!("write `&{inner}`: what a resource lends is shared already, and needs no `{pointer}`")
}

pub(crate) fn resource_is_always_there(inner: &str) -> String {
    format!("write `&{inner}`: a resource is made before the first record, or the run stops")
}

pub(crate) fn transaction_by_mut(ty: &str) -> String {
    format!("a transaction is taken as `&mut {ty}`")
}

pub(crate) fn too_many_needs(name: &str, most: usize) -> String {
    format!("`{name}` asks for more than {most} resources; put some of them into one struct with a `#[resource]` of its own")
}

pub(crate) fn reference_to_vec(ty: &str) -> String {
    format!("write `&[{ty}]` for a batch that is lent")
}

pub(crate) fn borrowed_record(ty: &str) -> String {
    format!("a record owns its data, because it moves between threads, but `{ty}` borrows; use `String` or `CompactString` in its fields")
}

pub(crate) fn record_is_no_plain_type(ty: &str) -> String {
    format!("a record has a concrete type, which the neighbours are checked against; write it instead of `{ty}`")
}

pub(crate) fn filter_takes_by_value(name: &str, ty: &str) -> String {
    format!("filter `{name}` only looks at its record: write `&{ty}`")
}

pub(crate) fn filter_takes_a_batch(name: &str, ty: &str) -> String {
    format!("filter `{name}` looks at one record: write `&{ty}`; a batch is filtered by a `#[transform]` that returns `Batch`")
}

pub(crate) fn loader_takes_by_value(name: &str, ty: &str, batch: bool) -> String {
    let lent = if batch { format!("`&[{ty}]`") } else { format!("`&[{ty}]` or `&{ty}`") };
    format!("loader `{name}` cannot take its records away: the engine keeps them until the target has them; write {lent}")
}

// ----------------------------------------------------------------------------------------- return

pub(crate) fn resource_borrows(ty: &str) -> String {
    format!("a resource owns its data, because it stays for the whole run, but `{ty}` borrows; give it a copy of what it needs")
}

pub(crate) fn resource_is_a_result() -> &'static str {
    "write `Result<…>` here: what a resource lends is read from the signature, and by this name it is the `Result` itself"
}

pub(crate) fn returns_nothing(role: Role, name: &str) -> String {
    let what = match role {
        Role::Extractor => {
            "return where its records come from: a connector's source, `Vec<T>`, `impl Iterator<Item = T>` or `impl Stream<Item = T>`"
        }
        Role::Transform => "return the record that goes on, `Option<_>`, `Vec<_>` or `Result<_, _>`",
        Role::Filter => "return `bool` or `Result<bool, _>`",
        _ => "return what is lent to the stages: `Result<T>`",
    };
    format!("{} `{name}` returns nothing; {what}", role.name())
}

pub(crate) fn unknown_impl(role: Role, ty: &str) -> String {
    match role {
        Role::Extractor => {
            format!("`{ty}` does not say what it yields; write `impl Iterator<Item = Record>` or `impl Stream<Item = Record>`")
        }
        Role::Transform => format!("`{ty}` does not say what it yields; write `impl Iterator<Item = Record>`, or name the type"),
        _ => format!("a `{role}` cannot return `{ty}`; name the type"),
    }
}

pub(crate) fn returns_a_future(output: Option<&str>) -> String {
    match output {
        Some(output) => format!("write `async fn` and `-> {output}` in place of a future"),
        None => "write `async fn` in place of a future".to_owned(),
    }
}

pub(crate) fn impl_in_the_wrong_place(role: Role, ty: &str) -> String {
    let word = if role == Role::Extractor { "`impl Iterator<Item = _>` or `impl Stream<Item = _>`" } else { "`impl Iterator<Item = _>`" };
    format!("`impl` can only stand alone or in a `Result` here, as {word}; name the types in `{ty}`")
}

pub(crate) fn stream_in_the_wrong_role(role: Role) -> String {
    format!("a `{role}` cannot return a stream; return `impl Iterator<Item = _>`, or do the waiting in an `#[extractor]`")
}

pub(crate) fn iterator_from_a_batch() -> &'static str {
    "a batch transform returns `Batch<_>`, one outcome per record of the input; `records.into_iter().map(f).collect::<Batch<_, _>>()` makes one"
}

// ------------------------------------------------------------------------- what only types can say

pub(crate) fn whole_batch_rejects(name: &str) -> String {
    format!(
        "loader `{name}` can reject, but only a whole batch, and what it wrote of that batch stays; return `Batch<(), E>`, take `&T`, or write in a transaction (`&mut Tx`)"
    )
}

pub(crate) fn nothing_to_retry() -> &'static str {
    "`retries` has nothing to retry: no error of this stage is of class retry; put `#[on_error(retry)]` on a variant of its error, or leave `retries` out"
}

// --------------------------------------------------------------------------------------- pipeline

pub(crate) fn pipeline_usage() -> &'static str {
    "write `pipeline! { pub Name { flow: extractor => transform => loader } }`"
}

pub(crate) fn no_pipeline_name() -> String {
    format!("expected the name of the pipeline; {}", pipeline_usage())
}

pub(crate) fn pipeline_keyword(word: &str, name: &str) -> String {
    format!("remove `{word}`: a pipeline is only its name and its clauses, `{name} {{ … }}`")
}

pub(crate) fn no_pipeline_body(name: &str) -> String {
    format!("expected the clauses of pipeline `{name}` in braces; {}", pipeline_usage())
}

pub(crate) fn after_pipeline() -> &'static str {
    "`pipeline!` defines one pipeline; write another `pipeline!` for the next"
}

pub(crate) fn expected_clause() -> &'static str {
    "expected a clause such as `flow: …`"
}

pub(crate) fn unknown_clause(name: &str, meant: Option<&str>, known: &[&str]) -> String {
    match meant {
        Some(meant) => format!("unknown clause `{name}`; did you mean `{meant}`?"),
        None => format!("unknown clause `{name}`; there are {}", listed(known)),
    }
}

pub(crate) fn clause_is_an_option(option: &str, role: Role, example: &str) -> String {
    format!("`{option}` is an option of stages: write `#[{}({example})]`", role.name())
}

pub(crate) fn duplicate_clause(name: &str, first: Span) -> String {
    format!("clause `{name}` is given twice; remove this one, or the first{}", place(first))
}

pub(crate) fn missing_comma_before(name: &str) -> String {
    format!("expected `,` before `{name}`")
}

pub(crate) fn clause_with_equals(name: &str) -> String {
    format!("write `{name}: …`, with a colon")
}

pub(crate) fn empty_clause(name: &str) -> String {
    format!("clause `{name}` is empty; write what it is, or remove it")
}

pub(crate) fn left_over(name: &str) -> String {
    format!("unexpected in `{name}`; is there a `,` missing?")
}

pub(crate) fn attribute_on_clause() -> &'static str {
    "a clause cannot have attributes; put them on the pipeline"
}

pub(crate) fn no_flow(name: &str) -> String {
    format!("pipeline `{name}` has no `flow:`; write `flow: extractor => loader`")
}

pub(crate) fn too_short(name: &str, stage: &str) -> String {
    format!("pipeline `{name}` needs at least an extractor and a loader, but has only `{stage}`; write `flow: extractor => loader`")
}

pub(crate) fn expected_stage_after_arrow() -> &'static str {
    "expected a stage after `=>`"
}

pub(crate) fn expected_stage_before_arrow() -> &'static str {
    "expected a stage before `=>`"
}

pub(crate) fn expected_stage() -> &'static str {
    "expected the name of a stage"
}

pub(crate) fn wrong_arrow(found: &str) -> String {
    format!("stages are joined by `=>`, not by `{found}`")
}

pub(crate) fn no_arrow() -> &'static str {
    "stages are joined by `=>`: write it between these two"
}

pub(crate) fn stage_called(stage: &str) -> String {
    format!("name the stage, do not call it: write `{stage}`")
}

pub(crate) fn options_in_flow(role: Role, options: &str) -> String {
    format!("options stand in the attribute: `#[{}({options})]`", role.name())
}

pub(crate) fn settings_form(ty: Option<&str>) -> String {
    format!("name the type of the settings: `settings: {}`", ty.unwrap_or("Config"))
}

pub(crate) fn branches_not_yet() -> &'static str {
    "branches and merges (`[a, b]`) are not there yet; write one pipeline for each"
}

pub(crate) fn routes_not_yet() -> &'static str {
    "routing (`match { … }`) is not there yet; write a `#[filter]` and one pipeline for each"
}

pub(crate) fn stage_twice(stage: &str, pipeline: &str, first: Span) -> String {
    format!("stage `{stage}` is in pipeline `{pipeline}` twice, first{}; a stage has one place in a flow", place(first))
}

pub(crate) fn resource_twice(name: &str, first: Span) -> String {
    format!("resource `{name}` is listed twice, first{}; remove one", place(first))
}

pub(crate) fn resources_in_brackets() -> &'static str {
    "list the resources in brackets: `resources: [a, b]`"
}

const DELIVERIES: &[&str] = &["at_most_once", "at_least_once", "effectively_once", "exactly_once"];

pub(crate) fn unknown_delivery(word: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("unknown delivery `{word}`; did you mean `{meant}`?"),
        None => format!("unknown delivery `{word}`; there are {}", listed(DELIVERIES)),
    }
}

pub(crate) fn one_word(clause: &str) -> String {
    match clause {
        "delivery" => format!("write one word: {}", listed(DELIVERIES)),
        _ => "write one word: `batch` or `run`".to_owned(),
    }
}

pub(crate) fn unknown_atomic(word: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("unknown `{word}`; did you mean `atomic: {meant}`?"),
        None => format!(
            "`{word}` is nothing that is committed at once; write `batch` (each batch by itself) or `run` (the whole run at its end)"
        ),
    }
}

pub(crate) fn dead_letter_without_reject(pipeline: &str) -> String {
    format!(
        "no stage of pipeline `{pipeline}` rejects records, so there is nothing to keep; class an error `reject`, or remove `dead_letter`"
    )
}

pub(crate) fn threshold_without_errors(pipeline: &str) -> String {
    format!(
        "no stage of pipeline `{pipeline}` skips or rejects records, so its first error stops the run and nothing is counted; class errors `skip` or `reject`, or remove `error_threshold`"
    )
}

pub(crate) fn threshold_form() -> &'static str {
    "write a share, a number of errors, a number in a row, or several of these: `1%`, `500`, `20 in a row`, `[1%, 500, 20 in a row]`, with `after 1_000` for the records that must be read first"
}

pub(crate) fn threshold_range(rate: &str) -> String {
    format!("`{rate}%` is no share of the records; it must be more than 0% and at most 100%")
}

pub(crate) fn threshold_zero() -> &'static str {
    "a threshold of 0 stops the run at the first error; class the errors `fail` instead, or write at least 1"
}

pub(crate) fn threshold_fraction() -> &'static str {
    "a number of errors is a whole number; is a `%` missing?"
}

pub(crate) fn threshold_same_twice() -> &'static str {
    "a threshold has one share, one number and one number in a row; remove one of them"
}

pub(crate) fn dead_letter_form() -> &'static str {
    "write where rejected records go: `dead_letter: file(\"rejects.jsonl\")` or `dead_letter: file(settings.rejects)`"
}

pub(crate) fn dead_letter_settings() -> &'static str {
    "this pipeline has no `settings:`, so its dead letters need a path in quotes: `file(\"rejects.jsonl\")`"
}

pub(crate) fn memory_form() -> &'static str {
    "write the memory as text with a unit: `memory: \"256 MiB\"`"
}

pub(crate) fn reject_without_dead_letter(stage: &str, pipeline: &str) -> String {
    format!(
        "stage `{stage}` rejects records, but pipeline `{pipeline}` has no `dead_letter:` to keep them; add `dead_letter: file(\"rejects.jsonl\")`, or class its errors `skip` or `fail`"
    )
}

pub(crate) fn retries_without_delivery(stage: &str, pipeline: &str) -> String {
    format!(
        "loader `{stage}` is retried without a transaction, so a record may be loaded twice; write `delivery: at_least_once` in pipeline `{pipeline}` to allow it, name the key by which it replaces itself, `idempotent(key = …)`, take `&mut Tx`, or leave `retries` out"
    )
}

pub(crate) fn retries_at_most_once(stage: &str, pipeline: &str) -> String {
    format!(
        "loader `{stage}` is retried, but pipeline `{pipeline}` loads `at_most_once`; leave `retries` out, or write `delivery: at_least_once`"
    )
}

// ---------------------------------------------------------------------------------------- entry

pub(crate) fn main_usage() -> &'static str {
    "name the pipelines of this binary: `main!(Orders)` or `main!(Orders, Refunds)`"
}

pub(crate) fn main_twice(name: &str) -> String {
    format!("pipeline `{name}` is listed twice; remove one")
}

// --------------------------------------------------------------------------------------- derives

pub(crate) fn record_not_a_struct(found: &str) -> String {
    format!(
        "`Record` is derived for a struct with named fields, which are its columns, but this is {found}; for a type that only has serde, derive `SerdeRecord`"
    )
}

pub(crate) fn record_generic(derive: &str) -> &'static str {
    if derive == "Record" {
        "a record has concrete columns and owns its data, so it cannot be generic; write the types and use `String` for borrowed text"
    } else {
        "a record has one concrete type and owns its data, so it cannot be generic"
    }
}

pub(crate) fn record_empty() -> &'static str {
    "a record needs at least one field, which is a column"
}

pub(crate) fn duplicate_column(name: &str, first: &str) -> String {
    format!("column `{name}` is there twice: field `{first}` has that name already; use `#[record(rename = \"…\")]` on one of them")
}

pub(crate) fn unknown_record_option(name: &str, meant: Option<&str>, known: &[&str]) -> String {
    match meant {
        Some(meant) => format!("unknown option `{name}` in `#[record(…)]`; did you mean `{meant}`?"),
        None => format!("unknown option `{name}` in `#[record(…)]`; here there are {}", listed(known)),
    }
}

pub(crate) fn record_option_elsewhere(name: &str, on_struct: bool) -> String {
    if on_struct {
        format!("`{name}` is an option of a field; move it to the field")
    } else {
        format!("`{name}` is an option of the whole record; move it above the struct")
    }
}

pub(crate) fn text_literal(name: &str, example: &str) -> String {
    format!("`{name}` needs text: write `{example}`")
}

pub(crate) fn empty_column_name() -> &'static str {
    "a column needs a name"
}

pub(crate) fn unknown_case(case: &str, meant: Option<&str>, known: &[&str]) -> String {
    match meant {
        Some(meant) => format!("unknown case `{case}`; did you mean `{meant}`?"),
        None => format!("unknown case `{case}`; there are {}", listed(known)),
    }
}

pub(crate) fn record_secret(inner: &str) -> String {
    format!("a `Secret` is a setting, and no column is one; a column that is masked wherever people look is `Sensitive<{inner}>`")
}

pub(crate) fn serde_on_a_record(option: &str, value: Option<&str>) -> String {
    let instead = match (option, value) {
        ("rename", name) => format!("write `#[record(rename = \"{}\")]`", name.unwrap_or("Column Name")),
        ("rename_all", case) => format!("write `#[record(rename_all = \"{}\")]`", case.unwrap_or("camelCase")),
        ("default", _) => "write `#[record(default)]` on the field, which takes the `Default` of the field's type".to_owned(),
        ("flatten", _) => "a field is one column, so write the fields of its type here".to_owned(),
        _ => "each field is a column, so leave this one out, or write `#[record(default)]` if the column may be missing".to_owned(),
    };
    format!("`Record` does not read `#[serde({option})]`; {instead}")
}

pub(crate) fn serde_without_serde(option: &str) -> String {
    format!("`Record` does not read `#[serde({option})]`, and no derive of serde is here that does; remove it")
}

pub(crate) fn masked_by_type(name: &str) -> String {
    format!("`{name}` is said by the type of the field: write `Sensitive<…>`, which prints as `***` everywhere but in files and tables")
}

pub(crate) fn settings_not_a_struct(found: &str) -> String {
    format!("`Settings` is derived for a struct with named fields, which are what the operator sets, but this is {found}")
}

pub(crate) fn settings_generic() -> &'static str {
    "settings have one concrete type and own their data, so they cannot be generic"
}

pub(crate) fn setting_reserved(name: &str) -> String {
    format!("`{name}` cannot be a setting: `{name}.memory` and its like are the options of the whole pipeline; rename it")
}

pub(crate) fn setting_sensitive() -> &'static str {
    "a setting that is masked wherever people look is a `Secret<…>`; `Sensitive` is for the columns of records"
}

pub(crate) fn setting_in_the_clear(name: &str, masked: &str) -> String {
    format!(
        "`{name}` would be printed by `plan` and in errors; write `{masked}`, or put `#[settings(shown)]` on it if everybody may read it"
    )
}

pub(crate) fn setting_default() -> &'static str {
    "defaults are serde's: write `#[serde(default)]`, or `#[serde(default = \"function\")]` with the name of a function"
}

pub(crate) fn unknown_settings_option(name: &str, meant: Option<&str>, known: &[&str]) -> String {
    match meant {
        Some(meant) => format!("unknown option `{name}` in `#[settings(…)]`; did you mean `{meant}`?"),
        None => format!("unknown option `{name}` in `#[settings(…)]`; here there is {}", listed(known)),
    }
}

pub(crate) fn stage_named_like_a_setting(settings: &str) -> String {
    format!(
        "this stage has the name of a setting of `{settings}`, so that `--set` cannot tell its options from the setting; rename one of them"
    )
}

pub(crate) fn stage_error_not_possible(found: &str) -> String {
    format!("`StageError` is derived for an enum, each variant with its class, or for a struct, but this is {found}")
}

pub(crate) fn unclassed(what: &str) -> String {
    format!(
        "{what} has no class; say what becomes of the record: `#[on_error(retry)]` tries again, `#[on_error(skip)]` leaves it out, `#[on_error(reject)]` keeps it as a dead letter, `#[on_error(fail)]` stops the run"
    )
}

pub(crate) fn class_on_enum() -> &'static str {
    "each variant has its own class; put `#[on_error(…)]` on the variants"
}

pub(crate) fn classed_twice(what: &str) -> String {
    format!("{what} has two classes; an error has one fate")
}

pub(crate) fn class_as_text(class: &str) -> String {
    format!("a class is a word and no text: write `#[on_error({class})]`")
}

pub(crate) fn class_with_a_count(count: &str) -> String {
    let count = if count.parse::<u64>().is_ok() { count } else { "3" };
    format!("write `#[on_error(retry)]` here, and `retries = {count}` in the attribute of the stage")
}

pub(crate) fn unknown_class(word: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("unknown class `{word}`; did you mean `{meant}`?"),
        None => format!("unknown class `{word}`; write `retry`, `skip`, `reject` or `fail`"),
    }
}

pub(crate) fn class_form() -> &'static str {
    "write one class: `#[on_error(retry)]`, `#[on_error(skip)]`, `#[on_error(reject)]` or `#[on_error(fail)]`"
}

pub(crate) fn hint_form() -> &'static str {
    "write what the operator can do as text: `#[hint(\"check the registry\")]`"
}

pub(crate) fn hint_quotes() -> &'static str {
    "a hint is printed as it is written: it cannot quote a value, which may be a record's; say what to do without it"
}

pub(crate) fn only_crate() -> &'static str {
    "there is only `crate = path` here"
}

pub(crate) fn hint_twice() -> &'static str {
    "there is a hint already; put both into one text"
}

// ---------------------------------------------------------------------------------------- helpers

/// `` `a`, `b` and `c` ``
fn listed(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// ` at line 7`, where the compiler knows.
fn place(span: Span) -> String {
    match line(span) {
        Some(line) => format!(" at line {line}"),
        None => String::new(),
    }
}

#[cfg(not(test))]
fn line(span: Span) -> Option<usize> {
    Some(span.unwrap().line())
}

#[cfg(test)]
fn line(span: Span) -> Option<usize> {
    Some(span.start().line)
}
