//! Calls that phones would connect with others: REFER inside a call (RFC 3515) and INVITE with
//! Replaces (RFC 3891).
//!
//! ```text
//! REFER --> Deciding --accept_refer--> 202, Reporting --NOTIFY 100 .. NOTIFY of the end--> over
//!           Deciding --reject_refer, nobody decides for 5 s--> refused
//!           Reporting --no end for 180 s--> NOTIFY 408 --> over
//! ```
//! Who may ask for what is decided outside; nothing that a Refer-To names is called from here. A
//! Replaces means only legs of the party that sends it. One NOTIFY is out at a time, so that none
//! overtakes another, and reports go on after the leg that asked: many phones hang up at once. If
//! we do, the end of the transfer is told before the BYE, whatever is out: a phone without a call
//! shows nothing (PJSIP 2.15).

use super::dialog::Dialog;
use super::leg::{Party, Pending, State};
use super::message::{Host, Method, NameAddr, Replaces, Request, Response, Scheme, Uri, quoted};
use super::reply::{Refusal, overloaded, reason};
use super::transaction::TransactionId;
use super::user_agent::{Deadline, Purpose, UserAgent};
use super::{Event, From, LEGS_MAX};
use crate::ident::{LegId, ReferId};
use crate::phone::Dnis;
use crate::time::{Duration, Timestamp};

/// How long a decision may take: well within the time that the sender waits.
const DECISION_MAX: Duration = Duration::from_secs(5);
/// How long a transfer is reported on.
const REPORTS_MAX: Duration = Duration::from_secs(180);
/// Longest Refer-To, in bytes.
const REFER_TO_MAX: usize = 1024;
/// The body of a report (RFC 3420).
const FRAGMENT: &str = "message/sipfrag;version=2.0";

/// Whom a REFER means.
#[derive(Clone, PartialEq, Debug)]
pub struct ReferTo {
    /// The number or name; empty if there is none.
    pub target: Dnis,
    /// Where; `None` in a tel URI.
    pub host: Option<Host>,
    /// The other call of the same party that is meant (an attended transfer).
    pub replaces: Option<LegId>,
}

/// A transfer that was asked for.
#[derive(Debug)]
pub(super) struct Referral {
    leg: LegId,
    /// The dialog of the leg, once that is gone.
    dialog: Option<Dialog>,
    /// What its reports are called: the value of Event.
    event: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The REFER waits.
    Deciding(Box<Pending>),
    Reporting(Reports),
}

#[derive(Debug)]
struct Reports {
    until: Timestamp,
    /// Is a NOTIFY without its answer?
    in_flight: bool,
    /// What the next one says.
    next: Option<u16>,
    /// Was the end of the transfer told, to us at least?
    over: bool,
}

impl Referral {
    /// Its leg is gone.
    pub(super) fn outlive(&mut self, dialog: Dialog) {
        self.dialog = Some(dialog);
    }
}

impl UserAgent {
    /// Accepts what [`Event::Referred`] asked for: 202, and a first NOTIFY unless the party wants
    /// none (RFC 4488). [`UserAgent::refer_progress`] should follow.
    pub fn accept_refer(&mut self, now: Timestamp, refer: ReferId) {
        let Some(Stage::Deciding(pending)) = self.referrals.get(&refer).map(|it| &it.stage) else {
            return;
        };
        let Pending { server, request } = &**pending;
        let (server, silent) = (*server, wants_no_reports(request));
        let mut response = Response::to(request, 202, reason(202));
        response.headers.push("Contact", &self.contact());
        if silent {
            response.headers.push("Refer-Sub", "false");
        }
        self.respond(now, server, response);
        if silent {
            return self.end_referral(refer);
        }
        let until = now + REPORTS_MAX;
        self.deadlines.set(until, Deadline::Referral(refer));
        if let Some(referral) = self.referrals.get_mut(&refer) {
            let reports = Reports { until, in_flight: false, next: Some(100), over: false };
            referral.stage = Stage::Reporting(reports);
        }
        self.report(now, refer);
    }

