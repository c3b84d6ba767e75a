//! What was given, from where, and what is wrong with it.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use toml_edit::Value as TomlValue;

use super::fault::Fault;
use super::fault::Place;
use super::fault::Position;
use super::fault::Show;
use super::fault::SourceText;
use super::key::Key;
use super::key::Preset;
use super::node::Node;
use super::value::Refusal;
use super::value::Rule;
use super::value::Value;

/// Where the value in force came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File { line: usize, column: usize },
    Env { name: String },
    SecretFile { path: PathBuf },
    Flag,
}

/// One value for one key. Later places win over earlier ones, but every one of them is checked.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) node: Node,
    /// Set when the value was read from a file of its own.
    secret_file: Option<PathBuf>,
}

/// A secret longer than this is the wrong file.
const MAX_SECRET_FILE: u64 = 64 * 1024;

#[derive(Default)]
pub(super) struct Input {
    given: BTreeMap<String, Vec<Given>>,
    pub(super) text: Option<Rc<SourceText>>,
    /// The `[[clients]]` table that this is of: where faults of keys stand that nobody gave.
    table: Option<(Place, Range<usize>)>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    pub(super) sources: BTreeMap<String, Source>,
}

impl Input {
    /// An empty input of the same file, for one `[[clients]]` table.
    pub(super) fn beside(&self, place: &Place, range: Option<Range<usize>>) -> Self {
        let table = range.map(|range| (place.clone(), range));
        Self { text: self.text.clone(), table, ..Self::default() }
    }

    /// Records a value; call in the order file, environment, flags.
    pub(super) fn give(&mut self, path: &str, place: Place, node: Node) {
        self.given.entry(path.to_owned()).or_default().push(Given { place, node, secret_file: None });
    }

    /// The text given for a key, unread.
    pub(super) fn raw(&self, path: &str) -> Option<&str> {
        self.given.get(path)?.last()?.node.text()
    }

    /// Whether file or environment gives a key, where it stays; a flag is of this one run.
    pub(super) fn is_written(&self, path: &str) -> bool {
        let last = self.given.get(path).and_then(|given| given.last());
        last.is_some_and(|given| !matches!(given.place, Place::Flag { .. }))
    }

    /// The value of a key in its type: the last one given, else the default. Nothing when a fault was recorded.
    pub(super) fn take<T: Value>(&mut self, key: &Key, rules: &[&dyn Rule<T>]) -> Option<T> {
        let faults_before = self.faults.len();
        let mut found = None;
        for given in self.candidates(key) {
            match check(&given.node, rules) {
                Ok(value) => {
                    self.sources.insert(key.path.to_owned(), self.source_of(&given));
                    found = Some(value);
                }
                Err(refusal) => self.refuse::<T>(key, &given, refusal),
            }
        }
        if self.faults.len() > faults_before {
            return None;
        }
        found.or_else(|| self.preset(key, rules))
    }

    /// The value of a key if there is a good one, to look at beside others. Records nothing.
    pub(super) fn peek<T: Value>(&self, path: &str) -> Option<T> {
        T::read(&self.given.get(path)?.last()?.node).ok()
    }

    /// A fault of a key's value that shows only when it is seen beside others.
    pub(super) fn fault(&mut self, path: &str, element: Option<usize>, message: String) {
        let fault = self.about(path, element, message);
        self.faults.push(fault);
    }

    pub(super) fn warn(&mut self, path: &str, message: String) {
        let fault = self.about(path, None, message);
        self.warnings.push(fault);
    }

    /// Records a fault when both keys are given in the same place (file, environment or command line).
    pub(super) fn refuse_both(&mut self, one: &str, other: &str) -> bool {
        let of = |path: &str| self.given.get(path).cloned().unwrap_or_default();
        let (ones, others) = (of(one), of(other));
        let both: Vec<Given> =
            others.into_iter().filter(|other| ones.iter().any(|one| level(one) == level(other))).collect();
        for given in &both {
            let message = format!("{one} and {other} are both set; keep one of them");
            let fault = self.at(&given.place, given.node.range.clone(), Show::Nothing, message);
            self.faults.push(fault);
        }
        !both.is_empty()
    }

    fn about(&self, path: &str, element: Option<usize>, message: String) -> Fault {
        let Some(given) = self.given.get(path).and_then(|given| given.last()) else {
            return match &self.table {
                Some((place, range)) => self.at(place, Some(range.clone()), Show::Line, message),
                None => Fault { place: Place::Whole, message, excerpt: None },
            };
        };
        let inner = element.and_then(|index| given.node.list()?.get(index)?.range.clone());
        self.at(&given.place, inner.or_else(|| given.node.range.clone()), Show::Line, message)
    }

