//! Settings: every type that serde asks for, from text and from TOML, and no secret in any text.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Read, read};
use crate::cli::config::layers::{Environment, Given, collect};
use crate::contract::record::Secret;

/// From `key=value` in flags.
fn flags<S: DeserializeOwned>(flags: &[(&str, &str)]) -> Read<S> {
    let flags = flags.iter().map(|(key, value)| ("--set", (*key).to_owned(), (*value).to_owned())).collect();
    read(&collect(Given { flags, ..Given::default() }).unwrap(), &["clean", "pipeline"])
}

fn env<S: DeserializeOwned>(env: &[(&str, &str)]) -> Read<S> {
    let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Environment>();
    read(&collect(Given { env, ..Given::default() }).unwrap(), &["clean", "pipeline"])
}

fn toml<S: DeserializeOwned>(text: &str) -> Read<S> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    read(&collect(Given { files: vec![file.path().to_owned()], ..Given::default() }).unwrap(), &["clean", "pipeline"])
}

fn told<S>(read: &Read<S>) -> String {
    let mut told: String = read.problems.iter().map(|problem| format!("{}\n{}", problem.message(), problem.details())).collect();
    told += &read.missing.iter().map(|key| format!("missing {key}\n")).collect::<String>();
    for shown in &read.shown {
        told += &format!("shown {} = {:?}\n", shown.key, shown.value);
    }
    told
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Append,
    Upsert { key: String },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Database {
    host: String,
    port: u16,
    password: Option<Secret<String>>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Settings {
    path: PathBuf,
    text: String,
    flag: bool,
    number: i64,
    ratio: f64,
    letter: char,
    address: IpAddr,
    list: Vec<u16>,
    words: Vec<String>,
    pair: (u8, String),
    wait: Duration,
    mode: Mode,
    maybe: Option<u32>,
    labels: BTreeMap<String, u8>,
    database: Database,
}

fn expected() -> Settings {
    Settings {
        path: "a.csv".into(),
        text: "5".to_owned(),
        flag: true,
        number: -7,
        ratio: 0.5,
        letter: ';',
        address: [127, 0, 0, 1].into(),
        list: vec![1, 2],
        words: vec!["a".to_owned(), "b".to_owned()],
        pair: (1, "x".to_owned()),
        wait: Duration::from_secs(90),
        mode: Mode::Upsert { key: "id".to_owned() },
        maybe: None,
        labels: BTreeMap::from([("red".to_owned(), 1)]),
        database: Database { host: "db".to_owned(), port: 5432, password: Some(Secret::new("1234".to_owned())) },
    }
}

const TEXTS: [(&str, &str); 17] = [
    ("path", "a.csv"),
    ("text", "5"),
    ("flag", "on"),
    ("number", "-7"),
    ("ratio", "0.5"),
    ("letter", ";"),
    ("address", "127.0.0.1"),
    ("list", "1, 2"),
    ("words", "a,b"),
    ("pair", "1,x"),
    ("wait", "1m 30s"),
    ("mode.upsert.key", "id"),
    ("maybe", ""),
    ("labels.red", "1"),
    ("database.host", "db"),
    ("database.port", "5432"),
    ("database.password", "1234"),
];

#[test]
fn text_is_read_as_the_type_that_is_asked_for() {
    let read = flags::<Settings>(&TEXTS);
    assert_eq!(read.settings, Some(expected()), "{}", told(&read));

    let names: Vec<_> = TEXTS.iter().map(|(key, value)| (format!("ETL__{}", key.to_uppercase().replace('.', "__")), *value)).collect();
    let read = env::<Settings>(&names.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>());
    assert_eq!(read.settings, Some(expected()), "{}", told(&read));
}

#[test]
fn toml_is_read_by_the_same_rules() {
    let typed = "path = 'a.csv'\ntext = 5\nflag = true\nnumber = -7\nratio = 0.5\nletter = ';'\naddress = '127.0.0.1'\nlist = [1, '2']\nwords = 'a,b'\n\
                 pair = [1, 'x']\nwait = '1m 30s'\nmode = { upsert = { key = 'id' } }\nlabels = { red = 1 }\n[database]\nhost = 'db'\nport = '5432'\npassword = 1234\n";
    let read = toml::<Settings>(typed);
    assert_eq!(read.settings, Some(expected()), "{}", told(&read));
}

#[test]
fn a_variant_without_content_is_a_word() {
    #[derive(Debug, Deserialize)]
    struct Settings {
        mode: Mode,
    }
    assert_eq!(flags::<Settings>(&[("mode", "append")]).settings.unwrap().mode, Mode::Append);
    let read = flags::<Settings>(&[("mode", "apend")]);
    assert_eq!(read.problems[0].message(), "`mode` must be one of `append` and `upsert`, not `apend`");
    assert_eq!(read.problems[0].hint.as_deref(), Some("did you mean `append`?"));
}

#[test]
fn everything_that_is_wrong_or_missing_is_told_at_once() {
    let read = flags::<Settings>(&[
        ("number", "seven"),
        ("flag", "si"),
        ("list", "1,two"),
        ("wait", "5"),
        ("database.port", "99999"),
        ("pth", "a.csv"),
    ]);
    insta::assert_snapshot!(told(&read));
}

#[test]
fn i8_a_secret_is_in_no_text() {
    /// Its own text quotes what it was given.
    #[derive(Debug)]
    struct Url;

    impl<'de> Deserialize<'de> for Url {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("no scheme in {text}")))
        }
    }

    #[derive(Debug)]
    struct Checked;

    impl<'de> Deserialize<'de> for Checked {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let pair = Pair::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("the password {} is too short for {}", pair.password.reveal(), pair.user)))
        }
    }

    #[derive(Debug, Deserialize)]
    struct Pair {
        user: String,
        password: Secret<String>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Direct {
        url: Secret<Url>,
    }

    let direct = told(&flags::<Direct>(&[("url", "hunter2")]));
    assert!(!direct.contains("hunter2"), "{direct}");
    assert!(direct.contains("`url` is not valid: why is withheld"), "{direct}");

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Wrong {
        pin: Secret<u16>,
        pins: Vec<Secret<u16>>,
        nested: Secret<BTreeMap<String, u8>>,
        servers: Vec<Pair>,
        account: Checked,
    }

    let read = toml::<Wrong>(
        "pin = 'hunter2'\npins = ['1', 'hunter2']\nnested = { hunter = 'hunter2' }\n\
         servers = [{ user = 'a', password = 'hunter2' }]\n[account]\nuser = 'bob'\npassword = 'hunter2'\n",
    );
    let told = told(&read);
    assert!(read.settings.is_none());
    assert!(!told.contains("hunter2"), "{told}");
    assert!(told.contains("the password *** is too short for bob"), "{told}");
    let place = read.problems[0].origin.as_ref().unwrap().to_string();
    insta::assert_snapshot!(told.replace(&place, "file etl.toml"));
}

