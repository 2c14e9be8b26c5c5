//! What a run left behind that died, whatever it says: the next one tries records that are there, of no more than it
//! was asked for, and comes to an end. Errors in a row are those of a set of numbers.
#![no_main]

use std::collections::BTreeSet;

use etl_core::delivery::attempts::Attempts;
use etl_core::delivery::intervals::Intervals;
use etl_core::delivery::rows::ErrorRows;
use etl_core::position::Cursor;
use etl_fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let mut done = Intervals::default();
    for _ in 0..choices.byte() % 4 {
        let (start, length) = (choices.number(), choices.number());
        let end = start.saturating_add(length);
        done.insert(start..end, Cursor::record(end));
    }
    rows(&mut choices, &done);

    let most = choices.number();
    // The engine's own: a record that there is, and as many as there may be.
    let from = choices.number().min(u64::MAX - most.max(1));
    let json = if choices.flag() { choices.0.to_vec() } else { built(&mut choices) };
    let Ok(earlier) = serde_json::from_slice::<Attempts>(&json) else { return };
    let again = serde_json::to_vec(&earlier).expect("it has a form");
    assert_eq!(serde_json::from_slice::<Attempts>(&again).ok().as_ref(), Some(&earlier));
    let killers = earlier.killers().len();
    let mut attempts = match Attempts::begin(Some(earlier), &done) {
        Ok(attempts) => attempts,
        Err(hopeless) => {
            assert!(!done.missing(hopeless.0).is_empty(), "what is hopeless is not done");
            return;
        }
    };
    assert!(attempts.killers().len() <= killers + 1);
    let (mut at, suspicious) = (from, attempts.is_suspicious());
    if suspicious {
        for _ in 0..100 {
            let Some(count) = attempts.try_next(at, most) else {
                assert!(!attempts.is_suspicious(), "the suspects are passed");
                break;
            };
            assert!(count >= 1 && count <= most.max(1));
            at += count;
            if at.checked_add(most.max(1)).is_none() {
                break;
            }
        }
    }
    // However often it dies, it comes to a record that is left out, or gives up.
    let mut left = attempts;
    for _ in 0..400 {
        if left.is_suspicious() {
            let _as_many = left.try_next(from.min(u64::MAX - 8), 8);
        }
        match Attempts::begin(Some(left.clone()), &done) {
            Ok(next) => left = next,
            Err(_hopeless) => break,
        }
    }
});

fn built(choices: &mut Choices<'_>) -> Vec<u8> {
    let range = |choices: &mut Choices<'_>| {
        let start = choices.number();
        choices.flag().then(|| serde_json::json!({"start": start, "end": if choices.flag() { start.saturating_add(choices.number()) } else { choices.number() }}))
    };
    let (trying, suspects) = (range(choices), range(choices));
    let suspects = if choices.flag() { trying.clone() } else { suspects };
    let small = |choices: &mut Choices<'_>| choices.number() as u32;
    let killers: Vec<u64> = (0..choices.byte() % 4).map(|_| choices.number()).collect();
    let json = serde_json::json!({
        "done": choices.number(), "runs": small(choices), "trying": trying, "suspects": suspects, "deaths": small(choices), "killers": killers,
    });
    json.to_string().into_bytes()
}

fn rows(choices: &mut Choices<'_>, done: &Intervals) {
    let (mut rows, mut model, mut largest) = (ErrorRows::default(), BTreeSet::new(), 0);
    for _ in 0..choices.byte() % 16 {
        let start = choices.number();
        let range = start..if choices.flag() { choices.number() } else { start.saturating_add(u64::from(choices.byte())) };
        // As many as can be counted by hand.
        if range.end.saturating_sub(range.start) > 300 {
            largest = largest.max(range.end - range.start);
        } else {
            model.extend(range.clone());
        }
        rows.insert(range);
    }
    let mut row = 0_u64;
    let mut before = None;
    let mut longest = 0;
    for at in &model {
        row = if before == Some(at.wrapping_sub(1)) { row + 1 } else { 1 };
        before = Some(*at);
        longest = longest.max(row);
    }
    if largest == 0 {
        assert_eq!(rows.longest(), longest);
    } else {
        assert!(rows.longest() >= largest.max(longest));
    }
    assert_eq!(rows.is_empty(), model.is_empty() && largest == 0);
    assert_eq!(ErrorRows::of(&rows.to_write(done)).longest(), rows.longest());
}
