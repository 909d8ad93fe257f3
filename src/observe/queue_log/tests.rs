//! Each row of the state table and its lines; each change of an agent's state and its lines.

use std::cmp::Reverse;

use super::*;
use crate::ident::NodeId;
use crate::phone::Address;
use crate::queue::interaction::ROWS;
use crate::queue::{Outcome, Queue};
use crate::time::Duration;

const T: Timestamp = Timestamp::from_ms(1_000_500);

fn id() -> InteractionId {
    InteractionId(7)
}

fn ann() -> AgentId {
    AgentId::new("ann")
}

fn members(queues: &[&str], numbers: bool) -> Settings {
    let queues = queues.iter().map(|queue| QueueId::new(queue)).collect();
    Settings { numbers, members: [(ann(), queues)].into() }
}

/// The row of a caller, by way of the queue so that it has all its fields.
fn interaction(stage: Stage) -> Interaction {
    let queues = [(QueueId::new("sales"), queue::QueueSettings::default())].into();
    let settings = queue::Settings { queues, ..queue::Settings::default() };
    let mut queue = Queue::new(settings, NodeId::new("one"));
    queue.handle(
        T,
        queue::Event::CallArrived {
            interaction: id(),
            queue: QueueId::new("sales"),
            skills: None,
            priority: 0,
            address: Address::parse("+14155550123"),
            node: NodeId::new("one"),
            attached: None,
        },
    );
    let mut row = queue.interaction(id()).unwrap().clone();
    row.stage = stage;
    row
}

fn taken(row: &'static str, stage: Stage, at: Timestamp, position: Option<u32>) -> Transition {
    let (agent, attempt, ewt) = (None, None, None);
    Transition { at, interaction: id(), row, stage, agent, attempt, position, ewt }
}

fn told(log: &mut QueueLog, rows: Interaction, taken: Transition) -> Vec<String> {
    let at = taken.at;
    let changed =
        Changed { interactions: vec![rows], transitions: vec![taken], ..Changed::default() };
    short(log.step(at, &changed))
}

/// Without the call id, which is the same in all.
fn short(lines: Vec<Line>) -> Vec<String> {
    let id = format!("|{}|", id());
    lines.iter().map(|line| line.to_string().replace(&id, "|7|")).collect()
}

/// The stage that a row's name ends in.
fn stage_after(row: &str) -> Stage {
    match row.rsplit('-').next().unwrap() {
        "waiting" => Stage::Waiting,
        "alerting" => Stage::Alerting(ann()),
        "bridged" => Stage::Bridged(ann()),
        "virtual" => Stage::Virtual { not_before: None },
        "scheduled" => Stage::Scheduled,
        "awaiting" => Stage::AwaitingCallIn,
        "pushed" => Stage::Pushed,
        "lapsed" => Stage::Lapsed,
        "dialing" => Stage::Dialing,
        "confirming" => Stage::Confirming,
        _ => Stage::Done(Outcome::Served),
    }
}

/// A log that knows the caller as far as a row from `stage` needs it: entered at [`T`] as the
/// third, alerted 3 s later, answered 2 s after that.
fn log_before(row: &str) -> QueueLog {
    let (mut log, _) = QueueLog::start(members(&["sales"], false), T, &Changed::default());
    let mut tell = |row, stage: Stage, seconds, position| {
        let at = T + Duration::from_secs(seconds);
        told(&mut log, interaction(stage.clone()), taken(row, stage, at, position));
    };
    let from = row.split('-').next().unwrap();
    let on_line = ["waiting", "alerting", "bridged"].iter().position(|stage| *stage == from);
    if on_line.is_some() {
        tell("new-arrived-waiting", Stage::Waiting, 0, Some(3));
    }
    if on_line >= Some(1) {
        tell("waiting-alerted-alerting", Stage::Alerting(ann()), 3, None);
    }
    if on_line >= Some(2) {
        tell("alerting-answered-bridged", Stage::Bridged(ann()), 5, Some(1));
    }
    log
}

