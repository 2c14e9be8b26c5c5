//! A mark of a file is one that a run goes on from, or is refused by name: what is committed is there then, byte by
//! byte, and nothing is changed by looking.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};

use etl_connectors::csv;
use etl_core::target::{Preparation, Recalled, Target, Transaction};
use etl_core::{Error, Result};
use etl_fuzz::{Choices, Typed, files, folder};
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const KEYS: [&str; 9] = ["version", "path", "format", "file", "length", "begin", "end", "sealed", "over"];

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let (kind, growing, sealed, published) = (choices.byte(), choices.flag(), choices.flag(), choices.flag());
    let (at, bit) = (choices.number(), choices.byte() % 8);
    let place = Place { path: folder().join("out.csv"), growing };
    let (first, second) = (records(&mut choices), records(&mut choices));

    // A run commits the first records, and is killed while it writes the second, or behind its end.
    let target = place.target();
    let mut connection = block_on(place.open(&target, None)).expect("the folder is empty");
    block_on(write(&mut connection, &first)).expect("there is room");
    let mark = block_on(target.checkpoint(&mut connection)).expect("there is room");
    let (mark, length) = if sealed {
        let mark = block_on(target.seal(&mut connection)).expect("there is room");
        if published {
            block_on(target.publish(connection)).expect("there is room");
        } else {
            drop(connection);
        }
        (mark, None)
    } else {
        let length = fs::metadata(place.there()).expect("it is durable").len();
        block_on(write(&mut connection, &second)).expect("there is room");
        let _newer_mark = block_on(target.checkpoint(&mut connection)).expect("there is room");
        drop(connection);
        (mark, Some(length))
    };
    let mark = mark.expect("a file has marks");
    let written = fs::read(place.there()).expect("it is durable");
    let committed = &written[..length.map_or(written.len(), |length| length as usize)];

    match kind % 4 {
        // Any text.
        0 => {
            if let Some(recalled) = place.recall(&String::from_utf8_lossy(choices.0)) {
                assert_eq!(recalled, Recalled::Gone, "nobody knows the number of the file");
            }
        }
        // Another value in it.
        1 => {
            let mut changed: Value = serde_json::from_str(&mark).expect("it is JSON");
            let key = KEYS[choices.below(KEYS.len())];
            changed[key] = value(&mut choices);
            let changed = changed.to_string();
            if place.recall(&changed) == Some(Recalled::Holds) {
                let length = serde_json::from_str::<Value>(&changed).ok().and_then(|mark| mark["length"].as_u64()).expect("it was read");
                assert!(length <= written.len() as u64);
                place.goes_on(&changed, &written[..length as usize]);
            }
        }
        // Another file than it was.
        2 => {
            let mut flipped = written.clone();
            let at = at as usize % flipped.len().max(1);
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << bit;
            }
            fs::write(place.there(), &flipped).expect("there is room");
            let holds = place.recall(&mark) == Some(Recalled::Holds);
            assert_eq!(holds, at >= committed.len(), "a flipped bit of what is committed is seen");
            if holds {
                place.goes_on(&mark, committed);
            }
        }
        // A shorter or a longer one.
        _ => {
            let mut other = written[..at as usize % (written.len() + 1)].to_vec();
            if at & 1 << 20 == 0 {
                other = [&written, choices.0].concat();
            }
            fs::write(place.there(), &other).expect("there is room");
            let holds = place.recall(&mark) == Some(Recalled::Holds);
            // What is whole and in its place must not have grown.
            let exactly = sealed && (growing || published);
            let expected = if exactly { other.len() == committed.len() } else { other.len() >= committed.len() };
            if !growing || sealed || other.len() < committed.len() {
                assert_eq!(holds, expected);
            }
            if holds {
                place.goes_on(&mark, committed);
            }
        }
    }
});

struct Place {
    path: PathBuf,
    growing: bool,
}

impl Place {
    fn target(&self) -> csv::File<Typed> {
        let made = if self.growing { csv::append(&self.path) } else { csv::create(&self.path) };
        made.expect("nothing is opened")
    }

    async fn open(&self, target: &csv::File<Typed>, mark: Option<&str>) -> Result<csv::Connection<Typed>> {
        target.prepare(Preparation::new(false, false).resumable(mark.map(str::to_owned))).await?;
        target.connect().await
    }

    /// Where the bytes are.
    fn there(&self) -> PathBuf {
        let draft = self.path.with_file_name(".out.csv.partial");
        if draft.exists() { draft } else { self.path.clone() }
    }

    /// What becomes of a mark; `None` where it is refused. Nothing is changed.
    fn recall(&self, mark: &str) -> Option<Recalled> {
        let before = files(self.folder());
        let recalled = block_on(self.target().recall(mark));
        let looked = block_on(self.target().prepare(Preparation::new(false, true).resumable(Some(mark.to_owned()))));
        assert_eq!(files(self.folder()), before, "looking changes nothing");
        match recalled {
            Ok(recalled) => Some(recalled),
            Err(error) => {
                assert!(looked.is_err());
                refused(&error);
                // Nor does trying.
                let target = self.target();
                refused(&block_on(self.open(&target, Some(mark))).map(drop).expect_err("it is refused"));
                None
            }
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().expect("it is in a folder")
    }

    /// A run goes on from a mark that holds: behind what is committed, and nothing else.
    fn goes_on(&self, mark: &str, committed: &[u8]) {
        let target = self.target();
        let mut connection = match block_on(self.open(&target, Some(mark))) {
            Ok(connection) => connection,
            // What may be replaced is looked at when it is opened.
            Err(error) => return refused(&error),
        };
        let one = Typed { id: 7, name: "more".to_owned(), price: None };
        block_on(write(&mut connection, &[one])).expect("there is room");
        let mark = block_on(target.seal(&mut connection)).expect("there is room").expect("a file has marks");
        match block_on(target.publish(connection)) {
            Ok(()) => {}
            Err(error) => return refused(&error),
        }
        let header: &[u8] = if committed.is_empty() { b"id,name,price\n" } else { b"" };
        assert_eq!(fs::read(&self.path).expect("it is published"), [committed, header, b"7,more,\n"].concat());
        assert_eq!(self.recall(&mark), Some(Recalled::Holds));
    }
}

fn refused(error: &Error) {
    let codes = ["mark_unreadable", "output_format", "output_changed", "output_gone"];
    assert!(codes.contains(&error.code()) || error.message().contains("exists already"), "{error:?}");
}

async fn write(connection: &mut csv::Connection<Typed>, records: &[Typed]) -> Result<()> {
    let mut transaction = csv::File::<Typed>::begin(connection).await?;
    transaction.write(records)?;
    transaction.commit().await
}

fn records(choices: &mut Choices<'_>) -> Vec<Typed> {
    let one = |choices: &mut Choices<'_>| Typed { id: choices.number() as i64, name: choices.text(30), price: None };
    (0..choices.byte() % 6).map(|_| one(choices)).collect()
}

fn value(choices: &mut Choices<'_>) -> Value {
    match choices.byte() % 6 {
        0 => Value::Null,
        1 => choices.flag().into(),
        2 => choices.text(20).into(),
        3 => serde_json::from_slice(choices.0).unwrap_or(Value::Null),
        _ => choices.number().into(),
    }
}
