//! `config/signet.toml` and the JSON schema, made of the same descriptions that the parser uses.

use std::fmt::Write as _;

use serde_json::Map;
use serde_json::Value as Json;
use serde_json::json;

use super::SECTIONS;
use super::clients::Entry;
use super::key::Key;
use super::key::Preset;
use super::key::Section;

/// The file with every key documented and commented out, as it is in the repository.
#[must_use]
pub fn default_file() -> String {
    let mut text = String::from(
        "# The configuration of Signet: every key with its default. Uncomment what you change.\n\
         #\n\
         # The environment is stronger than this file: SIGNET_SERVER__ISSUER is server.issuer; lists as JSON or with\n\
         # commas. A secret may also be in a file of its own: database.url_file, SIGNET_DATABASE__URL_FILE.\n\
         # Durations: 90d, 10m, 250ms. Relative paths start at the working directory.\n\
         # Check with `signet config check`; see what is in force with `signet config show --sources`.\n",
    );
    for section in &SECTIONS {
        let _ = write!(text, "\n{}[{}]\n", comment(section.about), section.name);
        for key in section.keys {
            text.push_str(&described(key));
        }
    }
    let Section { name, about, keys } = Entry::SECTION;
    let _ = write!(text, "\n{}# [[{name}]]\n", comment(about));
    for key in keys {
        text.push_str(&described(key));
    }
    text
}

/// Documentation, note about presence, and the key itself as a comment.
fn described(key: &Key) -> String {
    let mut text = String::from("\n");
    text.push_str(&comment(key.doc));
    if let Some(allowed) = key.allowed {
        let _ = writeln!(text, "# Allowed: {}.", allowed());
    }
    match key.preset {
        Preset::Default(_) => {}
        Preset::Example(_) => text.push_str("# No default; for example:\n"),
        Preset::Required(_) => text.push_str("# Has to be given; for example:\n"),
    }
    let _ = writeln!(text, "# {} = {}", key.name, key.preset.toml());
    text
}

fn comment(lines: &[&str]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "#{}", plain(line));
        text
    })
}

/// JSON Schema 2020-12 of the file, for editors.
#[must_use]
pub fn schema() -> Json {
    let mut properties = Map::new();
    for section in SECTIONS.iter().filter(|section| !section.name.contains('.')) {
        properties.insert(section.name.to_owned(), table(section));
    }
    let clients = Entry::SECTION;
    properties.insert(
        clients.name.to_owned(),
        json!({ "type": "array", "description": sentence(clients.about), "items": table(&clients) }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Signet configuration",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn table(section: &Section) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in section.keys {
        properties.insert(key.name.to_owned(), property(key));
        if matches!(key.preset, Preset::Required(_)) {
            required.push(key.name);
        }
        if key.companion().is_some() {
            let description = format!("File with {} in it.", key.name);
            properties.insert(format!("{}_file", key.name), json!({ "type": "string", "description": description }));
        }
    }
    for (name, inner) in SECTIONS.iter().filter_map(|inner| Some((inner.name.strip_prefix(section.name)?, inner))) {
        if let Some(name) = name.strip_prefix('.') {
            properties.insert(name.to_owned(), table(inner));
        }
    }
    json!({
        "type": "object",
        "description": sentence(section.about),
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

fn property(key: &Key) -> Json {
    let mut property = (key.schema)();
    if let Some(fields) = property.as_object_mut() {
        let mut description = sentence(key.doc);
        if let Some(allowed) = key.allowed {
            let _ = write!(description, " Allowed: {}.", allowed());
        }
        fields.insert("description".to_owned(), json!(description));
        let shown = key.preset.toml().parse::<toml_edit::Value>().ok().and_then(|value| as_json(&value));
        if let Some(shown) = shown {
            match key.preset {
                Preset::Default(_) => fields.insert("default".to_owned(), shown),
                Preset::Example(_) | Preset::Required(_) => fields.insert("examples".to_owned(), json!([shown])),
            };
        }
    }
    property
}

fn as_json(value: &toml_edit::Value) -> Option<Json> {
    match value {
        toml_edit::Value::String(text) => Some(json!(text.value())),
        toml_edit::Value::Integer(number) => Some(json!(number.value())),
        toml_edit::Value::Boolean(truth) => Some(json!(truth.value())),
        toml_edit::Value::Array(list) => list.iter().map(as_json).collect(),
        _ => None,
    }
}

fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| plain(line.trim())).collect::<Vec<_>>().join(" ")
}

/// The marks of code are for rustdoc; in a comment and in an editor they are noise.
fn plain(line: &str) -> String {
    line.replace('`', "")
}
