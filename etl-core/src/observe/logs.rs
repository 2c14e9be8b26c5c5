//! Logs: text on a terminal, JSON elsewhere, always on stderr. A line of log never lands inside the
//! progress bar, because the bar is taken away while it is written.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, in the words of `ETL_LOG`: `warn`, or `info,my_crate=debug`.
///
/// # Errors
/// That the text is no such list.
pub(crate) fn levels(text: &str) -> Result<Targets, String> {
    text.parse::<Targets>().map_err(|error| error.to_string())
}

/// Logs from this level up, whoever logs; each step of `more` shows more, below zero less.
#[must_use]
pub(crate) fn level(more: i32) -> Targets {
    let level = match more {
        ..=-2 => LevelFilter::OFF,
        -1 => LevelFilter::ERROR,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        3.. => LevelFilter::TRACE,
    };
    Targets::new().with_default(level)
}

/// Begins to log, above the bars of `bars`. Where the program logs already, it goes on as it did.
pub(crate) fn install(targets: Targets, format: LogFormat, colour: bool, bars: MultiProgress) {
    // The spans of run and stages are kept at any level: a warning should say of which run it is.
    let spans = filter_fn(|metadata| metadata.is_span() && *metadata.level() <= LevelFilter::INFO).with_max_level_hint(LevelFilter::INFO);
    let filter = targets.or(spans);
    let layer = tracing_subscriber::fmt::layer().with_writer(AboveBars(bars));
    let subscriber = tracing_subscriber::registry();
    // That somebody else logs already is no mistake: a pipeline can be part of a larger program.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(subscriber.with(layer.with_ansi(colour).with_filter(filter))),
        LogFormat::Json => tracing::subscriber::set_global_default(subscriber.with(layer.json().with_filter(filter))),
    };
}

/// Writes to stderr while the bars are away.
#[derive(Clone, Debug)]
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'w> MakeWriter<'w> for AboveBars {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_a_level_or_a_list() {
        assert_eq!(levels("debug").unwrap().default_level(), Some(LevelFilter::DEBUG));
        assert!(levels("info,my_crate=debug").unwrap().would_enable("my_crate::stage", &tracing::Level::DEBUG));
        assert!(levels("my_crate=loud").is_err());
        assert_eq!(level(0).default_level(), Some(LevelFilter::WARN));
        assert_eq!(level(-7).default_level(), Some(LevelFilter::OFF));
    }
}
