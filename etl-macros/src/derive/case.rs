//! `rename_all`: the names of columns from the names of fields.

/// A way to write names, as in `rename_all = "camelCase"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Snake,
    ScreamingSnake,
    Kebab,
    Camel,
    Pascal,
}

impl Case {
    pub(super) const NAMES: [&'static str; 5] = ["camelCase", "snake_case", "SCREAMING_SNAKE_CASE", "kebab-case", "PascalCase"];

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "PascalCase" => Self::Pascal,
            _ => return None,
        })
    }

    /// The name of a field, which is `snake_case`, in this case.
    pub(super) fn of_field(self, field: &str) -> String {
        let words = field.split('_').filter(|word| !word.is_empty());
        match self {
            Self::Snake => field.to_owned(),
            Self::ScreamingSnake => field.to_uppercase(),
            Self::Kebab => field.replace('_', "-"),
            Self::Pascal => words.map(capitalised).collect(),
            Self::Camel => {
                let pascal: String = words.map(capitalised).collect();
                let mut letters = pascal.chars();
                letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The name of a variant in words: `BadTime` is `bad time`, `HTTPError` is `http error`.
pub(super) fn in_words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        let starts_word =
            letter.is_uppercase() && before.is_some_and(|before| !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()));
        if starts_word {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_renamed_as_the_case_says() {
        let names = Case::NAMES.map(|name| Case::named(name).unwrap().of_field("sched_dep_time2"));
        assert_eq!(names, ["schedDepTime2", "sched_dep_time2", "SCHED_DEP_TIME2", "sched-dep-time2", "SchedDepTime2"]);
    }

    #[test]
    fn a_variant_reads_as_words() {
        assert_eq!(in_words("BadTime"), "bad time");
        assert_eq!(in_words("HTTPError"), "http error");
        assert_eq!(in_words("Io"), "io");
        assert_eq!(in_words("NoHTTP"), "no http");
    }
}
