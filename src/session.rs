//! A session description on its way between `sip` and `media`: opaque bytes, read by neither in
//! between.

use std::fmt;

macro_rules! body {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(pub Vec<u8>);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

body! {
    /// The body that opens an offer/answer exchange (RFC 3264).
    SessionOffer
}
body! {
    /// The body that closes an offer/answer exchange (RFC 3264).
    SessionAnswer
}
