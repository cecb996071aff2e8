//! A connection to a broker, and the messages that are under way on it.
//!
//! rumqttc drives the connection in a task of its own and would also reconnect. But then messages would wait in two
//! places; so a lost connection ends here, and the next one sends again what the spool still holds.

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish,
    PublishOptions, QoS, SubAck, SubscribeFilter,
};
use std::{collections::VecDeque, pin::Pin};
use tokio::{sync::mpsc, task::JoinHandle};

/// Seconds until an attempt to connect fails.
const CONNECT_S: u64 = 10;
/// Messages for rumqttc that wait until it writes them.
const REQUESTS: usize = 2048;
/// Messages that are under way at most.
const UNDER_WAY: usize = 1024;
/// Messages from the broker that wait; further ones are dropped.
const INCOMING: usize = 64;

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A record of the spool.
    Record,
    /// Something else.
    Other,
}

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A message under way; it tells whether it has arrived.
pub type UnderWay = VecDeque<(Sent, Waiting<bool>)>;

/// A connection.
pub struct Link {
    client: AsyncClient,
    /// Messages from the broker.
    pub incoming: mpsc::Receiver<Publish>,
    /// Ends with the connection, and tells why.
    pub driver: JoinHandle<ConnectionError>,
    /// In the order in which they were sent.
    pub under_way: UnderWay,
    /// The answer to the subscription.
    pub subscription: Option<Waiting<Option<SubAck>>>,
}

impl Link {
    /// Connects.
    pub async fn open(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, mut events) = AsyncClient::builder(options).capacity(REQUESTS).build();
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_S);
        events.set_network_options(network);
        events.poll().await?;
        let (to_us, incoming) = mpsc::channel(INCOMING);
        let driver = tokio::spawn(drive(events, to_us));
        Ok(Self { client, incoming, driver, under_way: VecDeque::new(), subscription: None })
    }

    /// Whether another message may be sent now.
    pub fn has_room(&self) -> bool {
        self.under_way.len() < UNDER_WAY
    }

    /// Sends a message. If the connection is lost, [`Self::driver`] tells it.
    pub fn publish(&mut self, topic: &str, payload: String, options: PublishOptions, what: Sent) {
        if let Ok(notice) = self.client.try_publish_tracked(topic, payload, options) {
            let arrived = Box::pin(async { notice.wait_completion_async().await.is_ok() });
            self.under_way.push_back((what, arrived));
        }
    }

    /// Subscribes to topics. If the connection is lost, [`Self::driver`] tells it.
    pub fn subscribe(&mut self, topics: &[String]) {
        let filters = topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
        if let Ok(notice) = self.client.try_subscribe_many_tracked(filters) {
            self.subscription = Some(Box::pin(async { notice.wait_async().await.ok() }));
        }
    }

    /// Ends the connection in order.
    pub async fn close(&mut self) {
        if self.client.disconnect_now().await.is_ok() {
            let _ = (&mut self.driver).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Waits until the oldest message has arrived; `None` if it has not. Without messages, forever.
pub async fn arrival(under_way: &mut UnderWay) -> Option<Sent> {
    let Some((what, arrived)) = under_way.front_mut() else { return std::future::pending().await };
    let (what, arrived) = (*what, arrived.as_mut().await);
    under_way.pop_front();
    arrived.then_some(what)
}

/// Waits for the answer to the subscription; without one, forever.
pub async fn answer(subscription: &mut Option<Waiting<Option<SubAck>>>) -> Option<SubAck> {
    let Some(waiting) = subscription else { return std::future::pending().await };
    let answer = waiting.as_mut().await;
    *subscription = None;
    answer
}

/// Drives the connection until it ends.
async fn drive(mut events: EventLoop, to_us: mpsc::Sender<Publish>) -> ConnectionError {
    loop {
        match events.poll().await {
            // Waiting here would stop the connection.
            Ok(Event::Incoming(Packet::Publish(publish))) => _ = to_us.try_send(publish),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}
