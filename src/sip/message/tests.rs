//! Messages by hand, and properties over messages of all kinds.

use proptest::prelude::*;

use super::*;

const INVITE: &str = "INVITE sip:*45@192.0.2.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKabc;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Ana\" <sip:201@192.0.2.1>;tag=1\r\n\
    To: <sip:*45@192.0.2.1>\r\n\
    Call-ID: a@b\r\n\
    CSeq: 1 INVITE\r\n";

/// `INVITE` with a header line more, or in the place of the line that starts the same.
fn invite_with(line: &str) -> Result<Message, Malformed> {
    let name = line.split(':').next().unwrap();
    let kept = INVITE.lines().filter(|known| !known.starts_with(&format!("{name}:")));
    let text: String = kept.chain([line]).map(|line| format!("{line}\r\n")).collect();
    parse(format!("{text}\r\n").as_bytes())
}

fn invite(line: &str) -> Request {
    match invite_with(line) {
        Ok(Message::Request(request)) => request,
        other => panic!("{line}: {other:?}"),
    }
}

fn head() -> RequestHead {
    let uri = |text| Uri::parse(text).unwrap();
    RequestHead {
        via: Via::udp("192.0.2.1:5060".parse().unwrap(), "z9hG4bK77"),
        from: NameAddr::new(uri("sip:+4930123@192.0.2.1")).with_tag("f1"),
        to: NameAddr::new(uri("sip:201@192.0.2.7")),
        call_id: "c1@192.0.2.1".to_owned(),
        cseq: 4,
    }
}

#[test]
fn faults_are_named_and_answered() {
    let long = "x".repeat(LINE_MAX);
    let vias = vec!["SIP/2.0/UDP h"; VIAS_MAX + 1].join(", ");
    let table: &[(&str, &str)] = &[
        ("Via:", "a Via is malformed"),
        ("Via: ,", "a Via is malformed"),
        ("Via: SIP/2.0/UDP", "a Via is malformed"),
        ("Via: SIP/2.0/UDP h:0", "a Via is malformed"),
        ("Via: SIP/2.0/UDP h:99999", "a Via is malformed"),
        (&format!("Via: {vias}"), "more than 64 Vias"),
        ("From: <sip:a@b", "From is malformed"),
        ("From: <sip:@b>", "From is malformed"),
        ("From:", "From is malformed"),
        ("To: \"a <sip:a@b>", "To is malformed"),
        ("To: sip:a@b c", "To is malformed"),
        ("To: <sip:%zz@b>", "To is malformed"),
        ("Call-ID:", "Call-ID is malformed"),
        ("CSeq: 2147483648 INVITE", "CSeq is malformed"),
        ("CSeq: -1 INVITE", "CSeq is malformed"),
        ("CSeq: 1INVITE", "CSeq is malformed"),
        ("CSeq: 1 BYE", "CSeq names another method"),
        ("Max-Forwards: 256", "Max-Forwards is none of 0 to 255"),
        ("Max-Forwards: x", "Max-Forwards is none of 0 to 255"),
        ("Content-Length: 1", "Content-Length is more than the datagram holds"),
        ("Content-Length: -1", "Content-Length is no number"),
        (
            "Content-Length: 99999999999999999999999",
            "Content-Length is more than the datagram holds",
        ),
        ("Contact: <sip:a@b>,", "Contact is malformed"),
        ("Route: a", "Route is malformed"),
        ("No colon", "a header line has no name and colon"),
        ("Subject: a\rb", "a header value has a lone carriage return"),
        (&format!("Subject: {long}"), "a header line is longer than 8 KiB"),
    ];
    for (line, why) in table {
        let fault = invite_with(line).unwrap_err();
        assert_eq!((fault.status, fault.why), (400, *why), "{line:.60}");
        // What cannot be copied into an answer gets none.
        let is_answered = !line.starts_with("Via:") || line.contains(',') && line.len() > 9;
        assert_eq!(fault.reply.is_some(), is_answered, "{line:.60}");
    }
    let many = "X: y\r\n".repeat(HEADERS_MAX);
    let fault = parse(format!("{INVITE}{many}\r\n").as_bytes()).unwrap_err();
    assert_eq!(fault.why, "more than 128 header fields");
    assert_eq!(parse(&vec![b'x'; MESSAGE_MAX + 1]).unwrap_err().status, 513);
    assert_eq!(parse(INVITE.as_bytes()).unwrap_err().why, "the header does not end");
}

