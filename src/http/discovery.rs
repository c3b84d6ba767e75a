//! Discovery, OpenID Connect Discovery section 4 and RFC 8414: made once from the configuration, whatever a request
//! says about host or scheme.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::header::ETAG;
use actix_web::web::Bytes;

use crate::crypto::hash;
use crate::domain::secret::SecretKind;
use crate::protocol::discovery::Metadata;

use super::App;
use super::jwks;

/// What both addresses answer, ready to send.
#[derive(Debug)]
pub struct Documents {
    document: Document,
}

#[derive(Debug)]
struct Document {
    body: Bytes,
    etag: String,
}

impl Documents {
    /// # Errors
    /// When the metadata cannot be written as JSON, which no configuration leads to.
    pub fn new(metadata: &Metadata) -> Result<Self, serde_json::Error> {
        Ok(Self { document: Document::new(metadata)? })
    }
}

impl Document {
    fn new(content: &Metadata) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(content)?;
        let digest = hash::secret_hash(SecretKind::Browser, &String::from_utf8_lossy(&body));
        let etag = format!("\"{}\"", hash::base64url(digest.as_bytes()));
        Ok(Self { body: Bytes::from(body), etag })
    }
}

pub async fn openid(web: App, request: HttpRequest) -> HttpResponse {
    std::future::ready(serve(&request, &web.discovery.document)).await
}

pub async fn oauth(web: App, request: HttpRequest) -> HttpResponse {
    std::future::ready(serve(&request, &web.discovery.document)).await
}

fn serve(request: &HttpRequest, document: &Document) -> HttpResponse {
    let unchanged = jwks::matches(request, &document.etag);
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((ETAG, document.etag.as_str()))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if unchanged {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, "application/json")).body(document.body.clone())
}
