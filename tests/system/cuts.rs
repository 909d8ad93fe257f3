//! Calls that are cut at a random moment, as networks and phones do it: nothing of them is left.

use std::fs;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use ringback::ident::Entropy;
use ringback::queue::invariants::runs::ports_return;

use crate::database::Database;
use crate::process::until;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Running, Sipp};
use crate::{Outcome, ensure, now, times};

/// Calls of each of the four kinds: a tenth of a long run.
const EACH: u32 = 50;
/// New calls a second of each kind.
const RATE: u32 = 5;
/// Phones that are killed together.
const TOGETHER: u32 = 25;
/// A cut comes so soon after the call began, at most.
const CUT_WITHIN_MS: u64 = 3_500;
/// Nothing is left so long after the last cut.
const LEFT_AFTER: Duration = Duration::from_secs(45);
/// Phones register in so long.
const REGISTER_MAX: Duration = Duration::from_secs(120);

const FLOW: &str = r#"
[[entries]]
dnis = "300"
flow = "killed"

[flows.killed]
start = "hold"

[flows.killed.nodes.hold]
kind = "queue"
queue = "support"
skills = "killed > 0"
"#;

/// Peers fall silent, BYEs are lost, answers are never confirmed, agents' phones are killed while
/// they ring or talk. 45 s later no agent is busy, no leg or call is in the tables, no port bound.
pub(crate) fn leave_nothing(net: Net) -> Outcome {
    sipp::needed()?;
    let each = EACH * times();
    let steady: Vec<String> = (0..each).map(|n| format!("a{n}")).collect();
    let killed: Vec<String> = (0..each).map(|n| format!("k{n}")).collect();
    let agents = |names: &[String], skill: &str| -> String {
        let section = |name: &String| {
            format!("[agents.{name}]\nskills = {{ {skill} = 1 }}\non_register = \"ready\"\n")
        };
        names.iter().map(section).collect()
    };
    let configuration = Configuration::new()
        .with("rtp_timeout_seconds = 5\nports = \"20000-29999\"")?
        .and(FLOW)
        .and(&agents(&steady, "support"))
        .and(&agents(&killed, "killed"));
    let server = Server::start(net, &configuration)?;
    let database = Database::new(server.database())?;
    let mut phones = phones(&server, 5100, &steady)?;
    let kinds = ["caller_falls_silent", "caller_forgets", "caller_never_acks"];
    let mut cut = Vec::new();
    for (kind, port) in kinds.into_iter().zip([5070, 5072, 5074]) {
        let callers = Sipp::new(kind, net.caller()).port(port).key("dnis", "100");
        let callers = callers.key("ani", "+14155550123").calls(each).rate(RATE);
        cut.push(callers.within(Duration::from_secs(240)).start(&server)?);
    }
    let mut entropy = Entropy::from_number(u64::from(std::process::id()));
    for (names, port) in killed.chunks(usize::try_from(TOGETHER)?).zip((5200..).step_by(2)) {
        let mut phones = self::phones(&server, port, names)?;
        let callers = Sipp::new("caller_stays", net.caller()).port(port).key("dnis", "300");
        let callers = callers.key("ani", "+14155550124").calls(u32::try_from(names.len())?);
        cut.push(callers.rate(TOGETHER).start(&server)?);
        // The moment is by chance, nothing is waited for.
        thread::sleep(Duration::from_millis(entropy.below(CUT_WITHIN_MS)));
        phones.kill()?;
    }
    let bound = ports(net.server().ip())?;
    ensure(bound > 0, || "no port was ever bound".into())?;
    for callers in &mut cut {
        callers.over()?;
    }
    let last = now();
    let waited = || LEFT_AFTER.saturating_sub(last.elapsed());
    until("an end of every leg, call and port", waited(), || {
        let (ports, [legs, calls]) = (ports(net.server().ip())?, tables(&server)?);
        Ok(ports_return(ports as u64, legs as u64, calls as u64).ok())
    })?;
    // A caller who never confirms the answer is never let into the queue.
    let calls = usize::try_from(3 * each)?;
    let ended = until("an end of every call on disk", waited(), || {
        let rows = database.interactions()?;
        Ok(rows.iter().all(|row| row.state == "COMPLETED").then_some(rows.len()))
    })?;
    ensure(ended == calls, || format!("{ended} calls were in the queue, not {calls}"))?;
    until("agents who are no longer busy", waited(), || {
        let agents = database.agents()?;
        let idle = |(name, state): &(String, String)| {
            let gone = name.starts_with('k') && state.starts_with("not-ready");
            state == "ready" || gone || name == "ann"
        };
        Ok(agents.iter().all(idle).then_some(()))
    })?;
    phones.kill()?;
    server.stop()
}

/// Registers these agents, all at one phone, which then listens there.
fn phones(server: &Server, port: u16, names: &[String]) -> Outcome<Running> {
    let line = |name: &String| -> Outcome<String> {
        let password = server.password(name)?;
        Ok(format!("{name};[authentication username={name} password={password}]"))
    };
    let lines: Vec<String> = names.iter().map(line).collect::<Outcome<_>>()?;
    let register = Sipp::new("register_many", server.net.agent()).port(port);
    register.fields(server, &lines)?.rate(50).within(REGISTER_MAX).run(server)?;
    let phones = Sipp::new("agent_talks", server.net.agent()).port(port).any_calls();
    phones.within(Duration::from_secs(600)).start(server)
}

/// How many legs and calls are in the server's tables.
fn tables(server: &Server) -> Outcome<[usize; 2]> {
    let said = crate::api::Ask::get("/health").send(server)?;
    Ok([said.number("legs")?, said.number("calls")?])
}

/// How many sockets for sound the server has bound.
fn ports(server: IpAddr) -> Outcome<usize> {
    let IpAddr::V4(ip) = server else { return Err("not an IPv4 address".into()) };
    // /proc/net/udp: `local_address` in hexadecimal, the address in host order.
    let host = format!("{:08X}:", u32::from(ip).swap_bytes());
    let sockets = fs::read_to_string("/proc/net/udp")?;
    let ports = sockets.lines().filter_map(|line| {
        let port = line.split_whitespace().nth(1)?.strip_prefix(&host)?;
        u16::from_str_radix(port, 16).ok()
    });
    Ok(ports.filter(|port| (20_000..30_000).contains(port)).count())
}
