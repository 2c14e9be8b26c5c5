//! Into a text file, by a plain function that appends to it: what is loaded again is there twice.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use etl_core::ErrorKind;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal, wanted, weigh};

/// Open for appending.
#[derive(Debug)]
pub(crate) struct Log(File);

#[resource]
fn log(config: &Config) -> Result<Log> {
    let open = || {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&config.output)?;
        // A kill may have torn the last line: what follows must not continue it.
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(-1)).is_ok() {
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        // What is written counts only if the file has its name when the power is back.
        File::open(config.output.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Log(file))
    };
    open().map_err(|error: std::io::Error| Error::io(ErrorKind::Resource, "cannot open the log", &error))
}

#[loader(batch = 250)]
fn load(items: &[Item], log: &Log) -> Result<(), std::io::Error> {
    let mut lines = String::new();
    for item in items {
        // A note of the cargo has no tab.
        lines += &format!("{}\t{}\t{}\t{}\n", item.id, item.amount, item.note, item.stamp);
    }
    (&log.0).write_all(lines.as_bytes())?;
    log.0.sync_data()
}

pipeline! {
    /// Into a text file, by a plain function that appends to it.
    pub(crate) Append {
        settings: Config,
        resources: [log],
        flow: manifest => weigh => wanted => seal => load,
        delivery: at_least_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
