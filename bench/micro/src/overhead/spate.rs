//! spate: a stream of byte payloads through a chain of operators into encoded chunks that a sink's workers write.
//!
//! Its records are bytes at both ends, so the number is read from eight bytes and written to eight: that is part of what it does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use spate::checkpoint::{AckIssuer, AckRef};
use spate::deser::{Deserializer, EmitRecord, Owned};
use spate::error::{DeserError, SinkError, SourceError};
use spate::prelude::*;
use spate::record::{RawPayload, Record};
use spate::sink::{RowEncoder, SealedBatch, ShardWriter};
use spate::source::{LaneId, PayloadBatch, Source, SourceCtx, SourceEvent, SourceLane};

use super::{Job, is_even, triple};
use crate::Result;

/// As its example of a pipeline in memory has it, but for the checkpoints: a run that ends after so little time would wait for one.
const CONFIG: &str = r#"
pipeline: { name: counter, threads: 1 }
admin: { listen: none }
checkpoint: { interval: 100ms }
metrics: { exporter: none }
source: { counter: {} }
sink: { sum: {} }
"#;
/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(300);

struct Lane {
    issuer: AckIssuer,
    next: u64,
    end: u64,
    batch: u64,
    payloads: Vec<[u8; 8]>,
}

struct Payloads<'a> {
    payloads: &'a [[u8; 8]],
    base: i64,
    next: usize,
    ack: AckRef,
}

impl<'a> PayloadBatch<'a> for Payloads<'a> {
    fn next_payload(&mut self) -> Option<RawPayload<'a>> {
        let bytes = self.payloads.get(self.next)?;
        let offset = self.base + self.next as i64;
        self.next += 1;
        Some(RawPayload { bytes, key: None, partition: PartitionId(0), offset, timestamp_ms: offset })
    }

    fn ack(&self) -> &AckRef {
        &self.ack
    }
}

impl SourceLane for Lane {
    type Batch<'a> = Payloads<'a>;

    fn id(&self) -> LaneId {
        LaneId(0)
    }

    fn partition(&self) -> PartitionId {
        PartitionId(0)
    }

    fn poll(&mut self, _most: usize, timeout: Duration) -> std::result::Result<Option<Payloads<'_>>, SourceError> {
        if self.next >= self.end {
            std::thread::sleep(timeout.min(Duration::from_millis(1)));
            return Ok(None);
        }
        let base = self.next;
        self.next = self.end.min(base + self.batch);
        self.payloads.clear();
        self.payloads.extend((base..self.next).map(u64::to_le_bytes));
        let ack = self.issuer.issue(PartitionId(0), self.next as i64 - 1);
        Ok(Some(Payloads { payloads: &self.payloads, base: base as i64, next: 0, ack }))
    }
}

struct Counter {
    job: Job,
    issuer: Option<AckIssuer>,
    handed_out: bool,
    commits: Arc<Mutex<BTreeMap<u32, i64>>>,
}

impl Source for Counter {
    type Lane = Lane;

    fn open(&mut self, ctx: SourceCtx) -> std::result::Result<(), SourceError> {
        self.issuer = Some(ctx.issuer);
        Ok(())
    }

    fn poll_events(&mut self, timeout: Duration) -> std::result::Result<SourceEvent<Lane>, SourceError> {
        match self.issuer.clone() {
            Some(issuer) if !self.handed_out => {
                self.handed_out = true;
                let Job { records, batch } = self.job;
                Ok(SourceEvent::LanesAssigned(vec![Lane { issuer, next: 0, end: records, batch, payloads: Vec::new() }]))
            }
            _ => {
                std::thread::sleep(timeout.min(Duration::from_millis(1)));
                Ok(SourceEvent::Idle)
            }
        }
    }

    fn commit(&mut self, watermarks: &[(PartitionId, i64)]) -> std::result::Result<(), SourceError> {
        let mut commits = self.commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        commits.extend(watermarks.iter().map(|(partition, offset)| (partition.0, *offset)));
        Ok(())
    }
}

struct Numbers;

impl Deserializer<Owned<u64>> for Numbers {
    fn deserialize<'buf>(
        &mut self,
        raw: &RawPayload<'buf>,
        ack: &AckRef,
        out: &mut dyn EmitRecord<'buf, u64>,
    ) -> std::result::Result<(), DeserError> {
        let payload = raw.bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let _flow = out.emit(Record { payload, meta: raw.meta(), ack: ack.clone() });
        Ok(())
    }
}

#[derive(Clone)]
struct Encoder;

impl RowEncoder<Owned<u64>> for Encoder {
    fn encode<'buf>(&mut self, record: &Record<u64>, buffer: &mut BytesMut) -> std::result::Result<(), SinkError> {
        buffer.put_u64_le(record.payload);
        Ok(())
    }
}

struct Adder(Arc<AtomicU64>);

impl ShardWriter for Adder {
    type Endpoint = String;

    fn write_batch(&self, _endpoint: &String, batch: &SealedBatch) -> impl Future<Output = std::result::Result<(), SinkError>> + Send {
        let (numbers, _rest): (Vec<_>, ()) = (batch.frames.iter().flat_map(|frame| frame.as_chunks::<8>().0).collect(), ());
        let sum = numbers.into_iter().fold(0_u64, |sum, bytes| sum.wrapping_add(u64::from_le_bytes(*bytes)));
        self.0.fetch_add(sum, Relaxed);
        async { Ok(()) }
    }
}

pub(super) fn run(job: Job) -> Result<u64> {
    let sum = Arc::new(AtomicU64::new(0));
    let commits = Arc::new(Mutex::new(BTreeMap::new()));
    let source = Counter { job, issuer: None, handed_out: false, commits: Arc::clone(&commits) };
    let mut pool = SinkPoolConfig::default();
    pool.batch.linger = Duration::from_millis(1);
    let sink = SinkParts::new(Adder(Arc::clone(&sum)), vec![vec!["sum".to_owned()]], pool).with_component_type("sum");
    let runtime = Pipeline::from_config(PipelineConfig::from_str(CONFIG)?)?
        .sink(sink)?
        .chains(|ctx| {
            let chunk = ctx.chunk();
            chain_owned::<u64, _>(Numbers)
                .with_metrics(ctx.pipeline, "main")
                .map(triple)
                .filter(is_even)
                .sink(Encoder, KeyHashRouter, chunk, ctx.queues, ctx.budget)
                .build()
        })
        .runtime_options(RuntimeOptions { handle_signals: false, max_records: job.batch as usize, ..RuntimeOptions::default() })
        .into_runtime(source)?;
    let shutdown = runtime.shutdown_handle();
    let running = std::thread::spawn(move || runtime.run());
    let begun = Instant::now();
    let committed = || commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&0) == Some(&(job.records as i64));
    while !committed() {
        if begun.elapsed() > LIMIT || running.is_finished() {
            return Err("spate did not commit its last record".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    shutdown.trigger();
    let report = running.join().map_err(|_panic| "spate panicked")??;
    if report.exit_code() != 0 {
        return Err("spate did not drain".into());
    }
    Ok(sum.load(Relaxed))
}
