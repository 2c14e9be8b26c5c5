//! The file against a model of it, through runs that are killed, replays and discards.
//!
//! A kill loses what was not written, and may tear off, at any byte, what was written since the last
//! sync. The model is a log of effects; how many of them survived a kill is read from the file, but
//! never fewer than were synced.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Letter, Letters, discard};
use super::{DeadLetters, Opening, PIPELINE, letter, opening};
use crate::delivery::selection::{Chosen, Selection};

const STAGES: [&str; 2] = ["clean", "load"];
const RECORDS: u64 = 6;

#[derive(Clone, Debug)]
enum Action {
    Run {
        posts: Vec<Post>,
        end: End,
    },
    /// Replays the records in the mask; `posts` are those that are rejected again.
    Replay {
        records: u8,
        posts: Vec<Post>,
        end: End,
    },
    Discard {
        records: u8,
    },
}

#[derive(Clone, Debug)]
struct Post {
    record: u64,
    stage: usize,
    then_sync: bool,
}

#[derive(Clone, Debug)]
enum End {
    Close,
    /// And so much of what was not synced is lost.
    Crash(prop::sample::Index),
}

/// A letter of the model: record, stage and how often it was tried.
type Told = (u64, usize, u32);

#[derive(Clone, Debug)]
enum Effect {
    Comes(Told),
    /// Replaces all letters of the record that the selection knew.
    Replaces(Told, Vec<(u64, usize)>),
    Goes(u64, usize),
}

fn apply(live: &mut Vec<Told>, effect: &Effect) {
    let mut go = |record, stage| live.retain(|told| (told.0, told.1) != (record, stage));
    match effect {
        Effect::Comes(told) => live.push(*told),
        Effect::Replaces(told, old) => {
            old.iter().for_each(|(record, stage)| go(*record, *stage));
            live.push(*told);
        }
        Effect::Goes(record, stage) => go(*record, *stage),
    }
}

fn post() -> impl Strategy<Value = Post> {
    (0..RECORDS, 0..STAGES.len(), prop::bool::weighted(0.3)).prop_map(|(record, stage, then_sync)| Post { record, stage, then_sync })
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Close), any::<prop::sample::Index>().prop_map(End::Crash)]
}

fn action() -> impl Strategy<Value = Action> {
    let posts = || prop::collection::vec(post(), 0..8);
    prop_oneof![
        3 => (posts(), end()).prop_map(|(posts, end)| Action::Run { posts, end }),
        2 => (any::<u8>(), posts(), end()).prop_map(|(records, posts, end)| Action::Replay { records, posts, end }),
        1 => any::<u8>().prop_map(|records| Action::Discard { records }),
    ]
}

/// Large enough that some are written before anybody asks for it.
fn payload(record: u64) -> Vec<u8> {
    vec![b'x'; if record.is_multiple_of(2) { 30_000 } else { 10 + record as usize }]
}

struct World {
    path: PathBuf,
    live: Vec<Told>,
}

impl World {
    fn letters(&self) -> Vec<Letter> {
        Letters::read(&self.path, PIPELINE).unwrap().all
    }

    fn matches(&self) -> Result<(), TestCaseError> {
        let stage = |letter: &Letter| STAGES.iter().position(|stage| *stage == &*letter.stage).unwrap();
        let mut found: Vec<_> = self.letters().iter().map(|letter| (letter.position.ordinal, stage(letter), letter.attempts)).collect();
        let mut expected = self.live.clone();
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
        Ok(())
    }

