//! I5: whoever contends for one database, and however they end, only the one that claimed it last
//! commits; the ledger holds what was committed and nothing else.
#![cfg(feature = "sqlite")]

use etl_connectors::sqlite::{self, Connection, Database};
use etl_core::ErrorKind;
use etl_core::error::Result;
use etl_core::position::Cursor;
use etl_core::target::{Claim, Entry, Holder, Preparation, Receipt, Recorded, Target, Transaction};
use futures::executor::block_on;
use proptest::prelude::*;

const CONTENDERS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Action {
    /// A new process claims; it may be one that nobody finds any more.
    Claim {
        who: usize,
        gone: bool,
    },
    Renew(usize),
    Load(usize),
    /// Killed with an open transaction.
    Crash {
        who: usize,
        loading: bool,
    },
    Release(usize),
    /// Time passes, longer than any lease.
    Expire,
}

fn action() -> impl Strategy<Value = Action> {
    let who = || 0..CONTENDERS;
    prop_oneof![
        4 => (who(), prop::bool::weighted(0.3)).prop_map(|(who, gone)| Action::Claim { who, gone }),
        2 => who().prop_map(Action::Renew),
        6 => who().prop_map(Action::Load),
        1 => (who(), any::<bool>()).prop_map(|(who, loading)| Action::Crash { who, loading }),
        1 => who().prop_map(Action::Release),
        2 => Just(Action::Expire),
    ]
}

/// What the lease is by the rules.
#[derive(Default)]
struct Model {
    epoch: i64,
    expired: bool,
    gone: bool,
    /// The epoch of each commit, in order.
    commits: Vec<i64>,
}

struct Contender {
    connection: Connection,
    epoch: i64,
}

fn claim(target: &Database, gone: bool) -> Result<(Connection, Vec<Entry>)> {
    block_on(async {
        target.prepare(Preparation::new(false, false).resumable(None)).await?;
        let mut connection = target.connect().await?;
        let mut claim = Claim::new("lease", "run");
        claim.holder = Holder::this();
        if gone {
            // Another process had the number of this one before.
            claim.holder.started = Some(1);
        }
        let entries = target.claim(&mut connection, &claim).await?;
        Ok((connection, entries))
    })
}

/// Loads the next record in a transaction of its own, and leaves it open where it is not to be committed.
fn load(contender: &mut Contender, place: u64, commits: bool) -> Result<Recorded> {
    let Contender { connection, epoch } = contender;
    block_on(async {
        let mut transaction = Database::begin(connection).await?;
        transaction.execute(&format!("INSERT INTO loaded (epoch) VALUES ({epoch})"))?;
        let entry = Entry::new("part".into(), place..place + 1, Cursor::record(place + 1), place + 1, Some("{}".into()));
        let recorded = transaction.record(&Receipt::new(vec![entry], 1)).await?;
        if commits {
            transaction.commit().await?;
        }
        Ok(recorded)
    })
}

fn check(actions: &[Action]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shared.db");
    let looker = rusqlite::Connection::open(&path).unwrap();
    looker.execute_batch("CREATE TABLE loaded (place INTEGER PRIMARY KEY, epoch INTEGER)").unwrap();
    let target = sqlite::open(&path).unwrap();
    let mut contenders: [Option<Contender>; CONTENDERS] = Default::default();
    let mut model = Model::default();
    for action in actions {
        match *action {
            Action::Claim { who, gone } => {
                contenders[who] = None;
                let free = model.epoch == 0 || model.expired || (model.gone && cfg!(target_os = "linux"));
                match claim(&target, gone) {
                    Ok((connection, entries)) => {
                        assert!(free, "{action:?}: a lease that is held was taken");
                        let done: u64 = entries.iter().map(|entry| entry.range.end - entry.range.start).sum();
                        assert_eq!(done, model.commits.len() as u64, "who claims sees all that was committed");
                        (model.epoch, model.expired, model.gone) = (model.epoch + 1, false, gone);
                        contenders[who] = Some(Contender { connection, epoch: model.epoch });
                    }
                    Err(error) => {
                        assert!(!free, "{action:?}: {error}");
                        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "already_running"));
                    }
                }
            }
            Action::Renew(who) => {
                let Some(contender) = &mut contenders[who] else { continue };
                let holds = contender.epoch == model.epoch;
                let renewed = block_on(target.renew(&mut contender.connection));
                assert_eq!(renewed.map_err(|error| error.code() == "fenced"), if holds { Ok(()) } else { Err(true) });
                model.expired &= !holds;
            }
            Action::Load(who) => {
                let Some(contender) = &mut contenders[who] else { continue };
                let holds = contender.epoch == model.epoch;
                let loaded = load(contender, model.commits.len() as u64, true);
                assert_eq!(loaded.map_err(|error| error.code() == "fenced"), if holds { Ok(Recorded::New) } else { Err(true) });
                if holds {
                    model.commits.push(model.epoch);
                    model.expired = false;
                }
            }
            Action::Crash { who, loading } => {
                let Some(mut contender) = contenders[who].take() else { continue };
                if loading {
                    // Nothing of it outlives the process, not even that the lease was renewed.
                    let _fenced_or_not = load(&mut contender, model.commits.len() as u64, false);
                }
            }
            Action::Release(who) => {
                let Some(contender) = contenders[who].take() else { continue };
                model.expired |= contender.epoch == model.epoch;
                block_on(target.abandon(contender.connection));
            }
            Action::Expire => {
                if model.epoch > 0 {
                    looker.execute("UPDATE _etl_lease SET expires = 0", []).unwrap();
                    model.expired = true;
                }
            }
        }
        let mut committed = looker.prepare_cached("SELECT epoch FROM loaded ORDER BY place").unwrap();
        let committed: Vec<i64> = committed.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect();
        assert_eq!(committed, model.commits, "after {action:?}");
        assert!(committed.is_sorted(), "nobody commits behind a takeover");
        if model.epoch > 0 {
            let epoch: i64 = looker.query_row("SELECT epoch FROM _etl_lease", [], |row| row.get(0)).unwrap();
            assert_eq!(epoch, model.epoch, "epochs rise by one with each claim");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)))]

    #[test]
    fn i5_only_the_last_to_claim_commits(actions in prop::collection::vec(action(), 1..40)) {
        check(&actions);
    }
}
