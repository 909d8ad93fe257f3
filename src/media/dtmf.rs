//! Keys pressed at the other end, told once each, however they come.
//!
//! There are three ways: telephone events in the RTP stream ([`event`]), INFO requests in the
//! signalling, and tones in the sound ([`inband`]). Many telephones use two of them at once, so one
//! leg keeps to one:
//!
//! - Events and INFO are said on purpose: the first of the two that tells a key is the way of the
//!   leg for as long as it talks to the same party, and the other is passed over. No time is
//!   compared, so that no delay, however long, makes a key count twice.
//! - Tones are only guessed from sound. They are listened to where the other side did not agree to
//!   events, and never again once a key came by events or INFO.
//! - A key that came as a tone before the leg had its way is not told again when the same key
//!   follows by events or INFO within [`COPY_MAX`]: an INFO whose first sending is lost comes 500
//!   ms late.

use std::collections::VecDeque;

use self::event::Receiver;
use self::inband::Inband;
use super::rtp::Header;
use crate::time::Duration;

pub mod event;
pub mod inband;
#[cfg(test)]
mod tests;

/// How long after its tone a key may follow by events or INFO and still be the same press.
pub const COPY_MAX: Duration = Duration::from_secs(1);
/// Most tones that wait for their copy.
const TONES_MAX: usize = 8;

/// The keys pressed on one leg.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Digits {
    events: Receiver,
    /// `None` where tones are not listened to.
    inband: Option<Box<Inband>>,
    way: Option<Way>,
    /// Keys told by their tone, and when, that no copy has followed.
    tones: VecDeque<(char, Duration)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Events,
    Info,
}

impl Digits {
    /// The two sides agreed: to events, or not. With another party (`moved`) the way is open again.
    pub fn agreed(&mut self, events: bool, moved: bool) {
        if moved {
            self.way = None;
        }
        if events || self.way.is_some() {
            self.inband = None;
        } else {
            self.inband.get_or_insert_default();
        }
    }

    /// Are tones listened to, so that [`Digits::hear`] should be given the sound?
    pub fn hears_tones(&self) -> bool {
        self.inband.is_some()
    }

    /// A packet of a telephone event came: the key to tell, if one. `at`: time since the leg began.
    pub fn event(
        &mut self,
        at: Duration,
        header: &Header,
        payload: &[u8],
        clock_hz: u32,
    ) -> Option<char> {
        let key = self.events.receive(header, payload, clock_hz)?;
        self.said(Way::Events, key, at)
    }

    /// A key came by INFO: the key to tell. `None` also for what is no key.
    pub fn info(&mut self, at: Duration, key: char) -> Option<char> {
        self.said(Way::Info, event::key(key)?, at)
    }

    /// One more sample at 8,000 Hz: the key to tell, if its tone is heard now.
    pub fn hear(&mut self, at: Duration, sample: i16) -> Option<char> {
        let key = self.inband.as_mut()?.hear(sample)?;
        if self.tones.len() == TONES_MAX {
            self.tones.pop_front();
        }
        self.tones.push_back((key, at));
        Some(key)
    }

    fn said(&mut self, way: Way, key: char, at: Duration) -> Option<char> {
        if *self.way.get_or_insert(way) != way {
            return None;
        }
        self.inband = None;
        let is_copied =
            |(tone, told): &(char, Duration)| *tone == key && at.saturating_sub(*told) <= COPY_MAX;
        match self.tones.iter().position(is_copied) {
            Some(copied) => {
                self.tones.remove(copied);
                None
            }
            None => Some(key),
        }
    }
}
