//! An OSC output: sends figures of faces and audience over UDP, and receives markers.

mod board;
mod listener;
mod packets;
mod slots;
mod values;

use crate::{
    address::{Address, AddressError, Receiver},
    complaints::Complaints,
    event::Event,
    gauges::{OutputGauge, Unusable},
    task::Task,
};
use emotiond_core::backoff::Backoff;
use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    net::{UdpSocket, lookup_host},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use values::Values;

/// The shortest time between two messages of an address: at most 30 a second.
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30 + 1);
/// How long after a refusal a receiver counts as absent: a refusal answers one of the packets before.
const ABSENT: Duration = Duration::from_secs(3);
/// The first and the longest pause before an address is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// An output at work.
struct Output {
    receiver: Receiver,
    events: mpsc::Receiver<Arc<Event>>,
    gauge: Arc<OutputGauge>,
    complaints: Complaints,
    end: watch::Receiver<Option<Instant>>,
    values: Values,
    /// Packets of markers that wait for a socket.
    markers: Vec<Vec<u8>>,
    has_ended: bool,
    /// When values may be sent again.
    due: Instant,
    refused: Option<Instant>,
}

/// Sends values until the events end.
///
/// # Errors
/// When the address is wrong.
pub async fn run(task: Task) -> Result<(), Unusable> {
    let Task { config, hub, events, gauge, end } = task;
    let Ok(Address::Osc(receiver)) = config.uri.parse() else {
        return Err(Unusable(AddressError::Osc.to_string()));
    };
    let mut output = Output {
        receiver,
        events,
        complaints: Complaints::new(Arc::clone(&gauge)),
        gauge: Arc::clone(&gauge),
        end,
        values: Values::new(config.kinds()),
        markers: Vec::new(),
        has_ended: false,
        due: Instant::now(),
        refused: None,
    };
    tokio::select! {
        () = output.run() => Ok(()),
        never = listener::listen(config.listen, hub, Complaints::new(gauge)) => match never {},
    }
}

impl Output {
    async fn run(&mut self) {
        let mut pauses = Backoff::new(PAUSES.0, PAUSES.1);
        while !self.has_ended {
            let receiver = self.receiver.clone();
            let failed = match self.meanwhile(open(&receiver)).await {
                None => return,
                Some(Ok(socket)) => {
                    pauses.restart();
                    self.complaints.connected();
                    self.send_over(&socket).await
                }
                Some(Err(error)) => Some(error),
            };
            let Some(error) = failed else { return };
            self.complaints
                .disconnected(&format!("cannot send to it: {error}; check the address and the network"));
            self.meanwhile(sleep(pauses.pause())).await;
        }
    }

    /// Waits for `future` and takes events meanwhile; none if they have ended.
    async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        loop {
            tokio::select! {
                outcome = &mut future => return Some(outcome),
                event = self.events.recv() => self.take(event.as_deref()),
                Ok(()) = self.end.changed() => self.has_ended = true,
            }
            if self.has_ended {
                return None;
            }
        }
    }

    /// Sends values as long as that works; returns what went wrong, or none at the end.
    async fn send_over(&mut self, socket: &UdpSocket) -> Option<io::Error> {
        loop {
            for packet in std::mem::take(&mut self.markers) {
                if let Err(error) = self.send(socket, &packet).await {
                    return Some(error);
                }
            }
            if self.has_ended {
                return None;
            }
            tokio::select! {
                // Lines that have come together are sent together.
                biased;
                event = self.events.recv() => self.take(event.as_deref()),
                () = sleep_until(self.due) => {
                    if let Err(error) = self.send_values(socket).await {
                        return Some(error);
                    }
                }
                Ok(()) = self.end.changed() => self.has_ended = true,
            }
            if self.has_ended {
                sleep_until(self.due).await;
                return self.send_values(socket).await.err();
            }
        }
    }

    fn take(&mut self, event: Option<&Event>) {
        match event {
            Some(event) => {
                let marker = self.values.take(event).and_then(packets::of_marker);
                self.markers.extend(marker);
            }
            None => self.has_ended = true,
        }
    }

    async fn send_values(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.due = Instant::now() + INTERVAL;
        for packet in packets::of_values(self.values.board.take_due(self.due.into_std())) {
            self.send(socket, &packet).await?;
        }
        Ok(())
    }

    /// Sends a packet. That nobody receives it is no failure: the receiver may be started later.
    async fn send(&mut self, socket: &UdpSocket, packet: &[u8]) -> io::Result<()> {
        match socket.send(packet).await {
            Ok(_) => _ = self.gauge.sent.fetch_add(1, Ordering::Relaxed),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                self.refused = Some(Instant::now());
                self.complaints.disconnected("nothing receives OSC at this address; start the receiver");
                self.gauge.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
        if self.refused.is_some_and(|refused| refused.elapsed() >= ABSENT) {
            self.refused = None;
            self.complaints.connected();
        }
        Ok(())
    }
}

/// A socket that sends to `receiver`, whose name may lead to another address each time.
async fn open(receiver: &Receiver) -> io::Result<UdpSocket> {
    let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((receiver.host.as_str(), receiver.port)).await? {
        let own: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(own).await?;
        // The address may be a broadcast address.
        socket.set_broadcast(true)?;
        match socket.connect(address).await {
            Ok(()) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
