//! Reads what the sender asks for.

use crossbeam_channel::{Sender, TrySendError};
use emotiond_core::lines::Lines;
use emotiond_send::wire::Request;
use jiff::Timestamp;
use std::io::{BufReader, Read};

/// Maximum length of a line in bytes.
const LONGEST_LINE: u64 = 16 * 1024;

/// A request, and when it came.
pub type Asked = (Timestamp, Request);

/// Reads requests until the sender closes its stdout. A line that is none is logged and ignored.
pub(super) fn read(stdout: impl Read, requests: &Sender<Asked>) {
    let mut lines = Lines::with_limit(BufReader::new(stdout), LONGEST_LINE);
    let mut wrong = 0u64;
    while let Ok(Some(line)) = lines.next() {
        let outcome = line.and_then(|line| serde_json::from_slice(line).map_err(|error| error.to_string()));
        match outcome.map(|request| requests.try_send((Timestamp::now(), request))) {
            Ok(Ok(())) => {}
            Ok(Err(TrySendError::Full(_))) => {
                tracing::warn!("a request of the sender is left out: too many wait");
            }
            Ok(Err(TrySendError::Disconnected(_))) => return,
            Err(reason) => {
                wrong += 1;
                // The 1st, 2nd, 4th, 8th and so on, so that the log stays short.
                if wrong.is_power_of_two() {
                    tracing::warn!("the sender wrote a line that is no request ({wrong} so far): {reason}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    #[test]
    fn garbage_between_requests_is_ignored() {
        let long = "x".repeat(100_000);
        let text = format!(
            "{{\"request\":\"pause\",\"source\":\"a\"}}\nhello\n{long}\n\u{fffd}\n{{\"request\":\"fly\"}}\n\
             {{\"request\":\"resume\",\"source\":\"a\"}}"
        );
        let (to_us, requests) = bounded(9);
        read(text.as_bytes(), &to_us);
        let told: Vec<Request> = requests.try_iter().map(|(_, request)| request).collect();
        let source = || "a".to_owned();
        assert_eq!(told, [Request::Pause { source: source() }, Request::Resume { source: source() }]);
    }
}
