//! Digest authentication (RFC 8760: SHA-256 and MD5, `qop=auth`), both sides.
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
//! A 401 has one challenge for each hash that is taken, the strongest first, all with the same
//! nonce; who answers takes the strongest that they know.
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

/// The hash of a digest, the strongest first (RFC 8760 section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// MD5: what phones older than RFC 8760 know alone.
    Md5,
}

impl Algorithm {
    /// All, the strongest first.
    pub const ALL: &[Algorithm] = &[Algorithm::Sha256, Algorithm::Md5];

    /// As in `algorithm`.
    fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The one that a challenge, or credentials, are for; MD5 where they name none.
    fn of(fields: &BTreeMap<String, String>) -> Option<Self> {
        let Some(name) = fields.get("algorithm") else { return Some(Algorithm::Md5) };
        Self::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// The hash of parts joined by colons, in hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Algorithm::Sha256 => hex(&Sha256::digest(text.as_bytes())),
            Algorithm::Md5 => hex(&Md5::digest(text.as_bytes())),
        }
    }
}

/// The verdict over a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The digest is right and its count was not used before.
    Accepted {
        /// The user name of the credentials.
        user: String,
    },
    /// No credentials of ours, or wrong, or stale: answer 401 with a WWW-Authenticate for each.
    Challenged {
        /// The values of the headers, in their order.
        challenges: Vec<String>,
        /// Were credentials given that are wrong (not merely missing or stale)?
        failed: bool,
    },
    /// Too many wrong guesses from this source or at this user: answer 403 without a challenge.
    Throttled,
}

