//! The gallery: the programs in `tests/ui`, what the compiler prints for each, and their legal twins.
//!
//! A folder of `ui` is a class of mistakes; whoever adds one has nothing to register. `ui/pass` holds
//! the twins, in folders of the same names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The class of the programs that get several errors; their first line says how many.
pub const SEVERAL: &str = "several";

/// The folder of the twins.
const TWINS: &str = "pass";

/// A wrong program.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its folder.
    pub class: String,
    /// Its file, without the ending.
    pub name: String,
    /// Its text.
    pub source: String,
    /// What the compiler prints; empty, if nobody has recorded it.
    pub printed: String,
    /// The text of its legal twin, if there is one.
    pub twin: Option<String>,
}

/// An error or a warning, as the compiler prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed<'p> {
    /// All of it, without blank lines at the end.
    pub text: &'p str,
    /// Where it points first.
    pub place: Option<Place<'p>>,
}

/// A place in a file, as the compiler names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'p> {
    /// The file.
    pub file: &'p str,
    /// Its line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Program {
    /// `class/name`, which is how tests and people speak of it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.class, self.name)
    }

    /// What the mistake is: the first line of the program, without the full stop.
    #[must_use]
    pub fn mistake(&self) -> &str {
        let (sentence, _) = self.first_line();
        sentence.strip_suffix('.').unwrap_or(sentence)
    }

    /// How many errors it should get.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.first_line().1
    }

    /// What the compiler prints, one after the other.
    #[must_use]
    pub fn said(&self) -> Vec<Printed<'_>> {
        let starts: Vec<_> = lines(&self.printed).filter(|(_, line)| is_error(line) || is_warning(line)).map(|(at, _)| at).collect();
        let ends = starts.iter().skip(1).copied().chain([self.printed.len()]);
        starts.iter().zip(ends).map(|(&start, end)| Printed::read(self.printed[start..end].trim_end())).collect()
    }

    /// The text at a place, to the end of the line; `None` if it is not a place in this program.
    #[must_use]
    pub fn text_at(&self, place: Place<'_>) -> Option<&str> {
        if place.file != format!("ui/{}.rs", self.path()) {
            return None;
        }
        let line = self.source.lines().nth(place.line.checked_sub(1)?)?;
        let (at, _) = line.char_indices().nth(place.column.checked_sub(1)?)?;
        Some(&line[at..])
    }

    /// The sentence of the first line, and the number after it.
    fn first_line(&self) -> (&str, usize) {
        let line = self.source.lines().next().unwrap_or_default();
        let line = line.strip_prefix("//!").unwrap_or_default().trim();
        match line.split_once(" errors: ") {
            Some((sentence, number)) => (sentence, number.trim().parse().unwrap_or(0)),
            None => (line, 1),
        }
    }
}

impl<'p> Printed<'p> {
    fn read(text: &'p str) -> Self {
        let place = text.lines().find_map(|line| line.trim_start().strip_prefix("--> ")).and_then(|place| {
            let (rest, column) = place.rsplit_once(':')?;
            let (file, line) = rest.rsplit_once(':')?;
            Some(Place { file, line: line.parse().ok()?, column: column.parse().ok()? })
        });
        Self { text, place }
    }

    /// Whether it is an error, and not a warning.
    #[must_use]
    pub fn is_error(&self) -> bool {
        is_error(self.text)
    }
}

/// The folder of the programs.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// All wrong programs, by class and name; those that get several errors come last.
///
/// # Errors
///
/// If a file cannot be read.
pub fn programs() -> io::Result<Vec<Program>> {
    let mut programs = Vec::new();
    for class in classes()? {
        for name in names(&folder().join(&class), "rs")? {
            let file = |folder: PathBuf, ending: &str| folder.join(&class).join(format!("{name}.{ending}"));
            programs.push(Program {
                source: fs::read_to_string(file(folder(), "rs"))?,
                printed: if_there(&file(folder(), "stderr"))?.unwrap_or_default(),
                twin: if_there(&file(folder().join(TWINS), "rs"))?,
                class: class.clone(),
                name,
            });
        }
    }
    Ok(programs)
}

/// The folders of wrong programs.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn classes() -> io::Result<Vec<String>> {
    let mut classes = folders(&folder())?;
    classes.retain(|name| name != TWINS);
    classes.sort_by_key(|name| (name == SEVERAL, name.clone()));
    Ok(classes)
}

/// The files that belong to no wrong program: a twin, or what was printed for a program that is gone.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn left_over() -> io::Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    let twins = folder().join(TWINS);
    for class in classes()? {
        for name in names(&folder().join(&class), "stderr")? {
            left.push(folder().join(&class).join(format!("{name}.stderr")));
        }
    }
    for class in folders(&twins)? {
        for name in names(&twins.join(&class), "rs")? {
            left.push(twins.join(&class).join(format!("{name}.rs")));
        }
    }
    left.retain(|file| {
        let class = file.parent().and_then(Path::file_name).unwrap_or_default();
        !folder().join(class).join(file.with_extension("rs").file_name().unwrap_or_default()).exists()
    });
    // a twin directly in `pass` would be compiled by nothing
    left.extend(names(&twins, "rs")?.into_iter().map(|name| twins.join(format!("{name}.rs"))));
    Ok(left)
}

fn is_error(line: &str) -> bool {
    line.starts_with("error")
}

fn is_warning(line: &str) -> bool {
    line.starts_with("warning")
}

/// The lines of a text, and where each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

/// The text of a file that may be missing.
fn if_there(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names of the folders in a folder.
fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = entries(folder)?;
    found.retain(|path| path.is_dir());
    Ok(found.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
}

/// The names of the files in a folder that have an ending, without it.
fn names(folder: &Path, ending: &str) -> io::Result<Vec<String>> {
    let mut found = entries(folder)?;
    found.retain(|path| path.extension().is_some_and(|found| found == ending));
    Ok(found.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect())
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        Program {
            class: "several".into(),
            name: "two".into(),
            source: "//! Two mistakes. errors: 2\nuse etl_core::prelude::*;\n\n#[loader]\nfn loäd(_: Raw) {}\n".into(),
            printed: "error: first\n --> ui/several/two.rs:5:9\n  |\n\nerror[E1]: second\n --> $WORKSPACE/a.rs:1:1\nnote: more\n\nwarning: third\n".into(),
            twin: None,
        }
    }

    #[test]
    fn the_first_line_says_what_the_mistake_is_and_how_many_errors_it_gets() {
        let several = program();
        assert_eq!((several.mistake(), several.wanted()), ("Two mistakes", 2));
        let one = Program { source: "//! One mistake.\n".into(), ..program() };
        assert_eq!((one.mistake(), one.wanted()), ("One mistake", 1));
    }

    #[test]
    fn what_is_printed_is_taken_apart() {
        let program = program();
        let said = program.said();
        assert_eq!(said.iter().map(Printed::is_error).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(said[0].text, "error: first\n --> ui/several/two.rs:5:9\n  |");
        let places: Vec<_> = said.iter().map(|said| said.place.map(|place| program.text_at(place))).collect();
        assert_eq!(places, [Some(Some("_: Raw) {}")), Some(None), None]);
    }

    #[test]
    fn the_classes_are_the_folders_and_several_is_the_last() {
        let classes = classes().unwrap();
        assert!(!classes.iter().any(|class| class == TWINS), "{classes:?}");
        assert_eq!(classes.last().map(String::as_str), Some(SEVERAL));
    }
}
