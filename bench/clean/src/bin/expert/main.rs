//! The job as an expert writes it by hand, for this file and these columns only.
//!
//! `expert INPUT OUTPUT REJECTS parquet|jsonl [--threads N] [--grammar full|quote-free] [--lease MIB]`
//!
//! Threads take leases of the file under a lock, and do everything else with them on their own:
//! find the fields, parse, check the rules, fill Arrow columns and encode them, a row group a lease
//! (or format JSON). What is finished is appended in the order of the file. `quote-free` takes the
//! separators from one pass of vector instructions, which is wrong for a file that has quotes (it is
//! refused); `full` splits by csv-core.
#![allow(unsafe_code, reason = "the framework may not; this shows what it costs")]

mod columns;
mod fields;
mod json;
mod leases;
mod output;
mod parse;

use std::time::Instant;

use bench_clean::{Answer, Args, Format, Reason, Result};

use columns::Columns;
use fields::Index;
use leases::{Lease, Leases};
use output::{Body, Ended, Finished, Output, Reject};
use parse::Row;

/// How fields are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grammar {
    Full,
    QuoteFree,
}

/// What a lease becomes.
enum Encoder {
    Parquet(Columns),
    Jsonl(json::Lines),
}

impl Encoder {
    #[inline]
    fn push(&mut self, row: &Row<'_>) -> Result<()> {
        match self {
            Self::Parquet(columns) => columns.push(row),
            Self::Jsonl(lines) => {
                lines.push(row);
                Ok(())
            }
        }
    }
}

fn main() -> Result<()> {
    let args = Args::parse()?;
    let begun = Instant::now();
    let threads = args.option("threads").map_or(Ok(2), str::parse)?;
    let grammar = match args.option("grammar") {
        None | Some("full") => Grammar::Full,
        Some("quote-free") => Grammar::QuoteFree,
        Some(other) => return Err(format!("unknown grammar {other}").into()),
    };
    // Text is four times as long as its lease, and should stay in the cache.
    let usual = if args.format == Format::Jsonl { "0.25" } else { "4" };
    let mib: f64 = args.option("lease").unwrap_or(usual).parse()?;
    let leases = Leases::open(&args.input, (mib * 1_048_576.0) as usize, grammar)?;
    let output = Output::create(&args.output, &args.rejects, args.format, threads)?;
    std::thread::scope(|scope| {
        let worker = || {
            let worked = work(&leases, &output, grammar);
            if worked.is_err() {
                output.give_up();
            }
            worked
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let mine = worker();
        others.into_iter().try_for_each(|other| other.join().map_err(|_| "a thread panicked")?).and(mine)
    })?;
    let Ended { good, sum_distance, bad } = output.finish()?;
    Answer::new(begun, good, sum_distance, bad).print()
}

fn work(leases: &Leases, output: &Output, grammar: Grammar) -> Result<()> {
    let (mut lease, mut index, mut fields) = (Lease::default(), Index::default(), fields::Core::default());
    while leases.take(&mut lease)? {
        let encoder = output.encoder(lease.number)?;
        let mut job = Job { encoder, good: 0, sum_distance: 0, rejects: Vec::new() };
        let lines = match grammar {
            Grammar::QuoteFree => {
                index.find(&lease.bytes, lease.end)?;
                let (bytes, check) = (&lease.bytes, index.non_ascii);
                index.each(bytes, lease.end, |line, raw, places| match places {
                    None => job.reject(line, raw, Reason::MissingColumn),
                    // SAFETY: the lease is padded.
                    Some(places) => job.row(line, raw, unsafe { parse::parse(bytes, check, |at| places.get(at)) }),
                })?
            }
            Grammar::Full => fields.each(&lease.bytes[..lease.end], |line, raw, bytes, ends| {
                if ends.len() != parse::WIDTH {
                    return job.reject(line, raw, Reason::MissingColumn);
                }
                let place = |at: usize| (if at == 0 { 0 } else { ends[at - 1] }, ends[at]);
                // SAFETY: the fields are padded.
                job.row(line, raw, unsafe { parse::parse(bytes, true, place) })
            })?,
        };
        let body = match job.encoder {
            Encoder::Parquet(columns) => Body::Parquet(columns.finish()?),
            Encoder::Jsonl(lines) => Body::Jsonl(lines.finish()),
        };
        output.append(lease.number, Finished { lines, body, rejects: job.rejects, good: job.good, sum_distance: job.sum_distance })?;
    }
    Ok(())
}

/// One lease at work.
struct Job {
    encoder: Encoder,
    good: u64,
    sum_distance: i64,
    rejects: Vec<Reject>,
}

impl Job {
    #[inline]
    fn row(&mut self, line: u64, raw: &[u8], row: Result<Row<'_>, Reason>) -> Result<()> {
        match row.and_then(Row::checked) {
            Ok(row) => {
                self.good += 1;
                self.sum_distance += i64::from(row.distance);
                self.encoder.push(&row)
            }
            Err(reason) => self.reject(line, raw, reason),
        }
    }

    #[cold]
    fn reject(&mut self, line: u64, raw: &[u8], reason: Reason) -> Result<()> {
        self.rejects.push(Reject { line, reason, raw: raw.to_vec() });
        Ok(())
    }
}
