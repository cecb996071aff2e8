//! Receives markers over OSC.

use super::packets;
use crate::{complaints::Complaints, hub::Hub, wire::Request};
use emotiond_core::backoff::Backoff;
use std::{convert::Infallible, future::pending, net::SocketAddr, time::Duration};
use tokio::{net::UdpSocket, time::sleep};

/// The largest packet that UDP carries.
const MOST_BYTES: usize = 64 * 1024;
/// The first and the longest pause before the port is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Asks the daemon for a marker with each message that arrives at `address`, for ever.
pub async fn listen(address: Option<SocketAddr>, hub: Hub, mut complaints: Complaints) -> Infallible {
    let Some(address) = address else { return pending().await };
    let mut pauses = Backoff::new(PAUSES.0, PAUSES.1);
    let mut packet = vec![0; MOST_BYTES];
    loop {
        let error = match UdpSocket::bind(address).await {
            Ok(socket) => {
                tracing::info!("OSC markers are received on {address}");
                loop {
                    match socket.recv(&mut packet).await {
                        Ok(bytes) => mark(&packet[..bytes], &hub, &mut complaints),
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        complaints.say(&format!(
            "OSC markers cannot be received on {address}: {error}; stop the other program or change listen"
        ));
        sleep(pauses.pause()).await;
    }
}

fn mark(packet: &[u8], hub: &Hub, complaints: &mut Complaints) {
    match packets::markers(packet) {
        Ok(markers) => {
            for marker in markers {
                if hub.ask(Request::Marker(marker)).is_err() {
                    complaints.say("a marker is left out: there is no daemon, or it is busy");
                }
            }
        }
        Err(reason) => complaints.say(&reason),
    }
}
