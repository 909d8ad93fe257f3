//! The parties over loopback: the real binary, met by SIPp, baresip, PJSIP and plain sockets.
//!
//! `cargo system [FILTER..]` runs the tests whose name holds one of the filters, `--list` names
//! them. Each test starts its own server on addresses of its own (127.P.N.x) with its own data
//! folder, so that some run at a time; those that measure time run alone, after the others. Every
//! wait is for an event and has a deadline. A party that is not installed makes a skip, named and
//! counted.
#![expect(clippy::print_stdout, reason = "a test program reports on its standard output")]

#[path = "system/answered.rs"]
mod answered;
#[path = "system/api.rs"]
mod api;
#[path = "system/baresip.rs"]
mod baresip;
#[path = "system/beyond.rs"]
mod beyond;
#[path = "system/by_hand.rs"]
mod by_hand;
#[path = "system/callbacks.rs"]
mod callbacks;
#[path = "system/call_in.rs"]
mod call_in;
#[path = "system/capture.rs"]
mod capture;
#[path = "system/closing.rs"]
mod closing;
#[path = "system/commands.rs"]
mod commands;
#[path = "system/cuts.rs"]
mod cuts;
#[path = "system/database.rs"]
mod database;
#[path = "system/digits.rs"]
mod digits;
#[path = "system/disk.rs"]
mod disk;
#[path = "system/gone.rs"]
mod gone;
#[path = "system/process.rs"]
mod process;
#[path = "system/proxy.rs"]
mod proxy;
#[path = "system/recordings.rs"]
mod recordings;
#[path = "system/records.rs"]
mod records;
#[path = "system/registering.rs"]
mod registering;
#[path = "system/restart.rs"]
mod restart;
#[path = "system/retry.rs"]
mod retry;
#[path = "system/sentences.rs"]
mod sentences;
#[path = "system/server.rs"]
mod server;
#[path = "system/sipp.rs"]
mod sipp;
#[path = "system/skills.rs"]
mod skills;
#[path = "system/story.rs"]
mod story;
#[path = "system/tone.rs"]
mod tone;
#[path = "system/torture.rs"]
mod torture;
#[path = "system/transfers.rs"]
mod transfers;
#[path = "system/upkeep.rs"]
mod upkeep;
#[path = "system/wire.rs"]
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use server::Net;

/// Why a test did not pass.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something was not as it should be.
    Failed(String),
    /// A party is missing.
    Skipped(String),
}

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Failed(error.to_string())
    }
}

/// What a test gives back.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Fails with what was seen unless it is as expected.
pub(crate) fn ensure(holds: bool, seen: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::Failed(seen())) }
}

/// A test: its name, whether it needs the machine for itself, and what it does.
type Test = (&'static str, Company, fn(Net) -> Outcome);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    /// Runs beside others.
    Beside,
    /// Measures time: runs alone.
    Alone,
}
use Company::{Alone, Beside};

