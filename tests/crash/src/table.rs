//! The sums, as a table for a terminal and for the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::class::{Class, Promise};
use crate::kill::percentile;
use crate::log::Entry;

const HEAD: [&str; 11] = [
    "what",
    "target",
    "rounds",
    "kills: before, between, after commits",
    "lost",
    "doubled",
    "foreign",
    "dead letters wrong",
    "recovery p50",
    "p99",
    "bad rounds",
];

/// The sums per kind and class, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Table {
    order: Vec<(String, String)>,
    sums: BTreeMap<(String, String), Entry>,
}

impl Table {
    /// Adds a round.
    pub fn add(&mut self, entry: &Entry) {
        let key = (entry.kind.clone(), entry.class.clone());
        if !self.sums.contains_key(&key) {
            self.order.push(key.clone());
        }
        self.sums.entry(key).or_default().add(entry);
    }

    /// How many rounds were not as promised.
    #[must_use]
    pub fn bad(&self) -> u64 {
        self.sums.values().map(|sum| sum.bad).sum()
    }

    /// How many rounds of a kind and class were not as promised.
    #[must_use]
    pub fn bad_of(&self, kind: &str, class: &str) -> u64 {
        self.sums.get(&(kind.to_owned(), class.to_owned())).map_or(0, |sum| sum.bad)
    }

    fn rows(&self) -> Vec<[String; 11]> {
        let sums = self.order.iter().map(|key| &self.sums[key]);
        sums.map(|sum| {
            let times: Vec<_> = sum.recovery_ms.iter().map(|time| Duration::from_millis(*time)).collect();
            let time = |percent| percentile(&times, percent).map_or_else(|| "–".to_owned(), |time| format!("{} ms", time.as_millis()));
            let [before, between, after] = sum.kills;
            let may_double = Class::by_name(&sum.class).is_some_and(|class| class.promise() == Promise::AtLeastOnce);
            [
                sum.kind.clone(),
                sum.class.clone(),
                sum.rounds.to_string(),
                format!("{before}, {between}, {after}"),
                sum.lost.to_string(),
                if may_double { format!("{} (may)", sum.doubled) } else { sum.doubled.to_string() },
                sum.foreign.to_string(),
                sum.letters.to_string(),
                time(50),
                time(99),
                sum.bad.to_string(),
            ]
        })
        .collect()
    }

    /// For a terminal.
    #[must_use]
    pub fn plain(&self) -> String {
        let head = HEAD.map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.rows()).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..HEAD.len()).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Words stand left, numbers right.
                let _ = if column < 2 { write!(text, "{cell:<width$}  ") } else { write!(text, "{cell:>width$}  ") };
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        for sum in self.sums.values().filter(|sum| sum.bad > 0) {
            let _ = writeln!(text, "{} {}: {} (seed {})", sum.kind, sum.class, sum.words, sum.seed);
        }
        text
    }

    /// For the documentation: with the bound that follows from what was never seen.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("| {} | at most, with 95 % confidence |\n|---|---|{}\n", HEAD.join(" | "), "--:|".repeat(HEAD.len() - 1));
        for (row, key) in self.rows().iter().zip(&self.order) {
            let _ = writeln!(text, "| {} | {} |", row.join(" | "), bound(&self.sums[key]));
        }
        text
    }
}

/// The rule of three: what was not seen in N rounds happens in fewer than 3/N of them.
fn bound(sum: &Entry) -> String {
    match (sum.bad, sum.rounds) {
        (0, rounds) if rounds > 3 => format!("{:.2} % of crashes", 300.0 / rounds as f64),
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_added_up_by_kind_and_class() {
        let mut table = Table::default();
        let entry = Entry {
            class: "sqlite".to_owned(),
            kind: "kill".to_owned(),
            rounds: 1,
            kills: [0, 2, 1],
            recovery_ms: vec![10],
            ..Entry::default()
        };
        for _ in 0..1_000 {
            table.add(&entry);
        }
        table.add(&Entry { kind: "syscall".to_owned(), bad: 1, lost: 3, words: "3 lost".to_owned(), ..entry });
        assert_eq!(table.bad(), 1);
        let markdown = table.markdown();
        assert!(
            markdown.contains("| kill | sqlite | 1000 | 0, 2000, 1000 | 0 | 0 | 0 | 0 | 10 ms | 10 ms | 0 | 0.30 % of crashes |"),
            "{markdown}"
        );
        assert!(markdown.contains("| syscall | sqlite | 1 | 0, 2, 1 | 3 | 0 | 0 | 0 | 10 ms | 10 ms | 1 | – |"), "{markdown}");
        assert_eq!(markdown.lines().map(|line| line.matches('|').count()).collect::<std::collections::BTreeSet<_>>().len(), 1);
        assert!(table.plain().contains("syscall sqlite: 3 lost (seed 0)"));
    }
}
