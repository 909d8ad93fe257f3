//! What is said of flows that are wrong, and how a sound one is printed.

use expect_test::expect;

use super::*;
use crate::calls::stage::settings;

fn exists(_: &Language, sound: &str) -> bool {
    matches!(sound, "welcome" | "which" | "bye" | "thanks" | "greeting" | "we-called")
}

fn main_flow(settings: &mut Settings) -> &mut Flow {
    settings.flows.get_mut(&FlowId::new("main")).unwrap()
}

/// The errors after one change of a flow that has none.
fn broken(change: impl FnOnce(&mut BTreeMap<String, FlowNode>)) -> String {
    let mut settings = settings();
    change(&mut main_flow(&mut settings).nodes);
    let errors = check(&settings, &exists);
    errors.iter().map(|error| format!("{error}\n").replace(": ", "\n    ")).collect()
}

fn queue(nodes: &mut BTreeMap<String, FlowNode>) -> &mut QueueNode {
    match nodes.get_mut("billing") {
        Some(FlowNode::Queue(node)) => node,
        other => panic!("{other:?}"),
    }
}

fn access_code(nodes: &mut BTreeMap<String, FlowNode>) -> &mut AccessCodeNode {
    match nodes.get_mut("code") {
        Some(FlowNode::AccessCode(node)) => node,
        other => panic!("{other:?}"),
    }
}

fn schedule(nodes: &mut BTreeMap<String, FlowNode>) -> &mut Option<String> {
    match nodes.get_mut("offer") {
        Some(FlowNode::OfferCallback { schedule, .. }) => schedule,
        other => panic!("{other:?}"),
    }
}

fn say(next: &str) -> FlowNode {
    FlowNode::Say { prompts: vec!["welcome".to_owned()], next: next.to_owned() }
}

#[test]
fn a_sound_flow_has_no_errors() {
    assert_eq!(check(&settings(), &exists), []);
    assert_eq!(greetings_missing(&settings(), &exists), []);
    assert_eq!(greetings_missing(&settings(), &|_, _| false).len(), 5);
}

#[test]
fn a_called_number_tells_whom_its_queues_may_call() {
    let mut settings = settings();
    let called = |settings: &Settings, dnis| settings.policies(&Dnis::new(dnis)).len();
    assert_eq!((called(&settings, "700"), called(&settings, "800")), (2, 0));
    settings.queues.remove(&QueueId::new("plain"));
    assert_eq!(called(&settings, "700"), 1);
}

type Change = fn(&mut BTreeMap<String, FlowNode>);

