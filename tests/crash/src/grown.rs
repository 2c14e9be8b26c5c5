//! The source grows between two runs: the second one goes on behind what the first one read, and refuses
//! where the last record of the first one has become another.

use std::fs;

use crate::Result;
use crate::class::Class;
use crate::outcome::Outcome;
use crate::voyage::Ferry;
use crate::yard::Yard;

/// Where the first run finds the end of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Behind the end of a line.
    Line,
    /// Before the end of a line.
    NoNewline,
    /// In the middle of a record.
    Torn,
}

/// One round.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    let mean = yard.undisturbed(class)?.took;
    let mut rng = fastrand::Rng::with_seed(seed);
    let pier = yard.pier(&format!("{}-grown-{seed}", class.name()), class)?;
    let input = pier.directory.join("harness.freight.csv");
    let ferry = Ferry { input: input.clone(), ..yard.ferry.clone() };
    let all = fs::read(&yard.ferry.input)?;
    let end = [End::Line, End::NoNewline, End::Torn][rng.usize(..3)];
    fs::write(&input, &all[..cut(&all, end, &mut rng)])?;
    let mut outcome = Outcome::default();
    let mut orders = yard.orders();
    orders.vary(&mut rng);
    // A kill that comes before the torn record is read leaves nothing to refuse.
    if end != End::Torn && rng.bool() {
        if ferry.start(&pier, &orders)?.kill_after(mean.mul_f64(rng.f64() * 0.6))?.is_none() {
            outcome.kills.push(pier.place(yard.freight)?);
            outcome.window += orders.window();
        }
    } else {
        let first = ferry.run(&pier, &orders)?;
        if first.code != Some(0) {
            outcome.complaints.push(format!("the first run ended with {}", first.complaint()));
        }
    }
    fs::write(&input, &all)?;
    orders.vary(&mut rng);
    let landing = ferry.run(&pier, &orders)?;
    outcome.recoveries.push(landing.took);
    if end == End::Torn {
        // Either it is refused, or the target could not be continued and was made anew as a whole.
        let verdict = yard.verdict(&pier, &mut Vec::new());
        let went_on = landing.code == Some(0) && !verdict.lost.is_empty();
        if went_on || !verdict.foreign.is_empty() || verdict.doubles() > outcome.window {
            outcome
                .complaints
                .push(format!("the last record has become another, and the run ended with {}: {verdict}", landing.complaint()));
        }
    } else {
        yard.judge(&pier, &landing, &mut outcome)?;
    }
    if outcome.is_good(class.promise()) {
        yard.clear(&pier.directory)?;
    }
    outcome.place = format!("the source had grown from {end:?}");
    Ok(outcome)
}

/// Where the source is cut off: somewhere behind its first fifth.
fn cut(all: &[u8], end: End, rng: &mut fastrand::Rng) -> usize {
    let from = rng.usize(all.len() / 5..all.len() * 4 / 5);
    let newline = from + all[from..].iter().position(|byte| *byte == b'\n').unwrap_or(0);
    match end {
        End::Line => newline + 1,
        End::NoNewline => newline,
        // Before the closing quote of the note.
        End::Torn => newline - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_cut_where_it_should_be() {
        let all: Vec<u8> = (0..100).flat_map(|id| (crate::freight::line(id) + "\n").into_bytes()).collect();
        let last = |end| {
            let at = cut(&all, end, &mut fastrand::Rng::with_seed(3));
            (all[at - 1], all[at])
        };
        assert_eq!(last(End::Line).0, b'\n');
        assert_eq!(last(End::NoNewline), (b'"', b'\n'));
        assert_eq!(last(End::Torn).1, b'"');
    }
}
