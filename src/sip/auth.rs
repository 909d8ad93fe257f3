//! Digest authentication (RFC 2617: MD5, `qop=auth`), both sides.
//!
//! ```text
//! no credentials of this realm                          -> 401
//! a nonce that is not ours, not of this source, or old  -> 401, stale
//! no guess left                                         -> 403
//! a wrong digest: costs a guess                         -> 401
//! a right digest whose count was used                   -> 401, stale
//! a right digest                                        -> accepted
//! ```
//!
//! A nonce is a time and a number sealed for the source that asked, so that a challenge costs no
//! memory, and a guess counts only where a challenge of ours arrived: nobody can use up the guesses
//! of another's address by forging it. Only a right digest makes its nonce's count remembered.
//! The digest is taken with any `uri` in the credentials: what phones write there differs from the
//! Request-URI in the field, and a count that is never taken twice keeps credentials from being
//! used again for something else.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::ident::{Entropy, Secret};
use crate::sip::message::{Method, Request, Response, credentials, quoted};
use crate::sip::rate::Buckets;
use crate::time::{Duration, Timestamp};

/// How long a nonce is taken.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(300);
/// Most nonces whose counts are remembered. Beyond it the oldest become stale.
pub const NONCES_MAX: usize = 65_536;
/// Wrong guesses that a user has, and that a source has; one comes back every so often.
const USER_GUESSES: (u32, Duration) = (10, Duration::from_secs(30));
const SOURCE_GUESSES: (u32, Duration) = (30, Duration::from_secs(10));
/// Most users or sources whose guesses are counted one by one.
const KEYS_MAX: usize = 8192;
/// Addresses remembered for a user, from which the guesses of others do not shut them out.
const HOMES_MAX: usize = 8;

/// The verdict over a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The digest is right and its count was not used before.
    Accepted {
        /// The user name of the credentials.
        user: String,
    },
    /// No credentials of ours, or wrong, or stale: answer 401 with this WWW-Authenticate.
    Challenged {
        /// The value of the header.
        challenge: String,
        /// Were credentials given that are wrong (not merely missing or stale)?
        failed: bool,
    },
    /// Too many wrong guesses from this source or at this user: answer 403 without a challenge.
    Throttled,
}

/// The server side: nonces, their counts, and the guesses.
pub struct Authenticator {
    realm: String,
    key: [u8; 32],
    entropy: Entropy,
    /// The highest count taken of each nonce that was used, by when it was made and its number.
    counts: BTreeMap<(i64, u64), u32>,
    /// Nonces made up to here are stale, because their counts may be forgotten.
    forgotten: i64,
    guesses_at_users: Buckets<String>,
    guesses_at_strangers: Buckets<String>,
    guesses_of_sources: Buckets<IpAddr>,
    /// The guesses of a user's own addresses.
    guesses_at_home: Buckets<(String, IpAddr)>,
    /// From where each user was right last.
    homes: BTreeMap<String, Vec<IpAddr>>,
}

/// What Authorization holds (RFC 2617 section 3.2.2).
struct Credentials {
    user: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    cnonce: String,
    count_digits: String,
    count: u32,
}

/// A nonce of ours, opened.
struct Nonce {
    made_at: i64,
    number: u64,
}

impl Authenticator {
    /// An authenticator of one realm.
    pub fn new(realm: &str, mut entropy: Entropy) -> Self {
        let mut key = [0; 32];
        for part in key.chunks_exact_mut(8) {
            part.copy_from_slice(&entropy.next_u64().to_be_bytes());
        }
        let buckets = |(burst, refill)| Buckets::new(burst, refill, KEYS_MAX);
        Self {
            realm: realm.to_owned(),
            key,
            entropy,
            counts: BTreeMap::new(),
            forgotten: i64::MIN,
            guesses_at_users: buckets(USER_GUESSES),
            guesses_at_strangers: buckets(USER_GUESSES),
            guesses_of_sources: Buckets::new(SOURCE_GUESSES.0, SOURCE_GUESSES.1, KEYS_MAX),
            guesses_at_home: Buckets::new(USER_GUESSES.0, USER_GUESSES.1, KEYS_MAX),
            homes: BTreeMap::new(),
        }
    }

