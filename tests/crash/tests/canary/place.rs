//! A folder in which a pipeline runs, and the search of everything that it leaves there and says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::cage::{self, Hit};

/// How a run tells what it does: the flags for logs and progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    Text,
    Json,
}

/// The folder. What is in `source`, `target` and `letters` may hold records; settings are in `source`.
pub struct Place {
    root: tempfile::TempDir,
    pub pipeline: &'static str,
    pub voice: Voice,
    /// The URL of the database, with a secret in it.
    pub database: String,
    /// Variables that say more.
    pub variables: Vec<(String, String)>,
}

/// What a program said.
pub struct Said {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Place {
    pub fn new(pipeline: &'static str, voice: Voice) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["source", "target", "letters", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let database = format!("postgresql://{}:{}@localhost/sales", cage::text("user"), cage::text("password"));
        let place = Self { root, pipeline, voice, database, variables: Vec::new() };
        let service = format!("address = \"https://user:{}@host/path\"\napi_key = \"{}\"", cage::text("userinfo"), cage::text("apikey"));
        place.write("source/settings.toml", format!("pin = {}\n[service]\n{service}\n", cage::number(999)));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn input(&self) -> PathBuf {
        self.path("source/input")
    }

    pub fn output(&self) -> PathBuf {
        self.path("target/output")
    }

    /// A call of the pipeline, with all the settings where the verb takes them.
    pub fn command(&self, args: &[&str]) -> Command {
        self.wrapped(&[], args)
    }

    /// The same below another program.
    pub fn wrapped(&self, wrapper: &[&str], args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_mine");
        let mut command = Command::new(wrapper.first().unwrap_or(&program));
        if let Some((_, more)) = wrapper.split_first() {
            command.args(more).arg(program);
        }
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TMPDIR", self.path("tmp"));
        command.env("RUST_LOG", "trace").env("ETL__DATABASE", &self.database);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.root.path()).stdin(Stdio::null()).arg(self.pipeline).args(args);
        let verb = args.first().copied().unwrap_or_default();
        if !["graph", "runs", "completions"].contains(&verb) {
            for (key, value) in [("input", self.input()), ("output", self.output()), ("rejects", self.path("letters/rejects.jsonl"))] {
                command.arg("--set").arg(format!("{key}={}", value.display()));
            }
            command
                .arg("--set")
                .arg(format!("keys={},{}", cage::text("key0"), cage::text("key1")))
                .args(["--config", "source/settings.toml"]);
        }
        let replays = args.starts_with(&["dlq", "replay"]);
        if ["run", "check"].contains(&verb) || replays {
            command.args(["--log-format", if self.voice == Voice::Text { "text" } else { "json" }]);
        }
        if verb == "run" || replays {
            command.args(["--progress", if self.voice == Voice::Text { "plain" } else { "json" }]).args(["--report", "report.json"]);
        }
        command
    }

    pub fn call(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().unwrap())
    }

    /// Begins a run, and waits until it is under way.
    pub fn begin(&self, args: &[&str]) -> Child {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        child
    }

    /// The canaries that are here.
    pub fn canaries(&self) -> BTreeSet<Vec<u8>> {
        let mut found: BTreeSet<_> = files(&self.path("source")).iter().flat_map(|file| cage::canaries(&fs::read(file).unwrap())).collect();
        let variables = self.variables.iter().map(|(_, value)| value.clone());
        for secret in variables.chain([self.database.clone(), cage::text("key0"), cage::text("key1")]) {
            found.extend(cage::canaries(secret.as_bytes()));
        }
        found
    }

    /// What was caught in files that have no business with records, and in their names.
    pub fn hits(&self) -> Vec<(String, Hit)> {
        let mut caught = Vec::new();
        for file in files(self.root.path()) {
            let name = file.strip_prefix(self.root.path()).unwrap().display().to_string();
            // The log of intents holds records, as it says (docs/rollback.md).
            let may_hold_records = ["source/", "target/", "letters/"].iter().any(|folder| name.starts_with(folder))
                || file.file_name().is_some_and(|name| name == "intents");
            let content = if may_hold_records { Vec::new() } else { fs::read(&file).unwrap() };
            caught.extend(cage::hits(&content).into_iter().chain(cage::hits(name.as_bytes())).map(|hit| (name.clone(), hit)));
        }
        caught
    }
}

impl Said {
    pub fn of(output: Output) -> Self {
        Self { code: output.status.code(), stdout: output.stdout, stderr: output.stderr }
    }

    pub fn hits(&self) -> Vec<(String, Hit)> {
        let of = |name: &str, bytes: &[u8]| cage::hits(bytes).into_iter().map(|hit| (name.to_owned(), hit)).collect::<Vec<_>>();
        [of("stdout", &self.stdout), of("stderr", &self.stderr)].concat()
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}
