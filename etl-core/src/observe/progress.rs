//! How far a run is: a bar on a terminal, a line every ten seconds elsewhere, JSON for programs.
//!
//! Nothing runs on its own: whoever drives the run calls [`Progress::tick`] every
//! [`Progress::period`].

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::metrics::Metrics;
use crate::contract::source::SourceInfo;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ProgressMode {
    /// A bar on the terminal.
    Bar,
    /// A line every ten seconds.
    Plain,
    /// A JSON object every second.
    Json,
    /// Nothing.
    None,
}

/// Shows the progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    mode: ProgressMode,
    pipeline: &'static str,
    metrics: Arc<Metrics>,
    source: Arc<OnceLock<SourceInfo>>,
    bar: Option<ProgressBar>,
}

/// How far a run is at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Moment {
    /// The pipeline's name.
    pub(crate) pipeline: &'static str,
    /// Seconds since the run began.
    pub(crate) seconds: f64,
    /// Records taken from the source.
    pub(crate) records: u64,
    /// Records in the target.
    pub(crate) loaded: u64,
    /// Records in the dead letters.
    pub(crate) rejected: u64,
    /// Records a second since the run began.
    pub(crate) rate: f64,
    /// Bytes of the source that were read.
    pub(crate) bytes: u64,
    /// How much of the source was read, from 0 to 1, where its size is known.
    pub(crate) share: Option<f64>,
    /// The seconds that are left at this pace, where the size of the source is known.
    pub(crate) left: Option<f64>,
    /// The seconds for which the target has been away, while it is waited for.
    pub(crate) away: Option<f64>,
}

impl Moment {
    /// The run as it is now.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "shares and rates for people")]
    pub(crate) fn of(pipeline: &'static str, metrics: &Metrics, source: Option<&SourceInfo>) -> Self {
        let stages = metrics.snapshot();
        let seconds = metrics.elapsed().as_secs_f64();
        let (records, bytes) = (metrics.extracted(), metrics.source_bytes());
        let known = |whole: Option<u64>, done: u64| whole.filter(|whole| *whole > 0).map(|whole| (done as f64 / whole as f64).min(1.0));
        let share = source.and_then(|source| known(source.bytes, bytes).or_else(|| known(source.records, records)));
        Self {
            pipeline,
            seconds: (seconds * 1e3).round() / 1e3,
            records,
            loaded: stages.last().map_or(0, |stage| stage.counts.out),
            rejected: stages.iter().map(|stage| stage.counts.rejected).sum(),
            rate: if seconds > 0.0 { (records as f64 / seconds).round() } else { 0.0 },
            bytes,
            share,
            // The first seconds say little about the rest.
            left: share.filter(|share| *share > 0.001 && seconds > 1.0).map(|share| (seconds / share - seconds).round()),
            away: metrics.away().map(|away| away.as_secs_f64().round()),
        }
    }

