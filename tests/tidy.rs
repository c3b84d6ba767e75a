//! The order of the house, checked by reading its files. Needs no compiler, no database and no network.
//!
//! A list of exceptions here may only shrink: what no longer needs its line must lose it.

#![expect(clippy::expect_used, clippy::string_slice, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The layers, lowest first. A module names only modules of lower floors, and of its own room.
const LAYERS: &[(&str, u8)] = &[
    ("ambient", 0),
    ("domain", 1),
    ("config", 2),
    ("crypto", 3),
    ("keys", 4),
    ("protocol", 5),
    ("store", 5),
    ("outbound", 5),
    ("flow", 6),
    ("http", 7),
    ("cli", 8),
];

/// `store` stands beside `protocol` but looks out of fewer windows: it knows these rooms and no other.
const STORE_KNOWS: &[&str] = &["ambient", "domain"];

/// Packages that only these rooms may name.
const ROOM_OF_PACKAGE: &[(&str, &[&str])] = &[
    ("josekit", &["crypto"]),
    ("rsa", &["crypto"]),
    ("p256", &["crypto"]),
    ("argon2", &["crypto"]),
    ("sha2", &["crypto"]),
    ("openssl", &["crypto"]),
    ("hmac", &["crypto"]),
    ("hkdf", &["crypto"]),
    ("chacha20poly1305", &["crypto"]),
    ("diesel", &["store"]),
    ("diesel_async", &["store"]),
    ("diesel_migrations", &["store"]),
    ("actix_web", &["http", "cli"]),
    ("tera", &["http"]),
    ("hyper", &["outbound"]),
];

/// Files of more than [`LONGEST`] lines before their tests, with how long they are. Empty is what it should be.
const LONG_FILES: &[(&str, usize)] = &[];
const LONGEST: usize = 400;

/// Routes that no test names yet.
const UNTESTED_ROUTES: &[&str] = &[];

#[test]
fn a_module_names_only_lower_floors() {
    let mut faults = Vec::new();
    for file in source_files() {
        let Some(room) = room_of(&file) else { continue };
        let Some(floor) = floor_of(&room) else {
            faults.push(format!("{}: `{room}` is on no floor: give it one in LAYERS of tests/tidy.rs", show(&file)));
            continue;
        };
        for (number, line) in code_lines(&file) {
            for named in crate_paths(&line) {
                let Some(other) = floor_of(&named) else { continue };
                let knows = match room.as_str() {
                    _ if named == room => true,
                    "store" => STORE_KNOWS.contains(&named.as_str()),
                    _ => other < floor,
                };
                if !knows {
                    faults.push(format!(
                        "{}:{number}: `{room}` names `{named}`, which is not below it. Move the type they share down to \
                         `domain`, or join the two rooms in `flow`.",
                        show(&file)
                    ));
                }
            }
        }
    }
    report(&faults);
}

#[test]
fn nothing_leaves_its_room_through_super() {
    let mut faults = Vec::new();
    for file in source_files() {
        let Some(depth) = module_depth(&file) else { continue };
        let mut inner = 0;
        for (number, line) in code_lines(&file) {
            // `super` inside an inline module (the tests, mostly) climbs one step less far.
            if line.trim_start_matches("pub ").starts_with("mod ") && line.ends_with('{') {
                inner = 1;
            }
            let climbs = line.match_indices("super::super::").count();
            let climbs = if climbs > 0 { climbs + 1 } else { usize::from(line.contains("super::")) };
            if climbs >= depth + inner {
                faults.push(format!(
                    "{}:{number}: `super` climbs out of the room. Write `use crate::...`, so that the layers can be read.",
                    show(&file)
                ));
            }
        }
    }
    report(&faults);
}

