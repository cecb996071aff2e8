//! A real browser: Debian's chromium, driven through chromedriver by the WebDriver protocol.

use crate::common::{free_address, wait_for};
use serde_json::{Value, json};
use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};
use ureq::Agent;

/// A browser with one page.
pub struct Browser {
    driver: Child,
    session: String,
    agent: Agent,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one of this width and height, with the light or the dark theme.
    pub fn start(width: u32, height: u32, theme: &str) -> Self {
        let port = free_address().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: run scripts/setup --tests");
        let agent =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        let profile = tempfile::tempdir().unwrap();
        let root = format!("http://127.0.0.1:{port}");
        let mut browser = Self { driver, session: root, agent: agent.build().into(), _profile: profile };
        wait_for("chromedriver", || browser.agent.get(format!("{}/status", browser.session)).call().ok());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            // Otherwise heap figures are rounded.
            "--enable-precise-memory-info",
            "--js-flags=--expose-gc",
            &format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let options = json!({ "args": arguments });
        let wish = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let told = browser.post("/session", &json!({ "capabilities": { "alwaysMatch": wish } }));
        browser.session += &format!("/session/{}", told["sessionId"].as_str().unwrap());
        browser.resize(width, height);
        browser.theme(theme);
        browser
    }

    /// Opens an address.
    pub fn open(&self, address: &str) {
        self.post("/url", &json!({ "url": address }));
    }

    /// Runs the body of a function; returns what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until the body of a function returns `true`.
    pub fn until(&self, script: &str) {
        wait_for(script, || (self.run(script) == true).then_some(()));
    }

    /// Presses keys where the focus is.
    pub fn press(&self, keys: &str) {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })));
        let source = json!({ "type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>() });
        self.post("/actions", &json!({ "actions": [source] }));
    }

    /// Changes the size of the page.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Changes the theme: `light` or `dark`.
    pub fn theme(&self, theme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": theme });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// Bytes of the page's live objects.
    pub fn heap_bytes(&self) -> f64 {
        self.devtools("HeapProfiler.collectGarbage", &json!({}));
        self.run("gc(); return performance.memory.usedJSHeapSize").as_f64().unwrap()
    }

    /// What the browser complained of: errors of scripts, and what the page's policy forbids.
    pub fn complaints(&self) -> Vec<String> {
        let lines = self.post("/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Calls a function of DevTools.
    fn devtools(&self, name: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request =
            self.agent.post(format!("{}{path}", self.session)).header("content-type", "application/json");
        let text = request.send(body.to_string()).unwrap().body_mut().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path} {body}: {text}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends chromium.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
