//! A part of the week, on the clocks of one place: when people are there to watch a planned change.

use std::fmt;

use jiff::civil::Date;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;

use super::time::Timestamp;

const MINUTES_OF_A_DAY: i64 = 24 * 60;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// `"Tue-Thu 09:00-16:00 Europe/Berlin"`: days, times of day and the name of a time zone. Days are one (`Tue`), some
/// (`Mon,Wed`) or a range that may wrap around the end of the week (`Sat-Mon`). The zones are those built in, so that
/// all nodes know the same ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From Monday on.
    days: [bool; 7],
    /// Minutes since midnight; `from < until <= 24:00`.
    from: i64,
    until: i64,
    zone: TimeZone,
    text: String,
}

impl Window {
    /// Nothing unless the text is of the form above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (days, times, zone) = (words.next()?, words.next()?, words.next()?);
        let (from, until) = times.split_once('-')?;
        let (from, until) = (minutes(from)?, minutes(until)?);
        if words.next().is_some() || from >= until {
            return None;
        }
        let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
        Some(Self { days: parse_days(days)?, from, until, zone, text: text.to_owned() })
    }

    /// The first instant in the window that is not before `at`; `at` itself beyond the calendar.
    #[must_use]
    pub fn at_or_after(&self, at: Timestamp) -> Timestamp {
        let Ok(instant) = jiff::Timestamp::from_microsecond(at.micros()) else { return at };
        let mut date = instant.to_zoned(self.zone.clone()).date();
        // A week and a day: today's window may be over. Clocks that are put forward may swallow a short window, so
        // a second week is looked through too.
        for _ in 0..=14 {
            if let Some((from, until)) = self.on(date)
                && at < until
            {
                return at.max(from);
            }
            let Ok(tomorrow) = date.tomorrow() else { return at };
            date = tomorrow;
        }
        at
    }

    /// The window of one day; nothing when the day has none.
    fn on(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let day = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
        if !*self.days.get(day)? {
            return None;
        }
        let (from, until) = (self.instant(date, self.from)?, self.instant(date, self.until)?);
        (from < until).then_some((from, until))
    }

    fn instant(&self, date: Date, minutes: i64) -> Option<Timestamp> {
        let date = if minutes == MINUTES_OF_A_DAY { date.tomorrow().ok()? } else { date };
        let minutes = minutes % MINUTES_OF_A_DAY;
        let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
        let zoned = date.at(hour, minute, 0, 0).to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_days(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let last = weekday(last)?;
        let mut day = weekday(first)?;
        loop {
            *days.get_mut(usize::try_from(day.to_monday_zero_offset()).ok()?)? = true;
            if day == last {
                break;
            }
            day = day.next();
        }
    }
    Some(days)
}

fn weekday(text: &str) -> Option<Weekday> {
    let number = DAYS.iter().position(|day| *day == text)?;
    Weekday::from_monday_zero_offset(i8::try_from(number).ok()?).ok()
}

/// `09:00`, up to `24:00`.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_OF_A_DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use super::Window;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_seconds(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    #[test]
    fn the_first_instant_in_the_window() {
        for (window, from, expected) in [
            // 2026-11-22 is a Sunday; Berlin is at +01 in winter and +02 in summer.
            ("Tue-Thu 09:00-16:00 Europe/Berlin", "2026-11-22T12:00:00Z", "2026-11-24T08:00:00Z"),
            ("Tue-Thu 09:00-16:00 Europe/Berlin", "2026-11-24T08:30:00Z", "2026-11-24T08:30:00Z"),
            ("Tue-Thu 09:00-16:00 Europe/Berlin", "2026-11-24T15:00:00Z", "2026-11-25T08:00:00Z"),
            ("Tue-Thu 09:00-16:00 Europe/Berlin", "2026-11-26T15:00:00Z", "2026-12-01T08:00:00Z"),
            ("Tue-Thu 09:00-16:00 Europe/Berlin", "2026-07-19T12:00:00Z", "2026-07-21T07:00:00Z"),
            ("Mon,Wed 00:00-24:00 UTC", "2026-11-23T23:59:59Z", "2026-11-23T23:59:59Z"),
            ("Mon,Wed 00:00-24:00 UTC", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"),
            ("Sat-Mon 10:00-11:00 UTC", "2026-11-23T10:59:59Z", "2026-11-23T10:59:59Z"),
            ("Sun 12:00-12:01 UTC", "2026-11-22T12:01:00Z", "2026-11-29T12:00:00Z"),
            // Clocks are put forward on 2026-03-29: 02:10 to 02:20 does not exist, the next one does.
            ("Sun 02:10-02:20 Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:10:00Z"),
        ] {
            assert_eq!(Window::parse(window).unwrap().at_or_after(at(from)), at(expected), "{window} {from}");
        }
        for beyond in [i64::MIN, i64::MAX] {
            let beyond = Timestamp::from_micros(beyond);
            assert_eq!(Window::parse("Mon 09:00-10:00 UTC").unwrap().at_or_after(beyond), beyond);
        }
    }

    #[test]
    fn only_what_it_can_mean() {
        let whole = "Tue-Thu 09:00-16:00 Europe/Berlin";
        assert_eq!(Window::parse(whole).unwrap().to_string(), whole);
        for bad in [
            "",
            "Tue-Thu 09:00-16:00",
            "Tue-Thu 09:00-16:00 Europe/Atlantis",
            "Tue-Thu 16:00-09:00 UTC",
            "Tue-Thu 09:00-09:00 UTC",
            "Tue-Thu 9:00-16:00 UTC",
            "Tue-Thu 09:60-16:00 UTC",
            "Tue-Thu 09:00-24:01 UTC",
            "Tue- 09:00-16:00 UTC",
            "tue 09:00-16:00 UTC",
            "Tue,, 09:00-16:00 UTC",
            "Tue  09:00-16:00 UTC",
            "Tue 09:00-16:00 UTC now",
        ] {
            assert_eq!(Window::parse(bad), None, "{bad:?}");
        }
    }
}
