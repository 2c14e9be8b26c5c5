//! A record for people, without what nobody may see (I8).

use std::collections::BTreeSet;

use crate::cli::terminal::escaped;
use crate::contract::record::MASK;
use crate::engine::wiring::Outline;

/// The columns whose values may be shown: those that a record type of the pipeline has, and none calls
/// sensitive.
#[derive(Debug, Default)]
pub(super) struct Columns(BTreeSet<&'static str>);

impl Columns {
    /// None at all where a record type does not tell its columns: it may have a sensitive one under the
    /// same name.
    pub(super) fn of(outline: &Outline) -> Self {
        if outline.stages.iter().any(|stage| stage.columns.is_empty()) {
            return Self::default();
        }
        let all = || outline.stages.iter().flat_map(|stage| stage.columns);
        let sensitive: BTreeSet<_> = all().filter(|column| column.sensitive).map(|column| column.name).collect();
        Self(all().map(|column| column.name).filter(|name| !sensitive.contains(name)).collect())
    }

    /// Name and value of each field, every value masked that may not be shown. `None` for a record that
    /// is no JSON object, such as a line of CSV: which of its bytes are of which column is not known
    /// here.
    pub(super) fn fields(&self, record: &[u8]) -> Option<Vec<(String, String)>> {
        if self.0.is_empty() {
            return None;
        }
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(record).ok()?;
        let shown = |name: &str, value: &serde_json::Value| if self.0.contains(name) { value.to_string() } else { MASK.to_owned() };
        Some(object.iter().map(|(name, value)| (escaped(name), escaped(&shown(name, value)))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::record::{Column, ColumnType};
    use crate::observe::sample::outline;

    const fn column(name: &'static str, sensitive: bool) -> Column {
        Column { name, column_type: ColumnType::Text, nullable: false, sensitive, optional: false }
    }

    /// A pipeline whose extractor yields the first columns, and whose other stages take the second.
    fn columns(first: &'static [Column], second: &'static [Column]) -> Columns {
        let mut outline = outline();
        for (index, stage) in outline.stages.iter_mut().enumerate() {
            stage.columns = if index == 0 { first } else { second };
        }
        Columns::of(&outline)
    }

    #[test]
    fn i8_a_value_is_shown_only_where_no_type_calls_it_sensitive() {
        const RAW: &[Column] = &[column("carrier", false), column("tail", false)];
        const CLEAN: &[Column] = &[column("carrier", false), column("tail", true)];
        let record = br#"{"carrier":"UA\u001b","tail":"canary","other":"canary"}"#;
        let told = columns(RAW, CLEAN).fields(record).unwrap();
        let told: Vec<_> = told.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(told, [r#"carrier="UA\u001b""#, "other=***", "tail=***"]);
        assert!(columns(RAW, CLEAN).fields(b"UA,canary").is_none(), "a line of CSV");
        assert!(columns(RAW, &[]).fields(record).is_none(), "a type that does not tell its columns");
    }
}
