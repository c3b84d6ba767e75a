//! `signet registration-tokens`

use super::Installation;

#[tokio::test]
async fn a_token_is_made_used_listed_and_revoked() {
    let registration = "[registration]\nmode = \"token\"\n";
    let installation =
        Installation::on(crate::support::database::Kind::Sqlite, registration).expect("SQLite is always there");
    let server = installation.serve().await;
    let made = installation.run(&[
        "registration-tokens",
        "create",
        "--clients",
        "2",
        "--for",
        "1h",
        "--note",
        "for the shop",
        "-o",
        "json",
    ]);
    assert!(made.err.contains("2 applications") && made.err.contains("Database: "), "{made:?}");
    let made = made.json();
    let (id, token) = (made["id"].as_str().unwrap(), made["initial_access_token"].as_str().unwrap());
    assert!(token.starts_with("sgi_") && id.starts_with("iat_"));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = serde_json::json!({"redirect_uris": ["https://shop.example.test/cb"]});
    let endpoint = made["registration_endpoint"].as_str().unwrap();
    let answer = http.post(endpoint).bearer_auth(token).json(&sent).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let client: serde_json::Value = answer.json().await.unwrap();

    let list = installation.run(&["registration-tokens", "list", "-o", "json"]).json();
    let [row] = list.as_array().unwrap().as_slice() else { panic!("one: {list}") };
    assert_eq!((&row["note"], &row["registered"], &row["clients"]), (&"for the shop".into(), &1.into(), &2.into()));
    assert_eq!(row["good"], true);
    assert!(!list.to_string().contains(token), "shown once");

    let asked = installation.run(&["registration-tokens", "revoke", id]).ends_with(5);
    assert!(asked.err.contains("1 more application ") && asked.err.contains("1 application that"), "{asked:?}");
    installation.run(&["registration-tokens", "revoke", id, "--yes"]).ends_with(0);
    installation.run(&["registration-tokens", "revoke", id, "--yes"]).ends_with(4);
    assert_eq!(http.post(endpoint).bearer_auth(token).json(&sent).send().await.unwrap().status(), 401);
    // The client stays, is listed as what it is, and an administrator may delete it.
    let client = client["client_id"].as_str().unwrap();
    let shown = installation.run(&["clients", "show", client, "-o", "json"]).json();
    assert_eq!(shown["source"], "registration");
    installation.run(&["clients", "delete", client, "--yes"]).ends_with(0);
    let events = ["initial_token_created", "initial_token_revoked", "client_registered", "client_removed"];
    let mut audit = String::new();
    // A running server writes its trail a moment after its answer.
    for _ in 0..50 {
        audit = installation.run(&["audit", "tail", "-o", "jsonl"]).out;
        if events.iter().all(|event| audit.contains(event)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for event in events {
        assert!(audit.contains(event), "{event}: {audit}");
    }
    assert!(!audit.contains(token));
    drop(server);
}

#[test]
fn what_could_not_work_is_said() {
    let installation = Installation::with("");
    for wrong in [
        &["create", "--clients", "0"][..],
        &["create", "--for", "0s"],
        &["create", "--for", "800d"],
        &["create", "--scope", "a  b"],
        &["create", "--note", "two\nlines"],
        &["create", "-o", "name"],
    ] {
        installation.run(&[&["registration-tokens"], wrong].concat()).ends_with(2);
    }
    let more = installation.run(&["registration-tokens", "create", "--scope", "openid admin"]).ends_with(5);
    assert!(more.err.contains("lacks admin"), "{more:?}");
    assert_eq!(installation.run(&["registration-tokens", "list", "-o", "json"]).json(), serde_json::json!([]));
    let off = installation.run(&["registration-tokens", "create"]).ends_with(0);
    assert!(off.err.contains("registration.mode is \"off\""), "{off:?}");
    installation.run(&["registration-tokens", "revoke", "iat_none", "--yes"]).ends_with(4);
}
