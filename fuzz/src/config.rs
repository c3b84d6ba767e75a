//! The configuration file, the environment and the flags of an operator (SP-06).

use std::io::Write;

use signet::config::Config;
use signet::config::Place;
use signet::config::Sources;
use signet::config::parse_duration;
use signet::config::show_duration;
use tempfile::NamedTempFile;

/// A file; after a line `---` variables of the environment and flags, one a line: `SIGNET_SERVER__PORT=1`,
/// `server.port=1`.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    durations(text);
    let (file, rest) = text.split_once("\n---\n").unwrap_or((text, ""));
    // What a path leads to is not for strangers to choose here.
    if text.contains("_file") {
        return;
    }
    let Ok(mut place) = NamedTempFile::new() else { return };
    if place.write_all(file.as_bytes()).is_err() {
        return;
    }
    let given = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (env, overrides): (Vec<_>, Vec<_>) =
        rest.lines().filter_map(given).partition(|(name, _)| name.starts_with("SIGNET_"));
    for dev in [false, true] {
        let sources = Sources {
            file: Some(place.path().to_owned()),
            env: env.clone(),
            overrides: overrides.clone(),
            presets: Vec::new(),
            dev,
        };
        load(&sources, file);
    }
}

fn load(sources: &Sources, file: &str) {
    let shown = match Config::load(sources) {
        Ok(loaded) => {
            // Nothing of it depends on when or how often it is read.
            let again = Config::load(sources).expect("the same as before");
            assert_eq!(format!("{:?}", again.config), format!("{:?}", loaded.config));
            assert!(loaded.config.server.issuer.as_str().starts_with("http"));
            let warnings: String = loaded.warnings.iter().map(ToString::to_string).collect();
            format!("{:?} {:?} {warnings}", loaded.config.show(), loaded.config)
        }
        Err(errors) => {
            assert!(!errors.faults.is_empty(), "refused without a reason");
            for fault in &errors.faults {
                assert!(!fault.message.is_empty());
                if let Place::File { at: Some(at), .. } = &fault.place {
                    assert!(at.line >= 1 && at.line <= file.split('\n').count() && at.column >= 1, "{fault}");
                }
            }
            format!("{errors} {errors:?}")
        }
    };
    for secret in secrets(file) {
        assert!(!shown.contains(secret), "{secret} shows: {shown}");
    }
}

/// What stands plainly as a secret, and nowhere else.
fn secrets(file: &str) -> impl Iterator<Item = &str> {
    let value = |line: &'_ str| -> Option<(usize, usize)> {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        let plain = value.len() >= 16 && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let start = line.len() - line.rsplit_once(value)?.1.len() - value.len();
        (plain && ["master_key", "secret"].contains(&name.trim())).then_some((start, start + value.len()))
    };
    file.lines().filter_map(move |line| {
        let (start, end) = value(line)?;
        line.get(start..end).filter(|secret| file.matches(secret).count() == 1)
    })
}

fn durations(text: &str) {
    for word in text.split(|letter: char| letter.is_whitespace() || letter == '"') {
        if let Some(duration) = parse_duration(word) {
            assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }
    }
}
