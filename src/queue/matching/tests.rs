//! Call-In requests in tables: what matches what, what is handed out, what ends what.

use super::*;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1000);

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

pub(super) fn number(n: usize) -> Dnis {
    Dnis::new(&format!("+1415555010{n}"))
}

pub(super) fn caller(n: u8) -> Address {
    Address::parse(&format!("+4930123456{n}")).unwrap()
}

fn code(digits: &str) -> AccessCode {
    AccessCode::parse(digits).unwrap()
}

fn key() -> CodeKey {
    CodeKey::new([7; 32])
}

fn app() -> GroupId {
    GroupId::new("app")
}

/// The combination that prints as `text`.
fn combination(text: &str) -> Combination {
    Combination::every().into_iter().find(|it| it.to_string() == text).unwrap()
}

/// The first `count` numbers.
fn group(code: CodeUse, count: usize) -> CallInGroup {
    CallInGroup { numbers: (0..count).map(number).collect(), code, ..CallInGroup::default() }
}

/// A request of nobody in particular, with one code drawn.
fn new(id: u128, group: &CallInGroup, digits: &str) -> NewCallIn {
    NewCallIn {
        id: CallInId(id),
        group: app(),
        ani: None,
        interaction: None,
        not_after: None,
        codes: DrawnCodes::hash(&key(), &group.numbers, &[code(digits)]),
        data: None,
    }
}

fn call(ani: Option<u8>, dnis: usize, digits: Option<&str>) -> Presented {
    let dnis = number(dnis);
    let code = digits.map(|digits| key().hash(&dnis, &code(digits)));
    Presented { ani: ani.map(caller), dnis, code, since: NOW }
}

fn usable(_: InteractionId) -> bool {
    true
}

/// What a call matched, as `id combination`, `-` for nothing, `?` for one of several.
fn said(all: &CallIns, group: &CallInGroup, call: &Presented) -> String {
    match all.matches(&app(), group, call, NOW, usable) {
        Match::One { id, combination } => format!("{} {combination}", id.0),
        Match::NotFound => "-".into(),
        Match::Ambiguous => "?".into(),
    }
}

