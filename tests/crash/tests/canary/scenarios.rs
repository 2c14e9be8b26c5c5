//! What happens: the fault matrix, next to canaries.

use std::fs;

use crate::cage::text;
use crate::flock;
use crate::place::Place;
use crate::scenario::Step::{self, Below, Beside, Call, Change, Killed, Masked, Show, Stopped};
use crate::scenario::{Scenario, scenario};

const TILL: &str = "CREATE TABLE items (id, name, card, amount, ratio, note)";
const RUN: &[&str] = &["run"];
/// Slow enough to be stopped, and to tell of its progress.
const SLOWLY: &[&str] = &["run", "--set", "orders.rate=25/s", "--set", "store.batch=5"];
/// A limit of the size of files: 8 blocks of 512 bytes.
const FULL: &[&str] = &["sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""];

fn done(code: i32) -> Vec<Step> {
    vec![Call(RUN, Some(code))]
}

/// Orders into a table that takes everything.
fn orders(place: &mut Place) {
    flock::csv(place);
    flock::till(place, TILL);
}

/// All scenarios without a server.
pub fn all() -> Vec<Scenario> {
    [verbs(), sources(), targets(), stages(), panics(), dead_letters(), settings(), runs()].into_iter().flatten().collect()
}

fn verbs() -> Vec<Scenario> {
    let verbs = vec![
        Call(&["check"], Some(0)),
        Call(&["plan"], Some(0)),
        Call(&["plan", "--json"], Some(0)),
        Call(&["graph"], Some(0)),
        Call(&["graph", "--format", "json"], Some(0)),
        Call(&["run", "--dry-run"], Some(0)),
        Call(&["run", "--limit", "20"], Some(0)),
        Call(RUN, Some(0)),
        Call(RUN, Some(0)),
        Call(&["runs"], Some(0)),
        Call(&["runs", "--json"], Some(0)),
        Call(&["run", "--report", "-"], Some(2)),
        Call(&["completions", "bash"], Some(0)),
        Call(&["--version"], Some(2)),
    ];
    vec![scenario("every verb, and a success", "orders", orders, verbs)]
}

fn sources() -> Vec<Scenario> {
    let no_till = |source: fn(&Place)| move |place: &mut Place| source(place);
    vec![
        scenario(
            "CSV by the derive, malformed in every way",
            "orders",
            |place| {
                flock::csv_with_rubbish(place);
                flock::till(place, TILL)
            },
            done(0),
        ),
        scenario("CSV by serde, malformed in every way", "letters", no_till(flock::csv_with_rubbish), done(65)),
        scenario(
            "CSV into whatever the header says: a malformed record stops the run",
            "scraps",
            no_till(flock::csv_with_rubbish),
            done(1),
        ),
        scenario("JSON lines by the derive, malformed in every way", "events", no_till(flock::jsonl_with_rubbish), done(0)),
        scenario("JSON lines by serde, malformed in every way", "notes", no_till(flock::jsonl_with_rubbish), done(0)),
        scenario("a table with values of other types", "tables", no_till(flock::table_with_rubbish), done(0)),
        scenario(
            "CSV without a header",
            "orders",
            |place| {
                flock::csv_without_header(place);
                flock::till(place, TILL)
            },
            vec![Call(&["check"], Some(78)), Call(RUN, Some(1))],
        ),
        scenario("CSV without a header, by serde", "letters", no_till(flock::csv_without_header), done(65)),
        scenario("CSV without a header, the same twice", "scraps", no_till(flock::csv_without_header_twice_the_same), done(1)),
        scenario("CSV without a header, torn", "scraps", no_till(flock::csv_without_header_torn), done(1)),
        scenario("CSV without a header, torn, by serde", "letters", no_till(flock::csv_without_header_torn), done(65)),
        scenario(
            "CSV that lacks a column",
            "orders",
            |place| {
                flock::csv_without_a_column(place);
                flock::till(place, TILL)
            },
            done(1),
        ),
        scenario(
            "CSV with a torn header",
            "orders",
            |place| {
                flock::csv_with_a_torn_header(place);
                flock::till(place, TILL)
            },
            done(1),
        ),
        scenario("a text where a database should be", "tables", no_till(flock::csv), done(1)),
        scenario("a text where Parquet should be", "archive", no_till(flock::csv), done(1)),
        scenario(
            "a table that is not there",
            "tables",
            |place| drop(rusqlite::Connection::open(place.input()).unwrap().execute_batch("CREATE TABLE x (y)")),
            done(1),
        ),
        scenario("Parquet, written and read", "notes", no_till(flock::jsonl), vec![Call(RUN, Some(0))]),
        scenario("Parquet that was cut off", "archive", parquet_cut_off, done(1)),
        scenario("Parquet, loaded by a plain function", "archive", parquet, done(0)),
        scenario("a source that is away", "letters", |_| {}, done(1)),
    ]
}

/// A Parquet file, which another pipeline of the same program writes.
fn parquet(place: &mut Place) {
    flock::jsonl(place);
    let archive = std::mem::replace(&mut place.pipeline, "notes");
    assert_eq!(place.call(RUN).code, Some(0));
    place.pipeline = archive;
    fs::rename(place.output(), place.input()).unwrap();
}

fn parquet_cut_off(place: &mut Place) {
    parquet(place);
    let whole = fs::read(place.input()).unwrap();
    place.write("source/input", [&whole[..whole.len() / 2], &whole[whole.len() - 8..]].concat());
}

/// The table has something against one of the records.
fn refusing(name: &'static str, sql: fn() -> String) -> Scenario {
    let prepare = move |place: &mut Place| {
        flock::csv(place);
        flock::till(place, &sql());
    };
    scenario(name, "orders", prepare, vec![Call(RUN, Some(0)), Call(&["dlq", "list", "--all"], Some(0))])
}

fn targets() -> Vec<Scenario> {
    vec![
        refusing("UNIQUE", || {
            format!("CREATE TABLE items (id, name UNIQUE, card, amount, ratio, note); INSERT INTO items (name) VALUES ('{}')", text("n13"))
        }),
        refusing("PRIMARY KEY", || {
            format!(
                "CREATE TABLE items (id, name TEXT PRIMARY KEY, card, amount, ratio, note); INSERT INTO items (name) VALUES ('{}')",
                text("n13")
            )
        }),
        refusing("CHECK", || format!("CREATE TABLE items (id, name CHECK (name <> '{}'), card, amount, ratio, note)", text("n13"))),
        refusing("NOT NULL", || {
            format!(
                "{TILL}; CREATE TABLE other (name NOT NULL); CREATE TRIGGER copies AFTER INSERT ON items BEGIN INSERT INTO other VALUES (nullif(NEW.name, '{}')); END",
                text("n13")
            )
        }),
        refusing("a STRICT table", || {
            "CREATE TABLE items (id INTEGER, name TEXT, card TEXT, amount INTEGER, ratio ANY, note TEXT) STRICT; CREATE TABLE other (n INTEGER) STRICT; CREATE TRIGGER copies AFTER INSERT ON items WHEN NEW.id = 13 BEGIN INSERT INTO other VALUES (NEW.name); END".to_owned()
        }),
        refusing("FOREIGN KEY", || {
            format!("{TILL}; CREATE TABLE names (name PRIMARY KEY); CREATE TABLE other (name REFERENCES names); PRAGMA foreign_keys = ON")
        }),
        refusing("a trigger that refuses", || {
            format!(
                "{TILL}; CREATE TRIGGER refuses BEFORE INSERT ON items WHEN NEW.id = 13 BEGIN SELECT RAISE(ABORT, '{}'); END",
                text("raised")
            )
        }),
        scenario(
            "a trigger that fails",
            "orders",
            |place| {
                flock::csv(place);
                flock::till(
                    place,
                    &format!(
                        "{TILL}; CREATE TRIGGER fails BEFORE INSERT ON items WHEN NEW.id = 13 BEGIN SELECT json_extract(NEW.name, NEW.card); END"
                    ),
                )
            },
            done(1),
        ),
        scenario(
            "a table that lacks a column",
            "orders",
            |place| {
                flock::csv(place);
                flock::till(place, "CREATE TABLE items (id, name)")
            },
            done(1),
        ),
        scenario(
            "a table of another type is a view",
            "orders",
            |place| {
                flock::csv(place);
                flock::till(place, "CREATE VIEW items AS SELECT 1 AS id")
            },
            done(1),
        ),
        scenario(
            "a text where the target should be",
            "orders",
            |place| {
                flock::csv(place);
                fs::copy(place.input(), place.output()).unwrap();
            },
            done(78),
        ),
        scenario("the disk is full: SQLite", "orders", orders, vec![Below(FULL, RUN, Some(74)), Call(RUN, Some(0))]),
        scenario(
            "the disk is full: CSV",
            "events",
            |place| flock::jsonl(place),
            vec![Below(FULL, &["run", "--set", "write.batch=1"], Some(0)), Call(RUN, Some(0))],
        ),
        scenario("the disk is full: Parquet", "tables", |place| flock::table_with_rubbish(place), vec![Below(FULL, RUN, Some(74))]),
        scenario("the disk is full: dead letters", "letters", |place| flock::csv_with_rubbish(place), vec![Below(FULL, RUN, Some(74))]),
        scenario(
            "the disk is full: the report",
            "orders",
            orders,
            vec![Call(&["plan"], Some(0)), Below(&["sh", "-c", "exec \"$0\" \"$@\" > /dev/full"], &["plan", "--json"], Some(74))],
        ),
        scenario(
            "dead letters that cannot be written",
            "letters",
            |place| {
                flock::csv_with_rubbish(place);
                fs::create_dir(place.path("letters/rejects.jsonl")).unwrap()
            },
            done(78),
        ),
        scenario(
            "an output that is there",
            "letters",
            |place| {
                flock::csv(place);
                fs::copy(place.input(), place.output()).unwrap();
            },
            vec![Call(&["check"], Some(78)), Call(RUN, Some(78)), Call(&["run", "--replace"], Some(65))],
        ),
    ]
}

fn trouble(name: &'static str, args: &'static [&'static str], code: i32) -> Scenario {
    scenario(
        name,
        "orders",
        orders,
        vec![Call(args, Some(code)), Call(&["runs", "--json"], Some(0)), Call(&["dlq", "list", "--json"], Some(0))],
    )
}

macro_rules! with {
    ($trouble:literal) => {
        &["run", "--set", concat!("trouble=", $trouble)]
    };
}

fn stages() -> Vec<Scenario> {
    vec![
        trouble("an error of class reject", with!("rejected"), 0),
        trouble("an error of class skip", with!("skipped"), 0),
        trouble("an error of class retry", with!("away"), 1),
        trouble("an error of class fail, with causes", with!("unknown"), 1),
        trouble("an error of somebody else's type", with!("foreign"), 1),
        trouble("a number that is none", with!("parse"), 1),
        trouble("a text that is none", with!("utf8"), 1),
        trouble("an I/O error with words of its own", with!("io"), 1),
        trouble("an anyhow error with a context", with!("anyhow"), 1),
        trouble("a boxed error", with!("boxed"), 1),
        trouble("an error in a filter", with!("filter_fails"), 1),
        trouble("an error in a loader", with!("load_fails"), 1),
        trouble("an error in a resource", with!("resource_fails"), 1),
        trouble("an error in an extractor", with!("extractor_fails"), 1),
        trouble("a call that takes too long", with!("hang"), 1),
        scenario(
            "an error in a batch",
            "events",
            |place| flock::jsonl(place),
            vec![Call(with!("rejected"), Some(0)), Call(&["dlq", "list"], Some(0))],
        ),
        scenario(
            "too many errors",
            "orders",
            |place| {
                flock::csv_with_rubbish(place);
                flock::till(place, TILL)
            },
            vec![Call(&["run", "--set", "pipeline.error_threshold=3"], Some(65))],
        ),
        scenario("an effect that cannot be undone", "bookings", orders, vec![Call(with!("unknown"), Some(70)), Call(RUN, Some(70))]),
    ]
}

fn panics() -> Vec<Scenario> {
    let mut all = vec![
        trouble("a panic in a plain function", with!("panic"), 101),
        trouble("a panic with a payload of its own", with!("panic_any"), 101),
        trouble("an unwrap of an error", with!("unwrap"), 101),
        trouble("a panic behind an await", with!("panic_later"), 101),
        trouble("a panic in a thread of the stage", with!("panic_in_thread"), 0),
        trouble("a panic in a task of the stage", with!("panic_in_task"), 1),
        trouble("a panic in a filter", with!("panic_in_filter"), 101),
        trouble("a panic in a loader", with!("panic_in_loader"), 101),
        trouble("a panic in a resource", with!("panic_in_resource"), 101),
        trouble("a panic in an extractor", with!("panic_in_extractor"), 101),
        trouble("a panic in Drop", with!("panic_in_drop"), 101),
        trouble("a panic in Drop of a record", with!("panic_in_drop_of_record"), 101),
        scenario("a panic in a panic", "orders", orders, vec![Call(with!("panic_twice"), None)]),
        scenario("a panic in a batch", "events", |place| flock::jsonl(place), vec![Call(with!("panic"), Some(101))]),
    ];
    let traced = |place: &mut Place| {
        orders(place);
        place.variables.push(("RUST_BACKTRACE".into(), "1".into()));
    };
    all.push(scenario("a panic and its backtrace", "orders", traced, vec![Call(with!("panic_in_resource"), Some(101))]));
    let abort: &[&str] = with!("abort");
    all.push(scenario(
        "a record that kills the process, found",
        "orders",
        orders,
        [None, None, None, None].into_iter().map(|code| Call(abort, code)).chain([Call(RUN, Some(0))]).collect(),
    ));
    all
}

fn dead_letters() -> Vec<Scenario> {
    let verbs = || {
        vec![
            Call(RUN, Some(0)),
            Call(&["dlq", "list"], Some(0)),
            Call(&["dlq", "list", "--all"], Some(0)),
            Call(&["dlq", "list", "--json"], Some(0)),
            Show(&["dlq", "show", "--all", "--raw"], Some(0)),
            Call(&["dlq", "replay", "--all"], Some(65)),
            Call(&["dlq", "discard", "--code", "nothing", "--yes"], Some(1)),
        ]
    };
    let csv = verbs()
        .into_iter()
        .chain([Call(&["dlq", "show", "--all"], Some(0)), Call(&["dlq", "discard", "--all", "--yes"], Some(0))])
        .collect();
    let json = || {
        verbs()
            .into_iter()
            .chain([Masked(&["dlq", "show", "--all"], Some(0)), Call(&["dlq", "discard", "--all", "--yes"], Some(0))])
            .collect()
    };
    vec![
        scenario(
            "dead letters of lines",
            "orders",
            |place| {
                flock::csv_with_rubbish(place);
                flock::till(place, TILL)
            },
            csv,
        ),
        scenario("dead letters of objects", "events", |place| flock::jsonl_with_rubbish(place), json()),
        scenario("dead letters of rows", "tables", |place| flock::table_with_rubbish(place), json()),
        scenario(
            "dead letters that were edited",
            "orders",
            |place| {
                flock::csv_with_rubbish(place);
                flock::till(place, TILL)
            },
            vec![
                Call(RUN, Some(0)),
                Change(|place| {
                    let letters = fs::read_to_string(place.path("letters/rejects.jsonl")).unwrap();
                    place.write(
                        "letters/rejects.jsonl",
                        letters.replacen("\"line\":", &format!("\"line\":\"{}\",\"x\":", text("edited")), 2),
                    );
                }),
                Call(&["dlq", "list"], Some(74)),
                Call(&["dlq", "show", "--all"], Some(74)),
                Call(&["dlq", "replay", "--all"], Some(74)),
            ],
        ),
        scenario(
            "a source that has changed is not replayed",
            "orders",
            |place| {
                flock::csv_with_rubbish(place);
                flock::till(place, TILL)
            },
            vec![
                Call(RUN, Some(0)),
                Change(|place| {
                    let source = fs::read(place.input()).unwrap();
                    place.write("source/input", String::from_utf8_lossy(&source).replace("Kanarie+few", "Kanarie+gew").as_bytes());
                }),
                Call(&["dlq", "replay", "--all"], Some(78)),
            ],
        ),
    ]
}

fn settings() -> Vec<Scenario> {
    let refused = |name, args: &'static [&'static str], code| scenario(name, "orders", orders, vec![Call(args, Some(code))]);
    let file = |name, content: fn() -> String| {
        let prepare = move |place: &mut Place| {
            orders(place);
            place.write("source/settings.toml", content());
        };
        scenario(name, "orders", prepare, vec![Call(RUN, Some(78)), Call(&["plan"], Some(78)), Call(&["check"], Some(78))])
    };
    let variable = |name, key: &'static str, value: fn() -> String| {
        let prepare = move |place: &mut Place| {
            orders(place);
            place.variables.push((key.into(), value()));
        };
        scenario(name, "orders", prepare, vec![Call(RUN, Some(78)), Call(&["check"], Some(78))])
    };
    vec![
        refused("a secret without its name", &["run", "--set", "Kanarie+flag/x"], 2),
        refused("a secret under a misspelt name", &["run", "--set", "databse=Kanarie+flag/x"], 78),
        refused("a secret of the wrong type", &["run", "--set", "pin=Kanarie+flag/x"], 78),
        refused("a secret below a secret", &["run", "--set", "database.url=Kanarie+flag/x"], 78),
        refused("a text in place of a table of secrets", &["run", "--set", "service=Kanarie+flag/x"], 78),
        refused("a secret as a flag of its own", &["run", "--database=Kanarie+flag/x"], 2),
        refused("a secret as an argument", &["run", "Kanarie+flag/x"], 2),
        file("settings without quotes", || format!("database = {}\n", text("file"))),
        file("settings in a text that does not end", || format!("database = \"\"\"\n{}\n{}=\n", text("file"), text("padding"))),
        file("settings in a list that does not end", || format!("keys = [\n[\"{}\" \"{}\"\n", text("file"), text("file"))),
        file("settings with a wrong escape", || format!("database = \"\"\"\n{}=\\q\n\"\"\"\n", text("file"))),
        file("settings in a key", || format!("\"{}\n", text("file"))),
        file("settings twice", || format!("database = \"{0}\"\ndatabase = \"{0}\"\n", text("file"))),
        file("settings of a wrong type", || {
            format!("database = [\"{0}\"]\npin = \"{0}\"\nkeys = {{ a = \"{0}\" }}\n[service]\nadress = \"{0}\"\n", text("file"))
        }),
        file("settings that are a table of tables", || format!("service = [\"{0}\"]\n", text("file"))),
        variable("a secret of a wrong type in a variable", "ETL__PIN", || text("variable")),
        variable("a misspelt variable", "ETL__SERVICE__APIKEYS", || text("variable")),
        variable("a variable of a stage that is not there", "ETL__STOER__PASSWORD", || text("variable")),
    ]
}

