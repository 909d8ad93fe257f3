//! What an operator sees.

#[cfg(feature = "node")]
pub mod log;
#[cfg(feature = "node")]
pub mod log_file;
pub mod queue_log;
