//! A leg: one dialog of ours with one party, from its INVITE to its end.
//!
//! ```text
//! incoming:  Offered --200--> Up --BYE--> Leaving --its answer--> gone
//!            Offered --CANCEL, refusal--> gone
//! outgoing:  Inviting --2xx--> Up;  --3xx..6xx, silence--> gone;  --CANCEL and 2xx--> Leaving
//! ```

use std::net::SocketAddr;

use super::dialog::Dialog;
use super::exchange::Exchange;
use super::message::Request;
use super::transaction::TransactionId;
use super::{EndedBy, Transmit};
use crate::ident::{ReferId, TrunkId};
use crate::time::Duration;

/// One leg.
#[derive(Debug)]
pub(super) struct Leg {
    /// With whom.
    pub(super) party: Party,
    /// Early or confirmed.
    pub(super) dialog: Dialog,
    /// How far it is.
    pub(super) state: State,
    /// The ACK of the 2xx to our INVITE, for each time that 2xx comes again.
    pub(super) ack: Option<Transmit>,
    /// The transfer it asks for, while that is decided and reported on.
    pub(super) referral: Option<ReferId>,
    /// Has it asked for one before?
    pub(super) referred: bool,
}

impl Leg {
    /// One that begins.
    pub(super) fn new(party: Party, dialog: Dialog, state: State) -> Self {
        Self { party, dialog, state, ack: None, referral: None, referred: false }
    }

    /// The INVITE or re-INVITE that waits for our answer.
    pub(super) fn pending(&self) -> Option<&Pending> {
        match &self.state {
            State::Offered(pending) => Some(pending),
            State::Up(up) => up.reoffer.as_ref(),
            State::Inviting(_) | State::Leaving(_) => None,
        }
    }
}

/// With whom a leg is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Party {
    /// A trunk.
    Trunk(TrunkId),
    /// A user, who called and proved it by digest, or one of whose contacts was called.
    User(String),
}

/// How far a leg is.
#[derive(Debug)]
pub(super) enum State {
    /// An INVITE is in and has no final response.
    Offered(Pending),
    /// Our INVITE is out and has no final response.
    Inviting(Box<Inviting>),
    /// A 2xx was sent or came.
    Up(Box<Up>),
    /// Our BYE is out.
    Leaving(Leaving),
}

/// An INVITE or re-INVITE that waits for our answer.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// Its transaction.
    pub(super) server: TransactionId,
    /// The request.
    pub(super) request: Request,
}

impl Pending {
    /// Does it ask for our offer, having none of its own?
    pub(super) fn asks_for_offer(&self) -> bool {
        self.request.body.is_empty()
    }
}

/// Our INVITE.
#[derive(Debug)]
pub(super) struct Inviting {
    /// Its transaction.
    pub(super) client: TransactionId,
    /// The request.
    pub(super) request: Request,
    /// Where it went.
    pub(super) peer: SocketAddr,
    /// The branch of the second INVITE, until it is used.
    pub(super) second_branch: Option<String>,
    /// Has a 1xx come? Only then may a CANCEL leave (RFC 3261 section 9.1).
    pub(super) heard: bool,
    /// Has a 18x come?
    pub(super) rang: bool,
    /// The order to hang up.
    pub(super) ending: Option<Farewell>,
    /// Does an answer that crosses the CANCEL undo it?
    pub(super) yields: bool,
    /// Has the CANCEL left?
    pub(super) cancelled: bool,
}

/// An answered leg.
#[derive(Debug)]
pub(super) struct Up {
    /// Who owes an answer.
    pub(super) exchange: Exchange,
    /// Our 2xx, until its ACK comes.
    pub(super) unacked: Option<Unacked>,
    /// A re-INVITE that waits for our answer.
    pub(super) reoffer: Option<Pending>,
    /// Was the start of the dialog acknowledged?
    pub(super) established: bool,
    /// A BYE that waits for the ACK of our 2xx (RFC 3261 section 15).
    pub(super) bye_held: Option<Farewell>,
    /// Is an OPTIONS of ours without an answer?
    pub(super) probing: bool,
}

/// A 2xx that is repeated until its ACK comes (RFC 3261 section 13.3.1.4).
#[derive(Debug)]
pub(super) struct Unacked {
    /// What is repeated.
    pub(super) transmit: Transmit,
    /// The CSeq number its ACK has.
    pub(super) cseq: u32,
    /// The time to the next repetition.
    pub(super) interval: Duration,
}

/// Our BYE.
#[derive(Debug)]
pub(super) struct Leaving {
    /// Whose doing it is.
    pub(super) by: EndedBy,
    /// What [`super::Event::Ended`] tells.
    pub(super) status: Option<u16>,
    /// The reason, until the BYE was repeated with credentials.
    pub(super) farewell: Option<Farewell>,
}

/// Why we hang up.
#[derive(Clone, Debug)]
pub(super) struct Farewell {
    /// Q.850.
    pub(super) cause: u8,
    /// Any text.
    pub(super) text: String,
}

impl Farewell {
    /// The Reason header (RFC 3326).
    pub(super) fn reason(&self) -> String {
        let text = super::message::quoted(&self.text);
        format!("Q.850;cause={};text={text}", self.cause)
    }
}

impl Up {
    /// Answered by a 2xx of theirs, ACK sent.
    pub(super) fn answered() -> Self {
        Self {
            exchange: Exchange::Stable,
            unacked: None,
            reoffer: None,
            established: true,
            bye_held: None,
            probing: false,
        }
    }

    /// Answered by a 2xx of ours, which waits for its ACK.
    pub(super) fn answering(exchange: Exchange, unacked: Unacked) -> Self {
        Self { exchange, unacked: Some(unacked), established: false, ..Self::answered() }
    }
}
