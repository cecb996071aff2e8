//! Active hours: the times of the week in which a source is read, in the machine's time zone.

use jiff::{
    ToSpan as _, Zoned,
    civil::{Date, Time, Weekday},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names of the days from Monday on, as they are written.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Days to look ahead for the next opening: each period begins at least once a week.
const LOOK_AHEAD_DAYS: i64 = 8;

/// The periods in which a source is read; without periods, always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ActiveHours(Vec<Period>);

/// A period on some days of the week, such as `mon-fri 08:00-20:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Period {
    /// The days on which it begins, from Monday on.
    days: [bool; 7],
    from: Time,
    /// Its end; on the next day if it is not after `from`.
    to: Time,
    /// As it was written.
    text: String,
}

impl ActiveHours {
    /// Whether there are no periods.
    pub fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// If no period contains `now`: when the next one begins.
    pub fn closed_until(&self, now: &Zoned) -> Option<Zoned> {
        if self.is_always() {
            return None;
        }
        let mut next: Option<Zoned> = None;
        // A period of yesterday may last beyond midnight.
        for days in -1..=LOOK_AHEAD_DAYS {
            let Ok(date) = now.date().checked_add(days.days()) else { continue };
            for (from, to) in self.0.iter().filter_map(|period| period.on(date, now)) {
                if from <= *now && *now < to {
                    return None;
                }
                if from > *now && next.as_ref().is_none_or(|next| from < *next) {
                    next = Some(from);
                }
            }
        }
        next
    }
}

impl Period {
    /// Its begin and end if it begins on `date`. A time that the clock skips on that day is moved to after the gap.
    fn on(&self, date: Date, now: &Zoned) -> Option<(Zoned, Zoned)> {
        if !self.days[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())] {
            return None;
        }
        let last = if self.to > self.from { date } else { date.tomorrow().ok()? };
        let zoned = |date: Date, time: Time| date.to_datetime(time).to_zoned(now.time_zone().clone()).ok();
        Some((zoned(date, self.from)?, zoned(last, self.to)?))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace();
        let (first, second) = (parts.next()?, parts.next());
        let (days, times) = match second {
            Some(times) => (parse_days(first)?, times),
            None => ([true; 7], first),
        };
        let (from, to) = times.split_once('-')?;
        let (from, to) = (parse_time(from)?, if to == "24:00" { Time::midnight() } else { parse_time(to)? });
        let is_period = from != to || (from, to) == (Time::midnight(), Time::midnight());
        (parts.next().is_none() && is_period).then(|| Self { days, from, to, text: text.to_owned() })
    }
}

/// Days such as `mon-fri`, `sat`, `fri-mon` or `mon,wed,fri`.
fn parse_days(text: &str) -> Option<[bool; 7]> {
    let place = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (place(first)?, place(last)?);
        days[day] = true;
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    Some(days)
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let fits = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten()
    };
    Time::new(number(hour)?, number(minute).filter(|_| minute.len() == 2)?, 0, 0).ok()
}

impl TryFrom<Vec<String>> for ActiveHours {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        if texts.is_empty() {
            return Err(
                "`active` contains no period; leave it out for a source that is always read".to_owned()
            );
        }
        let period = |text: String| {
            Period::parse(&text).ok_or_else(|| {
                format!(
                    "`{text}` is not a period: write days (mon, tue, wed, thu, fri, sat, sun) and times, such as \
                     \"mon-fri 08:00-20:00\", \"sat,sun 10:00-18:00\", or \"22:00-02:00\" for every night"
                )
            })
        };
        texts.into_iter().map(period).collect::<Result<_, _>>().map(Self)
    }
}

impl From<ActiveHours> for Vec<String> {
    fn from(hours: ActiveHours) -> Self {
        hours.0.into_iter().map(|period| period.text).collect()
    }
}

impl fmt::Display for ActiveHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, period) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, period.text)?;
        }
        Ok(())
    }
}