    /// Judges a request by its Authorization; `password` finds the password of a user.
    pub fn judge<'a>(
        &mut self,
        request: &Request,
        source: IpAddr,
        now: Timestamp,
        password: impl Fn(&str) -> Option<&'a Secret>,
    ) -> Verdict {
        let source = network(source);
        let Some(given) = Credentials::of(request, &self.realm) else {
            return self.challenge(source, now, false, false);
        };
        let Some(nonce) = self.open(&given.nonce, source, now) else {
            return self.challenge(source, now, true, false);
        };
        let password = password(&given.user);
        let is_known = password.is_some();
        let is_home = self.homes.get(&given.user).is_some_and(|homes| homes.contains(&source));
        if !self.may_guess(&given.user, is_known, is_home, source, now) {
            return Verdict::Throttled;
        }
        // A stranger costs the same work as a user.
        let expected = given.digest(&request.method, password.map_or("", Secret::expose));
        let is_equal = bool::from(expected.as_bytes().ct_eq(given.response.as_bytes()));
        if !(is_equal && is_known) {
            self.count_guess(&given.user, is_known, is_home, source, now);
            return self.challenge(source, now, false, true);
        }
        if !self.take_count(&nonce, given.count, now) {
            return self.challenge(source, now, true, false);
        }
        self.trust(&given.user, source);
        Verdict::Accepted { user: given.user }
    }

    /// Remembers that a user is at home at an address (a binding from an earlier run), so that the
    /// guesses of others do not shut them out there.
    pub fn trust(&mut self, user: &str, source: IpAddr) {
        let source = network(source);
        let homes = self.homes.entry(user.to_owned()).or_default();
        homes.retain(|home| *home != source);
        if homes.len() == HOMES_MAX {
            homes.remove(0);
        }
        homes.push(source);
    }

    fn may_guess(
        &mut self,
        user: &str,
        is_known: bool,
        is_home: bool,
        source: IpAddr,
        now: Timestamp,
    ) -> bool {
        let name = user.to_owned();
        if is_home {
            return self.guesses_at_home.has_token(&(name, source), now);
        }
        let users =
            if is_known { &mut self.guesses_at_users } else { &mut self.guesses_at_strangers };
        self.guesses_of_sources.has_token(&source, now) && users.has_token(&name, now)
    }

    fn count_guess(
        &mut self,
        user: &str,
        is_known: bool,
        is_home: bool,
        source: IpAddr,
        now: Timestamp,
    ) {
        let name = user.to_owned();
        if is_home {
            self.guesses_at_home.take(&(name, source), now);
            return;
        }
        self.guesses_of_sources.take(&source, now);
        if is_known {
            self.guesses_at_users.take(&name, now);
        } else {
            self.guesses_at_strangers.take(&name, now);
        }
    }

    fn challenge(&mut self, source: IpAddr, now: Timestamp, stale: bool, failed: bool) -> Verdict {
        let number = self.entropy.next_u64();
        let nonce = self.seal(now.as_ms(), number, source);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quoted(&self.realm);
        let challenge =
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{stale}");
        Verdict::Challenged { challenge, failed }
    }

    /// `made-at number seal`, as 16, 16 and 32 hexadecimal digits.
    fn seal(&self, made_at: i64, number: u64, source: IpAddr) -> String {
        let open = format!("{made_at:016x}{number:016x}");
        // A key of any length will do for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return open };
        mac.update(open.as_bytes());
        mac.update(source.to_string().as_bytes());
        let seal = mac.finalize().into_bytes();
        open + &hex(&seal[..16])
    }

    /// A nonce that we made for this source, not longer ago than its lifetime.
    fn open(&self, text: &str, source: IpAddr, now: Timestamp) -> Option<Nonce> {
        let made_at = i64::from_str_radix(text.get(..16)?, 16).ok()?;
        let number = u64::from_str_radix(text.get(16..32)?, 16).ok()?;
        let expected = self.seal(made_at, number, source);
        let is_ours = bool::from(expected.as_bytes().ct_eq(text.as_bytes()));
        let is_fresh = now.since(Timestamp(made_at)) <= NONCE_LIFETIME && made_at > self.forgotten;
        (is_ours && is_fresh).then_some(Nonce { made_at, number })
    }

    /// Takes a count that is higher than all before of that nonce.
    fn take_count(&mut self, nonce: &Nonce, count: u32, now: Timestamp) -> bool {
        let key = (nonce.made_at, nonce.number);
        if self.counts.get(&key).is_some_and(|&highest| count <= highest) {
            return false;
        }
        self.counts.insert(key, count);
        let oldest_taken = (now - NONCE_LIFETIME).as_ms();
        self.counts = self.counts.split_off(&(oldest_taken, 0));
        if self.counts.len() > NONCES_MAX
            && let Some(((made_at, _), _)) = self.counts.pop_first()
        {
            self.forgotten = self.forgotten.max(made_at);
        }
        true
    }
}

