//! How a queue takes callbacks, estimates the wait, chooses agents, closes, and pushes: the keys of
//! `[queues.NAME]` that are about more than one call.

use super::document::Section;
use crate::queue::{AtClose, EwtMode, PushSettings, QueueSettings, Selection};
use crate::time::Duration;

/// What the queue starts from, with these keys read.
pub(super) fn policy(section: &mut Section<'_>) -> QueueSettings {
    let default = QueueSettings::default();
    let minutes = |n: u32| Duration::from_secs(60 * u64::from(n));
    let finish = section.number_if("at_close_minutes", 0..=600).map_or(minutes(30), minutes);
    let at_close = section.choice(
        "at_close",
        &[
            ("finish", AtClose::Finish(finish)),
            ("branch", AtClose::Branch),
            ("offer-schedule", AtClose::OfferSchedule),
        ],
    );
    QueueSettings {
        selection: section.choice(
            "selection",
            &[
                ("longest-idle", Selection::LongestIdle),
                ("fewest-calls", Selection::FewestCalls),
                ("round-robin", Selection::RoundRobin),
                ("most-skilled", Selection::MostSkilled),
            ],
        ),
        ewt: section.choice(
            "ewt_mode",
            &[("mode2", EwtMode::Mode2), ("mode1", EwtMode::Mode1), ("mode3", EwtMode::Mode3)],
        ),
        accept_callbacks: section.flag("accept_callbacks", default.accept_callbacks),
        process_callbacks: section.flag("process_callbacks", default.process_callbacks),
        accept_until_before_close: section
            .number_if("accept_until_minutes_before_close", 0..=720)
            .map_or(default.accept_until_before_close, minutes),
        callbacks_max: section.number("callbacks_max", 1..=100_000, default.callbacks_max),
        at_close,
        purge_on_line: section.flag("purge_on_line", default.purge_on_line),
        user_originated: section.flag("user_originated", default.user_originated),
        pushes: section.section("pushes", pushes),
        ..default
    }
}

fn pushes(section: &mut Section<'_>) -> PushSettings {
    let default = PushSettings::default();
    PushSettings {
        expiry: section
            .number_if("expiry_minutes", 1..=1440)
            .map_or(default.expiry, |minutes: u32| Duration::from_secs(60 * u64::from(minutes))),
        ready_answer_time: section.seconds(
            "ready_answer_time_seconds",
            10..=3600,
            default.ready_answer_time,
        ),
        factor_percent: section.number("factor_percent", 10..=500, default.factor_percent),
        upcoming_below: section
            .number_if("upcoming_below_seconds", 1..=86_400)
            .map(|seconds: u32| Duration::from_secs(u64::from(seconds))),
        reconnect_grace: section.seconds(
            "reconnect_grace_seconds",
            0..=600,
            default.reconnect_grace,
        ),
    }
}
