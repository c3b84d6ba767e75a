//! Tokens of the wrong form, or under the wrong header, presented at userinfo. Some are signed with the very key of the
//! server.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use p256::ecdsa::Signature;
use p256::ecdsa::SigningKey;
use p256::pkcs8::EncodePublicKey;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;

use super::forge::Forge;
use super::forge::changed;
use super::forge::encode;
use crate::support::party::Answer;
use crate::support::party::opened;

#[tokio::test]
async fn the_forge_makes_good_tokens_too() {
    let forge = Forge::new().await;
    forge.accepts(forge.tokens.access()).await;
    forge.accepts(&forge.sign(&forge.header.to_string(), &forge.claims.to_string())).await;
}

#[tokio::test]
async fn jw_02_alg_none() {
    let forge = Forge::new().await;
    let parts: Vec<&str> = forge.tokens.access().split('.').collect();
    for alg in [json!("none"), json!("None"), json!("nOnE"), json!("NONE"), json!(""), json!(null), json!(0)] {
        let header = if alg.is_null() {
            changed(&forge.header, "alg", Value::Null).to_string()
        } else {
            changed(&forge.header, "alg", alg.clone()).to_string()
        };
        for signature in ["", "AA", parts[2]] {
            let token = format!("{}.{}.{signature}", encode(&header), parts[1]);
            forge.refuses(&format!("{alg} with {signature:?}"), &token).await;
        }
        forge.refuses("two parts", &format!("{}.{}", encode(&header), parts[1])).await;
    }
    forge.refuses("no signature", &format!("{}.{}.", parts[0], parts[1])).await;
    for alg in ["es256", "ES384", "RS256", "PS256", "EdDSA", "RS1", "ES256K", "ES256 "] {
        forge.refuses(alg, &forge.headed("alg", json!(alg))).await;
    }
}

#[tokio::test]
async fn jw_03_confusion_with_a_shared_secret() {
    let forge = Forge::new().await;
    let jwks: Value = forge.party.get("/.well-known/jwks.json").await.json();
    let public = forge.key.verifying_key();
    let mut secrets: Vec<Vec<u8>> = vec![
        public.to_public_key_der().unwrap().as_bytes().to_vec(),
        public.to_public_key_pem(p256::pkcs8::LineEnding::LF).unwrap().into_bytes(),
        public.to_public_key_pem(p256::pkcs8::LineEnding::LF).unwrap().trim_end().as_bytes().to_vec(),
        jwks.to_string().into_bytes(),
        Vec::new(),
    ];
    for key in jwks["keys"].as_array().unwrap() {
        secrets.push(key.to_string().into_bytes());
        for member in ["x", "y", "n", "kid"] {
            if let Some(text) = key[member].as_str() {
                secrets.push(text.as_bytes().to_vec());
                secrets.extend(URL_SAFE_NO_PAD.decode(text));
            }
        }
        if let (Some(x), Some(y)) = (key["x"].as_str(), key["y"].as_str()) {
            secrets.push([URL_SAFE_NO_PAD.decode(x).unwrap(), URL_SAFE_NO_PAD.decode(y).unwrap()].concat());
        }
        for alg in ["HS256", "HS512", "ES256", "RS256"] {
            let header = json!({"alg": alg, "kid": key["kid"], "typ": "at+jwt"}).to_string();
            let input = format!("{}.{}", encode(header), encode(forge.claims.to_string()));
            for secret in &secrets {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                mac.update(input.as_bytes());
                forge.refuses(alg, &format!("{input}.{}", encode(mac.finalize().into_bytes()))).await;
            }
        }
    }
}

/// The key that a token brings along, or points to, is never used.
#[tokio::test]
async fn jw_04_keys_named_in_the_token() {
    let mut forge = Forge::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}/keys", listener.local_addr().unwrap());
    forge.key = SigningKey::from_slice(&[7; 32]).unwrap();
    let point = forge.key.verifying_key().to_sec1_point(false);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
        "kid": forge.header["kid"], "alg": "ES256", "use": "sig"});
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!(there)),
        ("x5u", json!(there)),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("kid", json!("nobody")),
        ("kid", json!("../../../dev/null")),
        ("kid", json!(there)),
        ("kid", Value::Null),
        ("kid", json!(["2026"])),
    ] {
        forge.refuses(&format!("{name} {value}"), &forge.headed(name, value)).await;
    }
    let both = changed(&changed(&forge.header, "jwk", jwk), "jku", json!(there));
    forge.refuses("all of them", &forge.sign(&both.to_string(), &forge.claims.to_string())).await;
    let fetched = tokio::time::timeout(std::time::Duration::from_millis(300), listener.accept()).await;
    assert!(fetched.is_err(), "the server fetched a key");
}

#[tokio::test]
async fn jw_07_jw_08_extensions() {
    let forge = Forge::new().await;
    for crit in [json!([]), json!(["exp"]), json!(["b64"]), json!("exp"), json!(0)] {
        forge.refuses("crit", &forge.headed("crit", crit)).await;
    }
    for b64 in [json!(true), json!(false)] {
        forge.refuses("b64", &forge.headed("b64", b64)).await;
    }
}