#[test]
fn i8_what_cannot_be_told_from_a_secret_is_hidden() {
    #[derive(Debug, Deserialize)]
    struct Inner {
        password: Secret<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Account(Inner),
        Number(u16),
    }

    #[derive(Debug, Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        inner: Inner,
        either: Either,
    }

    let read = flags::<Flat>(&[("name", "n"), ("password", "hunter2"), ("either", "5")]);
    let told = told(&read);
    assert!(!told.contains("hunter2"), "{told}");
    let settings = read.settings.unwrap();
    assert_eq!((settings.name.as_str(), settings.inner.password.reveal().as_str()), ("n", "hunter2"));
    assert!(matches!(settings.either, Either::Number(5)));
    let Either::Account(inner) =
        flags::<Flat>(&[("name", "n"), ("password", "x"), ("either.password", "hunter2")]).settings.unwrap().either
    else {
        panic!()
    };
    assert_eq!(inner.password.reveal(), "hunter2");
}

#[test]
fn names_of_fields_are_found_in_the_environment_without_their_case() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Camel {
        input_file: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Kebab {
        input_file: String,
    }

    assert_eq!(env::<Camel>(&[("ETL__INPUTFILE", "a")]).settings.unwrap().input_file, "a");
    assert_eq!(env::<Kebab>(&[("ETL__INPUT_FILE", "a")]).settings.unwrap().input_file, "a");
    assert!(flags::<Camel>(&[("inputfile", "a")]).settings.is_none());
}

