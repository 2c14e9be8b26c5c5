//! One line of the file: a letter, or a tombstone that takes one away. Nothing here touches a file.
//!
//! Version 1 had no tombstones and no `letter`; its lines are still read.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::id::{Digest, LetterId, digest, hex_bytes};
use crate::contract::hex::hex;

/// The version of the line format; raised when a field changes its meaning or goes.
pub const VERSION: u32 = 2;

/// How long a line may be, in bytes: about three quarters of that is the record.
pub(crate) const LONGEST: u64 = 256 << 20;

/// Names the record: the same for the same record of the same source, whatever run reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordId<'a> {
    #[serde(borrow)]
    pub(crate) pipeline: Cow<'a, str>,
    pub(crate) replay_epoch: u32,
    #[serde(borrow)]
    pub(crate) partition: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    pub(crate) ordinal: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
}

/// What is kept of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Its bytes in the source.
    Source,
    /// The record itself as a JSON object, where the source has no bytes.
    Json,
    /// Nothing.
    Nothing,
}

impl Encoding {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "base64",
            Self::Json => "base64+json",
            Self::Nothing => "none",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Json, Self::Nothing].into_iter().find(|encoding| encoding.as_str() == text)
    }
}

/// A rejected record with its reason.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LetterLine<'a> {
    pub(crate) record: RecordId<'a>,
    pub(crate) stage: Cow<'a, str>,
    pub(crate) kind: Cow<'a, str>,
    pub(crate) code: Cow<'a, str>,
    pub(crate) message: Cow<'a, str>,
    pub(crate) column: Option<Cow<'a, str>>,
    pub(crate) attempts: u32,
    pub(crate) first_seen: Cow<'a, str>,
    pub(crate) last_seen: Cow<'a, str>,
    pub(crate) run_id: Cow<'a, str>,
    pub(crate) batch_start: u64,
    pub(crate) encoding: Encoding,
    /// In base64.
    pub(crate) payload: Option<Cow<'a, str>>,
    pub(crate) digest: Option<Digest>,
    /// The letters whose place it takes: the record was replayed and rejected again.
    pub(crate) replaces: Vec<LetterId>,
}

impl LetterLine<'_> {
    pub(crate) fn id(&self) -> LetterId {
        LetterId::new(&self.record, &self.stage, &self.code, self.digest.as_ref())
    }

    /// The record's bytes, as they were when it was rejected.
    ///
    /// # Errors
    /// They are not what was written.
    pub(crate) fn bytes(&self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(payload) = &self.payload else { return Ok(None) };
        let bytes = STANDARD.decode(payload.as_bytes()).map_err(|_quotes_it| Fault::Field("payload"))?;
        if self.digest == Some(digest(&bytes)) { Ok(Some(bytes)) } else { Err(Fault::Field("payload_sha256")) }
    }
}

/// Why a letter is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// The operator does not want it any more.
    Discarded,
    /// Its record was replayed, and was not rejected again.
    Replayed,
}

impl Why {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "discarded" => Some(Self::Discarded),
            "replayed" => Some(Self::Replayed),
            _ => None,
        }
    }
}

/// Takes away the letters of that name which stand before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tombstone<'a> {
    pub(crate) letter: LetterId,
    pub(crate) why: Why,
    pub(crate) at: Cow<'a, str>,
    pub(crate) run_id: Option<Cow<'a, str>>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line<'a> {
    Letter(Box<LetterLine<'a>>),
    Tombstone(Tombstone<'a>),
}

/// Why a line cannot be read. It never quotes the line, which may hold a record (I8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no JSON object, or a field is of another type.
    NotALine,
    /// A field that is missing, or holds what it never holds.
    Field(&'static str),
    /// A newer version of this program wrote it.
    Version,
    /// It has no end within [`LONGEST`].
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALine => f.write_str("it is no dead letter"),
            Self::Field(name) => write!(f, "its field `{name}` is missing or wrong"),
            Self::Version => write!(f, "it is of a newer format than {VERSION}, which is the newest that this program knows"),
            Self::TooLong => write!(f, "it is longer than {} MiB", LONGEST >> 20),
        }
    }
}

/// A letter as it is written: the fields of the format, in their order.
#[derive(Serialize)]
struct LetterFields<'a> {
    v: u32,
    letter: LetterId,
    id: &'a RecordId<'a>,
    stage: &'a str,
    stage_version: u32,
    error_kind: &'a str,
    error_code: &'a str,
    error_class: &'a str,
    sanitized_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    attempts: u32,
    first_seen: &'a str,
    last_seen: &'a str,
    run_id: &'a str,
    batch_start: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    replaces: &'a [LetterId],
    payload_encoding: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_sha256: Option<String>,
    redactions: [&'a str; 0],
}

/// A tombstone as it is written.
#[derive(Serialize)]
struct TombstoneFields<'a> {
    v: u32,
    tombstone: LetterId,
    why: Why,
    at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
}

impl Line<'_> {
    /// Appends it to `out`, with the end of the line.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        // Numbers and texts written to memory have no way to fail.
        let _infallible = match self {
            Self::Letter(letter) => serde_json::to_writer(
                &mut *out,
                &LetterFields {
                    v: VERSION,
                    letter: letter.id(),
                    id: &letter.record,
                    stage: &letter.stage,
                    stage_version: 0,
                    error_kind: &letter.kind,
                    error_code: &letter.code,
                    error_class: "reject",
                    sanitized_message: &letter.message,
                    column: letter.column.as_deref(),
                    attempts: letter.attempts,
                    first_seen: &letter.first_seen,
                    last_seen: &letter.last_seen,
                    run_id: &letter.run_id,
                    batch_start: letter.batch_start,
                    replaces: &letter.replaces,
                    payload_encoding: letter.encoding.as_str(),
                    payload: letter.payload.as_deref(),
                    payload_sha256: letter.digest.as_ref().map(|digest| hex(digest)),
                    redactions: [],
                },
            ),
            Self::Tombstone(Tombstone { letter, why, at, run_id }) => {
                let fields = TombstoneFields { v: VERSION, tombstone: *letter, why: *why, at, run_id: run_id.as_deref() };
                serde_json::to_writer(&mut *out, &fields)
            }
        };
        out.push(b'\n');
    }
}

