//! What tells one content of a source from another under the same name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::hex::hex;

/// How much of the beginning of a file tells it from another, in bytes.
const HEAD: u64 = 4 << 10;

/// What a source held when it was looked at. Positions in it mean something only as long as it is the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Where it is, in full: the path of a file from the root. Empty where its name says enough.
    #[serde(default)]
    pub place: String,
    /// How much there was, in bytes.
    pub length: u64,
    /// How many bytes from the beginning the digest is of.
    pub head: u64,
    /// The SHA-256 of them, in hexadecimal.
    pub digest: String,
}

/// How a source compares with an earlier [`Identity`] of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sameness {
    /// It begins as it did, and is as long or longer.
    Same,
    /// It is shorter than it was.
    Shorter,
    /// It begins differently.
    Other,
}

impl Identity {
    /// Of bytes that are all there.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self { place: String::new(), length: bytes.len() as u64, head: bytes.len() as u64, digest: digest(bytes) }
    }

    /// Of a file; see [`Source::identity`](super::Source::identity) for `head`.
    ///
    /// # Errors
    /// The file cannot be read ([`ErrorKind::Extraction`]).
    pub fn of_file(path: &Path, head: Option<u64>) -> Result<Self> {
        let read = || -> std::io::Result<Self> {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            let head = head.unwrap_or(HEAD).min(HEAD).min(length);
            let mut bytes = Vec::new();
            file.take(head).read_to_end(&mut bytes)?;
            let place = path.canonicalize()?.to_string_lossy().into_owned();
            Ok(Self { place, length, head: bytes.len() as u64, digest: digest(&bytes) })
        };
        read().map_err(|error| Error::io(ErrorKind::Extraction, format!("cannot read {}", path.display()), &error))
    }

    /// How it compares with what it was earlier; `self` was made with the earlier [`head`](Self::head).
    #[must_use]
    pub fn compare(&self, earlier: &Self) -> Sameness {
        if self.length < earlier.length {
            Sameness::Shorter
        } else if self.head == earlier.head && self.digest == earlier.digest {
            Sameness::Same
        } else {
            Sameness::Other
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&hmac_sha256::Hash::hash(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_grown_is_the_same_and_one_that_was_replaced_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("a,b\n1,2\n");
        let before = Identity::of_file(&path, None).unwrap();
        let now = || Identity::of_file(&path, Some(before.head)).unwrap().compare(&before);
        assert_eq!(now(), Sameness::Same);
        write("a,b\n1,2\n3,4\n");
        assert_eq!(now(), Sameness::Same);
        write("a,b\n1,3\n");
        assert_eq!(now(), Sameness::Other);
        write("a,b\n");
        assert_eq!(now(), Sameness::Shorter);
        let large = "x".repeat(10_000);
        write(&large);
        let large = Identity::of_file(&path, None).unwrap();
        assert_eq!((large.length, large.head), (10_000, HEAD));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Identity::of_file(&path, None).unwrap_err().kind(), ErrorKind::Extraction);
    }
}
