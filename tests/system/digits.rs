//! Access codes keyed in each of the three ways, over and over: every one must arrive right.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use ringback::ident::Entropy;

use crate::api::Ask;
use crate::by_hand::Caller;
use crate::database::Database;
use crate::proxy::{Odds, Proxy};
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::tone::key_ulaw;
use crate::{Failure, Outcome, ensure, now, times};

const GROUP: &str = r#"
[call_in_groups.app]
numbers = ["900"]

[[entries]]
dnis = "900"
flow = "call_in"

[flows.call_in]
start = "code"

[flows.call_in.nodes.code]
kind = "access_code"
group = "app"
matched = { default = "goodbye" }
failed = "goodbye"

[flows.call_in.nodes.goodbye]
kind = "hangup"
"#;

/// At most so many codes of six digits are outstanding for one number.
const OUTSTANDING_MAX: u32 = 100;
/// Calls at a time.
const AT_ONCE: u32 = 20;
const PACKET: Duration = Duration::from_millis(20);
const PACKET_BYTES: usize = 160;

/// One caller in ten of a long run.
const EVENT_CALLS: u32 = 100;
const OTHER_CALLS: u32 = 20;

/// As telephone-events, over a line that loses one packet in ten, doubles and delays others.
pub(crate) fn as_events(net: Net) -> Outcome {
    sipp::needed()?;
    let odds = Odds { lost: 100, doubled: 30, delayed: 50, delay_max: Duration::from_millis(40) };
    let at = SocketAddr::new(net.caller(), 5060);
    let phone = SocketAddr::new(net.stranger(), 5060);
    let mut losses = [0; 5];
    all_arrive(net, EVENT_CALLS, |server, requests| {
        let proxy = Proxy::start(at, phone, net.server(), odds, u64::from(requests.first))?;
        let lines: Vec<String> =
            requests.asked.iter().map(|(ani, code)| format!("{ani};{code}")).collect();
        let callers = Sipp::new("caller_keys_once", net.stranger()).key("dnis", "900");
        let callers = callers.fields(server, &lines)?.at_once(AT_ONCE).towards(proxy.address);
        callers.within(TOGETHER).run(server)?;
        for (sum, count) in losses.iter_mut().zip(proxy.counts.all()) {
            *sum += count;
        }
        Ok(())
    })?;
    let [received, lost, ..] = losses;
    ensure(lost * 20 > received, || format!("only {lost} of {received} packets were lost"))
}

/// By INFO, in both of its forms.
pub(crate) fn by_info(net: Net) -> Outcome {
    sipp::needed()?;
    all_arrive(net, OTHER_CALLS, |server, requests| {
        let lines = requests.asked.iter().map(|(ani, code)| {
            let digits: Vec<String> = code.chars().map(String::from).collect();
            format!("{ani};{}", digits.join(";"))
        });
        let callers = Sipp::new("caller_keys_info", net.caller()).key("dnis", "900");
        let callers = callers.fields(server, &lines.collect::<Vec<_>>())?.at_once(AT_ONCE);
        callers.within(TOGETHER).run(server)
    })
}

/// As tones in the sound, from a phone that knows no telephone-event.
pub(crate) fn in_band(net: Net) -> Outcome {
    all_arrive(net, OTHER_CALLS, |server, requests| {
        for callers in requests.asked.chunks(usize::try_from(AT_ONCE)?) {
            thread::scope(|scope| -> Outcome {
                let calls: Vec<_> = callers
                    .iter()
                    .map(|(ani, code)| {
                        let to = server.net.server();
                        scope.spawn(move || sound_call(net.caller(), to, ani, code))
                    })
                    .collect();
                for call in calls {
                    call.join().map_err(|_| Failure::Failed("a caller panicked".into()))??;
                }
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// Long enough for [`OUTSTANDING_MAX`] calls.
const TOGETHER: Duration = Duration::from_secs(180);

/// Who is to call with which code.
struct Requests {
    first: u32,
    asked: Vec<(String, String)>,
}

/// Asks for codes, lets them be keyed, each once, and counts those that were known again.
fn all_arrive(
    net: Net,
    calls: u32,
    mut key_them: impl FnMut(&Server, &Requests) -> Outcome,
) -> Outcome {
    let server = Server::start(net, &Configuration::new().and(GROUP))?;
    let database = Database::new(server.database())?;
    let key = server.api_key()?;
    let calls = calls * times();
    let mut first = 0;
    while first < calls {
        let until = calls.min(first + OUTSTANDING_MAX);
        let mut requests = Requests { first, asked: Vec::new() };
        for number in first..until {
            let ani = format!("+1415555{number:04}");
            let body = format!(r#"{{"group": "app", "from": "{ani}"}}"#);
            let asked = Ask::post("/api/v1/call-ins", &body).key(&key).send(&server)?;
            requests.asked.push((ani, asked.text("code")?));
        }
        key_them(&server, &requests)?;
        let matched = database.matched()?;
        ensure(matched == usize::try_from(until)?, || {
            format!("{matched} of {until} codes arrived right")
        })?;
        first = until;
    }
    server.stop()
}

/// A call of a plain phone: it keys the code in its sound, and waits for the server's BYE.
fn sound_call(at: IpAddr, server: SocketAddr, ani: &str, code: &str) -> Outcome {
    let caller = Caller::call(at, server, "900", ani)?;
    say(&caller.sound, code)?;
    caller.ended()
}

/// Speaks for a while as a phone with an open microphone does, keys the code, and goes quiet.
fn say(sound: &UdpSocket, code: &str) -> Outcome {
    let mut noise = Entropy::from_number(u64::from(sound.local_addr()?.port()));
    let mut samples = key_ulaw(None, 1500, &mut noise)?;
    for digit in code.chars() {
        samples.extend(key_ulaw(Some(digit), 90, &mut noise)?);
        samples.extend(key_ulaw(None, 90, &mut noise)?);
    }
    samples.extend(key_ulaw(None, 400, &mut noise)?);
    let started = now();
    for (number, payload) in (0_u32..).zip(samples.chunks(PACKET_BYTES)) {
        // A phone sends by its clock.
        thread::sleep((PACKET * number).saturating_sub(started.elapsed()));
        let mut packet = vec![0x80, 0];
        packet.extend(u16::try_from(number)?.to_be_bytes());
        packet.extend((number * 160).to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.extend(payload);
        sound.send(&packet)?;
    }
    Ok(())
}
