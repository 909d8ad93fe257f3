//! `/api/v1` by plain sockets, and the webhook that is told: as an integrator meets them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::{Outcome, ensure};

/// Long enough for anything that happens at once.
const SOON: Duration = Duration::from_secs(10);
/// Where the webhook listens, on an address of each test's own.
const HOOK_PORT: u16 = 9000;

const MORE: &str = r#"
[webhook]
url = "http://127.0.0.5:9000/ringback"

[queues.app]
user_originated = true

[call_in_groups.app]
numbers = ["900"]

[[entries]]
dnis = "900"
flow = "main"
"#;

/// A callback by HTTP: made once for a key, shown, explained, cancelled; what is wrong is told.
pub(crate) fn callbacks(net: Net) -> Outcome {
    let mut server = Server::start(net, &Configuration::new())?;
    let key = server.api_key()?;
    let wanted = r#"{"queue": "support", "number": "+14155550123"}"#;
    let refused = Ask::post("/api/v1/callbacks", wanted).send(&server)?;
    refused.is(401, "no_key")?;
    Ask::post("/api/v1/callbacks", wanted).key("wrong").send(&server)?.is(401, "wrong_key")?;
    let table = [
        (r#"{"queue": "support", "numbr": "1"}"#, 422, "invalid_field", "`numbr`"),
        (r#"{"queue": 5}"#, 422, "invalid_field", "queue: "),
        (r#"{"queue": "#, 400, "invalid_json", "write as in"),
        (r#"{"queue": "none", "number": "+14155550123"}"#, 422, "unknown_queue", "queue: "),
        (r#"{"queue": "support", "number": "+4930123456"}"#, 422, "number_not_permitted", "number"),
        (r#"{"queue": "support", "number": "1", "push": true}"#, 422, "invalid_field", "number: "),
        (r#"{"queue": "support", "push": true}"#, 422, "invalid_field", "push: "),
    ];
    for (body, status, code, names) in table {
        let told = Ask::post("/api/v1/callbacks", body).key(&key).send(&server)?;
        told.is(status, code)?;
        let detail = told.text("detail")?;
        ensure(detail.contains(names), || format!("{body}: {detail}"))?;
    }
    let create = || Ask::post("/api/v1/callbacks", wanted).key(&key).header("Idempotency-Key: 7");
    let made = create().send(&server)?;
    made.is(201, "QUEUED")?;
    let id = made.text("id")?;
    let again = create().send(&server)?;
    ensure(again.status == 201 && again.text("id")? == id, || format!("again: {again:?}"))?;
    let other = r#"{"queue": "support", "number": "+14155550199"}"#;
    let reused = Ask::post("/api/v1/callbacks", other).key(&key).header("Idempotency-Key: 7");
    reused.send(&server)?.is(409, "idempotency_key_reused")?;
    let second = Ask::post("/api/v1/callbacks", wanted).key(&key).send(&server)?;
    let duplicate = second.body.get("duplicate") == Some(&Value::Bool(true));
    ensure(second.status == 200 && duplicate && second.text("id")? == id, || {
        format!("for the same number: {second:?}")
    })?;
    let one = format!("/api/v1/callbacks/{id}");
    let explained = Ask::get(&format!("{one}/explain")).key(&key).send(&server)?;
    explained.is(200, "QUEUED")?;
    let waits_for = explained.text("waits_for")?;
    ensure(waits_for.contains("log in"), || format!("waits for {waits_for}"))?;
    let cancel = || Ask::new("DELETE", &one).key(&key).send(&server);
    for _ in 0..2 {
        let cancelled = cancel()?;
        cancelled.is(200, "COMPLETED")?;
        ensure(cancelled.text("reason")? == "CANCELLED", || format!("{cancelled:?}"))?;
    }
    // The same key means the same callback also when it is over, and after a restart.
    server.kill()?;
    server.start_again()?;
    server.wait_ready()?;
    let over = create().send(&server)?;
    ensure(over.status == 201 && over.text("id")? == id, || format!("over: {over:?}"))?;
    over.is(201, "COMPLETED")?;
    Ask::get(&one).key(&key).send(&server)?.is(200, "COMPLETED")?;
    Ask::get(&format!("{one}/explain")).key(&key).send(&server)?.is(409, "callback_over")?;
    asks_too_often(&server, &key, wanted)?;
    let unknown = "/api/v1/callbacks/00000000-0000-4000-8000-000000000000";
    Ask::new("DELETE", unknown).key(&key).send(&server)?.is(404, "unknown_callback")?;
    Ask::get("/api/v1/none").key(&key).send(&server)?.is(404, "no_such_route")?;
    server.stop()
}

/// Three requests of a number in ten minutes, one of them before the restart; not a fourth.
fn asks_too_often(server: &Server, key: &str, wanted: &str) -> Outcome {
    for _ in 0..2 {
        let made = Ask::post("/api/v1/callbacks", wanted).key(key).send(server)?;
        made.is(201, "QUEUED")?;
        let one = format!("/api/v1/callbacks/{}", made.text("id")?);
        Ask::new("DELETE", &one).key(key).send(server)?.is(200, "COMPLETED")?;
    }
    let often = Ask::post("/api/v1/callbacks", wanted).key(key).send(server)?;
    often.is(429, "too_often")?;
    let wait = often.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    ensure(wait.is_some_and(|seconds| (1..=600).contains(&seconds)), || format!("{often:?}"))
}

/// A time is looked for, and had; then there is one less of it. What is no question is told so.
pub(crate) fn availability(net: Net) -> Outcome {
    let server = Server::start(net, &Configuration::new())?;
    let key = server.api_key()?;
    let ask = |query: &str| {
        let path = format!("/api/v1/queues/support/availability{query}");
        Ask::get(&path).key(&key).send(&server)
    };
    let found = ask("")?;
    // The first may be over so soon that by then it is now.
    let slot = found.body["slots"].get(1).cloned().ok_or_else(|| format!("{found:?}"))?;
    let time = slot["start"].as_str().ok_or_else(|| format!("{found:?}"))?;
    let wanted = format!(
        r#"{{"queue": "support", "number": "+14155550123", "at": "{time}", "exact": true}}"#
    );
    let made = Ask::post("/api/v1/callbacks", &wanted).key(&key).send(&server)?;
    made.is(201, "SCHEDULED")?;
    ensure(made.text("due_at")? == time, || format!("{time}: {made:?}"))?;
    let now = ask(&format!("?from={time}"))?;
    let left = &now.body["slots"][0];
    let one_less = slot["free"].as_u64().zip(left["free"].as_u64());
    ensure(
        left["start"] == slot["start"] && one_less.is_some_and(|(was, is)| was == is + 1),
        || format!("{slot} became {left}"),
    )?;
    for (query, code) in [
        ("?from=yesterday", "invalid_field"),
        ("?from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z", "invalid_field"),
        ("?from=2030-01-01T00:00:00Z&to=2030-02-01T00:00:00Z", "invalid_field"),
        ("?to=2020-01-01T00:00:00Z", "invalid_field"),
        ("?from=9999-12-31T00:00:00Z&to=0001-01-01T00:00:00Z", "invalid_field"),
        ("?since=2030-01-01T00:00:00Z", "invalid_query"),
    ] {
        let told = ask(query)?;
        ensure(told.text("code")? == code, || format!("{query}: {told:?}"))?;
    }
    for query in ["?from=9999-12-31T00:00:00Z", "?from=0001-01-01T00:00:00+01:00"] {
        let told = ask(query)?;
        let slots = told.body["slots"].as_array().map(Vec::len);
        ensure(told.status == 200 && slots == Some(0), || format!("{query}: {told:?}"))?;
    }
    let none = Ask::get("/api/v1/queues/none/availability").key(&key).send(&server)?;
    none.is(404, "no_appointments")?;
    Ask::get("/api/v1/queues/support/availability").send(&server)?.is(401, "no_key")?;
    server.stop()
}

/// A number and a code, for whoever asks.
pub(crate) fn call_in(net: Net) -> Outcome {
    let server = Server::start(net, &Configuration::new().and(MORE))?;
    let key = server.api_key()?;
    let ask = |body: &str| Ask::post("/api/v1/call-ins", body).key(&key).send(&server);
    let granted = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    ensure(granted.status == 201 && granted.text("number")? == "900", || format!("{granted:?}"))?;
    let code = granted.text("code")?;
    ensure(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), || code.clone())?;
    ask(r#"{"group": "none"}"#)?.is(422, "unknown_group")?;
    let made = Ask::post("/api/v1/callbacks", r#"{"queue": "app", "push": true}"#).key(&key);
    let id = made.send(&server)?.text("id")?;
    // Nobody is logged in: it is nobody's turn.
    let early = ask(&format!(r#"{{"group": "app", "callback_id": "{id}"}}"#))?;
    early.is(409, "not_its_turn")?;
    server.stop()
}

/// A callback where the consumer calls: told that it is their turn, accepted by each token once,
/// told the number and the code, cancelled; each push signed, in order, and again where it was not
/// taken, or where the process was killed and nobody knows.
pub(crate) fn pushes(net: Net) -> Outcome {
    sipp::needed()?;
    let hook = Hook::listen(SocketAddr::new(net.stranger(), HOOK_PORT))?;
    let mut server = Server::start(net, &Configuration::new().and(MORE))?;
    let key = server.api_key()?;
    let password = server.password("ann")?;
    Sipp::new("register", net.agent()).user("ann", &password).run(&server)?;
    let made = Ask::post("/api/v1/callbacks", r#"{"queue": "app", "push": true}"#).key(&key);
    let id = made.send(&server)?.text("id")?;
    // The first is refused by the webhook, and comes again.
    let (refused, ready) = (hook.next()?, hook.next()?);
    ensure(refused.id == ready.id && refused.body == ready.body, || {
        format!("not the same again: {refused:?} {ready:?}")
    })?;
    ensure(ready.says("event") == "CALLBACK_READY" && ready.says("callback_id") == id, || {
        format!("{ready:?}")
    })?;
    ensure(ready.signature.starts_with("v1,"), || format!("{ready:?}"))?;
    server.kill()?;
    server.start_again()?;
    server.wait_ready()?;
    let again = hook.next()?;
    ensure(
        again.says("event") == "CALLBACK_READY" && again.says("token") == ready.says("token"),
        || format!("after a kill: {again:?}"),
    )?;
    let path = format!("/api/v1/callbacks/{id}/accept");
    let accept = |token: &str| Ask::post(&path, r#"{"group": "app"}"#).key(token).send(&server);
    accept("wrong")?.is(401, "wrong_key")?;
    let granted = accept(&ready.says("token"))?;
    ensure(granted.status == 201, || format!("{granted:?}"))?;
    let told = hook.next()?;
    let same = told.says("number") == granted.text("number")?
        && told.says("code") == granted.text("code")?
        && told.says("expires_at") == granted.text("expires_at")?;
    ensure(told.says("event") == "CALLBACK_CALL_IN" && same, || format!("{told:?} {granted:?}"))?;
    // A token accepts once: again by the one that came with the number.
    accept(&ready.says("token"))?.is(409, "token_used")?;
    ensure(told.says("token") == granted.text("token")?, || format!("{told:?} {granted:?}"))?;
    let again = accept(&told.says("token"))?;
    ensure(again.status == 201 && again.text("code")? != granted.text("code")?, || {
        format!("{granted:?} {again:?}")
    })?;
    accept(&told.says("token"))?.is(409, "token_used")?;
    ensure(hook.next()?.says("token") == again.text("token")?, || format!("{again:?}"))?;
    // Whether the number and the code of the last acceptance came there nobody knows after a kill.
    server.kill()?;
    server.start_again()?;
    server.wait_ready()?;
    let ready = hook.next()?;
    ensure(
        ready.says("event") == "CALLBACK_READY" && ready.says("token") == again.text("token")?,
        || format!("accepted before a kill: {ready:?}"),
    )?;
    let accept = |token: &str| Ask::post(&path, r#"{"group": "app"}"#).key(token).send(&server);
    ensure(accept(&ready.says("token"))?.status == 201, || format!("{ready:?}"))?;
    ensure(hook.next()?.says("event") == "CALLBACK_CALL_IN", || format!("{ready:?}"))?;
    let one = format!("/api/v1/callbacks/{id}");
    Ask::new("DELETE", &one).key(&key).send(&server)?.is(200, "COMPLETED")?;
    let over = hook.next()?;
    ensure(
        over.says("event") == "CALLBACK_COMPLETED" && over.says("reason") == "CANCELLED",
        || format!("{over:?}"),
    )?;
    accept(&ready.says("token"))?.is(409, "callback_over")?;
    server.stop()
}

/// A request.
pub(crate) struct Ask {
    head: String,
    body: String,
}

impl Ask {
    fn new(method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        Self { head, body: String::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str, body: &str) -> Self {
        let ask = Self { body: body.to_owned(), ..Self::new("POST", path) };
        ask.header("Content-Type: application/json")
    }

    fn header(mut self, line: &str) -> Self {
        self.head.push_str(line);
        self.head.push_str("\r\n");
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header(&format!("Authorization: Bearer {key}"))
    }

    pub(crate) fn send(self, server: &Server) -> Outcome<Told> {
        let address = SocketAddr::new(server.net.server().ip(), 8080);
        let mut stream = TcpStream::connect_timeout(&address, SOON)?;
        stream.set_read_timeout(Some(SOON))?;
        let Self { head, body } = self;
        let length = body.len();
        write!(stream, "{head}Host: {address}\r\nContent-Length: {length}\r\n\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("{address} said {answer:?}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Ok(Told { status, head: head.to_owned(), body: serde_json::from_str(body)? })
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Told {
    /// The status.
    pub(crate) status: u16,
    head: String,
    body: Value,
}

impl Told {
    pub(crate) fn text(&self, key: &str) -> Outcome<String> {
        let text = self.body.get(key).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("no {key}: {self:?}").into())
    }

    fn header(&self, name: &str) -> Option<&str> {
        crate::wire::header(&self.head, &[name])
    }

    pub(crate) fn value(&self, key: &str) -> Value {
        self.body.get(key).cloned().unwrap_or_default()
    }

    pub(crate) fn number(&self, key: &str) -> Outcome<usize> {
        let number = self.body.get(key).and_then(Value::as_u64);
        Ok(usize::try_from(number.ok_or_else(|| format!("no {key}: {self:?}"))?)?)
    }

    /// Has it this status, and this `code` of a problem or `state` of a callback?
    pub(crate) fn is(&self, status: u16, what: &str) -> Outcome {
        let found = self.body.get("code").or_else(|| self.body.get("state"));
        let found = found.and_then(Value::as_str);
        ensure(self.status == status && found == Some(what), || {
            format!("{self:?} is not {status} {what}")
        })
    }
}

/// A webhook that refuses the first push.
struct Hook(Receiver<Pushed>);

/// What was POSTed.
#[derive(Debug)]
struct Pushed {
    id: String,
    signature: String,
    body: Value,
}

impl Pushed {
    fn says(&self, key: &str) -> String {
        self.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl Hook {
    fn listen(address: SocketAddr) -> Outcome<Self> {
        let listener = TcpListener::bind(address)?;
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().flatten().enumerate() {
                let status = if n == 0 { "503 Service Unavailable" } else { "204 No Content" };
                // The test says what it missed.
                let Ok(pushed) = take(stream, status) else { continue };
                if tell.send(pushed).is_err() {
                    return;
                }
            }
        });
        Ok(Self(heard))
    }

    fn next(&self) -> Outcome<Pushed> {
        self.0.recv_timeout(SOON).map_err(|_| format!("no push within {SOON:?}").into())
    }
}

fn take(mut stream: TcpStream, status: &str) -> Outcome<Pushed> {
    stream.set_read_timeout(Some(SOON))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut id, mut signature, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = value.to_owned(),
            "webhook-signature" => signature = value.to_owned(),
            "content-length" => length = value.parse()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
    Ok(Pushed { id, signature, body: serde_json::from_slice(&body)? })
}