    /// Refuses what [`Event::Referred`] asked for. `status` is 300 to 699; anything else is sent as
    /// 500. `why` goes into a Warning, if it is not empty.
    pub fn reject_refer(&mut self, now: Timestamp, refer: ReferId, status: u16, why: &str) {
        let Some(Stage::Deciding(pending)) = self.referrals.get(&refer).map(|it| &it.stage) else {
            return;
        };
        let status = if (300..=699).contains(&status) { status } else { 500 };
        let mut refusal = Refusal::new(status);
        if !why.is_empty() {
            refusal = refusal.header("Warning", &format!("399 ringback {}", quoted(why)));
        }
        let (server, response) = (pending.server, refusal.to(&pending.request));
        self.respond(now, server, response);
        self.end_referral(refer);
    }

    /// How far an accepted transfer is, as the status of the call to the target: below 200 it goes
    /// on, from 200 on it is over. What comes after the end is left out.
    pub fn refer_progress(&mut self, now: Timestamp, refer: ReferId, status: u16) {
        let Some(Stage::Reporting(reports)) =
            self.referrals.get_mut(&refer).map(|it| &mut it.stage)
        else {
            return;
        };
        if reports.over || !(100..=699).contains(&status) {
            return;
        }
        (reports.over, reports.next) = (status >= 200, Some(status));
        self.report(now, refer);
    }

    /// A REFER inside the dialog of a leg.
    pub(super) fn take_refer(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        leg: LegId,
        request: &Request,
    ) -> Result<(), Refusal> {
        let known = self.legs.get(&leg).ok_or_else(|| Refusal::new(481))?;
        match known.state {
            State::Up(_) if known.referral.is_none() => {}
            State::Leaving(_) => return Err(Refusal::new(481)),
            // One after the other, and none before the answer.
            State::Offered(_) | State::Inviting(_) | State::Up(_) => return Err(Refusal::new(491)),
        }
        let (uri, replaces) = refer_to(request)?;
        let other = |named: &Replaces| {
            let found = self.named(named, &known.party).filter(|found| *found != leg);
            let found = found.and_then(|found| Some((found, self.legs.get(&found)?)));
            match found.map(|(found, other)| (found, &other.state)) {
                Some((found, State::Up(_))) => Ok(found),
                // Nobody is there yet with whom to connect.
                Some((_, State::Offered(_))) => Err(Refusal::new(491)),
                // Not 481 or 404: those would end the call that the REFER came in (RFC 5057).
                Some((_, State::Inviting(_) | State::Leaving(_))) | None => Err(Refusal::new(403)),
            }
        };
        let replaces = replaces.as_ref().map(other).transpose()?;
        if self.referrals.len() >= LEGS_MAX {
            return Err(overloaded());
        }
        let refer = ReferId(self.entropy.next_u64());
        let Some(known) = self.legs.get_mut(&leg) else { return Ok(()) };
        known.referral = Some(refer);
        // RFC 3515 section 2.4.6: the first needs no id, and some phones expect none.
        let event = match std::mem::replace(&mut known.referred, true) {
            false => "refer".to_owned(),
            true => format!("refer;id={}", request.cseq().number),
        };
        let stage = Stage::Deciding(Box::new(Pending { server: id, request: request.clone() }));
        self.referrals.insert(refer, Referral { leg, dialog: None, event, stage });
        self.deadlines.set(now + DECISION_MAX, Deadline::Referral(refer));
        let target = Dnis::new(uri.user().as_deref().unwrap_or(""));
        let to = ReferTo { target, host: uri.host(), replaces };
        self.emit(Event::Referred { leg, refer, to });
        Ok(())
    }

    /// The leg that an INVITE would take the place of (RFC 3891 section 3): an answered one of the
    /// user who sends it. Whoever else asks learns no more than that there is none.
    pub(super) fn replaced_by(
        &self,
        from: &From,
        request: &Request,
    ) -> Result<Option<LegId>, Refusal> {
        if !request.headers.contains("Replaces") {
            return Ok(None);
        }
        let mut values = request.headers.all("Replaces");
        let named = values.next().and_then(Replaces::parse).filter(|_| values.next().is_none());
        let named = named.ok_or_else(|| Refusal::new(400))?;
        let leg = match from {
            From::User(user) => self.replaced(&named, &Party::User(user.clone())),
            From::Trunk(_) => None,
        };
        match leg {
            None => Err(Refusal::new(481)),
            Some(_) if named.early_only => Err(Refusal::new(486)),
            Some(leg) => Ok(Some(leg)),
        }
    }

