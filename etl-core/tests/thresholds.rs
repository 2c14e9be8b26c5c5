//! Errors in a row: as many as are tolerated pass, one more stops the run; whichever stages find
//! them, in whatever order, and over a restart at every record.

mod support;

use etl_core::ErrorKind;
use etl_core::engine::RunOptions;
use etl_core::error::Result;
use etl_core::observe::report::{Report, Status};
use etl_core::policy::Threshold;
use etl_core::source::{BoxSource, FromIter, IntoSource};
use etl_core::stage::{Extractor, Lent, Role, StageDefinition};
use etl_core::wiring::Plan;
use support::{Again, Cx, Fate, Fates, Number, Once, Racing, Store};

/// In a row in every hundred records.
const ROW: u64 = 7;

/// Numbers that can be read again.
struct Numbered;

impl Extractor for Numbered {
    type Out = Number;
    type Class = etl_core::guarantee::Replayable;
    type Needs = (Cx,);
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("numbered", Role::Extractor);
        definition.options.replayable = true;
        definition
    };

    async fn open<'a>((cx,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        Ok(FromIter((0..cx.count).map(Number)).into_source())
    }
}

/// A row of errors from 20 on, of which each second is found by a transform and the others by the
/// loader.
fn cx(count: u64) -> Cx {
    let fates = |odd: u64| Fates {
        modulus: 100,
        by_remainder: (20..20 + ROW)
            .filter(|at| at % 2 == odd)
            .map(|at| (at, if at % 3 == 0 { Fate::Skip } else { Fate::Reject }))
            .collect(),
    };
    Cx::new(count, fates(0), fates(1))
}

fn options(outline: &etl_core::wiring::Outline, directory: &std::path::Path, in_a_row: u64) -> RunOptions {
    let mut options = RunOptions::new(outline);
    options.threshold = Threshold::NONE.with_in_a_row(in_a_row);
    options.dead_letter = Some(directory.join("rejects.jsonl"));
    options.state = Some(directory.join("state"));
    options.stages[0].batch = 3;
    options
}

fn expect_stopped(report: &Report) {
    let error = report.failure.as_ref().expect("the run is stopped");
    assert_eq!((report.status, error.kind()), (Status::Failed, ErrorKind::ThresholdExceeded), "{error}");
    assert_eq!(error.message(), format!("{ROW} errors in a row are more than the threshold of {} in a row", ROW - 1));
}

macro_rules! exact {
    ($name:ident, $($stage:ty),*) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            for (tolerated, passes) in [(ROW, true), (ROW - 1, false)] {
                let directory = tempfile::tempdir().unwrap();
                let plan = Plan::build("rows").extract::<Numbered>()$(.transform::<$stage>())*.load::<Store>();
                let options = options(plan.outline(), directory.path(), tolerated);
                let report = plan.with(cx(500), options).execute().await;
                assert!(report.records.conserved());
                if passes {
                    assert_eq!(report.status, Status::Done, "{:?}", report.failure);
                    assert_eq!(report.records.skipped + report.records.rejected, 5 * ROW);
                } else {
                    expect_stopped(&report);
                }
            }
        }
    };
}

exact!(a_row_is_counted_over_stages_one_after_another, Once);
exact!(a_row_is_counted_in_the_order_of_the_source_where_stages_work_side_by_side, Again);
exact!(a_row_is_counted_in_the_order_of_the_source_where_that_is_lost, Racing);

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_restart_at_every_record_does_not_break_a_row() {
    let all = (1..40).flat_map(|limit| [(limit, ROW), (limit, ROW - 1)]).map(|(limit, tolerated)| async move {
        let directory = tempfile::tempdir().unwrap();
        let run = |limit| {
            let plan = Plan::build("rows").extract::<Numbered>().transform::<Once>().load::<Store>();
            let mut options = options(plan.outline(), directory.path(), tolerated);
            options.limit = limit;
            plan.with(cx(40), options).execute()
        };
        let first = run(Some(limit)).await;
        if limit < 20 + ROW || tolerated == ROW {
            assert_eq!(first.status, Status::Done, "up to {limit}: {:?}", first.failure);
        } else {
            expect_stopped(&first);
        }
        let second = run(None).await;
        if tolerated == ROW {
            assert_eq!(second.status, Status::Done, "behind {limit}: {:?}", second.failure);
            assert_eq!(second.all_runs.unwrap().skipped + second.all_runs.unwrap().rejected, ROW);
        } else {
            expect_stopped(&second);
        }
    });
    futures::future::join_all(all).await;
}
