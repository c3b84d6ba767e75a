//! Which histories are lived through.

use std::env;
use std::ops::Range;

/// `few`, or `many` with `SIGNET_TEST_LONG=1`. `SIGNET_TEST_SEED` is one of them; `SIGNET_TEST_SEEDS` so many, or
/// `FROM..TO`.
pub(crate) fn seeds(few: u64, many: u64) -> Range<u64> {
    if let Ok(seed) = env::var("SIGNET_TEST_SEED") {
        let seed = seed.parse().unwrap();
        return seed..seed + 1;
    }
    if let Ok(text) = env::var("SIGNET_TEST_SEEDS") {
        let (from, to) = text.split_once("..").unwrap_or(("0", &text));
        return from.parse().unwrap()..to.parse().unwrap();
    }
    let long = env::var_os("SIGNET_TEST_LONG").is_some_and(|value| value == "1");
    0..if long { many } else { few }
}
