//! `secrets.toml` in the data folder: what must never stand in the configuration.
//!
//! Passwords of agents and devices, and the keys, are drawn by us at the first start; passwords for
//! trunks are written into it by the operator. It is read and printed here as text: who keeps it,
//! readable by nobody else, is the node.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::ident::{Entropy, Secret};

/// Length of a password drawn here: 20 of 32 symbols are 100 bits.
pub const PASSWORD_LENGTH: usize = 20;

/// Length of the key of the HTTP interface: 160 bits.
const API_KEY_LENGTH: usize = 32;
/// Shortest key that an operator may choose.
const API_KEY_LENGTH_MIN: usize = 16;

/// Begins a secret of Standard Webhooks; base64 follows.
pub const WEBHOOK_SECRET_PREFIX: &str = "whsec_";
/// Symbols of base64 drawn for it: every one of [`SYMBOLS`] is one. 24 bytes with 160 random bits.
const WEBHOOK_SECRET_LENGTH: usize = 32;

/// 32 symbols that are not taken for one another when read aloud or copied by hand.
const SYMBOLS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The secrets of one server. Does not print them but by [`Secrets::print`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Key from which the identifiers of dials are derived; never changed.
    pub dial_key: [u8; 32],
    /// Key from which access codes are hashed, and the ids of repeated requests and the tokens of
    /// pushes derived; never changed.
    pub hash_key: [u8; 32],
    /// Opens the HTTP interface.
    pub api_key: Secret,
    /// Signs what is sent to the webhook: `whsec_` and base64 (Standard Webhooks).
    pub webhook_secret: Secret,
    /// Passwords by agent or device.
    pub users: BTreeMap<String, Secret>,
    /// Passwords by trunk.
    pub trunks: BTreeMap<String, Secret>,
    /// Was a key drawn that the file does not hold?
    unsaved: bool,
}

/// Why `secrets.toml` cannot be used. Never shows what stands in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretsError {
    /// Not TOML, or not of this shape.
    #[error(
        "secrets.toml:{line}: cannot be read; write NAME = \"PASSWORD\" under [users] or [trunks]"
    )]
    Syntax {
        /// Where, 1 for the first line.
        line: usize,
    },
    /// The key of the dials is damaged.
    #[error(
        "secrets.toml: dial_key: is not 64 hexadecimal digits; restore it, or delete the line once \
         no callback is being dialled"
    )]
    DialKey,
    /// The key of the hashes is damaged.
    #[error(
        "secrets.toml: hash_key: is not 64 hexadecimal digits; restore it, or delete the line, and \
         access codes that were given out match no more"
    )]
    HashKey,
    /// The key of the HTTP interface could be guessed, or cannot be sent.
    #[error(
        "secrets.toml: api_key: is too short or not of printable ASCII; write 16 characters or \
         more, or delete the line to have a key drawn"
    )]
    ApiKey,
    /// The secret of the webhook is damaged.
    #[error(
        "secrets.toml: webhook_secret: is not whsec_ and the base64 of 24 bytes or more; restore \
         it, or delete the line to have a secret drawn"
    )]
    WebhookSecret,
    /// An empty password.
    #[error("secrets.toml: {section}.{name}: is empty; write a password, or delete the line")]
    Empty {
        /// `users` or `trunks`.
        section: &'static str,
        /// Whose.
        name: String,
    },
    /// A trunk has a user name in the configuration and no password.
    #[error("secrets.toml: trunks.{0}: is missing; write {0} = \"PASSWORD\" under [trunks]")]
    NoTrunkPassword(String),
    /// A user has no password: [`Secrets::complete`] was not called.
    #[error("secrets.toml: users.{0}: is missing; start the server once to have it drawn")]
    NoUserPassword(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    dial_key: Option<String>,
    hash_key: Option<String>,
    api_key: Option<String>,
    webhook_secret: Option<String>,
    #[serde(default)]
    users: BTreeMap<String, String>,
    #[serde(default)]
    trunks: BTreeMap<String, String>,
}

impl Secrets {
    /// New keys and nobody's password.
    pub fn draw(entropy: &mut Entropy) -> Self {
        Self {
            dial_key: key(entropy),
            hash_key: key(entropy),
            api_key: Secret::new(&symbols(API_KEY_LENGTH, entropy)),
            webhook_secret: webhook_secret(entropy),
            users: BTreeMap::new(),
            trunks: BTreeMap::new(),
            unsaved: true,
        }
    }

