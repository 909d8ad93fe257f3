//! HTTP. Reads snapshots; never mutates the queue.

pub mod health;
