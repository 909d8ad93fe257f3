//! Tests of `sdp`: what is said and understood, and that nothing from outside breaks it.
//!
//! The texts of `tests/scenarios/offers/` are offers of one call, one after another, each up to an
//! empty line: below it stand the lines of ours that answer it, from `m=` on, and whether we send
//! and receive. `==` begins another call.

use expect_test::expect;
use proptest::prelude::*;

use super::*;

fn party() -> Party {
    Party::new(84, SocketAddr::from(([192, 0, 2, 9], 20_000)))
}

fn offer(lines: &[&str]) -> Description {
    let head = ["v=0", "o=x 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"];
    let body = [&head[..], lines].concat().join("\r\n");
    Description::parse(body.as_bytes()).unwrap()
}

fn answer(lines: &[&str]) -> Result<(String, Agreed), Error> {
    party().answer(&offer(lines))
}

/// What we answer, in one call, from its first medium on.
fn answered(party: &mut Party, lines: &[&str]) -> String {
    let Ok((text, agreed)) = party.answer(&offer(lines)) else { return "refused".to_owned() };
    let media = text.find("m=").map_or("", |at| &text[at..]);
    let yes = |it: bool| if it { "yes" } else { "no" };
    let (sends, receives) = (yes(agreed.direction.sends()), yes(agreed.direction.receives()));
    format!("{media}we send: {sends}, we listen: {receives}")
}

#[test]
fn every_text_of_offers_holds() {
    crate::tests::scenarios("offers", 1, |text| {
        let (mut out, mut given, mut party) = (String::new(), Vec::new(), party());
        for line in text.lines().chain([""]).filter(|line| !line.starts_with(' ')) {
            let is_head = line.is_empty() || line.starts_with(['#', '=']);
            if is_head && !given.is_empty() {
                let said = answered(&mut party, &std::mem::take(&mut given));
                out.extend(said.lines().map(|line| format!("    {}\n", line.trim_end())));
            }
            if line.starts_with('=') {
                party = self::party();
            }
            if !is_head {
                given.push(line);
            }
            out.push_str(line);
            out.push('\n');
        }
        out.pop();
        out
    });
}

fn events(payload_type: u8, clock_hz: u32) -> Option<Events> {
    Some(Events { payload_type, clock_hz })
}

