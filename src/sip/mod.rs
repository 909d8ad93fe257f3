//! The user agent: sans-IO. Nothing outside this module sees a SIP message.
//!
//! Datagrams, orders and the time go in; bytes to send, [`Event`]s and the next deadline come out.
//! Read in this order: this file is what the others are told; `user_agent` sorts what comes in;
//! `inbound` and `in_dialog` answer requests, `transfer` those that would connect a call with
//! another, `outbound` places calls, `ending` ends them, `stray` ends those of an earlier run;
//! `transaction`, `dialog` and `exchange` are the machines of RFC 3261 below them, `registrar` and
//! `trunk` the state beside them.
//!
//! It opens no socket, reads no clock and no session description, and decides nothing about calls.

mod dialog;
mod ending;
mod exchange;
mod identity;
mod in_dialog;
mod inbound;
mod info;
mod leg;
mod outbound;
mod registrar;
mod registration;
mod reply;
mod stray;
mod transaction;
mod transfer;
mod trunk;
mod user_agent;

#[cfg(test)]
mod tests;

pub mod auth;
pub mod auto_answer;
pub mod message;
pub mod rate;
#[cfg(feature = "node")]
pub mod transport;

use std::net::SocketAddr;

pub use info::Digit;
pub use transfer::ReferTo;
pub use user_agent::UserAgent;

use crate::ident::{AttemptId, ContactId, LegId, ReferId, Route, Secret, TrunkId};
use crate::phone::{Ani, Dnis};
use crate::session::{SessionAnswer, SessionOffer};
use crate::time::{Duration, Timestamp};

/// Most legs at once; more calls are refused with 503 and Retry-After.
pub const LEGS_MAX: usize = 4096;
/// Our user part, where we speak for nobody.
const OWN_NAME: &str = "ringback";
/// How long the other side has to answer an OPTIONS inside a dialog.
const PROBE_TIMEOUT: Duration = Duration::from_secs(8);

/// What the user agent is told by the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address put into Via and Contact.
    pub local: SocketAddr,
    /// The digest realm and the domain of addresses of record.
    pub realm: String,
    /// The hashes by which users prove who they are, in the order in which they are offered.
    pub algorithms: &'static [auth::Algorithm],
    /// User names that may register, and their passwords. An agent's is their id.
    pub users: Vec<User>,
    /// The trunks, in configuration order.
    pub trunks: Vec<TrunkSettings>,
    /// Key from which the identifiers of dials are derived; kept over restarts.
    pub dial_key: [u8; 32],
}

/// Who may register and place calls by digest.
#[derive(Clone, Debug)]
pub struct User {
    /// The user part.
    pub name: String,
    /// The password. Redacted by its type.
    pub password: Secret,
}

/// One trunk.
#[derive(Clone, Debug)]
pub struct TrunkSettings {
    /// Its name.
    pub id: TrunkId,
    /// Where its INVITEs go.
    pub address: SocketAddr,
    /// Sources from which calls are taken, as network and prefix length; the host of `address` is
    /// one too. Where a source fits several trunks, that of exactly this address counts, then that
    /// of this host, then the first of these networks.
    pub accept_from: Vec<(std::net::IpAddr, u8)>,
    /// Answers digest challenges (401, 407).
    pub credentials: Option<(String, Secret)>,
    /// The user part of From where the invitation says none; `None`: `ringback`.
    pub caller_id: Option<String>,
    /// Most calls at once.
    pub channels: u32,
    /// Health by OPTIONS at this interval; `None`: off.
    pub options_interval: Option<Duration>,
}

/// What is taken from outside at the moment. What is not gets 503 and Retry-After, once it is known
/// whose it is; inside a dialog everything goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admission {
    /// INVITEs; and OPTIONS, by which others find out whether to send us any.
    pub calls: bool,
    /// REGISTERs.
    pub registrations: bool,
}

/// Bytes to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

