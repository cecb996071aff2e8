//! The outputs of a process, and their common end.

use crate::{
    gauges::Gauges,
    hub::{Feed, Hub},
    mqtt::{self, Patience, Unusable},
    settings::Settings,
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
        let (mut tasks, gauges) = (JoinSet::new(), Gauges::default());
        for (number, config) in settings.outputs.iter().enumerate() {
            let mut client_suffix = manner.client_suffix.clone();
            if number > 0 {
                client_suffix = format!("{client_suffix}_{number}");
            }
            tasks.spawn(mqtt::run(mqtt::Task {
                config: config.clone(),
                hub: hub.clone(),
                events: feed.queue(),
                gauge: gauges.output(&mqtt::name(config)),
                patience: manner.patience,
                end: ends.clone(),
                gives_up: manner.gives_up,
                client_suffix,
            }));
        }
        Self { tasks, end, gauges }
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
