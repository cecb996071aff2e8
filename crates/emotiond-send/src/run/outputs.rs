//! The outputs of a process, and their common end.

use crate::{
    address::Address,
    gauges::{Gauges, Unusable},
    hub::{Feed, Hub},
    lsl,
    mqtt::{self, Patience},
    osc,
    settings::{DEFAULT_PREFIX, OutputConfig, Settings},
};
use std::time::Duration;
use tokio::{sync::watch, task::JoinSet, time::Instant};

/// How the outputs of a process behave.
pub(super) struct Manner {
    pub patience: Patience,
    pub gives_up: bool,
    /// Makes this process different from others for a broker.
    pub client_suffix: String,
}

/// The outputs at work.
pub(super) struct Outputs {
    tasks: JoinSet<Result<(), Unusable>>,
    end: watch::Sender<Option<Instant>>,
    pub gauges: Gauges,
}

/// Ends the outputs.
pub(super) struct Ending(watch::Sender<Option<Instant>>);

impl Ending {
    /// Ends all outputs within `time`, whether everything is delivered or not.
    pub fn end_within(&self, time: Duration) {
        self.0.send_replace(Some(Instant::now() + time));
    }
}

impl Outputs {
    /// Starts all outputs.
    pub fn start(settings: &Settings, hub: &Hub, feed: &mut Feed, manner: &Manner) -> Self {
        let (end, ends) = watch::channel(None);
        let mut outputs = Self { tasks: JoinSet::new(), end, gauges: Gauges::default() };
        for config in &settings.outputs {
            outputs.add(config, (hub, feed), &ends, manner);
        }
        outputs
    }

    fn add(
        &mut self,
        config: &OutputConfig,
        (hub, feed): (&Hub, &mut Feed),
        ends: &watch::Receiver<Option<Instant>>,
        manner: &Manner,
    ) {
        let number = self.tasks.len();
        let (config, hub, events) = (config.clone(), hub.clone(), feed.queue());
        let (gauge, end, gives_up) = (self.gauges.output(&name(&config)), ends.clone(), manner.gives_up);
        match config.uri.parse() {
            Ok(Address::Mqtt(_)) => {
                let patience = manner.patience;
                let mut client_suffix = manner.client_suffix.clone();
                if number > 0 {
                    client_suffix = format!("{client_suffix}_{number}");
                }
                let task = mqtt::Task { config, hub, events, gauge, patience, end, gives_up, client_suffix };
                self.tasks.spawn(mqtt::run(task));
            }
            Ok(Address::Osc(_)) => {
                self.tasks.spawn(osc::run(osc::Task { config, hub, events, gauge, end }));
            }
            Ok(Address::Lsl) => {
                self.tasks.spawn(lsl::run(lsl::Task { config, hub, events, gauge, end, gives_up }));
            }
            Err(error) => {
                self.tasks.spawn(async move { Err(Unusable(error.to_string())) });
            }
        }
    }

    /// A handle that ends the outputs.
    pub fn ending(&self) -> Ending {
        Ending(self.end.clone())
    }

    /// The first failure of an output; waits until all outputs have ended.
    pub async fn finished(&mut self) -> Result<(), Unusable> {
        while let Some(outcome) = self.tasks.join_next().await {
            outcome.map_err(|error| Unusable(error.to_string())).flatten()?;
        }
        Ok(())
    }
}

/// The name of an output in messages and metrics: the address, and the prefix if it is not the default.
fn name(config: &OutputConfig) -> String {
    let address =
        config.uri.parse::<Address>().map_or_else(|error| error.to_string(), |address| address.to_string());
    if config.prefix == DEFAULT_PREFIX { address } else { format!("{address}/{}", config.prefix) }
}
