//! The job as an expert writes it by hand for PostgreSQL: the threads of [`expert`](../expert/main.rs) encode the binary form of
//! `COPY` and send it on one connection or on two, a transaction each, with no ledger and no way to go on after a crash.
//!
//! `expert_postgres INPUT OUTPUT REJECTS postgres [--connections 1|2]`
#![allow(unsafe_code, reason = "the framework may not; this shows what it costs")]

#[allow(dead_code, reason = "the other program finds fields in a second way")]
#[path = "../expert/fields.rs"]
mod fields;
#[path = "../expert/leases.rs"]
mod leases;
#[path = "../expert/parse.rs"]
mod parse;
mod rows;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bench_clean::{Answer, Args, Bad, Reason, Result, warehouse};
use leases::{Lease, Leases};
use parse::Row;
use postgres::CopyInWriter;

/// How fields are found: `leases` knows a second way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grammar {
    Full,
    #[allow(dead_code, reason = "of the other program")]
    QuoteFree,
}

const COPY: &str = "COPY flights FROM STDIN (FORMAT binary)";

/// What a thread has done.
#[derive(Default)]
struct Done {
    good: u64,
    sum_distance: i64,
    rejects: Vec<(Reason, Vec<u8>)>,
}

fn main() -> Result<()> {
    let args = Args::parse()?;
    let connections: usize = args.option("connections").map_or(Ok(1), str::parse)?;
    warehouse::empty()?;
    let begun = Instant::now();
    let leases = Leases::open(&args.input, 1 << 20, Grammar::Full)?;
    let mut clients = (0..connections).map(|_| warehouse::connect()).collect::<Result<Vec<_>>>()?;
    let mut writers = Vec::new();
    for client in &mut clients {
        let mut writer = client.copy_in(COPY)?;
        writer.write_all(rows::HEADER)?;
        writers.push(Mutex::new(writer));
    }
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                scope.spawn({
                    let (leases, writer) = (&leases, &writers[thread % connections]);
                    move || work(leases, writer)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect::<Result<Vec<_>>>()
    })?;
    for writer in writers {
        let mut writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(rows::TRAILER)?;
        writer.finish()?;
    }
    let (mut good, mut sum_distance, mut bad) = (0, 0, Bad::default());
    let mut letters = BufWriter::new(File::create(&args.rejects)?);
    for done in done {
        (good, sum_distance) = (good + done.good, sum_distance + done.sum_distance);
        for (reason, raw) in done.rejects {
            bad.add(reason, 1);
            serde_json::to_writer(&mut letters, &(reason, String::from_utf8_lossy(&raw)))?;
            letters.write_all(b"\n")?;
        }
    }
    letters.flush()?;
    Answer::new(begun, good, sum_distance, bad).print()
}

fn work(leases: &Leases, writer: &Mutex<CopyInWriter<'_>>) -> Result<Done> {
    let (mut lease, mut fields, mut done) = (Lease::default(), fields::Core::default(), Done::default());
    let mut out = Vec::with_capacity(2 << 20);
    while leases.take(&mut lease)? {
        out.clear();
        fields.each(&lease.bytes[..lease.end], |_line, raw, bytes, ends| {
            let place = |at: usize| (if at == 0 { 0 } else { ends[at - 1] }, ends[at]);
            let row = if ends.len() == parse::WIDTH {
                // SAFETY: the fields are padded.
                unsafe { parse::parse(bytes, true, place) }.and_then(Row::checked)
            } else {
                Err(Reason::MissingColumn)
            };
            match row {
                Ok(row) => {
                    done.good += 1;
                    done.sum_distance += i64::from(row.distance);
                    rows::push(&row, &mut out);
                }
                Err(reason) => done.rejects.push((reason, raw.to_vec())),
            }
            Ok(())
        })?;
        writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&out)?;
    }
    Ok(done)
}
