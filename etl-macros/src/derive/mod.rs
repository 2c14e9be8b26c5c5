//! The derives.

pub(crate) mod record;
pub(crate) mod serde_record;
pub(crate) mod settings;
pub(crate) mod stage_error;

mod case;
mod template;
