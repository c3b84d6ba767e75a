//! `/health/live` and `/health/ready`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::App;
use super::respond;

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
}

/// The process answers. Says nothing about anything else: a restart would not mend it.
pub async fn live() -> HttpResponse {
    std::future::ready(respond::json(StatusCode::OK, &Health { status: "ok", reasons: Vec::new() })).await
}

/// Whether requests should be sent here: the database answers and every algorithm has a key that signs. "degraded" is
/// a yes: all is answered, but somebody should look. While Redis is away denials come from the database.
pub async fn ready(web: App) -> HttpResponse {
    let mut reasons = Vec::new();
    if web.signet.store.ping().await.is_err() {
        reasons.push("database");
    }
    let (ring, now) = (web.signet.ring.load(), web.signet.now());
    if web.signet.config.keys.algorithms.iter().any(|algorithm| ring.signer(*algorithm, now).is_none()) {
        reasons.push("keys");
    }
    if web.signet.is_stopping() {
        reasons.push("stopping");
    }
    if !reasons.is_empty() {
        return respond::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "unavailable", reasons });
    }
    if !web.signet.denylist_is_fed() {
        return respond::json(StatusCode::OK, &Health { status: "degraded", reasons: vec!["denylist"] });
    }
    respond::json(StatusCode::OK, &Health { status: "ok", reasons })
}
