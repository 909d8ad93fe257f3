//! HTTP: routes that turn JSON into what the queue may be told, and its answers into JSON.
//!
//! ```text
//! request ─▶ key ─▶ body ─▶ Ask ─(bounded, 5 s)─▶ event loop ─▶ commit ─▶ answer ─▶ JSON
//! ```
//!
//! Whatever is not as asked is an `application/problem+json` (RFC 9457). It reads snapshots and the
//! committed records; it must not change the queue, nor start a task.

pub mod ask;
mod availability;
mod call_ins;
mod callbacks;
mod error;
mod explain;
pub mod health;
pub mod keys;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use crate::ident::InteractionId;
use crate::store::records::{Record, Records};
use crate::time::Duration;
use ask::Asker;
use error::Problem;
use health::Health;
use keys::Keys;

/// Most bytes of a body.
const BODY_MAX: usize = 64 * 1024;
/// How long a request may take as a whole, a slow body included.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// Reads of the committed records at a time.
const READS_MAX: usize = 4;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct Api {
    asker: Asker,
    keys: Arc<Keys>,
    data: Arc<PathBuf>,
    reads: Arc<Semaphore>,
}

impl Api {
    /// Asks by `asker`, opens to `keys`, and reads the records of this data folder.
    pub fn new(asker: Asker, keys: Arc<Keys>, data: PathBuf) -> Self {
        Self { asker, keys, data: Arc::new(data), reads: Arc::new(Semaphore::new(READS_MAX)) }
    }

    /// What is committed of an interaction.
    async fn record(&self, id: InteractionId) -> Result<Option<Record>, Problem> {
        let unreadable = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "the records cannot be read");
            Problem::unavailable()
        };
        let _one_of_few = self.reads.acquire().await.map_err(|error| unreadable(&error))?;
        let data = Arc::clone(&self.data);
        let read = tokio::task::spawn_blocking(move || Records::open(&data)?.outcome(id));
        let read = read.await.map_err(|panic| unreadable(&panic))?;
        read.map_err(|error| unreadable(&error))
    }
}

/// Binds the listener.
///
/// # Errors
/// The address cannot be bound.
pub async fn bind(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(address).await
}

/// Serves every route on a bound listener until the process ends.
///
/// # Errors
/// What accepting connections ended with.
pub async fn serve(
    listener: tokio::net::TcpListener,
    health: watch::Receiver<Health>,
    api: Api,
) -> io::Result<()> {
    axum::serve(listener, routes(health, api)).await
}

fn routes(health: watch::Receiver<Health>, api: Api) -> Router {
    let callback = get(callbacks::show).delete(callbacks::cancel);
    let native = Router::new()
        .route("/api/v1/callbacks", post(callbacks::create))
        .route("/api/v1/callbacks/{id}", callback)
        .route("/api/v1/callbacks/{id}/explain", get(explain::explain))
        .route("/api/v1/callbacks/{id}/accept", post(call_ins::accept))
        .route("/api/v1/call-ins", post(call_ins::create))
        .route("/api/v1/queues/{queue}/availability", get(availability::show))
        .with_state(api);
    health::routes(health)
        .merge(native)
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn(in_time))
}

async fn in_time(request: Request, next: Next) -> Result<Response, Problem> {
    let answered = tokio::time::timeout(REQUEST_MAX, next.run(request)).await;
    answered.map_err(|_| Problem::too_slow())
}

/// Somebody who has the key.
struct Operator;

impl FromRequestParts<Api> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let given = Bearer::from_request_parts(parts, api).await?;
        if api.keys.open(&given.0) { Ok(Self) } else { Err(Problem::wrong_key()) }
    }
}

/// What stands in `Authorization: Bearer` (RFC 6750 section 2.1).
struct Bearer(String);

impl FromRequestParts<Api> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let value = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = value.and_then(|value| value.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        given.map(|(_, key)| Self(key.trim().to_owned())).ok_or_else(Problem::no_key)
    }
}

/// A JSON body, with an example to write instead.
trait Example {
    const EXAMPLE: &'static str;
}

/// A body of this shape and no other.
struct Body<T>(T);

impl<T: DeserializeOwned + Example> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let read = axum::Json::<T>::from_request(request, api).await;
        read.map(|axum::Json(body)| Self(body))
            .map_err(|refused| Problem::body(refused.status(), &refused.body_text(), T::EXAMPLE))
    }
}

/// The interaction that a path names.
fn id_in_path(text: &str) -> Result<InteractionId, Problem> {
    InteractionId::parse(text).ok_or_else(Problem::unknown_callback)
}
