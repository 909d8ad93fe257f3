//! A trunk: its channels, its breaker, its health. It sends nothing itself.
//!
//! ```text
//! Closed --a dial fails as the carrier's--> Open(step 1 s) --step over--> HalfOpen
//! HalfOpen: one dial, the probe; it fails: Open(step doubled, at most 60 s)
//! anything worked: Closed
//! ```
//! A dial says one of three things about its trunk, at its first telling response
//! ([`Verdict::of`]):
//!
//! | heard | says |
//! |---|---|
//! | silence, transport error | failed |
//! | 401, 407 that we could not answer; 403; 408; every 4xx not below; every 5xx | failed |
//! | 18x, 2xx, 3xx, 404, 410, 415, 433, 480, 484 to 488, 6xx | works |
//! | 100, or hung up by us before anything telling | nothing |
//!
//! A dial that rang has shown that the trunk works; how it ends then says nothing more. Apart from
//! the breaker, OPTIONS decide whether the trunk is reachable at all; they never close a breaker,
//! since a gateway may answer OPTIONS and refuse every call.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::TrunkSettings;
use crate::ident::LegId;
use crate::time::{Duration, Timestamp};

/// How long the breaker stays open the first time.
const STEP_MIN: Duration = Duration::from_secs(1);
/// And at most.
const STEP_MAX: Duration = Duration::from_secs(60);

/// What a final response, or its absence, says about the trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The trunk reached somebody who decided.
    Works,
    /// The carrier failed.
    Failed,
}

