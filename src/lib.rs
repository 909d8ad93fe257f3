//! Ringback: a self-hosted callback server for contact centres, speaking SIP.
//!
//! Instead of holding, a caller is offered a call back and keeps the place in line. One queue holds
//! live callers and virtual calls and hands each to the next agent with the right skills.
//!
//! # Layout
//!
//! The modules stand in reading order, from names to the shell. Everything but `node`, `api`
//! and the files marked by the feature `node` is pure: `cargo core` builds and tests it
//! in seconds, without I/O, clocks or async.
//!
//! ```text
//! 4   main -> node                        knows everything below, starts every task
//! 3   api   config   observe   store      the edges: HTTP, the file, the log, the disk
//! 2   queue  |  calls  |  sip  |  media   four columns that do not see each other
//! 1   ident   time   phone   session      names and values only
//! ```
//!
//! A call in: `sip` (datagram, transaction, dialog) -> `calls` (flow, digits, offer) -> `queue`
//! (place, route) -> the commit of `store` where a promise is given -> `store::gate` -> `calls` ->
//! `sip` and `media`. Every walk is one pass down and one pass up; `node::event_loop` carries the
//! values, and no module calls back into the one that called it.
//!
//! A request over HTTP: `api` (JSON, key) -> `node::outside` -> `queue` -> the commit -> the gate
//! -> `node::outside` -> the answer, or a push by `node::webhook`.
//!
//! # Architecture invariants
//!
//! - `queue` and `calls` are state machines: `handle(now, event) -> effects` and `poll_timeout() ->
//!   (when, why)`. They never read a clock, open a socket, lock, or draw a random number other than
//!   from [`ident::Entropy`].
//! - `queue` and `calls` do not name each other, nor `sip`, `media`, `store`, `tokio` or a
//!   database: `node::translate` is where their words meet.
//! - `calls` speaks of legs, never of SIP messages; `sip` and `media` speak of legs, never of
//!   interactions or agents. A session description passes from one to the other unread.
//! - `queue::routing` is the only place where an agent is chosen for an interaction; a hand-over
//!   (`queue::consultations`) tells of two who talk already, and whom an agent reaches who asks in
//!   a queue is ranked as there.
//! - Consumers who call in are told of their turn by `queue::call_in`: as many at a time as the
//!   agents of their queue allow, in the one order of all queues.
//! - What spends or gives a promise (a dial's INVITE, "you are registered") leaves only after the
//!   commit of its step: `store::gate` decides it for every effect, and nothing goes around the
//!   gate.
//! - One attempt rings one phone at most once. Its row, with the route, is on disk before the
//!   INVITE; its identifiers are derived from the row, so that a restart can end what it left
//!   ringing.
//! - An attempt is open until its leg is known to be gone; no second one before that.
//! - Every wait has a deadline with a reason, every queue a bound.
//! - Only `node` starts tasks. Only `store` writes to the database. Only `sip::message` parses SIP.
//! - Settings flow down as values; no module reads files or the environment by itself, but for the
//!   recordings in the folder that `media::sounds` is told.
//! - Phone numbers, codes and secrets are redacted by their types ([`phone`], [`ident::Secret`]).
//! - There is no `utils`, `common`, `manager` or `helper`.
//!
//! # Decisions that are easy to ask about
//!
//! - A failure of the carrier ends the attempt, and the next trunk is another attempt that does not
//!   count: so every dial is decided in one place, `queue::routing`, and committed like any other.
//! - `queue::Event::DialCapacity` tells free channels by route, since a number and an extension of
//!   the same queue leave by different ways.
//! - An agent who asks for calls by a feature code is on a call of their own until it ends, and
//!   Ready then: their telephone is busy with it.
//! - The time of the queue never runs back. Where the calendar was ahead and is set back, it goes
//!   on at half the speed until the calendar has caught up: no deadline waits for as long as it
//!   was wrong.
//! - The sounds are mu-law, as telephones carry it, and not 16 bits a sample: three languages with
//!   every number, minute and date fit into 10 MB so, and a call in mu-law hears them bit for bit.
//! - What a number is (country, class, zones) is read from its digits by tables of ours, neither
//!   stored nor asked of a crate: so the dial decides it anew, and stays pure. To read a spelling
//!   is the node's (`node::numbers`).
//! - While the estimated wait is unknown (nobody logged in could serve) no immediate callback is
//!   offered, only one for a time of the caller's choice.
//! - A slot is booked by the interaction that is due in it, until that is over: what is booked is
//!   counted from the rows, and a restart or a changed calendar cannot disagree with them.
//! - A matched caller keeps their Call-In request until an agent answers, so that who drops may
//!   come back; while they are on the line it matches nobody.
//! - While a consumer on the line is asked what is to become of their callback, it neither ends nor
//!   lapses: what was to happen happens when they have chosen, and they are told whether it stands.
//!   Who calls in before an appointment and hangs up has it as before, and no place until then.
//! - Once an agent answered, a callback is kept: whoever is transferred then and hangs up is not
//!   called again, and who rather is called back has a new one.
//! - Whoever calls in while we dial them gets their place once the dialled leg is known to be gone:
//!   never two legs of one consumer. The CANCEL of that leg yields to an answer that crosses it:
//!   then they are served there, and the call that came in is told so.
//! - A dial counts against the daily limit of its number from its start, and no more once it is
//!   known not to have rung, or its trunk failed it: two callbacks of one number cannot pass the
//!   limit together, and what a trunk plays before it fails (183) is no phone.
//! - A caller who waits behind a callback does not stop its dial, though the same agent could serve
//!   them: or callbacks would wait as long as anybody calls.
//! - Whom an agent transfers to another agent waits in a queue which that one serves, at the
//!   place of their arrival, and is given to them out of turn: nobody on the line is passed over,
//!   and nobody is lost who is not answered.
//! - Whom an agent consults before a transfer is rung by the agent's own call, not by the queue,
//!   and is Not ready meanwhile; handed over, the person on the line stays in their queue.
//! - Nobody is hung up on because they sound like a machine: only a beep ends a call, and a key
//!   pressed during the message that follows it is a person's.
//! - An agent beyond a trunk that is full or rests is busy for a minute, not unreachable: the trunk
//!   says nothing about them.
//! - What is told outside (an answer over HTTP, a push) holds up no order to a telephone: the gate
//!   keeps the order of either among themselves.
//! - 64 Via headers are let in, not fewer: a valid message of RFC 4475 (`longreq`) has 34.
//! - The store is blocking behind its trait and has a thread of its own; media legs are reached
//!   under a lock held for a packet's time, so that no queue of orders can overflow.
//!
//! # Where state lives
//!
//! | state | where | survives a restart |
//! |---|---|---|
//! | callbacks, attempts, outcomes, the trail | `store` (SQLite), copied in `queue` | yes |
//! | agent states, registrations | `store`, copied in `queue` and `sip` | yes |
//! | dialogs, media, callers on the line | `sip`, `media`, `calls` | no: each end is recorded |
//! | appointments, Call-In requests, handling times | `store`, copied in `queue` | yes |
//! | Call-In requests that expired lately | `queue` | no: the calls that may be theirs end too |
//! | the never-call list, as keyed hashes | `store`, copied in `queue` | yes |
//! | what numbers were used for within a day | `store`, copied in `queue` | yes |
//! | breakers of trunks | `sip` | no: learnt again |
//! | recordings | `media::sounds`: built in, and a folder of the operator's | read again |
//! | call records: legs that ended | `store` (SQLite), within a second | yes, once there |
//! | what `queue_log` was told | `observe::queue_log` | no: a start begins it anew, as Asterisk's |
//! | failed calls of the last hour, by caller | `queue::matching` | no |
//! | pushes that the webhook did not take yet | `node::webhook` | no, but READY is told again |
//! | passwords, and the keys of ids, tokens and hashes | `data/secrets.toml` | yes |

// In reading order.
pub mod ident;
pub mod time;
pub mod phone;
pub mod session;
pub mod queue;
pub mod calls;
pub mod sip;
pub mod media;
pub mod store;
pub mod config;
#[cfg(feature = "node")]
pub mod api;
pub mod observe;
#[cfg(feature = "node")]
pub mod node;
#[cfg(test)]
mod tests;
