//! Reads what the sender asks for.

use crossbeam_channel::{Sender, TrySendError};
use emotiond_send::wire::Request;
use jiff::Timestamp;
use std::io::{BufRead, BufReader, Read};

/// Maximum length of a line in bytes.
const LONGEST_LINE: u64 = 16 * 1024;

/// A request, and when it came.
pub type Asked = (Timestamp, Request);

/// Reads requests until the sender closes its stdout. A line that is none is logged and ignored.
pub(super) fn read(stdout: impl Read, requests: &Sender<Asked>) {
    let mut input = BufReader::new(stdout);
    let (mut line, mut wrong) = (Vec::new(), 0u64);
    loop {
        line.clear();
        match input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let outcome = if line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE {
            serde_json::from_slice(&line).map_err(|error| error.to_string())
        } else {
            if skip_line(&mut input).is_err() {
                return;
            }
            Err(format!("it is longer than {LONGEST_LINE} bytes"))
        };
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

/// Reads the rest of a line that is too long.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, is_done) = (end.map_or(buffer.len(), |at| at + 1), end.is_some() || buffer.is_empty());
        input.consume(used);
        if is_done {
            return Ok(());
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