impl Verdict {
    /// By the final response to a dial; `None`: none came.
    pub(super) fn of(status: Option<u16>) -> Self {
        match status {
            // What somebody beyond the trunk, or a phone, decides.
            Some(200..=399 | 404 | 410 | 415 | 433 | 480 | 484..=488 | 600..) => Verdict::Works,
            None | Some(_) => Verdict::Failed,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Breaker {
    Closed,
    Open { until: Timestamp, step: Duration },
    HalfOpen { step: Duration, probe: Option<LegId> },
}

/// One trunk.
#[derive(Debug)]
pub(super) struct Trunk {
    /// As configured.
    pub(super) settings: TrunkSettings,
    legs: BTreeSet<LegId>,
    breaker: Breaker,
    reachable: bool,
}

impl Trunk {
    /// A trunk believed to work, with all channels free.
    pub(super) fn new(settings: TrunkSettings) -> Self {
        Self { settings, legs: BTreeSet::new(), breaker: Breaker::Closed, reachable: true }
    }

    /// How many more dials it can take now.
    pub(super) fn free(&self) -> u32 {
        let used = u32::try_from(self.legs.len()).unwrap_or(u32::MAX);
        let channels = self.settings.channels.saturating_sub(used);
        match self.breaker {
            _ if !self.reachable => 0,
            Breaker::Closed => channels,
            Breaker::Open { .. } | Breaker::HalfOpen { probe: Some(_), .. } => 0,
            Breaker::HalfOpen { probe: None, .. } => channels.min(1),
        }
    }

    /// How many legs it carries.
    pub(super) fn in_use(&self) -> usize {
        self.legs.len()
    }

    /// A dial takes a channel; in half-open it is the probe.
    pub(super) fn dial(&mut self, leg: LegId) {
        self.take(leg);
        if let Breaker::HalfOpen { probe: probe @ None, .. } = &mut self.breaker {
            *probe = Some(leg);
        }
    }

    /// A leg that is no dial takes a channel: an incoming call, an orphan.
    pub(super) fn take(&mut self, leg: LegId) {
        self.legs.insert(leg);
    }

    /// The leg is over and frees its channel. A probe that said nothing leaves room for another.
    pub(super) fn release(&mut self, leg: LegId) {
        self.legs.remove(&leg);
        if let Breaker::HalfOpen { probe, .. } = &mut self.breaker
            && *probe == Some(leg)
        {
            *probe = None;
        }
    }

    /// What a dial has shown. Returns when the breaker should be asked again, if it opened.
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        leg: LegId,
        verdict: Verdict,
    ) -> Option<Timestamp> {
        let step = match (verdict, self.breaker) {
            (Verdict::Works, _) => {
                self.breaker = Breaker::Closed;
                return None;
            }
            (Verdict::Failed, Breaker::Closed) => STEP_MIN,
            (Verdict::Failed, Breaker::HalfOpen { step, probe }) if probe == Some(leg) => {
                (step * 2).min(STEP_MAX)
            }
            // Dials from before it opened tell nothing new.
            (Verdict::Failed, Breaker::HalfOpen { .. } | Breaker::Open { .. }) => return None,
        };
        let until = now + step;
        self.breaker = Breaker::Open { until, step };
        Some(until)
    }

    /// The step may be over: one probe is let through.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if let Breaker::Open { until, step } = self.breaker
            && until <= now
        {
            self.breaker = Breaker::HalfOpen { step, probe: None };
        }
    }

    /// What OPTIONS found.
    pub(super) fn set_reachable(&mut self, reachable: bool) {
        self.reachable = reachable;
    }

    /// Is this a source whose calls are taken as the trunk's, by `accept_from`?
    pub(super) fn accepts(&self, source: IpAddr) -> bool {
        self.settings.accept_from.iter().any(|(net, length)| in_network(source, *net, *length))
    }
}

fn in_network(ip: IpAddr, network: IpAddr, length: u8) -> bool {
    let (ip, network, bits) = match (ip.to_canonical(), network.to_canonical()) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            (u128::from(u32::from(ip)), u128::from(u32::from(network)), 32u8)
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => (u128::from(ip), u128::from(network), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let host_bits = u32::from(bits.saturating_sub(length));
    ip.checked_shr(host_bits) == network.checked_shr(host_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::TrunkId;

    fn trunk(channels: u32) -> Trunk {
        Trunk::new(TrunkSettings {
            id: TrunkId::new("carrier"),
            address: "192.0.2.1:5060".parse().unwrap(),
            accept_from: vec![
                ("198.51.100.0".parse().unwrap(), 24),
                ("2001:db8::".parse().unwrap(), 32),
                ("0.0.0.0".parse().unwrap(), 0),
            ],
            credentials: None,
            caller_id: None,
            channels,
            options_interval: None,
        })
    }

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn the_step_doubles_up_to_a_minute_and_one_probe_passes_in_each() {
        let mut trunk = trunk(10);
        let mut now = at(0);
        let mut steps = Vec::new();
        trunk.dial(LegId(0));
        let mut until = trunk.judge(now, LegId(0), Verdict::Failed);
        trunk.release(LegId(0));
        for n in 1..9 {
            let due = until.unwrap();
            steps.push(due.since(now).as_secs());
            assert_eq!(trunk.free(), 0);
            now = due;
            trunk.expire(now);
            assert_eq!(trunk.free(), 1);
            trunk.dial(LegId(n));
            assert_eq!(trunk.free(), 0);
            until = trunk.judge(now, LegId(n), Verdict::Failed);
            trunk.release(LegId(n));
        }
        assert_eq!(steps, [1, 2, 4, 8, 16, 32, 60, 60]);
        trunk.expire(until.unwrap());
        trunk.dial(LegId(99));
        assert_eq!(trunk.judge(now, LegId(99), Verdict::Works), None);
        assert_eq!(trunk.free(), 9);
    }

    #[test]
    fn dials_from_before_it_opened_do_not_double_the_step() {
        let mut trunk = trunk(2);
        trunk.dial(LegId(1));
        trunk.dial(LegId(2));
        assert_eq!(trunk.free(), 0);
        assert_eq!(trunk.judge(at(0), LegId(1), Verdict::Failed), Some(at(1000)));
        assert_eq!(trunk.judge(at(1), LegId(2), Verdict::Failed), None);
        trunk.release(LegId(1));
        trunk.expire(at(1000));
        assert_eq!(trunk.judge(at(1001), LegId(2), Verdict::Failed), None);
        assert_eq!(trunk.free(), 1, "half open still");
    }

    #[test]
    fn a_probe_that_said_nothing_leaves_room_for_another() {
        let mut trunk = trunk(2);
        trunk.dial(LegId(1));
        trunk.judge(at(0), LegId(1), Verdict::Failed);
        trunk.expire(at(1000));
        trunk.dial(LegId(2));
        trunk.release(LegId(2));
        assert_eq!(trunk.free(), 1);
    }

    #[test]
    fn options_decide_apart_from_the_breaker() {
        let mut trunk = trunk(2);
        trunk.set_reachable(false);
        assert_eq!(trunk.free(), 0);
        trunk.judge(at(0), LegId(1), Verdict::Failed);
        trunk.set_reachable(true);
        assert_eq!(trunk.free(), 0, "OPTIONS do not close the breaker");
    }

    #[test]
    fn verdicts_by_status() {
        let failed = [None, Some(400), Some(401), Some(403), Some(407), Some(408), Some(503)];
        let works = [Some(200), Some(302), Some(404), Some(480), Some(486), Some(488), Some(603)];
        assert!(failed.into_iter().all(|status| Verdict::of(status) == Verdict::Failed));
        assert!(works.into_iter().all(|status| Verdict::of(status) == Verdict::Works));
    }

    #[test]
    fn sources_match_by_network() {
        let mut trunk = trunk(1);
        let table =
            [("198.51.100.7", 2, true), ("198.51.101.7", 2, false), ("2001:db8::9", 2, true)];
        trunk.settings.accept_from.pop();
        for (ip, _, expected) in table {
            assert_eq!(trunk.accepts(ip.parse().unwrap()), expected, "{ip}");
        }
        trunk.settings.accept_from.push(("0.0.0.0".parse().unwrap(), 0));
        assert!(trunk.accepts("203.0.113.5".parse().unwrap()));
        assert!(trunk.accepts("::ffff:203.0.113.5".parse().unwrap()));
        assert!(!trunk.accepts("2001:db9::1".parse().unwrap()));
    }
}