#[test]
fn one_import_per_line() {
    let mut faults = Vec::new();
    for file in source_files() {
        for (number, line) in code_lines(&file) {
            if import(&line).is_some_and(|path| path.contains('{')) {
                faults.push(format!(
                    "{}:{number}: write one `use` per line: the layers are read off these lines, and merges stay quiet.",
                    show(&file)
                ));
            }
        }
    }
    report(&faults);
}

#[test]
fn packages_stay_in_their_room() {
    let mut faults = Vec::new();
    for file in source_files() {
        let room = room_of(&file).unwrap_or_else(|| "main".to_owned());
        for (number, line) in code_lines(&file) {
            for (package, rooms) in ROOM_OF_PACKAGE {
                if names_package(&line, package) && !rooms.contains(&room.as_str()) {
                    faults.push(format!(
                        "{}:{number}: only {rooms:?} may name `{package}`. Give that room a function for what is needed \
                         here.",
                        show(&file)
                    ));
                }
            }
        }
    }
    report(&faults);
}

#[test]
fn files_stay_short() {
    let lengths: BTreeMap<String, usize> = source_files()
        .iter()
        .filter(|file| !is_test_module(file))
        .map(|file| (show(file), lines_before_tests(file)))
        .collect();
    let mut faults = Vec::new();
    for (file, length) in &lengths {
        match LONG_FILES.iter().find(|(long, _)| long == file) {
            None if *length > LONGEST => faults.push(format!(
                "{file}: {length} lines without its tests. Past {LONGEST} a file is usually two ideas: part them. \
                 (LONG_FILES in tests/tidy.rs may only shrink.)"
            )),
            Some((_, before)) if length > before => {
                faults.push(format!("{file}: grew from {before} to {length} lines. It may only shrink: part it."));
            }
            Some((_, before)) if length < before => {
                faults.push(format!("{file}: {length} lines now. Write that number into LONG_FILES of tests/tidy.rs."));
            }
            _ => {}
        }
    }
    for (file, _) in LONG_FILES {
        if lengths.get(*file).is_none_or(|length| *length <= LONGEST) {
            faults.push(format!("{file}: long no more. Take it out of LONG_FILES in tests/tidy.rs."));
        }
    }
    report(&faults);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("#[ig", "nore")];
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "templates", "migrations", "locales", "fuzz/src"] {
        for file in files_under(&root().join(folder)) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            for (number, line) in text.lines().enumerate() {
                if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                    faults.push(format!(
                        "{}:{}: `{mark}`. Do it now, or open an issue for it and take the mark out. A test that cannot \
                         run says so by name when it runs; it is never switched off.",
                        show(&file),
                        number + 1
                    ));
                }
            }
        }
    }
    report(&faults);
}

#[test]
fn lints_are_expected_not_allowed() {
    let mut faults = Vec::new();
    for file in source_files() {
        for (number, line) in code_lines(&file) {
            if line.contains(concat!("#[al", "low(")) || line.contains(concat!("#![al", "low(")) {
                faults.push(format!(
                    "{}:{number}: write `#[expect(lint, reason = \"...\")]`: it complains once it is needed no more.",
                    show(&file)
                ));
            }
        }
    }
    report(&faults);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let sqlite = folders_in(&root().join("migrations/sqlite"));
    let postgres = folders_in(&root().join("migrations/postgres"));
    let mut faults = Vec::new();
    for name in sqlite.symmetric_difference(&postgres) {
        let (has, lacks) = if sqlite.contains(name) { ("sqlite", "postgres") } else { ("postgres", "sqlite") };
        faults.push(format!("migrations/{has}/{name} has no twin: write migrations/{lacks}/{name} too."));
    }
    report(&faults);
}

/// While nodes are restarted one after the other, the code before works on the tables after. So a migration adds, and
/// what takes away comes a release after the last code that used it, and says so.
#[test]
fn migrations_only_add() {
    let mut faults = Vec::new();
    for file in files_under(&root().join("migrations")).into_iter().filter(|file| file.ends_with("up.sql")) {
        // What the first one makes, no code has used before.
        if show(&file).contains("_begin/") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a readable migration");
        if let Some(statement) = contraction(&text) {
            faults.push(format!(
                "{}: `{statement}`: nodes of the version before cannot work after this. Add first; take away a release \
                 later, in a migration that says `-- contract: WHICH RELEASE stopped using it`.",
                show(&file)
            ));
        }
    }
    report(&faults);
}

