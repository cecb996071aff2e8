//! ONNX Runtime's telemetry stays off in programs that use the library, such as this test.

use crate::common::{Scratch, finish, isolate};
use emotiond_core::runtime::{Runtime, RuntimeConfig};
use std::{env, fs, process::Command};

/// Run by the test below in a separate process.
#[test]
fn load() {
    Runtime::load(&RuntimeConfig::default()).unwrap();
}

#[test]
fn a_program_that_loads_the_runtime_leaves_nothing_in_its_users_home() {
    let scratch = Scratch::new();
    let library = Runtime::load(&RuntimeConfig::default()).unwrap().library().to_owned();
    let home = scratch.path("home");
    fs::create_dir(&home).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "telemetry::load"]);
    isolate(&mut command);
    command.env("HOME", &home).env("ORT_DYLIB_PATH", library);
    // On CI machines, the runtime disables its telemetry by itself.
    for variable in ["CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"] {
        command.env_remove(variable);
    }
    let ran = finish(command).exits(0);
    assert!(ran.stdout.contains("1 passed"), "{}", ran.stdout);
    let left: Vec<_> = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
