//! Did-you-mean, and lists of what there is.

/// The known word that `word` most likely was meant to be.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&word, &known.to_lowercase()), known))
        .filter(|(closeness, _)| *closeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// `` `a`, `b` and `c` ``
pub(crate) fn listed(words: &[&str]) -> String {
    match words {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}

/// Whether two names differ in nothing but case, `-` and `_`.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    let folded = |name: &str| name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect::<String>();
    folded(a) == folded(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_proposed_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("batsh", ["batch", "backoff", "retries"]), Some("batch"));
        assert_eq!(did_you_mean("Databse", ["input", "database"]), Some("database"));
        assert_eq!(did_you_mean("colour", ["batch", "retries"]), None);
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn names_are_compared_without_case_and_hyphens() {
        assert!(same_name("DailyFlights", "daily-flights"));
        assert!(same_name("daily_flights", "dailyFlights"));
        assert!(!same_name("daily", "flights"));
    }
}
