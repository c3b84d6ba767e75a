//! The right name next to a wrong one.

use strsim::normalized_damerau_levenshtein;

/// Names less alike than this are not suggested: more than a third of the letters would have to change.
const ALIKE: f64 = 2.0 / 3.0;

/// The known path most like `wrong`; a key of another section counts when its name is right.
pub(super) fn nearest_path<'k>(wrong: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    best(known, |path| {
        let by_name = normalized_damerau_levenshtein(last(wrong), last(path)) - 0.05;
        normalized_damerau_levenshtein(wrong, path).max(by_name)
    })
}

/// The known name most like `wrong`.
pub(super) fn nearest_name<'k>(wrong: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    best(known, |name| {
        // `SIGNET_ISSUER` is far from `SIGNET_SERVER__ISSUER` only because the section is missing.
        let key =
            |name: &str| name.rsplit_once("__").map_or(name, |(_, key)| key).trim_start_matches("SIGNET_").to_owned();
        let by_key = normalized_damerau_levenshtein(&key(wrong), &key(name)) - 0.05;
        let whole = normalized_damerau_levenshtein(wrong, name);
        if name.contains("__") { whole.max(by_key) } else { whole }
    })
}

fn best<'k>(known: impl Iterator<Item = &'k str>, likeness: impl Fn(&str) -> f64) -> Option<&'k str> {
    let rated = known.map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= ALIKE);
    rated.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// `; did you mean x?`, or nothing.
pub(super) fn did_you_mean(name: Option<impl std::fmt::Display>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}
