//! Access tokens that are rightly signed and claim the wrong things, presented at userinfo: what they claim must be
//! enough to refuse them.

use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer;
use serde_json::Value;
use serde_json::json;

use super::forge::Forge;
use super::forge::encode;

#[tokio::test]
async fn jw_12_aud() {
    let forge = Forge::new().await;
    let issuer = forge.claims["iss"].as_str().unwrap().to_owned();
    let many: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    for aud in [
        Value::Null,
        json!([]),
        json!(""),
        json!([""]),
        json!(0),
        json!({"0": issuer}),
        json!([[issuer]]),
        json!(issuer[..issuer.len() - 1]),
        json!(format!("{issuer}/")),
        json!(format!("{issuer}/demo-api")),
        json!("demo-web"),
        json!(issuer.to_uppercase()),
        json!(format!("{issuer} https://x.test")),
    ] {
        forge.refuses(&aud.to_string(), &forge.claiming("aud", aud.clone())).await;
    }
    let nul = forge.sign(&forge.header.to_string(), &forge.claims.to_string().replace("\"aud\":[", "\"aud\":[null,"));
    forge.refuses("null among them", &nul).await;
    // 10,000 audiences do not even fit into a head.
    let answer = forge.ask(&forge.claiming("aud", json!(many))).await;
    assert!([401, 431].contains(&answer.status.as_u16()));
    let some: Vec<String> = (0..100).map(|number| number.to_string()).chain([issuer.clone()]).collect();
    forge.refuses("too many", &forge.claiming("aud", json!(some))).await;
    forge.accepts(&forge.claiming("aud", json!(issuer))).await;
    forge.accepts(&forge.claiming("aud", json!(["x", issuer]))).await;
}

#[tokio::test]
async fn jw_13_iss() {
    let forge = Forge::new().await;
    let issuer = forge.claims["iss"].as_str().unwrap().to_owned();
    for iss in [
        Value::Null,
        json!(""),
        json!(0),
        json!([issuer]),
        json!(format!("{issuer}/")),
        json!(issuer.replace("localhost", "LOCALHOST")),
        json!(issuer.replace("localhost", "127.0.0.1")),
        json!(issuer.replace("http:", "https:")),
        json!(format!("{issuer}/other-tenant")),
    ] {
        forge.refuses(&iss.to_string(), &forge.claiming("iss", iss.clone())).await;
    }
}

#[tokio::test]
async fn jw_14_times() {
    let forge = Forge::new().await;
    let now = forge.app.signet.now().seconds();
    for exp in [
        Value::Null,
        json!(now),
        json!(now - 1),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!((now + 600).to_string()),
        json!(true),
        json!([now + 600]),
        json!(f64::MAX),
        json!(-1e300),
    ] {
        forge.refuses(&format!("exp {exp}"), &forge.claiming("exp", exp.clone())).await;
    }
    for (name, value) in [
        ("iat", Value::Null),
        ("iat", json!(now + 61)),
        ("iat", json!(i64::MAX)),
        ("iat", json!("1")),
        ("nbf", json!(now + 61)),
        ("nbf", json!(i64::MAX)),
        ("nbf", json!("x")),
    ] {
        forge.refuses(&format!("{name} {value}"), &forge.claiming(name, value.clone())).await;
    }
    // Whatever a huge number means, it is no panic.
    for (name, value) in [("exp", json!(i64::MAX)), ("exp", json!(u64::MAX)), ("iat", json!(i64::MIN))] {
        let answer = forge.ask(&forge.claiming(name, value)).await;
        assert!([200, 401].contains(&answer.status.as_u16()));
    }
    forge.accepts(&forge.claiming("iat", json!(now + 60))).await;
    forge.accepts(&forge.claiming("nbf", json!(now))).await;
    let last = forge.claiming("exp", json!(now + 10));
    forge.app.wait(9);
    forge.accepts(&last).await;
    forge.app.wait(1);
    forge.refuses("at its end", &last).await;
}

#[tokio::test]
async fn jw_15_json_read_strictly() {
    let forge = Forge::new().await;
    let (header, claims) = (forge.header.to_string(), forge.claims.to_string());
    let sub = forge.claims["sub"].as_str().unwrap();
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for (what, claims) in [
        ("a claim twice", claims.replacen('{', "{\"sub\":\"usr_bob\",", 1)),
        ("twice the same", claims.replacen('{', &format!("{{\"sub\":\"{sub}\","), 1)),
        ("twice, escaped", claims.replacen('{', "{\"\\u0073ub\":\"usr_bob\",", 1)),
        ("NUL", claims.replace(sub, &format!("{sub}\\u0000"))),
        ("a lone surrogate", claims.replacen('{', "{\"x\":\"\\ud800\",", 1)),
        ("a byte order mark", format!("\u{feff}{claims}")),
        ("something behind it", format!("{claims}{{}}")),
        ("a comma too many", claims.replacen('}', ",}", 1)),
        ("depth", claims.replacen('{', &format!("{{\"x\":{deep},"), 1)),
        ("a list", format!("[{claims}]")),
        ("text", "\"sub\"".to_owned()),
        ("nothing", " ".to_owned()),
    ] {
        forge.refuses(what, &forge.sign(&header, &claims)).await;
    }
    let twice = header.replacen('{', "{\"alg\":\"none\",", 1);
    forge.refuses("a header member twice", &forge.sign(&twice, &claims)).await;
    let utf16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let input = format!("{}.{}", encode(&header), encode(utf16));
    let signature: Signature = forge.key.sign(input.as_bytes());
    forge.refuses("UTF-16", &format!("{input}.{}", encode(signature.to_bytes()))).await;
}

#[tokio::test]
async fn jw_22_odd_subjects() {
    let forge = Forge::new().await;
    for sub in [
        Value::Null,
        json!(""),
        json!(" "),
        json!(1),
        json!("usr_nobody"),
        json!("a".repeat(256)),
        json!("a\u{0}b"),
        json!("\u{e9}"),
        json!(["usr_ada"]),
    ] {
        forge.refuses(&sub.to_string(), &forge.claiming("sub", sub.clone())).await;
    }
    // Bob exists, but this grant is not his.
    let email = signet::domain::user::Email::parse("bob@example.test").unwrap();
    let bob = forge.app.signet.store.user_by_email(email).await.unwrap().unwrap();
    forge.refuses("bob", &forge.claiming("sub", json!(bob.id.as_str()))).await;
    for (name, value) in [
        ("client_id", Value::Null),
        ("client_id", json!("nobody")),
        ("grant_id", json!("fam_nobody")),
        ("jti", Value::Null),
    ] {
        forge.refuses(name, &forge.claiming(name, value)).await;
    }
}