/// Every row, 20 s after the caller entered, in second place.
#[test]
fn every_row_of_the_state_table_has_its_lines() {
    let ends = |row: &str, end: &str| {
        let ringing = row.starts_with("alerting-").then_some("1020|7|sales|ann|RINGCANCELED|17000");
        let end = format!("1020|7|sales|{end}");
        ringing.map(str::to_owned).into_iter().chain([end]).collect::<Vec<_>>()
    };
    for &row in ROWS {
        let mut log = log_before(row);
        let stage = stage_after(row);
        let mut rows = interaction(stage.clone());
        let (transferred, at) = (row == "bridged-transferred-waiting", T + Duration::from_secs(20));
        if transferred {
            rows.queue = QueueId::new("support");
        }
        let lines = told(&mut log, rows, taken(row, stage, at, Some(2)));
        let enters = || vec!["1020|7|sales|NONE|ENTERQUEUE||…23|2".to_owned()];
        let expected = match row {
            "new-arrived-waiting"
            | "scheduled-calledin-waiting"
            | "virtual-calledin-waiting"
            | "pushed-calledin-waiting"
            | "awaiting-matched-waiting"
            | "awaiting-calledin-waiting"
            | "lapsed-matched-waiting"
            | "dialing-calledin-waiting"
            | "confirming-passed-waiting" => enters(),
            "waiting-confirmed-virtual" | "alerting-confirmed-virtual" => {
                ends(row, "NONE|EXITWITHKEY|1|2|3|20")
            }
            "waiting-confirmed-scheduled" | "alerting-confirmed-scheduled" => {
                ends(row, "NONE|EXITWITHKEY|2|2|3|20")
            }
            "waiting-callback-virtual" => ends(row, "NONE|EXITWITHKEY|2|2|3|20"),
            "waiting-left-done" | "alerting-left-done" => ends(row, "NONE|EXITWITHKEY|*|2|3|20"),
            "waiting-cancelled-done"
            | "alerting-cancelled-done"
            | "waiting-overdue-dropped"
            | "waiting-closed-done"
            | "waiting-purged-done"
            | "waiting-waited-done"
            | "alerting-waited-done" => ends(row, "NONE|EXITWITHTIMEOUT|2|3|20"),
            "waiting-deserted-done" => ends(row, "NONE|EXITEMPTY|2|3|20"),
            "alerting-declined-waiting" => vec!["1020|7|sales|ann|RINGNOANSWER|17000".to_owned()],
            "alerting-answered-bridged" => {
                vec![format!("1020|7|sales|ann|CONNECT|20|{}-ann|17", id())]
            }
            "bridged-hungup-served" | "bridged-lost-dropped" => {
                ends(row, "ann|COMPLETECALLER|5|15|3")
            }
            "bridged-ended-served" => ends(row, "ann|COMPLETEAGENT|5|15|3"),
            "bridged-transferred-waiting" => vec![
                "1020|7|sales|ann|BLINDTRANSFER|support|queue|5|15|3".to_owned(),
                "1020|7|support|NONE|ENTERQUEUE||…23|2".to_owned(),
            ],
            "bridged-handedover-bridged" => vec![
                "1020|7|sales|ann|ATTENDEDTRANSFER|BRIDGE|7|5|15|3".to_owned(),
                "1020|7|sales|NONE|ENTERQUEUE||…23|2".to_owned(),
                format!("1020|7|sales|ann|CONNECT|0|{}-ann|0", id()),
            ],
            _ if row.contains("-hungup-") || row.contains("-lost-") => {
                let on_line = row.starts_with("waiting-") || row.starts_with("alerting-");
                if on_line { ends(row, "NONE|ABANDON|2|3|20") } else { vec![] }
            }
            _ => vec![],
        };
        assert_eq!(lines, expected, "{row}");
    }
}

/// A row that takes somebody off the line ends their entry, whatever rows are added later.
#[test]
fn every_row_off_the_line_is_an_end() {
    for &row in ROWS {
        let from = row.split('-').next().unwrap();
        let was = ["waiting", "alerting", "bridged"].contains(&from);
        let stage = stage_after(row);
        let stays = stage.on_line() || matches!(stage, Stage::Bridged(_));
        let moves = ["bridged-transferred-waiting", "bridged-handedover-bridged"].contains(&row);
        assert_eq!(end_of(row).is_some(), was && (!stays || moves), "{row}");
    }
}

#[test]
fn who_came_and_how_is_told_and_whole_numbers_only_if_set() {
    let at = T;
    let table = [
        (Origin::Live, false, false, "|…23|"),
        (Origin::Live, false, true, "|+14155550123|"),
        (Origin::Immediate, false, false, "callback|…23|"),
        (Origin::Scheduled, false, false, "callback|…23|"),
        (Origin::Scheduled, true, false, "call-in|…23|"),
        (Origin::CallIn, false, true, "call-in|+14155550123|"),
    ];
    for (origin, called_in, numbers, caller) in table {
        let (mut log, _) = QueueLog::start(members(&[], numbers), at, &Changed::default());
        let row = Interaction { origin, called_in, ..interaction(Stage::Waiting) };
        let lines = told(&mut log, row, taken("new-arrived-waiting", Stage::Waiting, at, Some(1)));
        assert_eq!(lines, [format!("1000|7|sales|NONE|ENTERQUEUE|{caller}1")], "{origin:?}");
    }
}

