//! A manifest lists parts that are there as it says, or is refused; names never lead out of the directory; and a run
//! that goes on keeps what is listed and makes no name twice, whatever else lies there.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};

use etl_connectors::csv;
use etl_core::target::{Preparation, Recalled, Target, Transaction};
use etl_core::{Error, Result};
use etl_fuzz::{Choices, Typed, files, folder, hex};
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const KEYS: [&str; 6] = ["version", "dataset", "generation", "finished", "format", "parts"];
const PART: [&str; 4] = ["name", "bytes", "crc32c", "rows"];

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let kind = choices.byte();
    let outer = folder();
    let directory = &outer.join("set");
    let outside = outer.join("part-000009-0000000000000000.csv");

    // Two runs have added a part each.
    let (mark, _) = add(directory, None, choices.byte()).expect("the folder is empty");
    let (mark, manifest) = add(directory, Some(&mark), choices.byte()).expect("it was written by us");
    assert_eq!(recall(directory, &mark), Some(Recalled::Holds));
    let bytes = fs::read(&manifest).expect("it was written by us");
    // Somebody else's, which looks like the first part in everything but its place.
    let part = listed(directory, &mark)[0]["name"].as_str().map(|name| directory.join(name)).expect("it has a name");
    let theirs = fs::read(part).expect("it is there");
    fs::write(&outside, &theirs).expect("there is room");

    let (mark, stray) = match kind % 5 {
        // Any mark.
        0 => (String::from_utf8_lossy(choices.0).into_owned(), None),
        // Any manifest, with the digest of what was there.
        1 => {
            fs::write(&manifest, choices.0).expect("there is room");
            if choices.0 != bytes {
                assert_eq!(recall(directory, &mark), None);
            }
            (mark, None)
        }
        // Any manifest, with its own digest.
        2 => {
            fs::write(&manifest, choices.0).expect("there is room");
            (digested(&mark, choices.0), None)
        }
        // Another value in it, with its own digest.
        3 => {
            let mut changed: Value = serde_json::from_slice(&bytes).expect("it is JSON");
            if choices.flag() {
                let key = KEYS[choices.below(KEYS.len())];
                changed[key] = value(&mut choices);
            } else {
                let (part, key) = (choices.below(2), PART[choices.below(PART.len())]);
                changed["parts"][part][key] = value(&mut choices);
            }
            let changed = changed.to_string();
            fs::write(&manifest, &changed).expect("there is room");
            (digested(&mark, changed.as_bytes()), None)
        }
        // Files that were not listed.
        _ => {
            let (number, run) = (choices.number(), choices.number());
            let name = match choices.byte() % 4 {
                0 => format!("manifest-{number:08}.json"),
                1 => format!("part-{number:06}-{run:016x}.csv"),
                2 => format!(".part-{number:06}-{run:016x}.csv.partial"),
                _ => choices.text(30).replace(['/', '\0'], ""),
            };
            let stray = directory.join(name);
            // It is another file than those that are there.
            if stray.exists() || fs::write(&stray, choices.0).is_err() {
                return;
            }
            (mark, Some(stray))
        }
    };
    let holds = recall(directory, &mark) == Some(Recalled::Holds);
    let listed = holds.then(|| listed(directory, &mark));
    match add(directory, Some(&mark), 1) {
        Ok((mark, manifest)) => {
            let parts = check(directory, &manifest);
            let before = listed.expect("what is refused to the eye is refused");
            assert_eq!(parts[..before.len()], before, "what was committed is listed still");
            assert_eq!(parts.len(), before.len() + 1);
            assert_eq!(recall(directory, &mark), Some(Recalled::Holds));
        }
        Err(error) => refused(&error, stray.as_deref()),
    }
    assert_eq!(fs::read(&outside).expect("it is outside"), theirs);
    // A run that begins again is told that there is something, or by what it cannot.
    let target = csv::dataset::<Typed>(directory).expect("nothing is opened");
    if let Err(error) = block_on(target.prepare(Preparation::new(false, true))) {
        refused(&error, stray.as_deref());
    }
});

fn recall(directory: &Path, mark: &str) -> Option<Recalled> {
    let before = files(directory);
    let target = csv::dataset::<Typed>(directory).expect("nothing is opened");
    let recalled = block_on(target.recall(mark));
    assert_eq!(files(directory), before, "looking changes nothing");
    recalled.inspect_err(|error| refused(error, None)).ok()
}

fn refused(error: &Error, stray: Option<&Path>) {
    let codes = ["mark_unreadable", "manifest_damaged", "output_format", "output_changed", "output_gone"];
    let message = error.message();
    assert!(
        codes.contains(&error.code()) || message.contains("exists already") || message.contains("holds other files") || stray.is_some(),
        "{error:?}"
    );
}

/// A run that adds so many records, from a mark if there is one; gives back its mark, and the newest manifest.
fn add(directory: &Path, mark: Option<&str>, records: u8) -> Result<(String, PathBuf)> {
    let target = csv::dataset::<Typed>(directory)?;
    let sealed = block_on(async {
        target.prepare(Preparation::new(false, false).resumable(mark.map(str::to_owned))).await?;
        let mut connection = target.connect().await?;
        let mut transaction = csv::File::<Typed>::begin(&mut connection).await?;
        let one = |id| Typed { id, name: "name".to_owned(), price: None };
        transaction.write(&(0..=i64::from(records % 3)).map(one).collect::<Vec<_>>())?;
        transaction.commit().await?;
        let sealed = target.seal(&mut connection).await?;
        target.publish(connection).await.map(|()| sealed)
    })?;
    let sealed = sealed.expect("a dataset has marks");
    let mark: Value = serde_json::from_str(&sealed).expect("it is JSON");
    let generation = mark["generation"].as_u64().expect("it has a number");
    Ok((sealed, directory.join(format!("manifest-{generation:08}.json"))))
}

/// The parts of the manifest that a mark speaks of.
fn listed(directory: &Path, mark: &str) -> Vec<Value> {
    let mark: Value = serde_json::from_str(mark).expect("it was read");
    check(directory, &directory.join(format!("manifest-{:08}.json", mark["generation"].as_u64().expect("it was read"))))
}

/// The parts of a manifest, which are there as it says.
fn check(directory: &Path, manifest: &Path) -> Vec<Value> {
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).expect("it is there")).expect("it is JSON");
    let parts = manifest["parts"].as_array().expect("it has parts").clone();
    for part in &parts {
        let name = part["name"].as_str().expect("it has a name");
        assert!(name.starts_with("part-") && !name.contains('/'), "{name}");
        let there = fs::symlink_metadata(directory.join(name)).expect("it is there");
        assert_eq!(Some(there.len()), part["bytes"].as_u64());
    }
    parts
}

/// A mark with the digest of another manifest.
fn digested(mark: &str, manifest: &[u8]) -> String {
    let mut mark: Value = serde_json::from_str(mark).expect("it was written by us");
    mark["digest"] = hex(&hmac_sha256::Hash::hash(manifest)).into();
    mark.to_string()
}

fn value(choices: &mut Choices<'_>) -> Value {
    match choices.byte() % 6 {
        0 => Value::Null,
        1 => choices.flag().into(),
        2 => choices.text(40).into(),
        3 => serde_json::from_slice(choices.0).unwrap_or(Value::Null),
        _ => choices.number().into(),
    }
}
