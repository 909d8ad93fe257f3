//! How a leg ended: whose doing it was, and what it means for the next attempt.
//!
//! Two tables from the final response of an INVITE (RFC 3261 section 21, with the ISUP causes
//! behind them from RFC 3398 section 7.2.4.1): one for a dialled consumer, one for the phone of an
//! agent. A response we do not know counts as the x00 of its class (RFC 3261 section 8.1.3.2).
//!
//! It must not decide about retries: how often and when is the queue's policy, by class.

use crate::ident::Route;

use super::effect::AgentDecline;

/// Who ended a leg, and with what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallEnd {
    /// By whom.
    pub by: EndedBy,
    /// The final response to our INVITE, if that ended it.
    pub status: Option<u16>,
    /// Was it answered before?
    pub answered: bool,
    /// Did it ring (a 18x came)?
    pub rang: bool,
}

/// Whose doing the end of a leg was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EndedBy {
    /// The other side: BYE, CANCEL, or a final response.
    Peer,
    /// We.
    Us,
    /// Nobody: no answer on the wire, a transport error, media and dialog both silent.
    Lost,
}

/// What the end of an attempt means for the next one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AttemptClass {
    /// 486, 600.
    Busy,
    /// Rang, nobody answered.
    NoAnswer,
    /// Answered, nobody pressed 1.
    NoConfirm,
    /// Answered by a machine: it beeped, or spoke like one and nobody pressed 1.
    Machine,
    /// The consumer's side rejected.
    Rejected,
    /// The number does not exist or cannot be reached.
    Unreachable,
    /// The trunk or we failed.
    Carrier,
    /// The consumer, who had confirmed, hung up.
    HungUp,
    /// The consumer called in while we dialled.
    CalledIn,
}

impl CallEnd {
    /// Was it lost, rather than ended by somebody?
    pub fn is_lost(&self) -> bool {
        match self.by {
            EndedBy::Lost => true,
            EndedBy::Peer | EndedBy::Us => false,
        }
    }

    /// The final response by which the other side, not we, ended an unanswered INVITE. 487 answers
    /// our own CANCEL (RFC 3261 section 9.2).
    pub fn rejected_with(&self) -> Option<u16> {
        let theirs = match self.by {
            EndedBy::Peer => true,
            EndedBy::Us | EndedBy::Lost => false,
        };
        self.status.filter(|&status| theirs && !self.answered && status != 487)
    }

    /// What the end of an unanswered dial that we did not end means.
    pub fn attempt_class(&self, route: &Route) -> AttemptClass {
        match (self.status, route) {
            (Some(status), _) => attempt_class_of(status, self.rang, route),
            // Silence: the trunk failed, or the phone is switched off while it is still bound.
            (None, Route::Trunk(_)) => AttemptClass::Carrier,
            (None, Route::Registrar) => AttemptClass::Unreachable,
        }
    }

    /// What the end of an agent's unanswered leg says about the agent.
    pub fn agent_decline(&self) -> AgentDecline {
        match (self.status, self.rang) {
            // Busy here, Busy everywhere.
            (Some(486 | 600), _) => AgentDecline::Busy,
            // Not the phone's word: its trunk has no channel.
            (Some(503), _) if self.by == EndedBy::Us => AgentDecline::Busy,
            // Decline; unwanted (RFC 8197): the agent pressed a key.
            (Some(603 | 607), _) => AgentDecline::Missed,
            // It rang, then the phone gave up, or its owner refused with the wrong word.
            (Some(408 | 480 | 487), true) => AgentDecline::Missed,
            // Not registered there, do not disturb, wrong address, no codec in common, broken.
            (Some(_), _) => AgentDecline::Unreachable,
            // Silence on the wire.
            (None, _) => AgentDecline::Unreachable,
        }
    }

    /// Does this rejection speak for all phones of the agent (6xx, RFC 3261 section 21.6)?
    pub fn speaks_for_all(&self) -> bool {
        self.status.is_some_and(|status| (600..700).contains(&status))
    }
}

