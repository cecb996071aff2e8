//! Finds the SeetaFace model inside rustface's package, so that the binary can embed it.

use std::{env, fs, path::PathBuf, process::Command};

const MODEL: &str = "seeta_fd_frontal_v1.0.bin";

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let cargo = env::var("CARGO").expect("cargo sets CARGO");
    // Of other platforms' packages, not all are downloaded.
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &target])
        .current_dir(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "rustface")
        .and_then(|package| package["manifest_path"].as_str())
        .expect("rustface is a dependency");
    let model = PathBuf::from(manifest).with_file_name("model").join(MODEL);
    let target = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join(MODEL);
    fs::copy(&model, &target).unwrap_or_else(|fault| panic!("{}: {fault}", model.display()));
}