    /// Reads the file's text. Missing keys are drawn.
    ///
    /// # Errors
    /// [`SecretsError`] if it is not of the shape that [`Secrets::print`] writes.
    pub fn parse(text: &str, entropy: &mut Entropy) -> Result<Self, SecretsError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count();
            SecretsError::Syntax { line }
        })?;
        let mut read = Self::draw(entropy);
        read.unsaved = file.dial_key.is_none()
            || file.hash_key.is_none()
            || file.api_key.is_none()
            || file.webhook_secret.is_none();
        if let Some(digits) = file.dial_key {
            read.dial_key = read_key(&digits).ok_or(SecretsError::DialKey)?;
        }
        if let Some(digits) = file.hash_key {
            read.hash_key = read_key(&digits).ok_or(SecretsError::HashKey)?;
        }
        if let Some(text) = file.api_key {
            read.api_key = read_api_key(&text).ok_or(SecretsError::ApiKey)?;
        }
        if let Some(text) = file.webhook_secret {
            read.webhook_secret = read_webhook_secret(&text).ok_or(SecretsError::WebhookSecret)?;
        }
        read.users = secrets("users", file.users)?;
        read.trunks = secrets("trunks", file.trunks)?;
        Ok(read)
    }

    /// Draws a password for each of these users who has none. Is there anything now that the file
    /// does not hold?
    pub fn complete(&mut self, users: &[String], entropy: &mut Entropy) -> bool {
        let unsaved = std::mem::take(&mut self.unsaved);
        let before = self.users.len();
        for user in users {
            self.users.entry(user.clone()).or_insert_with(|| password(entropy));
        }
        unsaved || self.users.len() != before
    }

    /// The file's text, with every secret in it. Not for logs.
    pub fn print(&self) -> String {
        let mut text = String::from(
            "# Secrets of this server. Nobody else may read this file.\n\
             # Passwords under [users] were drawn at the first start and may be changed;\n\
             # passwords under [trunks] are those that your carrier gave you.\n\n",
        );
        let keys = [
            ("it finds the calls of an earlier run again", "dial_key", &self.dial_key),
            ("access codes and tokens given out rest on it", "hash_key", &self.hash_key),
        ];
        for (why, name, key) in keys {
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            text.push_str(&format!("# Do not change: {why}.\n{name} = \"{digits}\"\n"));
        }
        let texts = [
            ("Opens /api/v1: `Authorization: Bearer KEY`", "api_key", &self.api_key),
            ("Signs what is sent to the webhook", "webhook_secret", &self.webhook_secret),
        ];
        for (what, name, secret) in texts {
            text.push_str(&format!("# {what}.\n{name} = {}\n", quoted(secret.expose())));
        }
        for (section, secrets) in [("users", &self.users), ("trunks", &self.trunks)] {
            text.push_str(&format!("\n[{section}]\n"));
            for (name, secret) in secrets {
                let (name, secret) = (quoted(name), quoted(secret.expose()));
                text.push_str(&format!("{name} = {secret}\n"));
            }
        }
        text
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} users, {} trunks)", self.users.len(), self.trunks.len())
    }
}

fn secrets(
    section: &'static str,
    texts: BTreeMap<String, String>,
) -> Result<BTreeMap<String, Secret>, SecretsError> {
    texts
        .into_iter()
        .map(|(name, text)| match text.as_str() {
            "" => Err(SecretsError::Empty { section, name }),
            text => Ok((name, Secret::new(text))),
        })
        .collect()
}

fn key(entropy: &mut Entropy) -> [u8; 32] {
    let mut key = [0; 32];
    for part in key.chunks_exact_mut(8) {
        part.copy_from_slice(&entropy.next_u64().to_be_bytes());
    }
    key
}

fn read_key(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(key)
}

fn read_api_key(text: &str) -> Option<Secret> {
    let sendable = text.len() >= API_KEY_LENGTH_MIN && text.bytes().all(|b| b.is_ascii_graphic());
    sendable.then(|| Secret::new(text))
}

