//! Records in the binary form of `COPY` are rows of so many fields of so many bytes, and say what the records say:
//! numbers, decimals, dates and times are read back here by their definition.
#![no_main]

#[path = "../../etl-connectors/src/postgres/calendar.rs"]
mod calendar;
#[path = "../../etl-connectors/src/postgres/encode.rs"]
mod encode;
#[path = "../../etl-connectors/src/postgres/numeric.rs"]
mod numeric;

/// What the encoder needs of its neighbours to say what is wrong.
mod errors {
    pub fn rejected(what: String, cause: String) -> etl_core::Error {
        etl_core::Error::new(etl_core::ErrorKind::Load, what).caused_by(cause)
    }
}
mod shape {
    pub struct Binding {
        pub table: String,
        pub columns: Vec<String>,
        pub shown: Vec<String>,
    }
}

use encode::{Form, HEADER, TRAILER};
use etl_core::record::codec::{EachField, Encode};
use etl_core::record::{Column, ColumnType, Described, Field};
use etl_fuzz::Choices;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Row {
    signed: i64,
    unsigned: u64,
    double: f64,
    single: f32,
    flag: Option<bool>,
    text: String,
    bytes: Vec<u8>,
    parsed: String,
}

const fn column(name: &'static str, column_type: ColumnType, nullable: bool) -> Column {
    Column { name, column_type, nullable, sensitive: false, optional: false }
}

impl Described for Row {
    const SCHEMA: &'static [Column] = &[
        column("signed", ColumnType::I64, false),
        column("unsigned", ColumnType::U64, false),
        column("double", ColumnType::F64, false),
        column("single", ColumnType::F32, false),
        column("flag", ColumnType::Bool, true),
        column("text", ColumnType::Text, false),
        column("bytes", ColumnType::Bytes, false),
        column("parsed", ColumnType::Text, false),
    ];
}

impl Encode for Row {
    fn fields<D: EachField<Self>>(doing: &mut D) -> Result<(), D::Error> {
        Field::each(doing, 0, |row: &Self| &row.signed)?;
        Field::each(doing, 1, |row: &Self| &row.unsigned)?;
        Field::each(doing, 2, |row: &Self| &row.double)?;
        Field::each(doing, 3, |row: &Self| &row.single)?;
        Field::each(doing, 4, |row: &Self| &row.flag)?;
        Field::each(doing, 5, |row: &Self| &row.text)?;
        Field::each(doing, 6, |row: &Self| &row.bytes)?;
        Field::each(doing, 7, |row: &Self| &row.parsed)
    }
}

