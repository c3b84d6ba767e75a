//! Collects what file, environment and flags give, and refuses names that no key has.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use toml_edit::Document;
use toml_edit::Item;
use toml_edit::TableLike;

use super::SECTIONS;
use super::Sources;
use super::clients::Entry;
use super::fault::Fault;
use super::fault::Place;
use super::fault::Show;
use super::fault::SourceText;
use super::input::Input;
use super::key::Key;
use super::nearest::did_you_mean;
use super::nearest::nearest_name;
use super::nearest::nearest_path;
use super::node::Node;

const PREFIX: &str = "SIGNET_";

/// Names that are read elsewhere.
const OTHER_NAMES: [&str; 1] = ["SIGNET_CONFIG"];

/// Names that are not ours although they start like ours: Kubernetes sets `SIGNET_SERVICE_HOST`, `SIGNET_PORT_...` for
/// a service called signet, and the tests have settings of their own.
const OTHER_PREFIXES: [&str; 4] = ["SIGNET_TEST_", "SIGNET_SERVICE_", "SIGNET_PORT_", "SIGNET_PORT"];

/// What was given for the keys, and for each `[[clients]]` table.
pub(super) fn gather(sources: &Sources) -> (Input, Vec<Input>) {
    let mut input = Input::default();
    let mut clients = Vec::new();
    given(&sources.presets, &mut input);
    if let Some(path) = &sources.file {
        file(path, &mut input, &mut clients);
    }
    environment(&sources.env, &mut input, &mut clients);
    given(&sources.overrides, &mut input);
    (input, clients)
}

fn given(flags: &[(String, String)], input: &mut Input) {
    for (path, value) in flags {
        let place = Place::Flag { path: path.clone() };
        if paths().iter().any(|known| known == path) {
            input.give(path, place, Node::bare(value));
        } else {
            let message = unknown_key(path);
            input.faults.push(Fault { place, message, excerpt: None });
        }
    }
}

fn file(path: &Path, input: &mut Input, clients: &mut Vec<Input>) {
    let place = Place::File { path: path.to_owned(), at: None };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let message = match error.kind() {
                ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => format!("cannot be read: {error}"),
            };
            input.faults.push(Fault { place, message, excerpt: None });
            return;
        }
    };
    let text = Rc::new(SourceText::new(path.to_owned(), text));
    input.text = Some(Rc::clone(&text));
    match Document::parse(text.as_str()) {
        Ok(document) => root(document.as_table(), &place, input, clients),
        Err(error) => {
            let message = format!("not TOML: {}", error.message().replace('\n', ", "));
            input.faults.push(text.fault(error.span().or(Some(0..0)), Show::Line, message));
        }
    }
}

fn root(table: &dyn TableLike, place: &Place, input: &mut Input, clients: &mut Vec<Input>) {
    for (name, item) in table.iter() {
        let range = table.key(name).and_then(toml_edit::Key::span);
        if name == "clients" {
            client_tables(item, place, input, clients);
        } else if let Some(section) = SECTIONS.iter().find(|section| section.name == name) {
            let Some(inner) = item.as_table_like() else {
                let message = format!("{name} must be a table: [{name}]");
                input.faults.push(input.at(place, range, Show::UpToRange, message));
                continue;
            };
            keys(inner, section.name, section.keys, place, input);
        } else {
            let message = unknown_root(name, item);
            input.faults.push(input.at(place, range, Show::UpToRange, message));
        }
    }
}

fn keys(table: &dyn TableLike, section: &str, known: &[Key], place: &Place, input: &mut Input) {
    for (name, item) in table.iter() {
        let path = format!("{section}.{name}");
        // A table within a table, such as [server.tls].
        if let (Some(inner), Some(nested)) =
            (SECTIONS.iter().find(|section| section.name == path), item.as_table_like())
        {
            keys(nested, inner.name, inner.keys, place, input);
            continue;
        }
        let companion = known.iter().any(|key| key.companion().as_deref() == Some(&path));
        if companion || known.iter().any(|key| key.name == name) {
            input.give(&path, place.clone(), Node::from_item(item));
        } else {
            let range = table.key(name).and_then(toml_edit::Key::span);
            let message = if section == "clients" { unknown_client_key(&path) } else { unknown_key(&path) };
            input.faults.push(input.at(place, range, Show::UpToRange, message));
        }
    }
}