fn attempt_class_of(status: u16, rang: bool, route: &Route) -> AttemptClass {
    let by_registrar = matches!(route, Route::Registrar);
    match status {
        // A redirection is never followed: it would widen who may be called.
        300..=399 => AttemptClass::Unreachable,
        // Busy here, Busy everywhere (cause 17).
        486 | 600 => AttemptClass::Busy,
        // Request Timeout: of a phone that rang (cause 18, 19), else of the network (cause 102).
        408 if rang => AttemptClass::NoAnswer,
        408 => AttemptClass::Carrier,
        // Temporarily Unavailable (cause 18, 19, 20); 487 of the carrier's own ring limit.
        480 | 487 => AttemptClass::NoAnswer,
        // Not Found, Gone, Address Incomplete, Ambiguous, Does Not Exist (cause 1, 22, 28).
        404 | 410 | 484 | 485 | 604 => AttemptClass::Unreachable,
        // Anonymity Disallowed (RFC 5079), Decline (cause 21), Unwanted (RFC 8197), Rejected
        // (RFC 8688).
        433 | 603 | 607 | 608 => AttemptClass::Rejected,
        // No codec in common with the phone (cause 65, 70): another try meets the same phone.
        415 | 488 | 606 => AttemptClass::Rejected,
        // Forbidden: by the phone (cause 21, when it rang); else by a trunk that does not let us.
        403 if by_registrar || rang => AttemptClass::Rejected,
        // Unknown 6xx: as 600.
        601..=699 => AttemptClass::Busy,
        // 401, 402, 403, 407: the trunk does not accept us. 5xx: it fails (cause 27, 34, 38, 41,
        // 42, 47). All else, as 400: it does not understand us.
        _ => AttemptClass::Carrier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::TrunkId;

    fn end(status: impl Into<Option<u16>>, rang: bool) -> CallEnd {
        let status = status.into();
        let by = if status.is_some() { EndedBy::Peer } else { EndedBy::Lost };
        CallEnd { by, status, answered: false, rang }
    }

    #[test]
    fn a_final_response_has_a_class() {
        use AttemptClass::*;
        let trunk = Route::Trunk(TrunkId::new("carrier"));
        let table: &[(&[u16], bool, AttemptClass)] = &[
            (&[486, 600, 699], true, Busy),
            (&[408, 480, 487], true, NoAnswer),
            (&[480, 487], false, NoAnswer),
            (&[603, 607, 608, 433, 415, 488, 606], true, Rejected),
            (&[301, 302, 404, 410, 484, 485, 604], false, Unreachable),
            (&[403, 408], false, Carrier),
            (&[403], true, Rejected),
            (&[400, 401, 402, 407, 420, 481, 482, 483, 491, 499], true, Carrier),
            (&[500, 501, 502, 503, 504, 513, 580, 599], true, Carrier),
        ];
        for (statuses, rang, class) in table {
            for &status in *statuses {
                assert_eq!(end(status, *rang).attempt_class(&trunk), *class, "{status}");
            }
        }
        assert_eq!(end(None, true).attempt_class(&trunk), Carrier);
        assert_eq!(end(None, false).attempt_class(&Route::Registrar), Unreachable);
        assert_eq!(end(403, false).attempt_class(&Route::Registrar), Rejected);
        assert_eq!(end(401, false).attempt_class(&Route::Registrar), Carrier);
    }

    #[test]
    fn an_agent_who_does_not_answer_is_busy_or_missed_or_unreachable() {
        use AgentDecline::*;
        let table: &[(Option<u16>, bool, AgentDecline)] = &[
            (Some(486), false, Busy),
            (Some(600), true, Busy),
            (Some(603), false, Missed),
            (Some(480), true, Missed),
            (Some(408), true, Missed),
            (Some(480), false, Unreachable),
            (Some(408), false, Unreachable),
            (Some(404), false, Unreachable),
            (Some(488), true, Unreachable),
            (Some(503), true, Unreachable),
            (None, true, Unreachable),
        ];
        for (status, rang, decline) in table {
            assert_eq!(end(*status, *rang).agent_decline(), *decline, "{status:?} {rang}");
        }
        let no_channel = CallEnd { by: EndedBy::Us, ..end(Some(503), false) };
        assert_eq!(no_channel.agent_decline(), Busy, "their trunk is, not they");
    }

    #[test]
    fn only_a_word_of_the_other_side_comes_before_our_own_end() {
        assert_eq!(end(486, true).rejected_with(), Some(486));
        assert_eq!(end(487, true).rejected_with(), None);
        assert_eq!(CallEnd { by: EndedBy::Us, ..end(486, true) }.rejected_with(), None);
        assert_eq!(CallEnd { answered: true, ..end(486, true) }.rejected_with(), None);
    }
}