const WHOLE: [Form; 4] = [Form::Int2, Form::Int4, Form::Int8, Form::Numeric];
const PARSED: [Form; 7] = [Form::Text, Form::Jsonb, Form::Numeric, Form::Uuid, Form::Date, Form::Timestamp, Form::TimestampTz];

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let forms = [
        WHOLE[choices.below(4)],
        WHOLE[choices.below(4)],
        Form::Float8,
        if choices.flag() { Form::Float4 } else { Form::Float8 },
        Form::Bool,
        Form::Text,
        Form::Bytes,
        PARSED[choices.below(7)],
    ];
    let place = choices.maybe().map(|place| place as i64);
    let mut out = HEADER.to_vec();
    let mut rows = Vec::new();
    while choices.more() && rows.len() < 8 {
        let row = Row {
            signed: choices.number() as i64,
            unsigned: choices.number(),
            double: f64::from_bits(choices.number()),
            single: f32::from_bits(choices.number() as u32),
            flag: choices.flag().then(|| choices.flag()),
            text: choices.text(20),
            bytes: choices.bytes(20).to_vec(),
            parsed: if choices.flag() { choices.text(60) } else { moment(&mut choices, forms[7]) },
        };
        let before = out.len();
        match encode::row(&row, &forms, place, &mut out) {
            Ok(()) => rows.push(row),
            Err(misfit) => {
                let name = |column: &Column| column.name.to_owned();
                let binding = shape::Binding { table: "t".to_owned(), columns: Row::SCHEMA.iter().map(name).collect(), shown: Vec::new() };
                assert!(misfit.explain(&binding).message().contains("cannot copy into t"));
                assert!(!fits(&row, &forms), "{row:?} {forms:?} is refused");
                // A copy ends here; another one begins.
                out.truncate(before);
            }
        }
    }
    out.extend_from_slice(TRAILER);

    let mut rest = out.strip_prefix(HEADER).expect("it begins so");
    for row in &rows {
        let mut fields = fields(&mut rest).expect("as many rows as records");
        if let Some(place) = place {
            assert_eq!(fields.pop().flatten(), Some(&place.to_be_bytes()[..]));
        }
        let [signed, unsigned, double, single, flag, text, bytes, parsed] = fields.try_into().expect("as many fields as columns");
        assert_eq!(whole(forms[0], signed.expect("it has a value")), row.signed.to_string());
        assert_eq!(whole(forms[1], unsigned.expect("it has a value")), row.unsigned.to_string());
        assert_eq!(double, Some(&row.double.to_be_bytes()[..]));
        let (narrow, wide) = (row.single.to_be_bytes(), f64::from(row.single).to_be_bytes());
        assert_eq!(single, Some(if forms[3] == Form::Float4 { &narrow[..] } else { &wide }));
        assert_eq!(flag, row.flag.map(|flag| if flag { &[1_u8][..] } else { &[0] }));
        assert_eq!((text, bytes), (Some(row.text.as_bytes()), Some(&row.bytes[..])));
        check(forms[7], &row.parsed, parsed.expect("it has a value"));
    }
    assert_eq!(rest, TRAILER, "nothing is behind the last");
});

/// A day of any year, and mostly one that there is; with a time where there is one in the column.
fn moment(choices: &mut Choices<'_>, form: Form) -> String {
    let day = format!("{:04}-{:02}-{:02}", choices.below(10_000), choices.byte() % 13, choices.byte() % 32);
    let zone = if form == Form::TimestampTz { format!("+{:02}:{:02}", choices.byte() % 16, choices.byte() % 60) } else { String::new() };
    match form {
        Form::Timestamp | Form::TimestampTz => {
            format!("{day}T{:02}:{:02}:{:02}.{}{zone}", choices.byte() % 25, choices.byte() % 61, choices.byte() % 62, choices.below(1_000))
        }
        _ => day,
    }
}

/// The fields of the next row; `None` behind the last.
fn fields<'b>(rest: &mut &'b [u8]) -> Option<Vec<Option<&'b [u8]>>> {
    let count = i16::from_be_bytes(*rest.first_chunk().expect("a row has a number of fields"));
    if count < 0 {
        return None;
    }
    *rest = &rest[2..];
    let field = |_| {
        let length = i32::from_be_bytes(*rest.first_chunk().expect("a field has a length"));
        *rest = &rest[4..];
        let (field, behind) = rest.split_at(usize::try_from(length).ok()?);
        *rest = behind;
        Some(field)
    };
    Some((0..count).map(field).collect())
}

fn fits(row: &Row, forms: &[Form]) -> bool {
    let whole = |form, number: i128| match form {
        Form::Int2 => i16::try_from(number).is_ok(),
        Form::Int4 => i32::try_from(number).is_ok(),
        Form::Int8 => i64::try_from(number).is_ok(),
        _ => true,
    };
    // What a text must be like is for the unit tests to say.
    whole(forms[0], row.signed.into()) && whole(forms[1], row.unsigned.into()) && matches!(forms[7], Form::Text | Form::Jsonb)
}

