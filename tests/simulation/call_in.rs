//! What concerns callbacks and call-ins as text, both ways: refusals, pushes, requests and calls.
//!
//! A code is written as digits; the queue sees its hash alone.

use std::collections::BTreeSet;

use ringback::ident::{CallInId, GroupId, InteractionId};
use ringback::phone::{AccessCode, CodeKey, Dnis};
use ringback::queue::effect::{CallInRefusal, PushEvent, Refusal};
use ringback::queue::event::CallInAsked;
use ringback::queue::matching::{Combination, DrawnCodes, Presented};
use ringback::queue::{Event, Outcome};
use ringback::time::Timestamp;

use crate::bench::this_node;
use crate::text::{self, Names, Words, address, number, parsed, show_time, time};

/// The key under which every run hashes its codes.
pub(crate) fn code_key() -> CodeKey {
    CodeKey::new([7; 32])
}

/// The hashes of the codes for each number.
pub(crate) fn drawn(numbers: &[Dnis], codes: &[AccessCode]) -> DrawnCodes {
    DrawnCodes::hash(&code_key(), numbers, codes)
}

fn dnis(text: &str) -> Result<Dnis, String> {
    Ok(Dnis::new(text))
}

fn code(text: &str) -> Result<AccessCode, String> {
    parsed("access code", text, AccessCode::parse(text))
}

/// Reads `ask-call-in 7 group=app numbers=800,801 codes=123456,234567 for=carol from=+1..`.
pub(crate) fn read_asked(names: &mut Names, words: &Words<'_>) -> Result<Event, String> {
    let each = |text: &str| text.split(',').map(str::to_string).collect::<Vec<_>>();
    let numbers = words.pair("numbers", |text| Ok(each(text)))?.unwrap_or_default();
    let numbers: Vec<Dnis> = numbers.iter().map(|text| Dnis::new(text)).collect();
    let codes = words.pair("codes", |text| Ok(each(text)))?.unwrap_or_default();
    let codes = codes.iter().map(|text| code(text)).collect::<Result<Vec<_>, _>>()?;
    let callback = words.pair("for", |name| Ok(names.id(name)))?;
    Ok(Event::CallInRequested(Box::new(CallInAsked {
        request: CallInId(number(words.get(1)?)?),
        group: words.need("group", |id| Ok(GroupId::new(id)))?,
        from: words.pair("from", address)?,
        callback,
        codes: drawn(&numbers, &codes),
        data: words.pair("data", text::data)?,
    })))
}

/// Prints a request; its codes are hashes, which cannot be read back.
pub(crate) fn show_asked(names: &Names, asked: &CallInAsked) -> String {
    let callback = asked.callback.map(|id| format!(" for={}", names.show(id)));
    let from = asked.from.as_ref().map(|from| format!(" from={}", from.expose()));
    let (callback, from) = (callback.unwrap_or_default(), from.unwrap_or_default());
    format!("ask-call-in {} group={}{callback}{from}", asked.request.0, asked.group)
}

/// Reads `call-in erin group=app dnis=800 code=123456 ani=+1.. since=05:00 routed=code+ani,code`.
/// Without them: it reached the entry now, and everything that may agree is routed.
pub(crate) fn read_arrived(
    call: InteractionId,
    at: Timestamp,
    words: &Words<'_>,
) -> Result<Event, String> {
    let dnis = words.need("dnis", dnis)?;
    let code = words.pair("code", code)?.map(|code| code_key().hash(&dnis, &code));
    let ani = words.pair("ani", address)?;
    let group = words.need("group", |id| Ok(GroupId::new(id)))?;
    let since = words.pair("since", time)?.unwrap_or(at);
    let presented = Presented { ani, dnis, code, since };
    let named = |text: &str| Ok(text.split(',').map(str::to_string).collect::<Vec<_>>());
    let named = words.pair("routed", named)?;
    let is_routed =
        |it: &Combination| named.as_ref().is_none_or(|named| named.contains(&it.to_string()));
    let routed = Combination::every().into_iter().filter(is_routed).collect();
    Ok(Event::CallInArrived { call, group, presented, routed, node: this_node() })
}

/// Prints a call; its code is a hash.
pub(crate) fn show_arrived(
    who: &str,
    group: &GroupId,
    presented: &Presented,
    routed: &BTreeSet<Combination>,
) -> String {
    let ani = presented.ani.as_ref().map(|ani| format!(" ani={}", ani.expose()));
    let code = if presented.code.is_some() { " code=?" } else { "" };
    let (dnis, ani) = (presented.dnis.expose(), ani.unwrap_or_default());
    let since = show_time(presented.since);
    let routed: Vec<String> = routed.iter().map(Combination::to_string).collect();
    let routed = routed.join(",");
    format!("call-in {who} group={group} dnis={dnis}{ani}{code} since={since} routed={routed}")
}

fn times(word: &str, proposals: &[Timestamp]) -> String {
    let times: Vec<String> = proposals.iter().map(|&at| show_time(at)).collect();
    if times.is_empty() { word.into() } else { format!("{word} propose={}", times.join(",")) }
}

/// Why a callback was refused.
pub(crate) fn refusal(names: &Names, why: &Refusal) -> String {
    match why {
        Refusal::Closed { proposals } => times("closed", proposals),
        Refusal::TooFarAhead { proposals } => times("too-far-ahead", proposals),
        Refusal::Past { proposals } => times("past", proposals),
        Refusal::SlotTaken { proposals } => times("slot-taken", proposals),
        Refusal::Full => "full".into(),
        Refusal::Unknown => "unknown".into(),
        Refusal::NotOffered => "not-offered".into(),
        Refusal::NotPermitted => "not-permitted".into(),
        Refusal::NeverCall => "never-call".into(),
        Refusal::TooOften { again_at } => format!("too-often until={}", show_time(*again_at)),
        Refusal::Duplicate { open, due_at } => {
            let due = due_at.map(|due| format!(" due={}", show_time(due))).unwrap_or_default();
            format!("duplicate of={}{due}", names.show(*open))
        }
    }
}

/// Why no Call-In request was made.
pub(crate) fn refused_call_in(why: &CallInRefusal) -> String {
    match why {
        CallInRefusal::UnknownGroup => "unknown-group".into(),
        CallInRefusal::NotItsTurn => "not-its-turn".into(),
        CallInRefusal::Over => "over".into(),
        CallInRefusal::NumberNeeded => "number-needed".into(),
        CallInRefusal::NoneFree { retry_at } => format!("none-free until={}", show_time(*retry_at)),
    }
}

/// What an app is told.
pub(crate) fn push(event: &PushEvent) -> String {
    match event {
        PushEvent::Upcoming => "upcoming".into(),
        PushEvent::Ready => "ready".into(),
        PushEvent::CallIn(request) => format!("call-in {}", request.0),
        PushEvent::Expired => "expired".into(),
        PushEvent::Moved(due) => format!("moved due={}", show_time(*due)),
        PushEvent::Completed(outcome) => format!("completed {}", outcome_word(*outcome)),
    }
}

fn outcome_word(outcome: Outcome) -> String {
    format!("{outcome:?}").to_lowercase()
}
