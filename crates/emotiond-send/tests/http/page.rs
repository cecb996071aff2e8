//! The page in a real browser, with a scripted feed.

use crate::{
    browser::Browser,
    common::{Server, face, free_address, source, state, status},
};
use emotiond_send::wire::{Marker, MarkerKind, Request};
use std::{
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const PORTRAIT: &[u8] = include_bytes!("../../../../src/commands/bench/portrait.jpg");

/// A server whose status arrives every second, as the daemon sends it.
struct Live {
    server: Arc<Mutex<Server>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    fn start(server: Server) -> Self {
        let (server, stop) = (Arc::new(Mutex::new(server)), Arc::new(AtomicBool::new(false)));
        let (its_server, its_stop) = (Arc::clone(&server), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let begin = Instant::now();
            while !its_stop.load(Ordering::Relaxed) {
                let mut now =
                    status(vec![source("lobby", "up", ""), source("yard", "down", "it was unplugged")]);
                now.uptime_s = 4000.0 + begin.elapsed().as_secs_f64();
                now.sources[0].analysed = (begin.elapsed().as_secs_f64() * 30.0) as u64;
                let server = its_server.lock().unwrap();
                server.set_status(now);
                server.pictures.put("lobby", PORTRAIT.to_vec());
                drop(server);
                thread::sleep(Duration::from_secs(1));
            }
        });
        Self { server, stop, thread: Some(thread) }
    }

    fn tell(&self, line: &str) {
        self.server.lock().unwrap().tell(line);
    }

    fn address(&self) -> String {
        format!("http://{}", self.server.lock().unwrap().address)
    }

    /// Statuses cease, as if the daemon hung.
    fn silence(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Script: the text of what a selector finds.
fn text(selector: &str) -> String {
    format!("document.querySelector('{selector}')?.textContent")
}

#[test]
fn the_page_shows_sources_faces_and_health_and_follows_them() {
    let live = Live::start(Server::start());
    live.tell(&face("lobby", 7, "new", "happy"));
    live.server.lock().unwrap().gauges.output("mqtt://broker").queued.store(5, Ordering::Relaxed);
    let browser = Browser::start(1440, 900, "dark");
    browser.open(&live.address());
    let is = |selector: &str, expected: &str| {
        browser.until(&format!("return {} === {expected:?}", text(selector)));
    };

    // A face that was there before the page.
    is(".tile .label", "happy");
    is(".source .name", "lobby");
    is(".source .state", "up");
    is(".source .faces", "3");
    is(".source .dominant", "happy");
    is("#link", "live");
    is("#verdict", "1 problem");
    is("#findings .problem", "source yard is down: it was unplugged");
    is("#outputs .name", "mqtt://broker");
    is("#version", "0.1.0");
    browser.until("return /^1 h 6 min/.test(document.querySelector('#uptime').textContent)");
    browser
        .until("return /^(29|30|31)(\\.\\d)? frames\\/s/.test(document.querySelector('.rate').textContent)");
    let shares = browser.run(
        "return [...document.querySelectorAll('.source:first-of-type .legend li')].map(li => li.textContent)",
    );
    assert_eq!(shares, serde_json::json!(["angry5\u{202f}%", "happy60\u{202f}%", "neutral35\u{202f}%"]));
    // The box lies where the picture's is.
    let place = browser.run(
        "const box = document.querySelector('.tile').getBoundingClientRect(), view = document.querySelector('.picture').getBoundingClientRect();
         return [box.left - view.left, box.top - view.top, box.width].map((at, side) => at / (side === 1 ? view.height : view.width))",
    );
    for (at, expected) in place.as_array().unwrap().iter().zip([100.0 / 640.0, 80.0 / 480.0, 96.0 / 640.0]) {
        assert!((at.as_f64().unwrap() - expected).abs() < 0.005, "{place}");
    }

    // Faces come, change and go.
    live.tell(&face("lobby", 8, "new", "sad"));
    browser.until("return document.querySelectorAll('.tile').length === 2");
    live.tell(&face("lobby", 8, "update", "surprise"));
    browser.until("return [...document.querySelectorAll('.tile .label')].map(label => label.textContent).join() === 'happy,surprise'");
    live.tell(&face("lobby", 7, "end", "happy"));
    browser.until("return document.querySelectorAll('.tile').length === 1");
    live.tell(&state("lobby", "down", "unplugged"));
    browser.until("return document.querySelectorAll('.tile').length === 0");
    // The strip has colour. A copy is read, because Chromium complains about canvases that are read several times.
    browser.until(
        "const strip = document.querySelector('.strip'), canvas = document.createElement('canvas');
         const copy = canvas.getContext('2d', { willReadFrequently: true });
         copy.drawImage(strip, strip.width - 8, strip.height / 2, 1, 1, 0, 0, 1, 1);
         const [r, g, b] = copy.getImageData(0, 0, 1, 1).data;
         return r > 200 && g > 200 && b < 120",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_marker_is_set_with_the_keyboard() {
    for view in ["/", "/stage"] {
        let live = Live::start(Server::start());
        let browser = Browser::start(1024, 768, "light");
        browser.open(&(live.address() + view));
        browser.until("return document.querySelector('#link').textContent === 'live'");
        browser.press("m");
        browser.until(
            "return document.querySelector('#marker').open && document.activeElement.id === 'marker-label'",
        );
        browser.press("Moon\u{e007}");
        browser.until("return document.querySelector('#toast').textContent === 'Marker set: Moon'");
        let asked = live.server.lock().unwrap().requests.blocking_recv().unwrap();
        assert_eq!(asked, Request::Marker(Marker { kind: MarkerKind::Cue, label: "Moon".to_owned() }));
        live.tell(r#"{"v":1,"type":"marker","time":"2026-11-26T08:00:00.000Z","kind":"cue","label":"Moon"}"#);
        browser.until("return /Moon/.test(document.querySelector('#markers, #last-marker').textContent)");
        // Escape sets none.
        browser.press("m\u{e00c}");
        browser.until("return !document.querySelector('#marker').open");
        assert!(live.server.lock().unwrap().requests.try_recv().is_err());
    }
}

#[test]
fn pausing_asks_the_daemon() {
    let live = Live::start(Server::start());
    let browser = Browser::start(1024, 768, "light");
    browser.open(&live.address());
    browser.until("return document.querySelector('.source .pause')?.textContent === 'Pause'");
    browser.run("document.querySelector('.source .pause').click()");
    let asked = live.server.lock().unwrap().requests.blocking_recv().unwrap();
    assert_eq!(asked, Request::Pause { source: "lobby".to_owned() });
}

#[test]
fn the_picture_is_shown_on_request_and_only_then_streamed() {
    let live = Live::start(Server::start());
    let browser = Browser::start(1024, 768, "light");
    browser.open(&live.address());
    let click = "document.querySelector('.source .watch').click()";
    browser.until("return document.querySelector('.source .watch')?.hidden === false");
    browser.run(click);
    browser.until("return document.querySelector('.source .live').naturalWidth === 512");
    assert_eq!(live.server.lock().unwrap().watched(), ["lobby"]);
    browser.until("return document.querySelector('.source .watch').textContent === 'Hide picture'");
    browser.run(click);
    assert!(live.server.lock().unwrap().watched().is_empty());
    browser.until("return document.querySelector('.source .live').hidden");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn old_data_are_said_to_be_old_and_the_page_comes_back() {
    let address = free_address();
    let mut live = Live::start(Server::start_with(address, None));
    live.tell(&face("lobby", 7, "new", "happy"));
    let browser = Browser::start(1024, 768, "dark");
    browser.open(&live.address());
    browser.until("return document.querySelectorAll('.tile').length === 1");
    browser.until("return document.querySelector('#banner').hidden");
    // The daemon hangs.
    live.silence();
    browser.until("return /^Old data, from \\d/.test(document.querySelector('#banner').textContent) && !document.querySelector('#banner').hidden");
    // The server ends, and another one begins: the old face is gone.
    drop(live);
    browser.until(
        "return /connection to the device is lost/.test(document.querySelector('#banner').textContent)",
    );
    let live = Live::start(Server::start_with(address, None));
    browser.until("return document.querySelector('#link').textContent === 'live' && document.querySelector('#banner').hidden");
    browser.until("return document.querySelectorAll('.tile').length === 0");
    live.tell(&face("lobby", 1, "new", "sad"));
    browser.until("return document.querySelector('.tile .label')?.textContent === 'sad'");
}

#[test]
fn ten_thousand_events_leave_memory_and_speed_as_they_were() {
    let live = Live::start(Server::start());
    let browser = Browser::start(1440, 900, "dark");
    browser.open(&live.address());
    browser.until("return document.querySelector('#link').textContent === 'live'");
    let play = |seconds: u64| {
        let begin = Instant::now();
        // 1,000 events a second: six times ten thousand a minute.
        for tick in 0..seconds * 100 {
            for track in 0..10 {
                let phase = match tick % 50 {
                    0 => "new",
                    49 => "end",
                    _ => "update",
                };
                live.tell(&face("lobby", (tick / 50) as u32 * 10 + track, phase, "happy"));
            }
            thread::sleep(
                (begin + Duration::from_millis(tick * 10)).saturating_duration_since(Instant::now()),
            );
        }
    };
    play(5);
    let before = browser.heap_bytes();
    browser.run("window.longest = 0; new PerformanceObserver(list => list.getEntries().forEach(task => longest = Math.max(longest, task.duration))).observe({ type: 'longtask' })");
    play(20);
    let after = browser.heap_bytes();
    // All of it has arrived: every face has ended.
    browser.until("return document.querySelectorAll('.tile').length === 0");
    println!(
        "heap: {before} bytes, after 20,000 events: {after} bytes; longest task: {} ms",
        browser.run("return longest")
    );
    assert!(after < before + 1.5e6, "{before} bytes, then {after}");
    browser.until("return document.querySelector('#link').textContent === 'live'");
}

/// Script: the texts that are hard to read, and the controls without a name.
const CHECKS: &str = r"
    const channels = color => color.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
            if (a === 1) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const faults = [];
    for (const element of document.querySelectorAll('body *')) {
        const written = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        const style = getComputedStyle(element);
        if (written && element.checkVisibility() && style.fontSize !== '0px') {
            const [ink, paper] = [light(channels(style.color)), light(ground(element))];
            const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
            const large = parseFloat(style.fontSize) >= 24;
            if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 90)}`);
        }
    }
    for (const control of document.querySelectorAll('button, a, input, select, dialog, [role=img], img')) {
        const name = control.getAttribute('aria-label') || control.textContent.trim() || control.labels?.length
            || control.getAttribute('alt') != null || document.getElementById(control.getAttribute('aria-labelledby'))?.textContent;
        if (!name) faults.push(`no name: ${control.outerHTML.slice(0, 90)}`);
        if (control.tabIndex > 0) faults.push(`order of focus: ${control.outerHTML.slice(0, 90)}`);
    }
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    if (new Set(ids).size < ids.length) faults.push(`an id stands twice: ${ids}`);
    if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the window: ${document.documentElement.scrollWidth}`);
    if (!document.documentElement.lang || !document.title || !document.querySelector('main')) faults.push('no language, title or main');
    return faults";

#[test]
fn everybody_can_read_and_use_the_page() {
    let live = Live::start(Server::start());
    live.tell(&face("lobby", 7, "new", "happy"));
    live.tell(&face("lobby", 8, "new", "fear"));
    live.tell(r#"{"v":1,"type":"marker","time":"2026-11-26T08:00:00.000Z","kind":"cue","label":"Act 2"}"#);
    live.server
        .lock()
        .unwrap()
        .gauges
        .output("mqtt://broker.with.a.rather.long.name.example:1883")
        .connected
        .store(true, Ordering::Relaxed);
    let browser = Browser::start(1440, 900, "light");
    for view in ["/", "/stage", "/login"] {
        for (width, height) in [(1440, 900), (390, 844)] {
            for theme in ["light", "dark"] {
                browser.resize(width, height);
                browser.theme(theme);
                browser.open(&(live.address() + view));
                if view != "/login" {
                    browser.until("return document.querySelectorAll('.legend li').length >= 3");
                }
                let faults = browser.run(CHECKS);
                assert_eq!(faults, serde_json::json!([]), "{view} {width} {theme}");
            }
        }
    }
    browser.open(&live.address());
    browser.until("return document.querySelector('#link').textContent === 'live'");
    browser.run("document.getElementById('mark').click()");
    assert_eq!(browser.run(CHECKS), serde_json::json!([]), "the dialog");
}

#[test]
fn the_stage_adds_up_the_sources() {
    let server = Server::start();
    let mut sources = vec![source("stalls", "up", ""), source("balcony", "up", "")];
    sources[1].faces = Some(9);
    sources[1].emotions = Some([("sad".to_owned(), 1.0)].into());
    server.set_status(status(sources));
    let browser = Browser::start(1440, 810, "dark");
    browser.open(&format!("http://{}/stage", server.address));
    browser.until("return document.querySelector('#faces').textContent === '12'");
    assert_eq!(browser.run("return document.querySelector('#dominant').textContent"), "sad");
    assert_eq!(
        browser.run("return document.querySelector('#dominant-share').textContent"),
        "75\u{202f}% of the last seconds"
    );
    browser.open(&format!("http://{}/stage#stalls", server.address));
    browser.run("location.reload()");
    browser.until("return document.querySelector('#faces').textContent === '3' && document.querySelector('#dominant').textContent === 'happy'");
    // Readable from three metres: a letter of 4 cm on a screen of 14 inches is 160 pixels high.
    let height =
        browser.run("return parseFloat(getComputedStyle(document.querySelector('#dominant')).fontSize)");
    assert!(height.as_f64().unwrap() > 150.0, "{height}");
}

#[test]
fn without_a_source_the_page_helps() {
    let server = Server::start();
    let browser = Browser::start(1024, 768, "light");
    browser.open(&format!("http://{}/", server.address));
    browser.until("return document.querySelector('#empty h2').textContent === 'Waiting for the daemon'");
    server.set_status(status(vec![]));
    browser.until("return document.querySelector('#empty h2').textContent === 'No source yet'");
    let mut lonely = source("lobby", "up", "");
    (lonely.faces, lonely.emotions, lonely.dominant) = (Some(0), None, None);
    server.set_status(status(vec![lonely]));
    browser.until("return /^No face yet/.test(document.querySelector('.picture .hint')?.textContent)");
    server.set_status(status(vec![source("lobby", "down", "it was unplugged")]));
    browser.until("return document.querySelector('.reason').textContent === 'Source down: it was unplugged'");
}

#[test]
fn the_form_takes_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    writeln!(std::fs::File::create(&file).unwrap(), "correct-horse-battery").unwrap();
    let live = Live::start(Server::start_with(free_address(), Some(file)));
    let browser = Browser::start(1024, 768, "dark");
    browser.open(&(live.address() + "/stage"));
    browser.until("return location.pathname === '/login' && document.activeElement.id === 'token'");
    browser.press("wrong-horse-battery\u{e007}");
    browser.until("return !!document.querySelector('.problem')?.checkVisibility()");
    browser.until("return document.activeElement?.id === 'token'");
    browser.press("correct-horse-battery\u{e007}");
    browser.until("return document.querySelector('#link')?.textContent === 'live'");
    assert_eq!(browser.run("return document.cookie"), "");
}