/// Without its key.
impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("realm", &self.realm)
            .field("nonces", &self.counts.len())
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// The credentials of that realm, if they are whole and of the kind that we ask for.
    fn of(request: &Request, realm: &str) -> Option<Self> {
        request.headers.all("Authorization").filter_map(Self::parse).find(|c| c.realm == realm)
    }

    fn parse(text: &str) -> Option<Self> {
        let fields = credentials(text, "Digest")?;
        let get = |name: &str| fields.get(name).cloned();
        let is_md5 = get("algorithm").is_none_or(|kind| kind.eq_ignore_ascii_case("MD5"));
        let is_auth = get("qop").is_some_and(|qop| qop.eq_ignore_ascii_case("auth"));
        let count_digits = get("nc")?;
        let is_hex = count_digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(is_md5 && is_auth && is_hex && count_digits.len() == 8) {
            return None;
        }
        Some(Self {
            user: get("username")?,
            realm: get("realm")?,
            nonce: get("nonce")?,
            uri: get("uri")?,
            response: get("response")?.to_ascii_lowercase(),
            cnonce: get("cnonce")?,
            count: u32::from_str_radix(&count_digits, 16).ok()?,
            count_digits,
        })
    }

    fn digest(&self, method: &Method, password: &str) -> String {
        let (nonce, count, cnonce) = (&self.nonce, &self.count_digits, &self.cnonce);
        let secret = md5(&[&self.user, &self.realm, password]);
        let asked = md5(&[method.as_str(), &self.uri]);
        md5(&[&secret, nonce, count, cnonce, "auth", &asked])
    }
}

/// The client side: the header that answers a challenge (401: Authorization, 407:
/// Proxy-Authorization), as name and value. `None` if no challenge is one we can answer (MD5, with
/// `qop=auth` or without qop). The cnonce is fresh and the nonce count 1: a nonce is used once.
pub fn answer(
    challenge: &Response,
    method: &Method,
    uri: &str,
    user: &str,
    password: &Secret,
    entropy: &mut Entropy,
) -> Option<(&'static str, String)> {
    let (asks, answers) = match challenge.status {
        401 => ("WWW-Authenticate", "Authorization"),
        407 => ("Proxy-Authenticate", "Proxy-Authorization"),
        _ => return None,
    };
    let fields = challenge.headers.all(asks).find_map(|text| {
        let fields = credentials(text, "Digest")?;
        let is_md5 = fields.get("algorithm").is_none_or(|kind| kind.eq_ignore_ascii_case("MD5"));
        is_md5.then_some(fields)
    })?;
    let (realm, nonce) = (fields.get("realm")?, fields.get("nonce")?);
    let secret = md5(&[user, realm, password.expose()]);
    let asked = md5(&[method.as_str(), uri]);
    let (response, qop) = match fields.get("qop") {
        None => (md5(&[&secret, nonce, &asked]), String::new()),
        Some(offered) => {
            offered.split(',').find(|qop| qop.trim().eq_ignore_ascii_case("auth"))?;
            let cnonce = entropy.hex(8);
            let response = md5(&[&secret, nonce, "00000001", &cnonce, "auth", &asked]);
            (response, format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""))
        }
    };
    let opaque = fields.get("opaque").map(|opaque| format!(", opaque={}", quoted(opaque)));
    let header = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", \
         algorithm=MD5{qop}{}",
        quoted(user),
        quoted(realm),
        quoted(nonce),
        quoted(uri),
        opaque.unwrap_or_default(),
    );
    Some((answers, header))
}