#[test]
fn a_pipeline_without_settings_has_none() {
    assert!(flags::<()>(&[]).settings.is_some());
    let read = flags::<()>(&[("input", "a")]);
    assert_eq!(read.problems[0].hint.as_deref(), Some("this pipeline has no settings; options are below `clean` and `pipeline`"));
}

#[test]
fn a_rule_of_the_settings_as_a_whole_is_told() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Pair")]
    struct Range;

    #[derive(Debug, Deserialize)]
    struct Pair {
        from: u8,
        to: u8,
    }

    impl TryFrom<Pair> for Range {
        type Error = &'static str;

        fn try_from(pair: Pair) -> Result<Self, &'static str> {
            if pair.from < pair.to { Ok(Self) } else { Err("`from` must be less than `to`") }
        }
    }

    let read = flags::<Range>(&[("from", "2"), ("to", "1")]);
    assert_eq!(read.problems[0].message(), "the settings are not valid: `from` must be less than `to`");
    assert_eq!(flags::<Range>(&[("from", "2")]).missing, ["to"]);
    assert!(flags::<Range>(&[("from", "1"), ("to", "2")]).settings.is_some());
}

#[test]
fn i8_a_text_that_is_named_like_a_secret_is_in_no_text() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only their names and types matter")]
    struct Login {
        user: String,
        password: String,
        api_token: Option<String>,
        #[serde(default)]
        tokens: Vec<String>,
        max_token: u64,
        credentials: BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only their names and types matter")]
    struct Settings {
        token: String,
        login: Login,
        servers: Vec<Server>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only their names and types matter")]
    struct Server {
        password: Option<String>,
    }

    let read = toml::<Settings>(
        "token = 'shown'\nservers = [{ password = 'hunter1' }]\n[login]\nuser = 'app'\npassword = 'hunter2'\napi_token = 'hunter3'\nmax_token = 5\n\
         tokens = ['a']\ncredentials = { key = 'hunter4' }\n",
    );
    let told = told(&read);
    assert!(read.settings.is_some() && !told.contains("hunter"), "{told}");
    for shown in
        ["token = Some(\"shown\")", "login.user = Some(\"app\")", "login.password = Some(\"***\")", "login.max_token = Some(\"5\")"]
    {
        assert!(told.contains(&format!("shown {shown}")), "{shown} in {told}");
    }

    let read = flags::<Settings>(&[("login.password", "hunter2"), ("login.max_token", "hunter3"), ("servers", "hunter4")]);
    let told = self::told(&read);
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn i8_the_password_of_a_url_is_in_no_text() {
    #[derive(Debug)]
    struct Url;

    impl<'de> Deserialize<'de> for Url {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("no host in {text}")))
        }
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only their names and types matter")]
    struct Settings {
        database: String,
        replicas: Vec<String>,
        queue: Option<Url>,
        count: Option<u64>,
    }

    let read =
        flags::<Settings>(&[("database", "postgres://app:hunter2@db/flights"), ("replicas", "postgres://app:hunter2@a,postgres://b")]);
    let told = told(&read);
    assert!(read.settings.is_some() && !told.contains("hunter2"), "{told}");
    assert!(told.contains("postgres://***@db/flights") && told.contains("postgres://***@a,postgres://b"), "{told}");

    let read =
        flags::<Settings>(&[("database", "x"), ("replicas", "y"), ("queue", "amqp://app:hunter2@q"), ("count", "amqp://app:hunter2@q")]);
    let told = self::told(&read);
    assert!(told.contains("amqp://***@q") && !told.contains("hunter2"), "{told}");
}
