//! Durations and sizes as people write them.

use std::fmt::Write as _;
use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `"90d"`, `"1h30m"`, `"250ms"`: whole numbers with the units d, h, m, s and ms, each at most once, the
/// largest first. `"0"` needs no unit.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut millis: u64 = 0;
    let mut rest = text;
    let mut units = DURATION_UNITS.as_slice();
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let name_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (name, after) = after.split_at_checked(name_end)?;
        let index = units.iter().position(|(unit, _)| *unit == name)?;
        let (_, factor) = units.get(index)?;
        millis = millis.checked_add(number.checked_mul(*factor)?)?;
        units = units.get(index + 1..)?;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

/// The shortest text that [`parse_duration`] reads back.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, factor) in DURATION_UNITS {
        if millis >= factor {
            let _ = write!(text, "{}{unit}", millis / factor);
            millis %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `"64 KiB"` or `"64KiB"`: a whole number and one of B, KiB, MiB, GiB.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

pub(super) fn show_size(bytes: u64) -> String {
    let (unit, factor) = SIZE_UNITS
        .into_iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .unwrap_or(("B", 1));
    format!("{} {unit}", bytes / factor)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::parse_duration;
    use super::parse_size;
    use super::show_duration;
    use super::show_size;
    use std::time::Duration;

    #[test]
    fn durations_read_and_show() {
        for (text, millis) in [("90d", 7_776_000_000), ("10m", 600_000), ("250ms", 250), ("1h30m", 5_400_000)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(parse_duration("0"), Some(Duration::ZERO));
        assert_eq!(show_duration(Duration::ZERO), "0s");
        for bad in ["", "10", "m", "1m1h", "1m1m", "1.5h", "-1s", "1 h", "1w", "99999999999999999999d", "1\u{e9}"] {
            assert_eq!(parse_duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_read_and_show() {
        for (text, bytes) in [("64 KiB", 65_536), ("19 MiB", 19_922_944), ("100 B", 100), ("1 GiB", 1 << 30)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
            assert_eq!(show_size(bytes), text);
        }
        assert_eq!(parse_size("64KiB"), Some(65_536));
        for bad in ["", "64", "KiB", "64 KB", "64  KiB", "1.5 MiB", "99999999999 GiB"] {
            assert_eq!(parse_size(bad), None, "{bad:?}");
        }
    }
}
