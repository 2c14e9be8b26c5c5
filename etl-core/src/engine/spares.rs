//! Vectors whose records have gone on, kept for the next batch: with them the engine allocates
//! nothing while batches of one size follow each other.

use std::any::{Any, TypeId};
use std::sync::{Mutex, PoisonError};

/// What is kept of one record type, at most, in bytes: enough for the batches under way on some
/// cores, and little beside the memory budget.
const MOST_BYTES: usize = 4 << 20;

/// Empty vectors, by the type of their records.
#[derive(Default)]
pub(crate) struct Spares(Mutex<Vec<(TypeId, Kept)>>);

struct Kept {
    /// A `Vec<Vec<T>>`.
    vectors: Box<dyn Any + Send>,
    bytes: usize,
}

impl Kept {
    fn none<T: Send + 'static>() -> Self {
        Self { vectors: Box::new(Vec::<Vec<T>>::new()), bytes: 0 }
    }

    fn vectors<T: Send + 'static>(&mut self) -> &mut Vec<Vec<T>> {
        self.vectors.downcast_mut().expect("they are kept under the type of their records")
    }
}

impl Spares {
    /// An empty vector, with room if there is one that has.
    pub(crate) fn take<T: Send + 'static>(&self) -> Vec<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A pipeline has few types: to look at each is faster than to hash.
        let Some((_, kept)) = kept.iter_mut().find(|(id, _)| *id == TypeId::of::<T>()) else { return Vec::new() };
        let vector = kept.vectors::<T>().pop().unwrap_or_default();
        kept.bytes -= bytes_of(&vector);
        vector
    }

    /// Drops the records and keeps the vector.
    pub(crate) fn give<T: Send + 'static>(&self, mut vector: Vec<T>) {
        // Records are the user's, and so is how they are dropped: not under the lock.
        vector.clear();
        let bytes = bytes_of(&vector);
        if bytes == 0 {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(id, _)| *id == TypeId::of::<T>()).unwrap_or_else(|| {
            all.push((TypeId::of::<T>(), Kept::none::<T>()));
            all.len() - 1
        });
        let kept = &mut all[at].1;
        if kept.bytes + bytes <= MOST_BYTES {
            kept.bytes += bytes;
            kept.vectors().push(vector);
        }
    }
}

fn bytes_of<T>(vector: &Vec<T>) -> usize {
    vector.capacity() * size_of::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_comes_back_empty_and_as_large_as_it_was() {
        let spares = Spares::default();
        assert_eq!(spares.take::<u32>().capacity(), 0);
        spares.give(vec![7_u32; 100]);
        spares.give(vec!["other"; 3]);
        let again = spares.take::<u32>();
        assert!(again.is_empty() && again.capacity() == 100);
        assert_eq!(spares.take::<u32>().capacity(), 0);
    }

    #[test]
    fn i6_what_is_kept_is_bounded() {
        let spares = Spares::default();
        for _ in 0..10 {
            spares.give(vec![0_u8; MOST_BYTES / 4]);
        }
        let kept = (0..10).filter(|_| spares.take::<u8>().capacity() > 0).count();
        assert_eq!(kept, 4);
        spares.give(vec![0_u8; MOST_BYTES + 1]);
        assert_eq!(spares.take::<u8>().capacity(), 0);
    }
}
