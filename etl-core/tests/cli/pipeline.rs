//! A pipeline as the macros would write it: numbers are counted, those that end in 7 are rejected,
//! and the rest is appended to a file.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use etl_core::engine::Pipeline;
use etl_core::needs::{Context, Provides};
use etl_core::policy::{Policy, Threshold};
use etl_core::record::{Record, Secret};
use etl_core::source::{BoxSource, FromStream, IntoSource};
use etl_core::stage::{
    Borrowed, EachPlain, Extractor, Fallible, Lent, Loaded, Loader, Role, StageDefinition, StageReturn, Takes, TransactionOf, Transform,
    Unchecked, ways,
};
use etl_core::target::{UNTARGETED, Untargeted};
use etl_core::wiring::Plan;
use etl_core::{Class, Classes, Error, ErrorKind, Result, StageError};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Settings {
    pub(crate) count: u64,
    pub(crate) output: PathBuf,
    pub(crate) password: Secret<String>,
    #[serde(default)]
    pub(crate) rejects: Option<PathBuf>,
    /// What goes wrong.
    #[serde(default)]
    pub(crate) wrong: Wrong,
    /// How long each number takes to come.
    #[serde(default)]
    pub(crate) pause: Duration,
}

impl etl_core::settings::Settings for Settings {
    const NAMES: &'static [&'static str] = &["count", "output", "password", "rejects", "wrong", "pause"];
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wrong {
    #[default]
    Nothing,
    Resource,
    ResourcePanics,
    SourceMissing,
    SourceAway,
    OutputExists,
    Transform,
    TransformPanics,
    Load,
}

impl Context for Settings {}

impl Provides<Settings> for Settings {
    fn get(&self) -> &Settings {
        self
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Number(u64);

impl Record for Number {
    fn to_json(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(format!("{{\"n\":{}}}", self.0).as_bytes());
        true
    }
}

#[derive(Debug)]
pub(crate) enum Refused {
    EndsInSeven,
    Broken,
}

impl StageError for Refused {
    const CLASSES: Classes = Classes::FAIL.with(Class::Reject);

    fn class(&self) -> Class {
        if matches!(self, Self::EndsInSeven) { Class::Reject } else { Class::Fail }
    }

    fn code(&self) -> &'static str {
        if matches!(self, Self::EndsInSeven) { "Refused::EndsInSeven" } else { "Refused::Broken" }
    }

    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(if matches!(self, Self::EndsInSeven) { "the number ends in 7" } else { "the scales are broken" })
    }
}

impl Fallible for Refused {}

pub(crate) struct Numbers;

impl Extractor for Numbers {
    type Out = Number;
    type Class = etl_core::guarantee::Ephemeral;
    type Needs = (Settings,);
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("numbers", Role::Extractor);
        definition.output = "Number";
        definition.needs = &["Settings"];
        definition
    };

    async fn open<'a>((settings,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        match settings.wrong {
            Wrong::SourceMissing => {
                return Err(
                    Error::new(ErrorKind::Extraction, "cannot open numbers.csv").caused_by("No such file or directory (os error 2)")
                );
            }
            Wrong::SourceAway => return Err(Error::new(ErrorKind::Unavailable, "the source does not answer")),
            _ => {}
        }
        let pause = settings.pause;
        let numbers = futures::stream::unfold(0..settings.count, move |mut numbers| async move {
            let number = numbers.next()?;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Some((Number(number), numbers))
        });
        Ok(FromStream(numbers).into_source())
    }
}

pub(crate) struct Weigh;

impl Transform for Weigh {
    type In = Number;
    type Out = Number;
    type Error = Refused;
    type Needs = (Settings,);
    type State = ();
    type InputGuard = Unchecked;
    type OutputGuard = Unchecked;
    type Way = ways::PlainAgain;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("weigh", Role::Transform);
        definition.doc = "Weighs each number.";
        definition.takes = Takes::RecordLent;
        definition.input = "Number";
        definition.output = "Number";
        definition.classes = Refused::CLASSES;
        definition.options.parallel = true;
        definition
    };
}

impl EachPlain for Weigh {
    type Feed = Borrowed;

    fn call((settings,): Lent<'_, Self::Needs>, (): &mut (), record: &Number, out: &mut Vec<Number>) -> Result<(), Refused> {
        let weighed = match (settings.wrong, record.0) {
            (Wrong::Transform, 13) => Err(Refused::Broken),
            (Wrong::TransformPanics, 13) => panic!("secret number {}", record.0),
            (_, number) if number % 10 == 7 => Err(Refused::EndsInSeven),
            _ => Ok(record.clone()),
        };
        weighed.emit(out)
    }
}

