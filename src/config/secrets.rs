//! `secrets.toml` in the data folder: what must never stand in the configuration.
//!
//! Passwords of agents and devices, and the key of the dials, are drawn by us at the first start;
//! passwords for trunks are written into it by the operator. It is read and printed here as text:
//! who keeps it, readable by nobody else, is the node.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::ident::{Entropy, Secret};

/// Length of a password drawn here: 20 of 32 symbols are 100 bits.
pub const PASSWORD_LENGTH: usize = 20;

/// 32 symbols that are not taken for one another when read aloud or copied by hand.
const SYMBOLS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The secrets of one server. Does not print them but by [`Secrets::print`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Key from which the identifiers of dials are derived; never changed.
    pub dial_key: [u8; 32],
    /// Passwords by agent or device.
    pub users: BTreeMap<String, Secret>,
    /// Passwords by trunk.
    pub trunks: BTreeMap<String, Secret>,
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
    #[serde(default)]
    users: BTreeMap<String, String>,
    #[serde(default)]
    trunks: BTreeMap<String, String>,
}

impl Secrets {
    /// A new key and nobody's password.
    pub fn draw(entropy: &mut Entropy) -> Self {
        Self { dial_key: key(entropy), users: BTreeMap::new(), trunks: BTreeMap::new() }
    }

    /// Reads the file's text. A missing key is drawn.
    ///
    /// # Errors
    /// [`SecretsError`] if it is not of the shape that [`Secrets::print`] writes.
    pub fn parse(text: &str, entropy: &mut Entropy) -> Result<Self, SecretsError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count();
            SecretsError::Syntax { line }
        })?;
        let dial_key = match file.dial_key {
            None => key(entropy),
            Some(digits) => read_key(&digits).ok_or(SecretsError::DialKey)?,
        };
        let users = secrets("users", file.users)?;
        Ok(Self { dial_key, users, trunks: secrets("trunks", file.trunks)? })
    }

    /// Draws a password for each of these users who has none. Did that change anything?
    pub fn complete(&mut self, users: &[String], entropy: &mut Entropy) -> bool {
        let before = self.users.len();
        for user in users {
            self.users.entry(user.clone()).or_insert_with(|| password(entropy));
        }
        self.users.len() != before
    }

    /// The file's text, with every secret in it. Not for logs.
    pub fn print(&self) -> String {
        let mut text = String::from(
            "# Secrets of this server. Nobody else may read this file.\n\
             # Passwords under [users] were drawn at the first start and may be changed;\n\
             # passwords under [trunks] are those that your carrier gave you.\n\n",
        );
        let digits: String = self.dial_key.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str("# Do not change: it finds the calls of an earlier run again.\n");
        text.push_str(&format!("dial_key = \"{digits}\"\n"));
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

fn password(entropy: &mut Entropy) -> Secret {
    let mut symbol = || char::from(SYMBOLS[(entropy.next_u64() >> 59) as usize]);
    Secret::new(&(0..PASSWORD_LENGTH).map(|_| symbol()).collect::<String>())
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
