//! What is done to a run.

use crate::class::Class;

/// What is done to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Killed at random times.
    Kill,
    /// Killed at every system call that writes.
    Syscall,
    /// Every system call that writes fails once: no space, or an error of the device.
    Errno,
    /// The server is killed.
    Server,
    /// The connection to the server is cut after so many bytes.
    Cut,
    /// The connection to the server, or the loader, does nothing for longer than it may take.
    Stall,
    /// Somebody reads the target all the time.
    Reader,
    /// Put to sleep past its lease, while another run takes over.
    Zombie,
    /// The source grows between two runs.
    Grown,
    /// The power fails: what was not synced is lost or torn.
    Power,
    /// Seeded bugs, each of which must be caught.
    Control,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Kill,
        Self::Syscall,
        Self::Errno,
        Self::Server,
        Self::Cut,
        Self::Stall,
        Self::Reader,
        Self::Zombie,
        Self::Grown,
        Self::Power,
        Self::Control,
    ];

    /// Its name on the command line and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Syscall => "syscall",
            Self::Errno => "errno",
            Self::Server => "server",
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::Reader => "reader",
            Self::Zombie => "zombie",
            Self::Grown => "grown",
            Self::Power => "power",
            Self::Control => "control",
        }
    }

    /// Whether it goes once through every place there is, instead of as often as one likes.
    #[must_use]
    pub fn is_exhaustive(self) -> bool {
        matches!(self, Self::Syscall | Self::Errno | Self::Power)
    }

    /// Whether it makes sense for a class.
    #[must_use]
    pub fn fits(self, class: Class) -> bool {
        match self {
            // Nothing is promised of a moment where there is no transaction.
            Self::Reader => matches!(class, Class::Postgres | Class::Sqlite | Class::Dataset) || class.appears_whole(),
            Self::Zombie => matches!(class, Class::Postgres | Class::Sqlite),
            Self::Server | Self::Cut | Self::Stall => class == Class::Postgres,
            _ => true,
        }
    }
}
