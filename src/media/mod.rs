//! Sound: session descriptions, RTP, prompts, digits. Speaks of legs, never of interactions or
//! agents.
//!
//! `leg` is the front: legs are opened, told what to hear, joined and closed there. It stands on
//! pure parts: [`sdp`] (what two sides agree on), [`rtp`] (an unbroken stream; whose packets are
//! believed), [`dtmf`] (keys, however they come), [`answer`] (a person or a machine), [`g711`],
//! [`prompt`] (values to sounds), [`ports`], [`tone`]. `sounds` holds the recordings. Packets
//! between two legs with the same codec are passed on undecoded; between PCMU and PCMA each byte is
//! looked up in a table. On a call nothing is resampled or mixed; a recording of 16,000 Hz is
//! when it is loaded.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use self::answer::Hint;
use crate::ident::{LegId, PlayId};
use crate::time::Duration;

pub mod answer;
pub mod dtmf;
pub mod g711;
#[cfg(feature = "node")]
pub mod leg;
pub mod ports;
pub mod prompt;
pub mod rtp;
pub mod sdp;
#[cfg(feature = "node")]
pub mod sounds;
pub mod tone;

/// What media is told by the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The address put into session descriptions and bound.
    pub local: IpAddr,
    /// RTP ports, even numbers of the range.
    pub ports: RangeInclusive<u16>,
    /// Silence after which [`Event::Silent`] is told; never while held.
    pub rtp_timeout: Duration,
    /// Worker threads.
    pub threads: usize,
}

/// What happened on a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A key was pressed; told once for each press.
    Digit {
        /// Where.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// Prompts were played to their end.
    PlayEnded {
        /// Where.
        leg: LegId,
        /// Which order.
        play: PlayId,
    },
    /// What the answer of a dialled call sounds like; once, on a leg that was told to listen.
    AnswerHint {
        /// Where.
        leg: LegId,
        /// A guess by the cadence of the greeting.
        hint: Hint,
    },
    /// The beep of an answering machine has ended; at most once, on a leg that was told to listen.
    Beep {
        /// Where.
        leg: LegId,
    },
    /// Nothing was received for `rtp_timeout`; told again after as long.
    Silent {
        /// Where.
        leg: LegId,
    },
}
