//! The text of `#[error("…")]`, without the values that thiserror would put into it: they may be a
//! record's (I8).

/// `carrier {0} is unknown` is `carrier … is unknown`.
pub(super) fn without_values(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' if letters.peek() == Some(&'{') => {
                letters.next();
                text.push('{');
            }
            '}' if letters.peek() == Some(&'}') => {
                letters.next();
                text.push('}');
            }
            '{' => {
                while letters.next().is_some_and(|letter| letter != '}') {}
                text.push('…');
            }
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_values_are_left_out_and_braces_kept() {
        assert_eq!(without_values("carrier {0} is unknown"), "carrier … is unknown");
        assert_eq!(without_values("{a:?}: {{literal}} {b:>10}"), "…: {literal} …");
        assert_eq!(without_values("plain"), "plain");
        assert_eq!(without_values("cut {off"), "cut …");
    }
}