/// A text that is copied only where it has escapes: serde copies a bare `Option<Cow<str>>` always.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whatever stands in a line, before it is judged.
#[derive(Deserialize)]
struct Fields<'a> {
    v: u32,
    #[serde(borrow)]
    letter: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<RecordId<'a>>,
    #[serde(borrow)]
    stage: Option<Text<'a>>,
    #[serde(borrow)]
    error_kind: Option<Text<'a>>,
    #[serde(borrow)]
    error_code: Option<Text<'a>>,
    #[serde(borrow)]
    sanitized_message: Option<Text<'a>>,
    #[serde(borrow)]
    column: Option<Text<'a>>,
    attempts: Option<u32>,
    #[serde(borrow)]
    first_seen: Option<Text<'a>>,
    #[serde(borrow)]
    last_seen: Option<Text<'a>>,
    #[serde(borrow)]
    run_id: Option<Text<'a>>,
    batch_start: Option<u64>,
    #[serde(borrow, default)]
    replaces: Vec<Text<'a>>,
    #[serde(borrow)]
    payload_encoding: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Option<Text<'a>>,
    #[serde(borrow)]
    payload_sha256: Option<Text<'a>>,
    #[serde(borrow)]
    tombstone: Option<Text<'a>>,
    #[serde(borrow)]
    why: Option<Text<'a>>,
    #[serde(borrow)]
    at: Option<Text<'a>>,
}

/// Reads one line, without its end.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn decode(line: &[u8]) -> Result<Line<'_>, Fault> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(line) else {
        // A newer format may have fields of other types.
        let newer = serde_json::from_slice::<Version>(line).is_ok_and(|version| version.v > VERSION);
        return Err(if newer { Fault::Version } else { Fault::NotALine });
    };
    match fields.v {
        1 | VERSION => {}
        0 => return Err(Fault::Field("v")),
        _ => return Err(Fault::Version),
    }
    if fields.tombstone.is_some() { tombstone(fields) } else { letter(fields) }
}

fn text<'a>(field: Option<Text<'a>>, name: &'static str) -> Result<Cow<'a, str>, Fault> {
    field.map(|text| text.0).ok_or(Fault::Field(name))
}

fn tombstone(fields: Fields<'_>) -> Result<Line<'_>, Fault> {
    Ok(Line::Tombstone(Tombstone {
        letter: fields.tombstone.and_then(|id| LetterId::parse(&id.0)).ok_or(Fault::Field("tombstone"))?,
        why: fields.why.and_then(|why| Why::parse(&why.0)).ok_or(Fault::Field("why"))?,
        at: text(fields.at, "at")?,
        run_id: fields.run_id.map(|id| id.0),
    }))
}

fn letter(fields: Fields<'_>) -> Result<Line<'_>, Fault> {
    let encoding = fields.payload_encoding.and_then(|name| Encoding::parse(&name.0)).ok_or(Fault::Field("payload_encoding"))?;
    if fields.payload.is_some() != (encoding != Encoding::Nothing) {
        return Err(Fault::Field("payload"));
    }
    let digest = match &fields.payload_sha256 {
        Some(digits) => Some(hex_bytes(&digits.0).ok_or(Fault::Field("payload_sha256"))?),
        None if fields.payload.is_some() => return Err(Fault::Field("payload_sha256")),
        None => None,
    };
    let replaces: Option<Vec<_>> = fields.replaces.iter().map(|id| LetterId::parse(&id.0)).collect();
    let made = LetterLine {
        record: fields.id.ok_or(Fault::Field("id"))?,
        stage: text(fields.stage, "stage")?,
        kind: text(fields.error_kind, "error_kind")?,
        code: text(fields.error_code, "error_code")?,
        message: text(fields.sanitized_message, "sanitized_message")?,
        column: fields.column.map(|name| name.0),
        attempts: fields.attempts.ok_or(Fault::Field("attempts"))?,
        first_seen: text(fields.first_seen, "first_seen")?,
        last_seen: text(fields.last_seen, "last_seen")?,
        run_id: text(fields.run_id, "run_id")?,
        batch_start: fields.batch_start.ok_or(Fault::Field("batch_start"))?,
        encoding,
        payload: fields.payload.map(|payload| payload.0),
        digest,
        replaces: replaces.ok_or(Fault::Field("replaces"))?,
    };
    // The name says what the line holds, so a line that was damaged or edited does not pass for whole.
    let named = fields.letter.map(|id| LetterId::parse(&id.0));
    match named {
        Some(named) if named == Some(made.id()) => Ok(Line::Letter(Box::new(made))),
        None if fields.v == 1 => Ok(Line::Letter(Box::new(made))),
        _ => Err(Fault::Field("letter")),
    }
}

/// The time as letters write it.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(std::time::SystemTime::now()).to_string()
}

/// Bytes as a letter keeps them.
pub(crate) fn kept(bytes: &[u8]) -> (String, Digest) {
    (STANDARD.encode(bytes), digest(bytes))
}