    pub(super) fn at(&self, place: &Place, range: Option<Range<usize>>, show: Show, message: String) -> Fault {
        match (place, &self.text) {
            (Place::File { .. }, Some(text)) => text.fault(range, show, message),
            _ => Fault { place: place.clone(), message, excerpt: None },
        }
    }

    /// All values for a key, the strongest last; those of its `_file` companion are read here.
    fn candidates(&mut self, key: &Key) -> Vec<Given> {
        let mut all = self.given.get(key.path).cloned().unwrap_or_default();
        if let Some(companion) = key.companion() {
            self.refuse_both(key.path, &companion);
            for given in self.given.get(&companion).cloned().unwrap_or_default() {
                match secret_file(&given) {
                    Ok(read) => all.push(read),
                    Err(message) => {
                        let message = format!("{companion}: {message}");
                        let fault = self.at(&given.place, given.node.range.clone(), Show::Nothing, message);
                        self.faults.push(fault);
                    }
                }
            }
            all.sort_by_key(level);
        }
        all
    }

    fn preset<T: Value>(&mut self, key: &Key, rules: &[&dyn Rule<T>]) -> Option<T> {
        self.sources.insert(key.path.to_owned(), Source::Default);
        let value = match key.preset {
            Preset::Default(toml) => {
                let value = toml.parse::<TomlValue>().ok();
                value.and_then(|value| check(&Node::from_value(&value), rules).ok())
            }
            Preset::Example(_) | Preset::Required(_) => T::absent(),
        };
        if value.is_none() {
            self.fault(key.path, None, format!("{} is required; it must be {}", key.path, key.allowed()));
        }
        value
    }

    fn refuse<T: Value>(&mut self, key: &Key, given: &Given, refusal: Refusal) {
        let Refusal { value, expected, range } = refusal;
        let (message, show) = if T::SECRET {
            (format!("{} must be {expected}", key.path), Show::Nothing)
        } else {
            (format!("{} is {value}; it must be {expected}", key.path), Show::Line)
        };
        let fault = self.at(&given.place, range.or_else(|| given.node.range.clone()), show, message);
        self.faults.push(fault);
    }

    fn source_of(&self, given: &Given) -> Source {
        if let Some(path) = &given.secret_file {
            return Source::SecretFile { path: path.clone() };
        }
        match &given.place {
            Place::File { .. } => {
                let start = given.node.range.as_ref().map_or(0, |range| range.start);
                let Position { line, column } =
                    self.text.as_ref().map_or(Position { line: 1, column: 1 }, |text| text.position(start));
                Source::File { line, column }
            }
            Place::Env { name } => Source::Env { name: name.clone() },
            Place::Flag { .. } => Source::Flag,
            Place::Whole => Source::Default,
        }
    }
}

fn check<T: Value>(node: &Node, rules: &[&dyn Rule<T>]) -> Result<T, Refusal> {
    let value = T::read(node)?;
    match rules.iter().find(|rule| !rule.accepts(&value)) {
        None => Ok(value),
        Some(rule) => Err(Refusal::of(node, rule.allowed())),
    }
}

/// File, environment, command line: the order of strength.
fn level(given: &Given) -> u8 {
    match given.place {
        Place::File { .. } => 0,
        Place::Env { .. } => 1,
        Place::Flag { .. } => 2,
        Place::Whole => 3,
    }
}

/// Reads the secret that a `_file` key points to, without the one newline that editors add at the end.
fn secret_file(given: &Given) -> Result<Given, String> {
    let path = given.node.text().filter(|path| !path.is_empty()).ok_or("it must be a path")?;
    let path = Path::new(path);
    let cannot = |reason: String| format!("cannot read {}: {reason}", path.display());
    let unread = |error: io::Error| cannot(error.to_string());
    // Opening a pipe waits for somebody to write; a device has no length and no end.
    if !fs::metadata(path).map_err(unread)?.is_file() {
        return Err(cannot("it is not a file".to_owned()));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(unread)?;
    let length = file.take(MAX_SECRET_FILE + 1).read_to_string(&mut text).map_err(unread)?;
    if length as u64 > MAX_SECRET_FILE {
        return Err(cannot(format!("it has more than {MAX_SECRET_FILE} bytes")));
    }
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    let node = Node { range: given.node.range.clone(), ..Node::bare(text) };
    Ok(Given { place: given.place.clone(), node, secret_file: Some(path.to_owned()) })
}