    fn run(&mut self, selection: Option<Arc<Selection>>, posts: &[Post], end: &End) -> Result<(), TestCaseError> {
        let mut letters = DeadLetters::open(Opening { replays: selection.clone(), ..opening(&self.path) }).unwrap();
        let base = whole_lines(&self.path);
        let mut earlier = BTreeMap::<(u64, usize), usize>::new();
        self.live.iter().for_each(|told| *earlier.entry((told.0, told.1)).or_default() += 1);
        let known = |record: u64| -> Vec<_> { earlier.keys().copied().filter(|(other, _)| *other == record).collect() };
        let mut log = Vec::new();
        let mut synced = (0, std::fs::metadata(&self.path).map_or(0, |file| file.len()));
        let mut rejected = HashSet::new();
        let mut left = earlier.clone();
        for Post { record, stage, then_sync } in posts {
            let payload = payload(*record);
            let chosen = selection.as_ref().is_some_and(|selection| selection.contains(*record));
            if selection.is_some() && !chosen {
                continue; // The engine passes over it.
            }
            letters.append(&letter(*record, STAGES[*stage], &payload)).unwrap();
            if chosen {
                let tries = self.live.iter().filter(|told| told.0 == *record).map(|told| told.2).max().unwrap() + 1;
                let told = (*record, *stage, tries);
                log.push(if rejected.insert(*record) { Effect::Replaces(told, known(*record)) } else { Effect::Comes(told) });
            } else if left.get(&(*record, *stage)).is_some_and(|count| *count > 0) {
                *left.get_mut(&(*record, *stage)).unwrap() -= 1;
            } else {
                log.push(Effect::Comes((*record, *stage, 1)));
            }
            if *then_sync {
                letters.sync().unwrap();
                synced = (log.len(), std::fs::metadata(&self.path).unwrap().len());
            }
        }
        if let Some(selection) = &selection {
            letters.settled("a.csv", 0..RECORDS).unwrap();
            for record in selection.ordinals(0..RECORDS).filter(|record| !rejected.contains(record)) {
                log.extend(known(record).into_iter().map(|(record, stage)| Effect::Goes(record, stage)));
            }
        }
        let survived = match end {
            End::Close => {
                letters.close().unwrap();
                log.len()
            }
            End::Crash(cut) => {
                drop(letters);
                let written = std::fs::metadata(&self.path).unwrap().len();
                let length = synced.1 + cut.index((written - synced.1) as usize + 1) as u64;
                std::fs::OpenOptions::new().write(true).open(&self.path).unwrap().set_len(length).unwrap();
                whole_lines(&self.path) - base
            }
        };
        prop_assert!(survived >= synced.0, "i1: what was synced is there");
        log[..survived].iter().for_each(|effect| apply(&mut self.live, effect));
        Ok(())
    }
}

/// Also one that lacks only its end.
fn whole_lines(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split('\n').filter(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn i1_i2_the_file_is_what_the_model_says_through_every_kill(actions in prop::collection::vec(action(), 1..10)) {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World { path: folder.path().join("rejects.jsonl"), live: Vec::new() };
        for action in &actions {
            match action {
                Action::Run { posts, end } => world.run(None, posts, end)?,
                Action::Replay { records, posts, end } => {
                    let chosen = world.letters().into_iter().filter(|letter| records >> letter.position.ordinal & 1 == 1).map(|letter| {
                        let chosen = Chosen { letters: vec![letter.id], attempts: letter.attempts, first_seen: letter.first_seen, digest: letter.digest };
                        (letter.position.ordinal, chosen)
                    });
                    let Ok(selection) = Selection::new("a.csv", chosen) else { continue };
                    world.run(Some(Arc::new(selection)), posts, end)?;
                }
                Action::Discard { records } => {
                    let ids = world.letters().iter().filter(|letter| records >> letter.position.ordinal & 1 == 1).map(|letter| letter.id).collect();
                    let before = world.live.len();
                    world.live.retain(|told| records >> told.0 & 1 == 0);
                    prop_assert_eq!(discard(&world.path, &ids).unwrap(), before - world.live.len());
                }
            }
            world.matches()?;
        }
        // However it went on, a run to the end has each rejection once (I2) and none is missing (I1).
        let all: Vec<_> = (0..RECORDS).map(|record| Post { record, stage: 0, then_sync: false }).collect();
        world.run(None, &all, &End::Close)?;
        world.matches()?;
        world.run(None, &all, &End::Close)?;
        world.matches()?;
    }
}
