//! promtool and Prometheus read the metrics.

use crate::common::{Server, ask, free_address, source, status, wait_for};
use std::{
    fs,
    io::Write as _,
    process::{Child, Command, Stdio},
    sync::atomic::Ordering,
};

/// The names of the metrics that others rely on.
const NAMES: [&str; 18] = [
    "emotiond_build_info",
    "emotiond_frames_analysed_total",
    "emotiond_frames_skipped_total",
    "emotiond_frames_unreadable_total",
    "emotiond_source_up",
    "emotiond_recording_up",
    "emotiond_faces",
    "emotiond_emotion_ratio",
    "emotiond_latency_seconds_bucket",
    "emotiond_latency_seconds_sum",
    "emotiond_latency_seconds_count",
    "emotiond_output_up",
    "emotiond_output_queue",
    "emotiond_output_sent_total",
    "emotiond_output_dropped_total",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "emotiond_output_dropped_total{output=\"sender\"}",
];

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn busy_server() -> Server {
    let server = Server::start();
    server
        .set_status(status(vec![source("lobby", "up", ""), source("a \"quoted\" \\ name", "down", "away")]));
    let output = server.gauges.output("mqtt://broker");
    output.queued.store(7, Ordering::Relaxed);
    output.dropped.store(3, Ordering::Relaxed);
    server
}

#[test]
fn both_formats_contain_every_metric() {
    let server = busy_server();
    let openmetrics = ask(
        server.address,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n",
    );
    let classic = server.get("/metrics");
    assert!(
        openmetrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text; version=1.0.0")
    );
    assert!(openmetrics.body.ends_with("# EOF\n"));
    assert!(classic.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for page in [openmetrics.body, classic.body] {
        for name in NAMES {
            assert!(page.lines().any(|line| line.starts_with(name)), "{name} is missing:\n{page}");
        }
        assert!(page.contains("emotion=\"happy\"} 0.6\n"), "{page}");
        assert!(page.contains("emotiond_source_up{source=\"lobby\"} 1"), "{page}");
        // The formats order labels differently.
        for (bound, frames) in [("0.02", 900), ("+Inf", 1200)] {
            let is_it = |line: &&str| {
                line.starts_with("emotiond_latency_seconds_bucket{")
                    && line.contains(r#"source="lobby""#)
                    && line.contains(&format!(r#"le="{bound}""#))
            };
            let line = page.lines().find(is_it).unwrap();
            assert!(line.ends_with(&format!(" {frames}")), "{line}");
        }
    }
}

#[test]
fn promtool_finds_no_fault() {
    let page = busy_server().get("/metrics").body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing: run scripts/setup --tests");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
}

#[test]
fn prometheus_scrapes_the_server() {
    let server = busy_server();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let job = format!("  - job_name: emotiond\n    static_configs: [{{targets: ['{}']}}]\n", server.address);
    fs::write(&config, format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{job}")).unwrap();
    let listen = free_address();
    let _prometheus = Running(
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={listen}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is missing: run scripts/setup --tests"),
    );
    let query = |query: &str| {
        let request = format!(
            "GET /api/v1/query?query={query} HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n"
        );
        std::net::TcpStream::connect(listen).ok()?;
        let answer: serde_json::Value = serde_json::from_str(&ask(listen, &request).body).ok()?;
        Some(answer["data"]["result"].as_array()?.first()?["value"][1].as_str()?.to_owned())
    };
    wait_for("a scrape", || query("up").filter(|up| up == "1"));
    let value = |series: &str| wait_for(series, || query(series));
    assert_eq!(value("emotiond_faces{source=\"lobby\"}"), "3");
    assert_eq!(value("emotiond_frames_analysed_total{source=\"lobby\"}"), "1200");
    assert_eq!(
        value("histogram_quantile(0.5,emotiond_latency_seconds_bucket{source=\"lobby\"})"),
        "0.015714285714285715"
    );
    assert_eq!(value("emotiond_output_dropped_total{output=\"mqtt://broker\"}"), "3");
}