    /// `12,000 records, 4,000/s, 41%, 3s left, 12 rejected`
    #[must_use]
    pub(crate) fn line(&self) -> String {
        use std::fmt::Write as _;

        let mut line = format!("{} records, {}/s", grouped(self.records), grouped(rounded(self.rate)));
        if let Some(share) = self.share {
            let _ = write!(line, ", {:.0}%", (share * 100.0).floor());
        }
        if let Some(left) = self.left {
            let _ = write!(line, ", {} left", humantime::format_duration(Duration::from_secs(rounded(left))));
        }
        if self.rejected > 0 {
            let _ = write!(line, ", {} rejected", grouped(self.rejected));
        }
        if let Some(away) = self.away {
            let away = humantime::format_duration(Duration::from_secs(rounded(away)));
            let _ = write!(line, ", the target has been away for {away}");
        }
        line
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, not negative, and far below 2^53")]
fn rounded(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

/// `336,776`
#[must_use]
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

const STEPS: u64 = 1_000;

impl Progress {
    /// For a run that has not begun. A bar is drawn among `bars`.
    #[must_use]
    pub(crate) fn new(
        mode: ProgressMode,
        pipeline: &'static str,
        metrics: Arc<Metrics>,
        source: Arc<OnceLock<SourceInfo>>,
        bars: &MultiProgress,
    ) -> Self {
        let bar = (mode == ProgressMode::Bar).then(|| {
            // Drawn when told, and never by a thread of its own.
            let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::hidden());
            bars.add(bar).with_style(unknown_size()).with_prefix(pipeline)
        });
        Self { mode, pipeline, metrics, source, bar }
    }

    /// How often [`Self::tick`] should be called.
    #[must_use]
    pub(crate) fn period(&self) -> Option<Duration> {
        match self.mode {
            ProgressMode::Bar => Some(Duration::from_millis(100)),
            ProgressMode::Plain => Some(Duration::from_secs(10)),
            ProgressMode::Json => Some(Duration::from_secs(1)),
            ProgressMode::None => None,
        }
    }

    /// Shows how far the run is; a bar on the terminal, everything else in `out`.
    ///
    /// # Errors
    /// That `out` could not be written.
    pub(crate) fn tick(&self, out: &mut dyn Write) -> io::Result<()> {
        let moment = Moment::of(self.pipeline, &self.metrics, self.source.get());
        match (&self.bar, self.mode) {
            (Some(bar), _) => {
                if let Some(share) = moment.share {
                    bar.set_style(known_size());
                    bar.set_position(rounded(share * 1e3));
                }
                bar.set_message(moment.line());
                bar.tick();
                Ok(())
            }
            (None, ProgressMode::Json) => writeln!(out, "{}", serde_json::to_string(&moment).unwrap_or_default()),
            (None, ProgressMode::Plain) => writeln!(out, "{}: {}", self.pipeline, moment.line()),
            (None, _) => Ok(()),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn known_size() -> ProgressStyle {
    style("{prefix:.bold} [{bar:24}] {msg}").progress_chars("=> ")
}

fn unknown_size() -> ProgressStyle {
    style("{prefix:.bold} {spinner} {msg}")
}

fn style(template: &str) -> ProgressStyle {
    // The templates are those above, so the default is never taken.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Counts;

    fn metrics() -> Metrics {
        let metrics = Metrics::new(2);
        let counts = Counts { entered: 41_000, out: 40_990, rejected: 10, ..Counts::default() };
        metrics.add(0, &counts, 0, 1, Duration::ZERO);
        metrics.add(1, &Counts { entered: 40_990, out: 40_000, ..Counts::default() }, 0, 1, Duration::ZERO);
        metrics
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(["0", "999", "1,000", "336,776", "1,000,000"].map(str::to_owned), [0, 999, 1_000, 336_776, 1_000_000].map(grouped));
    }

    #[test]
    fn a_moment_knows_the_share_where_the_source_has_a_size() {
        let source = SourceInfo { records: Some(100_000), ..SourceInfo::named("memory") };
        let moment = Moment::of("Flights", &metrics(), Some(&source));
        assert_eq!(moment.share, Some(0.41));
        assert_eq!((moment.records, moment.loaded, moment.rejected), (41_000, 40_000, 10));
        assert_eq!(Moment::of("Flights", &metrics(), None).share, None);
        assert_eq!(Moment::of("Flights", &metrics(), Some(&SourceInfo { bytes: Some(0), ..SourceInfo::default() })).share, None);
    }

    #[test]
    fn a_line_says_what_is_known() {
        let moment = Moment {
            rate: 4_100.0,
            left: Some(64.0),
            ..Moment::of("Flights", &metrics(), Some(&SourceInfo { records: Some(100_000), ..SourceInfo::default() }))
        };
        assert_eq!(moment.line(), "41,000 records, 4,100/s, 41%, 1m 4s left, 10 rejected");
        let moment = Moment { rate: 0.0, share: None, left: None, rejected: 0, ..moment };
        assert_eq!(moment.line(), "41,000 records, 0/s");
        let moment = Moment { away: Some(125.0), ..moment };
        assert_eq!(moment.line(), "41,000 records, 0/s, the target has been away for 2m 5s");
    }

    #[test]
    fn json_is_one_object_a_tick_and_plain_is_one_line() {
        let progress = |mode| Progress::new(mode, "Flights", Arc::new(metrics()), Arc::default(), &MultiProgress::new());
        let mut out = Vec::new();
        progress(ProgressMode::Json).tick(&mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["records"], 41_000);
        out.clear();
        progress(ProgressMode::Plain).tick(&mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("Flights: 41,000 records, "));
        let mut out = Vec::new();
        progress(ProgressMode::None).tick(&mut out).unwrap();
        assert!(out.is_empty());
    }
}
