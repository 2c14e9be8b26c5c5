//! A scenario: a source, what the operator does with it, and how each call must end.

use std::collections::BTreeSet;
use std::process::Command;

use crate::cage::Hit;
use crate::place::{Place, Said, Voice};

/// What is prepared.
type Prepare = Box<dyn Fn(&mut Place) + Send + Sync>;

/// Something that is done.
pub enum Step {
    /// A call, and its exit code; `None` is a death by a signal.
    Call(&'static [&'static str], Option<i32>),
    /// The same; what it writes to stdout may be records.
    Show(&'static [&'static str], Option<i32>),
    /// The same; what it writes to stdout may be records, but not their sensitive fields.
    Masked(&'static [&'static str], Option<i32>),
    /// The same below another program.
    Below(&'static [&'static str], &'static [&'static str], Option<i32>),
    /// A run that is told to stop while it is under way.
    Stopped(&'static [&'static str], Option<i32>),
    /// A run that is killed, without a word.
    Killed(&'static [&'static str]),
    /// A second call while a run is under way.
    Beside(&'static [&'static str], &'static [&'static str], Option<i32>),
    /// Something changes.
    Change(fn(&Place)),
}

/// One scenario.
pub struct Scenario {
    pub name: &'static str,
    pub pipeline: &'static str,
    pub prepare: Prepare,
    pub steps: Vec<Step>,
    /// This one leaks, on purpose.
    pub control: bool,
}

/// What came of it.
pub struct Outcome {
    pub canaries: BTreeSet<Vec<u8>>,
    /// Where a canary was caught.
    pub hits: Vec<(String, Hit)>,
    /// Which calls did not end as they must.
    pub wrong: Vec<String>,
}

pub fn scenario(
    name: &'static str,
    pipeline: &'static str,
    prepare: impl Fn(&mut Place) + Send + Sync + 'static,
    steps: Vec<Step>,
) -> Scenario {
    Scenario { name, pipeline, prepare: Box::new(prepare), steps, control: false }
}

impl Scenario {
    pub fn run(&self, voice: Voice) -> Outcome {
        let mut place = Place::new(self.pipeline, voice);
        (self.prepare)(&mut place);
        let mut outcome = Outcome { canaries: place.canaries(), hits: Vec::new(), wrong: Vec::new() };
        for (at, step) in self.steps.iter().enumerate() {
            let Some((mut said, code)) = step.take(&place) else { continue };
            if said.code != code {
                let told =
                    String::from_utf8_lossy(&said.stderr).lines().rev().find(|line| line.contains("error")).unwrap_or_default().to_owned();
                outcome.wrong.push(format!("{}, step {at}, {voice:?}: {:?}, not {code:?}: {told}", self.name, said.code));
            }
            match step {
                Step::Show(..) => said.stdout.clear(),
                Step::Masked(..) => {
                    let shown = String::from_utf8_lossy(&said.stdout).into_owned();
                    assert!(shown.contains(crate::cage::BIRD) && shown.contains("***"), "{}: shows records, masked", self.name);
                    // What is left must be fields that anybody may read.
                    said.stdout =
                        shown.lines().filter(|line| line.contains("card") || line.contains("Kanarie+c")).collect::<String>().into_bytes();
                }
                _ => {}
            }
            outcome.hits.extend(
                said.hits().into_iter().chain(place.hits()).map(|(place, hit)| (format!("{}, step {at}: {place}", self.name), hit)),
            );
        }
        outcome
    }
}

impl Step {
    /// Does it. What was said, and the exit code that it must have.
    fn take(&self, place: &Place) -> Option<(Said, Option<i32>)> {
        let code = match self {
            Self::Call(_, code)
            | Self::Show(_, code)
            | Self::Masked(_, code)
            | Self::Below(_, _, code)
            | Self::Stopped(_, code)
            | Self::Beside(_, _, code) => *code,
            Self::Killed(_) => None,
            Self::Change(change) => {
                change(place);
                return None;
            }
        };
        let said = match self {
            Self::Below(wrapper, args, _) => Said::of(place.wrapped(wrapper, args).output().unwrap()),
            Self::Stopped(args, _) | Self::Killed(args) => {
                let child = place.begin(args);
                signal(child.id(), if matches!(self, Self::Killed(_)) { "KILL" } else { "TERM" });
                Said::of(child.wait_with_output().unwrap())
            }
            Self::Beside(first, second, _) => {
                let mut child = place.begin(first);
                let said = place.call(second);
                child.kill().unwrap();
                child.wait().unwrap();
                said
            }
            Self::Call(args, _) | Self::Show(args, _) | Self::Masked(args, _) => place.call(args),
            Self::Change(_) => return None,
        };
        Some((said, code))
    }
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}
