//! The user agent against another of itself, over a network that loses, repeats and reorders, and
//! against messages written by hand.

mod calls;
mod dialog;
mod faults;
mod network;
mod orphans;
mod phones;
mod stage;
mod torture;
mod transfers;
mod trunks;
