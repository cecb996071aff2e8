//! Brokers of the system's packages (mosquitto, nats-server) on free ports, certificates for them, and a reader.

use super::{HANG, Running, Scratch, text, wait_until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// A port that nobody uses.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A broker; dropping it ends it.
pub struct Broker {
    pub port: u16,
    folder: Scratch,
    command: Vec<String>,
    process: Option<Child>,
}

impl Broker {
    /// mosquitto with `more` lines in its configuration. `{}` in them is the broker's folder.
    pub fn mosquitto(more: &str) -> Self {
        Self::mosquitto_on(free_port(), more)
    }

    /// The same on a certain port, not started.
    pub fn mosquitto_later(port: u16, more: &str) -> Self {
        let folder = Scratch::new();
        let place = text(&folder.path(""));
        let mut config = format!(
            "listener {port} 127.0.0.1\nuser root\npersistence true\npersistence_location {place}/\nmax_queued_messages 0\n{}\n",
            more.replace("{}", &place)
        );
        if !more.contains("allow_anonymous") {
            config += "allow_anonymous true\n";
        }
        let file = folder.file("mosquitto.conf", config);
        Self { port, folder, command: vec!["mosquitto".to_owned(), "-c".to_owned(), file], process: None }
    }

    pub fn mosquitto_on(port: u16, more: &str) -> Self {
        let mut broker = Self::mosquitto_later(port, more);
        broker.start();
        broker
    }

    /// nats-server with its MQTT listener.
    pub fn nats() -> Self {
        Self::nats_with("")
    }

    /// The same with `more` in the section of the listener.
    pub fn nats_with(more: &str) -> Self {
        let (port, folder) = (free_port(), Scratch::new());
        let config = format!(
            "server_name: test\nlisten: 127.0.0.1:{}\njetstream {{ store_dir: {:?} }}\nmqtt {{ listen: \"127.0.0.1:{port}\"\n{more} }}\n",
            free_port(),
            folder.path("store")
        );
        let file = folder.file("nats.conf", config);
        let mut broker = Self {
            port,
            folder,
            command: vec!["nats-server".to_owned(), "-c".to_owned(), file],
            process: None,
        };
        broker.start();
        broker
    }

    pub fn start(&mut self) {
        // Debian installs servers where only root's path leads.
        let path = format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default());
        let log = fs::File::create(self.folder.path("log")).unwrap();
        let process = Command::new(&self.command[0])
            .args(&self.command[1..])
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the broker is installed by scripts/setup --tests");
        self.process = Some(process);
        wait_until("the broker", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Ends it in order, so that it keeps what it has.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        process.wait().unwrap();
    }

    pub fn uri(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Publishes a message with mosquitto_pub.
    pub fn publish(&self, topic: &str, payload: &str, more: &[&str]) {
        let port = self.port.to_string();
        let status = Command::new("mosquitto_pub")
            .args(["-V", "311", "-p", &port, "-q", "1", "-t", topic, "-m", payload])
            .args(more)
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Reads all topics from now on. It gets what it misses while the broker restarts.
    pub fn reader(&self, more: &[&str]) -> Reader {
        let mut command = Command::new("mosquitto_sub");
        static READERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("reader-{}", READERS.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        command
            .args(["-V", "311", "-p", &port, "-q", "1", "-c", "-i", &name, "-t", "#", "-F", "%r %q %t %p"])
            .args(more)
            .stdin(Stdio::null());
        let mut reader = Reader { running: Running::start(command), messages: Vec::new() };
        wait_until("the reader", || {
            self.publish("probe", "1", more);
            // What was retained may come before the probe.
            while let Ok(line) = reader.running.lines.recv_timeout(Duration::from_millis(200)) {
                let message = Message::parse(&line);
                if message.topic == "probe" {
                    return Some(());
                }
                reader.keep(message);
            }
            None
        });
        reader
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A message that a reader got.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub retained: bool,
    pub qos: u8,
    pub topic: String,
    pub payload: String,
}

impl Message {
    fn parse(line: &str) -> Self {
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (retained, qos, topic, payload) = (part() == "1", part().parse().unwrap(), part(), part());
        Self { retained, qos, topic, payload }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|error| panic!("{error}: {}", self.payload))
    }
}

/// mosquitto_sub.
pub struct Reader {
    running: Running,
    /// What came so far.
    pub messages: Vec<Message>,
}

impl Reader {
    fn keep(&mut self, message: Message) {
        // NATS also shows its own topics.
        if message.topic != "probe" && !message.topic.starts_with('$') {
            self.messages.push(message);
        }
    }

    /// Waits until a message fits that came now or before.
    #[track_caller]
    pub fn wait_for(&mut self, fits: impl Fn(&Message) -> bool) -> Message {
        let deadline = Instant::now() + HANG;
        let mut seen = 0;
        loop {
            if let Some(message) = self.messages[seen..].iter().find(|message| fits(message)) {
                return message.clone();
            }
            seen = self.messages.len();
            let patience = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.running.lines.recv_timeout(patience) else {
                let mut all = String::new();
                self.messages.iter().for_each(|message| _ = writeln!(all, "{message:?}"));
                panic!("the message that was waited for did not come; there were\n{all}");
            };
            self.keep(Message::parse(&line));
        }
    }

    /// Waits for a message of `topic` with `payload`.
    #[track_caller]
    pub fn wait_for_text(&mut self, topic: &str, payload: &str) -> Message {
        self.wait_for(|message| message.topic == topic && message.payload == payload)
    }

    /// The numbers of the events so far, in order; a repeated one counts once.
    pub fn seqs(&self, run: &str) -> Vec<u64> {
        let mut seqs: Vec<u64> = Vec::new();
        for message in self.messages.iter().filter(|message| message.payload.contains("\"seq\":")) {
            let event = message.json();
            let seq = event["seq"].as_u64().unwrap();
            if event["run"] == run && !seqs.contains(&seq) {
                seqs.push(seq);
            }
        }
        seqs
    }
}

/// An authority that signs certificates for tests.
pub struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let certificate = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), certificate)
    }

    /// Writes the authority's certificate.
    pub fn write(&self, scratch: &Scratch, name: &str) -> String {
        scratch.file(name, &self.1)
    }

    /// Writes a certificate for `host` and its key, valid until the first day of a year.
    pub fn sign(&self, scratch: &Scratch, name: &str, host: &str, until: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, host);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        (
            scratch.file(&format!("{name}.pem"), certificate),
            scratch.file(&format!("{name}.key"), key.serialize_pem()),
        )
    }
}

/// The lines of configuration for a listener with TLS.
pub fn tls_lines(certificate: &(String, String), ca_of_clients: Option<&str>) -> String {
    let mut lines = format!("certfile {}\nkeyfile {}\n", certificate.0, certificate.1);
    if let Some(ca) = ca_of_clients {
        let _ = writeln!(lines, "cafile {ca}\nrequire_certificate true");
    }
    lines
}

/// The files of a folder that wait in a spool, as lines.
pub fn spooled(folder: &Path) -> usize {
    let Ok(outputs) = fs::read_dir(folder) else { return 0 };
    let files = outputs.flatten().flat_map(|output| fs::read_dir(output.path()).unwrap().flatten());
    let is_record = |path: &Path| path.extension().is_some_and(|extension| extension == "jsonl");
    let paths = files.map(|file| file.path()).filter(|path| is_record(path));
    paths.map(|path| fs::read_to_string(path).unwrap().lines().count()).sum()
}
