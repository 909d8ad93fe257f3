//! The numbering plans: for each calling code its country, how many digits its numbers have, and
//! which of them are never called.
//!
//! Source: ITU-T E.164 and the metadata of libphonenumber 9.0.33 (Apache-2.0), reduced to prefixes:
//! digits are those of fixed and mobile numbers; premium are premium rate, personal and pager
//! numbers. Added: short and directory numbers, +1 976 and the codes that NANPA keeps for services.
//! `node::numbers` checks the table against that metadata, both ways. A prefix here may be wider
//! than what is assigned today. Must not: know what a queue permits.

use super::class::NumberKind;
use super::fits;

/// The numbers behind one calling code. The patterns match national numbers and are separated by
/// spaces.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) code: &'static str,
    /// The main country; empty: none, or told by the area code (+1).
    country: &'static str,
    shortest: usize,
    longest: usize,
    premium: &'static str,
    shared_cost: &'static str,
    satellite: &'static str,
    short: &'static str,
    emergency: &'static str,
}

impl Plan {
    /// The plan of an E.164 number, given without its `+`, and its national digits.
    pub(super) fn of(digits: &str) -> Option<(&'static Plan, &str)> {
        (1..=3).find_map(|length| {
            let (code, national) = digits.split_at_checked(length)?;
            let found = PLANS.binary_search_by_key(&code, |plan| plan.code).ok()?;
            Some((&PLANS[found], national))
        })
    }

    /// What kind of number this one is.
    pub(super) fn kind(&self, national: &str) -> NumberKind {
        let kinds = [
            (self.emergency, NumberKind::Emergency),
            (self.satellite, NumberKind::Satellite),
            (self.premium, NumberKind::Premium),
            (self.shared_cost, NumberKind::SharedCost),
            (self.short, NumberKind::Short),
        ];
        let listed =
            |patterns: &str| patterns.split_ascii_whitespace().any(|it| fits(it, national));
        match kinds.iter().find(|(patterns, _)| listed(patterns)) {
            Some((_, kind)) => *kind,
            None if national.len() < self.shortest => NumberKind::Short,
            None if national.len() > self.longest => NumberKind::Long,
            None => NumberKind::Ordinary,
        }
    }

    /// The country of a number: that of its code, or one that has a part of its numbers.
    pub(super) fn country(&self, national: &str) -> &'static str {
        let has = |part: &&(&str, &str, &str)| part.0 == self.code && fits(part.1, national);
        PARTS.iter().find(has).map_or(self.country, |part| part.2)
    }

    const fn premium(self, premium: &'static str) -> Self {
        Self { premium, ..self }
    }

    const fn shared_cost(self, shared_cost: &'static str) -> Self {
        Self { shared_cost, ..self }
    }

    const fn satellite(self, satellite: &'static str) -> Self {
        Self { satellite, ..self }
    }

    const fn short(self, short: &'static str) -> Self {
        Self { short, ..self }
    }

    const fn emergency(self, emergency: &'static str) -> Self {
        Self { emergency, ..self }
    }
}

const fn plan(code: &'static str, country: &'static str, shortest: usize, longest: usize) -> Plan {
    let (premium, shared_cost, satellite, short, emergency) = ("", "", "", "", "");
    Plan { code, country, shortest, longest, premium, shared_cost, satellite, short, emergency }
}

/// Countries that share the code of another: the code, their national numbers, the country.
const PARTS: &[(&str, &str, &str)] = &[
    ("7", "6*", "KZ"),
    ("7", "7*", "KZ"),
    ("39", "06698*", "VA"),
    ("44", "1481*", "GG"),
    ("44", "7781*", "GG"),
    ("44", "7839*", "GG"),
    ("44", "79111*", "GG"),
    ("44", "79117*", "GG"),
    ("44", "1534*", "JE"),
    ("44", "7509*", "JE"),
    ("44", "77003*", "JE"),
    ("44", "77007*", "JE"),
    ("44", "77008*", "JE"),
    ("44", "7797*", "JE"),
    ("44", "7829*", "JE"),
    ("44", "7937*", "JE"),
    ("44", "1624*", "IM"),
    ("44", "74576*", "IM"),
    ("44", "7524*", "IM"),
    ("44", "7624*", "IM"),
    ("44", "7924*", "IM"),
    ("47", "79*", "SJ"),
    ("61", "89162*", "CC"),
    ("61", "89164*", "CX"),
    ("212", "5288*", "EH"),
    ("212", "5289*", "EH"),
    ("262", "2689*", "YT"),
    ("262", "269*", "YT"),
    ("262", "639*", "YT"),
    ("262", "7093*", "YT"),
    ("290", "8*", "TA"),
    ("358", "18*", "AX"),
    ("599", "3*", "BQ"),
    ("599", "4*", "BQ"),
    ("599", "7*", "BQ"),
];

