//! kill -9 at the worst moments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringback::ident::{InteractionId, NodeId, QueueId, Route, TrunkId};
use ringback::phone::{Address, AddressPolicy};
use ringback::queue::event::When;
use ringback::queue::{Event, Queue, QueueSettings, Settings};
use ringback::store::sqlite::SqliteStore;
use ringback::store::{Step, Store};
use ringback::time::Timestamp;

use crate::api::Ask;
use crate::database::Database;
use crate::process::until;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp, Traced};
use crate::story::{SOON, agent_registers, caller_accepts, feature_code};
use crate::wire::Wire;
use crate::{Outcome, ensure, now};

/// The caller was told "we will call you": after kill -9 the callback is made.
pub(crate) fn after_confirmation(net: Net) -> Outcome {
    sipp::needed()?;
    let mut server = Server::start(net, &Configuration::new())?;
    let mut agent = agent_registers(&server)?;
    caller_accepts(&server)?;
    server.kill()?;
    let database = Database::new(server.database())?;
    let queued = database.wait_queued(Duration::ZERO)?;
    server.start_again()?;
    server.wait_ready()?;
    let mut consumer = Sipp::new("trunk_confirms", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    consumer.succeed()?;
    let served = database.wait_completed("AGENT_CONNECTED", SOON)?;
    agent.finish()?;
    ensure(served.id == queued.id && served.place == queued.place, || {
        format!("{queued:?} became {served:?}")
    })?;
    server.stop()
}

/// The phone rings while the server is killed: within 2 s of the restart it sees a CANCEL, it never
/// sees two INVITEs without a final response between them, and the callback is made in the end.
pub(crate) fn while_ringing(net: Net) -> Outcome {
    sipp::needed()?;
    let mut server = Server::start(net, &Configuration::new())?;
    let database = Database::new(server.database())?;
    let mut agent = agent_registers(&server)?;
    caller_accepts(&server)?;
    let phone = Sipp::new("trunk_rings_then_confirms", net.trunk());
    let mut phone = phone.calls(2).within(Duration::from_secs(120)).start(&server)?;
    feature_code(&server, "*46")?;
    let ringing = |message: &Traced| message.sent && message.start.starts_with("SIP/2.0 180");
    phone.traced("a ringing phone", SOON, |trace| trace.iter().any(ringing).then_some(()))?;
    server.kill()?;
    let restarted = now();
    server.start_again()?;
    phone.traced("a CANCEL", Duration::from_secs(2), |trace| {
        trace.iter().any(|message| message.got("CANCEL")).then_some(())
    })?;
    let seconds = restarted.elapsed().as_secs_f64();
    ensure(seconds <= 2.0, || format!("the CANCEL came {seconds:.2} s after the restart"))?;
    server.wait_ready()?;
    phone.succeed()?;
    database.wait_completed("AGENT_CONNECTED", Duration::from_secs(60))?;
    agent.finish()?;
    check_never_two(&phone.trace()?)?;
    server.stop()
}

/// Between any two INVITEs of different calls stands a final response to the first.
fn check_never_two(trace: &[Traced]) -> Outcome {
    let mut open: Option<&str> = None;
    let mut calls = 0;
    for message in trace {
        let call = message.header("Call-ID").unwrap_or_default();
        if message.got("INVITE") && open != Some(call) {
            ensure(open.is_none(), || format!("{call} rang while {open:?} was open"))?;
            open = Some(call);
            calls += 1;
        } else if message.ended_invite() && open == Some(call) {
            open = None;
        }
    }
    ensure(calls == 2, || format!("{calls} calls in the trace, not 2"))
}

/// Callbacks that wait while the server starts.
const MANY: u32 = 100_000;
/// Agents who are configured then.
const AGENTS: u32 = 500;

/// From its start to the first answer over SIP and to being ready, with so many callbacks pending:
/// at most 2 s.
pub(crate) fn ready_with_many(net: Net) -> Outcome {
    let agent = |n: u32| format!("[agents.a{n}]\nskills = {{ support = 1, skill{n} = 5 }}\n");
    let agents: String = (0..AGENTS).map(agent).collect();
    let mut server = Server::start(net, &Configuration::new().and(&agents))?;
    server.kill()?;
    fill(&server)?;
    let started = now();
    server.start_again()?;
    server.wait_ready()?;
    let seconds = started.elapsed().as_secs_f64();
    let mut wire = Wire::bind(net.caller(), 5060)?;
    let status = wire.options(net.server(), Duration::from_secs(1))?;
    ensure(status == Some(200), || format!("OPTIONS got {status:?}"))?;
    println!(
        "ready {seconds:.2} s after the start, with {MANY} callbacks pending, {AGENTS} agents"
    );
    ensure(seconds <= 2.0, || format!("ready after {seconds:.2} s"))?;
    let key = server.api_key()?;
    let last = InteractionId(u128::from(MANY));
    let shown = Ask::get(&format!("/api/v1/callbacks/{last}")).key(&key).send(&server)?;
    ensure(shown.status == 200, || format!("the last of them: {shown:?}"))?;
    server.kill()
}

/// Commits them as the queue makes them.
#[expect(clippy::disallowed_methods, reason = "they are to be of now")]
fn fill(server: &Server) -> Outcome {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let at = Timestamp::from_ms(i64::try_from(since.as_millis())?);
    let carrier = Route::Trunk(TrunkId::new("carrier"));
    let addresses = AddressPolicy {
        prefixes: vec!["+1415".to_owned()],
        trunks: vec![carrier],
        ..AddressPolicy::default()
    };
    let support = QueueId::new("support");
    let policy = QueueSettings { waiting_max: MANY, addresses, ..QueueSettings::default() };
    let queues = [(support.clone(), policy)].into_iter().collect();
    let settings = Settings { queues, ..Settings::default() };
    let mut queue = Queue::new(settings, NodeId::new("one"));
    let mut store = SqliteStore::open(server.database().parent().ok_or("no data folder")?)?;
    let first = store.load()?.step;
    let mut steps = Vec::new();
    for n in 1..=MANY {
        let address = Address::parse(&format!("+1415{}", 2_000_000 + n));
        queue.handle(
            at,
            Event::CallbackRequested {
                interaction: InteractionId(u128::from(n)),
                queue: support.clone(),
                skills: None,
                priority: 0,
                address,
                when: When::Now,
                notify: false,
                attached: None,
            },
        );
        let number = first + u64::from(n);
        let (bindings, legs) = (Vec::new(), Vec::new());
        steps.push(Step { number, now: at, changed: queue.take_changed(), bindings, legs });
        if steps.len() == 5_000 {
            store.commit(&std::mem::take(&mut steps))?;
        }
    }
    Ok(())
}

/// From its start to the first answer over SIP: at most 2 s, with data of an earlier run.
pub(crate) fn ready_soon(net: Net) -> Outcome {
    let mut server = Server::start(net, &Configuration::new())?;
    server.kill()?;
    let mut wire = Wire::bind(net.caller(), 5060)?;
    let started = now();
    server.start_again()?;
    let status = until("an answer to OPTIONS", Duration::from_secs(2), || {
        wire.options(net.server(), Duration::from_millis(20))
    })?;
    let seconds = started.elapsed().as_secs_f64();
    ensure(status == 200, || format!("OPTIONS got {status}"))?;
    ensure(seconds <= 2.0, || format!("ready for SIP after {seconds:.2} s"))?;
    server.wait_ready()?;
    server.stop()
}
