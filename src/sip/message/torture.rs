//! RFC 4475 ("torture tests") and its kind: what must be read, and what must not.

use super::*;

macro_rules! datagrams {
    ($($name:literal,)*) => {
        [$(($name, include_bytes!(concat!("../../../tests/rfc4475/", $name, ".dat")).as_slice()),)*]
    };
}

const INDEX: &str = include_str!("../../../tests/rfc4475/index.tsv");

const DATAGRAMS: [(&str, &[u8]); 49] = datagrams![
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "unreason",
    "noreason",
    "badinv01",
    "clerr",
    "ncl",
    "scalar02",
    "scalarlg",
    "quotbal",
    "ltgtruri",
    "lwsruri",
    "lwsstart",
    "trws",
    "escruri",
    "baddate",
    "regbadct",
    "badaspec",
    "baddn",
    "badvers",
    "mismatch01",
    "mismatch02",
    "bigcode",
    "badbranch",
    "insuf",
    "unkscm",
    "novelsc",
    "unksm2",
    "bext01",
    "invut",
    "regaut01",
    "multi01",
    "mcl01",
    "bcast",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
];

fn datagram(name: &str) -> &'static [u8] {
    DATAGRAMS.iter().find(|(known, _)| *known == name).unwrap().1
}

fn request(name: &str) -> Request {
    match parse(datagram(name)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_message_of_rfc_4475_is_read_or_refused_as_the_index_says() {
    let rows: Vec<Vec<&str>> = INDEX
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(rows.len(), DATAGRAMS.len());
    for row in rows {
        let verdict = match parse(datagram(row[0])) {
            Ok(Message::Request(_)) => "request".to_owned(),
            Ok(Message::Response(_)) => "response".to_owned(),
            Err(Malformed { reply: None, .. }) => "drop".to_owned(),
            Err(Malformed { status, .. }) => status.to_string(),
        };
        assert_eq!(verdict, row[2], "{}: {:?}", row[0], parse(datagram(row[0])));
    }
}

#[test]
fn what_is_read_of_rfc_4475_is_written_so_that_it_reads_the_same() {
    for (name, datagram) in DATAGRAMS {
        if let Ok(message) = parse(datagram) {
            let bytes = message.to_bytes();
            let again = parse(&bytes);
            let mut expected = message;
            let headers = match &mut expected {
                Message::Request(request) => &mut request.headers,
                Message::Response(response) => &mut response.headers,
            };
            // Content-Length moves to the end.
            let length = again.as_ref().unwrap().headers().content_length().unwrap().to_string();
            headers.remove("Content-Length");
            headers.push("Content-Length", &length);
            assert_eq!(again, Ok(expected), "{name}");
        }
    }
}

#[test]
fn a_tortuous_invite_is_understood() {
    let invite = request("wsinv");
    assert_eq!(invite.method, Method::Invite);
    assert_eq!(invite.uri.param("unknownparam").as_deref(), Some(""));
    assert_eq!(invite.to().tag(), Some("1918181833n"));
    assert_eq!(invite.from().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(invite.from().tag(), Some("98asjd8"));
    assert_eq!(invite.headers.max_forwards(), Some(68));
    assert_eq!(invite.cseq(), CSeq { number: 9, method: Method::Invite });
    let vias: Vec<Via> = invite.headers.all("Via").map(|via| Via::parse(via).unwrap()).collect();
    let transports: Vec<&str> = vias.iter().map(|via| via.transport.as_str()).collect();
    assert_eq!(transports, ["UDP", "TCP", "UDP"]);
    assert_eq!(vias[0].branch(), None, "the branch has no cookie");
    assert_eq!(vias[1].branch(), Some("z9hG4bK9ikj8"));
    assert_eq!(vias[1].host, Host::Name("spindle.example.com".to_owned()));
    assert_eq!(vias[2].host.ip(), Some("192.168.255.111".parse().unwrap()));
    assert_eq!(invite.headers.routes()[0].uri.param("unknownwith").as_deref(), Some("value"));
    assert_eq!(invite.headers.get("Subject"), Some(""));
    let folded = invite.headers.get("NewFangledHeader");
    assert_eq!(folded, Some("newfangled value continued newfangled value"));
    let contacts = invite.headers.contacts();
    let contact = contacts.first().unwrap();
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(contact.q_thousandths(), 330);
    assert_eq!(contact.params.get_raw("newparam"), Some("newvalue"));
    assert_eq!(invite.body.len(), 150);
}

#[test]
fn escapes_are_resolved_in_user_parts_and_nowhere_else() {
    assert_eq!(request("esc01").uri.user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(request("escnull").to().uri.user().as_deref(), Some("null-\0-null"));
    assert_eq!(request("semiuri").uri.user().as_deref(), Some("user;par=u@example.net"));
    assert_eq!(request("esc02").method, Method::Other("RE%47IST%45R".to_owned()));
    assert_eq!(request("esc02").from().display.as_deref(), Some("%Z%45"));
}

#[test]
fn odd_but_valid_values_are_understood() {
    let contact = |name: &str| request(name).headers.contacts().first().unwrap().clone();
    assert_eq!(contact("cparam01").params.get_raw("unknownparam"), Some(""));
    assert_eq!(contact("cparam01").uri.param("unknownparam"), None);
    assert_eq!(contact("cparam02").uri.param("unknownparam").as_deref(), Some(""));
    assert_eq!(contact("cparam02").params.get_raw("unknownparam"), None);
    assert!(contact("regescrt").uri.has_headers());
    assert!(request("regescrt").headers.routes().is_empty());
    assert_eq!(request("lwsdisp").from().display.as_deref(), Some("caller"));
    assert_eq!(request("badbranch").top_via().branch(), None);
    assert_eq!(request("inv2543").from().tag(), None);
    assert_eq!(request("unkscm").uri.scheme(), Scheme::Other("nobodyKnowsThisScheme"));
    assert_eq!(request("novelsc").uri.scheme(), Scheme::Other("soap.beep"));
    assert_eq!(request("unksm2").to().uri.scheme(), Scheme::Other("isbn"));
    let options = ["nothingSupportsThis", "nothingSupportsThisEither"];
    assert_eq!(request("bext01").headers.require(), options);
    assert_eq!(request("zeromf").headers.max_forwards(), Some(0));
    assert_eq!(request("dblreq").body, b"");
    let Ok(Message::Response(response)) = parse(datagram("unreason")) else { panic!() };
    assert!(response.reason.starts_with("= 2**3 * 5**2 \u{43d}\u{43e}"), "{}", response.reason);
}

#[test]
fn the_answer_to_a_fault_copies_what_it_must() {
    let source = "192.0.2.99:7000".parse().unwrap();
    let Err(malformed) = parse(datagram("multi01")) else { panic!() };
    let response = malformed.response(source).unwrap();
    assert_eq!(response.status, 400);
    assert_eq!(response.call_id(), "multi01.98asdh@192.0.2.1");
    assert_eq!(response.top_via().received(), Some(source.ip()));
    for name in ["From", "To", "Call-ID", "CSeq"] {
        assert_eq!(response.headers.all(name).count(), 1, "{name}");
    }
    let reread = parse(&response.to_bytes());
    assert!(matches!(reread, Ok(Message::Response(_))), "{reread:?}");
}

#[test]
fn a_via_with_broken_parameters_is_answered_by_what_is_sound_of_it() {
    let Err(malformed) = parse(datagram("badinv01")) else { panic!() };
    let response = malformed.response("192.0.2.15:5060".parse().unwrap()).unwrap();
    assert_eq!(response.headers.all("Via").collect::<Vec<_>>(), ["SIP/2.0/UDP 192.0.2.15"]);
}
