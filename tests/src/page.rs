//! `docs/errors.md`, made of the gallery.

use std::collections::HashMap;
use std::fmt::Write as _;

use similar::TextDiff;

use crate::gallery::Program;

/// Lines of every program that say nothing about it.
const IN_EVERY_PROGRAM: [&str; 2] = ["use etl_core::prelude::*;", "fn main() {}"];

/// Unchanged lines around a change.
const CONTEXT: usize = 2;

/// What the top of the page says.
const ABOUT: &str = "\
# The errors

What the compiler says to a wrong program: for each mistake a program that makes it, the error as it is printed, and the change
that mends it.

The page is made of the programs in [`tests/ui`](../tests/ui) by `cargo xtask bless`, so edit those. Each error was printed by
the compiler that `rust-toolchain.toml` names, and each mended program compiles; tests hold both. Two lines of every program are
left out, `use etl_core::prelude::*;` and `fn main() {}`; the errors count lines as the file does. `$WORKSPACE` is the folder of
this repository.

";

/// What a class of mistakes is about. A class that is not listed here is called by its folder.
const TITLES: [(&str, &str); 9] = [
    ("delivery", "Delivery"),
    ("options", "Options of the attributes"),
    ("pipeline", "Clauses and flow of a pipeline"),
    ("policy", "Classes of errors, retries and timeouts"),
    ("record", "Records"),
    ("sensitive", "Sensitive data"),
    ("several", "Several mistakes at once"),
    ("signature", "Signatures of stages"),
    ("wiring", "Stages, resources and state that do not fit"),
];

/// The whole page. The programs of one class stand together.
#[must_use]
pub fn page(programs: &[Program], catalogue: &str) -> String {
    let mut page = ABOUT.to_owned();
    contents(programs, &mut page);
    for class in programs.chunk_by(|one, other| one.class == other.class) {
        let _ = write!(page, "## {}\n\n", title(&class[0].class));
        class.iter().for_each(|program| section(program, &mut page));
    }
    page.push_str(&with_links(catalogue, programs));
    page
}

/// `{class/name}` in the catalogue is a link to the section of that program. One that is not there is
/// linked to nothing, which a test finds.
fn with_links(catalogue: &str, programs: &[Program]) -> String {
    let (mut text, mut rest) = (String::new(), catalogue);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((path, after)) = after.split_once('}') else { break };
        let program = programs.iter().find(|program| program.path() == path);
        let anchor = program.map_or_else(|| path.to_owned(), |program| anchor(program.mistake()));
        let _ = write!(text, "{before}[{path}](#{anchor})");
        rest = after;
    }
    text + rest
}

/// The names by which GitHub links to the headings of a page.
#[must_use]
pub fn anchors(page: &str) -> Vec<String> {
    let (mut anchors, mut seen, mut in_code) = (Vec::new(), HashMap::<_, usize>::new(), false);
    for line in page.lines() {
        in_code ^= line.starts_with("```");
        let text = line.trim_start_matches('#');
        if in_code || text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let anchor = anchor(text);
        let again = seen.entry(anchor.clone()).or_default();
        anchors.push(if *again == 0 { anchor } else { format!("{anchor}-{again}") });
        *again += 1;
    }
    anchors
}

/// The anchors that a text links to.
#[must_use]
pub fn linked(text: &str) -> Vec<&str> {
    text.split("](#").skip(1).filter_map(|rest| rest.split_once(')')).map(|(anchor, _)| anchor).collect()
}

/// The table of contents.
fn contents(programs: &[Program], page: &mut String) {
    page.push_str("| class | mistakes |\n|---|--:|\n");
    for class in programs.chunk_by(|one, other| one.class == other.class) {
        let title = title(&class[0].class);
        let _ = writeln!(page, "| [{title}](#{}) | {} |", anchor(title), class.len());
    }
    let _ = write!(
        page,
        "| all | {} |\n\nThen comes [the catalogue](#the-catalogue) of all mistakes, also of those that are legal, and \
         [what was found by trying](#found-by-trying).\n\n",
        programs.len()
    );
}