/// One [`Input`] for each client: `[[clients]]` tables or a list of inline tables.
fn client_tables(item: &Item, place: &Place, input: &mut Input, clients: &mut Vec<Input>) {
    let tables: Vec<(&dyn TableLike, Option<Range<usize>>)> = if let Some(tables) = item.as_array_of_tables() {
        tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect()
    } else if let Some(list) = item.as_array()
        && list.iter().all(toml_edit::Value::is_inline_table)
    {
        list.iter()
            .filter_map(|value| value.as_inline_table())
            .map(|table| (table as &dyn TableLike, table.span()))
            .collect()
    } else {
        let message = "clients must be tables: [[clients]]".to_owned();
        input.faults.push(input.at(place, item.span(), Show::Nothing, message));
        return;
    };
    for (table, range) in tables {
        let mut client = input.beside(place, range);
        keys(table, "clients", Entry::SECTION.keys, place, &mut client);
        clients.push(client);
    }
}

fn environment(env: &[(String, String)], input: &mut Input, clients: &mut [Input]) {
    let paths = paths();
    let known: Vec<String> = paths.iter().map(|path| variable(path)).collect();
    let secrets: Vec<(String, &str, usize)> = clients.iter().enumerate().flat_map(client_variables).collect();
    for (name, value) in env {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if OTHER_NAMES.contains(&name.as_str()) || is_foreign(name) {
            continue;
        }
        let path = rest.replace("__", ".").to_ascii_lowercase();
        let place = Place::Env { name: name.clone() };
        if paths.contains(&path) && variable(&path) == *name {
            input.give(&path, place, Node::bare(value));
        } else if let Some((_, path, client)) = secrets.iter().find(|(variable, _, _)| variable == name) {
            if secrets.iter().filter(|(variable, _, _)| variable == name).count() > 1 {
                let message = "stands for several clients; use secret_file in the file".to_owned();
                input.faults.push(Fault { place, message, excerpt: None });
            } else if let Some(client) = clients.get_mut(*client) {
                client.give(path, place, Node::bare(value));
            }
        } else {
            let known = known.iter().chain(secrets.iter().map(|(name, _, _)| name)).map(String::as_str);
            let nearest = nearest_name(&name.to_ascii_uppercase(), known.chain(OTHER_NAMES));
            let message = format!("unknown name{}", did_you_mean(nearest));
            input.faults.push(Fault { place, message, excerpt: None });
        }
    }
}

/// The two variables of a client's secret: `SIGNET_CLIENTS__MY_APP__SECRET` and `..._FILE` for the client `my-app`.
fn client_variables((index, client): (usize, &Input)) -> Vec<(String, &'static str, usize)> {
    let Some(id) = client.raw("clients.id") else { return Vec::new() };
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let of = |path: &'static str, ending: &str| (format!("{PREFIX}CLIENTS__{id}__{ending}"), path, index);
    vec![of("clients.secret", "SECRET"), of("clients.secret_file", "SECRET_FILE")]
}

fn is_foreign(name: &str) -> bool {
    OTHER_PREFIXES.iter().any(|prefix| if prefix.ends_with('_') { name.starts_with(prefix) } else { name == *prefix })
}

/// The environment variable of a key.
fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Every path that may be given outside `[[clients]]`.
fn paths() -> Vec<String> {
    let keys = SECTIONS.iter().flat_map(|section| section.keys);
    keys.flat_map(|key| [Some(key.path.to_owned()), key.companion()]).flatten().collect()
}

fn unknown_key(path: &str) -> String {
    let paths = paths();
    format!("unknown key {path}{}", did_you_mean(nearest_path(path, paths.iter().map(String::as_str))))
}

fn unknown_client_key(path: &str) -> String {
    let known = Entry::SECTION.keys;
    let known: Vec<String> =
        known.iter().flat_map(|key| [Some(key.path.to_owned()), key.companion()]).flatten().collect();
    format!("unknown key {path}{}", did_you_mean(nearest_path(path, known.iter().map(String::as_str))))
}

fn unknown_root(name: &str, item: &Item) -> String {
    if !item.is_table_like() && !item.is_array_of_tables() {
        return unknown_key(name);
    }
    let sections = SECTIONS.iter().map(|section| section.name).chain(["clients"]);
    let nearest = nearest_name(name, sections).map(|name| format!("[{name}]"));
    format!("unknown section [{name}]{}", did_you_mean(nearest))
}