    /// The answered leg of that name, if it is with that party.
    fn replaced(&self, named: &Replaces, party: &Party) -> Option<LegId> {
        let leg = self.named(named, party)?;
        matches!(self.legs.get(&leg)?.state, State::Up(_)).then_some(leg)
    }

    /// The leg of that name, answered or not, if it is with that party.
    fn named(&self, named: &Replaces, party: &Party) -> Option<LegId> {
        let leg = *self.dialogs.get(&(named.call_id.clone(), named.to_tag.clone()))?;
        let known = self.legs.get(&leg)?;
        let same = known.dialog.remote_tag() == named.from_tag && known.party == *party;
        same.then_some(leg)
    }

    /// Sends the next report, if there is one and the last was answered.
    fn report(&mut self, now: Timestamp, refer: ReferId) {
        let (via, contact) = (self.draw_via(), self.contact());
        let Some(referral) = self.referrals.get_mut(&refer) else { return };
        let Stage::Reporting(reports) = &mut referral.stage else { return };
        if reports.in_flight {
            return;
        }
        let Some(status) = reports.next.take() else { return };
        let of_leg = self.legs.get_mut(&referral.leg).map(|leg| &mut leg.dialog);
        let Some(dialog) = referral.dialog.as_mut().or(of_leg) else {
            return self.end_referral(refer);
        };
        let (to, mut notify) = dialog.request(Method::Notify, via);
        let state = if status < 200 {
            format!("active;expires={}", reports.until.since(now).as_secs())
        } else {
            "terminated;reason=noresource".to_owned()
        };
        notify.headers.push("Contact", &contact);
        notify.headers.push("Event", &referral.event);
        notify.headers.push("Subscription-State", &state);
        let fragment = format!("SIP/2.0 {status} {}\r\n", reason(status));
        notify.set_body(FRAGMENT, fragment.into_bytes());
        reports.in_flight = true;
        if self.transactions.request(now, to, &notify, Purpose::Notify(refer)).is_none() {
            self.end_referral(refer);
        }
    }

    /// Tells the end of a transfer, if it came already, ahead of the end of its leg.
    pub(super) fn report_before_bye(&mut self, now: Timestamp, leg: LegId) {
        let Some(refer) = self.legs.get(&leg).and_then(|leg| leg.referral) else { return };
        let stage = self.referrals.get_mut(&refer).map(|referral| &mut referral.stage);
        if let Some(Stage::Reporting(reports)) = stage
            && reports.over
        {
            reports.in_flight = false;
            self.report(now, refer);
        }
    }

    /// The answer to a report. Who refuses one wants no more (RFC 6665 section 4.2.2).
    pub(super) fn hear_notify(&mut self, now: Timestamp, refer: ReferId, status: u16) {
        let Some(Stage::Reporting(reports)) =
            self.referrals.get_mut(&refer).map(|it| &mut it.stage)
        else {
            return;
        };
        reports.in_flight = false;
        if status >= 300 || reports.over && reports.next.is_none() {
            self.end_referral(refer);
        } else {
            self.report(now, refer);
        }
    }

    /// Nobody decided, or no end came.
    pub(super) fn give_up_referral(&mut self, now: Timestamp, refer: ReferId) {
        match self.referrals.get(&refer).map(|referral| &referral.stage) {
            // No 408: to a request that is no INVITE it comes too late (RFC 4320).
            Some(Stage::Deciding(_)) => self.reject_refer(now, refer, 500, "Nobody decided"),
            Some(Stage::Reporting(_)) => self.refer_progress(now, refer, 408),
            None => {}
        }
    }

    /// Forgets a transfer.
    pub(super) fn end_referral(&mut self, refer: ReferId) {
        let Some(referral) = self.referrals.remove(&refer) else { return };
        self.deadlines.clear(&Deadline::Referral(refer));
        if let Some(leg) = self.legs.get_mut(&referral.leg) {
            leg.referral = None;
        }
    }
}