#[test]
fn start_lines_are_read_or_refused() {
    let after = INVITE.split_once("\r\n").unwrap().1;
    let read = |line: &str| {
        let method = line.split(' ').next().unwrap();
        let after = after.replace("1 INVITE", &format!("1 {method}"));
        match parse(format!("{line}\r\n{after}\r\n").as_bytes()) {
            Ok(_) => 0,
            Err(Malformed { status, reply: Some(_), .. }) => status,
            Err(Malformed { reply: None, .. }) => 1,
        }
    };
    let table = [
        ("INVITE sip:[2001:db8::1]:5070 SIP/2.0", 0),
        ("INVITE sip:[2001:db8::1:5070] SIP/2.0", 0),
        ("INVITE sip:[::ffff:192.0.2.1] SIP/2.0", 0),
        ("INVITE sip:2001:db8::1 SIP/2.0", 400),
        ("INVITE sip:a@[2001:db8:::192.0.2.1] SIP/2.0", 400),
        ("INVITE sip:first.last@[::1];transport=udp SIP/2.0", 0),
        ("INVITE tel:+49-30-123;phone-context=example.com SIP/2.0", 0),
        ("NEWMETHOD sip:a@b SIP/2.0", 0),
        ("invite sip:a@b sip/2.0", 0),
        ("INVITE sip:a@b SIP/3.0", 505),
        ("INVITE sip:a@b HTTP/1.1", 400),
        ("INVITE sip:a@b", 400),
        ("INVITE sip:a@b:port SIP/2.0", 400),
        ("INVITE sip: SIP/2.0", 400),
        ("INVITE tel: SIP/2.0", 400),
        ("INVITE * SIP/2.0", 400),
        ("IN<VITE sip:a@b SIP/2.0", 400),
        ("ACK sip: SIP/2.0", 1),
        ("SIP/2.0 099 x", 1),
        ("SIP/2.0 700 x", 1),
        ("SIP/2.0 20 x", 1),
        ("SIP/3.0 200 x", 1),
    ];
    for (line, status) in table {
        assert_eq!(read(line), status, "{line}");
    }
}

#[test]
fn latin_1_in_one_header_loses_no_other() {
    let (top, rest) = INVITE.split_once("\"Ana\"").unwrap();
    let mut datagram = format!("{top}\"J").into_bytes();
    datagram.push(0xfc);
    datagram.extend(format!("rgen\"{rest}X-Last: 1\r\n\r\n").bytes());
    let Ok(Message::Request(request)) = parse(&datagram) else { panic!() };
    assert_eq!(request.from().display.as_deref(), Some("Jürgen"));
    assert_eq!(request.headers.get("From"), None, "not UTF-8");
    assert_eq!(request.headers.get("X-Last"), Some("1"));
    let response = Response::to(&request, 200, "OK");
    assert_eq!(response.headers.get_raw("From"), request.headers.get_raw("From"));
}

#[test]
fn the_tag_of_to_is_added_to_what_came() {
    let table = [
        ("To: sip:a@b;x=1", "sip:a@b;x=1;tag=t"),
        ("To: A  B <sip:a@b> ; x", "A  B <sip:a@b> ; x;tag=t"),
        ("To: <sip:a@b>;TAG=old", "<sip:a@b>;TAG=old"),
    ];
    for (line, expected) in table {
        let mut response = Response::to(&invite(line), 180, "Ringing");
        response.set_to_tag("t");
        assert_eq!(response.headers.get("To"), Some(expected));
        let tag = if line.contains("old") { "old" } else { "t" };
        assert_eq!(response.to_header().tag(), Some(tag));
    }
}

#[test]
fn line_breaks_before_the_message_and_bare_ones_within_are_taken() {
    assert!(parse(format!("\r\n\r\n\n{INVITE}\r\n").as_bytes()).is_ok());
    assert_eq!(
        parse(format!("{INVITE}\r\n").replace("\r\n", "\n").as_bytes()),
        parse(format!("{INVITE}\r\n").as_bytes())
    );
    assert!(is_keep_alive(b"\r\n\r\n") && is_keep_alive(b""));
    assert!(!is_keep_alive(b"\r\n\r\nx"));
}

#[test]
fn deep_and_wide_values_take_no_depth() {
    let params = ";a=b".repeat(10_000);
    assert!(invite_with(&format!("X-Deep: {params}")).is_err(), "beyond a line");
    let address = NameAddr::parse(&format!("<sip:a@b>{params};tag=9")).unwrap();
    assert_eq!(address.tag(), Some("9"));
    assert_eq!(NameAddr::parse(&format!("<sip:a@b>{params};")), None);
    assert!(Uri::parse(&format!("sip:a@b{params}")).is_err());
    assert_eq!(NameAddr::parse(&"\"\\".repeat(10_000)), None);
}

