//! The learning rate of each step, as defined by a recipe's `[schedule]`.

use super::recipe::{SchedulePolicy, ScheduleSection};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A learning-rate schedule. All but reduce-on-plateau are pure functions of the step.
#[derive(Clone, Debug)]
pub struct Schedule {
    policy: SchedulePolicy,
    peak: f64,
    warmup_steps: f64,
    steps_per_epoch: usize,
    steps: usize,
    plateau: Plateau,
}

/// State of reduce-on-plateau between epochs; it is saved in checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    factor: f64,
    best_loss: Option<f64>,
    epochs_without_gain: usize,
}

impl Schedule {
    /// The schedule of a run of `epochs` epochs whose highest rate is `peak`.
    pub fn new(section: &ScheduleSection, peak: f64, steps_per_epoch: usize, epochs: usize) -> Self {
        Self {
            policy: section.policy(),
            peak,
            warmup_steps: section.warmup_epochs * steps_per_epoch as f64,
            steps_per_epoch,
            steps: steps_per_epoch * epochs,
            plateau: Plateau { factor: 1.0, best_loss: None, epochs_without_gain: 0 },
        }
    }

    /// The learning rate of `step`, counted from 0 over the whole run.
    pub fn rate(&self, step: usize) -> f64 {
        let at = step as f64;
        if at < self.warmup_steps {
            return self.peak * (at + 1.0) / self.warmup_steps.max(1.0);
        }
        let span = (self.steps as f64 - self.warmup_steps).max(1.0);
        let progress = ((at - self.warmup_steps) / span).min(1.0);
        self.peak
            * match self.policy {
                SchedulePolicy::Constant => 1.0,
                SchedulePolicy::Step { step_epochs, gamma } => {
                    gamma.powi((step / self.steps_per_epoch / step_epochs) as i32)
                }
                SchedulePolicy::Cosine { final_factor } => half_cosine(1.0, final_factor, progress),
                SchedulePolicy::OneCycle { initial_factor, final_factor, rise } => {
                    if progress < rise {
                        half_cosine(initial_factor, 1.0, progress / rise)
                    } else {
                        half_cosine(1.0, final_factor, (progress - rise) / (1.0 - rise))
                    }
                }
                SchedulePolicy::Plateau { .. } => self.plateau.factor,
            }
    }

    /// Updates the schedule with an epoch's validation loss.
    pub fn observe(&mut self, validation_loss: f64) {
        let SchedulePolicy::Plateau { gamma, patience, min_delta, min_factor } = self.policy else { return };
        let state = &mut self.plateau;
        if state.best_loss.is_none_or(|best| validation_loss < best - min_delta) {
            state.best_loss = Some(validation_loss);
            state.epochs_without_gain = 0;
            return;
        }
        state.epochs_without_gain += 1;
        if state.epochs_without_gain > patience {
            state.factor = (state.factor * gamma).max(min_factor);
            state.epochs_without_gain = 0;
        }
    }

    /// The state to save in a checkpoint.
    pub fn state(&self) -> Plateau {
        self.plateau
    }

    /// Restores the state from a checkpoint.
    pub fn restore(&mut self, state: Plateau) {
        self.plateau = state;
    }
}

/// From `start` to `end` along half a cosine, `progress` from 0 to 1.
fn half_cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * (1.0 + (PI * progress).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::ScheduleName;

    fn schedule(section: &ScheduleSection) -> Schedule {
        Schedule::new(section, 0.1, 10, 100)
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn warm_up_rises_in_a_line_and_ends_at_the_peak() {
        let schedule = schedule(&ScheduleSection { warmup_epochs: 2.0, ..Default::default() });
        close(schedule.rate(0), 0.005);
        close(schedule.rate(9), 0.05);
        close(schedule.rate(19), 0.1);
        close(schedule.rate(500), 0.1);
    }

    #[test]
    fn cosine_falls_from_the_peak_to_its_end() {
        let schedule = schedule(&ScheduleSection {
            name: ScheduleName::Cosine,
            final_factor: Some(0.01),
            ..Default::default()
        });
        close(schedule.rate(0), 0.1);
        close(schedule.rate(500), 0.1 * 0.505);
        close(schedule.rate(1000), 0.001);
    }

    #[test]
    fn one_cycle_peaks_where_the_rise_ends() {
        let schedule = schedule(&ScheduleSection {
            name: ScheduleName::OneCycle,
            initial_factor: Some(0.04),
            final_factor: Some(0.001),
            rise: Some(0.3),
            ..Default::default()
        });
        close(schedule.rate(0), 0.004);
        close(schedule.rate(300), 0.1);
        close(schedule.rate(1000), 0.0001);
        assert!((0..1000).all(|step| schedule.rate(step) <= 0.1 + 1e-12));
    }

    #[test]
    fn steps_multiply() {
        let schedule = schedule(&ScheduleSection {
            name: ScheduleName::Step,
            step_epochs: Some(30),
            gamma: Some(0.1),
            ..Default::default()
        });
        close(schedule.rate(299), 0.1);
        close(schedule.rate(300), 0.01);
        close(schedule.rate(999), 0.0001);
    }

    #[test]
    fn a_plateau_lowers_the_rate_after_its_patience_and_survives_a_restart() {
        let section = ScheduleSection {
            name: ScheduleName::Plateau,
            gamma: Some(0.5),
            patience: Some(1),
            ..Default::default()
        };
        let mut schedule = schedule(&section);
        for loss in [1.0, 0.9, 0.9] {
            schedule.observe(loss);
        }
        close(schedule.rate(30), 0.1);
        let mut resumed = Schedule::new(&section, 0.1, 10, 100);
        resumed.restore(schedule.state());
        for schedule in [&mut schedule, &mut resumed] {
            schedule.observe(0.95);
            close(schedule.rate(40), 0.05);
        }
    }
}
