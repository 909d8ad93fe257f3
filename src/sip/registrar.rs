//! The registrar (RFC 3261 section 10): which contacts an address of record has, and until when.
//!
//! Whoever calls [`Registrar::register`] has checked the digest. Requests to a contact go to the
//! source of its REGISTER, so that a phone behind a NAT is reached where it is (RFC 3581).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::Binding;
use super::message::{Contacts, NameAddr, Request, Scheme, Uri};
use super::reply::Refusal;
use crate::ident::ContactId;
use crate::time::{Duration, Timestamp};

/// Shortest binding we take, in seconds.
const EXPIRES_MIN: u32 = 60;
/// Longest, and the one given where none is asked.
const EXPIRES_MAX: u32 = 3600;
/// Most contacts of a user. One more takes the place of the one that ends first: a phone that
/// changes its port at each start must not lock itself out.
const CONTACTS_MAX: usize = 10;

#[derive(Clone, Debug)]
struct Entry {
    id: ContactId,
    uri: Uri,
    binding: Binding,
}

/// All bindings.
#[derive(Debug, Default)]
pub(super) struct Registrar {
    users: BTreeMap<String, Vec<Entry>>,
    changed: BTreeSet<String>,
    next: u64,
}

/// What a REGISTER led to.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Registered {
    /// The contacts that stand, as the 200 lists them.
    pub(super) contacts: Vec<NameAddr>,
    /// Did the set of contacts change?
    pub(super) changed: bool,
    /// Is one of them new?
    pub(super) joined: bool,
}

impl Registrar {
    /// Takes the Contacts of a REGISTER: all of them or, with an error, none.
    ///
    /// # Errors
    /// 400 for a broken `*` or a contact that is no SIP URI, 423 for one too brief, 500 for one out
    /// of order.
    pub(super) fn register(
        &mut self,
        now: Timestamp,
        user: &str,
        source: SocketAddr,
        request: &Request,
    ) -> Result<Registered, Refusal> {
        let old = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let (call_id, cseq) = (request.call_id(), request.cseq().number);
        let out_of_order =
            |entry: &Entry| entry.binding.call_id == call_id && cseq <= entry.binding.cseq;
        let mut entries = old.to_vec();
        let mut next = self.next;
        match request.headers.contacts() {
            Contacts::Any => {
                if request.headers.expires() != Some(0) {
                    return Err(Refusal::new(400));
                }
                if old.iter().any(out_of_order) {
                    return Err(Refusal::new(500));
                }
                entries.clear();
            }
            Contacts::List(contacts) => {
                if contacts.len() > CONTACTS_MAX {
                    return Err(Refusal::new(400));
                }
                for contact in contacts {
                    let seconds = granted(&contact, request.headers.expires())?;
                    let same = |entry: &Entry| entry.uri.equivalent(&contact.uri);
                    if old.iter().any(|entry| same(entry) && out_of_order(entry)) {
                        return Err(Refusal::new(500));
                    }
                    let known = entries.iter().position(same);
                    let id = known.map(|at| entries.remove(at).id);
                    if seconds == 0 {
                        continue;
                    }
                    let id = id.unwrap_or_else(|| {
                        next += 1;
                        ContactId(next)
                    });
                    let binding = Binding {
                        user: user.to_owned(),
                        contact: contact.uri.to_string(),
                        address: source,
                        call_id: call_id.to_owned(),
                        cseq,
                        expires_at: now + Duration::from_secs(seconds.into()),
                    };
                    make_room(&mut entries);
                    entries.push(Entry { id, uri: contact.uri, binding });
                }
            }
        }
        self.next = next;
        let contacts = entries.iter().map(|entry| listed(entry, now)).collect();
        let known: BTreeSet<_> = self.entries(user).map(|entry| entry.id).collect();
        let joined = entries.iter().any(|entry| !known.contains(&entry.id));
        Ok(Registered { contacts, changed: self.replace(user, entries), joined })
    }

