//! A small RTSP server on loopback (RFC 2326) that shows the portrait. ffmpeg makes its packets.

use super::{data, text};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Which transport the server accepts.
#[derive(Clone, Copy, PartialEq)]
pub enum Speaks {
    Tcp,
    Udp,
}

/// A server; it lives until the test ends.
pub struct RtspCamera {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RtspCamera {
    /// Each connection over TCP is closed after `length`.
    pub fn start(speaks: Speaks, length: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, speaks, length, &seen));
            }
        });
        Self { address, requests }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// ffmpeg, which sends the portrait to a UDP port; dropping it kills it.
struct Sender(Child);

impl Sender {
    fn start(port: u16) -> Self {
        let portrait = text(&data("astronaut.jpg"));
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "quiet", "-nostdin", "-re", "-loop", "1", "-framerate", "10", "-i", &portrait]);
        command.args(["-c:v", "mpeg4", "-q:v", "3", "-g", "5", "-f", "rtp"]);
        command.arg(format!("rtp://127.0.0.1:{port}?pkt_size=1200"));
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(stream: TcpStream, speaks: Speaks, length: Duration, seen: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut stream = stream;
    let mut client_port = 0;
    let mut sender = None;
    loop {
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let Some(first) = head.first().cloned() else { return };
        seen.lock().unwrap().push(head.join("\n"));
        let header = |name: &str| {
            let found = head.iter().find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().trim_start_matches(": ").to_owned()
        };
        let number = header("CSeq");
        let mut reply = |status: &str, headers: &str, body: &str| {
            let length = body.len();
            let head = format!("RTSP/1.0 {status}\r\nCSeq: {number}\r\nSession: 1\r\n{headers}");
            write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").is_ok()
        };
        let transport = header("Transport");
        let is_well = match first.split(' ').next().unwrap_or_default() {
            "OPTIONS" => reply("200 OK", "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", ""),
            "DESCRIBE" => {
                let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=portrait\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=control:1\r\n";
                reply("200 OK", "Content-Type: application/sdp\r\n", sdp)
            }
            "SETUP" if transport.contains("TCP") != (speaks == Speaks::Tcp) => {
                reply("461 Unsupported Transport", "", "")
            }
            "SETUP" => {
                let ports = transport.split("client_port=").nth(1).unwrap_or_default();
                client_port = ports.split('-').next().unwrap().parse().unwrap_or(0);
                let more = if speaks == Speaks::Udp { ";server_port=6970-6971" } else { "" };
                reply("200 OK", &format!("Transport: {transport}{more}\r\n"), "")
            }
            "PLAY" => {
                let is_well = reply("200 OK", "", "");
                if speaks == Speaks::Tcp {
                    interleave(stream, length);
                    return;
                }
                sender = Some(Sender::start(client_port));
                is_well
            }
            _ => reply("200 OK", "", ""),
        };
        if !is_well {
            drop(sender);
            return;
        }
    }
}

/// Sends the packets over the connection itself, then closes it.
fn interleave(mut stream: TcpStream, length: Duration) {
    let packets = UdpSocket::bind("127.0.0.1:0").unwrap();
    packets.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _sender = Sender::start(packets.local_addr().unwrap().port());
    let mut buffer = [0; 2048];
    let mut until = None;
    while until.is_none_or(|until| Instant::now() < until) {
        let Ok(count) = packets.recv(&mut buffer) else { return };
        until.get_or_insert(Instant::now() + length);
        let head = [b'$', 0, (count >> 8) as u8, count as u8];
        if stream.write_all(&[&head[..], &buffer[..count]].concat()).is_err() {
            return;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}