fn runs() -> Vec<Scenario> {
    let slow_letters = |place: &mut Place| flock::csv(place);
    vec![
        scenario("stopped, and gone on with", "orders", orders, vec![Stopped(SLOWLY, Some(143)), Call(RUN, Some(0))]),
        scenario("killed, and gone on with", "orders", orders, vec![Killed(SLOWLY), Call(RUN, Some(0))]),
        scenario("progress of a slow run", "orders", orders, vec![Call(SLOWLY, Some(0))]),
        scenario("a second run", "orders", orders, vec![Beside(SLOWLY, RUN, Some(75))]),
        scenario(
            "another source than before",
            "orders",
            orders,
            vec![
                Stopped(SLOWLY, Some(143)),
                Change(|place| place.write("source/input", flock::lines().replace("Kanarie+n1/", "Kanarie+m1/"))),
                Call(&["check"], Some(0)),
                Call(RUN, Some(1)),
                Call(&["run", "--fresh"], Some(78)),
            ],
        ),
        scenario(
            "a source that was cut off",
            "orders",
            orders,
            vec![Call(RUN, Some(0)), Change(|place| place.write("source/input", flock::lines().split_at(900).0)), Call(RUN, Some(0))],
        ),
        scenario(
            "a source that has grown",
            "letters",
            slow_letters,
            vec![Call(RUN, Some(65)), Change(|place| place.write("source/input", flock::lines() + &flock::line(77))), Call(RUN, Some(65))],
        ),
        scenario(
            "a checkpoint that is damaged",
            "events",
            |place| flock::jsonl(place),
            vec![
                Call(RUN, Some(0)),
                Change(|place| {
                    let state = crate::place::files(&place.path(".etl"));
                    state
                        .iter()
                        .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("checkpoint."))
                        .for_each(|file| fs::write(file, "{\"pipeline\":7").unwrap());
                }),
                Call(RUN, Some(74)),
            ],
        ),
    ]
}

/// What leaks on purpose, so that it is known that leaks are seen where they would be.
pub fn control() -> Scenario {
    Scenario { control: true, ..trouble("the control: a stage that logs its record", with!("confess"), 0) }
}
