//! A small HTTP server on loopback that sends what a test tells it to, as cameras of the field do.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A request.
pub struct Request {
    /// Path and query.
    pub target: String,
    head: String,
    /// Number of the request, from 0.
    pub number: usize,
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(key, _)| key.to_ascii_lowercase() == name).map(|(_, value)| value.trim())
    }
}

/// A connection to a client; writing fails once either side has closed it.
pub type Client<'a> = &'a mut dyn Write;

/// A server; dropping it closes all its connections.
pub struct HttpCamera {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    ends: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl HttpCamera {
    /// Serves each connection with `answer`, in a thread, and closes it afterwards.
    pub fn start(answer: impl Fn(&Request, Client) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), answer)
    }

    /// The same at a known address.
    pub fn start_at(
        address: SocketAddr,
        answer: impl Fn(&Request, Client) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(address, answer, |stream| Box::new(stream))
    }

    /// The same over TLS; `wrap` does the handshake.
    pub fn serve(
        address: SocketAddr,
        answer: impl Fn(&Request, Client) -> std::io::Result<()> + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, open) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<TcpStream>>>::default());
        let ends = Arc::new(AtomicBool::new(false));
        let (seen, streams, told) = (Arc::clone(&requests), Arc::clone(&open), Arc::clone(&ends));
        let shared = Arc::new((answer, wrap));
        let listener = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let (shared, seen) = (Arc::clone(&shared), Arc::clone(&seen));
                thread::spawn(move || {
                    let mut stream = (shared.1)(stream);
                    let Some(head) = read_head(&mut *stream) else { return };
                    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(head.clone());
                        seen.len() - 1
                    };
                    // The client may go away at any time.
                    let _ = (shared.0)(&Request { target, head, number }, &mut stream);
                    let _ = stream.flush();
                    stream.close();
                });
            }
        });
        Self { address, requests, open, ends, listener: Some(listener) }
    }

    /// An address on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for HttpCamera {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // Wakes the listener, which then closes its socket.
        let _ = TcpStream::connect(self.address);
        let _ = self.listener.take().unwrap().join();
        for stream in self.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A connection, plain or encrypted.
pub trait Stream: Read + Write {
    /// Closes it after the last byte.
    fn close(&mut self);
}

impl Stream for TcpStream {
    fn close(&mut self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Stream for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn close(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
        let _ = self.sock.shutdown(Shutdown::Both);
    }
}

fn read_head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Sends an answer with a status line such as `200 OK` and header lines.
pub fn answer(client: Client, status: &str, headers: &[&str], body: &[u8]) -> std::io::Result<()> {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    write!(
        client,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    client.write_all(body)
}

/// Sends the head of an answer whose end is the end of the connection.
pub fn begin(client: Client, kind: &str) -> std::io::Result<()> {
    write!(client, "HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n")
}

/// Sends one part of a multipart stream.
pub fn part(client: Client, picture: &[u8]) -> std::io::Result<()> {
    write!(client, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len())?;
    client.write_all(picture)?;
    client.write_all(b"\r\n")
}

/// Sends `count` pictures at a steady rate as a multipart stream.
pub fn stream(client: Client, picture: &[u8], fps: f64, count: usize) -> std::io::Result<()> {
    begin(client, "multipart/x-mixed-replace; boundary=frame")?;
    let start = Instant::now();
    for number in 0..count {
        let due = start + Duration::from_secs_f64(number as f64 / fps);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        part(client, picture)?;
    }
    Ok(())
}

/// Sends a file, or the range of it that is asked for.
pub fn file(request: &Request, client: Client, kind: &str, bytes: &[u8]) -> std::io::Result<()> {
    let kind = format!("Content-Type: {kind}");
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return answer(client, "200 OK", &[&kind, "Accept-Ranges: bytes"], bytes);
    };
    let first = first.parse::<usize>().unwrap().min(bytes.len());
    let end = last.parse::<usize>().map_or(bytes.len(), |last| bytes.len().min(last + 1));
    let range = format!("Content-Range: bytes {first}-{}/{}", end.saturating_sub(1), bytes.len());
    answer(client, "206 Partial Content", &[&kind, "Accept-Ranges: bytes", &range], &bytes[first..end])
}
