//! The names of stages and outcomes as told outside, by the field's published contract (version 3):
//! derived, never decided on.

use crate::queue::event::RetryClass;
use crate::queue::{Outcome, Stage};

/// The state of an interaction as told outside.
pub fn state(stage: &Stage) -> &'static str {
    match stage {
        Stage::Scheduled => "SCHEDULED",
        Stage::Virtual { .. }
        | Stage::Dialing
        | Stage::Confirming
        | Stage::Pushed
        | Stage::AwaitingCallIn => "QUEUED",
        Stage::Waiting | Stage::Alerting(_) => "ROUTING",
        Stage::Bridged(_) => "PROCESSING",
        Stage::Done(_) | Stage::Lapsed => "COMPLETED",
    }
}

/// The reason of an outcome as told outside. A caller who left the queue by a choice of the flow
/// counts as one who cancelled.
pub fn reason(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Served | Outcome::CalledIn => "AGENT_CONNECTED",
        Outcome::Cancelled | Outcome::Refused | Outcome::Left => "CANCELLED",
        Outcome::AttemptsExhausted(RetryClass::NoConfirm) => "FAIL_USER_NO_CONFIRM",
        Outcome::DailyLimit
        | Outcome::AttemptsExhausted(
            RetryClass::Busy
            | RetryClass::NoAnswer
            | RetryClass::Machine
            | RetryClass::Rejected
            | RetryClass::Unreachable
            | RetryClass::Carrier
            | RetryClass::HungUp
            | RetryClass::CalledIn,
        ) => "FAIL_CALL_TO_CUSTOMER",
        Outcome::Purged | Outcome::Closed => "FAIL_TIMEOUT_TTL",
        Outcome::Abandoned => "FAIL_AGENT_CONNECT",
        Outcome::Dropped | Outcome::NotPermitted => "FAIL_ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::AgentId;

    #[test]
    fn stages_have_the_states_of_the_contract() {
        let ann = AgentId::new("ann");
        let table = [
            (Stage::Virtual { not_before: None }, "QUEUED"),
            (Stage::Scheduled, "SCHEDULED"),
            (Stage::Pushed, "QUEUED"),
            (Stage::AwaitingCallIn, "QUEUED"),
            (Stage::Lapsed, "COMPLETED"),
            (Stage::Dialing, "QUEUED"),
            (Stage::Confirming, "QUEUED"),
            (Stage::Waiting, "ROUTING"),
            (Stage::Alerting(ann.clone()), "ROUTING"),
            (Stage::Bridged(ann), "PROCESSING"),
            (Stage::Done(Outcome::Served), "COMPLETED"),
        ];
        for (stage, name) in table {
            assert_eq!(state(&stage), name, "{stage:?}");
        }
    }

    #[test]
    fn outcomes_have_the_reasons_of_the_contract() {
        let table = [
            (Outcome::Served, "AGENT_CONNECTED"),
            (Outcome::AttemptsExhausted(RetryClass::Busy), "FAIL_CALL_TO_CUSTOMER"),
            (Outcome::AttemptsExhausted(RetryClass::NoConfirm), "FAIL_USER_NO_CONFIRM"),
            (Outcome::Refused, "CANCELLED"),
            (Outcome::Closed, "FAIL_TIMEOUT_TTL"),
            (Outcome::Abandoned, "FAIL_AGENT_CONNECT"),
            (Outcome::Dropped, "FAIL_ERROR"),
        ];
        for (outcome, name) in table {
            assert_eq!(reason(outcome), name, "{outcome:?}");
        }
    }
}