/// A time as people write it: `Monday 2026-11-30 08:00 CET`.
pub fn told(time: &Zoned) -> String {
    let day = match time.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    };
    format!("{day} {}", time.strftime("%Y-%m-%d %H:%M %Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn hours(periods: &[&str]) -> ActiveHours {
        periods.iter().map(|&text| text.to_owned()).collect::<Vec<_>>().try_into().unwrap()
    }

    /// A time in central Europe, whose rules are written out, so that the test needs no time zone database.
    fn at(text: &str) -> Zoned {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone).unwrap()
    }

    /// When the hours begin again; empty if they contain the time.
    fn until(hours: &ActiveHours, now: &str) -> String {
        hours.closed_until(&at(now)).map(|next| told(&next)).unwrap_or_default()
    }

    #[test]
    fn a_shop_is_open_on_weekdays_and_on_saturday() {
        let shop = hours(&["mon-fri 08:00-20:00", "sat 10:00-18:00"]);
        // 2026-11-26 is a Thursday.
        assert_eq!(until(&shop, "2026-11-26T08:00"), "");
        assert_eq!(until(&shop, "2026-11-26T19:59:59"), "");
        assert_eq!(until(&shop, "2026-11-26T20:00"), "Friday 2026-11-27 08:00 CET");
        assert_eq!(until(&shop, "2026-11-28T09:59"), "Saturday 2026-11-28 10:00 CET");
        assert_eq!(until(&shop, "2026-11-28T18:00"), "Monday 2026-11-30 08:00 CET");
        assert_eq!(until(&shop, "2026-11-29T12:00"), "Monday 2026-11-30 08:00 CET");
    }

    #[test]
    fn a_night_lasts_beyond_midnight() {
        let bar = hours(&["fri,sat 22:00-02:00"]);
        assert_eq!(until(&bar, "2026-11-27T21:59"), "Friday 2026-11-27 22:00 CET");
        for open in ["2026-11-27T22:00", "2026-11-28T01:59", "2026-11-29T01:30"] {
            assert_eq!(until(&bar, open), "", "{open}");
        }
        assert_eq!(until(&bar, "2026-11-27T01:00"), "Friday 2026-11-27 22:00 CET");
        assert_eq!(until(&bar, "2026-11-29T02:00"), "Friday 2026-12-04 22:00 CET");
        assert_eq!(until(&hours(&["22:00-02:00"]), "2026-11-26T01:00"), "");
        assert_eq!(until(&hours(&["sun-mon 20:00-24:00"]), "2026-11-30T23:59"), "");
        assert_eq!(until(&hours(&["thu 00:00-24:00"]), "2026-11-26T12:00"), "");
    }

    #[test]
    fn hours_follow_the_clock_through_summer_time() {
        let shop = hours(&["08:00-20:00", "02:30-03:30"]);
        // The last Sundays of March and October.
        assert_eq!(until(&shop, "2026-03-28T20:00"), "Sunday 2026-03-29 03:30 CEST", "the clock skips 02:30");
        assert_eq!(until(&shop, "2026-03-29T07:59"), "Sunday 2026-03-29 08:00 CEST");
        assert_eq!(until(&shop, "2026-10-25T07:59"), "Sunday 2026-10-25 08:00 CET");
        let slept = at("2026-10-25T08:00").duration_since(&at("2026-10-24T20:00"));
        assert_eq!(slept.as_hours(), 13);
    }

    #[test]
    fn wrong_periods_are_refused() {
        for wrong in [
            "",
            "mon",
            "08:00",
            "mon-fri",
            "mon-fri 8-20",
            "mon-fri 08:00",
            "mon-fri 08:00-08:00",
            "fun 08:00-09:00",
            "mon- 08:00-09:00",
            "mon 08:60-09:00",
            "mon 25:00-26:00",
            "mon 08:00-09:00 pm",
            "mon +8:00-09:00",
        ] {
            let error = ActiveHours::try_from(vec![wrong.to_owned()]).unwrap_err();
            assert!(error.contains("mon-fri 08:00-20:00"), "{wrong}: {error}");
        }
        assert!(ActiveHours::try_from(Vec::new()).is_err());
    }
}
