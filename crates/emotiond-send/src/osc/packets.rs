//! Packets of Open Sound Control 1.0: what is sent, and what is received.

use super::values::MARKER;
use crate::{
    lines,
    wire::{Marker, MarkerKind},
};
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, decoder, encoder};

/// A packet is not larger, so that networks need not split it.
const MOST_BYTES: usize = 1200;
/// What a bundle takes besides its messages: its name and time, and the length of each message.
const BUNDLE_BYTES: usize = 16;
const LENGTH_BYTES: usize = 4;
/// The time that means at once.
const NOW: OscTime = OscTime { seconds: 0, fractional: 1 };

/// The packets for these values: bundles, so that what belongs together arrives together.
pub fn of_values(values: Vec<(String, f32)>) -> Vec<Vec<u8>> {
    let (mut packets, mut content, mut bytes) = (Vec::new(), Vec::new(), BUNDLE_BYTES);
    for (addr, value) in values {
        let message = OscPacket::Message(OscMessage { addr, args: vec![OscType::Float(value)] });
        let more = LENGTH_BYTES + encoder::encode(&message).map_or(0, |message| message.len());
        if bytes + more > MOST_BYTES && !content.is_empty() {
            packets.extend(bundle(std::mem::take(&mut content)));
            bytes = BUNDLE_BYTES;
        }
        bytes += more;
        content.push(message);
    }
    if !content.is_empty() {
        packets.extend(bundle(content));
    }
    packets
}

fn bundle(content: Vec<OscPacket>) -> Option<Vec<u8>> {
    encoder::encode(&OscPacket::Bundle(OscBundle { timetag: NOW, content })).ok()
}

/// The packet for a marker: its label and its kind.
pub fn of_marker(marker: lines::Marker) -> Option<Vec<u8>> {
    let args = vec![OscType::String(marker.label), OscType::String(marker.kind)];
    encoder::encode(&OscPacket::Message(OscMessage { addr: MARKER.to_owned(), args })).ok()
}

/// The markers in a packet: a label, or a label and a kind.
///
/// # Errors
/// When it is no packet, or contains something else.
pub fn markers(packet: &[u8]) -> Result<Vec<Marker>, String> {
    let (_, packet) =
        decoder::decode_udp(packet).map_err(|error| format!("a packet is no OSC packet: {error}"))?;
    let mut markers = Vec::new();
    collect(packet, &mut markers)?;
    Ok(markers)
}

fn collect(packet: OscPacket, markers: &mut Vec<Marker>) -> Result<(), String> {
    match packet {
        OscPacket::Bundle(bundle) => bundle.content.into_iter().try_for_each(|part| collect(part, markers)),
        OscPacket::Message(message) if message.addr == MARKER => {
            markers.push(marker(message.args)?);
            Ok(())
        }
        OscPacket::Message(message) => {
            let address: String = message.addr.chars().take(80).collect();
            Err(format!("only {MARKER} is received, not {address:?}"))
        }
    }
}

fn marker(args: Vec<OscType>) -> Result<Marker, String> {
    let wrong = || format!("{MARKER} takes a label, and then start, cue or end");
    let mut args = args.into_iter();
    let label = match args.next() {
        None => String::new(),
        Some(OscType::String(text)) => text,
        Some(OscType::Int(number)) => number.to_string(),
        Some(OscType::Long(number)) => number.to_string(),
        Some(OscType::Float(number)) => number.to_string(),
        Some(OscType::Double(number)) => number.to_string(),
        Some(_) => return Err(wrong()),
    };
    let kind = match args.next() {
        None => MarkerKind::default(),
        Some(OscType::String(text)) => serde_json::from_value(text.into()).map_err(|_| wrong())?,
        Some(_) => return Err(wrong()),
    };
    Ok(Marker { kind, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_are_split_into_packets_that_networks_take_whole() {
        let values: Vec<_> = (0..129).map(|n| (format!("/emotiond/door/face/1/{n}"), n as f32)).collect();
        let packets = of_values(values.clone());
        assert!(packets.len() > 1 && packets.iter().all(|packet| packet.len() <= MOST_BYTES));
        let mut told = Vec::new();
        for packet in &packets {
            let OscPacket::Bundle(bundle) = decoder::decode_udp(packet).unwrap().1 else {
                panic!("a bundle")
            };
            for part in bundle.content {
                let OscPacket::Message(message) = part else { panic!("a message") };
                told.push((message.addr, message.args[0].clone().float().unwrap()));
            }
        }
        assert_eq!(told, values);
        assert!(of_values(Vec::new()).is_empty());
    }

    #[test]
    fn markers_are_read_from_messages_and_bundles() {
        let message = |addr: &str, args: &[OscType]| {
            OscPacket::Message(OscMessage { addr: addr.to_owned(), args: args.to_vec() })
        };
        let read = |packet: &OscPacket| markers(&encoder::encode(packet).unwrap());
        let cue = |label: &str| Marker { kind: MarkerKind::Cue, label: label.to_owned() };
        assert_eq!(read(&message(MARKER, &["Act 2".into()])), Ok(vec![cue("Act 2")]));
        assert_eq!(read(&message(MARKER, &[2.0.into()])), Ok(vec![cue("2")]));
        assert_eq!(read(&message(MARKER, &[])), Ok(vec![cue("")]));
        let start = message(MARKER, &["Show".into(), "start".into()]);
        let bundle = OscPacket::Bundle(OscBundle { timetag: NOW, content: vec![start] });
        assert_eq!(read(&bundle), Ok(vec![Marker { kind: MarkerKind::Start, label: "Show".to_owned() }]));
        assert!(read(&message("/other", &[])).is_err_and(|why| why.contains("/emotiond/marker")));
        assert!(read(&message(MARKER, &["Show".into(), "now".into()])).is_err());
        assert!(markers(b"").is_err() && markers(b"#bundle\0").is_err() && markers(&[0xff; 64]).is_err());
    }
}