/// One mistake.
fn section(program: &Program, page: &mut String) {
    let wrong = shown(&program.source);
    let path = program.path();
    let _ = write!(page, "### {}\n\n[`{path}.rs`](../tests/ui/{path}.rs)\n\n```rust\n{wrong}```\n\n", program.mistake());
    let _ = write!(page, "```text\n{}```\n\n", errors(program));
    if let Some(twin) = &program.twin {
        let _ = write!(page, "```diff\n{}```\n\n", difference(&wrong, &shown(twin)));
    }
}

/// What a user of cargo sees: it prints once what the compiler says twice in the same words.
fn errors(program: &Program) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for said in program.said() {
        if !texts.contains(&said.text) {
            texts.push(said.text);
        }
    }
    if texts.is_empty() { String::new() } else { texts.join("\n\n") + "\n" }
}

/// A program without its documentation and the lines that are in every program.
fn shown(source: &str) -> String {
    let lines = source.lines().filter(|line| !line.starts_with("//!") && !IN_EVERY_PROGRAM.contains(line));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_matches('\n').to_owned() + "\n"
}

/// What has to be changed.
fn difference(wrong: &str, right: &str) -> String {
    TextDiff::from_lines(wrong, right).unified_diff().context_radius(CONTEXT).to_string()
}

fn title(class: &str) -> &str {
    TITLES.iter().find(|(known, _)| *known == class).map_or(class, |(_, title)| title)
}

/// How GitHub makes an anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        let source =
            "//! An `i64` for a word.\nuse etl_core::prelude::*;\n\n#[loader(batch = \"5\")]\nfn load(_: &[Raw]) {}\n\nfn main() {}\n";
        Program {
            class: "options".into(),
            name: "word".into(),
            source: source.into(),
            printed: "error: no\n --> ui/options/word.rs:4:18\n\nerror: no\n --> ui/options/word.rs:4:18\n".into(),
            twin: Some(source.replace("\"5\"", "5")),
        }
    }

    #[test]
    fn a_section_is_the_program_its_error_and_what_mends_it() {
        let mut page = String::new();
        section(&program(), &mut page);
        let wanted = "\
### An `i64` for a word

[`options/word.rs`](../tests/ui/options/word.rs)

```rust
#[loader(batch = \"5\")]
fn load(_: &[Raw]) {}
```

```text
error: no
 --> ui/options/word.rs:4:18
```

```diff
@@ -1,2 +1,2 @@
-#[loader(batch = \"5\")]
+#[loader(batch = 5)]
 fn load(_: &[Raw]) {}
```

";
        assert_eq!(page, wanted);
    }

    #[test]
    fn a_class_that_nobody_has_named_is_called_by_its_folder() {
        let page = page(&[Program { class: "new".into(), ..program() }], "## The end\n");
        assert!(page.contains("| [new](#new) | 1 |"), "{page}");
        assert!(page.ends_with("## The end\n"), "{page}");
    }

    #[test]
    fn the_links_of_the_page_lead_somewhere() {
        let page = page(&[program()], "## The catalogue\n\n[that](#an-i64-for-a-word)\n");
        let anchors = anchors(&page);
        assert_eq!(anchors, ["the-errors", "options-of-the-attributes", "an-i64-for-a-word", "the-catalogue"]);
        assert_eq!(linked(&page), ["options-of-the-attributes", "the-catalogue", "found-by-trying", "an-i64-for-a-word"]);
    }

    #[test]
    fn the_catalogue_names_programs_by_their_path() {
        let links = with_links("| a | {options/word}, {options/none} |", &[program()]);
        assert_eq!(links, "| a | [options/word](#an-i64-for-a-word), [options/none](#options/none) |");
    }

    #[test]
    fn a_heading_that_is_there_twice_is_numbered_and_one_in_code_is_none() {
        assert_eq!(anchors("# A b\n```\n# no\n```\n## A b\n#[no]\n"), ["a-b", "a-b-1"]);
    }
}
