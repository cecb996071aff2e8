//! Checks that the types of a recipe cannot express: ranges, and keys that depend on each other.

use super::{ClassWeights, Freeze, HeldOut, PretrainedSection, Recipe};
use std::ops::RangeBounds;

/// A key that is wrong, and what to do about it.
pub(super) type Fault = (&'static str, String);

/// Checks all of `recipe`.
pub(super) fn check(recipe: &Recipe) -> Result<(), Fault> {
    check_foreign(recipe)?;
    check_data(recipe)?;
    check_augmentation(recipe)?;
    check_network(recipe)?;
    check_loss(recipe)?;
    check_optimizer(recipe)?;
    check_schedule(recipe)?;
    check_fit(recipe)?;
    recipe.search.as_ref().map_or(Ok(()), super::SearchSection::check)
}

/// An error for the first key that belongs to another optimizer or schedule than the chosen one.
pub(super) fn check_foreign(recipe: &Recipe) -> Result<(), Fault> {
    recipe.optimizer.foreign_key()?;
    recipe.schedule.foreign_key()
}

/// An error for the first of `keys` (key, whether it is set, its owners, the owners' names) that is set although the
/// `chosen` optimizer or schedule does not use it.
pub(super) fn foreign<T: PartialEq>(
    keys: &[(&'static str, bool, &[T], &str)],
    chosen: &T,
) -> Result<(), Fault> {
    match keys.iter().find(|(_, is_set, owners, _)| *is_set && !owners.contains(chosen)) {
        Some((key, _, _, owners)) => Err((key, format!("belongs to {owners}: remove it or change the name"))),
        None => Ok(()),
    }
}

fn check_data(recipe: &Recipe) -> Result<(), Fault> {
    for (key, held_out) in
        [("data.validation", Some(&recipe.data.validation)), ("data.test", recipe.data.test.as_ref())]
    {
        if let Some(HeldOut::Fraction(part)) = held_out {
            within(key, *part, 0.001..=0.9, "a split's name or a fraction from 0.001 to 0.9")?;
        }
    }
    within("data.part", recipe.data.part, 0.001..=1.0, "a part from 0.001 to 1")?;
    if let Some(ferplus) = &recipe.data.ferplus {
        within("data.ferplus.weight", ferplus.weight, 0.0..=1.0, "a weight from 0 to 1")?;
    }
    Ok(())
}

fn check_augmentation(recipe: &Recipe) -> Result<(), Fault> {
    let augment = &recipe.augment;
    within("augment.flip", augment.flip, 0.0..=1.0, "a probability from 0 to 1")?;
    within(
        "augment.shift_px",
        augment.shift_px,
        0.0..=recipe.network.size as f64 / 2.0,
        "at most half the input's side",
    )?;
    within("augment.rotation_deg", augment.rotation_deg, 0.0..=180.0, "an angle from 0 to 180")?;
    if let Some([least, most]) = augment.zoom {
        within("augment.zoom", least, 0.25..=most, "a range `[least, most]` from 0.25 to 4")?;
        within("augment.zoom", most, least..=4.0, "a range `[least, most]` from 0.25 to 4")?;
    }
    within("augment.brightness", augment.brightness, 0.0..=1.0, "a part from 0 to 1")?;
    within("augment.contrast", augment.contrast, 0.0..=1.0, "a part from 0 to 1")?;
    for (key, probability) in [
        ("augment.erase", augment.erase),
        ("augment.turn", augment.turn),
        ("augment.cover", augment.cover),
        ("augment.gamma", augment.gamma),
        ("augment.side_light", augment.side_light),
        ("augment.dim", augment.dim),
        ("augment.pale", augment.pale),
        ("augment.blur", augment.blur),
        ("augment.motion_blur", augment.motion_blur),
        ("augment.low_resolution", augment.low_resolution),
        ("augment.noise", augment.noise),
        ("augment.jpeg", augment.jpeg),
    ] {
        within(key, probability, 0.0..=1.0, "a probability from 0 to 1")?;
    }
    within("augment.mixup_alpha", augment.mixup_alpha, 0.0..=10.0, "an alpha from 0 to 10")
}

fn check_network(recipe: &Recipe) -> Result<(), Fault> {
    let network = &recipe.network;
    within("network.dropout", network.dropout, 0.0..1.0, "a probability from 0 to below 1")?;
    within("network.norm_momentum", network.norm_momentum.unwrap_or(0.1), 0.0..=1.0, "a weight from 0 to 1")?;
    within("network.size", network.size as f64, 8.0..=512.0, "a side from 8 to 512 pixels")?;
    let channels = network.color.channels();
    for (key, numbers) in [("network.mean", &network.mean), ("network.scale", &network.scale)] {
        let usable = numbers.iter().all(|number| number.is_finite());
        if !usable || (numbers.len() != 1 && numbers.len() != channels) {
            return Err((
                key,
                format!("must be a list of one number, or of one number per channel ({channels})"),
            ));
        }
    }
    network.pretrained.as_ref().map_or(Ok(()), check_pretrained)
}

fn check_pretrained(pretrained: &PretrainedSection) -> Result<(), Fault> {
    let needs = |what: &str| format!("has no effect: set `network.pretrained.{what}`, or remove it");
    if pretrained.thaw_after.is_some() && pretrained.freeze == Freeze::default() {
        return Err(("network.pretrained.thaw_after", needs("freeze")));
    }
    if pretrained.thaw_factor.is_some() && pretrained.thaw_after.is_none() {
        return Err(("network.pretrained.thaw_factor", needs("thaw_after")));
    }
    let epochs = pretrained.thaw_after.unwrap_or(1) as f64;
    within("network.pretrained.thaw_after", epochs, 1.0..=1e6, "at least 1 epoch")?;
    let factor = pretrained.thaw_factor.unwrap_or(1.0);
    within("network.pretrained.thaw_factor", factor, f64::MIN_POSITIVE..=1e3, "above 0, at most 1000")
}

fn check_loss(recipe: &Recipe) -> Result<(), Fault> {
    within("loss.label_smoothing", recipe.loss.label_smoothing, 0.0..1.0, "a part from 0 to below 1")?;
    if let Some(distill) = &recipe.distill {
        within("distill.weight", distill.weight, 0.0..=1.0, "a weight from 0 to 1")?;
        if distill.teacher.is_empty() {
            return Err(("distill.teacher", "is empty: give a model file, or remove [distill]".to_owned()));
        }
    }
    if let ClassWeights::List(weights) = &recipe.loss.class_weights {
        let classes = recipe.data.labels.labels().len();
        if weights.len() != classes {
            return Err((
                "loss.class_weights",
                format!("has {} weights for {classes} classes: give one per class", weights.len()),
            ));
        }
        for weight in weights {
            within("loss.class_weights", *weight, 0.0..=1e3, "weights from 0 to 1000")?;
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err((
                "loss.class_weights",
                "are all 0: give at least one class a weight above 0".to_owned(),
            ));
        }
    }
    Ok(())
}

fn check_optimizer(recipe: &Recipe) -> Result<(), Fault> {
    let optimizer = &recipe.optimizer;
    within(
        "optimizer.learning_rate",
        optimizer.learning_rate,
        f64::MIN_POSITIVE..=100.0,
        "a rate above 0, at most 100",
    )?;
    within("optimizer.weight_decay", optimizer.weight_decay, 0.0..=1.0, "a decay from 0 to 1")?;
    let decays = [
        ("optimizer.momentum", optimizer.momentum),
        ("optimizer.beta1", optimizer.beta1),
        ("optimizer.beta2", optimizer.beta2),
        ("optimizer.alpha", optimizer.alpha),
    ];
    for (key, decay) in decays {
        within(key, decay.unwrap_or(0.0), 0.0..1.0, "a decay from 0 to below 1")?;
    }
    if optimizer.nesterov == Some(true) && optimizer.momentum.unwrap_or(0.0) == 0.0 {
        return Err((
            "optimizer.nesterov",
            "needs momentum: set `optimizer.momentum`, 0.9 for instance".to_owned(),
        ));
    }
    within(
        "optimizer.epsilon",
        optimizer.epsilon.unwrap_or(1e-8),
        f64::MIN_POSITIVE..=1.0,
        "above 0, at most 1",
    )
}

fn check_schedule(recipe: &Recipe) -> Result<(), Fault> {
    let schedule = &recipe.schedule;
    let epochs = recipe.fit.epochs as f64;
    within("schedule.warmup_epochs", schedule.warmup_epochs, 0.0..=epochs, "from 0 to `fit.epochs`")?;
    let counts = [("schedule.step_epochs", schedule.step_epochs), ("schedule.patience", schedule.patience)];
    for (key, count) in counts {
        within(key, count.unwrap_or(1) as f64, 1.0..=1e6, "at least 1 epoch")?;
    }
    let factors = [
        ("schedule.gamma", schedule.gamma),
        ("schedule.final_factor", schedule.final_factor),
        ("schedule.initial_factor", schedule.initial_factor),
        ("schedule.min_factor", schedule.min_factor),
    ];
    for (key, factor) in factors {
        within(key, factor.unwrap_or(0.1), 0.0..=1.0, "a factor from 0 to 1")?;
    }
    within("schedule.rise", schedule.rise.unwrap_or(0.3), 0.01..=0.99, "a part from 0.01 to 0.99")?;
    within("schedule.min_delta", schedule.min_delta.unwrap_or(0.0), 0.0..=100.0, "0 or more")
}

fn check_fit(recipe: &Recipe) -> Result<(), Fault> {
    let fit = &recipe.fit;
    within("fit.epochs", fit.epochs as f64, 1.0..=1e6, "at least 1")?;
    within("fit.batch", fit.batch as f64, 1.0..=65_536.0, "from 1 to 65536")?;
    within("fit.ema_decay", fit.ema_decay.unwrap_or(0.0), 0.0..1.0, "a decay from 0 to below 1")?;
    within("fit.clip_norm", fit.clip_norm.unwrap_or(1.0), f64::MIN_POSITIVE..=1e9, "above 0")?;
    if let Some(stopping) = &fit.early_stopping {
        within("fit.early_stopping.patience", stopping.patience as f64, 1.0..=1e6, "at least 1 epoch")?;
        within("fit.early_stopping.min_delta", stopping.min_delta, 0.0..=1.0, "a part from 0 to 1")?;
    }
    Ok(())
}

fn within(key: &'static str, value: f64, range: impl RangeBounds<f64>, expected: &str) -> Result<(), Fault> {
    if range.contains(&value) { Ok(()) } else { Err((key, format!("is {value}, must be {expected}"))) }
}