#[test]
fn accessors_read_what_is_there() {
    let table = [
        ("Expires: 300", Some(300)),
        ("Expires: 99999999999999", Some(u32::MAX)),
        ("Expires: soon", None),
        ("X: 1", None),
    ];
    for (line, seconds) in table {
        assert_eq!(invite(line).headers.expires(), seconds, "{line}");
    }
    let contact = |line: &str| invite(line).headers.contacts();
    assert_eq!(contact("Contact: *"), Contacts::Any);
    assert_eq!(contact("X: 1"), Contacts::List(vec![]));
    let Contacts::List(list) =
        contact("m: \"a, b\" <sip:a@b;lr>;expires=99999999999;q=0.5, <tel:1>;expires=x;q=2")
    else {
        panic!()
    };
    assert_eq!(list.len(), 2);
    assert_eq!((list[0].expires(), list[0].q_thousandths()), (Some(u32::MAX), 500));
    assert_eq!((list[1].expires(), list[1].q_thousandths()), (Some(3600), 1000));
    let headers = invite("Session-Expires: 1800 ; refresher=uas").headers;
    let expected = SessionExpires { seconds: 1800, refresher_is_uac: Some(false) };
    assert_eq!(headers.session_expires(), Some(expected));
    assert_eq!(invite("Retry-After: 18 (busy)").headers.retry_after(), Some(18));
    assert_eq!(invite("Supported: 100rel, timer").headers.supported(), ["100rel", "timer"]);
    assert_eq!(invite("k: timer").headers.supported(), ["timer"]);
    let kind = invite("c: Application/SDP; a=b").headers.content_type();
    assert_eq!(kind.as_deref(), Some("application/sdp"));
}

#[test]
fn the_source_is_stamped_into_the_top_via_alone() {
    let source = "198.51.100.9:1234".parse().unwrap();
    let table = [
        ("Via: SIP/2.0/UDP 192.0.2.7", "SIP/2.0/UDP 192.0.2.7;received=198.51.100.9"),
        ("Via: SIP/2.0/UDP 198.51.100.9:5062", "SIP/2.0/UDP 198.51.100.9:5062"),
        (
            "Via: SIP/2.0/UDP 198.51.100.9;rport;branch=z9hG4bK1",
            "SIP/2.0/UDP 198.51.100.9;rport=1234;branch=z9hG4bK1;received=198.51.100.9",
        ),
        (
            "Via: SIP/2.0/UDP h;received=203.0.113.1;rport=9",
            "SIP/2.0/UDP h;rport=1234;received=198.51.100.9",
        ),
    ];
    for (line, expected) in table {
        let mut request = invite(&format!("{line}, SIP/2.0/UDP second"));
        request.stamp_source(source);
        let vias: Vec<&str> = request.headers.all("Via").collect();
        assert_eq!(vias, [expected, "SIP/2.0/UDP second"]);
        let address = request.top_via().response_address().unwrap();
        assert_eq!(address.ip(), source.ip());
        request.headers.remove_top_via();
        assert_eq!(request.headers.all("Via").collect::<Vec<_>>(), ["SIP/2.0/UDP second"]);
    }
    let mut request = invite("Via: SIP/2.0/UDP [2001:db8::1];rport");
    request.stamp_source("[2001:db8::2]:7".parse().unwrap());
    let address = "[2001:db8::2]:7".parse().unwrap();
    assert_eq!(request.top_via().response_address(), Some(address));
    assert!(request.headers.get("Via").unwrap().ends_with(";received=2001:db8::2"));
    // RFC 5118 section 4.5: with brackets too.
    let via = Via::parse("SIP/2.0/UDP [::1]:5;received=[2001:db8::9:255]").unwrap();
    assert_eq!(via.response_address(), Some("[2001:db8::9:255]:5".parse().unwrap()));
}

#[test]
fn uris_compare_by_meaning() {
    // The examples of RFC 3261 section 19.1.4 and of RFC 3966 section 4.
    let equal = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::0:1]", "sip:a@[2001:DB8::1]"),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
    ];
    let different = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
        ("sip:a%40b@c", "sip:a@c"),
        ("sip:a@b", "sips:a@b"),
        ("tel:1;phone-context=a", "tel:1;phone-context=b"),
    ];
    let uri = |text: &str| Uri::parse(text).unwrap();
    for (table, is_equal) in [(&equal[..], true), (&different[..], false)] {
        for (a, b) in table {
            assert_eq!(uri(a).equivalent(&uri(b)), is_equal, "{a} {b}");
            assert_eq!(uri(b).equivalent(&uri(a)), is_equal, "{b} {a}");
        }
    }
}