/// The first statement of a migration after which older code does not work; none when it says that there is no such
/// code any more.
fn contraction(text: &str) -> Option<String> {
    let said = text.lines().filter_map(|line| line.trim().strip_prefix("-- contract:"));
    if said.map(str::trim).any(|release| !release.is_empty()) {
        return None;
    }
    let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ");
    let statements = code.split(';').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.into_iter().find(|statement| {
        let upper = format!("{} ", statement.to_uppercase());
        let has = |words: &str| upper.contains(words);
        let changes = has("ALTER TABLE ") || has("ALTER COLUMN ");
        has("DROP TABLE ")
            || has("DROP COLUMN ")
            || has("DROP FUNCTION ")
            || has("DELETE FROM ")
            || has("TRUNCATE TABLE ")
            || (changes && (has(" RENAME ") || has(" TYPE ") || has(" SET NOT NULL ") || has("ADD CONSTRAINT ")))
            || (changes && has(" ADD ") && has(" NOT NULL ") && !has(" DEFAULT "))
            || (has("ALTER TABLE ") && has(" DROP "))
            || (has("CREATE UNIQUE INDEX ") && !makes_its_table(&code, &upper))
    })
}

/// Whether an index is on a table that the same migration makes.
fn makes_its_table(code: &str, index: &str) -> bool {
    let table = index.split(" ON ").nth(1).and_then(|rest| rest.split([' ', '(']).next()).unwrap_or_default();
    !table.is_empty() && code.to_uppercase().contains(&format!("CREATE TABLE {table} "))
}

#[test]
fn templates_escape_everything() {
    let mut faults = Vec::new();
    for file in files_under(&root().join("templates")) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            let packed: String = line.split_whitespace().collect();
            // The body of a component is markup that a template rendered, escaped already.
            let packed = packed.replace("{{body|safe}}", "");
            let unescaped = packed.split('|').skip(1).any(|filter| {
                filter
                    .strip_prefix("safe")
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            if unescaped || packed.contains("autoescapefalse") {
                faults.push(format!(
                    "{}:{}: this switches escaping off. Build markup in the template and pass plain text into it.",
                    show(&file),
                    number + 1
                ));
            }
        }
    }
    report(&faults);
}

/// Texts are Fluent files. A folder per language (`locales/en/login.ftl`) or a file per language (`locales/en.ftl`).
#[test]
fn every_language_has_every_text() {
    let mut languages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for folder in ["locales", "templates", "i18n", "src"] {
        let base = root().join(folder);
        for file in files_under(&base).into_iter().filter(|file| file.extension().is_some_and(|e| e == "ftl")) {
            let below = file.strip_prefix(&base).expect("a file under its folder");
            let language = match below.components().rev().nth(1) {
                Some(folder) => folder.as_os_str().to_string_lossy().into_owned(),
                None => below.file_stem().expect("a file has a name").to_string_lossy().into_owned(),
            };
            let text = fs::read_to_string(&file).expect("a readable text file");
            languages.entry(language).or_default().extend(message_names(&text));
        }
    }
    let all: BTreeSet<&String> = languages.values().flatten().collect();
    let mut faults = Vec::new();
    for (language, names) in &languages {
        for name in all.iter().filter(|name| !names.contains(**name)) {
            faults.push(format!("`{name}` is missing in `{language}`: translate it there, or remove it everywhere."));
        }
    }
    report(&faults);
}