/// The server side: nonces, their counts, and the guesses.
pub struct Authenticator {
    realm: String,
    algorithms: &'static [Algorithm],
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

/// What Authorization holds (RFC 7616 section 3.4).
struct Credentials {
    algorithm: Algorithm,
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
    /// An authenticator of one realm, which takes digests of these hashes and offers them in this
    /// order.
    pub fn new(realm: &str, algorithms: &'static [Algorithm], mut entropy: Entropy) -> Self {
        let mut key = [0; 32];
        for part in key.chunks_exact_mut(8) {
            part.copy_from_slice(&entropy.next_u64().to_be_bytes());
        }
        let buckets = |(burst, refill)| Buckets::new(burst, refill, KEYS_MAX);
        Self {
            realm: realm.to_owned(),
            algorithms,
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
        let Some(given) = Credentials::of(request, &self.realm, self.algorithms) else {
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
        let challenge = |algorithm: &Algorithm| {
            let name = algorithm.name();
            format!(
                "Digest realm={realm}, nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}"
            )
        };
        Verdict::Challenged { challenges: self.algorithms.iter().map(challenge).collect(), failed }
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
        let is_fresh =
            now.since(Timestamp::from_ms(made_at)) <= NONCE_LIFETIME && made_at > self.forgotten;
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
    /// The credentials of that realm, if they are whole and of a kind that we ask for.
    fn of(request: &Request, realm: &str, algorithms: &[Algorithm]) -> Option<Self> {
        let given = request.headers.all("Authorization").filter_map(Self::parse);
        given.into_iter().find(|c| c.realm == realm && algorithms.contains(&c.algorithm))
    }

    fn parse(text: &str) -> Option<Self> {
        let fields = credentials(text, "Digest")?;
        let get = |name: &str| fields.get(name).cloned();
        let is_auth = get("qop").is_some_and(|qop| qop.eq_ignore_ascii_case("auth"));
        let count_digits = get("nc")?;
        let is_hex = count_digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(is_auth && is_hex && count_digits.len() == 8) {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::of(&fields)?,
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
        let secret = self.algorithm.hash(&[&self.user, &self.realm, password]);
        let asked = self.algorithm.hash(&[method.as_str(), &self.uri]);
        self.algorithm.hash(&[&secret, nonce, count, cnonce, "auth", &asked])
    }
}

/// A challenge that we can answer.
struct Challenge {
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Does it offer `qop=auth`? One of RFC 2069 has no qop at all.
    has_qop: bool,
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let fields = credentials(text, "Digest")?;
        let get = |name: &str| fields.get(name).cloned();
        let qop = get("qop");
        let is_auth = |qop: &String| qop.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth"));
        if !qop.as_ref().is_none_or(is_auth) {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::of(&fields)?,
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            has_qop: qop.is_some(),
        })
    }
}

/// The client side: the header that answers a challenge (401: Authorization, 407:
/// Proxy-Authorization), as name and value: the strongest of several that we can answer, `None` if
/// there is none. The cnonce is fresh and the nonce count 1: a nonce is used once.
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
    let known = challenge.headers.all(asks).filter_map(Challenge::parse);
    let asked = known.min_by_key(|challenge| challenge.algorithm)?;
    let hash = |parts: &[&str]| asked.algorithm.hash(parts);
    let (realm, nonce) = (&asked.realm, &asked.nonce);
    let secret = hash(&[user, realm, password.expose()]);
    let request = hash(&[method.as_str(), uri]);
    let (response, qop) = if asked.has_qop {
        let cnonce = entropy.hex(8);
        let response = hash(&[&secret, nonce, "00000001", &cnonce, "auth", &request]);
        (response, format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""))
    } else {
        (hash(&[&secret, nonce, &request]), String::new())
    };
    let opaque = asked.opaque.map(|opaque| format!(", opaque={}", quoted(&opaque)));
    let header = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", \
         algorithm={}{qop}{}",
        quoted(user),
        quoted(realm),
        quoted(nonce),
        quoted(uri),
        asked.algorithm.name(),
        opaque.unwrap_or_default(),
    );
    Some((answers, header))
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
            Self::of(Algorithm::ALL)
        }

        fn of(algorithms: &'static [Algorithm]) -> Self {
            let server = Authenticator::new("ring", algorithms, Entropy::from_number(1));
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

        fn challenges(&mut self, source: IpAddr, now: Timestamp) -> Vec<String> {
            let verdict = self.judge(None, source, now);
            let Verdict::Challenged { challenges, failed: false } = verdict else {
                panic!("{verdict:?}")
            };
            challenges
        }

        /// The first challenge.
        fn challenge(&mut self, source: IpAddr, now: Timestamp) -> String {
            self.challenges(source, now).remove(0)
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
        let Verdict::Challenged { failed, challenges } = verdict else { return None };
        let stale: Vec<bool> = challenges.iter().map(|c| c.ends_with(", stale=true")).collect();
        assert!(stale.iter().all(|one| *one == stale[0]), "{challenges:?}");
        Some((*failed, stale[0]))
    }

    fn is_failed(verdict: &Verdict) -> bool {
        kind(verdict) == Some((true, false))
    }

    fn is_stale(verdict: &Verdict) -> bool {
        kind(verdict) == Some((false, true))
    }

    #[test]
    fn the_digests_are_those_of_rfc_7616() {
        // The example of section 3.9.1.
        let table = [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ];
        for (algorithm, response) in table {
            let credentials = Credentials::parse(&format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
                 uri=\"/dir/index.html\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
                 cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
                 response=\"{response}\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            ))
            .unwrap();
            let digest = credentials.digest(&Method::Other("GET".to_owned()), "Circle of Life");
            assert_eq!(digest, credentials.response, "{algorithm}");
        }
    }

    #[test]
    fn every_hash_is_offered_the_strongest_first_and_each_is_taken() {
        let mut rig = Rig::new();
        let challenges = rig.challenges(SOURCE, NOW);
        let [sha, md5] = &challenges[..] else { panic!("{challenges:?}") };
        assert_eq!(sha.replace("SHA-256", "MD5"), *md5, "one nonce");
        for challenge in &challenges {
            let header = rig.answer(challenge, "201", "right");
            let header = header.replace("nc=00000001", "nc=00000002");
            assert!(is_failed(&rig.judge(Some(&header), SOURCE, NOW)));
        }
        for challenge in [sha.clone(), rig.challenges(SOURCE, NOW).remove(1)] {
            let header = rig.answer(&challenge, "201", "right");
            assert_eq!(rig.judge(Some(&header), SOURCE, NOW), accepted(), "{challenge}");
            assert!(is_stale(&rig.judge(Some(&header), SOURCE, NOW)), "replayed");
        }
        // What is not offered is not taken.
        let mut old = Rig::of(&[Algorithm::Md5]);
        let challenges = old.challenges(SOURCE, NOW);
        let [only] = &challenges[..] else { panic!("{challenges:?}") };
        let stronger = only.replace("MD5", "SHA-256");
        let header = old.answer(&stronger, "201", "right");
        assert_eq!(kind(&old.judge(Some(&header), SOURCE, NOW)), Some((false, false)));
        let header = old.answer(only, "201", "right");
        assert_eq!(old.judge(Some(&header), SOURCE, NOW), accepted());
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
            ("algorithm=SHA-256", "algorithm=SHA-512-256"),
            ("algorithm=SHA-256", "algorithm=SHA-256-sess"),
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
            headers.push(name, "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256");
            headers.push(name, challenge);
            let response = Response { status, reason: String::new(), headers, body: vec![] };
            answer(&response, &method, "sip:a@b", "u", &password, &mut Entropy::from_number(1))
        };
        // RFC 2069: without qop.
        let (name, value) =
            ask(407, "Proxy-Authenticate", "Digest realm=\"r\",nonce=\"a\\\"n\",opaque=\"\"")
                .unwrap();
        assert_eq!(name, "Proxy-Authorization");
        let md5 = |parts: &[&str]| Algorithm::Md5.hash(parts);
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

    #[test]
    fn the_strongest_challenge_that_can_be_answered_is_answered() {
        let challenge = |algorithm: &str, qop: &str| {
            format!("Digest realm=\"r\", nonce=\"n\", algorithm={algorithm}, qop=\"{qop}\"")
        };
        let (sha, md5) = (challenge("sha-256", "auth"), challenge("MD5", "auth"));
        let (strange, int) = (challenge("SHA-512-256", "auth"), challenge("SHA-256", "auth-int"));
        let table = [
            (vec![&sha, &md5], Some("SHA-256")),
            (vec![&md5, &sha], Some("SHA-256")),
            (vec![&strange, &md5], Some("MD5")),
            (vec![&int, &md5], Some("MD5")),
            (vec![&strange, &int], None),
        ];
        for (challenges, expected) in table {
            let mut headers = Headers::default();
            challenges.iter().for_each(|value| headers.push("WWW-Authenticate", value));
            let response = Response { status: 401, reason: String::new(), headers, body: vec![] };
            let (password, mut entropy) = (Secret::new("p"), Entropy::from_number(1));
            let answered =
                answer(&response, &Method::Invite, "sip:a@b", "u", &password, &mut entropy);
            let found = answered.as_ref().and_then(|(_, value)| {
                let fields = credentials(value, "Digest").unwrap();
                fields.get("algorithm").cloned()
            });
            assert_eq!(found.as_deref(), expected, "{challenges:?}");
        }
    }
}