/// MD5 over parts joined by colons, in hexadecimal.
fn md5(parts: &[&str]) -> String {
    hex(&Md5::digest(parts.join(":").as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who is counted as one source: an IPv4 address, or the 64 bits of an IPv6 network.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !0 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{Headers, NameAddr, RequestHead, Uri, Via};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    struct Rig {
        server: Authenticator,
        entropy: Entropy,
        password: Secret,
    }

    impl Rig {
        fn new() -> Self {
            let server = Authenticator::new("ring", Entropy::from_number(1));
            Self { server, entropy: Entropy::from_number(2), password: Secret::new("right") }
        }

        fn judge(&mut self, header: Option<&str>, source: IpAddr, now: Timestamp) -> Verdict {
            let mut request = register();
            if let Some(header) = header {
                request.headers.push("Authorization", header);
            }
            let password = &self.password;
            self.server.judge(&request, source, now, |user| (user == "201").then_some(password))
        }

        fn challenge(&mut self, source: IpAddr, now: Timestamp) -> String {
            let verdict = self.judge(None, source, now);
            let Verdict::Challenged { challenge, failed: false } = verdict else {
                panic!("{verdict:?}")
            };
            challenge
        }

        fn answer(&mut self, challenge: &str, user: &str, password: &str) -> String {
            let mut headers = Headers::default();
            headers.push("WWW-Authenticate", challenge);
            let response = Response { status: 401, reason: String::new(), headers, body: vec![] };
            let (method, password) = (Method::Register, Secret::new(password));
            answer(&response, &method, "sip:ring", user, &password, &mut self.entropy).unwrap().1
        }

        /// One whole exchange.
        fn attempt(&mut self, user: &str, password: &str, from: IpAddr, now: Timestamp) -> Verdict {
            let challenge = self.challenge(from, now);
            let header = self.answer(&challenge, user, password);
            self.judge(Some(&header), from, now)
        }
    }

    fn register() -> Request {
        let uri = Uri::parse("sip:ring").unwrap();
        let head = RequestHead {
            via: Via::udp("192.0.2.7:5060".parse().unwrap(), "z9hG4bK1"),
            from: NameAddr::new(uri.clone()),
            to: NameAddr::new(uri.clone()),
            call_id: "1".to_owned(),
            cseq: 1,
        };
        Request::new(Method::Register, uri, &head)
    }

    fn accepted() -> Verdict {
        Verdict::Accepted { user: "201".to_owned() }
    }

    /// Challenged: (failed, stale).
    fn kind(verdict: &Verdict) -> Option<(bool, bool)> {
        let Verdict::Challenged { failed, challenge } = verdict else { return None };
        Some((*failed, challenge.ends_with(", stale=true")))
    }

    fn is_failed(verdict: &Verdict) -> bool {
        kind(verdict) == Some((true, false))
    }

    fn is_stale(verdict: &Verdict) -> bool {
        kind(verdict) == Some((false, true))
    }

    #[test]
    fn the_digest_is_that_of_rfc_2617() {
        // The example of section 3.5.
        let credentials = Credentials::parse(
            "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, \
             nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", \
             opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        )
        .unwrap();
        let digest = credentials.digest(&Method::Other("GET".to_owned()), "Circle Of Life");
        assert_eq!(digest, credentials.response);
    }

    #[test]
    fn the_right_password_is_accepted_once_a_count() {
        let mut rig = Rig::new();
        let challenge = rig.challenge(SOURCE, NOW);
        let header = rig.answer(&challenge, "201", "right");
        assert_eq!(rig.judge(Some(&header), SOURCE, NOW), accepted());
        assert!(is_stale(&rig.judge(Some(&header), SOURCE, NOW)), "replayed");
        let later = NOW + NONCE_LIFETIME;
        let header = rig.answer(&challenge, "201", "right").replace("nc=00000001", "nc=00000002");
        assert!(is_failed(&rig.judge(Some(&header), SOURCE, later)), "the count is digested too");
        assert!(is_stale(&rig.judge(Some(&header), SOURCE, later + Duration::from_millis(1))));
    }

    #[test]
    fn a_wrong_digest_does_not_touch_the_count() {
        let mut rig = Rig::new();
        let challenge = rig.challenge(SOURCE, NOW);
        let wrong = rig.answer(&challenge, "201", "wrong").replace("nc=00000001", "nc=ffffffff");
        assert!(is_failed(&rig.judge(Some(&wrong), SOURCE, NOW)));
        let right = rig.answer(&challenge, "201", "right");
        assert_eq!(rig.judge(Some(&right), SOURCE, NOW), accepted());
    }

    #[test]
    fn what_is_not_ours_is_challenged() {
        let mut rig = Rig::new();
        let challenge = rig.challenge(SOURCE, NOW);
        let good = rig.answer(&challenge, "201", "right");
        assert!(is_stale(&rig.judge(Some(&good), OTHER, NOW)), "a nonce is for its source");
        let forged = good.replace("nonce=\"0", "nonce=\"1");
        assert!(is_stale(&rig.judge(Some(&forged), SOURCE, NOW)));
        for (from, to) in [
            ("qop=auth", "qop=auth-int"),
            ("nc=00000001", "nc=1"),
            ("algorithm=MD5", "algorithm=SHA-256"),
            ("realm=\"ring\"", "realm=\"ding\""),
            ("Digest ", "Basic "),
            ("Digest ", "Digest ="),
            ("cnonce=\"", "x=\""),
        ] {
            let verdict = rig.judge(Some(&good.replace(from, to)), SOURCE, NOW);
            assert_eq!(kind(&verdict), Some((false, false)), "{to}");
        }
        let stranger = rig.answer(&challenge, "202", "");
        assert!(is_failed(&rig.judge(Some(&stranger), SOURCE, NOW)));
        assert_eq!(rig.judge(Some(&good), SOURCE, NOW), accepted());
    }

    #[test]
    fn guessing_ends_and_a_user_at_home_is_not_shut_out_by_it() {
        let mut rig = Rig::new();
        assert_eq!(rig.attempt("201", "right", SOURCE, NOW), accepted());
        let from = |n: u8| IpAddr::from([203, 0, 113, n]);
        for n in 0..10 {
            assert!(is_failed(&rig.attempt("201", "wrong", from(n), NOW)), "{n}");
        }
        assert_eq!(rig.attempt("201", "right", from(99), NOW), Verdict::Throttled);
        assert_eq!(rig.attempt("201", "right", SOURCE, NOW), accepted());
        let later = NOW + Duration::from_secs(30);
        assert_eq!(rig.attempt("201", "right", from(99), later), accepted());
        // A source that tries many names.
        for n in 0..30 {
            assert!(is_failed(&rig.attempt(&format!("3{n}"), "x", OTHER, NOW)), "{n}");
        }
        assert_eq!(rig.attempt("201", "right", OTHER, NOW), Verdict::Throttled);
    }

    #[test]
    fn a_forged_source_uses_up_no_guesses() {
        let mut rig = Rig::new();
        rig.server.trust("201", SOURCE);
        let challenge = rig.challenge(OTHER, NOW);
        for _ in 0..100 {
            let header = rig.answer(&challenge, "201", "wrong");
            assert!(is_stale(&rig.judge(Some(&header), SOURCE, NOW)));
        }
        assert_eq!(rig.attempt("201", "right", SOURCE, NOW), accepted());
    }

    #[test]
    fn counts_that_are_forgotten_make_their_nonces_stale() {
        let mut rig = Rig::new();
        let challenge = rig.challenge(SOURCE, NOW);
        let first = rig.answer(&challenge, "201", "right");
        assert_eq!(rig.judge(Some(&first), SOURCE, NOW), accepted());
        for n in 0..=NONCES_MAX as u64 {
            let nonce = Nonce { made_at: NOW.as_ms() + 1, number: n };
            assert!(rig.server.take_count(&nonce, 1, NOW));
        }
        assert_eq!(rig.server.counts.len(), NONCES_MAX);
        assert!(is_stale(&rig.judge(Some(&first), SOURCE, NOW)));
    }

    #[test]
    fn challenges_are_answered_by_their_kind() {
        let (method, password) = (Method::Invite, Secret::new("p"));
        let ask = |status, name: &str, challenge: &str| {
            let mut headers = Headers::default();
            headers.push(name, "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256");
            headers.push(name, challenge);
            let response = Response { status, reason: String::new(), headers, body: vec![] };
            answer(&response, &method, "sip:a@b", "u", &password, &mut Entropy::from_number(1))
        };
        // RFC 2069: without qop.
        let (name, value) =
            ask(407, "Proxy-Authenticate", "Digest realm=\"r\",nonce=\"a\\\"n\",opaque=\"\"")
                .unwrap();
        assert_eq!(name, "Proxy-Authorization");
        let (secret, asked) = (md5(&["u", "r", "p"]), md5(&["INVITE", "sip:a@b"]));
        let expected = format!(
            "Digest username=\"u\", realm=\"r\", nonce=\"a\\\"n\", uri=\"sip:a@b\", \
             response=\"{}\", algorithm=MD5, opaque=\"\"",
            md5(&[&secret, "a\"n", &asked])
        );
        assert_eq!(value, expected);
        let qop = "digest realm=\"r\", qop=\"auth-int, auth\", nonce=\"n\", algorithm=md5";
        let (name, value) = ask(401, "WWW-Authenticate", qop).unwrap();
        assert_eq!(name, "Authorization");
        assert!(value.contains(", qop=auth, nc=00000001, cnonce=\""), "{value}");
        for challenge in ["Basic realm=\"r\"", "Digest realm=\"r\"", "Digest nonce=\"r\"", ""] {
            assert_eq!(ask(401, "WWW-Authenticate", challenge), None, "{challenge}");
        }
        let int = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"";
        assert_eq!(ask(401, "WWW-Authenticate", int), None);
        assert_eq!(ask(403, "WWW-Authenticate", qop), None);
    }
}
