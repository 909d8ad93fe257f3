//! In which time zones a number may be: all zones of its country, or of its area code behind +1.
//!
//! Sources: `zone1970.tab` of the IANA time zone database 2025b (public domain), where zones of a
//! country that have kept the same time since 2025 are named once; for +1 the assignments and time
//! zones that NANPA publishes by area code (report of 26 November 2025), and the zones that
//! libphonenumber 9.0.43 (Apache-2.0) knows besides. An overlay has the zones of the area it lies
//! over. Kosovo, Ascension and Tristan da Cunha, which that file does not name, have the zone of
//! their neighbour. Must not: compute times.

use super::class::ZoneName;

macro_rules! zones {
    ($($name:literal),*) => { &[$(ZoneName::new($name)),*] };
}

/// The zones of a country that is not behind +1.
pub(super) fn of_country(name: &str) -> &'static [ZoneName] {
    match COUNTRIES.binary_search_by_key(&name, |row| row.0) {
        Ok(found) => COUNTRIES[found].1,
        Err(_) => &[],
    }
}

/// The country of an area code of +1, and its zones. Of a code that belongs to no area: no country,
/// and every zone in which it may ring.
pub(super) fn of_area(national: &str) -> (Option<&'static str>, &'static [ZoneName]) {
    let code = national.get(..3).and_then(|text| text.parse::<usize>().ok());
    let row = code.and_then(|code| AREA_ROWS.get(code)).copied().unwrap_or(NO_AREA);
    match AREAS.get(usize::from(row)) {
        Some(area) => (Some(area.country), area.zones),
        None => (None, NORTH_AMERICA),
    }
}

/// Every country of the tables; those with several area codes more than once.
pub(super) fn countries() -> impl Iterator<Item = &'static str> {
    COUNTRIES.iter().map(|row| row.0).chain(AREAS.iter().map(|area| area.country))
}

/// Where a number of +1 without an area may ring, from the first to see the sun to the last; in
/// between are all the others. The western Pacific is left out: with it no hour would be left.
const NORTH_AMERICA: &[ZoneName] = zones!["America/St_Johns", "Pacific/Honolulu"];

