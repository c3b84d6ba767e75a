//! What holds for all verbs: exit codes, forms of output, who is never asked.

use super::Installation;
use super::run;
use crate::support::server::command;

#[test]
fn every_verb_says_when_there_is_no_database() {
    let nowhere = Installation::empty();
    for verb in [
        &["keys", "list"][..],
        &["keys", "rotate", "--now"],
        &["clients", "list"],
        &["clients", "create", "x", "--service"],
        &["users", "list"],
        &["users", "disable", "a@b.test", "--yes"],
        &["setup-link"],
        &["healthcheck"],
        &["keys", "list", "--dev", "--port", "1"],
        &["tokens", "get", "--dev", "--port", "1"],
    ] {
        let said = nowhere.run(verb).ends_with(69);
        assert!(said.out.is_empty() && !said.err.is_empty(), "{verb:?}: {said:?}");
    }
    assert!(!nowhere.folder.path().join("data").exists(), "looking for a database has made one");
}

#[test]
fn wrong_usage_exits_2_before_anything_happens() {
    let installation = Installation::with("");
    for verb in [
        &["keys"][..],
        &["keys", "rotate", "--alg", "HS256"],
        &["keys", "list", "--port", "8080"],
        &["clients", "create"],
        &["clients", "create", "shop"],
        &["clients", "create", "shop", "--service", "--public"],
        &["clients", "create", "shop", "--public", "--no-pkce", "--redirect", "https://shop.test/cb"],
        &["clients", "create", "shop", "--redirect", "http://shop.test/cb"],
        &["clients", "create", "shop", "--redirect", "https://shop.test/*"],
        &["clients", "create", "shop", "--redirect", "https://shop.test/cb", "--scope", "a  b"],
        &["clients", "create", "shop", "--redirect", "https://shop.test/cb", "--origin", "https://shop.test/"],
        &["clients", "create", "shop", "--redirect", "https://shop.test/cb", "-o", "name"],
        &["clients", "create", "\u{5546}\u{5e97}", "--service"],
        &["users", "create", "ada"],
        &["users", "create", "ada@example.test"],
        &["users", "create", "ada@example.test", "--role", "a,b", "--password-stdin"],
        &["tokens", "get"],
    ] {
        let said = installation.run(verb).ends_with(2);
        assert!(said.out.is_empty(), "{verb:?}: {said:?}");
    }
    assert_eq!(installation.run(&["clients", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
    assert_eq!(installation.run(&["users", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
}

#[test]
fn a_faulty_configuration_exits_78() {
    let installation = Installation::with("");
    let file = installation.folder.path().join("faulty.toml");
    std::fs::write(&file, "[server]\nlissten = 1\n").unwrap();
    for verb in [&["keys", "list"][..], &["db", "status"], &["healthcheck"], &["setup-link"]] {
        let said = run_with_config(&installation, verb, &file);
        assert!(said.err.contains("server.listen"), "{said:?}");
    }
}

#[test]
fn the_environment_may_name_the_configuration() {
    let installation = Installation::with("");
    let elsewhere = Installation::empty();
    let named = |args: &[&str]| {
        let mut command = command(elsewhere.folder.path());
        command.env("SIGNET_CONFIG", installation.folder.path().join("other.toml"));
        run(command, args, "")
    };
    let other = format!("[database]\nurl = \"sqlite://{}/data/signet.db\"\n", installation.folder.path().display());
    std::fs::write(installation.folder.path().join("other.toml"), other).unwrap();
    assert_eq!(named(&["clients", "list", "-o", "json"]).json(), serde_json::json!([]));
    // It does not stand in the way of a dev server.
    assert!(named(&["keys", "list", "--dev", "--port", "1"]).ends_with(69).err.contains("port 1"));
}

fn run_with_config(installation: &Installation, verb: &[&str], file: &std::path::Path) -> super::Said {
    let mut args = verb.to_vec();
    args.extend(["--config", file.to_str().unwrap()]);
    installation.run(&args).ends_with(78)
}

#[test]
fn every_list_has_every_form() {
    let installation = Installation::with("");
    installation.run(&["clients", "create", "shop", "--service"]).ends_with(0);
    installation.run_with(&["users", "create", "ada@example.test", "--password-stdin"], "correct-horse").ends_with(0);
    for (verb, name) in [("clients", "shop"), ("users", "ada@example.test")] {
        assert_eq!(installation.run(&[verb, "list", "-o", "name"]).ends_with(0).out, format!("{name}\n"));
        assert!(installation.run(&[verb, "list", "-o", "env"]).ends_with(0).out.contains(&format!("={name}\n")));
        let table = installation.run(&[verb, "ls"]).ends_with(0).out;
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(table.lines().nth(1).unwrap().starts_with(name), "{table}");
        let lines = installation.run(&[verb, "list", "-o", "jsonl"]).ends_with(0).out;
        assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{lines}");
        let shown = installation.run(&[verb, "show", name, "-o", "json"]).json();
        assert!(shown.as_object().is_some_and(|fields| fields.values().any(|value| value == name)), "{shown}");
    }
}

#[test]
fn completions_for_each_shell() {
    let nowhere = Installation::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(nowhere.run(&["completions", shell]).ends_with(0).out.contains("rotate-secret"), "{shell}");
    }
}