fn whole(form: Form, bytes: &[u8]) -> String {
    match form {
        Form::Int2 => i16::from_be_bytes(bytes.try_into().expect("two bytes")).to_string(),
        Form::Int4 => i32::from_be_bytes(bytes.try_into().expect("four bytes")).to_string(),
        Form::Int8 => i64::from_be_bytes(bytes.try_into().expect("eight bytes")).to_string(),
        _ => decimal(bytes),
    }
}

/// A `numeric` as a text, as the server shows it.
fn decimal(bytes: &[u8]) -> String {
    let words: Vec<i16> = bytes.chunks(2).map(|pair| i16::from_be_bytes(pair.try_into().expect("pairs"))).collect();
    let [count, weight, sign, scale, groups @ ..] = &words[..] else { panic!("it has a head") };
    assert_eq!(*count as usize, groups.len());
    assert!(groups.iter().all(|group| (0..10_000).contains(group)) && *scale >= 0 && matches!(sign, 0 | 0x4000));
    assert!(groups.first() != Some(&0) && groups.last() != Some(&0), "no zeros at the ends");
    let group = |at: i32| if at < 0 { 0 } else { groups.get(at as usize).copied().unwrap_or(0) };
    let weight = i32::from(*weight);
    let mut text: String = (0..=weight.max(-1)).map(|at| format!("{:04}", group(at))).collect();
    text = text.trim_start_matches('0').to_owned();
    if text.is_empty() {
        text.push('0');
    }
    if *scale > 0 {
        let after: String = (0..(*scale as usize).div_ceil(4) as i32).map(|at| format!("{:04}", group(weight + 1 + at))).collect();
        text = format!("{text}.{}", &after[..*scale as usize]);
    }
    if *sign == 0x4000 { format!("-{text}") } else { text }
}

/// A value in the column of a text says what the text says.
fn check(form: Form, text: &str, bytes: &[u8]) {
    match form {
        Form::Jsonb => assert_eq!(bytes, [&[1], text.as_bytes()].concat()),
        Form::Numeric => {
            let (sign, digits) = text.strip_prefix('-').map_or(("", text.strip_prefix('+').unwrap_or(text)), |digits| ("-", digits));
            let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
            let before = match before.trim_start_matches('0') {
                "" => "0",
                before => before,
            };
            let point = if after.is_empty() { "" } else { "." };
            let zero = digits.bytes().all(|digit| matches!(digit, b'0' | b'.'));
            assert_eq!(decimal(bytes), format!("{}{before}{point}{after}", if zero { "" } else { sign }));
        }
        Form::Uuid => assert_eq!(etl_fuzz::hex(bytes), text.replace('-', "").to_ascii_lowercase()),
        Form::Date => {
            let days = i32::from_be_bytes(bytes.try_into().expect("four bytes"));
            assert_eq!(day(days.into()), text);
        }
        Form::Timestamp | Form::TimestampTz => {
            let micros = i64::from_be_bytes(bytes.try_into().expect("eight bytes"));
            let stated = i64::from(calendar::date(&text[..10]).expect("it begins with a date"));
            let days = micros.div_euclid(86_400_000_000);
            // A zone is less than 16 hours, and a leap second is one of the next day.
            let apart = if form == Form::Timestamp { 0..=1 } else { -1..=1 };
            assert!(apart.contains(&(days - stated)), "{text}");
            assert_eq!(calendar::timestamp(&show(micros)), Some(micros));
            assert_eq!(calendar::timestamp_with_zone(&format!("{}Z", show(micros))), Some(micros));
        }
        _ => assert_eq!(bytes, text.as_bytes()),
    }
}

/// A day by its number from 2000-01-01, counted year by year.
fn day(mut days: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 2000;
    // Years of 400 have as many days.
    year += days.div_euclid(146_097) * 400;
    days = days.rem_euclid(146_097);
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let months = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= months[month] {
        days -= months[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, days + 1)
}

fn show(micros: i64) -> String {
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    format!("{} {:02}:{:02}:{:02}.{fraction:06}", day(days), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
