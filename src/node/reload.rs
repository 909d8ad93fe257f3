//! A new configuration for a running server: all or nothing, calls untouched.

use tracing::info;

use super::event_loop::{EventLoop, Work};
use crate::config::Config;
use crate::queue::{self, Stage};

impl EventLoop {
    /// Takes `config` if nothing open would lose its queue, agent or trunk.
    ///
    /// # Errors
    /// Names what is still in use.
    pub(super) fn reload(&mut self, config: Config) -> Result<(), String> {
        let mut in_use: Vec<String> = Vec::new();
        for interaction in self.queue.interactions() {
            if !config.queue.queues.contains_key(&interaction.queue) {
                in_use
                    .push(format!("queue {} (interaction {})", interaction.queue, interaction.id));
            }
            if let Stage::Alerting(agent) | Stage::Bridged(agent) = &interaction.stage
                && !config.queue.agents.contains_key(agent)
            {
                in_use.push(format!("agent {agent} (interaction {})", interaction.id));
            }
        }
        for trunk in self.sip.trunks_in_use() {
            if !config.sip.trunks.iter().any(|kept| kept.settings.id == trunk) {
                in_use.push(format!("trunk {trunk} (a call)"));
            }
        }
        if !in_use.is_empty() {
            in_use.dedup();
            return Err(format!("still in use, nothing was changed: {}", in_use.join(", ")));
        }
        let secrets = super::secrets::open(&self.data, &config, &mut self.entropy)
            .map_err(|error| error.to_string())?;
        let settings = super::sip_settings(&config, &secrets, &self.data)
            .map_err(|error| error.to_string())?;
        self.sip.reload(self.clock.steady(), settings);
        self.calls.reload(config.calls.clone());
        self.settings.on_register = config.on_register.clone();
        self.queue_settings = config.queue.clone();
        let settings = Box::new(config.queue);
        self.work.push_back(Work::Queue(queue::Event::SettingsChanged(settings)));
        self.tell_capacity();
        self.settle();
        info!("the configuration was read again");
        Ok(())
    }
}
