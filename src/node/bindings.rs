//! Bindings between the registrar's form and the store's.

use crate::sip::{Binding, UserAgent};
use crate::store::{BindingRow, UserBindings};

/// The bindings of a user, to be kept.
pub(super) fn rows(sip: &UserAgent, user: String) -> UserBindings {
    let row = |binding: Binding| BindingRow {
        contact: binding.contact,
        address: binding.address,
        call_id: binding.call_id,
        cseq: binding.cseq,
        expires_at: binding.expires_at,
    };
    let bindings = sip.bindings(&user).into_iter().map(row).collect();
    UserBindings { user, bindings }
}

/// What was kept, for the registrar.
pub(super) fn restored(kept: Vec<UserBindings>) -> Vec<Binding> {
    let of_user = |kept: UserBindings| {
        let user = kept.user;
        kept.bindings.into_iter().map(move |row| Binding {
            user: user.clone(),
            contact: row.contact,
            address: row.address,
            call_id: row.call_id,
            cseq: row.cseq,
            expires_at: row.expires_at,
        })
    };
    kept.into_iter().flat_map(of_user).collect()
}