/// By calling code, in the order of its digits as text.
const PLANS: &[Plan] = &[
    plan("1", "", 10, 10)
        .premium(
            "24697* 264724* 26840* 34597* 500* 521* 522* 523* 524* 525* 526* 527* 528* 529* \
             532* 533* 538* 544* 566* 577* 588* 600* 622* 633* 700* 900* ???976*",
        )
        .short("211* 311* 411* 511* 611* 711* 811* 988*")
        .emergency("911*"),
    plan("20", "EG", 8, 10).premium("90*"),
    plan("211", "SS", 9, 9),
    plan("212", "MA", 9, 9).premium("89*"),
    plan("213", "DZ", 8, 9).premium("803* 804* 805* 806* 808* 809*").shared_cost("801* 802*"),
    plan("216", "TN", 8, 8).premium("88*").shared_cost("811* 82*"),
    plan("218", "LY", 9, 9),
    plan("220", "GM", 7, 7),
    plan("221", "SN", 9, 9).premium("88*").shared_cost("81*"),
    plan("222", "MR", 8, 8),
    plan("223", "ML", 8, 8),
    plan("224", "GN", 8, 9),
    plan("225", "CI", 10, 10),
    plan("226", "BF", 8, 8),
    plan("227", "NE", 8, 8).premium("09*"),
    plan("228", "TG", 8, 8),
    plan("229", "BJ", 10, 10),
    plan("230", "MU", 7, 8).premium("219* 30*"),
    plan("231", "LR", 7, 9).premium("332*"),
    plan("232", "SL", 8, 8),
    plan("233", "GH", 9, 9),
    plan("234", "NG", 10, 10),
    plan("235", "TD", 8, 8),
    plan("236", "CF", 8, 8).premium("87*"),
    plan("237", "CM", 9, 9),
    plan("238", "CV", 7, 7),
    plan("239", "ST", 7, 7),
    plan("240", "GQ", 9, 9).premium("90*"),
    plan("241", "GA", 7, 8),
    plan("242", "CG", 9, 9).premium("80*"),
    plan("243", "CD", 7, 10),
    plan("244", "AO", 9, 9),
    plan("245", "GW", 9, 9),
    plan("246", "IO", 7, 7),
    plan("247", "AC", 5, 5),
    plan("248", "SC", 7, 7).premium("85*"),
    plan("249", "SD", 9, 9),
    plan("250", "RW", 8, 9).premium("90*"),
    plan("251", "ET", 9, 9),
    plan("252", "SO", 6, 9),
    plan("253", "DJ", 8, 8),
    plan("254", "KE", 7, 9).premium("90*"),
    plan("255", "TZ", 9, 9).premium("90*").shared_cost("84* 86*"),
    plan("256", "UG", 9, 9).premium("90*"),
    plan("257", "BI", 8, 8),
    plan("258", "MZ", 8, 9),
    plan("260", "ZM", 9, 9),
    plan("261", "MG", 9, 9),
    plan("262", "RE", 9, 9).premium("89*").shared_cost("81* 82* 88* 89*"),
    plan("263", "ZW", 5, 10),
    plan("264", "NA", 8, 9).premium("87*"),
    plan("265", "MW", 7, 9),
    plan("266", "LS", 8, 8),
    plan("267", "BW", 7, 8).premium("90*"),
    plan("268", "SZ", 8, 8).premium("90*"),
    plan("269", "KM", 7, 7).premium("8*"),
    plan("27", "ZA", 9, 9)
        .premium("862* 863* 864* 865* 866* 867* 868* 869* 90* 91* 92*")
        .shared_cost("860*"),
    plan("290", "SH", 4, 5),
    plan("291", "ER", 7, 7),
    plan("297", "AW", 7, 7).premium("90*"),
    plan("298", "FO", 6, 6).premium("90*"),
    plan("299", "GL", 6, 6),
    plan("30", "GR", 10, 10).premium("70* 90*").shared_cost("801* 806* 81* 82* 85* 87*"),
    plan("31", "NL", 9, 11).premium("66* 90*"),
    plan("32", "BE", 8, 9).premium("70* 90*").shared_cost("7879*"),
    plan("33", "FR", 9, 9).premium("81* 82* 83* 85* 86* 88* 89*").shared_cost("84*"),
    plan("34", "ES", 9, 9).premium("70* 803* 806* 807* 905* 907*").shared_cost("901* 902*"),
    plan("350", "GI", 8, 8),
    plan("351", "PT", 9, 9).premium("601* 607* 608* 62* 64* 68* 76* 88*").shared_cost("808* 809*"),
    plan("352", "LU", 4, 11).premium("900* 901* 905*").shared_cost("801*").short("1*"),
    plan("353", "IE", 7, 10).premium("15???????? 70*").shared_cost("185??????? 189???????"),
    plan("354", "IS", 7, 9).premium("90*"),
    plan("355", "AL", 8, 9).premium("70* 90*"),
    plan("356", "MT", 8, 8).premium("500* 506* 507* 509* 51* 52* 71*"),
    plan("357", "CY", 8, 8)
        .premium("70* 90*")
        .shared_cost("801* 802* 803* 804* 805* 806* 807* 808* 809*"),
    plan("358", "FI", 5, 10).premium("600* 700*").short("11*"),
    plan("359", "BG", 6, 9).premium("90*").shared_cost("700*").short("1*"),
    plan("36", "HU", 8, 9).premium("90* 91*"),
    plan("370", "LT", 8, 8).premium("700* 705* 900* 902* 903* 909* 91*").shared_cost("808*"),
    plan("371", "LV", 8, 8).premium("90*").shared_cost("81*"),
    plan("372", "EE", 7, 8).premium("40* 70* 90*"),
    plan("373", "MD", 8, 8).premium("90*").shared_cost("808*"),
    plan("374", "AM", 8, 8).premium("90*").shared_cost("801* 802* 803* 804*"),
    plan("375", "BY", 9, 9).premium("81* 90*"),
    plan("376", "AD", 6, 9).premium("1????? 9*"),
    plan("377", "MC", 8, 9),
    plan("378", "SM", 8, 10).premium("71* 77* 78*"),
    plan("380", "UA", 9, 9).premium("90*"),
    plan("381", "RS", 7, 12).premium("78* 90*"),
    plan("382", "ME", 8, 8).premium("94* 95*"),
    plan("383", "XK", 8, 12).premium("90*"),
    plan("385", "HR", 8, 9).premium("60* 61* 64* 65* 69* 74* 75*"),
    plan("386", "SI", 8, 8).premium("89* 90*"),
    plan("387", "BA", 8, 9).premium("90* 92* 94* 96*").shared_cost("81* 82*"),
    plan("389", "MK", 8, 8).premium("5*").shared_cost(
        "801* 802* 803* 804* 805* 806* 807* 808* 809* 81* 82* 83* 84* 85* 86* 87* 88* \
             89*",
    ),
    plan("39", "IT", 6, 12).premium("0878* 89*").shared_cost("84*").short("1*"),
    plan("40", "RO", 6, 9).premium("90*").shared_cost("801*").short("1*"),
    plan("41", "CH", 9, 9).premium("74* 87* 90*").shared_cost("84*"),
    plan("420", "CZ", 9, 9).premium("700* 701* 90* 976*").shared_cost("81* 83* 84*"),
    plan("421", "SK", 6, 9)
        .premium("900* 909???? 97* 98*")
        .shared_cost("85* 86* 87* 88* 89*")
        .short("1*"),
    plan("423", "LI", 7, 9).premium("90*"),
    plan("43", "AT", 4, 13).premium("86* 89* 90* 93*").shared_cost("81* 82*").short("116* 118*"),
    plan("44", "GB", 9, 10)
        .premium("70* 760* 7623* 7625* 7626* 763* 764* 765* 766* 767* 768* 769* 9*")
        .shared_cost("84* 87*"),
    plan("45", "DK", 8, 8).premium("90*"),
    plan("46", "SE", 7, 9).premium("649* 74* 75* 900* 939* 944* 99*").shared_cost("77*"),
    plan("47", "NO", 8, 8).premium("82* 88*").shared_cost("810*"),
    plan("48", "PL", 7, 9).premium("64* 70*").shared_cost("801*"),
    plan("49", "DE", 5, 13)
        .premium("12* 164* 168* 169* 19* 700* 900*")
        .shared_cost("13* 180*")
        .short("10* 11*"),
    plan("500", "FK", 5, 5),
    plan("501", "BZ", 7, 7),
    plan("502", "GT", 8, 8).premium("19*"),
    plan("503", "SV", 8, 8).premium("90*"),
    plan("504", "HN", 8, 8),
    plan("505", "NI", 8, 8),
    plan("506", "CR", 8, 8).premium("90*"),
    plan("507", "PA", 7, 8).premium("822* 855* 86* 877* 878* 886* 900* 981*"),
    plan("508", "PM", 6, 9).premium("81??????? 82??????? 89???????").short("118*"),
    plan("509", "HT", 8, 8),
    plan("51", "PE", 8, 9).premium("802* 804* 805*").shared_cost("801*"),
    plan("52", "MX", 10, 10).premium("50* 90*").shared_cost("30*"),
    plan("53", "CU", 6, 10).shared_cost("807*"),
    plan("54", "AR", 10, 11).premium("60*"),
    plan("55", "BR", 10, 11).premium("50* 90*").shared_cost("30* 40*"),
    plan("56", "CL", 9, 9).shared_cost("600???????*"),
    plan("57", "CO", 8, 10).premium("19* 90*"),
    plan("58", "VE", 10, 10).premium("90*"),
    plan("590", "GP", 9, 9).premium("81* 82* 89*"),
    plan("591", "BO", 8, 8),
    plan("592", "GY", 7, 7).premium("90*"),
    plan("593", "EC", 8, 9),
    plan("594", "GF", 9, 9).premium("81* 82* 89*"),
    plan("595", "PY", 7, 9),
    plan("596", "MQ", 9, 9).premium("81* 82* 89*"),
    plan("597", "SR", 6, 7).premium("90*"),
    plan("598", "UY", 8, 8).premium("90*"),
    plan("599", "CW", 7, 8).premium("955*").shared_cost("60*"),
    plan("60", "MY", 8, 10).premium("16????????"),
    plan("61", "AU", 9, 9).premium("16* 19*").shared_cost("13*").satellite("147*"),
    plan("62", "ID", 7, 12).premium("809*").shared_cost("804*"),
    plan("63", "PH", 6, 10),
    plan("64", "NZ", 8, 10).premium("11* 13* 14* 15* 17* 18* 19* 50????? 70* 90*"),
    plan("65", "SG", 8, 8).premium("19*"),
    plan("66", "TH", 8, 9).premium("1900*"),
    plan("670", "TL", 7, 8).premium("70* 90*"),
    plan("672", "NF", 6, 6),
    plan("673", "BN", 7, 7),
    plan("674", "NR", 7, 7),
    plan("675", "PG", 7, 8).premium("270* 271*"),
    plan("676", "TO", 5, 7),
    plan("677", "SB", 5, 7),
    plan("678", "VU", 5, 7),
    plan("679", "FJ", 7, 7),
    plan("680", "PW", 7, 7),
    plan("681", "WF", 6, 6),
    plan("682", "CK", 5, 5),
    plan("683", "NU", 4, 7),
    plan("685", "WS", 5, 10),
    plan("686", "KI", 5, 8),
    plan("687", "NC", 6, 6).premium("36*"),
    plan("688", "TV", 5, 7),
    plan("689", "PF", 8, 8),
    plan("690", "TK", 4, 7),
    plan("691", "FM", 7, 7),
    plan("692", "MH", 7, 7),
    plan("7", "RU", 10, 10).premium("803* 808* 809*"),
    plan("800", "", 8, 8),
    plan("808", "", 8, 8).shared_cost("*"),
    plan("81", "JP", 9, 10).premium("20* 60??????? 990*"),
    plan("82", "KR", 5, 10).premium("15???????* 50* 60*"),
    plan("84", "VN", 9, 10).premium("1900*"),
    plan("850", "KP", 8, 10),
    plan("852", "HK", 8, 8).premium("71* 72* 73* 74* 75* 76* 77* 78* 79* 81* 82* 83* 900*"),
    plan("853", "MO", 8, 8),
    plan("855", "KH", 8, 9).premium("1900*"),
    plan("856", "LA", 8, 10),
    plan("86", "CN", 10, 11).shared_cost("400* 950*"),
    plan("870", "", 9, 12).satellite("*"),
    plan("878", "", 12, 12).premium("*"),
    plan("880", "BD", 6, 10),
    plan("881", "", 9, 10).satellite("*"),
    plan("882", "", 7, 12).satellite("*"),
    plan("883", "", 8, 12).satellite("*"),
    plan("886", "TW", 8, 11).premium("20* 99*"),
    plan("888", "", 11, 11).premium("*"),
    plan("90", "TR", 10, 10).premium("512* 592* 88* 89* 90*"),
    plan("91", "IN", 10, 10).premium("1861*").shared_cost("1860*"),
    plan("92", "PK", 9, 10).premium("12* 90*"),
    plan("93", "AF", 9, 9),
    plan("94", "LK", 9, 9),
    plan("95", "MM", 6, 10),
    plan("960", "MV", 7, 7).premium("90????????"),
    plan("961", "LB", 7, 8).premium("90?????? 91??????").shared_cost("80??????"),
    plan("962", "JO", 8, 9).premium("70* 74* 9*").shared_cost("85*"),
    plan("963", "SY", 8, 9),
    plan("964", "IQ", 8, 10),
    plan("965", "KW", 8, 8),
    plan("966", "SA", 9, 9).premium("92*").shared_cost("92*"),
    plan("967", "YE", 7, 9),
    plan("968", "OM", 8, 8).premium("900*"),
    plan("970", "PS", 8, 9).shared_cost("17*"),
    plan("971", "AE", 8, 9).premium("90*").shared_cost("70*"),
    plan("972", "IL", 8, 12).premium("12* 19*").shared_cost("17*"),
    plan("973", "BH", 8, 8).premium("87* 90* 91* 92* 93* 94* 95* 96* 97* 98*").shared_cost("84*"),
    plan("974", "QA", 8, 8).premium("21* 23* 26*"),
    plan("975", "BT", 7, 8),
    plan("976", "MN", 8, 10),
    plan("977", "NP", 8, 10),
    plan("979", "", 9, 9).premium("*"),
    plan("98", "IR", 6, 10),
    plan("991", "", 4, 12).premium("*"),
    plan("992", "TJ", 9, 9),
    plan("993", "TM", 8, 8),
    plan("994", "AZ", 9, 9).premium("90*"),
    plan("995", "GE", 9, 9),
    plan("996", "KG", 9, 9),
    plan("998", "UZ", 9, 9),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_in_order_and_none_begins_another() {
        for pair in PLANS.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].code);
            assert!(!pair[1].code.starts_with(pair[0].code), "{}", pair[1].code);
        }
    }

    #[test]
    fn every_row_means_something() {
        for plan in PLANS {
            assert!((1..=3).contains(&plan.code.len()), "{}", plan.code);
            assert!(plan.shortest <= plan.longest, "{}", plan.code);
            assert!(plan.code.len() + plan.longest <= 15, "{}", plan.code);
            let patterns = [plan.premium, plan.shared_cost, plan.satellite, plan.short];
            for pattern in patterns.iter().flat_map(|list| list.split(' ')) {
                let plain = |b: u8| b.is_ascii_digit() || b"*?".contains(&b);
                assert!(pattern.bytes().all(plain), "{}: {pattern:?}", plan.code);
            }
        }
        for (code, national, _) in PARTS {
            assert!(PLANS.iter().any(|plan| plan.code == *code), "{code} {national}");
        }
    }
}
