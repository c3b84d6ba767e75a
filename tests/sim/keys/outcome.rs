//! How a history ends.

use std::fmt;
use std::time::Duration;

use signet::domain::key::Algorithm;
use signet::domain::time::Timestamp;

/// What must never happen.
#[derive(Debug)]
pub(crate) enum Broken {
    Rejected { reader: &'static str, key: u8, at: Timestamp, age: Duration },
    Unpublished { key: u8, at: Timestamp },
    TooEarly { key: u8, at: Timestamp, published_for: Duration },
    Keys { what: &'static str, count: usize, algorithm: Algorithm, at: Timestamp },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { reader, key, at, age } => {
                write!(f, "at {at} the reader \"{reader}\" refuses a good token of key {key}, {} s old", age.as_secs())
            }
            Self::Unpublished { key, at } => {
                write!(f, "at {at} a token is signed with key {key}, which is not in the JWKS")
            }
            Self::TooEarly { key, at, published_for } => {
                write!(f, "at {at} a token is signed with key {key}, published for {} s only", published_for.as_secs())
            }
            Self::Keys { what, count, algorithm, at } => {
                write!(f, "at {at} there are {count} {what} keys for {algorithm}")
            }
        }
    }
}

/// What came of a good history.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) checked: u64,
    pub(crate) rotations: u64,
    pub(crate) jumps: u64,
    pub(crate) steps: u64,
}

impl History {
    pub(crate) fn add(&mut self, other: &Self) {
        self.checked += other.checked;
        self.rotations += other.rotations;
        self.jumps += other.jumps;
        self.steps += other.steps;
    }
}
