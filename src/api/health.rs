//! `GET /health`: 200 while calls are taken and promises kept, 503 otherwise; JSON either way.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::watch;

/// What `GET /health` answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Health {
    /// Takes calls and keeps promises.
    pub ready: bool,
    /// Commits succeed.
    pub store_ok: bool,
    /// Takes no new calls.
    pub draining: bool,
    /// Legs in the tables, of SIP or of what the node keeps beside it, whichever are more.
    pub legs: usize,
    /// Calls in the tables: what callers, dialled consumers and agents at their codes are in.
    pub calls: usize,
    /// Steps and batches not yet durable.
    pub uncommitted: usize,
}

/// The route, with what it answers from.
pub(super) fn routes(health: watch::Receiver<Health>) -> Router {
    Router::new().route("/health", get(answer)).with_state(health)
}

async fn answer(State(health): State<watch::Receiver<Health>>) -> (StatusCode, Json<Health>) {
    let health = *health.borrow();
    let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}
