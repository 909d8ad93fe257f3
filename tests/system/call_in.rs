//! Callers who were given a number and an access code, and key it.

use crate::api::Ask;
use crate::database::Database;
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{self, SOON};
use crate::{Outcome, ensure};

const GROUP: &str = r#"
[call_in_groups.app]
numbers = ["900"]

[queues.app]
skills = "support > 0"
user_originated = true

[[entries]]
dnis = "900"
flow = "call_in"

[flows.call_in]
start = "code"

[flows.call_in.nodes.code]
kind = "access_code"
group = "app"
matched = { default = "hold" }
failed = "goodbye"

[flows.call_in.nodes.hold]
kind = "queue"
queue = "support"

[flows.call_in.nodes.goodbye]
kind = "hangup"
"#;

/// A code in time leads to an agent, once. Used again, wrong three times, or voided by a second
/// tap it leads nowhere.
pub(crate) fn codes(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new().and(GROUP))?;
    let mut agent = story::agent_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let key = server.api_key()?;
    let ask = |body: &str| -> Outcome<String> {
        let granted = Ask::post("/api/v1/call-ins", body).key(&key).send(&server)?;
        ensure(granted.status == 201, || format!("{body}: {granted:?}"))?;
        granted.text("code")
    };
    let database = Database::new(server.database())?;
    // Each caller is one more call that was served, or none.
    let served = |count: usize, what: &str| -> Outcome {
        let rows = database.interactions()?;
        ensure(rows.len() == count, || format!("{what}: not {count} calls in {rows:?}"))
    };
    let wrong = |code: &str| if code == "000000" { "000001" } else { "000000" };

    let first = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    keys(&server, wrong(&first))?;
    served(0, "wrong three times")?;
    keys(&server, &first)?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    served(1, "in time")?;
    keys(&server, &first)?;
    served(1, "used twice")?;

    let voided = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    let valid = ask(r#"{"group": "app", "from": "+14155550123"}"#)?;
    keys(&server, &voided)?;
    served(1, "voided by a second tap")?;
    keys(&server, &valid)?;
    served(2, "the second tap")?;
    agent.finish()?;
    server.stop()
}

/// Somebody calls 900 and keys a code until the server hangs up.
fn keys(server: &Server, code: &str) -> Outcome {
    let caller = Sipp::new("caller_keys_code", server.net.caller()).key("ani", story::CALLER);
    caller.key("dnis", "900").key("code", code).run(server)
}
