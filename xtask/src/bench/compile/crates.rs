//! The generated crates: pipelines of ten stages, in three ways of writing them.
//!
//! The templates are Rust, so that one can read what is measured. `stages.rs.txt` is a pipeline's records, error and functions
//! with the attributes of the framework; the other variants are made of the same text without them, so that the functions
//! cannot differ. Every pipeline is a module in a file of its own.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::step::Result;

const MANIFEST: &str = include_str!("templates/manifest.toml.txt");
const STAGES: &str = include_str!("templates/stages.rs.txt");
const PIPELINE: &str = include_str!("templates/pipeline.rs.txt");
const BY_HAND: &str = include_str!("templates/by_hand.rs.txt");
const FLOW: &str = include_str!("templates/flow.rs.txt");

/// How many stages the pipeline of the templates has.
pub(super) const STAGES_EACH: u32 = 10;
/// The attributes and derives of the framework, as they stand in the template.
const ATTRIBUTES: [&str; 6] = ["#[extractor", "#[transform", "#[filter", "#[loader", "#[resource", "#[on_error"];
/// What the number in the body of one function is at first, and after it has been edited.
const LITERALS: [&str; 2] = ["25", "26"];

/// A way to write the pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The same records, errors and functions with nothing around them.
    Plain,
    /// On tokio, as an expert would write it.
    ByHand,
    /// With the attributes and `pipeline!`.
    Macros,
}

impl Variant {
    /// In the order in which a round measures them.
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::ByHand, Self::Macros];

    /// The word in the names of crates.
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ByHand => "by-hand",
            Self::Macros => "macros",
        }
    }

    fn main(self) -> &'static str {
        match self {
            Self::Plain => include_str!("templates/main_plain.rs.txt"),
            Self::ByHand => include_str!("templates/main_by_hand.rs.txt"),
            Self::Macros => include_str!("templates/main_macros.rs.txt"),
        }
    }

    /// What a pipeline's file imports besides what its functions use.
    fn imports(self) -> &'static str {
        match self {
            Self::Plain => "use std::path::PathBuf;\n\nuse serde::Deserialize;",
            Self::ByHand => include_str!("templates/imports_by_hand.rs.txt"),
            Self::Macros => "use etl_core::prelude::*;",
        }
    }

    /// A whole pipeline: the file of one module.
    pub(super) fn pipeline(self, number: u32, edited: bool) -> String {
        let mut text = match self {
            Self::Plain => without_attributes(STAGES, ""),
            Self::ByHand => without_attributes(STAGES, "Serialize, ") + BY_HAND,
            Self::Macros => format!("{STAGES}{PIPELINE}"),
        };
        for (word, instead) in
            [("IMPORTS", self.imports().trim_end()), ("NUMBER", &format!("{number:02}")), ("LITERAL", LITERALS[usize::from(edited)])]
        {
            text = text.replace(word, instead);
        }
        text
    }

    fn main_of(self, pipelines: u32) -> String {
        let run = |number: u32| match self {
            Self::Plain => String::new(),
            Self::ByHand => {
                format!("\"{number:02}\" => branch_{number:02}::run(serde_json::from_str(settings)?).await,\n        ")
            }
            Self::Macros => format!("\"{number:02}\" => run::<branch_{number:02}::Branch{number:02}>(settings).await,\n        "),
        };
        let modules: String = (1..=pipelines).map(|number| format!("mod branch_{number:02};\n")).collect();
        let runs: String = (1..=pipelines).map(run).collect();
        self.main().replace("MODULES\n", &modules).replace("RUNS\n        ", &runs)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain functions",
            Self::ByHand => "by hand",
            Self::Macros => "macros",
        })
    }
}