/// The target of a REFER, and the dialog that it names.
///
/// # Errors
/// 400 unless there is one Refer-To, well formed and not too long; 603 for what is no call.
fn refer_to(request: &Request) -> Result<(Uri, Option<Replaces>), Refusal> {
    let bad = || Refusal::new(400);
    let mut fields =
        request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Refer-To"));
    let (Some((_, value)), None) = (fields.next(), fields.next()) else { return Err(bad()) };
    if value.len() > REFER_TO_MAX {
        return Err(bad());
    }
    let value = std::str::from_utf8(value).ok().and_then(NameAddr::parse);
    let uri = value.ok_or_else(bad)?.uri;
    let is_call = match uri.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => {
            uri.param("method").is_none_or(|method| method.eq_ignore_ascii_case("INVITE"))
        }
        Scheme::Other(_) => false,
    };
    if !is_call {
        return Err(Refusal::new(603));
    }
    let replaces = match uri.header("Replaces") {
        Some(named) => Some(Replaces::parse(&named).ok_or_else(bad)?),
        None => None,
    };
    Ok((uri, replaces))
}

/// `Refer-Sub: false` (RFC 4488).
fn wants_no_reports(request: &Request) -> bool {
    let value = request.headers.get("Refer-Sub").and_then(|value| value.split(';').next());
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, parse};
    use super::*;

    /// The target as user, host and To tag of the dialog, or the status.
    fn read(headers: &str) -> Result<(String, String, Option<String>), u16> {
        let text = format!(
            "REFER sip:1@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
             From: <sip:a@example.com>;tag=t\r\nTo: <sip:1@example.com>;tag=u\r\nCall-ID: c\r\n\
             CSeq: 2 REFER\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        let Ok(Message::Request(request)) = parse(text.as_bytes()) else { panic!("{headers}") };
        let (uri, replaces) = refer_to(&request).map_err(|refused| refused.status)?;
        let host = uri.host().map_or_else(String::new, |host| host.to_string());
        let user = uri.user().unwrap_or_default().into_owned();
        Ok((user, host, replaces.map(|replaces| replaces.to_tag)))
    }

    #[test]
    fn the_target_is_read_from_one_refer_to() {
        let table = [
            ("Refer-To: <sip:201@ringback>", ("201", "ringback", None)),
            ("r: sip:201@192.0.2.9:5060", ("201", "192.0.2.9", None)),
            ("Refer-To: \"Bob\" <sip:%2B1415@h;method=INVITE>", ("+1415", "h", None)),
            ("Refer-To: <tel:+14155550100>", ("+14155550100", "", None)),
            ("Refer-To: <sip:h>", ("", "h", None)),
            (
                "Refer-To: <sip:2@h?Replaces=a%40h%3Bto-tag%3Dx%3Bfrom-tag%3Dy&Require=replaces>",
                ("2", "h", Some("x")),
            ),
            (
                "Refer-To: <sip:2@h?X=1&replaces=a%3Bfrom-tag%3Dy%3Bto-tag%3Dx%3Bearly-only>",
                ("2", "h", Some("x")),
            ),
        ];
        for (header, (user, host, tag)) in table {
            let expected = (user.to_owned(), host.to_owned(), tag.map(str::to_owned));
            assert_eq!(read(&format!("{header}\r\n")), Ok(expected), "{header}");
        }
    }

    #[test]
    fn what_names_no_one_target_is_refused() {
        let long = format!("Refer-To: <sip:{}@h>\r\n", "2".repeat(REFER_TO_MAX));
        let table = [
            ("", 400),
            ("Refer-To: <sip:1@h>\r\nr: <sip:2@h>\r\n", 400),
            ("Refer-To: <sip:1@h>, <sip:2@h>\r\n", 400),
            ("Refer-To: \r\n", 400),
            ("Refer-To: <sip:1@h\r\n", 400),
            ("Refer-To: sip:2@h?Replaces=a\r\n", 400),
            ("Refer-To: <sip:2@h?Replaces=a>\r\n", 400),
            ("Refer-To: <sip:2@h?Replaces=a%3Bto-tag%3Dx>\r\n", 400),
            ("Refer-To: <sip:2@h?Replaces=%3Bto-tag%3Dx%3Bfrom-tag%3Dy>\r\n", 400),
            ("Refer-To: <sip:2@h?Replaces=a%3Bto-tag%3Dx%3Bto-tag%3Dz%3Bfrom-tag%3Dy>\r\n", 400),
            ("Refer-To: <http://h/>\r\n", 603),
            ("Refer-To: <sip:1@h;method=BYE>\r\n", 603),
            (&long, 400),
        ];
        for (headers, status) in table {
            assert_eq!(read(headers), Err(status), "{headers}");
        }
    }
}