#[test]
fn uris_are_built_and_changed() {
    let host = Host::Name("example.com".to_owned());
    let mut uri = Uri::sip(Some("a b;x=1@é"), &host, Some(5070));
    assert_eq!(uri.as_str(), "sip:a%20b%3Bx%3D1%40%C3%A9@example.com:5070");
    assert_eq!(uri.user().as_deref(), Some("a b;x=1@é"));
    uri.set_param("transport", Some("udp"));
    uri.set_param("lr", None);
    uri.set_param("Transport", Some("a;b"));
    assert_eq!(uri.as_str().split_once(":5070").unwrap().1, ";lr;Transport=a%3Bb");
    assert_eq!(Uri::parse(uri.as_str()), Ok(uri));
    let broken = Uri::sip(None, &Host::Name("a>\r\nVia: x".to_owned()), None);
    assert_eq!(broken.as_str(), "sip:invalid");
    let v6 = Uri::at(Some("201"), "[::1]:5060".parse().unwrap());
    assert_eq!(v6.as_str(), "sip:201@[::1]:5060");
    assert_eq!(v6.address(), Some("[::1]:5060".parse().unwrap()));
    assert_eq!(Uri::parse("sips:192.0.2.1").unwrap().address().unwrap().port(), 5061);
    let other = Uri::parse("isbn:2983792873:5060").unwrap();
    assert_eq!((other.user(), other.host(), other.port()), (None, None, None));
    let tel = Uri::parse("tel:+49-30;ext=1").unwrap();
    assert_eq!((tel.user().as_deref(), tel.host()), (Some("+49-30"), None));
    assert_eq!(format!("{:?} {tel:?}", Uri::parse("sip:secret@h").unwrap()), "sip:…@h tel:…");
}

#[test]
fn a_request_and_its_response_are_built_whole() {
    let mut request =
        Request::new(Method::Invite, Uri::parse("sip:201@192.0.2.7").unwrap(), &head());
    request.set_body("application/sdp", b"v=0\r\n".to_vec());
    request.headers.push("Content-Length", "99");
    let expected = "INVITE sip:201@192.0.2.7 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77;rport\r\n\
        Max-Forwards: 70\r\n\
        From: <sip:+4930123@192.0.2.1>;tag=f1\r\n\
        To: <sip:201@192.0.2.7>\r\n\
        Call-ID: c1@192.0.2.1\r\n\
        CSeq: 4 INVITE\r\n\
        Content-Type: application/sdp\r\n\
        Content-Length: 5\r\n\r\nv=0\r\n";
    assert_eq!(String::from_utf8(request.to_bytes()).unwrap(), expected);
    let mut response = Response::to(&request, 486, "Busy\r\nHere");
    response.set_to_tag("t1");
    response.set_to_tag("t2");
    let expected = "SIP/2.0 486 BusyHere\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77;rport\r\n\
        From: <sip:+4930123@192.0.2.1>;tag=f1\r\n\
        To: <sip:201@192.0.2.7>;tag=t1\r\n\
        Call-ID: c1@192.0.2.1\r\n\
        CSeq: 4 INVITE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(String::from_utf8(response.to_bytes()).unwrap(), expected);
}

