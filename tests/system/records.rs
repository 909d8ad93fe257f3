//! The call records of a server that has ended: the lines of its `queue_log`, and its legs.

use std::path::PathBuf;

use ringback::ident::InteractionId;
use ringback::store::records::Records;
use ringback::store::{LegRecord, Party};
use tempfile::TempDir;

use crate::server::Server;
use crate::{Outcome, ensure};

#[path = "../../src/observe/queue_log/reader.rs"]
mod reader;

/// Where they are.
pub(crate) struct CallRecords {
    folder: TempDir,
}

impl CallRecords {
    /// Ends the server.
    pub(crate) fn of(server: Server) -> Outcome<Self> {
        Ok(Self { folder: server.stop_and_keep()? })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// These events, in this order, are what the file says of a call, no number stands in it, and
    /// a strict reader of the format reads all of it.
    pub(crate) fn told(&self, call: &str, events: &[&str]) -> Outcome {
        let text = std::fs::read_to_string(self.file("queue_log"))?;
        let of_call = text.lines().map(|line| line.split('|').collect::<Vec<_>>());
        let told: Vec<&str> = of_call
            .filter(|fields| fields.get(1) == Some(&call))
            .filter_map(|fields| fields.get(4).copied())
            .collect();
        let mut reader = reader::Reader::default();
        for line in text.lines() {
            reader.line(line).map_err(|wrong| format!("{wrong}: {line:?} of\n{text}"))?;
        }
        ensure(reader.open() == 0 && !reader.read.is_empty(), || format!("calls go on:\n{text}"))?;
        ensure(told == events, || format!("{told:?} is told of {call}:\n{text}"))?;
        ensure(!text.contains("+1"), || format!("a whole number is told:\n{text}"))
    }

    /// A leg of this call to the consumer ended with this final response.
    pub(crate) fn ended_with(&self, call: &str, status: u16) -> Outcome {
        let legs = self.legs(call)?;
        let found = legs.iter().any(|leg| {
            leg.party == Party::Consumer && leg.answered_at.is_none() && leg.status == Some(status)
        });
        ensure(found, || format!("no leg ended with {status}: {legs:?}"))
    }

    fn legs(&self, call: &str) -> Outcome<Vec<LegRecord>> {
        let mut records =
            Records::open(&self.folder.path().join("data")).map_err(|error| error.to_string())?;
        let call = InteractionId::parse(call).ok_or("no interaction")?;
        Ok(records.legs(call).map_err(|error| error.to_string())?)
    }

    /// These parties, by name and direction, had a leg of this call that was answered.
    pub(crate) fn answered(&self, call: &str, parties: &[(&str, &str)]) -> Outcome {
        let legs = self.legs(call)?;
        let shown = |leg: &LegRecord| {
            let party = match &leg.party {
                Party::Caller => "caller",
                Party::Consumer => "consumer",
                Party::Third => "third",
                Party::Agent(agent) => agent.as_str(),
            };
            (party.to_owned(), format!("{:?}", leg.direction))
        };
        let mut seen: Vec<_> =
            legs.iter().filter(|leg| leg.answered_at.is_some()).map(shown).collect();
        seen.sort();
        let same = seen
            .iter()
            .map(|(party, way)| (party.as_str(), way.as_str()))
            .eq(parties.iter().copied());
        ensure(same, || format!("answered: {seen:?} of {legs:?}"))
    }
}
