//! Names of keys, readable in logs: `2026-11-22-es256-a`.

use crate::domain::ids::KeyId;
use crate::domain::key::Algorithm;
use crate::domain::time::Timestamp;

/// The first name of this day and algorithm that none of `taken` has.
pub(super) fn free<'a>(taken: impl Iterator<Item = &'a KeyId>, algorithm: Algorithm, now: Timestamp) -> Option<KeyId> {
    let taken: Vec<&KeyId> = taken.collect();
    let date = date(now);
    let algorithm = algorithm.as_str().to_ascii_lowercase();
    // One more name than are taken, so one of them is free.
    (0..=taken.len())
        .filter_map(|number| KeyId::new(format!("{date}-{algorithm}-{}", letters(number))).ok())
        .find(|kid| !taken.contains(&kid))
}

/// `2026-11-22`, in UTC. Far beyond the calendar the seconds since 1970 must do.
fn date(now: Timestamp) -> String {
    match jiff::Timestamp::from_second(now.seconds()) {
        Ok(instant) => instant.strftime("%Y-%m-%d").to_string(),
        Err(_) => now.seconds().to_string(),
    }
}

/// a to z, then aa, ab and so on.
fn letters(number: usize) -> String {
    let last = ('a'..='z').nth(number % 26).unwrap_or('a');
    match number / 26 {
        0 => last.to_string(),
        more => letters(more - 1) + &last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::KeyId;
    use super::Timestamp;
    use super::free;
    use super::letters;
    use crate::domain::key::Algorithm;

    #[test]
    fn the_next_free_letter() {
        let now = Timestamp::from_seconds(1_795_348_800);
        let mut taken = Vec::new();
        for _ in 0..27 {
            taken.push(free(taken.iter(), Algorithm::Es256, now).unwrap());
        }
        let names: Vec<&str> = taken.iter().map(KeyId::as_str).collect();
        assert_eq!((names[0], names[25], names[26]), {
            ("2026-11-22-es256-a", "2026-11-22-es256-z", "2026-11-22-es256-aa")
        });
        let text = |text: &str| text.to_owned();
        assert_eq!((letters(51), letters(52), letters(702)), (text("az"), text("ba"), text("aaa")));
        for now in [i64::MIN, i64::MAX, -1] {
            assert!(free([].iter(), Algorithm::Rs256, Timestamp::from_micros(now)).is_some(), "a kid for every clock");
        }
    }
}