pub(crate) struct Append;

impl Loader for Append {
    type In = Number;
    type Target = Untargeted;
    type Class = etl_core::guarantee::AppendOnly;
    type Error = Error;
    type Needs = (Settings,);
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("append", Role::Loader);
        definition.input = "Number";
        definition.classes = <Error as StageError>::CLASSES;
        definition.options.batch = Some(10);
        definition
    };

    fn target<'a>(_: Lent<'a, Self::Needs>) -> &'a Untargeted {
        &UNTARGETED
    }

    async fn load<'c, 'a, 't>(
        (settings,): Lent<'c, Self::Needs>,
        records: &'a [Number],
        _: &'a mut TransactionOf<'t, Self>,
    ) -> Loaded<Error> {
        if settings.wrong == Wrong::Load {
            return Err(Error::new(ErrorKind::Load, "the target refuses").hint("ask it nicely"));
        }
        let text: String = records.iter().map(|number| format!("{}\n", number.0)).collect();
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&settings.output);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Error::io(ErrorKind::Load, "cannot append", &error))?;
        Ok(None)
    }
}

pub(crate) struct DailyNumbers;

impl Pipeline for DailyNumbers {
    type Settings = Settings;
    type Context = Settings;
    type Guarantee = etl_core::guarantee::at_most_once;
    const NAME: &'static str = "DailyNumbers";

    fn plan() -> Plan<Settings> {
        let mut policy = Policy::NONE;
        policy.dead_letter = true;
        policy.threshold = Threshold::rate(0.2);
        Plan::build(Self::NAME)
            .doc("Weighs numbers.")
            .policy(policy)
            .resources(&["scales"])
            .extract::<Numbers>()
            .transform::<Weigh>()
            .load::<Append>()
    }

    async fn context(settings: Settings) -> Result<Settings> {
        match settings.wrong {
            Wrong::Resource => Err(Error::msg("the scales are not there")),
            Wrong::ResourcePanics => panic!("the password is {}", settings.password.reveal()),
            Wrong::OutputExists => Err(Error::new(ErrorKind::Config, "numbers.txt exists already").hint("`--replace` replaces it")),
            _ => Ok(settings),
        }
    }

    fn settings(context: &Settings) -> &Settings {
        context
    }

    fn dead_letter(settings: &Settings) -> Option<PathBuf> {
        settings.rejects.clone()
    }
}

/// Another pipeline of the same binary, without settings.
pub(crate) struct NightlyNothing;

pub(crate) struct Empty;

impl Context for Empty {}

pub(crate) struct Silence;

impl Extractor for Silence {
    type Out = Number;
    type Class = etl_core::guarantee::Ephemeral;
    type Needs = ();
    const DEFINITION: StageDefinition = StageDefinition::new("silence", Role::Extractor);

    async fn open<'a>((): Lent<'a, ()>) -> Result<BoxSource<'a, Number>> {
        Ok(Vec::<Number>::new().into_source())
    }
}

pub(crate) struct Forget;

impl Loader for Forget {
    type In = Number;
    type Target = Untargeted;
    type Class = etl_core::guarantee::AppendOnly;
    type Error = Error;
    type Needs = ();
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = StageDefinition::new("forget", Role::Loader);

    fn target<'a>((): Lent<'a, ()>) -> &'a Untargeted {
        &UNTARGETED
    }

    async fn load<'c, 'a, 't>((): Lent<'c, ()>, _: &'a [Number], _: &'a mut TransactionOf<'t, Self>) -> Loaded<Error> {
        Ok(None)
    }
}

impl Pipeline for NightlyNothing {
    type Settings = ();
    type Context = Empty;
    type Guarantee = etl_core::guarantee::at_most_once;
    const NAME: &'static str = "NightlyNothing";

    fn plan() -> Plan<Empty> {
        Plan::build(Self::NAME).doc("Does nothing.").extract::<Silence>().load::<Forget>()
    }

    async fn context((): ()) -> Result<Empty> {
        Ok(Empty)
    }

    fn settings(_: &Empty) -> &() {
        &()
    }

    fn dead_letter((): &()) -> Option<PathBuf> {
        None
    }
}