#[test]
fn every_route_is_named_in_a_test() {
    let table = root().join("src/http/mod.rs");
    if !table.exists() {
        return;
    }
    let routes: BTreeSet<String> =
        code_lines(&table).iter().flat_map(|(_, line)| quoted(line)).filter(|text| is_route(text)).collect();
    let tests: Vec<String> = files_under(&root().join("tests"))
        .into_iter()
        .filter(|file| !file.ends_with("tidy.rs"))
        .filter(|file| file.extension().is_some_and(|e| e == "rs" || e == "mjs"))
        .filter_map(|file| fs::read_to_string(file).ok())
        .collect();
    let mut faults = Vec::new();
    for route in &routes {
        let named = tests.iter().any(|text| names_route(text, route));
        let excused = UNTESTED_ROUTES.contains(&route.as_str());
        if !named && !excused {
            faults.push(format!("{route}: no test names it. Write one in tests/it/endpoints/ that calls it."));
        }
        if named && excused {
            faults.push(format!("{route}: tested by now. Take it out of UNTESTED_ROUTES in tests/tidy.rs."));
        }
    }
    for route in UNTESTED_ROUTES.iter().filter(|route| !routes.contains(**route)) {
        faults.push(format!("{route}: not a route any more. Take it out of UNTESTED_ROUTES in tests/tidy.rs."));
    }
    report(&faults);
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert_eq!(crate_paths("use crate::store::Store;"), ["store"]);
    assert_eq!(crate_paths("fn f(a: crate::flow::A, b: crate::http::B) {}"), ["flow", "http"]);
    assert_eq!(import("pub(crate) use crate::{a, b};"), Some("crate::{a, b};"));
    assert!(names_package("use rsa::RsaPrivateKey;", "rsa"));
    assert!(names_package("    let key = ::openssl::rsa::Rsa::generate(2048);", "openssl"));
    assert!(!names_package("use crate::crypto::rsa::Key;", "rsa"));
    assert!(!names_package("tersa::x()", "rsa"));
    assert!(!names_package("use super::argon2::x;", "argon2"));
    assert!(is_route("/token") && !is_route("/") && !is_route("text/plain") && !is_route("//"));
    assert!(names_route("get(\"/token?x=1\")", "/token") && !names_route("\"/tokens\"", "/token"));
    assert!(names_route("format!(\"{base}/setup/abc\")", "/setup/{token}"));
    assert_eq!(quoted(r#".route("/a", x) "b""#), ["/a", "b"]);
    for taken in [
        "DROP TABLE users;",
        "ALTER TABLE users RENAME COLUMN email TO mail;",
        "ALTER TABLE users ADD COLUMN age BIGINT NOT NULL;",
        "ALTER TABLE users ALTER COLUMN\n  email TYPE VARCHAR;",
        "ALTER TABLE users DROP COLUMN email;",
        "-- contract:\nDROP TABLE users;",
        "CREATE UNIQUE INDEX one ON users (claims);",
    ] {
        assert!(contraction(taken).is_some(), "{taken}");
    }
    for added in [
        "CREATE TABLE pets (id TEXT NOT NULL PRIMARY KEY); CREATE UNIQUE INDEX one ON pets (id);",
        "ALTER TABLE users ADD COLUMN age BIGINT;",
        "ALTER TABLE users ADD COLUMN age BIGINT NOT NULL DEFAULT 0;",
        "-- contract: 0.3 reads it no more\nDROP TABLE users;",
        "CREATE INDEX by_age ON users (age); -- DROP TABLE users;",
    ] {
        assert_eq!(contraction(added), None, "{added}");
    }
    let names: Vec<String> =
        message_names("# note\nsign-in = Sign in\n    .label = x\n-brand = Signet\n\nerror =\n  a\n").collect();
    assert_eq!(names, ["sign-in", "sign-in.label", "-brand", "error"]);
}

// What the checks are made of.

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n\n{}\n", faults.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn show(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// Every file below `folder`, in order, without what package clients put there.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        let hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.') || name == "node_modules");
        if path.is_dir() && !hidden {
            files.extend(files_under(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn folders_in(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries
        .map(|entry| entry.expect("a readable folder"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn source_files() -> Vec<PathBuf> {
    files_under(&root().join("src")).into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs")).collect()
}

/// `src/store/sql/code.rs` -> `store`; nothing for lib.rs and main.rs, which stand outside the layers.
fn room_of(file: &Path) -> Option<String> {
    let below = file.strip_prefix(root().join("src")).ok()?;
    let first = below.components().next()?.as_os_str().to_string_lossy().into_owned();
    let room = first.strip_suffix(".rs").map_or(first.clone(), str::to_owned);
    (room != "lib" && room != "main").then_some(room)
}

fn floor_of(room: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// How many `super` lead from a file's module to the crate: 1 for `domain/mod.rs`, 2 for `domain/code.rs`.
fn module_depth(file: &Path) -> Option<usize> {
    room_of(file)?;
    let steps = file.strip_prefix(root().join("src")).ok()?.components().count();
    Some(if file.ends_with("mod.rs") { steps - 1 } else { steps })
}

/// The lines of a file that are not comments, trimmed, with their numbers.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a readable source file");
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim().to_owned()))
        .filter(|(_, line)| !line.starts_with("//"))
        .collect()
}

/// `tests.rs`, `jws_tests.rs`, `tests/refresh.rs`: the tests of a room, beside it.
fn is_test_module(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    name == "tests" || name.ends_with("_tests") || file.components().any(|part| part.as_os_str() == "tests")
}

fn lines_before_tests(file: &Path) -> usize {
    let text = fs::read_to_string(file).expect("a readable source file");
    text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count()
}

/// What follows each `crate::` of a line.
fn crate_paths(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, found)| line[at + found.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

/// The path of an import, whatever its visibility.
fn import(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest.trim_start()),
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    line.strip_prefix("use ")
}

/// Whether a line names a package at the head of a path, not a module of that name further down one.
fn names_package(line: &str, package: &str) -> bool {
    let head = |before: &str| {
        let before = before.strip_suffix("::").map_or(before, |outer| if is_path_end(outer) { "x" } else { "" });
        !is_path_end(before)
    };
    line.match_indices(package).any(|(at, _)| {
        let after = &line[at + package.len()..];
        let ends = after.starts_with("::") || (import(line).is_some() && after.starts_with([';', ' ']));
        ends && head(&line[..at])
    })
}

fn is_path_end(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>')
}

/// The string literals of a line, as far as routes need it: no escapes, no raw strings.
fn quoted(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_route(text: &str) -> bool {
    text.len() > 1
        && text.starts_with('/')
        && !text.starts_with("//")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-{}:*".contains(c))
}

/// Whether a test says the route's path as a whole: `/token` is not named by `/tokens` or `/a/token/b`.
fn names_route(text: &str, route: &str) -> bool {
    let (path, open) = match route.split_once('{') {
        Some((fixed, _)) => (fixed, true),
        None => (route, false),
    };
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + path.len()..].chars().next();
        let starts = before.is_none_or(|c| !(c.is_alphanumeric() || "_-/.".contains(c)));
        let ends = open || after.is_none_or(|c| !(c.is_alphanumeric() || "_-/.".contains(c)));
        starts && ends
    })
}

/// The names of messages, terms and attributes in a Fluent file.
fn message_names(text: &str) -> impl Iterator<Item = String> {
    let mut message = String::new();
    text.lines().filter_map(move |line| {
        let (name, _) = line.split_once('=')?;
        let attribute = name.trim().strip_prefix('.');
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if let Some(attribute) = attribute.filter(|name| is_name(name)) {
            return Some(format!("{message}.{attribute}"));
        }
        let name = name.trim_end();
        if !is_name(name) {
            return None;
        }
        name.clone_into(&mut message);
        Some(message.clone())
    })
}