    /// Bindings from an earlier run. Returns the users of whom some had ended meanwhile.
    pub(super) fn restore(&mut self, now: Timestamp, bindings: Vec<Binding>) -> BTreeSet<String> {
        let mut ended = BTreeSet::new();
        for binding in bindings {
            let uri = Uri::parse(&binding.contact).ok().filter(|_| binding.expires_at > now);
            let Some(uri) = uri else {
                self.changed.insert(binding.user.clone());
                ended.insert(binding.user);
                continue;
            };
            self.next += 1;
            let entries = self.users.entry(binding.user.clone()).or_default();
            entries.retain(|entry| !entry.uri.equivalent(&uri));
            make_room(entries);
            entries.push(Entry { id: ContactId(self.next), uri, binding });
        }
        ended
    }

    /// Ends what is past its time. Returns whose.
    pub(super) fn expire(&mut self, now: Timestamp, user: &str) -> bool {
        let entries = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let left = entries.iter().filter(|e| e.binding.expires_at > now).cloned().collect();
        self.replace(user, left)
    }

    /// Ends all bindings of a user who is no more.
    pub(super) fn remove(&mut self, user: &str) -> bool {
        self.replace(user, Vec::new())
    }

    /// When the first binding of a user ends.
    pub(super) fn next_expiry(&self, user: &str) -> Option<Timestamp> {
        self.users.get(user)?.iter().map(|entry| entry.binding.expires_at).min()
    }

    /// Who has bindings.
    pub(super) fn users(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(String::as_str)
    }

    /// The contacts of a user, the latest first.
    pub(super) fn contacts(&self, user: &str) -> Vec<ContactId> {
        self.entries(user).map(|entry| entry.id).collect()
    }

    /// The bindings of a user, as they should be kept.
    pub(super) fn bindings(&self, user: &str) -> Vec<Binding> {
        self.entries(user).map(|entry| entry.binding.clone()).collect()
    }

    /// A contact: its URI and its binding.
    pub(super) fn contact(&self, id: ContactId) -> Option<(&Uri, &Binding)> {
        let entry = self.users.values().flatten().find(|entry| entry.id == id)?;
        Some((&entry.uri, &entry.binding))
    }

    /// The users whose bindings are not as they were last taken.
    pub(super) fn take_changed(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.changed)
    }

    fn entries(&self, user: &str) -> impl Iterator<Item = &Entry> {
        self.users.get(user).into_iter().flatten().rev()
    }

    /// Returns whether the set of contacts changed; marks the user if anything did.
    fn replace(&mut self, user: &str, entries: Vec<Entry>) -> bool {
        let old = self.users.remove(user).unwrap_or_default();
        let ids = |list: &[Entry]| list.iter().map(|entry| entry.id).collect::<BTreeSet<_>>();
        let same = old.len() == entries.len()
            && old.iter().zip(&entries).all(|(a, b)| a.binding == b.binding);
        if !same {
            self.changed.insert(user.to_owned());
        }
        let changed = ids(&old) != ids(&entries);
        if !entries.is_empty() {
            self.users.insert(user.to_owned(), entries);
        }
        changed
    }
}

/// The seconds a contact is bound for: its own wish, else the message's, else ours.
fn granted(contact: &NameAddr, header: Option<u32>) -> Result<u32, Refusal> {
    if contact.uri.scheme() != Scheme::Sip {
        return Err(Refusal::new(400));
    }
    match contact.expires().or(header).unwrap_or(EXPIRES_MAX) {
        0 => Ok(0),
        brief if brief < EXPIRES_MIN => {
            Err(Refusal::new(423).header("Min-Expires", &EXPIRES_MIN.to_string()))
        }
        seconds => Ok(seconds.min(EXPIRES_MAX)),
    }
}

fn make_room(entries: &mut Vec<Entry>) {
    while entries.len() >= CONTACTS_MAX {
        let first = entries.iter().enumerate().min_by_key(|(_, entry)| entry.binding.expires_at);
        let Some((at, _)) = first else { return };
        entries.remove(at);
    }
}

fn listed(entry: &Entry, now: Timestamp) -> NameAddr {
    let mut contact = NameAddr::new(entry.uri.clone());
    let seconds = entry.binding.expires_at.since(now).as_secs();
    contact.params.set("expires", Some(&seconds.to_string()));
    contact
}

#[cfg(test)]
#[path = "tests/registrar.rs"]
mod tests;