/// From whom an incoming call was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum From {
    /// A trunk, by its source address.
    Trunk(TrunkId),
    /// A user, by digest.
    User(String),
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// An INVITE came in and was let in; 100 was sent.
    Incoming {
        /// The new leg.
        leg: LegId,
        /// Who calls.
        ani: Ani,
        /// What was called.
        dnis: Dnis,
        /// From whom.
        from: From,
        /// Its offer; `None`: answer by [`UserAgent::answer_with_offer`].
        offer: Option<SessionOffer>,
        /// The leg of the same user that it shall take the place of (RFC 3891).
        replaces: Option<LegId>,
    },
    /// The ACK of our first 200 came.
    Established {
        /// Which.
        leg: LegId,
        /// The answer to our offer, if there was one in the 200.
        answer: Option<SessionAnswer>,
    },
    /// A 18x on an outgoing leg.
    Ringing {
        /// Which.
        leg: LegId,
    },
    /// A 2xx on an outgoing leg; its ACK was sent.
    Answered {
        /// Which.
        leg: LegId,
        /// The answer.
        answer: SessionAnswer,
    },
    /// A re-INVITE, or an UPDATE with an offer: answer by [`UserAgent::answer`],
    /// [`UserAgent::answer_with_offer`] or [`UserAgent::reject`].
    Reoffered {
        /// Which.
        leg: LegId,
        /// The new offer; `None`: ours is asked for.
        offer: Option<SessionOffer>,
    },
    /// The answer to the offer that we gave to a re-INVITE.
    Reanswered {
        /// Which.
        leg: LegId,
        /// The answer.
        answer: SessionAnswer,
    },
    /// A key was pressed, told by INFO.
    Digit {
        /// Where.
        leg: LegId,
        /// Which key.
        digit: Digit,
    },
    /// A party asks that the other side of its call be connected with somebody else: decide by
    /// [`UserAgent::accept_refer`] or [`UserAgent::reject_refer`] within 5 s.
    Referred {
        /// Who asks.
        leg: LegId,
        /// What it is called in the orders.
        refer: ReferId,
        /// With whom. Nothing says that they may be reached.
        to: ReferTo,
    },
    /// The leg is gone, and the other side knows or is past all timers. Told once.
    Ended {
        /// Which.
        leg: LegId,
        /// By whom.
        by: EndedBy,
        /// The final response to our INVITE, if that ended it.
        status: Option<u16>,
    },
    /// The bindings of a user changed; `contacts` may be 0.
    Bound {
        /// Who.
        user: String,
        /// How many contacts are left.
        contacts: usize,
        /// Is one of them new?
        joined: bool,
    },
    /// What a trunk can take changed: free channels, 0 while unhealthy, 1 while its breaker probes.
    TrunkCapacity {
        /// Which.
        trunk: TrunkId,
        /// How many more dials.
        free: u32,
    },
    /// The registration of [`UserAgent::register`] was answered.
    Registered {
        /// At which trunk.
        trunk: TrunkId,
        /// With 2xx.
        accepted: bool,
    },
    /// The phone of a user answered, or did not answer, the OPTIONS of
    /// [`UserAgent::check_contact`].
    ContactChecked {
        /// Who.
        user: String,
        /// Did any contact answer?
        reachable: bool,
    },
}

/// Whose doing the end of a leg was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndedBy {
    /// The other side.
    Peer,
    /// We.
    Us,
    /// No answer on the wire, or a transport error.
    Lost,
}

/// Whom to call.
#[derive(Clone, Debug)]
pub enum Target {
    /// One contact of a registered user.
    Contact(ContactId),
    /// A number over a trunk.
    Trunk(TrunkId),
}

/// An outgoing call.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The new leg.
    pub leg: LegId,
    /// The way.
    pub target: Target,
    /// The user part of the Request-URI and To on a trunk; ignored for a contact.
    pub callee: String,
    /// The user part of From; empty: the caller id of the trunk, and `anonymous` to a contact.
    pub caller: String,
    /// The display name of From, any text.
    pub display_name: String,
    /// Our offer.
    pub offer: SessionOffer,
    /// More headers, values of any text (encoded here).
    pub headers: Vec<(&'static str, String)>,
    /// `Expires`, and how long it may ring.
    pub ring_timeout: Duration,
    /// Without any response for so long nobody is there: the leg ends as lost, and what answers
    /// later is cancelled. `None`: 64*T1.
    pub silence_max: Option<Duration>,
    /// Derive Call-ID, From tag and branches from this attempt.
    pub attempt: Option<AttemptId>,
}

/// A dial of an earlier run that may still ring, or may have been answered: as much of its
/// [`Invitation`] as was committed.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// A leg to speak of it by; a new one will do.
    pub leg: LegId,
    /// The attempt its identifiers were derived from.
    pub attempt: AttemptId,
    /// The way it left.
    pub route: Route,
    /// `callee` of the [`Invitation`] on a trunk; the user for the registrar, all of whose contacts
    /// are asked.
    pub callee: String,
    /// `caller` of the [`Invitation`].
    pub caller: String,
    /// `display_name` of the [`Invitation`]: a CANCEL says the same From (RFC 3261 section 9.1).
    pub display_name: String,
}

/// A binding, as kept over restarts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The user.
    pub user: String,
    /// The contact URI.
    pub contact: String,
    /// Where its requests go (the source of the REGISTER, RFC 3581).
    pub address: SocketAddr,
    /// Call-ID and CSeq of the REGISTER (RFC 3261 10.3).
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
    /// When it ends.
    pub expires_at: Timestamp,
}
