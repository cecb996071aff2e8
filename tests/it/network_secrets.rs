//! Logins, redirects and certificates of network sources, and their secrets, which nobody may see.

use crate::{
    common::{
        Scratch, data, ffmpeg,
        http_camera::{Client, HttpCamera, Request, Stream, answer, file, stream},
        rtsp_camera::{RtspCamera, Speaks},
        run, run_sources, text,
    },
    network::{children, is_state, portrait, portrait_camera, start, stop},
};
use std::{fs, io, net::TcpStream, sync::Arc, time::Duration};

/// A login that needs escapes in an address, but can be written without where it is clear.
const PASSWORD: &str = "p@ss:w#rd/x%";

/// Basic (RFC 7617), or Digest without `qop`, whose answer to a known nonce is always the same (RFC 2617, 3.2.2.1).
fn authorised(request: &Request, client: Client) -> io::Result<()> {
    let sent = request.header("authorization").unwrap_or_default().to_owned();
    let (wanted, challenge) = if request.target.starts_with("/digest") {
        // MD5(MD5(user:cam:PASSWORD) + ":7:" + MD5(GET:/digest?a=1))
        ("response=\"478fc21cb41e54daa4a0e721a7170aeb\"", "Digest realm=\"cam\", nonce=\"7\"")
    } else {
        ("Basic dXNlcjpwQHNzOncjcmQveCU=", "Basic realm=\"cam\"")
    };
    if sent.contains(wanted) {
        return stream(client, &portrait(), 10.0, usize::MAX);
    }
    answer(client, "401 Unauthorized", &[&format!("WWW-Authenticate: {challenge}")], b"")
}

#[test]
fn basic_and_digest_logins_are_answered_and_passwords_kept() {
    let scratch = Scratch::new();
    let camera = HttpCamera::start(authorised);
    let address = camera.address;
    let sources = format!(
        "[[source]]\nuri = \"http://user:{PASSWORD}@{address}/basic?token=s3cr3t#s3cr3t\"\n[[source]]\nuri = \"HTTP://user:p%40ss%3Aw%23rd%2Fx%25@{address}/digest?a=1\"\n"
    );
    let mut running = start(&scratch, &sources, &[]);
    running.wait_for(|event| event["state"] == "up");
    running.wait_for(|event| event["state"] == "up");
    let ran = stop(running);
    ran.complains_not();
    let shown = ran.stdout.clone() + &ran.stderr;
    assert!(shown.contains("/basic?token=*\""), "{shown}");
    for secret in ["ss:w", "rd/x", "p%40", "s3cr3t", "user"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }

    for (login, words) in
        [("", ["asks for a login", "USER:PASSWORD"]), ("user:wrong@", ["refuses", "password"])]
    {
        let ran = run_sources(&scratch.tiny(""), &[&format!("http://{login}{address}/basic")], &[]).exits(69);
        ran.complains_once(&words);
        assert!(!(ran.stdout + &ran.stderr).contains("wrong"));
    }
}

#[test]
fn a_redirect_to_another_host_does_not_get_the_login() {
    let scratch = Scratch::new();
    let other = HttpCamera::start(|request, client| {
        assert_eq!(request.header("authorization"), None);
        answer(client, "401 Unauthorized", &["WWW-Authenticate: Basic realm=\"evil\""], b"")
    });
    let target = format!("Location: {}", other.url("/x?token=s3cr3t"));
    let camera = HttpCamera::start(move |request, client| match request.target.as_str() {
        "/away" => answer(client, "302 Found", &[&target], b""),
        "/stay" => answer(client, "302 Found", &["Location: /basic"], b""),
        "/moved" => answer(client, "302 Found", &["Location: http://admin:s3cr3t@127.0.0.1:9/"], b""),
        "/loop" => answer(client, "302 Found", &["Location: /loop"], b""),
        _ => authorised(request, client),
    });
    let url = |path: &str| format!("http://user:{PASSWORD}@{}{path}", camera.address);
    let config = scratch.tiny("");
    for (path, word) in
        [("/away", "asks for a login"), ("/moved", "refused"), ("/loop", "redirects more than")]
    {
        let ran = run_sources(&config, &[&url(path)], &[]).exits(69);
        ran.complains_once(&[word]);
        assert!(!(ran.stdout + &ran.stderr).contains("s3cr3t"));
    }
    assert_eq!(other.requests().len(), 1);
    let mut running = start(&scratch, &format!("[[source]]\nuri = {:?}\n", url("/stay")), &[]);
    running.wait_for(|event| event["phase"] == "new");
    stop(running);
}

