//! The process around the command line, or a test in its place.

use std::io::{self, IsTerminal as _, Write};

use indicatif::MultiProgress;

use super::config::{Environment, Problem};
use super::exit;
use super::style::Style;

/// Where the command line reads and writes.
pub(crate) struct Host<'a> {
    /// The environment.
    pub(crate) env: Environment,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Whether stderr is a terminal.
    pub(crate) terminal: bool,
    /// Whether stdout is a terminal.
    pub(crate) shown: bool,
    /// Whether somebody sits at it who can be asked.
    pub(crate) attended: bool,
    /// Whether stderr shows colours.
    pub(crate) colour: bool,
    /// Whether the process is ours: its signals, its logs, its terminal.
    pub(crate) ours: bool,
    /// How the program was called, with the pipeline's name where there are several.
    pub(crate) program: String,
    /// The bars on the terminal.
    pub(crate) bars: MultiProgress,
}

impl<'a> Host<'a> {
    /// The process itself.
    pub(crate) fn of_process(env: Environment, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let terminal = io::stderr().is_terminal();
        let no_colour = env.get("NO_COLOR").is_some_and(|value| !value.is_empty()) || env.get("TERM").is_some_and(|term| term == "dumb");
        Self {
            env,
            out,
            err,
            terminal,
            shown: io::stdout().is_terminal(),
            attended: terminal && io::stdin().is_terminal(),
            colour: terminal && !no_colour,
            ours: true,
            program: String::new(),
            bars: MultiProgress::new(),
        }
    }

    /// A part of another program.
    pub(crate) fn embedded(env: Environment, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let bars = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        Self { env, out, err, terminal: false, shown: false, attended: false, colour: false, ours: false, program: String::new(), bars }
    }

    pub(crate) fn style(&self) -> Style {
        Style { colour: self.colour }
    }

    /// stderr, for what is shown while a run goes on.
    pub(crate) fn err(&mut self) -> &mut dyn Write {
        self.err
    }

    /// Tells people something. That nobody listens stops nothing.
    pub(crate) fn say(&mut self, text: &str) {
        let err = &mut self.err;
        self.bars.suspend(|| {
            let _ = err.write_all(text.as_bytes());
            let _ = err.flush();
        });
    }

    /// Writes data to stdout and returns the exit code. That the reader has left (a closed pipe) is
    /// its own affair.
    pub(crate) fn data(&mut self, data: &[u8]) -> u8 {
        match self.out.write_all(data).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let text = format!("error: cannot write to stdout: {}\n", crate::contract::error::io_text(&error));
                self.say(&text);
                exit::STORAGE
            }
            _ => exit::DONE,
        }
    }

    /// Asks whoever sits at the terminal; whatever is not a yes is a no.
    pub(crate) fn agrees(&mut self, question: &str) -> bool {
        self.say(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let heard = self.attended && io::stdin().read_line(&mut answer).is_ok();
        heard && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
    }

    /// Tells why it cannot be done, and returns the exit code.
    pub(crate) fn refused(&mut self, error: &crate::contract::error::Error) -> u8 {
        let text = super::report::error_words(&error.into(), self.style());
        self.say(&text);
        exit::of_error(error)
    }

    /// Tells what is wrong with the configuration.
    pub(crate) fn problems(&mut self, problems: &[Problem]) {
        let label = self.style().bad("error:");
        let text: String = problems.iter().map(|problem| format!("{label} {}\n{}", problem.message(), problem.details())).collect();
        self.say(&text);
    }
}

/// The variables of the process. Those that are ours must be text.
pub(crate) fn environment() -> Result<Environment, String> {
    let mut env = Environment::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                env.insert(name, value);
            }
            (Ok(name), Err(_)) if name.starts_with("ETL_") => return Err(format!("the environment variable {name} is not UTF-8")),
            _ => {}
        }
    }
    Ok(env)
}

/// The text of a panic may quote a setting or a record, so only its place is printed (I8).
pub(crate) fn withhold_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let trace = std::backtrace::Backtrace::capture();
        let _ = writeln!(io::stderr(), "error: panicked at {place}; the text is withheld, because it may quote a record or a secret");
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            let _ = writeln!(io::stderr(), "{trace}");
        }
    }));
}
