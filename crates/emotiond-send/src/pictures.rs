//! The newest annotated picture of each source that somebody watches. Nothing is stored.

use crate::wire::{PICTURES_FD, read_picture};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};
use tokio::sync::{Notify, watch};

/// A JPEG picture.
pub type Jpeg = Arc<Vec<u8>>;

/// What comes from the daemon, and who watches. A clone is another handle.
#[derive(Clone, Default)]
pub struct Pictures {
    channels: Arc<Mutex<HashMap<String, watch::Sender<Jpeg>>>>,
    viewers_changed: Arc<Notify>,
}

/// Somebody who watches a source. Dropping it ends that.
pub struct Viewer {
    pictures: watch::Receiver<Jpeg>,
    _leaving: Leaving,
}

/// Tells that a viewer has left; dropped after the viewer's receiver.
struct Leaving(Arc<Notify>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Pictures {
    /// Starts to read what the daemon sends, on a thread of its own: a pipe cannot be read without blocking.
    ///
    /// # Errors
    /// When there is no pipe.
    pub fn from_daemon() -> io::Result<Self> {
        let mut pipe = BufReader::new(File::open(format!("/dev/fd/{PICTURES_FD}"))?);
        let pictures = Self::default();
        let ours = pictures.clone();
        thread::spawn(move || {
            loop {
                match read_picture(&mut pipe) {
                    Ok(Some((source, jpeg))) => ours.put(&source, jpeg),
                    Ok(None) => return,
                    Err(error) => return tracing::warn!("no more pictures come from the daemon: {error}"),
                }
            }
        });
        Ok(pictures)
    }

    /// Replaces the picture of a source, if somebody watches it.
    pub fn put(&self, source: &str, jpeg: Vec<u8>) {
        if let Some(channel) = self.lock().get(source) {
            channel.send_replace(Arc::new(jpeg));
        }
    }

    /// Watches a source.
    pub fn watch(&self, source: &str) -> Viewer {
        let pictures = self.lock().entry(source.to_owned()).or_default().subscribe();
        self.viewers_changed.notify_one();
        Viewer { pictures, _leaving: Leaving(Arc::clone(&self.viewers_changed)) }
    }

    /// Waits until others may be watched than before, and returns all that are.
    pub async fn watched(&self) -> Vec<String> {
        self.viewers_changed.notified().await;
        let mut channels = self.lock();
        // The last picture does not outlive its viewers.
        channels.retain(|_, channel| channel.receiver_count() > 0);
        let mut sources: Vec<String> = channels.keys().cloned().collect();
        sources.sort();
        sources
    }

    /// Locks the channels. A holder cannot panic.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Jpeg>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewer {
    /// Waits for the next picture; a slow viewer gets the newest one. None at the end.
    pub async fn next(&mut self) -> Option<Jpeg> {
        self.pictures.changed().await.ok()?;
        Some(Arc::clone(&self.pictures.borrow_and_update()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Builder;

    #[test]
    fn only_watched_sources_have_pictures_and_the_newest_one_wins() {
        Builder::new_current_thread().build().unwrap().block_on(async {
            let pictures = Pictures::default();
            pictures.put("door", vec![1]);
            let mut viewer = pictures.watch("door");
            let other = pictures.watch("hall");
            assert_eq!(pictures.watched().await, ["door", "hall"]);
            pictures.put("door", vec![2]);
            pictures.put("door", vec![3]);
            assert_eq!(viewer.next().await.as_deref(), Some(&vec![3]));
            drop(other);
            assert_eq!(pictures.watched().await, ["door"]);
            drop(viewer);
            assert!(pictures.watched().await.is_empty());
        });
    }
}