#[test]
fn an_independent_parser_understands_what_we_send() {
    use rsip::prelude::*;
    let local = "192.0.2.1:5060".parse().unwrap();
    let display = "Müller, \"Ana\" \\ Co";
    let mut head = head();
    head.from = head.from.with_display(display);
    let uri = Uri::at(Some("201"), "192.0.2.7:5070".parse().unwrap());
    for method in [Method::Invite, Method::Register, Method::Options, Method::Bye] {
        let mut request = Request::new(method.clone(), uri.clone(), &head);
        let contact = NameAddr::new(Uri::at(Some("ringback"), local));
        request.headers.push("Contact", &contact.to_string());
        request.headers.push("Supported", "timer");
        request.set_body("application/sdp", b"v=0\r\n".to_vec());
        let read = rsip::SipMessage::try_from(request.to_bytes()).unwrap();
        let rsip::SipMessage::Request(theirs) = &read else { panic!() };
        assert_eq!(theirs.method.to_string(), method.as_str());
        assert_eq!(theirs.uri.to_string(), uri.as_str());
        assert_eq!(theirs.body, request.body);
        let from = read.from_header().unwrap().typed().unwrap();
        assert_eq!(from.display_name.as_deref(), Some(quoted(display).as_str()));
        assert_eq!(from.tag().map(ToString::to_string).as_deref(), Some("f1"));
        let via = read.via_header().unwrap().typed().unwrap();
        assert_eq!(via.branch().map(ToString::to_string).as_deref(), Some("z9hG4bK77"));
        let cseq = read.cseq_header().unwrap().typed().unwrap();
        assert_eq!((cseq.seq, cseq.method.to_string().as_str()), (4, method.as_str()));

        let mut response = Response::to(&request, 200, "OK");
        response.set_to_tag("t9");
        let read = rsip::SipMessage::try_from(response.to_bytes()).unwrap();
        let rsip::SipMessage::Response(theirs) = &read else { panic!() };
        assert_eq!(theirs.status_code.code(), 200);
        let to = read.to_header().unwrap().typed().unwrap();
        assert_eq!(to.tag().map(ToString::to_string).as_deref(), Some("t9"));
        let call_id = read.call_id_header().unwrap().to_string();
        assert_eq!(call_id, "Call-ID: c1@192.0.2.1");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn text_of_any_origin_stays_in_its_place(display in any::<String>(), user in any::<String>(),
        value in any::<String>(), tag in any::<String>()) {
        let mut head = head();
        head.from = NameAddr::new(Uri::sip(Some(&user), &Host::Name("h".to_owned()), None))
            .with_display(&display).with_tag("t");
        head.to.params.set("x", Some(&tag));
        let mut request =
            Request::new(Method::Invite, Uri::parse("sip:a@b").unwrap(), &head);
        request.headers.push("Subject", &value);
        let Ok(Message::Request(read)) = parse(&request.to_bytes()) else {
            return Err(TestCaseError::fail("not read"));
        };
        let clean = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).collect() };
        let (from, to) = (read.from(), read.to());
        prop_assert_eq!(from.display.as_deref().unwrap_or_default(), clean(&display));
        prop_assert_eq!(from.uri.user().unwrap_or_default(), user.as_str());
        prop_assert_eq!(from.tag(), Some("t"));
        prop_assert_eq!(to.params.get("x").unwrap_or_default(), clean(&tag));
        prop_assert_eq!(read.headers.iter().count(), 8);
    }

    #[test]
    fn what_was_written_reads_the_same(
        method in prop_oneof![Just("INVITE"), Just("BYE"), Just("NEW.method'~")],
        fields in prop::collection::vec(
            ("X-[a-zA-Z0-9]{1,8}", "([!-~é]([ -~é]{0,20}[!-~é])?)?"), 0..20),
        body in prop::collection::vec(any::<u8>(), 0..200),
        cseq in 0..1_u32 << 31,
    ) {
        let head = RequestHead { cseq, ..head() };
        let mut request =
            Request::new(Method::from_token(method), Uri::parse("sip:a@b").unwrap(), &head);
        for (name, value) in &fields {
            request.headers.push(name, value);
        }
        request.body = body;
        request.headers.push("Content-Length", &request.body.len().to_string());
        prop_assert_eq!(parse(&request.to_bytes()), Ok(Message::Request(request)));
    }

    #[test]
    fn nothing_on_the_wire_makes_the_parser_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        flips in prop::collection::vec((0..600_usize, any::<u8>()), 1..6),
        lines in prop::collection::vec("(X:)?[\\x00-\\xff]{0,30}", 0..3)) {
        let text = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>();
        let mut mutated = format!(
            "{INVITE}Contact: \"é\" <sip:e@[::1]:5;x=%41?a=b>;q=0.1 , <tel:1>\r\n{text}\
             Content-Length: 3\r\n\r\nabc"
        ).into_bytes();
        for (at, byte) in flips {
            let at = at % mutated.len();
            mutated[at] = byte;
        }
        for datagram in [&bytes, &mutated] {
            match parse(datagram) {
                Ok(Message::Request(mut request)) => {
                    request.stamp_source("192.0.2.1:1".parse().unwrap());
                    let _ = (request.uri.user(), request.from(), request.to(), request.cseq());
                    let _ = (request.headers.contacts(), request.headers.session_expires());
                    let written = Response::to(&request, 200, "OK").to_bytes();
                    prop_assert!(parse(&written).is_ok());
                    let Ok(Message::Request(mut again)) = parse(&request.to_bytes()) else {
                        return Err(TestCaseError::fail("not read again"));
                    };
                    for message in [&mut again, &mut request] {
                        message.headers.remove("Content-Length");
                    }
                    prop_assert_eq!(again, request);
                }
                Ok(Message::Response(response)) => {
                    prop_assert!(parse(&response.to_bytes()).is_ok());
                }
                Err(malformed) => {
                    if let Some(response) = malformed.response("192.0.2.1:1".parse().unwrap()) {
                        prop_assert!(!response.to_bytes().is_empty());
                    }
                }
            }
        }
    }
}
