//! Clients that mean harm, or are broken: they are refused, and others are served meanwhile.

use crate::common::{Answer, PATIENCE, Server, ask, face, source, status, wait_for};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

/// A request for the status with headers of one's own.
fn get_as(server: &Server, headers: &str) -> Answer {
    ask(server.address, &format!("GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"))
}

/// That a plain request is answered soon.
fn assert_serves(server: &Server) {
    let begin = Instant::now();
    assert_eq!(server.get("/api/v1/status").status, 200);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn names_of_other_machines_are_refused() {
    let server = Server::start();
    let port = server.address.port();
    for own in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", &format!("127.0.0.1:{port}")] {
        assert_eq!(get_as(&server, &format!("Host: {own}\r\n")).status, 200, "{own}");
    }
    for other in ["evil.example", "localhost.evil.example", "evil.localhost", "10.0.0.1", "127.0.0.1.nip.io"]
    {
        assert_eq!(get_as(&server, &format!("Host: {other}\r\n")).status, 421, "{other}");
    }
    for bad in ["", "Host: localhost\r\nHost: localhost\r\n", "Host: a b\r\n", "Host:\r\n"] {
        assert_eq!(get_as(&server, bad).status, 400, "{bad}");
    }
    let absolute = ask(
        server.address,
        "GET http://evil.example/api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(absolute.status, 400);
    // A health check without a name, which no browser sends.
    assert_eq!(ask(server.address, "GET /api/v1/status HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn other_pages_are_refused() {
    let mut server = Server::start();
    server.set_status(status(vec![source("lobby", "up", "")]));
    let address = server.address;
    for other in
        ["http://evil.example", "null", &format!("http://localhost:{}", address.port()), "http://127.0.0.1:1"]
    {
        let header = format!("Origin: {other}\r\n");
        assert_eq!(server.post("/api/v1/sources/lobby/pause", &header, "").status, 403, "{other}");
        assert_eq!(get_as(&server, &format!("Host: {address}\r\n{header}")).status, 403, "{other}");
    }
    let own = format!("Origin: http://{address}\r\n");
    assert_eq!(server.post("/api/v1/sources/lobby/pause", &own, "").status, 202);
    assert!(server.requests.try_recv().is_ok() && server.requests.try_recv().is_err());
}

#[test]
fn odd_paths_and_methods_are_refused() {
    let server = Server::start();
    for path in [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/style.css/..",
        "/index.js%00",
        "/api/v1",
        "/.git",
        "/health/",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "TRACE"] {
        let request =
            format!("{method} /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(ask(server.address, &request).status, 405, "{method}");
    }
    assert_eq!(ask(server.address, "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").status, 400);
    let policy = server.get("/").header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[test]
fn large_requests_are_refused() {
    let server = Server::start();
    let megabyte = "x".repeat(1 << 20);
    assert_eq!(get_as(&server, &format!("Host: localhost\r\nX-Long: {megabyte}\r\n")).status, 431);
    assert_eq!(get_as(&server, &format!("Host: localhost\r\n{}", "X-Many: 1\r\n".repeat(100))).status, 431);
    assert!([414, 431].contains(&server.get(&format!("/{megabyte}")).status));
    let json = "Content-Type: application/json\r\n";
    assert_eq!(server.post("/api/v1/markers", json, &format!(r#"{{"label":"{megabyte}"}}"#)).status, 413);
    assert_serves(&server);
}

#[test]
fn slow_requests_are_cut_off() {
    let server = Server::start();
    let begin = Instant::now();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut slow {
        write!(stream, "GET / HTTP/1.1\r\nHost: loc").unwrap();
    }
    let mut body = TcpStream::connect(server.address).unwrap();
    let head = "POST /api/v1/markers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    write!(body, "{head}Content-Length: 100\r\n\r\n{{").unwrap();
    assert_serves(&server);
    slow.push(body);
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn two_hundred_readers_get_everything_and_more_are_refused() {
    let mut server = Server::start();
    let mut readers: Vec<_> = (0..200).map(|_| server.listen("?types=face")).collect();
    for track in 0..100 {
        server.tell(&face("lobby", track, "new", "happy"));
    }
    for reader in &mut readers {
        for seq in 0..100 {
            assert!(reader.next().id.ends_with(&format!("-{seq}")));
        }
    }
    readers.extend((0..56).map(|_| server.listen("?types=face")));
    let refused = server.get("/api/v1/events");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    assert_serves(&server);
    readers.pop();
    let again = wait_for("a place", || {
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (head == *b"HTTP/1.1 200").then_some(stream)
    });
    drop(again);
}

#[test]
fn a_reader_that_never_reads_is_cut_off_and_delays_nobody() {
    let mut server = Server::start();
    let mut reader = TcpStream::connect(server.address).unwrap();
    write!(reader, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut begun = [0; 1];
    reader.read_exact(&mut begun).unwrap();
    let begin = Instant::now();
    let mut track = 0;
    // The kernel takes a few megabytes first. Nobody else is delayed meanwhile.
    let cut_off = loop {
        for _ in 0..200 {
            track += 1;
            server.tell(&face("lobby", track, "new", "happy"));
        }
        assert_serves(&server);
        // What is left can be read until the end; a reset is an end, too.
        if begin.elapsed() > Duration::from_secs(25) {
            let mut rest = vec![0; 1 << 20];
            reader.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            break loop {
                match reader.read(&mut rest) {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(error) => break error.kind() == std::io::ErrorKind::ConnectionReset,
                }
            };
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(cut_off, "the reader is still served");
}