#[test]
fn no_secret_reaches_the_arguments_of_a_child_or_a_message() {
    let scratch = Scratch::new();
    let film = {
        let (portrait, path) = (text(&data("astronaut.jpg")), text(&scratch.path("a.mkv")));
        ffmpeg(&[
            "-loop",
            "1",
            "-framerate",
            "25",
            "-i",
            &portrait,
            "-frames:v",
            "5000",
            "-c:v",
            "mpeg4",
            &path,
        ]);
        fs::read(path).unwrap()
    };
    let camera = HttpCamera::start(move |request, client| file(request, client, "video/x-matroska", &film));
    let url = format!("http://user:s3cr3t1@{}/a.mkv?pwd=s3cr3t2", camera.address);
    let rtsp = RtspCamera::start(Speaks::Tcp, Duration::from_secs(600));
    let rtsp = format!("rtsp://user:s3cr3t3@{}/a", rtsp.address);
    let mut running =
        start(&scratch, &format!("[[source]]\nuri = {url:?}\n[[source]]\nuri = {rtsp:?}\n"), &[]);
    running.wait_for(|event| event["phase"] == "new");
    running.wait_for(|event| event["phase"] == "new");
    let lines = children(&running);
    assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("ffmpeg")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("s3cr3t") && !line.contains("127.0.0.1")), "{lines:?}");
    let ran = stop(running);
    assert!(!(ran.stdout + &ran.stderr).contains("s3cr3t"));

    let report = scratch.path("report.html");
    let config = scratch.tiny("");
    // Nobody serves them; and what nobody can read.
    for address in [
        "http://u:s3cr3t@127.0.0.1:9/user=s3cr3t?pwd=s3cr3t",
        "rtsp://u:s3cr3t@127.0.0.1:9/?token=s3cr3t",
        "rtmp://u:s3cr3t@127.0.0.1:9/live?s3cr3t",
        "gopher://u:s3cr3t@127.0.0.1:9/",
        "http://user:12/s3cr3t@cam/",
    ] {
        let quoted = scratch.file("quoted.toml", format!("[[source]]\nurl = {address:?}\n"));
        let bare = scratch.file("bare.toml", format!("source = {address:?}\n"));
        let right = scratch.tiny(&format!("[[source]]\nuri = {address:?}\n"));
        let events = run_sources(&config, &[address], &[]);
        let file = scratch.file("events.jsonl", &events.stdout);
        for ran in [
            events,
            run(&["check", "--config", &right]),
            run(&["run", "--config", &right]),
            run(&["run", "--config", &quoted]),
            run(&["run", "--config", &bare]),
            run(&["run", address]),
            run(&["report", &file, "--out", report.to_str().unwrap()]),
        ] {
            let shown = ran.stdout + &ran.stderr;
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        assert!(!fs::read_to_string(&report).unwrap_or_default().contains("s3cr3t"));
    }
}

#[test]
fn secrets_of_the_command_line_are_not_shown() {
    let scratch = Scratch::new();
    let (config, camera) = (scratch.tiny(""), portrait_camera());
    let address = camera.url("/?token=s3cr3t").replace("http://", "http://u:s3cr3t@");
    let program = format!("exec:sh -c 'cat {}' s3cr3t", text(&data("astronaut.jpg")));
    for source in [&address, &program] {
        for arguments in [vec!["--source".to_owned(), source.clone()], vec![format!("--source={source}")]] {
            let mut words = vec!["check", "--config", config.as_str()];
            words.extend(arguments.iter().map(String::as_str));
            let ran = run(&words).exits(0);
            assert!(ran.stdout.contains("start it with: emotiond run --config"), "{}", ran.stdout);
            assert!(!(ran.stdout + &ran.stderr).contains("s3cr3t"));
        }
        // A wrong command line.
        for wrong in [vec!["run", source.as_str()], vec!["run", "--detector", source]] {
            let ran = run(&wrong).exits(2);
            assert!(!ran.stderr.contains("s3cr3t") && ran.stdout.is_empty(), "{}", ran.stderr);
        }
    }
}

#[test]
fn schemes_are_known_or_refused_with_their_list() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    for unknown in ["gopher://host/a", "rtsps+x://host", "c://a.mp4", "httpx://host"] {
        let ran = run_sources(&config, &[unknown], &[]).exits(2);
        for known in ["rtsp://", "rtmps://", "srt://", "udp://", "tcp://", "rtp://", "https://", "file://"] {
            assert!(ran.stderr.contains(known), "{known}: {}", ran.stderr);
        }
    }
    let clear = run_sources(&config, &["http://user:a#b/c@d@cam/x@y"], &[]).exits(2);
    assert!(clear.stderr.contains("write %25 for %"), "{}", clear.stderr);
    let local = format!("FILE://{}", text(&data("astronaut.jpg")).replace('t', "%74"));
    assert_eq!(run_sources(&config, &[&local], &[]).exits(0).faces().len(), 1);
}

/// A server with a certificate that nobody has signed.
fn encrypted() -> HttpCamera {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let config = Arc::new(config);
    HttpCamera::serve(
        "127.0.0.1:0".parse().unwrap(),
        |_, client| stream(client, &portrait(), 10.0, 20),
        move |stream: TcpStream| -> Box<dyn Stream> {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(rustls::StreamOwned::new(connection, stream))
        },
    )
}

#[test]
fn a_certificate_that_nobody_signed_is_refused_unless_a_key_allows_it() {
    let scratch = Scratch::new();
    let camera = encrypted();
    let address = format!("https://localhost:{}/", camera.address.port());
    let ran = run_sources(&scratch.tiny(""), &[&address], &[]).exits(69);
    ran.complains_once(&["certificate", "tls_verify = false", "[[source]]"]);
    let sources = format!("[[source]]\nname = \"a\"\nuri = {address:?}\ntls_verify = false\n");
    let mut running = start(&scratch, &sources, &[]);
    // It ends after two seconds and is opened again.
    running.wait_for(is_state("a", "up"));
    running.wait_for(is_state("a", "up"));
    let ran = stop(running);
    let warned = ran.complaints().iter().filter(|line| line.contains("tls_verify = false")).count();
    assert_eq!(warned, 1, "{}", ran.stderr);
}
