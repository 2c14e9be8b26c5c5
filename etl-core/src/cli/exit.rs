//! Exit codes: stable, and the same for every pipeline.

use super::signals::Stopped;
use crate::contract::error::{Error, ErrorKind};
use crate::observe::report::{Report, Status};

pub(crate) const DONE: u8 = 0;
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const THRESHOLD: u8 = 65;
pub(crate) const COMPENSATION: u8 = 70;
pub(crate) const STORAGE: u8 = 74;
pub(crate) const LATER: u8 = 75;
pub(crate) const CONFIG: u8 = 78;
pub(crate) const BUG: u8 = 101;

/// The code for an error of this kind.
pub(crate) fn of_error(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::ThresholdExceeded => THRESHOLD,
        ErrorKind::Storage | ErrorKind::DeadLetter => STORAGE,
        ErrorKind::CompensationFailed => COMPENSATION,
        ErrorKind::Unavailable => LATER,
        ErrorKind::Config => CONFIG,
        ErrorKind::Panicked | ErrorKind::Conservation => BUG,
        _ => FAILED,
    }
}

/// The code for a run. A signal counts where it is why the run did not end: a failure keeps its own
/// code, and a run that was done before the signal took effect is done.
pub(crate) fn of_report(report: &Report, stopped: Option<Stopped>) -> u8 {
    match (report.status, &report.failure, stopped) {
        (Status::Done | Status::DryRun, ..) => DONE,
        (Status::Stopped, _, Some(signal)) => signal.code(),
        (_, Some(error), Some(signal)) if error.kind() == ErrorKind::Cancelled => signal.code(),
        (_, Some(error), _) => of_error(error),
        (Status::Failed | Status::CompensationFailed | Status::Stopped, None, _) => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_code() {
        let kinds = [
            (ErrorKind::Extraction, 1),
            (ErrorKind::Validation, 1),
            (ErrorKind::Transformation, 1),
            (ErrorKind::Load, 1),
            (ErrorKind::Config, 78),
            (ErrorKind::Resource, 1),
            (ErrorKind::DeadLetter, 74),
            (ErrorKind::ThresholdExceeded, 65),
            (ErrorKind::TimedOut, 1),
            (ErrorKind::Cancelled, 1),
            (ErrorKind::Panicked, 101),
            (ErrorKind::Storage, 74),
            (ErrorKind::Unavailable, 75),
            (ErrorKind::CompensationFailed, 70),
            (ErrorKind::Conservation, 101),
            (ErrorKind::Other, 1),
        ];
        for (kind, code) in kinds {
            assert_eq!(of_error(&Error::new(kind, "")), code, "{kind}");
        }
    }

    #[test]
    fn a_signal_counts_where_it_ended_the_run() {
        let report = |status, failure: Option<ErrorKind>| Report {
            status,
            failure: failure.map(|kind| Error::new(kind, "")),
            ..super::super::report::sample()
        };
        let (int, term) = (Some(Stopped::Interrupted), Some(Stopped::Terminated));
        assert_eq!(of_report(&report(Status::Stopped, None), int), 130);
        assert_eq!(of_report(&report(Status::Stopped, None), term), 143);
        assert_eq!(of_report(&report(Status::Stopped, None), None), 1);
        assert_eq!(of_report(&report(Status::Done, None), int), 0);
        assert_eq!(of_report(&report(Status::Failed, Some(ErrorKind::Storage)), int), 74);
        assert_eq!(of_report(&report(Status::Failed, Some(ErrorKind::Cancelled)), term), 143);
    }
}