/// The template without what the framework reads, and with `derive` in place of `Record` on the records that can be rejected.
fn without_attributes(stages: &str, derive: &str) -> String {
    let lines: Vec<_> =
        stages.lines().filter(|line| !ATTRIBUTES.iter().any(|attribute| line.trim_start().starts_with(attribute))).collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        // No stage that can fail takes this one, so it is never a dead letter.
        let never_rejected = lines.get(at + 1).is_some_and(|next| next.starts_with("pub struct Covered"));
        let derive = if never_rejected { "" } else { derive };
        let line = line
            .replace("derive(Record, ", &format!("derive({derive}"))
            .replace(", StageError)", ")")
            .replace(", Settings)", ", Deserialize)");
        text.push_str(&line.replace("Batch<", "Vec<"));
        text.push('\n');
    }
    text
}

/// A generated crate.
pub(super) struct Crate {
    pub(super) variant: Variant,
    pub(super) pipelines: u32,
    pub(super) name: String,
    pub(super) folder: PathBuf,
}

impl Crate {
    /// Writes the crate into a folder of its own in `under`, with the versions of the workspace at `root`.
    pub(super) fn generate(variant: Variant, pipelines: u32, under: &Path, root: &Path) -> Result<Self> {
        let name = format!("bench-{}-{pipelines}", variant.word());
        let made = Self { variant, pipelines, folder: under.join(&name), name };
        fs::create_dir_all(made.folder.join("src"))?;
        let manifest = MANIFEST.replace("NAME", &made.name).replace("ETL_CORE", &toml_text(&root.join("etl-core"))?);
        fs::write(made.folder.join("Cargo.toml"), manifest)?;
        fs::copy(root.join("Cargo.lock"), made.folder.join("Cargo.lock"))?;
        made.touch()?;
        if variant == Variant::ByHand {
            fs::write(made.folder.join("src/flow.rs"), FLOW)?;
        }
        for number in 1..=pipelines {
            fs::write(made.file(number), variant.pipeline(number, false))?;
        }
        Ok(made)
    }

    fn file(&self, number: u32) -> PathBuf {
        self.folder.join(format!("src/branch_{number:02}.rs"))
    }

    /// Writes `main.rs` as it is, so that cargo takes the crate for changed.
    pub(super) fn touch(&self) -> Result<()> {
        Ok(fs::write(self.folder.join("src/main.rs"), self.variant.main_of(self.pipelines))?)
    }

    /// Writes the first pipeline with one number or another in the body of a function; a crate without pipelines is touched.
    pub(super) fn edit(&self, edited: bool) -> Result<()> {
        if self.pipelines == 0 {
            return self.touch();
        }
        Ok(fs::write(self.file(1), self.variant.pipeline(1, edited))?)
    }
}

/// A path between the quotes of a TOML string.
fn toml_text(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or("the path of the workspace is not valid Unicode, and a manifest cannot name it")?;
    Ok(text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_variant_has_nothing_of_the_framework() {
        for variant in [Variant::Plain, Variant::ByHand] {
            let text = variant.pipeline(1, false);
            for word in ["#[transform", "#[on_error", "Record,", "StageError", "Batch<", "etl_core", "IMPORTS", "LITERAL", "NUMBER"] {
                assert!(!text.contains(word), "{variant}: {word}");
            }
        }
        let by_hand = Variant::ByHand.pipeline(1, false);
        assert_eq!(by_hand.matches("#[derive(Serialize, Debug, Clone)]").count(), 4);
    }

    #[test]
    fn an_edit_changes_one_number_and_no_place() {
        for variant in Variant::ALL {
            let (before, after) = (variant.pipeline(7, false), variant.pipeline(7, true));
            assert_eq!(before.len(), after.len());
            let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
            assert_eq!(changed, [("    let fee = 25;", "    let fee = 26;")]);
        }
    }

    #[test]
    fn the_template_has_as_many_stages_as_are_counted() {
        let stages = STAGES.lines().filter(|line| ATTRIBUTES[..4].iter().any(|attribute| line.starts_with(attribute)));
        assert_eq!(stages.count(), STAGES_EACH as usize);
    }

    #[test]
    fn every_pipeline_is_a_module_that_can_be_run() {
        let main = Variant::Macros.main_of(2);
        assert!(main.contains("\nmod branch_01;\nmod branch_02;\n"), "{main}");
        assert!(main.contains("\n        \"02\" => run::<branch_02::Branch02>(settings).await,\n        _ => "), "{main}");
    }
}
