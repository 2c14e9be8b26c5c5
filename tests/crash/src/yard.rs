//! Where rounds take place: the ferry, the freight, and a directory for each round.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etl_postgres_server::Server;
use serde_json::Value;

use crate::Result;
use crate::class::{Class, Pier, Promise};
use crate::database::Database;
use crate::freight::Freight;
use crate::oracle::{Found, Verdict};
use crate::outcome::Outcome;
use crate::sink;
use crate::voyage::{Ferry, Landing, Orders};

/// Where rounds take place.
#[derive(Clone, Debug)]
pub struct Yard {
    /// The program under test.
    pub ferry: Ferry,
    /// What it reads.
    pub freight: Freight,
    /// The engine goes on where a run was killed. Without it (before it could) a run begins again, and
    /// what was published already counts as the end.
    pub resumes: bool,
    /// The seeded bug that the runs have.
    pub mutant: Option<String>,
    root: PathBuf,
    undisturbed: BTreeMap<Class, Undisturbed>,
    /// The private PostgreSQL, started when the first round needs it.
    server: Arc<Mutex<Option<Database>>>,
}

/// A run that nobody disturbed.
#[derive(Clone, Debug)]
pub struct Undisturbed {
    /// How long it takes.
    pub took: Duration,
    /// The sums of its report.
    pub records: Value,
}

impl Yard {
    /// Sees to it that no other harness has its rounds in `root`: each would find the files of the other
    /// one gone, and take it for a loss. Lasts until the file is closed.
    ///
    /// # Errors
    /// Another one has, or the directory cannot be written.
    pub fn lock(root: &Path) -> Result<File> {
        fs::create_dir_all(root)?;
        let lock = File::create(root.join("lock"))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(format!("another harness has its rounds in {}", root.display()).into()),
            Err(TryLockError::Error(error)) => Err(error.into()),
            Ok(()) => Ok(lock),
        }
    }

    /// Makes the freight in `root`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(root: &Path, program: &Path, freight: Freight, resumes: bool) -> Result<Self> {
        fs::create_dir_all(root)?;
        // The tracer goes by paths, and the kernel and SQLite name files without symbolic links.
        let root = root.canonicalize()?;
        let input = root.join("freight.csv");
        freight.write(&input)?;
        let ferry = Ferry { program: program.to_owned(), input };
        Ok(Self { ferry, freight, resumes, mutant: None, root, undisturbed: BTreeMap::new(), server: Arc::default() })
    }

    /// The same with another, smaller freight.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn small(&self, records: u64) -> Result<Self> {
        let root = self.root.join("small");
        let mut small = Self::open(&root, &self.ferry.program, Freight { records }, self.resumes)?;
        small.mutant.clone_from(&self.mutant);
        small.server = Arc::clone(&self.server);
        Ok(small)
    }

    /// How a run is usually started.
    #[must_use]
    pub fn orders(&self) -> Orders {
        Orders { mutant: self.mutant.clone(), ..Orders::default() }
    }

    /// A new directory for a round. What an earlier round of that name left there is removed.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn pier(&self, name: &str, class: Class) -> Result<Pier> {
        let directory = self.root.join(name);
        self.clear(&directory)?;
        let database = if class == Class::Postgres { Some(self.database()?) } else { None };
        Pier::build(&directory, class, database)
    }

    fn database(&self) -> Result<Database> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*server {
            return Ok(database.clone());
        }
        etl_postgres_server::install_if_missing()?;
        let started = Arc::new(Server::start()?);
        let url = started.database()?;
        Ok(server.insert(Database { server: started, address: url.clone(), url }).clone())
    }

    /// Removes the directory of a round that went well.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn clear(&self, directory: &Path) -> Result<()> {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
            let _none_there = fs::remove_file(directory.with_extension("stderr"));
        }
        // Of a harness that was killed while it made the disk.
        let _none_there = fs::remove_dir_all(directory.with_extension("hold"));
        Ok(())
    }

    /// What a class does when nobody disturbs it: measured once, and itself judged.
    ///
    /// # Errors
    /// It fails, or what arrives is not what should.
    pub fn undisturbed(&mut self, class: Class) -> Result<Undisturbed> {
        if let Some(known) = self.undisturbed.get(&class) {
            return Ok(known.clone());
        }
        let mut took = Vec::new();
        let mut records = Value::Null;
        for orders in [(250, 2), (60, 1), (700, 4)].map(|(batch, threads)| Orders { batch, threads, ..Orders::default() }) {
            let pier = self.pier(&format!("{}-undisturbed", class.name()), class)?;
            let landing = self.ferry.run(&pier, &orders)?;
            let mut outcome = Outcome::default();
            self.judge(&pier, &landing, &mut outcome)?;
            if !outcome.is_good(Promise::Once) {
                return Err(format!(
                    "{}: a run that nobody disturbed is wrong: {} ({})",
                    class.name(),
                    outcome.words(),
                    landing.complaint()
                )
                .into());
            }
            took.push(landing.took);
            records = landing.records();
            self.clear(&pier.directory)?;
        }
        let undisturbed = Undisturbed { took: took.iter().sum::<Duration>() / 3, records };
        self.undisturbed.insert(class, undisturbed.clone());
        Ok(undisturbed)
    }

    /// Judges what is there after a run that came to its end.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn judge(&self, pier: &Pier, landing: &Landing, outcome: &mut Outcome) -> Result<()> {
        if landing.code != Some(0) && !self.had_ended_already(pier, landing) {
            outcome.complaints.push(format!("the run ended with {}", landing.complaint()));
        }
        outcome.verdict = self.verdict(pier, &mut outcome.complaints);
        if let Some(known) = self.undisturbed.get(&pier.class)
            && self.resumes
            && landing.records() != known.records
        {
            outcome.complaints.push(format!("the report has other sums than that of an undisturbed run: {}", landing.records()));
        }
        if self.resumes {
            outcome.leftovers = pier.leftovers()?;
        }
        Ok(())
    }

    /// What is there, judged; what cannot be read is complained of.
    pub fn verdict(&self, pier: &Pier, complaints: &mut Vec<String>) -> Verdict {
        let rows = pier.rows().unwrap_or_else(|error| {
            complaints.push(format!("the target cannot be read: {error}"));
            Vec::new()
        });
        let mut read = |path: &Path| {
            sink::dead_letters(path).unwrap_or_else(|error| {
                complaints.push(format!("the dead letters cannot be read: {error}"));
                Vec::new()
            })
        };
        let mut letters = read(&pier.rejects());
        // Two machines know nothing of each other's letters: one of each is enough.
        let elsewhere = read(&pier.rejects_elsewhere());
        let known: BTreeSet<_> = letters.iter().copied().collect();
        letters.extend(elsewhere.into_iter().filter(|letter| !known.contains(letter)));
        Verdict::of(self.freight, &Found { rows, letters })
    }

    /// As long as runs begin again, one that was killed after it had published its file finds it.
    fn had_ended_already(&self, pier: &Pier, landing: &Landing) -> bool {
        !self.resumes && landing.code == Some(78) && pier.class.appears_whole() && pier.output().exists()
    }
}
