//! How many chunks travel together: as many as keep a worker busy for a moment. A hand-over between
//! threads costs as much as the lightest work on thousands of records; where the work is heavy, each
//! chunk travels alone, so that all workers have some.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Work on a train that takes longer is worth sharing.
const LONG: Duration = Duration::from_millis(4);
/// Work that takes less than this is little beside its hand-over.
const SHORT: Duration = Duration::from_millis(1);
/// The longest train, in chunks.
const LONGEST: usize = 256;

/// The length that each segment is served best by.
pub(super) struct Trains(Box<[AtomicUsize]>);

impl Trains {
    /// For at most so many segments, of which none has an opinion yet.
    pub(super) fn new(segments: usize) -> Self {
        Self((0..segments).map(|_| AtomicUsize::new(LONGEST)).collect())
    }

    /// The segment works on trains: the first ones are short.
    pub(super) fn board(&self, segment: usize) {
        self.0[segment].store(1, Relaxed);
    }

    /// The segment has worked on a train of so many chunks.
    pub(super) fn took(&self, segment: usize, chunks: usize, time: Duration) {
        let wanted = &self.0[segment];
        if time > LONG {
            wanted.store((chunks / 2).max(1), Relaxed);
        } else if time < SHORT {
            wanted.fetch_max((2 * chunks).min(LONGEST), Relaxed);
        }
    }

    /// How many chunks the next train has at most: nobody gets more than serves it.
    pub(super) fn length(&self) -> usize {
        self.0.iter().map(|wanted| wanted.load(Relaxed)).min().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trains_grow_while_the_work_is_light_and_the_slowest_segment_decides() {
        let trains = Trains::new(3);
        trains.board(0);
        trains.board(1);
        assert_eq!(trains.length(), 1);
        for _ in 0..20 {
            for segment in [0, 1] {
                trains.took(segment, trains.length(), Duration::from_micros(10));
            }
        }
        assert_eq!(trains.length(), LONGEST);
        trains.took(1, LONGEST, Duration::from_millis(80));
        assert_eq!(trains.length(), LONGEST / 2);
        for _ in 0..20 {
            trains.took(0, trains.length(), Duration::from_micros(10));
            trains.took(1, trains.length(), Duration::from_millis(80));
        }
        assert_eq!(trains.length(), 1);
    }
}
