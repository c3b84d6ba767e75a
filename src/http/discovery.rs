//! Discovery, OpenID Connect Discovery section 4 and RFC 8414: made from the configuration, whatever a request says
//! about host or scheme. An algorithm that was added lately is not told before a key signs with it.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::header::ETAG;
use actix_web::web::Bytes;

use crate::crypto::hash;
use crate::domain::key::Algorithm;
use crate::domain::secret::SecretKind;
use crate::protocol::discovery::Metadata;
use crate::protocol::discovery::Server;

use super::App;
use super::jwks;

/// What both addresses answer, ready to send.
#[derive(Debug)]
pub struct Documents {
    server: Server,
    current: RwLock<(Vec<Algorithm>, Arc<Document>)>,
}

#[derive(Debug)]
struct Document {
    body: Bytes,
    etag: String,
}

impl Documents {
    /// `server`: with all algorithms that are configured.
    ///
    /// # Errors
    /// When the metadata cannot be written as JSON, which no configuration leads to.
    pub fn new(server: Server) -> Result<Self, serde_json::Error> {
        let document = Arc::new(Document::new(&Metadata::of(&server))?);
        Ok(Self { current: RwLock::new((server.id_token_algorithms.clone(), document)), server })
    }

    /// The document for a moment when keys of these algorithms sign.
    fn current(&self, signing: &[Algorithm]) -> Arc<Document> {
        let told: Vec<Algorithm> =
            self.server.id_token_algorithms.iter().copied().filter(|algorithm| signing.contains(algorithm)).collect();
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if current.0 == told {
            return current.1;
        }
        let server = Server { id_token_algorithms: told.clone(), ..self.server.clone() };
        match Document::new(&Metadata::of(&server)) {
            Ok(document) => {
                let document = Arc::new(document);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = (told, Arc::clone(&document));
                document
            }
            // It could be written with other algorithms in it.
            Err(_) => current.1,
        }
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
    std::future::ready(serve(&web, &request)).await
}

pub async fn oauth(web: App, request: HttpRequest) -> HttpResponse {
    std::future::ready(serve(&web, &request)).await
}

fn serve(web: &App, request: &HttpRequest) -> HttpResponse {
    let signing: Vec<Algorithm> = web.signet.ring.load().algorithms(web.signet.steady_now()).collect();
    let document = web.discovery.current(&signing);
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
