//! Texts from a file, on a terminal that would obey them.

/// Control characters, and those that change the direction of a text, as escapes.
pub(crate) fn escaped(text: &str) -> String {
    escape(text, |_| false)
}

/// The same of a whole record, whose lines and tabs may stay.
pub(crate) fn escaped_record(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes), |c| matches!(c, '\n' | '\t'))
}

fn escape(text: &str, may_stay: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() || is_bidirectional(c)) && !may_stay(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

const fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A table with its head: the columns in `right` stand at the right of theirs, and the last is as long
/// as it is.
pub(crate) fn table(head: &[&str], right: &[usize], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (column, cell) in cells.enumerate() {
            let width = widths[column];
            line += "  ";
            line += &if right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") };
        }
        line.truncate(line.trim_end().len());
        line
    };
    std::iter::once(line(&mut head.iter().copied())).chain(rows.iter().map(|row| line(&mut row.iter().map(String::as_str)))).collect()
}
