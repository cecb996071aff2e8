//! Formats times, durations, numbers and names for people.

use super::clock::TimeAxis;
use jiff::Timestamp;

/// Seconds per day.
const DAY_S: f64 = 86_400.0;

/// A duration: `3.4 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() / 10.0;
    let whole = seconds.round();
    let pair = |large: f64, large_name: &str, small: f64, small_name: &str| {
        let count = (whole / large).floor();
        let rest = ((whole - count * large) / small).floor();
        if rest > 0.0 {
            format!("{count} {large_name} {rest} {small_name}")
        } else {
            format!("{count} {large_name}")
        }
    };
    match whole {
        _ if tenths < 10.0 => format!("{tenths} s"),
        _ if whole < 60.0 => format!("{whole} s"),
        _ if whole < 3600.0 => pair(60.0, "min", 1.0, "s"),
        _ if whole < DAY_S => pair(3600.0, "h", 60.0, "min"),
        _ => pair(DAY_S, "d", 3600.0, "h"),
    }
}

/// A percentage: `41 %`, `<1 %`.
pub fn share(part: f64, whole: f64) -> String {
    let percent = if whole > 0.0 { part / whole * 100.0 } else { 0.0 };
    if percent > 0.0 && percent < 0.5 { "<1 %".to_owned() } else { format!("{percent:.0} %") }
}

/// A number of things: `1 face`, `1 234 faces`.
pub fn count(number: u64, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {thing}{s}", grouped(number))
}

/// A number with thin spaces as thousands separators.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A position on an axis with a resolution of `step` seconds: `20:51`, `20:51:08`, `21 Nov 20:51` if the axis spans
/// days, `1:02:03` in a video, `picture 12`.
pub fn moment(axis: TimeAxis, at: f64, step: f64, spans_days: bool) -> String {
    let whole = at.round() as i64;
    match axis {
        TimeAxis::Pictures => format!("picture {}", whole + 1),
        TimeAxis::Aligned => {
            let sign = if at < 0.0 { "\u{2212}" } else { "+" };
            sign.to_owned() + &moment(TimeAxis::Media, at.abs(), step, false)
        }
        TimeAxis::Media if step < 1.0 => format!("{}:{:04.1}", (at / 60.0) as u64, at % 60.0),
        TimeAxis::Media if at < 3600.0 => format!("{}:{:02}", whole / 60, whole % 60),
        TimeAxis::Media => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
        TimeAxis::Wall => {
            let pattern = match (spans_days, step) {
                (true, DAY_S..) => "%-d %b",
                (true, _) => "%-d %b %H:%M",
                (false, 60.0..) => "%H:%M",
                (false, 1.0..) => "%H:%M:%S",
                (false, _) => "%H:%M:%S%.1f",
            };
            timestamp(at).strftime(pattern).to_string()
        }
    }
}

/// The time range of a recording: `21 November 2026, 20:51:08 to 21:01:12 UTC`.
pub fn range(from: Timestamp, to: Timestamp) -> String {
    let (day, time) = ("%-d %B %Y", "%H:%M:%S");
    let (first, last) = (from.strftime(day).to_string(), to.strftime(day).to_string());
    let (begins, ends) = (from.strftime(time), to.strftime(time));
    if first == last {
        format!("{first}, {begins} to {ends} UTC")
    } else {
        format!("{first}, {begins} to {last}, {ends} UTC")
    }
}

/// Whether a range includes more than one day, so that its times need dates.
pub fn spans_days((from, to): (f64, f64)) -> bool {
    (from / DAY_S).floor() != (to / DAY_S).floor()
}

/// Untrusted text without control characters, cut off after `longest` characters.
pub fn tame(text: &str, longest: usize) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    let mut tamed: String =
        text.chars().take(longest).map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(longest).is_some() {
        tamed.push('…');
    }
    tamed
}

/// Seconds since 1970 as a timestamp, limited to the largest one.
pub fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_in_two_units() {
        let told = [0.0, 3.44, 9.97, 41.6, 59.6, 192.0, 3600.0, 7500.0, 90_000.0].map(duration);
        let words = ["0 s", "3.4 s", "10 s", "42 s", "1 min", "3 min 12 s", "1 h", "2 h 5 min", "1 d 1 h"];
        assert_eq!(told, words);
    }

    #[test]
    fn moments_fit_their_axis() {
        let at = 1_795_294_268.0;
        let told = |axis, at, step, days| moment(axis, at, step, days);
        assert_eq!(told(TimeAxis::Wall, at, 60.0, false), "20:51");
        assert_eq!(told(TimeAxis::Wall, at, 1.0, false), "20:51:08");
        assert_eq!(told(TimeAxis::Wall, at, 60.0, true), "21 Nov 20:51");
        assert_eq!(told(TimeAxis::Media, 3723.0, 1.0, false), "1:02:03");
        assert_eq!(told(TimeAxis::Media, 62.25, 0.5, false), "1:02.2");
        assert_eq!(told(TimeAxis::Pictures, 11.0, 1.0, false), "picture 12");
        assert_eq!(told(TimeAxis::Aligned, 65.0, 1.0, false), "+1:05");
        assert_eq!(told(TimeAxis::Aligned, -3600.0, 1.0, false), "\u{2212}1:00:00");
        assert_eq!(told(TimeAxis::Wall, 1e18, 60.0, false).len(), 5);
    }

    #[test]
    fn numbers_and_names_are_fit_to_be_shown() {
        assert_eq!([count(1, "face"), count(1_234_567, "face")], ["1 face", "1\u{202f}234\u{202f}567 faces"]);
        assert_eq!([share(0.0, 0.0), share(0.001, 1.0), share(0.414, 1.0)], ["0 %", "<1 %", "41 %"]);
        assert_eq!(tame("a\u{1b}[31m\u{202e}b", 9), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(tame("abcdef", 3), "abc…");
    }
}