/// By country, in the order of their two letters; but for those behind +1.
const COUNTRIES: &[(&str, &[ZoneName])] = &[
    ("AC", zones!["Africa/Abidjan"]),
    ("AD", zones!["Europe/Andorra"]),
    ("AE", zones!["Asia/Dubai"]),
    ("AF", zones!["Asia/Kabul"]),
    ("AL", zones!["Europe/Tirane"]),
    ("AM", zones!["Asia/Yerevan"]),
    ("AO", zones!["Africa/Lagos"]),
    ("AR", zones!["America/Argentina/Buenos_Aires"]),
    ("AT", zones!["Europe/Vienna"]),
    (
        "AU",
        zones![
            "Australia/Lord_Howe",
            "Australia/Broken_Hill",
            "Australia/Brisbane",
            "Australia/Darwin",
            "Australia/Perth",
            "Australia/Eucla"
        ],
    ),
    ("AW", zones!["America/Puerto_Rico"]),
    ("AX", zones!["Europe/Helsinki"]),
    ("AZ", zones!["Asia/Baku"]),
    ("BA", zones!["Europe/Belgrade"]),
    ("BD", zones!["Asia/Dhaka"]),
    ("BE", zones!["Europe/Brussels"]),
    ("BF", zones!["Africa/Abidjan"]),
    ("BG", zones!["Europe/Sofia"]),
    ("BH", zones!["Asia/Qatar"]),
    ("BI", zones!["Africa/Maputo"]),
    ("BJ", zones!["Africa/Lagos"]),
    ("BN", zones!["Asia/Kuching"]),
    ("BO", zones!["America/La_Paz"]),
    ("BQ", zones!["America/Puerto_Rico"]),
    ("BR", zones!["America/Noronha", "America/Belem", "America/Campo_Grande", "America/Eirunepe"]),
    ("BT", zones!["Asia/Thimphu"]),
    ("BW", zones!["Africa/Maputo"]),
    ("BY", zones!["Europe/Minsk"]),
    ("BZ", zones!["America/Belize"]),
    ("CC", zones!["Asia/Yangon"]),
    ("CD", zones!["Africa/Maputo", "Africa/Lagos"]),
    ("CF", zones!["Africa/Lagos"]),
    ("CG", zones!["Africa/Lagos"]),
    ("CH", zones!["Europe/Zurich"]),
    ("CI", zones!["Africa/Abidjan"]),
    ("CK", zones!["Pacific/Rarotonga"]),
    ("CL", zones!["America/Santiago", "America/Coyhaique", "Pacific/Easter"]),
    ("CM", zones!["Africa/Lagos"]),
    ("CN", zones!["Asia/Shanghai", "Asia/Urumqi"]),
    ("CO", zones!["America/Bogota"]),
    ("CR", zones!["America/Costa_Rica"]),
    ("CU", zones!["America/Havana"]),
    ("CV", zones!["Atlantic/Cape_Verde"]),
    ("CW", zones!["America/Puerto_Rico"]),
    ("CX", zones!["Asia/Bangkok"]),
    ("CY", zones!["Asia/Nicosia"]),
    ("CZ", zones!["Europe/Prague"]),
    ("DE", zones!["Europe/Berlin"]),
    ("DJ", zones!["Africa/Nairobi"]),
    ("DK", zones!["Europe/Berlin"]),
    ("DZ", zones!["Africa/Algiers"]),
    ("EC", zones!["America/Guayaquil", "Pacific/Galapagos"]),
    ("EE", zones!["Europe/Tallinn"]),
    ("EG", zones!["Africa/Cairo"]),
    ("EH", zones!["Africa/El_Aaiun"]),
    ("ER", zones!["Africa/Nairobi"]),
    ("ES", zones!["Europe/Madrid", "Atlantic/Canary"]),
    ("ET", zones!["Africa/Nairobi"]),
    ("FI", zones!["Europe/Helsinki"]),
    ("FJ", zones!["Pacific/Fiji"]),
    ("FK", zones!["Atlantic/Stanley"]),
    ("FM", zones!["Pacific/Kosrae", "Pacific/Port_Moresby"]),
    ("FO", zones!["Atlantic/Faroe"]),
    ("FR", zones!["Europe/Paris"]),
    ("GA", zones!["Africa/Lagos"]),
    ("GB", zones!["Europe/London"]),
    ("GE", zones!["Asia/Tbilisi"]),
    ("GF", zones!["America/Cayenne"]),
    ("GG", zones!["Europe/London"]),
    ("GH", zones!["Africa/Abidjan"]),
    ("GI", zones!["Europe/Gibraltar"]),
    ("GL", zones!["America/Nuuk", "America/Danmarkshavn", "America/Thule"]),
    ("GM", zones!["Africa/Abidjan"]),
    ("GN", zones!["Africa/Abidjan"]),
    ("GP", zones!["America/Puerto_Rico"]),
    ("GQ", zones!["Africa/Lagos"]),
    ("GR", zones!["Europe/Athens"]),
    ("GT", zones!["America/Guatemala"]),
    ("GW", zones!["Africa/Bissau"]),
    ("GY", zones!["America/Guyana"]),
    ("HK", zones!["Asia/Hong_Kong"]),
    ("HN", zones!["America/Tegucigalpa"]),
    ("HR", zones!["Europe/Belgrade"]),
    ("HT", zones!["America/Port-au-Prince"]),
    ("HU", zones!["Europe/Budapest"]),
    ("ID", zones!["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]),
    ("IE", zones!["Europe/Dublin"]),
    ("IL", zones!["Asia/Jerusalem"]),
    ("IM", zones!["Europe/London"]),
    ("IN", zones!["Asia/Kolkata"]),
    ("IO", zones!["Indian/Chagos"]),
    ("IQ", zones!["Asia/Baghdad"]),
    ("IR", zones!["Asia/Tehran"]),
    ("IS", zones!["Africa/Abidjan"]),
    ("IT", zones!["Europe/Rome"]),
    ("JE", zones!["Europe/London"]),
    ("JO", zones!["Asia/Amman"]),
    ("JP", zones!["Asia/Tokyo"]),
    ("KE", zones!["Africa/Nairobi"]),
    ("KG", zones!["Asia/Bishkek"]),
    ("KH", zones!["Asia/Bangkok"]),
    ("KI", zones!["Pacific/Tarawa", "Pacific/Kanton", "Pacific/Kiritimati"]),
    ("KM", zones!["Africa/Nairobi"]),
    ("KP", zones!["Asia/Pyongyang"]),
    ("KR", zones!["Asia/Seoul"]),
    ("KW", zones!["Asia/Riyadh"]),
    ("KZ", zones!["Asia/Almaty"]),
    ("LA", zones!["Asia/Bangkok"]),
    ("LB", zones!["Asia/Beirut"]),
    ("LI", zones!["Europe/Zurich"]),
    ("LK", zones!["Asia/Colombo"]),
    ("LR", zones!["Africa/Monrovia"]),
    ("LS", zones!["Africa/Johannesburg"]),
    ("LT", zones!["Europe/Vilnius"]),
    ("LU", zones!["Europe/Brussels"]),
    ("LV", zones!["Europe/Riga"]),
    ("LY", zones!["Africa/Tripoli"]),
    ("MA", zones!["Africa/Casablanca"]),
    ("MC", zones!["Europe/Paris"]),
    ("MD", zones!["Europe/Chisinau"]),
    ("ME", zones!["Europe/Belgrade"]),
    ("MG", zones!["Africa/Nairobi"]),
    ("MH", zones!["Pacific/Kwajalein"]),
    ("MK", zones!["Europe/Belgrade"]),
    ("ML", zones!["Africa/Abidjan"]),
    ("MM", zones!["Asia/Yangon"]),
    ("MN", zones!["Asia/Ulaanbaatar", "Asia/Hovd"]),
    ("MO", zones!["Asia/Macau"]),
    ("MQ", zones!["America/Martinique"]),
    ("MR", zones!["Africa/Abidjan"]),
    ("MT", zones!["Europe/Malta"]),
    ("MU", zones!["Indian/Mauritius"]),
    ("MV", zones!["Indian/Maldives"]),
    ("MW", zones!["Africa/Maputo"]),
    (
        "MX",
        zones![
            "America/Mexico_City",
            "America/Cancun",
            "America/Matamoros",
            "America/Ciudad_Juarez",
            "America/Mazatlan",
            "America/Tijuana"
        ],
    ),
    ("MY", zones!["Asia/Kuching"]),
    ("MZ", zones!["Africa/Maputo"]),
    ("NA", zones!["Africa/Windhoek"]),
    ("NC", zones!["Pacific/Noumea"]),
    ("NE", zones!["Africa/Lagos"]),
    ("NF", zones!["Pacific/Norfolk"]),
    ("NG", zones!["Africa/Lagos"]),
    ("NI", zones!["America/Managua"]),
    ("NL", zones!["Europe/Brussels"]),
    ("NO", zones!["Europe/Berlin"]),
    ("NP", zones!["Asia/Kathmandu"]),
    ("NR", zones!["Pacific/Nauru"]),
    ("NU", zones!["Pacific/Niue"]),
    ("NZ", zones!["Pacific/Auckland", "Pacific/Chatham"]),
    ("OM", zones!["Asia/Dubai"]),
    ("PA", zones!["America/Panama"]),
    ("PE", zones!["America/Lima"]),
    ("PF", zones!["Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"]),
    ("PG", zones!["Pacific/Port_Moresby", "Pacific/Bougainville"]),
    ("PH", zones!["Asia/Manila"]),
    ("PK", zones!["Asia/Karachi"]),
    ("PL", zones!["Europe/Warsaw"]),
    ("PM", zones!["America/Miquelon"]),
    ("PS", zones!["Asia/Gaza"]),
    ("PT", zones!["Europe/Lisbon", "Atlantic/Azores"]),
    ("PW", zones!["Pacific/Palau"]),
    ("PY", zones!["America/Asuncion"]),
    ("QA", zones!["Asia/Qatar"]),
    ("RE", zones!["Asia/Dubai"]),
    ("RO", zones!["Europe/Bucharest"]),
    ("RS", zones!["Europe/Belgrade"]),
    (
        "RU",
        zones![
            "Europe/Kaliningrad",
            "Europe/Moscow",
            "Europe/Astrakhan",
            "Asia/Yekaterinburg",
            "Asia/Omsk",
            "Asia/Novosibirsk",
            "Asia/Irkutsk",
            "Asia/Chita",
            "Asia/Vladivostok",
            "Asia/Magadan",
            "Asia/Kamchatka"
        ],
    ),
    ("RW", zones!["Africa/Maputo"]),
    ("SA", zones!["Asia/Riyadh"]),
    ("SB", zones!["Pacific/Guadalcanal"]),
    ("SC", zones!["Asia/Dubai"]),
    ("SD", zones!["Africa/Khartoum"]),
    ("SE", zones!["Europe/Berlin"]),
    ("SG", zones!["Asia/Singapore"]),
    ("SH", zones!["Africa/Abidjan"]),
    ("SI", zones!["Europe/Belgrade"]),
    ("SJ", zones!["Europe/Berlin"]),
    ("SK", zones!["Europe/Prague"]),
    ("SL", zones!["Africa/Abidjan"]),
    ("SM", zones!["Europe/Rome"]),
    ("SN", zones!["Africa/Abidjan"]),
    ("SO", zones!["Africa/Nairobi"]),
    ("SR", zones!["America/Paramaribo"]),
    ("SS", zones!["Africa/Juba"]),
    ("ST", zones!["Africa/Sao_Tome"]),
    ("SV", zones!["America/El_Salvador"]),
    ("SY", zones!["Asia/Damascus"]),
    ("SZ", zones!["Africa/Johannesburg"]),
    ("TA", zones!["Africa/Abidjan"]),
    ("TD", zones!["Africa/Ndjamena"]),
    ("TG", zones!["Africa/Abidjan"]),
    ("TH", zones!["Asia/Bangkok"]),
    ("TJ", zones!["Asia/Dushanbe"]),
    ("TK", zones!["Pacific/Fakaofo"]),
    ("TL", zones!["Asia/Dili"]),
    ("TM", zones!["Asia/Ashgabat"]),
    ("TN", zones!["Africa/Tunis"]),
    ("TO", zones!["Pacific/Tongatapu"]),
    ("TR", zones!["Europe/Istanbul"]),
    ("TV", zones!["Pacific/Tarawa"]),
    ("TW", zones!["Asia/Taipei"]),
    ("TZ", zones!["Africa/Nairobi"]),
    ("UA", zones!["Europe/Simferopol", "Europe/Kyiv"]),
    ("UG", zones!["Africa/Nairobi"]),
    ("UY", zones!["America/Montevideo"]),
    ("UZ", zones!["Asia/Samarkand"]),
    ("VA", zones!["Europe/Rome"]),
    ("VE", zones!["America/Caracas"]),
    ("VN", zones!["Asia/Ho_Chi_Minh"]),
    ("VU", zones!["Pacific/Efate"]),
    ("WF", zones!["Pacific/Tarawa"]),
    ("WS", zones!["Pacific/Apia"]),
    ("XK", zones!["Europe/Belgrade"]),
    ("YE", zones!["Asia/Riyadh"]),
    ("YT", zones!["Africa/Nairobi"]),
    ("ZA", zones!["Africa/Johannesburg"]),
    ("ZM", zones!["Africa/Maputo"]),
    ("ZW", zones!["Africa/Maputo"]),
];

/// Area codes of +1 with the same country and zones.
struct Area {
    country: &'static str,
    zones: &'static [ZoneName],
    codes: &'static [u16],
}

/// Says that an area code belongs to no area.
const NO_AREA: u8 = u8::MAX;

/// The row of [`AREAS`] for each area code.
static AREA_ROWS: [u8; 1000] = area_rows();

const fn area_rows() -> [u8; 1000] {
    let mut rows = [NO_AREA; 1000];
    let mut row = 0;
    while row < AREAS.len() {
        let codes = AREAS[row].codes;
        let mut n = 0;
        while n < codes.len() {
            let code = codes[n] as usize;
            assert!(rows[code] == NO_AREA, "an area code stands twice");
            rows[code] = row as u8;
            n += 1;
        }
        row += 1;
    }
    rows
}

const fn area(country: &'static str, zones: &'static [ZoneName], codes: &'static [u16]) -> Area {
    Area { country, zones, codes }
}

const AREAS: &[Area] = &[
    // Eastern: CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV.
    area(
        "US",
        zones!["America/New_York"],
        &[
            201, 202, 203, 207, 212, 215, 216, 220, 223, 227, 229, 234, 240, 252, 267, 272, 276,
            283, 301, 302, 304, 315, 326, 329, 330, 332, 336, 339, 347, 351, 363, 380, 401, 404,
            410, 412, 413, 419, 434, 436, 440, 443, 445, 465, 470, 472, 475, 478, 484, 508, 513,
            516, 518, 540, 551, 565, 567, 570, 571, 582, 585, 603, 607, 609, 610, 614, 617, 624,
            631, 640, 646, 667, 678, 680, 681, 686, 703, 704, 706, 716, 717, 718, 724, 732, 740,
            743, 757, 762, 770, 771, 774, 781, 802, 803, 804, 814, 821, 826, 828, 835, 838, 839,
            843, 845, 848, 854, 856, 857, 860, 862, 864, 878, 908, 910, 912, 914, 917, 919, 929,
            934, 937, 943, 948, 959, 973, 978, 980, 984,
        ],
    ),
    // Eastern parts: FL IN KY MI TN.
    area(
        "US",
        zones!["America/New_York"],
        &[
            231, 239, 248, 260, 269, 305, 313, 317, 321, 324, 352, 386, 407, 463, 502, 517, 561,
            586, 616, 645, 656, 679, 689, 727, 728, 734, 754, 761, 765, 772, 786, 810, 813, 859,
            863, 865, 904, 941, 947, 954, 989,
        ],
    ),
    // Eastern and Central: FL IN KY MI TN.
    area(
        "US",
        zones!["America/New_York", "America/Chicago"],
        &[219, 270, 364, 423, 448, 574, 606, 729, 812, 850, 906, 930, 931],
    ),
    // Central: AL AR IA IL LA MN MO MS OK WI.
    area(
        "US",
        zones!["America/Chicago"],
        &[
            205, 217, 218, 224, 225, 228, 235, 251, 256, 262, 274, 309, 312, 314, 318, 319, 320,
            327, 331, 334, 337, 353, 405, 414, 417, 447, 457, 464, 471, 479, 483, 501, 504, 507,
            515, 534, 539, 557, 563, 572, 573, 580, 601, 608, 612, 618, 630, 636, 641, 651, 659,
            660, 662, 708, 712, 715, 730, 763, 769, 773, 779, 815, 816, 847, 861, 870, 872, 918,
            920, 924, 938, 952, 975, 985,
        ],
    ),
    // Central parts: KS NE TN TX.
    area(
        "US",
        zones!["America/Chicago"],
        &[
            210, 214, 254, 281, 316, 325, 346, 361, 402, 409, 430, 432, 469, 512, 531, 615, 621,
            629, 682, 713, 726, 731, 737, 806, 817, 830, 832, 901, 903, 913, 936, 940, 945, 956,
            972, 979,
        ],
    ),
    // Central and Mountain: KS ND NE SD TX.
    area("US", zones!["America/Chicago", "America/Denver"], &[308, 605, 620, 701, 785, 915]),
    // Mountain: CO MT NM UT WY.
    area(
        "US",
        zones!["America/Denver"],
        &[303, 307, 385, 406, 435, 505, 575, 719, 720, 748, 801, 970, 983],
    ),
    // Arizona.
    area("US", zones!["America/Phoenix"], &[480, 520, 602, 623]),
    // Arizona with the Navajo Nation.
    area("US", zones!["America/Phoenix", "America/Denver"], &[928]),
    // Mountain and Pacific: ID NV OR.
    area("US", zones!["America/Denver", "America/Los_Angeles"], &[208, 458, 541, 775, 986]),
    // Pacific: CA NV OR WA.
    area(
        "US",
        zones!["America/Los_Angeles"],
        &[
            206, 209, 213, 253, 279, 310, 323, 341, 350, 357, 360, 369, 408, 415, 424, 425, 442,
            503, 509, 510, 530, 559, 562, 564, 619, 626, 628, 650, 657, 661, 669, 702, 707, 714,
            725, 738, 747, 760, 805, 818, 820, 831, 837, 840, 858, 909, 916, 925, 949, 951, 971,
        ],
    ),
    // Alaska.
    area("US", zones!["America/Anchorage", "America/Adak"], &[907]),
    // Hawaii.
    area("US", zones!["Pacific/Honolulu"], &[808]),
    // CA: Newfoundland and Labrador.
    area("CA", zones!["America/St_Johns", "America/Halifax"], &[709, 879]),
    // CA: Maritimes.
    area("CA", zones!["America/Halifax"], &[428, 506, 782, 902]),
    // CA: Eastern Quebec.
    area("CA", zones!["America/Toronto", "America/Halifax"], &[273, 367, 418, 581]),
    // CA: Ontario and Quebec.
    area(
        "CA",
        zones!["America/Toronto"],
        &[
            226, 249, 263, 289, 343, 354, 365, 382, 416, 437, 438, 450, 468, 514, 519, 548, 579,
            613, 647, 683, 705, 742, 753, 819, 873, 905, 942,
        ],
    ),
    // CA: Northwestern Ontario.
    area("CA", zones!["America/Toronto", "America/Winnipeg"], &[807]),
    // CA: Manitoba.
    area("CA", zones!["America/Winnipeg"], &[204, 431, 584]),
    // CA: Saskatchewan.
    area("CA", zones!["America/Regina"], &[306, 474, 639]),
    // CA: Alberta.
    area("CA", zones!["America/Edmonton"], &[368, 403, 587, 780, 825]),
    // CA: British Columbia.
    area(
        "CA",
        zones!["America/Vancouver", "America/Edmonton", "America/Dawson_Creek"],
        &[236, 250, 257, 672, 778],
    ),
    // CA: Vancouver.
    area("CA", zones!["America/Vancouver"], &[604]),
    // CA: Yukon, Northwest Territories, Nunavut.
    area(
        "CA",
        zones!["America/Whitehorse", "America/Edmonton", "America/Winnipeg", "America/Toronto"],
        &[867],
    ),
    // The Caribbean and the Pacific.
    area("AG", zones!["America/Puerto_Rico"], &[268]),
    area("AI", zones!["America/Puerto_Rico"], &[264]),
    area("AS", zones!["Pacific/Pago_Pago"], &[684]),
    area("BB", zones!["America/Barbados"], &[246]),
    area("BM", zones!["Atlantic/Bermuda"], &[441]),
    area("BS", zones!["America/Toronto"], &[242]),
    area("DM", zones!["America/Puerto_Rico"], &[767]),
    area("DO", zones!["America/Santo_Domingo"], &[809, 829, 849]),
    area("GD", zones!["America/Puerto_Rico"], &[473]),
    area("GU", zones!["Pacific/Guam"], &[671]),
    area("JM", zones!["America/Jamaica"], &[658, 876]),
    area("KN", zones!["America/Puerto_Rico"], &[869]),
    area("KY", zones!["America/Panama"], &[345]),
    area("LC", zones!["America/Puerto_Rico"], &[758]),
    area("MP", zones!["Pacific/Guam"], &[670]),
    area("MS", zones!["America/Puerto_Rico"], &[664]),
    area("PR", zones!["America/Puerto_Rico"], &[787, 939]),
    area("SX", zones!["America/Puerto_Rico"], &[721]),
    area("TC", zones!["America/Grand_Turk"], &[649]),
    area("TT", zones!["America/Puerto_Rico"], &[868]),
    area("VC", zones!["America/Puerto_Rico"], &[784]),
    area("VG", zones!["America/Puerto_Rico"], &[284]),
    area("VI", zones!["America/Puerto_Rico"], &[340]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_countries_are_in_order_and_have_zones() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(COUNTRIES.iter().all(|(name, zones)| name.len() == 2 && !zones.is_empty()));
    }

    #[test]
    fn area_codes_tell_country_and_zones() {
        let table = [
            ("212", Some("US"), "America/New_York"),
            ("907", Some("US"), "America/Anchorage America/Adak"),
            ("850", Some("US"), "America/New_York America/Chicago"),
            ("808", Some("US"), "Pacific/Honolulu"),
            ("709", Some("CA"), "America/St_Johns America/Halifax"),
            ("787", Some("PR"), "America/Puerto_Rico"),
            ("876", Some("JM"), "America/Jamaica"),
        ];
        for (code, country, zones) in table {
            let (found, in_zones) = of_area(code);
            let names: Vec<&str> = in_zones.iter().map(|zone| zone.as_str()).collect();
            assert_eq!((found, names.join(" ").as_str()), (country, zones), "{code}");
        }
        for code in ["800", "555", "200", "012", "1", ""] {
            assert_eq!(of_area(code), (None, NORTH_AMERICA), "{code}");
        }
    }

    #[test]
    fn every_area_code_is_one() {
        let codes: usize = AREAS.iter().map(|area| area.codes.len()).sum();
        assert_eq!(codes, 457);
        for area in AREAS {
            assert!(of_country(area.country).is_empty(), "{}", area.country);
            assert!(area.codes.iter().all(|code| (200..1000).contains(code)), "{}", area.country);
        }
    }
}
