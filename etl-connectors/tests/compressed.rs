//! Compressed files are read like others, and cannot take more than they are allowed to: the issue's
//! line "decompression capped".
#![cfg(all(feature = "csv", feature = "jsonl", feature = "gzip", feature = "zstd"))]

mod common;

use std::fs;
use std::io::Write;

use common::{Item, WANTED, drive, item};
use etl_connectors::{csv, jsonl};
use etl_core::source::Source;
use etl_core::{Error, ErrorKind};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKERS: [Pack; 2] = [gzip, zstd];

fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

fn read(content: impl AsRef<[u8]>) -> Result<common::All<Item>, Error> {
    drive(csv::read::<Item>(file(content).path()).unwrap(), WANTED)
}

#[test]
fn the_first_bytes_tell_and_members_follow_each_other() {
    for pack in PACKERS {
        let packed = [pack(b"id,name,price\n1,a"), pack(b""), pack(b",2.5\n2,b,\n")].concat();
        let all = read(&packed).unwrap();
        assert_eq!(all.records, [item(1, "a", Some(2.5)), item(2, "b", None)]);
        let places: Vec<_> = all.origins.iter().map(|(at, _)| (at.byte.unwrap(), at.line.unwrap())).collect();
        assert_eq!(places, [(14, 2), (22, 3)], "places are those of the text");
        assert_eq!(all.source_bytes, packed.len() as u64, "progress is that of the file");

        let lines = file(pack(b"\xEF\xBB\xBF{\"id\":1,\"name\":\"a\"}\n"));
        assert_eq!(drive(jsonl::read::<Item>(lines.path()).unwrap(), WANTED).unwrap().records, [item(1, "a", None)]);
    }
}

#[test]
fn a_file_that_is_cut_off_is_never_taken_for_a_whole_one() {
    for pack in PACKERS {
        let packed = pack(b"id,name,price\n1,a,2.5\n2,b,\n");
        for cut in 4..packed.len() {
            let error = read(&packed[..cut]).map(|all| all.records).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Extraction, "truncated"), "{cut} of {} bytes", packed.len());
            assert!(error.advice().is_some());
        }
    }
}

/// The checksum of the whole text may only be known when its records were handed out: then the run
/// fails at the end, before it publishes or says that it is done.
#[test]
fn a_damaged_file_is_an_error() {
    for pack in PACKERS {
        let packed = pack("id,name,price\n1,a,2.5\n2,b,\n".repeat(20).as_bytes());
        // Some bytes of the header, such as the time in gzip's, mean nothing.
        for at in packed.len() / 2..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            let error = read(&damaged).map(|all| all.records).unwrap_err();
            assert!(["damaged", "truncated"].contains(&error.code()), "{error}");
        }
    }
    let error = read([&gzip(b"id,name,price\n")[..], b"and something else"].concat()).unwrap_err();
    assert_eq!(error.code(), "damaged");
}

#[test]
fn a_compressed_file_in_a_compressed_file_is_refused() {
    for inner in PACKERS {
        for outer in PACKERS {
            let nested = file(outer(&inner(b"id,name,price\n")));
            for error in [
                drive(csv::read::<Item>(nested.path()).unwrap(), WANTED).map(drop).unwrap_err(),
                drive(jsonl::read::<Item>(nested.path()).unwrap(), WANTED).map(drop).unwrap_err(),
            ] {
                assert_eq!(error.code(), "compressed");
            }
        }
    }
}

fn limited<T: std::fmt::Debug>(read: Result<T, Error>) {
    let error = read.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Extraction, "decompression_limit"), "{error}");
    assert!(error.advice().is_some());
}

#[test]
fn text_that_is_larger_than_allowed_is_an_error() {
    let text = format!("id,name,price\n{}", "1,a,2.5\n".repeat(100));
    for pack in PACKERS {
        let file = file(pack(text.as_bytes()));
        let options = |bytes| csv::options().max_decompressed(bytes);
        assert_eq!(drive(options(text.len() as u64).read::<Item>(file.path()).unwrap(), WANTED).unwrap().records.len(), 100);
        limited(drive(options(text.len() as u64 - 1).read::<Item>(file.path()).unwrap(), WANTED));
        limited(drive(jsonl::options().max_decompressed(100).read::<Item>(file.path()).unwrap(), WANTED));
    }
}

/// 256 MiB of text in a file of less than 3 MiB: reading stops at its first quarter.
#[test]
fn a_decompression_bomb_is_an_error_soon() {
    let member = b"1,a,\n".repeat((4 << 20) / 5);
    let bombs = PACKERS.map(|pack| [pack(b"id,name,price\n"), pack(&member).repeat(64)].concat());
    for bomb in bombs {
        let file = file(&bomb);
        assert!((256 << 20) / bomb.len() as u64 > 100, "{}", bomb.len());
        let mut source = csv::options().max_ratio(100).read::<Item>(file.path()).unwrap();
        let mut read = 0;
        let error = loop {
            match futures::executor::block_on(source.read(WANTED)) {
                Ok(chunk) => read += chunk.expect("the bomb goes off before the end").bytes(),
                Err(error) => break error,
            }
        };
        limited(Err::<(), _>(error));
        assert!(read < 68 << 20, "{} MiB", read >> 20);
    }
}