#[test]
fn our_offer_in_full() {
    expect![[r#"
        v=0
        o=- 42 1 IN IP4 192.0.2.9
        s=-
        c=IN IP4 192.0.2.9
        t=0 0
        m=audio 20000 RTP/AVP 0 8 101
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv
    "#]]
    .assert_eq(&party().offer(None).replace('\r', ""));
}

#[test]
fn the_answer_takes_the_first_common_codec_and_the_offered_numbers() {
    let (text, agreed) = answer(&[
        "m=video 4000 RTP/AVP 96",
        "c=IN IP4 host.example",
        "a=rtpmap:300 X/8000",
        "m=audio 4002 RTP/AVP 9 97 0 100 121",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:97 pcma/8000/1",
        "a=rtpmap:100 telephone-event/48000",
        "a=rtpmap:121 telephone-event/8000",
        "a=fmtp:121 0-16",
        "m=audio 4004 RTP/AVP 0",
    ])
    .unwrap();
    expect![[r#"
        v=0
        o=- 42 1 IN IP4 192.0.2.9
        s=-
        c=IN IP4 192.0.2.9
        t=0 0
        m=video 0 RTP/AVP 96
        a=sendrecv
        m=audio 20000 RTP/AVP 97 121
        a=rtpmap:97 PCMA/8000
        a=rtpmap:121 telephone-event/8000
        a=fmtp:121 0-15
        a=ptime:20
        a=sendrecv
        m=audio 0 RTP/AVP 0
        a=sendrecv
    "#]]
    .assert_eq(&text.replace('\r', ""));
    let expected = Agreed {
        law: Law::A,
        payload_type: 97,
        payload_type_received: 97,
        events: events(121, 8000),
        events_received: events(121, 8000),
        direction: Direction::SendReceive,
        remote: Some(SocketAddr::from(([192, 0, 2, 1], 4002))),
    };
    assert_eq!(agreed, expected);
    assert_eq!(
        [97, 8, 0, 9].map(|number| agreed.sound(number)),
        [Some(Law::A), Some(Law::A), Some(Law::Mu), None]
    );
    assert_eq!([121, 101].map(|number| agreed.events_clock(number)), [Some(8000), None]);
}

#[test]
fn events_are_taken_by_their_clock() {
    let table: [(&[&str], Option<Events>, Option<u8>); 5] = [
        (
            &["a=rtpmap:96 telephone-event/48000", "a=rtpmap:97 telephone-event/8000"],
            events(97, 8000),
            Some(97),
        ),
        (
            &["a=rtpmap:97 telephone-event/8000", "a=rtpmap:96 telephone-event/48000"],
            events(97, 8000),
            Some(97),
        ),
        (
            &["a=rtpmap:96 Telephone-Event/16000", "a=rtpmap:97 opus/48000/2"],
            events(96, 16_000),
            None,
        ),
        (&["a=rtpmap:96 telephone-event/0", "a=rtpmap:97 telephone-event/x"], None, None),
        (&["a=rtpmap:98 telephone-event/8000"], None, None),
    ];
    for (maps, expected, sent) in table {
        let lines = [&["m=audio 4000 RTP/AVP 0 96 97"][..], maps].concat();
        let (text, agreed) = answer(&lines).unwrap();
        assert_eq!((agreed.events, agreed.events_received), (expected, expected), "{maps:?}");
        assert_eq!(agreed.events_sent(), sent, "{maps:?}");
        let Some(Events { payload_type, clock_hz }) = expected else {
            assert!(!text.contains("telephone-event"), "{text}");
            continue;
        };
        let map = format!("a=rtpmap:{payload_type} telephone-event/{clock_hz}\r\n");
        assert!(text.contains(&map) && text.contains(&format!("a=fmtp:{payload_type} 0-15")));
        assert_eq!(text.matches("telephone-event").count(), 1, "{text}");
        assert_eq!(agreed.events_clock(payload_type), Some(clock_hz));
    }
}

#[test]
fn a_later_offer_keeps_streams_and_numbers() {
    let mut party = party();
    let first = offer(&[
        "m=video 4000 RTP/AVP 96",
        "m=audio 4002 RTP/AVP 97 0 101",
        "a=rtpmap:97 PCMA/8000",
        "a=rtpmap:101 opus/48000/2",
    ]);
    let (_, agreed) = party.answer(&first).unwrap();
    assert_eq!((agreed.law, agreed.payload_type, agreed.events), (Law::A, 97, None));
    // They hold us, and then ask for an offer: it is to talk again.
    let mut held = first.clone();
    held.streams[1].direction = Direction::SendOnly;
    assert_eq!(party.answer(&held).unwrap().1.direction, Direction::ReceiveOnly);
    let offered = party.offer(Some(Law::Mu));
    expect![[r#"
        v=0
        o=- 42 3 IN IP4 192.0.2.9
        s=-
        c=IN IP4 192.0.2.9
        t=0 0
        m=video 0 RTP/AVP 96
        a=sendrecv
        m=audio 20000 RTP/AVP 97 0 102
        a=rtpmap:0 PCMU/8000
        a=rtpmap:97 PCMA/8000
        a=rtpmap:102 telephone-event/8000
        a=fmtp:102 0-15
        a=ptime:20
        a=sendrecv
    "#]]
    .assert_eq(&offered.replace('\r', ""));

    let answered = offer(&[
        "m=video 0 RTP/AVP 96",
        "m=audio 4004 RTP/AVP 97 110",
        "a=rtpmap:97 PCMA/8000",
        "a=rtpmap:110 telephone-event/8000",
    ]);
    let agreed = party.agree(&answered).unwrap();
    assert_eq!((agreed.direction, agreed.law), (Direction::SendReceive, Law::A));
    assert_eq!((agreed.events, agreed.events_received), (events(110, 8000), events(102, 8000)));
    assert_eq!(agreed.remote.unwrap().port(), 4004);
    // An answer in the place of the stream that we refused is none.
    let elsewhere = offer(&["m=audio 4006 RTP/AVP 0", "m=audio 0 RTP/AVP 0"]);
    assert_eq!(party.agree(&elsewhere), Err(Error::NothingInCommon));
    assert!(party.offer(None).contains("RTP/AVP 97 0 102"), "and changes nothing");
}

#[test]
fn the_codec_that_runs_is_kept_if_it_is_offered() {
    let mut party = party();
    let both = offer(&["m=audio 4000 RTP/AVP 0 8"]);
    assert_eq!(party.answer(&offer(&["m=audio 4000 RTP/AVP 8 0"])).unwrap().1.law, Law::A);
    assert_eq!(party.answer(&both).unwrap().1.law, Law::A, "kept");
    assert_eq!(party.answer(&offer(&["m=audio 4000 RTP/AVP 0"])).unwrap().1.law, Law::Mu, "gone");
    assert_eq!(party.answer(&both).unwrap().1.law, Law::Mu);
}

#[test]
fn an_offer_begins_with_the_preferred_codec() {
    let formats = |preferred| Description::parse(party().offer(preferred).as_bytes()).unwrap();
    let formats = |preferred| formats(preferred).streams[0].formats.join(" ");
    assert_eq!(formats(Some(Law::A)), "8 0 101");
    assert_eq!(formats(Some(Law::Mu)), "0 8 101");
    assert_eq!(formats(None), "0 8 101");
}

#[test]
fn nothing_in_common_is_refused() {
    let table: [&[&str]; 6] = [
        &[],
        &["m=audio 4000 RTP/AVP 9"],
        &["m=audio 0 RTP/AVP 0"],
        &["m=audio 4000 RTP/SAVP 0"],
        &["m=audio 4000 RTP/AVP 0", "a=rtpmap:0 L16/8000"],
        &["m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"],
    ];
    for lines in table {
        assert_eq!(answer(lines).unwrap_err(), Error::NothingInCommon, "{lines:?}");
    }
    let mut party = party();
    party.offer(None);
    let unasked = party.agree(&offer(&["m=video 4 RTP/AVP 0", "m=audio 4 RTP/AVP 0"]));
    assert_eq!(unasked, Err(Error::NothingInCommon), "a second stream");
}

#[test]
fn hold_is_mirrored() {
    let table = [
        ("a=sendrecv", "192.0.2.1", Direction::SendReceive),
        ("a=sendonly", "192.0.2.1", Direction::ReceiveOnly),
        ("a=recvonly", "192.0.2.1", Direction::SendOnly),
        ("a=inactive", "192.0.2.1", Direction::Inactive),
        ("a=sendrecv", "0.0.0.0", Direction::ReceiveOnly),
        ("a=inactive", "0.0.0.0", Direction::Inactive),
    ];
    for (attribute, address, ours) in table {
        let connection = format!("c=IN IP4 {address}");
        let (text, agreed) = answer(&["m=audio 4 RTP/AVP 0", &connection, attribute]).unwrap();
        assert_eq!(agreed.direction, ours, "{attribute} {address}");
        assert_eq!(agreed.remote.is_none(), address == "0.0.0.0");
        assert!(text.contains(&format!("a={}\r\n", ours.name())), "{text}");
    }
    let session_wide = b"v=0\nc=IN IP4 192.0.2.1\na=sendonly\nm=audio 4 RTP/AVP 0\n";
    let read = Description::parse(session_wide).unwrap();
    assert_eq!(read.streams[0].direction, Direction::SendOnly);
}

#[test]
fn the_version_counts_changes_only() {
    let mut party = party();
    let version = |text: String| Description::parse(text.as_bytes()).unwrap().origin;
    let talk = offer(&["m=audio 4000 RTP/AVP 0"]);
    let hold = offer(&["m=audio 4000 RTP/AVP 0", "a=sendonly"]);
    assert_eq!(version(party.offer(None)), (42, 1));
    assert_eq!(version(party.answer(&talk).unwrap().0), (42, 2));
    assert_eq!(version(party.answer(&talk).unwrap().0), (42, 2));
    assert_eq!(version(party.answer(&hold).unwrap().0), (42, 3));
    assert!(party.answer(&offer(&[])).is_err());
    assert_eq!(version(party.answer(&hold).unwrap().0), (42, 3));
}

#[test]
fn two_of_us_agree() {
    for local in ["192.0.2.9:20000", "[2001:db8::9]:20000"] {
        let local: SocketAddr = local.parse().unwrap();
        let (mut caller, mut called) = (Party::new(1, local), Party::new(2, local));
        let offered = Description::parse(caller.offer(Some(Law::A)).as_bytes()).unwrap();
        let (text, theirs) = called.answer(&offered).unwrap();
        let answered = Description::parse(text.as_bytes()).unwrap();
        let ours = caller.agree(&answered).unwrap();
        assert_eq!(ours, theirs);
        assert_eq!((ours.law, ours.events, ours.remote), (Law::A, events(101, 8000), Some(local)));
    }
}

#[test]
fn broken_bodies_are_told_apart() {
    let many = format!("v=0\n{}", "m=audio 4 RTP/AVP 0\n".repeat(STREAMS_MAX + 1));
    let long = format!("v=0\na={}\n", "x".repeat(LINE_MAX));
    let table = [
        ("", "v=0"),
        ("v=1\n", "v=0"),
        ("v=0\nm=audio RTP/AVP 0\n", "m="),
        ("v=0\nm=audio 4 RTP/AVP\n", "m="),
        ("v=0\nm=audio 70000 RTP/AVP 0\n", "m="),
        ("v=0\nc=IN IP4 host.example\n", "c="),
        ("v=0\nc=IN IP4 2001:db8::1\n", "c="),
        ("v=0\nc=IN IP4 224.2.1.1/127\n", "group"),
        (&many, "16 streams"),
        (&long, "8 KiB"),
    ];
    for (body, expected) in table {
        let error = Description::parse(body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let nowhere = Description::parse(b"v=0\nm=audio 4 RTP/AVP 0\n").unwrap();
    assert!(matches!(party().answer(&nowhere), Err(Error::Malformed(_))));
}

/// Bodies of lines that mean something, in any order.
fn body() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => "m=(audio|video) (0|4|4000|66000)(/2)? RTP/(AVP|SAVP)( (0|8|9|96|101|200)){0,4}",
        2 => "a=rtpmap:(0|8|96|101|128) (PCMU|pcma|telephone-event|G722)/(8000|48000|0)",
        2 => "a=(sendrecv|sendonly|recvonly|inactive)",
        2 => "c=IN IP[46] (192.0.2.1|0.0.0.0|2001:db8::1|::|x)",
        1 => "t=[0-9]{1,3} [0-9]{0,3}",
        1 => "\\PC{0,20}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| format!("v=0\r\n{}", lines.join("\r\n")))
}

proptest! {
    #[test]
    fn parsing_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Description::parse(&body).map(|read| party().answer(&read));
    }

    #[test]
    fn what_was_read_is_written_so_that_it_reads_the_same(body in body()) {
        if let Ok(read) = Description::parse(body.as_bytes()) {
            prop_assert_eq!(Description::parse(read.to_string().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn an_answer_is_a_subset_of_the_offer(body in body()) {
        let Ok(offer) = Description::parse(body.as_bytes()) else { return Ok(()) };
        let Ok((text, agreed)) = party().answer(&offer) else { return Ok(()) };
        let answer = Description::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(answer.streams.len(), offer.streams.len());
        prop_assert_eq!(answer.time, offer.time);
        prop_assert_eq!(answer.streams.iter().filter(|stream| stream.port != 0).count(), 1);
        for (ours, theirs) in answer.streams.iter().zip(&offer.streams) {
            prop_assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol));
            prop_assert!(ours.formats.iter().all(|format| theirs.formats.contains(format)));
            if ours.port != 0 {
                prop_assert!(theirs.port != 0);
                prop_assert!(!ours.direction.sends() || theirs.direction.receives());
                prop_assert!(!ours.direction.receives() || theirs.direction.sends());
                prop_assert!(ours.formats.contains(&agreed.payload_type.to_string()));
            }
        }
    }
}
