//! What holds of all programs of the compile-fail suite, and the page that is made of them.
//!
//! This compiles no program; whether the compiler still says what the files say is tested in `ui.rs`,
//! and whether the twins are legal in `twins.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use etl_tests::gallery::{self, Program, SEVERAL};
use etl_tests::page;

/// What `rustc` prints twice in the same words, which cargo shows once.
const SAID_TWICE: [&str; 0] = [];

/// What belongs together, and how many programs of it there must be at least.
const GROUPS: [Group; 5] = [
    Group { name: "syntax", classes: &["options", "pipeline"], bar: 0, counted: 20 },
    Group { name: "policy", classes: &["policy"], bar: 15, counted: usize::MAX },
    Group { name: "delivery", classes: &["delivery"], bar: 10, counted: usize::MAX },
    Group { name: "wiring", classes: &["wiring"], bar: 10, counted: usize::MAX },
    Group { name: "sensitive", classes: &["sensitive"], bar: 5, counted: usize::MAX },
];

/// How many programs there must be at least, of those that are counted.
const BAR: usize = 65;

struct Group {
    name: &'static str,
    classes: &'static [&'static str],
    bar: usize,
    /// So many count at most, because a misspelt word is easily refused.
    counted: usize,
}

fn programs() -> Vec<Program> {
    gallery::programs().unwrap()
}