#[tokio::test]
async fn jw_09_other_serializations() {
    let forge = Forge::new().await;
    let good = forge.tokens.access();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let flattened = json!({"protected": header, "payload": claims, "signature": signature}).to_string();
    let general = json!({"payload": claims, "signatures": [{"protected": header, "signature": signature}]}).to_string();
    let standard = |part: &str| part.replace('-', "+").replace('_', "/");
    for (what, token) in [
        ("flattened", flattened),
        ("general", general),
        ("four parts", format!("{good}.AA")),
        ("five parts", format!("{good}.AA.AA")),
        ("one part", header.to_owned()),
        ("dots", "..".to_owned()),
        ("padding", format!("{header}=.{claims}=.{signature}=")),
        ("padded at the end", format!("{good}==")),
        ("an empty claim set", format!("{header}..{signature}")),
        ("another alphabet", format!("{}+/.{}.{}", standard(header), standard(claims), standard(signature))),
        ("a space in it", format!("{header} .{claims}.{signature}")),
        ("two tokens", format!("{good} {good}")),
        ("a comma", format!("{good},{good}")),
        ("quotes", format!("\"{good}\"")),
        ("a scheme", format!("Bearer {good}")),
    ] {
        forge.refuses(what, &token).await;
    }
    // The last characters of header and claims encode bits that nothing is made of.
    for (at, part) in [header, claims, signature].iter().enumerate() {
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
            let mut parts = [header.to_owned(), claims.to_owned(), signature.to_owned()];
            parts[at] = format!("{}{other}", &part[..part.len() - 1]);
            let token = parts.join(".");
            if token != good {
                forge.refuses("other trailing bits", &token).await;
            }
        }
    }
}

#[tokio::test]
async fn jw_11_other_kinds_of_token() {
    let forge = Forge::new().await;
    forge.refuses("an ID token", forge.tokens.id_token()).await;
    for typ in ["JWT", "logout+jwt", "dpop+jwt", "at+jwt ", "at", "", "application/jwt", "token-introspection+jwt"] {
        forge.refuses(typ, &forge.headed("typ", json!(typ))).await;
    }
    for typ in [Value::Null, json!(1), json!(["at+jwt"])] {
        forge.refuses("typ", &forge.headed("typ", typ)).await;
    }
    // RFC 9068 section 4 names both spellings.
    forge.accepts(&forge.headed("typ", json!("application/at+jwt"))).await;
    // The claims of an ID token under the header of an access token.
    let (_, id_claims) = opened(forge.tokens.id_token());
    forge.refuses("ID claims", &forge.sign(&forge.header.to_string(), &id_claims.to_string())).await;
}

#[tokio::test]
async fn jw_16_sizes() {
    let forge = Forge::new().await;
    let good = forge.tokens.access();
    forge.refuses("17 KiB", &forge.claiming("x", json!("x".repeat(17 * 1024)))).await;
    forge.refuses("dots", &".".repeat(20_000)).await;
    forge.refuses("a long header", &forge.headed("x", json!("x".repeat(20_000)))).await;
    forge.refuses("a long tail", &format!("{good}{}", "A".repeat(20_000))).await;
    // Beyond the head nothing is read; in a body there is room for more.
    let answer = forge.ask(&"a".repeat(64 * 1024 + 1)).await;
    assert_eq!(answer.status.as_u16(), 431);
    let form = |token: String| {
        let request = forge.party.http.post(forge.app.url("/userinfo")).form(&[("access_token", token)]);
        async { Answer::to(request).await }
    };
    for token in [".".repeat(60_000), "a".repeat(60_000), format!("{good}{}", ".a".repeat(20_000))] {
        let answer = form(token).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{answer:?}");
    }
    assert_eq!(form(".".repeat(1_000_000)).await.status.as_u16(), 413);
    assert_eq!(form(good.to_owned()).await.status.as_u16(), 200);
}

/// The second signature that ECDSA gives to everybody verifies, and opens nothing that the first did not.
#[tokio::test]
async fn jw_06_the_other_signature_dies_with_the_first() {
    let forge = Forge::new().await;
    let (input, signature) = forge.tokens.access().rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (r, s) = signature.split_scalars();
    let other = Signature::from_scalars(r, -s).unwrap();
    let other = format!("{input}.{}", encode(other.to_bytes()));
    assert_ne!(other, forge.tokens.access());
    let id = signet::domain::ids::FamilyId::new(forge.claims["grant_id"].as_str().unwrap()).unwrap();
    let reason = signet::domain::family::RevocationReason::Administrator;
    assert!(forge.app.signet.revoke_family(&id, reason, signet::domain::family::Reach::Immediate).await.unwrap());
    forge.refuses("the first", forge.tokens.access()).await;
    forge.refuses("the second", &other).await;
    for odd in [
        [0_u8; 64].to_vec(),
        [0xff; 64].to_vec(),
        [1; 63].to_vec(),
        [1; 65].to_vec(),
        signature.to_der().as_bytes().to_vec(),
    ] {
        forge.refuses("no signature", &format!("{input}.{}", encode(odd))).await;
    }
}
