//! Makes the data: `generate YEAR.csv COPIES OUTPUT` writes the year's flights so many times, damages
//! one line in two hundred in one of six ways, and writes what a right program answers into
//! `OUTPUT.expected.json`.
//!
//! The same arguments make the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use bench_clean::{Answer, Bad, Reason, Result};

const CARRIER: usize = 9;
const DEP_TIME: usize = 3;
const DEP_DELAY: usize = 5;
const DISTANCE: usize = 15;

/// Numbers that look random and are the same every time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [year, copies, output] = args.as_slice() else { return Err("usage: generate YEAR.csv COPIES OUTPUT".into()) };
    let begun = Instant::now();
    let text = std::fs::read_to_string(year)?;
    let (header, flights) = text.split_once('\n').ok_or("the year is empty")?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    writeln!(out, "{header}")?;
    let mut numbers = Numbers(0);
    let (mut good, mut sum, mut bad) = (0, 0, Bad::default());
    for _ in 0..copies.parse::<u32>()? {
        for line in flights.lines() {
            let number = numbers.next();
            if !number.is_multiple_of(200) {
                good += 1;
                sum += line.split(',').nth(DISTANCE).ok_or("a line without a distance")?.parse::<i64>()?;
                writeln!(out, "{line}")?;
                continue;
            }
            let mut fields: Vec<&str> = line.split(',').collect();
            let negative = format!("-{}", fields[DISTANCE]);
            let reason = match number / 200 % 6 {
                0 => {
                    fields[DEP_DELAY] = "12x";
                    Reason::BadNumber
                }
                1 => {
                    fields.pop();
                    Reason::MissingColumn
                }
                2 => {
                    fields[DEP_TIME] = "2561";
                    Reason::BadTime
                }
                3 => {
                    fields[CARRIER] = "";
                    Reason::NoCarrier
                }
                4 => {
                    fields[DISTANCE] = &negative;
                    Reason::BadDistance
                }
                _ => {
                    fields[DEP_DELAY] = "9999";
                    Reason::BadDelay
                }
            };
            bad.add(reason, 1);
            writeln!(out, "{}", fields.join(","))?;
        }
    }
    out.into_inner()?.sync_all()?;
    let answer = Answer::new(begun, good, sum, bad);
    std::fs::write(format!("{output}.expected.json"), serde_json::to_string(&answer)? + "\n")?;
    answer.print()
}