/// Fails with everything that is wrong, not with the first.
#[track_caller]
fn nothing(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_wrong_program_has_a_legal_twin() {
    let programs = programs();
    let lacking = programs.iter().filter(|program| program.twin.is_none());
    let mut wrong: Vec<_> = lacking.map(|program| format!("ui/{0}.rs has no twin ui/pass/{0}.rs", program.path())).collect();
    let left = gallery::left_over().unwrap();
    wrong.extend(left.iter().map(|file| format!("{} belongs to no wrong program", file.display())));
    nothing(&wrong);
}

#[test]
fn a_twin_tells_what_is_right_and_not_what_is_wrong() {
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let programs = programs();
    let copied = programs.iter().filter(|program| program.twin.as_ref().is_some_and(|twin| first(twin) == first(&program.source)));
    nothing(&copied.map(|program| format!("ui/pass/{}.rs begins like the wrong program", program.path())).collect::<Vec<_>>());
}

#[test]
fn the_first_line_of_a_program_is_a_sentence_of_its_own() {
    let (mut wrong, mut known) = (Vec::new(), BTreeMap::new());
    for program in programs() {
        let path = program.path();
        let sentence = program.source.lines().next().unwrap_or_default().split(" errors: ").next().unwrap_or_default();
        if !sentence.starts_with("//! ") || !sentence.ends_with('.') {
            wrong.push(format!("{path}: the first line should be `//! What the mistake is.`, and is `{sentence}`"));
        }
        if let Some(other) = known.insert(sentence.to_owned(), path.clone()) {
            wrong.push(format!("{path} and {other} say the same: `{sentence}`"));
        }
    }
    nothing(&wrong);
}

#[test]
fn one_mistake_is_one_error() {
    let mut wrong = Vec::new();
    for program in programs() {
        let (path, said) = (program.path(), program.said());
        if said.is_empty() {
            wrong.push(format!("{path}: there is no .stderr, or nothing in it"));
            continue;
        }
        let errors: Vec<_> = said.iter().filter(|said| said.is_error()).map(|error| error.text).collect();
        let wanted = if program.class == SEVERAL { program.wanted() } else { 1 };
        let distinct = errors.iter().collect::<BTreeSet<_>>().len();
        match SAID_TWICE.contains(&path.as_str()) {
            true if errors.len() == wanted => wrong.push(format!("{path} is said once: take it off the list of what is said twice")),
            true if distinct != wanted => wrong.push(format!("{path}: {distinct} errors in different words instead of {wanted}")),
            false if errors.len() != wanted => wrong.push(format!("{path}: {} errors instead of {wanted}", errors.len())),
            _ => {}
        }
        let warnings = said.iter().filter(|said| !said.is_error());
        wrong.extend(warnings.map(|warning| format!("{path}: {}", warning.text)));
    }
    nothing(&wrong);
}

#[test]
fn an_error_points_at_a_token_of_the_user() {
    let mut wrong = Vec::new();
    for program in programs() {
        for said in program.said() {
            let first = said.text.lines().next().unwrap_or_default();
            match said.place.map(|place| program.text_at(place)) {
                Some(Some(text)) if is_whole_macro(text) => {
                    wrong.push(format!("{}: under the whole macro `{text}`: {first}", program.path()));
                }
                Some(Some(_)) => {}
                Some(None) => wrong.push(format!("{}: points out of the program: {first}", program.path())),
                None => wrong.push(format!("{}: points nowhere: {first}", program.path())),
            }
        }
    }
    nothing(&wrong);
}

/// Whether a place is where a macro is called. An attribute that a macro reads is no call of one.
fn is_whole_macro(text: &str) -> bool {
    let macros = ["extractor", "transform", "filter", "loader", "resource", "derive"];
    match text.strip_prefix("#[") {
        Some(attribute) => macros.iter().any(|name| attribute.trim_start_matches("etl_core::").starts_with(name)),
        None => text.trim_start_matches("etl_core::").starts_with("pipeline!"),
    }
}

#[test]
fn the_gallery_is_large_enough_where_it_matters() {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for program in programs().into_iter().filter(|program| program.class != SEVERAL) {
        *left.entry(program.class).or_default() += 1;
    }
    let (mut total, mut wrong) = (0, Vec::new());
    println!("{:10} {:>8} {:>7} {:>4}", "group", "programs", "counted", "bar");
    for Group { name, classes, bar, counted } in GROUPS {
        let there: usize = classes.iter().filter_map(|class| left.remove(*class)).sum();
        let counted = there.min(counted);
        total += counted;
        println!("{name:10} {there:8} {counted:7} {bar:4}");
        if there < bar {
            wrong.push(format!("{name}: {there} programs, and there should be {bar}"));
        }
    }
    let others: usize = left.values().sum();
    total += others;
    println!("{:10} {others:8} {others:7} {:4}  ({})", "others", 0, left.into_keys().collect::<Vec<_>>().join(", "));
    println!("{:10} {:8} {total:7} {BAR:4}", "all", "");
    if total < BAR {
        wrong.push(format!("{total} programs are counted, and there should be {BAR}"));
    }
    nothing(&wrong);
}

fn catalogue() -> String {
    std::fs::read_to_string(gallery::folder().join("catalogue.md")).unwrap()
}

#[test]
fn the_page_of_errors_is_made_of_the_fixtures() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let made = page::page(&programs(), &catalogue());
    if std::env::var_os("ETL_BLESS").is_some() {
        std::fs::write(&file, made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    if there != made {
        let same = there.lines().zip(made.lines()).take_while(|(there, made)| there == made).count();
        let line = |text: &str| text.lines().nth(same).map_or_else(|| "the end".to_owned(), |line| format!("`{line}`"));
        let number = same + 1;
        panic!("docs/errors.md, line {number}: {} should be {}; run `cargo xtask bless`", line(&there), line(&made));
    }
}

#[test]
fn the_links_of_the_page_of_errors_lead_to_its_headings() {
    let page = page::page(&programs(), &catalogue());
    let headings: BTreeSet<_> = page::anchors(&page).into_iter().collect();
    let lost = page::linked(&page).into_iter().filter(|anchor| !headings.contains(*anchor));
    nothing(&lost.map(|anchor| format!("there is no heading for #{anchor}")).collect::<Vec<_>>());
}

#[test]
fn each_mistake_of_the_catalogue_has_a_verdict() {
    let catalogue = catalogue();
    let lines: Vec<_> = catalogue.lines().collect();
    let (mut wrong, mut rows): (Vec<_>, Vec<&str>) = (Vec::new(), Vec::new());
    for table in lines.split(|line| !line.starts_with('|')).filter(|table| !table.is_empty()) {
        match table {
            ["| mistake | verdict | where, or why |", "|---|---|---|", table @ ..] => rows.extend(table),
            _ => wrong.push(format!("a table has other columns: {}", table[0])),
        }
    }
    assert!(rows.len() > BAR, "{} rows", rows.len());
    for row in rows {
        // a bar that belongs to the text is written `\|`
        let text = row.replace(r"\|", "/");
        let columns: Vec<_> = text.trim_matches('|').split('|').map(str::trim).collect();
        match columns.as_slice() {
            [mistake, "refused" | "warned" | "legal" | "rustc", why] if !mistake.is_empty() && !why.is_empty() => {}
            [_, _, _] => wrong.push(format!("the verdict is refused, warned, legal or rustc, and no column is empty: {row}")),
            _ => wrong.push(format!("a row has three columns: {row}")),
        }
    }
    nothing(&wrong);
}