#[test]
fn a_change_of_an_agents_state_is_told_in_each_queue() {
    use AgentState::{AfterCallWork, LoggedOut, NotReady, Ready, Talking};
    let (asked, missed) = (NotReady(NotReadyReason::Asked), NotReady(NotReadyReason::Missed));
    let table: [(AgentState, AgentState, &[&str]); 11] = [
        (LoggedOut, LoggedOut, &[]),
        (LoggedOut, Ready, &["ADDMEMBER|"]),
        (LoggedOut, asked.clone(), &["ADDMEMBER|", "PAUSE|asked"]),
        (Ready, asked.clone(), &["PAUSE|asked"]),
        (asked.clone(), asked.clone(), &[]),
        (asked.clone(), missed.clone(), &["PAUSE|missed"]),
        (missed.clone(), Ready, &["UNPAUSE|"]),
        (Ready, Talking(id()), &[]),
        (Talking(id()), AfterCallWork, &[]),
        (AfterCallWork, LoggedOut, &["REMOVEMEMBER|"]),
        (asked, LoggedOut, &["REMOVEMEMBER|"]),
    ];
    let agents = [(ann(), queue::AgentSettings::default())].into();
    let settings = queue::Settings { agents, ..queue::Settings::default() };
    let idle = Queue::new(settings, NodeId::new("one")).agent(&ann()).unwrap().clone();
    for (before, after, events) in table {
        let agent = |state: &AgentState| Changed {
            agents: vec![Agent { state: state.clone(), ..idle.clone() }],
            ..Changed::default()
        };
        let (mut log, _) = QueueLog::start(members(&["a", "b"], false), T, &agent(&before));
        let lines = short(log.step(T, &agent(&after)));
        let of = |queue: &'static str| {
            events.iter().map(move |event| format!("1000|NONE|{queue}|ann|{event}"))
        };
        let expected: Vec<_> = of("a").chain(of("b")).collect();
        assert_eq!(lines, expected, "{before:?} {after:?}");
    }
}

#[test]
fn a_start_says_who_is_there_and_a_reload_who_serves_other_queues() {
    let settings = queue::Settings {
        queues: ["a", "b"].map(|name| (QueueId::new(name), Default::default())).into(),
        agents: [(ann(), queue::AgentSettings::default())].into(),
        ..queue::Settings::default()
    };
    let mut queue = Queue::new(settings.clone(), NodeId::new("one"));
    queue.handle(T, queue::Event::AgentLoggedIn { agent: ann(), ready: false });
    let of_all = Settings::of(&settings, false);
    assert_eq!(of_all, members(&["a", "b"], false));
    let (mut log, lines) = QueueLog::start(of_all, T, &queue.rows());
    let expected = [
        "1000|NONE|NONE|NONE|QUEUESTART|",
        "1000|NONE|a|ann|ADDMEMBER|",
        "1000|NONE|a|ann|PAUSE|login",
        "1000|NONE|b|ann|ADDMEMBER|",
        "1000|NONE|b|ann|PAUSE|login",
    ];
    assert_eq!(short(lines), expected);
    let expected = [
        "1000|NONE|NONE|NONE|CONFIGRELOAD|",
        "1000|NONE|a|ann|REMOVEMEMBER|",
        "1000|NONE|c|ann|ADDMEMBER|",
        "1000|NONE|c|ann|PAUSE|login",
    ];
    assert_eq!(short(log.reload(T, members(&["b", "c"], false))), expected);
}

#[test]
fn who_was_on_the_line_at_a_crash_abandons_at_the_position_they_had() {
    let first = Interaction {
        id: InteractionId(1),
        place: Place { priority: Reverse(9), arrival: T, sequence: 9 },
        ..interaction(Stage::Dialing)
    };
    let rows =
        Changed { interactions: vec![first, interaction(Stage::Waiting)], ..Changed::default() };
    let later = T + Duration::from_secs(30);
    let (mut log, _) = QueueLog::start(members(&["sales"], false), later, &rows);
    let row = "waiting-lost-abandoned";
    let done = Stage::Done(Outcome::Abandoned);
    let lines = told(&mut log, interaction(done.clone()), taken(row, done, later, Some(2)));
    assert_eq!(lines, ["1030|7|sales|NONE|ABANDON|2|2|30"]);
}

#[test]
fn a_name_cannot_be_taken_for_two_fields() {
    let (agent, queue) = (AgentId::new("a|b\nc"), QueueId::new("q|"));
    let line = Line::of_agent(T, Some(&queue), Some(&agent), Event::AddMember);
    assert_eq!(line.to_string(), "1000|NONE|q_|a_b_c|ADDMEMBER|");
}
