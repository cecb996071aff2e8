use super::*;

const SMALL: &str =
    "[network]\narch = \"mini_xception\"\n\n[optimizer]\nname = \"adam\"\nlearning_rate = 1e-3\n";

fn error(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
    let message = Recipe::parse(text, "r.toml", &overrides).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn a_small_recipe_gets_the_defaults() {
    let recipe = Recipe::parse(SMALL, "r.toml", &[]).unwrap();
    assert_eq!(recipe.input_spec(), InputSpec::fer2013());
    assert_eq!(recipe.data.validation, HeldOut::Split("PublicTest".to_owned()));
    assert_eq!(
        recipe.optimizer.method(),
        OptimizerMethod::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, decoupled: true }
    );
}

#[test]
fn pretrained_weights_bring_their_normalisation_which_a_recipe_may_replace() {
    let spec = |color: &str, more: &[&str]| {
        let mut overrides =
            vec!["network.pretrained.file=w.pth".to_owned(), format!("network.color={color}")];
        overrides.extend(more.iter().map(|&more| more.to_owned()));
        Recipe::parse(SMALL, "r.toml", &overrides).unwrap().input_spec()
    };
    assert_eq!(spec("rgb", &[]).mean, [123.675, 116.28, 103.53]);
    assert_eq!(spec("rgb", &[]).scale, [1.0 / 58.395, 1.0 / 57.12, 1.0 / 57.375]);
    assert!((spec("gray", &[]).mean[0] - 114.495).abs() < 1e-4);
    assert_eq!(spec("rgb", &["network.mean=[127.0]"]).mean, [127.0; 3]);
}

#[test]
fn what_is_written_is_read_back() {
    let text = format!(
        "{SMALL}amsgrad = true\n[data]\nvalidation = 0.1\nferplus = {{ weight = 0.5 }}\n[augment]\nzoom = [0.9, 1.2]\n\
         [loss]\nclass_weights = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]\n[schedule]\nname = \"one_cycle\"\n\
         [network.pretrained]\nfile = \"w.pth\"\nfreeze = \"all\"\nthaw_after = 3\nthaw_factor = 0.1\n\
         [fit]\nema_decay = 0.999\nearly_stopping = {{ patience = 9 }}\n"
    );
    let recipe = Recipe::parse(&text, "r.toml", &[]).unwrap();
    assert_eq!(Recipe::parse(&recipe.to_toml(), "again", &[]).unwrap(), recipe);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let message = error(&format!("{SMALL}lerning_rate = 2\n"), &[]);
    assert!(message.starts_with("r.toml:7: ") && message.contains("lerning_rate"), "{message}");
}

#[test]
fn a_wrong_type_is_named_with_its_line() {
    let message = error(&format!("{SMALL}\n[fit]\nepochs = \"many\"\n"), &[]);
    assert!(message.starts_with("r.toml:9: `fit.epochs`"), "{message}");
}

#[test]
fn figures_out_of_range_and_foreign_keys_are_named_with_their_line() {
    for (addition, expected) in [
        ("momentum = 0.9\n", "r.toml:7: `optimizer.momentum` belongs to"),
        ("beta1 = 1.0\n", "r.toml:7: `optimizer.beta1`"),
        ("[augment]\nzoom = [1.2, 0.9]\n", "r.toml:8: `augment.zoom`"),
        ("[augment]\nflip = nan\n", "r.toml:8: `augment.flip`"),
        ("[fit]\nbatch = 0\n", "r.toml:8: `fit.batch`"),
        ("[fit]\n[fit.early_stopping]\npatience = 0\n", "r.toml:9: `fit.early_stopping.patience`"),
        ("[loss]\nclass_weights = [1.0]\n", "r.toml:8: `loss.class_weights`"),
        ("[schedule]\nname = \"step\"\nrise = 0.5\n", "r.toml:9: `schedule.rise`"),
        ("[network.pretrained]\nfile = \"w.pth\"\nfreeze = -1\n", "r.toml:9: `network.pretrained.freeze`"),
        (
            "[network.pretrained]\nfile = \"w.pth\"\nthaw_after = 2\n",
            "r.toml:9: `network.pretrained.thaw_after`",
        ),
        (
            "[network.pretrained]\nfile = \"w.pth\"\nfreeze = 2\nthaw_factor = 0.1\n",
            "r.toml:10: `network.pretrained.thaw_factor`",
        ),
        ("[data]\nvalidation = 1.5\n", "r.toml:8: `data.validation`"),
    ] {
        let message = error(&format!("{SMALL}{addition}"), &[]);
        assert!(message.starts_with(expected), "{message}\nwanted {expected}");
    }
}

#[test]
fn overrides_reach_every_section() {
    let overrides =
        ["fit.epochs=3", "optimizer.name=sgd", "data.ferplus.weight=0.25", "augment.zoom=[0.9,1.1]"];
    let recipe = Recipe::parse(SMALL, "r.toml", &overrides.map(str::to_owned)).unwrap();
    assert_eq!(recipe.fit.epochs, 3);
    assert_eq!(recipe.optimizer.name, OptimizerName::Sgd);
    assert_eq!(recipe.data.ferplus, Some(FerPlus { weight: 0.25, calibrated: false, votes: None }));
    assert_eq!(recipe.augment.zoom, Some([0.9, 1.1]));
}

#[test]
fn overrides_may_need_each_other() {
    let both = ["distill.teacher=a.onnx", "distill.weight=0.5"].map(str::to_owned);
    for overrides in [&both[..], &[both[1].clone(), both[0].clone()]] {
        let recipe = Recipe::parse(SMALL, "small.toml", overrides).unwrap();
        assert_eq!(recipe.distill.unwrap().weight, 0.5);
    }
    let alone = error(SMALL, &["distill.teacher=a.onnx", "fit.epochs=3"]);
    assert!(alone.starts_with("--set distill.teacher=a.onnx: missing field `weight`"), "{alone}");
}

#[test]
fn a_wrong_override_is_shown() {
    assert!(error(SMALL, &["fit.epoch=3"]).starts_with("--set fit.epoch=3: unknown field"));
    assert!(error(SMALL, &["fit.epochs"]).contains("key.path=value"));
    assert!(error(SMALL, &["fit.epochs=0"]).starts_with("--set fit.epochs=0: `fit.epochs` is 0"));
}

#[test]
fn every_recipe_that_comes_with_the_program_is_a_good_one() {
    let folder = test_support::root().join("config/train");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        let recipe = Recipe::load(file, &[]).unwrap_or_else(|error| panic!("{error}"));
        assert!(crate::arch::names().contains(&recipe.network.arch.as_str()), "{}", file.display());
    }
    assert!(files.len() > 20);
}
