//! `signet keys list`.

use serde_json::Value as Json;
use serde_json::json;

use crate::domain::key::KeyState;
use crate::domain::key::SigningKey;
use crate::domain::time::Timestamp;
use crate::flow::Signet;
use crate::keys::forecast::forecast;

use super::Failure;
use super::console::Console;
use super::output::Listing;
use super::output::OutputArgs;

/// # Errors
/// [`Failure`] when the database does not answer.
pub(super) async fn run(signet: &Signet, output: OutputArgs, console: Console) -> Result<(), Failure> {
    let mut keys = signet.store.signing_keys().await?;
    let policy = signet.key_policy().await?;
    let tokens = signet.tokens_in_24_hours().await?;
    let everything = keys.clone();
    keys.sort_by(|a, b| {
        (a.algorithm, order(a.state), a.published_at).cmp(&(b.algorithm, order(b.state), b.published_at))
    });
    let row = |key: &SigningKey| {
        let life = forecast(key, &everything, &policy);
        vec![
            json!(key.algorithm.as_str()),
            json!(key.kid.as_str()),
            json!(key.state.as_str()),
            json!(key.published_at.to_string()),
            instant(life.signs_from),
            instant(life.signs_until),
            instant(life.leaves_jwks),
            json!(tokens.get(&key.kid).copied().unwrap_or_default()),
            instant(key.activates_at.filter(|_| key.state == KeyState::Next)),
        ]
    };
    let columns =
        vec!["alg", "kid", "state", "published", "signs_from", "signs_until", "leaves_jwks", "tokens_24h", "planned"];
    console.list(&Listing { columns, rows: keys.iter().map(row).collect(), name: 1 }, output.output)?;
    if let Some(until) = signet.keys_paused_until().await? {
        console.say(&format!("Paused: no rotation is planned before {until}."));
    }
    Ok(())
}

const fn order(state: KeyState) -> u8 {
    match state {
        KeyState::Active => 0,
        KeyState::Next => 1,
        KeyState::Retired => 2,
        KeyState::Expired => 3,
        KeyState::Revoked => 4,
    }
}

fn instant(time: Option<Timestamp>) -> Json {
    time.map_or(Json::Null, |time| json!(time.to_string()))
}
