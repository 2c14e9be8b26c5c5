//! A line of 100 MiB is not held in memory. A process of its own, because it looks at the peak.
#![cfg(any(feature = "csv", feature = "jsonl"))]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use common::{Item, WANTED, drive, item};
use etl_core::source::Source;

const LONG: usize = 100 << 20;

#[test]
fn a_record_that_is_too_long_is_malformed_and_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    #[cfg(feature = "csv")]
    {
        let path = directory.path().join("long.csv");
        write(&path, "id,name,price\n1,a,\n2,", ",\n\n3,\"c\nc\",\n");
        check(etl_connectors::csv::read::<Item>(&path).unwrap(), &path, 9, "c\nc");
    }
    #[cfg(feature = "jsonl")]
    {
        let path = directory.path().join("long.jsonl");
        write(&path, "{\"id\":1,\"name\":\"a\"}\n\n{\"id\":2,\"name\":\"", "\"}\n\n{\"id\":3,\"name\":\"c\"}\n");
        check(etl_connectors::jsonl::read::<Item>(&path).unwrap(), &path, 20, "c");
    }
    // What the process itself takes is part of the peak.
    if let Some(peak) = peak_memory() {
        assert!(peak < 64 << 20, "{} MiB", peak >> 20);
    }
}

fn write(path: &Path, before: &str, after: &str) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(before.as_bytes()).unwrap();
    for _ in 0..LONG >> 16 {
        file.write_all(&[b'x'; 1 << 16]).unwrap();
    }
    file.write_all(after.as_bytes()).unwrap();
}

fn check(source: impl Source<Record = Item>, path: &Path, last: u64, name: &str) {
    let all = drive(source, WANTED).unwrap();
    assert_eq!(all.records, [item(1, "a", None), item(3, name, None)]);
    assert_eq!(all.codes(), [("too_large", 3)]);
    assert_eq!(all.malformed[0].2, None);
    assert_eq!((all.origins[1].0.line, all.origins[1].0.ordinal), (Some(5), 2));
    let size = path.metadata().unwrap().len();
    assert_eq!(all.origins[1].0.byte, Some(size - last));
    assert_eq!(all.source_bytes, size);
}

/// The peak of this process in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