fn read_webhook_secret(text: &str) -> Option<Secret> {
    let encoded = text.strip_prefix(WEBHOOK_SECRET_PREFIX)?;
    let digits = encoded.trim_end_matches('=');
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/".contains(&b);
    let whole = encoded.len() % 4 == 0 && encoded.len() - digits.len() <= 2;
    let fits = whole && encoded.len() >= WEBHOOK_SECRET_LENGTH && digits.bytes().all(base64);
    fits.then(|| Secret::new(text))
}

fn webhook_secret(entropy: &mut Entropy) -> Secret {
    let encoded = symbols(WEBHOOK_SECRET_LENGTH, entropy);
    Secret::new(&format!("{WEBHOOK_SECRET_PREFIX}{encoded}"))
}

fn password(entropy: &mut Entropy) -> Secret {
    Secret::new(&symbols(PASSWORD_LENGTH, entropy))
}

fn symbols(count: usize, entropy: &mut Entropy) -> String {
    let mut symbol = || char::from(SYMBOLS[(entropy.next_u64() >> 59) as usize]);
    (0..count).map(|_| symbol()).collect()
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_and_gains_only_the_new_users() {
        let mut entropy = Entropy::from_number(1);
        let mut secrets = Secrets::draw(&mut entropy);
        assert!(secrets.complete(&["ann".into(), "1001".into()], &mut entropy));
        secrets.trunks.insert("carrier".into(), Secret::new("it's \"odd\" \\ and é"));
        let read = Secrets::parse(&secrets.print(), &mut entropy).unwrap();
        assert_eq!(read, secrets);

        let mut later = read;
        assert!(!later.complete(&["ann".into()], &mut entropy));
        assert!(later.complete(&["ann".into(), "bob.smith".into()], &mut entropy));
        assert_eq!(later.users["ann"], secrets.users["ann"]);
        assert_eq!(Secrets::parse(&later.print(), &mut entropy).unwrap(), later);
    }

    #[test]
    fn a_file_of_an_earlier_version_gains_the_keys_and_keeps_what_it_has() {
        let mut entropy = Entropy::from_number(5);
        let earlier = format!("dial_key = \"{}\"\n[users]\nann = \"hunter2\"\n", "ab".repeat(32));
        let mut read = Secrets::parse(&earlier, &mut entropy).unwrap();
        assert!(read.complete(&["ann".into()], &mut entropy));
        assert_eq!((read.dial_key, read.users["ann"].expose()), ([0xab; 32], "hunter2"));
        let mut again = Secrets::parse(&read.print(), &mut entropy).unwrap();
        assert!(!again.complete(&["ann".into()], &mut entropy));
        assert_eq!(again, read);
    }

    #[test]
    fn passwords_differ_and_have_their_length() {
        let mut entropy = Entropy::from_number(2);
        let drawn: std::collections::BTreeSet<String> =
            (0..100).map(|_| password(&mut entropy).expose().to_owned()).collect();
        assert_eq!(drawn.len(), 100);
        assert!(drawn.iter().all(|password| password.len() == PASSWORD_LENGTH));
    }

    #[test]
    fn a_broken_file_is_refused_without_showing_it() {
        let mut entropy = Entropy::from_number(3);
        let short = format!("dial_key = \"{}\"", "0".repeat(63));
        let table = [
            ("[users]\nann = 123456\n", SecretsError::Syntax { line: 2 }),
            ("dial_key = \"\"\nkey = \"hunter2\"\n", SecretsError::Syntax { line: 2 }),
            (short.as_str(), SecretsError::DialKey),
            ("hash_key = \"0\"", SecretsError::HashKey),
            ("api_key = \"hunter2\"", SecretsError::ApiKey),
            ("webhook_secret = \"whsec_hunter2\"", SecretsError::WebhookSecret),
            (
                "[trunks]\ncarrier = \"\"",
                SecretsError::Empty { section: "trunks", name: "carrier".into() },
            ),
        ];
        for (text, error) in table {
            let found = Secrets::parse(text, &mut entropy).unwrap_err();
            assert_eq!(found, error);
            assert!(!found.to_string().contains("123456") && !found.to_string().contains("hunter"));
        }
    }

    #[test]
    fn secrets_do_not_print_themselves() {
        let mut entropy = Entropy::from_number(4);
        let mut secrets = Secrets::draw(&mut entropy);
        secrets.complete(&["ann".into()], &mut entropy);
        assert_eq!(format!("{secrets:?}"), "Secrets(1 users, 0 trunks)");
    }
}
