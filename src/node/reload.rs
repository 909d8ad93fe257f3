//! A new configuration for a running server: all or nothing, calls untouched.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::info;

use super::event_loop::{EventLoop, Work};
use crate::config::Config;
use crate::ident::{NodeId, Route};
use crate::media;
use crate::media::sounds::Sounds;
use crate::queue::{self, Stage};

/// What a running server cannot change: sockets are bound to it, and rows are named by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fixed {
    sip: (SocketAddr, SocketAddr),
    http: SocketAddr,
    webhook: Option<String>,
    media: media::Settings,
    node: NodeId,
    data: PathBuf,
    queue_log: Option<PathBuf>,
}

impl Fixed {
    /// As configured.
    pub(super) fn of(config: &Config) -> Self {
        Self {
            sip: (config.sip.listen, config.sip.local),
            http: config.http,
            webhook: config.webhook.clone(),
            media: config.media.clone(),
            node: config.node.clone(),
            data: config.data.clone(),
            queue_log: config.records.queue_log.clone(),
        }
    }

    /// The sections that differ.
    fn changed(&self, later: &Self) -> Vec<&'static str> {
        let sections = [
            ("[sip] listen or address", self.sip != later.sip),
            ("[http] listen", self.http != later.http),
            ("[webhook]", self.webhook != later.webhook),
            ("[media]", self.media != later.media),
            ("[node]", self.node != later.node || self.data != later.data),
            ("[records] queue_log", self.queue_log != later.queue_log),
        ];
        sections.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

impl EventLoop {
    /// Takes `config` if nothing open would lose its queue, agent or trunk.
    ///
    /// # Errors
    /// Names what is still in use.
    pub(super) fn reload(&mut self, config: Config, sounds: Sounds) -> Result<(), String> {
        let changed = self.fixed.changed(&Fixed::of(&config));
        if !changed.is_empty() {
            let changed = changed.join(", ");
            return Err(format!(
                "{changed} cannot change while it runs, nothing was changed: restart"
            ));
        }
        let mut in_use: BTreeSet<String> = BTreeSet::new();
        for interaction in self.queue.interactions() {
            if !config.queue.queues.contains_key(&interaction.queue) {
                let (queue, id) = (&interaction.queue, interaction.id);
                in_use.insert(format!("queue {queue} (interaction {id})"));
            }
            if let Stage::Alerting(agent) | Stage::Bridged(agent) = &interaction.stage
                && !config.queue.agents.contains_key(agent)
            {
                in_use.insert(format!("agent {agent} (interaction {})", interaction.id));
            }
        }
        let dialled = self.queue.open_attempts().filter_map(|attempt| match &attempt.route {
            Route::Trunk(trunk) => Some(trunk.clone()),
            Route::Registrar => None,
        });
        for trunk in self.sip.trunks_in_use().chain(dialled) {
            if !config.sip.trunks.iter().any(|kept| kept.settings.id == trunk) {
                in_use.insert(format!("trunk {trunk} (a call)"));
            }
        }
        if !in_use.is_empty() {
            let in_use: Vec<String> = in_use.into_iter().collect();
            return Err(format!("still in use, nothing was changed: {}", in_use.join(", ")));
        }
        let secrets = super::secrets::open(&self.data, &config, &mut self.entropy)
            .map_err(|error| error.to_string())?;
        let settings = super::sip_settings(&config, &secrets, &self.data)
            .map_err(|error| error.to_string())?;
        self.sip.reload(self.clock.steady(), settings);
        self.media.set_sounds(Arc::new(sounds));
        self.calls.reload(config.calls.clone());
        self.agent_phones = config.agent_phones.clone();
        self.public_url = config.public_url.clone();
        self.queue_settings = config.queue.clone();
        let (step, now) = (self.step, self.clock.wall().max(self.queue.now()));
        self.records.reload(step, now, &config.queue, config.records.numbers);
        let settings = Box::new(config.queue);
        self.work.push_back(Work::Queue(queue::Event::SettingsChanged(settings)));
        self.tell_capacity();
        self.settle();
        info!("the configuration was read again");
        Ok(())
    }
}
