//! The outputs of a process, and their common end.

use crate::{
    address::Address,
    gauges::{Gauges, Unusable},
    hub::{Feed, Hub},
    lsl,
    mqtt::{self, Manner},
    osc,
    settings::{DEFAULT_PREFIX, OutputConfig, Settings},
    task::Task,
};
use std::time::Duration;
use tokio::{sync::watch, task::JoinSet, time::Instant};

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
        let task = Task {
            config: config.clone(),
            hub: hub.clone(),
            events: feed.queue(),
            gauge: self.gauges.output(&name(config)),
            end: ends.clone(),
        };
        match config.uri.parse() {
            Ok(Address::Mqtt(_)) => {
                let mut manner = manner.clone();
                if number > 0 {
                    manner.client_suffix = format!("{}_{number}", manner.client_suffix);
                }
                self.tasks.spawn(mqtt::run(task, manner));
            }
            Ok(Address::Osc(_)) => {
                self.tasks.spawn(osc::run(task));
            }
            Ok(Address::Lsl) => {
                self.tasks.spawn(lsl::run(task, manner.gives_up));
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