const TESTS: &[Test] = &[
    ("at_close_callbacks_end_and_callers_are_served", Beside, closing::closes),
    ("a_code_leads_nowhere_when_it_is_too_late", Beside, call_in::too_late),
    ("a_callback_is_called_in_at_its_turn", Beside, call_in::delayed),
    ("ten_wrong_codes_and_no_code_is_heard", Beside, call_in::guessers),
    ("a_callback_is_accepted_made_and_bridged", Beside, story::callback),
    ("an_extension_is_called_back_as_shipped", Beside, story::extension),
    ("a_caller_who_waits_is_bridged", Beside, story::live_call),
    ("a_late_offer_is_answered_and_its_keys_arrive", Beside, story::late_offer),
    ("a_keyed_time_is_promised_and_dialled_then", Beside, callbacks::scheduled),
    ("a_pending_callback_is_kept", Beside, callbacks::pending_kept),
    ("a_pending_callback_is_cancelled", Beside, callbacks::pending_cancelled),
    ("what_is_attached_is_shown_and_kept", Beside, callbacks::attached),
    ("calling_in_stops_the_dial", Beside, callbacks::called_while_dialled),
    ("two_agents_get_whom_they_may_serve", Beside, skills::two_agents),
    ("an_agent_is_reached_through_a_pbx", Beside, beyond::extension),
    ("a_caller_is_transferred_to_an_agent", Beside, transfers::to_an_agent),
    ("a_caller_is_transferred_to_a_queue", Beside, transfers::to_a_queue),
    ("two_whom_an_agent_talks_with_are_joined", Beside, transfers::attended),
    ("an_agent_with_the_right_calls_out", Beside, transfers::called_out),
    ("a_number_an_agent_asked_is_joined", Beside, transfers::attended_to_a_number),
    ("a_caller_is_transferred_to_a_number", Beside, transfers::to_a_number),
    ("a_pending_callback_is_taken_over", Beside, callbacks::pending_taken_over),
    ("baresip_gets_the_callback_and_hears_the_tone", Beside, baresip::callback),
    ("a_wrong_password_binds_nothing", Beside, registering::wrong_password),
    ("a_stranger_reaches_nothing", Beside, registering::strangers),
    ("a_binding_survives_a_restart", Beside, registering::survives),
    ("who_registers_again_stays_as_they_were", Beside, registering::keeps),
    ("nobody_presses_1_ends_the_attempt_and_it_is_retried", Beside, retry::nobody_confirms),
    ("a_machine_is_told_and_called_again", Beside, retry::machine),
    ("whoever_presses_9_is_never_called_again", Beside, retry::never_again),
    ("busy_is_retried_after_its_delay", Beside, retry::busy),
    ("attempts_used_up_fail_the_callback", Beside, retry::used_up),
    ("dead_trunks_use_no_attempt_and_are_probed", Beside, retry::trunks_dead),
    ("a_silent_trunk_is_given_up_after_64_t1", Beside, retry::trunk_silent),
    ("kill_after_confirmation_loses_no_callback", Beside, restart::after_confirmation),
    ("kill_while_ringing_cancels_before_it_dials_again", Beside, restart::while_ringing),
    ("a_reload_is_all_or_nothing", Beside, upkeep::reload),
    ("a_dead_phone_is_found_out_in_2_s", Beside, upkeep::dead_phone),
    ("a_drain_says_goodbye_to_whoever_is_left", Beside, upkeep::drain),
    ("the_api_makes_shows_and_cancels_callbacks", Beside, api::callbacks),
    ("the_api_shows_free_times", Beside, api::availability),
    ("the_api_gives_a_number_and_a_code", Beside, api::call_in),
    ("the_api_pushes_to_a_webhook_until_it_takes", Beside, api::pushes),
    ("a_code_leads_to_an_agent_once", Beside, call_in::codes),
    ("torture_messages_are_answered", Beside, torture::rfc4475),
    ("a_bad_line_is_as_bad_as_it_says", Beside, proxy::self_check),
    ("a_sentence_is_heard_whole_and_without_gaps", Beside, sentences::without_gaps),
    ("recordings_are_listed_checked_and_replaced", Beside, recordings::replaced),
    ("broken_configurations_are_explained", Beside, commands::broken_configurations),
    ("the_shipped_configuration_starts", Beside, commands::shipped_configuration),
    ("cut_calls_leave_nothing", Alone, cuts::leave_nothing),
    ("codes_arrive_as_events_over_a_bad_line", Alone, digits::as_events),
    ("codes_arrive_by_info", Alone, digits::by_info),
    ("codes_arrive_in_band", Alone, digits::in_band),
    ("no_phone_rings_for_a_caller_who_left", Alone, gone::while_ringing),
    ("whoever_answers_hears_something_at_once", Alone, answered::hears_at_once),
    ("the_demo_passes", Alone, commands::demo),
    ("the_demo_passes_on_a_sunday_night", Alone, commands::demo_on_a_sunday),
    ("ready_for_sip_within_2_s", Alone, restart::ready_soon),
    ("ready_within_2_s_with_100000_callbacks", Alone, restart::ready_with_many),
    ("a_stalling_disk_delays_no_live_caller", Alone, disk::stalls),
];

/// Most of them wait for most of their time.
const AT_A_TIME: usize = 4;

/// One test ran: counted and told.
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn run(index: usize, test: &Test, tally: &Mutex<Tally>) {
    let (name, _, body) = test;
    let started = now();
    let ended = std::panic::catch_unwind(|| body(Net::new(index)));
    let seconds = started.elapsed().as_secs_f64();
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    match ended {
        Ok(Ok(())) => {
            tally.passed += 1;
            println!("ok {name} ({seconds:.1} s)");
        }
        Ok(Err(Failure::Skipped(why))) => {
            tally.skipped += 1;
            println!("skipped {name}: {why}");
        }
        Ok(Err(Failure::Failed(why))) => {
            tally.failed += 1;
            println!("FAILED {name} ({seconds:.1} s): {why}");
        }
        Err(_) => {
            tally.failed += 1;
            println!("FAILED {name} ({seconds:.1} s): panicked, see above");
        }
    }
}

/// How many times as often as on a commit those do it who do something many times: 10 in a long
/// run, as `SYSTEM_TIMES` says.
pub(crate) fn times() -> u32 {
    std::env::var("SYSTEM_TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// The one place where the tests read a clock.
#[expect(clippy::disallowed_methods, reason = "the tests measure the server from outside")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        TESTS.iter().for_each(|(name, ..)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let chosen = |name: &str| {
        arguments.is_empty() || arguments.iter().any(|filter| name.contains(filter.as_str()))
    };
    let numbered = TESTS.iter().enumerate().filter(|(_, (name, ..))| chosen(name));
    let (beside, alone): (VecDeque<_>, VecDeque<_>) =
        numbered.partition(|(_, (_, company, _))| *company == Beside);
    if beside.is_empty() && alone.is_empty() {
        println!("no test is named like {arguments:?}; --list names them");
        return ExitCode::FAILURE;
    }
    let tally = Mutex::new(Tally { passed: 0, failed: 0, skipped: 0 });
    let waiting = Mutex::new(beside);
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((index, test)) = next() {
                    run(index, test, &tally);
                }
            });
        }
    });
    for (index, test) in alone {
        run(index, test, &tally);
    }
    let Tally { passed, failed, skipped } =
        tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("system: {passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