pub(super) fn rules_hold(all: &CallIns) {
    for (name, rule) in OF_CALL_INS {
        rule(all).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
}

#[test]
fn combinations_print_as_exits() {
    let shown = Combination::every().map(|it| it.to_string());
    let exits =
        ["none", "dnis", "ani", "ani+dnis", "code", "code+dnis", "code+ani", "code+ani+dnis"];
    assert_eq!(shown, exits);
    let below = Combination::every().map(|it| combination("code+dnis").includes(it));
    assert_eq!(below, [true, true, false, false, true, true, false, false]);
}

/// A call that shows all, to a group that looks at each of the eight sets of criteria and requires
/// each of the eight.
#[test]
fn what_agrees_must_include_what_is_required() {
    let with_code = ["code", "code+dnis", "code+ani", "code+ani+dnis"];
    let by_ani = ["ani", "ani+dnis"];
    let table = [
        (CodeUse::Always, with_code.to_vec()),
        (CodeUse::IfNeeded, [&with_code[..], &by_ani].concat()),
        // What the group does not give out cannot agree.
        (CodeUse::Off, [&by_ani[..], &["dnis"]].concat()),
    ];
    let (mut matched, mut refused) = (0, 0);
    for (code_use, names_somebody) in table {
        let made = group(code_use, 1);
        let mut all = CallIns::default();
        let request = NewCallIn { ani: Some(caller(1)), ..new(1, &made, "001234") };
        all.create(NOW, &made, request).unwrap();
        for criteria in Combination::every() {
            for required in Combination::every() {
                let digits = (code_use != CodeUse::Off).then_some("001234");
                let group = CallInGroup { criteria, required, ..made.clone() };
                let agreed = Combination { code: criteria.code && digits.is_some(), ..criteria };
                let names = names_somebody.contains(&&*agreed.to_string());
                let expected = match names && agreed.includes(required) {
                    true => format!("1 {agreed}"),
                    false => "-".into(),
                };
                let found = said(&all, &group, &call(Some(1), 0, digits));
                assert_eq!(found, expected, "{code_use:?} {criteria} requires {required}");
                *if names { &mut matched } else { &mut refused } += 1;
            }
        }
    }
    assert_eq!((matched, refused), (16 * 8, 8 * 8));
}

/// Code, ANI and DNIS each right, wrong or not shown, where all three are looked at.
#[test]
fn a_call_matches_by_what_it_shows_unless_something_is_wrong() {
    let (right, wrong) = (Some("001234"), Some("001235"));
    let (same, other) = (Some(1), Some(2));
    // The call; what it matches where a code is always asked for, and where only if needed.
    let table = [
        (right, same, 0, "1 code+ani+dnis", "1 code+ani+dnis"),
        (right, None, 0, "1 code+dnis", "1 code+dnis"),
        (right, other, 0, "-", "-"),
        (wrong, same, 0, "-", "-"),
        (wrong, None, 0, "-", "-"),
        (wrong, other, 0, "-", "-"),
        (None, same, 0, "-", "1 ani+dnis"),
        (None, None, 0, "-", "-"),
        (None, other, 0, "-", "-"),
        (right, same, 1, "-", "-"),
        (right, None, 1, "-", "-"),
        (wrong, same, 1, "-", "-"),
        (None, same, 1, "-", "-"),
        (None, None, 1, "-", "-"),
        // The zeros count.
        (Some("1234"), same, 0, "-", "-"),
        (Some("0001234"), same, 0, "-", "-"),
    ];
    for (digits, ani, dnis, always, if_needed) in table {
        for (code_use, expected) in [(CodeUse::Always, always), (CodeUse::IfNeeded, if_needed)] {
            let group = group(code_use, 2);
            let mut all = CallIns::default();
            let request = NewCallIn { ani: Some(caller(1)), ..new(1, &group, "001234") };
            assert_eq!(all.create(NOW, &group, request).unwrap().request.number, number(0));
            let call = call(ani, dnis, digits);
            assert_eq!(said(&all, &group, &call), expected, "{code_use:?} {digits:?} {ani:?}");
            let needs =
                all.needs_code(&app(), &group, (call.ani.as_ref(), &call.dnis), NOW, usable);
            let single_out = code_use == CodeUse::IfNeeded && ani == same && dnis == 0;
            assert_eq!(needs, !single_out, "{code_use:?} {ani:?}");
        }
    }
}

#[test]
fn a_request_that_names_no_caller_takes_any() {
    let group = group(CodeUse::Always, 1);
    let mut all = CallIns::default();
    all.create(NOW, &group, new(1, &group, "001234")).unwrap();
    for ani in [None, Some(1), Some(2)] {
        assert_eq!(said(&all, &group, &call(ani, 0, Some("001234"))), "1 code+dnis");
    }
    let strict = CallInGroup { required: combination("ani"), ..group.clone() };
    assert_eq!(said(&all, &strict, &call(Some(1), 0, Some("001234"))), "-");
}

#[test]
fn a_code_is_good_on_its_number_only() {
    let group = CallInGroup { criteria: combination("code"), ..group(CodeUse::Always, 2) };
    let mut all = CallIns::default();
    all.create(NOW, &group, new(1, &group, "001234")).unwrap();
    all.create(NOW, &group, new(2, &group, "001234")).unwrap();
    assert_eq!(said(&all, &group, &call(None, 0, Some("001234"))), "1 code");
    assert_eq!(said(&all, &group, &call(None, 1, Some("001234"))), "2 code");
    all.spend(NOW, CallInId(1), NOW).unwrap();
    assert_eq!(said(&all, &group, &call(None, 0, Some("001234"))), "-");
    let elsewhere = GroupId::new("elsewhere");
    let found =
        all.matches(&elsewhere, &group, &call(None, 1, Some("001234")), NOW, usable).combination();
    assert_eq!(found, Combination::NONE, "of another group");
}

#[test]
fn of_several_without_a_code_there_is_none() {
    let group = CallInGroup { criteria: combination("ani+dnis"), ..group(CodeUse::Off, 1) };
    let mut all = CallIns::default();
    for n in 1..=2 {
        let request = NewCallIn { ani: Some(caller(n)), ..new(n.into(), &group, "0000") };
        all.create(NOW, &group, request).unwrap();
    }
    assert_eq!(said(&all, &group, &call(Some(2), 0, None)), "2 ani+dnis");
    assert_eq!(said(&all, &group, &call(Some(3), 0, None)), "-");
    assert_eq!(said(&all, &group, &call(None, 0, None)), "?", "withheld, and two are expected");
    all.spend(NOW, CallInId(2), NOW).unwrap();
    assert_eq!(said(&all, &group, &call(None, 0, None)), "1 dnis");
    let strict = CallInGroup { required: combination("ani"), ..group };
    assert_eq!(said(&all, &strict, &call(None, 0, None)), "-");
}

/// Rows that no allocation makes, as a changed file may leave them: the code tells them apart.
#[test]
fn an_ambiguous_caller_is_asked_for_the_code() {
    let group = group(CodeUse::IfNeeded, 1);
    let row = |id: u128, digits: Option<&str>, ani: Option<u8>| CallInRequest {
        id: CallInId(id),
        group: app(),
        sequence: id as u64,
        number: number(0),
        code: digits.map(|digits| key().hash(&number(0), &code(digits))),
        ani: ani.map(caller),
        interaction: None,
        created_at: NOW,
        expires_at: NOW + minutes(30),
        ended: None,
        data: None,
    };
    let all = CallIns::load([row(1, Some("001234"), Some(1)), row(2, None, None)]);
    let ani = caller(1);
    let needs = all.needs_code(&app(), &group, (Some(&ani), &number(0)), NOW, usable);
    assert_eq!((said(&all, &group, &call(Some(1), 0, None)), needs), ("?".into(), true));
    assert_eq!(said(&all, &group, &call(Some(1), 0, Some("001234"))), "1 code+ani+dnis");
    let twice = CallIns::load([row(1, Some("001234"), Some(1)), row(2, Some("001234"), None)]);
    assert!(codes_distinct(&twice).is_err());
    assert_eq!(said(&twice, &group, &call(Some(1), 0, Some("001234"))), "?");
}

#[test]
fn what_has_ended_never_matches() {
    let group = group(CodeUse::Always, 1);
    let right = call(None, 0, Some("001234"));
    let made = || {
        let mut all = CallIns::default();
        let tied = NewCallIn { interaction: Some(InteractionId(9)), ..new(1, &group, "001234") };
        all.create(NOW, &group, tied).unwrap();
        assert_eq!(said(&all, &group, &right), "1 code+dnis");
        all
    };
    type Ends = fn(&mut CallIns) -> Vec<CallInRequest>;
    let ends: [(Ends, CallInEnd); 4] = [
        (|all| all.spend(NOW, CallInId(1), NOW).into_iter().collect(), CallInEnd::Matched),
        (|all| all.void(NOW, CallInId(1)).into_iter().collect(), CallInEnd::Voided),
        (|all| all.end_for(NOW, InteractionId(9)), CallInEnd::CallbackOver),
        (|all| all.expire(NOW + minutes(30)), CallInEnd::Expired),
    ];
    for (end, how) in ends {
        let mut all = made();
        let ended: Vec<_> = end(&mut all).iter().map(|row| row.ended.unwrap().1).collect();
        assert_eq!(ended, [how]);
        let over = NOW + minutes(30);
        let after = Presented { since: over, ..right.clone() };
        let found = all.matches(&app(), &group, &after, over, usable);
        assert_eq!(found, Match::NotFound, "{how:?}");
        assert_eq!(end(&mut all), [], "{how:?} twice");
        let forgotten = (how == CallInEnd::Expired).then_some(NOW + minutes(35));
        assert_eq!((all.outstanding().count(), all.next_expiry()), (0, forgotten));
        rules_hold(&all);
    }
    // Time alone is enough, and so is what becomes of the callback.
    let mut all = made();
    let found = |at, usable: fn(InteractionId) -> bool| {
        let call = Presented { since: at, ..right.clone() };
        all.matches(&app(), &group, &call, at, usable) != Match::NotFound
    };
    assert!(found(NOW + minutes(30) - Duration::from_millis(1), usable));
    assert!(!found(NOW + minutes(30), usable), "its time is over");
    assert!(!found(NOW, |id| id != InteractionId(9)), "its callback is over");
    assert_eq!(all.spend(NOW + minutes(30), CallInId(1), NOW + minutes(30)), None);
    assert_eq!(all.expire(NOW + minutes(30)).len(), 1);
}

#[test]
fn a_call_that_reached_the_entry_in_time_may_finish_its_tries() {
    let group = group(CodeUse::Always, 1);
    let over = NOW + minutes(30);
    let just_before = over - Duration::from_millis(1);
    for ended in [false, true] {
        let mut all = CallIns::default();
        all.create(NOW, &group, new(1, &group, "001234")).unwrap();
        if ended {
            assert_eq!(all.expire(over).len(), 1);
        }
        let found = |since, at| {
            let call = Presented { since, ..call(None, 0, Some("001234")) };
            all.matches(&app(), &group, &call, at, usable) != Match::NotFound
        };
        let table = [
            (just_before, over, true),
            (just_before, over + TRIES_WITHIN - Duration::from_millis(1), true),
            (just_before, over + TRIES_WITHIN, false),
            (over, over, false),
            (over + minutes(1), over, false),
        ];
        for (since, at, expected) in table {
            assert_eq!(found(since, at), expected, "{since} {at} {ended}");
        }
        // Its code is nobody else's meanwhile.
        let again = new(2, &group, "001234");
        assert!(all.create(over, &group, again).is_err());
        let spent = all.spend(over + minutes(1), CallInId(1), just_before).unwrap();
        assert_eq!(spent.ended, Some((over + minutes(1), CallInEnd::Matched)));
        assert_eq!(all.spend(over + minutes(1), CallInId(1), just_before), None, "once");
        rules_hold(&all);
    }
}

#[test]
fn a_request_expires_with_what_it_is_tied_to() {
    let group = group(CodeUse::Always, 1);
    let table = [(None, 30), (Some(20), 20), (Some(40), 30)];
    for (not_after, expected) in table {
        let not_after = not_after.map(|n| NOW + minutes(n));
        let request = NewCallIn { not_after, ..new(1, &group, "001234") };
        let made = CallIns::default().create(NOW, &group, request).unwrap().request;
        assert_eq!(made.expires_at, NOW + minutes(expected));
    }
    let over = NewCallIn { not_after: Some(NOW), ..new(1, &group, "001234") };
    assert_eq!(CallIns::default().create(NOW, &group, over), Err(Refused::TooLate));
}

#[test]
fn a_later_request_of_the_caller_or_the_callback_voids_the_earlier() {
    let group = group(CodeUse::Always, 3);
    let tied = |id: u128, ani: Option<u8>, interaction: Option<u128>, digits: &str| NewCallIn {
        ani: ani.map(caller),
        interaction: interaction.map(InteractionId),
        ..new(id, &group, digits)
    };
    let mut all = CallIns::default();
    let mut voids = |request| {
        let made = all.create(NOW, &group, request).unwrap();
        rules_hold(&all);
        made.voided.iter().map(|row| (row.id.0, row.ended.unwrap().1)).collect::<Vec<_>>()
    };
    assert_eq!(voids(tied(1, Some(1), Some(11), "000001")), []);
    assert_eq!(voids(tied(2, Some(2), Some(12), "000002")), []);
    assert_eq!(voids(tied(3, None, None, "000003")), []);
    assert_eq!(voids(tied(4, None, None, "000004")), []);
    let voided = |ids: &[u128]| ids.iter().map(|&id| (id, CallInEnd::Voided)).collect::<Vec<_>>();
    assert_eq!(voids(tied(5, Some(1), None, "000005")), voided(&[1]), "the same caller");
    assert_eq!(voids(tied(6, None, Some(12), "000006")), voided(&[2]), "the same callback");
    assert_eq!(voids(tied(7, Some(1), Some(12), "000007")), voided(&[5, 6]), "both");
    let other = NewCallIn { group: GroupId::new("other"), ..tied(8, Some(1), None, "000008") };
    assert_eq!(voids(other), [], "the same caller in another group");
}

#[test]
fn with_codes_the_numbers_go_round() {
    let group = group(CodeUse::Always, 3);
    let mut all = CallIns::default();
    let mut given = Vec::new();
    for id in 1..=7 {
        let made = all.create(NOW, &group, new(id, &group, &format!("{id:06}"))).unwrap();
        given.push(group.numbers.iter().position(|it| *it == made.request.number).unwrap());
        // Neither an end nor a restart lets a number have two turns.
        if id % 2 == 0 {
            all.spend(NOW, CallInId(id), NOW).unwrap();
            all = CallIns::load(all.rows().cloned());
        }
    }
    assert_eq!(given, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn the_first_code_that_nobody_has_is_taken() {
    let group = group(CodeUse::Always, 1);
    let mut all = CallIns::default();
    let drawn = ["000001", "000002", "000003"].map(code);
    let codes = DrawnCodes::hash(&key(), &group.numbers, &drawn);
    let mut taken = Vec::new();
    for id in 1..=4 {
        let tied = Some(InteractionId(1)).filter(|_| id > 2);
        let request =
            NewCallIn { codes: codes.clone(), interaction: tied, ..new(id, &group, "0000") };
        taken.push(all.create(NOW, &group, request).map(|made| made.code));
    }
    // The last would void the third, whose code is not given out twice running.
    let none = Err(Refused::NoneFree { retry_at: NOW + minutes(30) });
    assert_eq!(taken, [Ok(Some(0)), Ok(Some(1)), Ok(Some(2)), none]);
    assert_eq!(said(&all, &group, &call(None, 0, Some("000003"))), "3 code+dnis");
}

#[test]
fn at_most_one_code_in_ten_thousand_is_outstanding_on_a_number() {
    for (code_length, most) in [(4, 2), (5, 20)] {
        let group = CallInGroup { code_length, ..group(CodeUse::Always, 2) };
        let mut all = CallIns::default();
        for id in 0..most {
            let request = new(id, &group, &format!("{id:04}"));
            all.create(NOW + minutes(id as u64), &group, request).unwrap();
        }
        let at = NOW + minutes(25);
        let refused = all.create(at, &group, new(99, &group, "9999")).unwrap_err();
        assert_eq!(refused, Refused::NoneFree { retry_at: NOW + minutes(30) });
        assert_eq!(all.outstanding().count(), most as usize);
        all.expire(NOW + minutes(30));
        all.create(NOW + minutes(30), &group, new(99, &group, "9999")).unwrap();
    }
}

/// Without codes: who has something outstanding on the only number, and who asks next.
#[test]
fn without_codes_a_number_is_free_if_nobody_else_could_be_meant() {
    let table = [
        ("ani+dnis", Some(1), Some(2), true),
        ("ani+dnis", Some(1), None, false),
        ("ani+dnis", None, Some(1), false),
        ("ani+dnis", None, None, false),
        // Nobody tells callers apart who does not look at them.
        ("dnis", Some(1), Some(2), false),
        ("ani", Some(1), Some(2), true),
        // The earlier request of the same caller is voided.
        ("dnis", Some(1), Some(1), true),
    ];
    for (criteria, first, second, free) in table {
        let criteria = combination(criteria);
        let group = CallInGroup { criteria, ..group(CodeUse::Off, 1) };
        let mut all = CallIns::default();
        let by =
            |id, ani: Option<u8>| NewCallIn { ani: ani.map(caller), ..new(id, &group, "0000") };
        all.create(NOW, &group, by(1, first)).unwrap();
        let second_one = all.create(NOW + minutes(1), &group, by(2, second)).map(|_| ());
        let expected =
            if free { Ok(()) } else { Err(Refused::NoneFree { retry_at: NOW + minutes(30) }) };
        assert_eq!(second_one, expected, "{criteria}: {first:?} then {second:?}");
        rules_hold(&all);
    }
}

#[test]
fn a_group_that_knows_callers_by_their_number_alone_needs_it() {
    let nameless = |criteria: &str, required: &str, code_use| {
        let (criteria, required) = (combination(criteria), combination(required));
        let group = CallInGroup { criteria, required, ..group(code_use, 1) };
        CallIns::default().create(NOW, &group, new(1, &group, "0000")).map(|_| ())
    };
    let refused = Err(Refused::AniNeeded);
    assert_eq!(nameless("ani", "none", CodeUse::Off), refused);
    assert_eq!(nameless("ani+dnis", "none", CodeUse::Off), Ok(()));
    assert_eq!(nameless("ani+dnis", "ani", CodeUse::Off), refused);
    assert_eq!(nameless("code+ani", "none", CodeUse::Always), Ok(()));
    assert_eq!(nameless("code+ani", "ani", CodeUse::Always), refused);
}

#[test]
fn there_is_a_bound_over_all_groups() {
    let group = CallInGroup { criteria: combination("ani+dnis"), ..group(CodeUse::Off, 1) };
    let by = |n: usize| NewCallIn {
        ani: Address::parse(&format!("+1{n:010}")).filter(|_| n > 0),
        ..new(n as u128, &group, "0000")
    };
    let mut all = CallIns::default();
    let sample = all.create(NOW, &group, by(1)).unwrap().request;
    all = CallIns::load((1..=OUTSTANDING_MAX).map(|n| CallInRequest {
        id: CallInId(n as u128),
        ani: by(n).ani,
        sequence: n as u64,
        ..sample.clone()
    }));
    let full = Err(Refused::NoneFree { retry_at: NOW + minutes(30) });
    assert_eq!(all.create(NOW, &group, by(OUTSTANDING_MAX + 1)).map(|_| ()), full);
    let again = NewCallIn { id: CallInId(0), ..by(1) };
    assert_eq!(all.create(NOW, &group, again).unwrap().voided[0].id, CallInId(1));
    let taken = NewCallIn { id: CallInId(0), ..by(2) };
    assert_eq!(all.create(NOW, &group, taken), Err(Refused::IdInUse));
}

#[test]
fn broken_rules_are_noticed() {
    let group = group(CodeUse::Always, 1);
    let mut all = CallIns::default();
    let tied = NewCallIn { interaction: Some(InteractionId(1)), ..new(1, &group, "0000") };
    let row = all.create(NOW, &group, tied).unwrap().request;
    let twin = CallInRequest { id: CallInId(2), sequence: 1, ..row.clone() };
    let twins = CallIns::load([row.clone(), twin]);
    assert!(codes_distinct(&twins).is_err() && superseded_void(&twins).is_err());

    let mut stale = all.clone();
    stale.kept.clear();
    assert!(indexes_agree(&stale).is_err());
    let mut unsaid = all.clone();
    unsaid.kept.values_mut().for_each(|row| row.ended = Some((NOW, CallInEnd::Matched)));
    assert!(indexes_agree(&unsaid).is_err());

    let before = all.clone();
    let spent = all.spend(NOW, CallInId(1), NOW).unwrap();
    let once = std::slice::from_ref(&spent);
    assert_eq!(code_single_use(&before, once, &all), Ok(()));
    assert!(code_single_use(&before, &[spent.clone(), spent.clone()], &all).is_err(), "twice");
    assert!(code_single_use(&all, once, &all).is_err(), "not outstanding before");
    assert!(code_single_use(&before, once, &before).is_err(), "still outstanding");
    let late = CallInRequest { ended: Some((NOW + minutes(35), CallInEnd::Matched)), ..spent };
    assert!(code_single_use(&before, &[late], &all).is_err(), "late");
}