fn all_broken(changes: &[Change]) -> String {
    changes.iter().map(broken).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_wrong_value_is_named_with_its_place_and_remedy() {
    let changes: &[Change] = &[
        |nodes| {
            let node = access_code(nodes);
            (node.group, node.tries) = (GroupId::new("gone"), 0);
            node.matched = [("anni".to_owned(), "bye".to_owned())].into();
            node.prompts = vec!["huh".to_owned()];
        },
        |nodes| {
            if let Some(FlowNode::Transfer(node)) = nodes.get_mut("operator") {
                node.to = Address::parse("2001").unwrap();
                node.ring_timeout = Duration::from_secs(4);
            }
        },
    ];
    expect![[r#"
        flow main, node code, group
            there is no call-in group gone; define it or name another
        flow main, node code, tries
            is out of its range; write 1 to 5
        flow main, node code, matched.anni
            "anni" is no combination; write `code`, `ani`, `dnis` joined by `+`, or `default`
        flow main, node code, matched
            leads nowhere for other combinations; add `default`
        flow main, node code, prompts
            there is no sound "huh"; record de/huh.wav or name another
        flow main, node code, prompts
            there is no sound "huh"; record en/huh.wav or name another
        flow main, node known
            nothing leads to this node; bind an exit to it or remove it

        flow main, node operator, to
            queue billing may not call there; permit it in that queue or name another
        flow main, node operator, ring_timeout
            is out of its range; write 5 to 120 seconds
    "#]]
    .assert_eq(&all_broken(changes));
}

#[test]
fn a_wrong_value_of_a_queue_or_a_menu_is_named_too() {
    let changes: &[Change] = &[
        |nodes| queue(nodes).queue = QueueId::new("gone"),
        |nodes| queue(nodes).keys = [('A', "bye".to_owned())].into(),
        |nodes| {
            let offer = queue(nodes).offer.as_mut().unwrap();
            (offer.after, offer.ewt_above) = (None, None);
            (offer.position_above, offer.length_above) = (None, None);
        },
        |nodes| {
            let prompts = vec!["huh".to_owned()];
            nodes.insert("bye".to_owned(), FlowNode::Hangup { prompts });
        },
        |nodes| {
            if let Some(FlowNode::Menu { keys, first_digit_timeout, tries, .. }) =
                nodes.get_mut("menu")
            {
                keys.retain(|_, to| to == "plain");
                (*first_digit_timeout, *tries) = (Duration::from_secs(31), 6);
            }
        },
    ];
    expect![[r#"
        flow main, node billing, queue
            there is no queue gone; define it or name another
        flow main, node billing, offer.node
            books in queue billing, and the caller waits in gone; leave `queue` out of that node

        flow main, node billing, keys.A
            'A' is not a key; use 0 to 9, * or #

        flow main, node billing, offer
            is never made; set after, ewt_above, position_above or length_above

        flow main, node bye, prompts
            there is no sound "huh"; record de/huh.wav or name another
        flow main, node bye, prompts
            there is no sound "huh"; record en/huh.wav or name another

        flow main, node menu, tries
            is out of its range; write 1 to 5
        flow main, node menu, first_digit_timeout
            is out of its range; write 1 to 30 seconds
        flow main, node code
            nothing leads to this node; bind an exit to it or remove it
        flow main, node known
            nothing leads to this node; bind an exit to it or remove it
        flow main, node operator
            nothing leads to this node; bind an exit to it or remove it
    "#]]
    .assert_eq(&all_broken(changes));
}

#[test]
fn a_wrong_shape_is_named_with_its_place_and_remedy() {
    let changes: &[Change] = &[
        |nodes| queue(nodes).closed = Some("nowhere".to_owned()),
        |nodes| queue(nodes).offer.as_mut().unwrap().node = "bye".to_owned(),
        |nodes| queue(nodes).no_agents = Some("offer".to_owned()),
        |nodes| *schedule(nodes) = Some("bye".to_owned()),
        |nodes| {
            let exits = BookingExits::default();
            nodes.insert("later".to_owned(), FlowNode::ScheduleCallback { queue: None, exits });
        },
        |nodes| {
            let (queue, exits) = (Some(QueueId::new("plain")), BookingExits::default());
            nodes.insert("later".to_owned(), FlowNode::ScheduleCallback { queue, exits });
        },
        |nodes| {
            nodes.insert("island".to_owned(), say("bye"));
        },
        |nodes| {
            nodes.insert("survey".to_owned(), say("again"));
            nodes.insert("again".to_owned(), say("survey"));
        },
        |nodes| {
            nodes.insert("sorry".to_owned(), say("billing"));
            queue(nodes).full = Some("sorry".to_owned());
        },
    ];
    expect![[r#"
        flow main, node billing, closed
            there is no node "nowhere"; define it or name another

        flow main, node billing, offer.node
            "bye" is not an offer_callback node; name one
        flow main, node offer
            nothing leads to this node; bind an exit to it or remove it

        flow main, node billing, no_agents
            only the offer of a queue may lead to an offer_callback; name another

        flow main, node offer, schedule
            "bye" is not a schedule_callback node; name one

        flow main, node menu, keys.3
            "later" names no queue, and nobody waits in one here; write `queue` in it

        flow main, node billing, offer.node
            books in queue plain, and the caller waits in billing; leave `queue` out of that node

        flow main, node island
            nothing leads to this node; bind an exit to it or remove it

        flow main, node again
            no way leads to a queue or hangup node; bind an exit to one
        flow main, node again, next
            leads back here without a key or a wait; let it lead elsewhere
        flow main, node survey
            no way leads to a queue or hangup node; bind an exit to one
        flow main, node survey, next
            leads back here without a key or a wait; let it lead elsewhere

        flow main, node billing, full
            leads back here without a key or a wait; let it lead elsewhere
        flow main, node sorry, next
            leads back here without a key or a wait; let it lead elsewhere
    "#]]
    .assert_eq(&all_broken(changes));
}

#[test]
fn an_entry_or_start_that_leads_nowhere_is_named() {
    let mut settings = settings();
    settings.entries[0].flow = FlowId::new("other");
    main_flow(&mut settings).start = "nowhere".to_owned();
    let errors = check(&settings, &exists);
    let named = |node: &str, key: &str| errors.iter().any(|e| e.node == node && e.key == key);
    assert!(named("", "entry \"7*\"") && named("", "start"), "{errors:?}");
}

#[test]
fn a_tree_names_each_node_once() {
    let mut settings = settings();
    expect![[r#"
        start: say welcome
          next -> menu: menu which, 2 tries
            keys.1 -> billing: queue billing
              closed -> bye: hangup bye
              full -> bye: (above)
              no_agents -> bye: (above)
              max_wait -> bye: (above)
              after_call -> survey: say thanks
                next -> bye: (above)
              keys.0 -> bye: (above)
              offer.node -> offer: offer_callback
                schedule -> later: schedule_callback billing
                  refused -> survey: (above)
                  registered -> (it is said, and the call ends)
                  declined -> (back to the music; outside a queue, the call ends)
                registered -> (it is said, and the call ends)
                declined -> (back to the music, at the same place)
                refused -> (it is said, and back to the music, at the same place)
            keys.2 -> plain: queue plain
              closed -> (it is said, and the call ends)
              full -> (it is said, and the call ends)
              no_agents -> (the caller waits)
              max_wait -> (after 4 hours an apology, and the end)
              after_call -> (the call ends)
            keys.3 -> later: (above)
            keys.4 -> code: access_code app, 3 tries
              matched.code+ani -> known: say thanks
                next -> billing: (above)
              matched.default -> plain: (above)
              failed -> survey: (above)
              locked -> (it is said, and the call ends)
            keys.5 -> operator: transfer 1002 by billing
              failed -> survey: (above)
            timeout -> billing: (above)
            invalid -> bye: (above)
    "#]]
    .assert_eq(&tree(main_flow(&mut settings)));
}

#[test]
fn every_prompt_is_there_in_every_language_of_the_entry() {
    let (english, german) = (Language::default(), Language::new("de"));
    let mut settings = settings();
    settings.entries[0].languages = vec![english.clone(), german.clone()];
    let set = |nodes: &mut BTreeMap<String, FlowNode>, chosen: &[(char, &str)]| {
        if let Some(FlowNode::Menu { language, .. }) = nodes.get_mut("menu") {
            *language = chosen.iter().map(|(key, tag)| (*key, Language::new(tag))).collect();
        }
    };
    set(&mut main_flow(&mut settings).nodes, &[('2', "de")]);
    assert_eq!(check(&settings, &exists), []);
    set(&mut main_flow(&mut settings).nodes, &[('9', "de"), ('2', "fr")]);
    let only_welcome = |language: &Language, sound: &str| {
        exists(language, sound) && (*language == english || sound == "welcome")
    };
    let errors = check(&settings, &only_welcome);
    let told = errors.iter().map(|it| format!("{it}\n").replace(": ", "\n    "));
    expect![[r#"
        flow main, node bye, prompts
            there is no sound "bye"; record de/bye.wav or name another
        flow main, node known, prompts
            there is no sound "thanks"; record de/thanks.wav or name another
        flow main, node menu, language.2
            an entry of this flow is not made for fr; add it to `languages` there
        flow main, node menu, language.9
            chooses a language and leads nowhere; bind the key in `keys` too
        flow main, node menu, prompts
            there is no sound "which"; record de/which.wav or name another
        flow main, node survey, prompts
            there is no sound "thanks"; record de/thanks.wav or name another
    "#]]
    .assert_eq(&told.collect::<String>());
    assert_eq!(sounds_missing(&german, &|_, id| id != "goodbye"), ["goodbye"]);
}
