//! The floor: the same framework and the same signature, and nothing else. Runs as a process of its own.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Mutex;

use actix_web::App;
use actix_web::HttpResponse;
use actix_web::HttpServer;
use actix_web::web;
use actix_web::web::Bytes;
use actix_web::web::Data;
use argon2::Argon2;
use argon2::Block;
use josekit::jwk::Jwk;
use josekit::jws;
use josekit::jws::ES256;
use josekit::jws::JwsHeader;
use josekit::jws::JwsSigner;
use josekit::jws::JwsVerifier;
use josekit::jws::RS256;
use serde::Serialize;
use signet::ambient::Clock;
use signet::ambient::OsEntropy;
use signet::ambient::SystemClock;
use signet::crypto::jwk;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

use crate::Fault;

pub(crate) const COMMAND: &str = "floor";

struct Floor {
    header: JwsHeader,
    signer: Box<dyn JwsSigner + Send + Sync>,
    rs256: Box<dyn JwsSigner + Send + Sync>,
    verifier: Box<dyn JwsVerifier + Send + Sync>,
    /// Something to verify.
    token: String,
    clock: SystemClock,
    /// For password hashes, one after another.
    memory: Mutex<Vec<Block>>,
    /// As large as our key set and our discovery document.
    bodies: Vec<Bytes>,
}

/// As large as an access token for a service.
#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    sub: &'static str,
    aud: &'static str,
    client_id: &'static str,
    iat: i64,
    exp: i64,
    jti: &'static str,
    scope: &'static str,
}

/// Listens on a free port, says which on standard output, and runs until it is killed.
pub(crate) fn run(sizes: &[String]) -> Result<(), Fault> {
    let kid = KeyId::new("2026-11-22-floor-a")?;
    let key = jwk::generate(Algorithm::Es256, &kid, &OsEntropy)?;
    let rsa = jwk::generate(Algorithm::Rs256, &kid, &OsEntropy)?;
    let mut header = JwsHeader::new();
    header.set_token_type("at+jwt");
    header.set_key_id(kid.as_str());
    let sizes = sizes.iter().map(|size| Ok(size.parse::<usize>()?)).collect::<Result<Vec<_>, Fault>>()?;
    let signer = ES256.signer_from_der(&*key.private_pkcs8)?;
    let clock = SystemClock::new();
    let floor = Data::new(Floor {
        token: jws::serialize_compact(&serde_json::to_vec(&Claims::at(&clock))?, &header, &signer)?,
        header,
        signer: Box::new(signer),
        rs256: Box::new(RS256.signer_from_der(&*rsa.private_pkcs8)?),
        verifier: Box::new(ES256.verifier_from_jwk(&Jwk::from_bytes(key.public_jwk.as_bytes())?)?),
        clock,
        memory: Mutex::new(Vec::new()),
        bodies: sizes.into_iter().map(|size| Bytes::from(vec![b'x'; size])).collect(),
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            App::new()
                .app_data(floor.clone())
                .route("/sign", web::get().to(sign))
                .route("/sign/rs256", web::get().to(sign_rs256))
                .route("/verify", web::get().to(verify))
                .route("/hash", web::get().to(hash))
                .route("/body/{index}", web::get().to(body))
        };
        let server = HttpServer::new(app).workers(1).listen(listener)?.run();
        println!("{port}");
        std::io::stdout().flush()?;
        Ok(server.await?)
    })
}

impl Claims {
    fn at(clock: &SystemClock) -> Self {
        let now = clock.unix_micros() / 1_000_000;
        Self {
            iss: "http://localhost:8080",
            sub: "bench-service",
            aud: "https://api.example.test",
            client_id: "bench-service",
            iat: now,
            exp: now + 600,
            jti: "tok_0123456789abcdefghijkl",
            scope: "orders:read orders:write",
        }
    }
}

async fn sign(floor: Data<Floor>) -> HttpResponse {
    std::future::ready(signed(&floor, floor.signer.as_ref())).await
}

async fn sign_rs256(floor: Data<Floor>) -> HttpResponse {
    std::future::ready(signed(&floor, floor.rs256.as_ref())).await
}

fn signed(floor: &Floor, signer: &dyn JwsSigner) -> HttpResponse {
    let claims = serde_json::to_vec(&Claims::at(&floor.clock)).ok();
    match claims.and_then(|claims| jws::serialize_compact(&claims, &floor.header, signer).ok()) {
        Some(token) => HttpResponse::Ok().body(token),
        None => HttpResponse::InternalServerError().finish(),
    }
}

async fn verify(floor: Data<Floor>) -> HttpResponse {
    std::future::ready(match jws::deserialize_compact(&floor.token, floor.verifier.as_ref()) {
        Ok((claims, _)) => HttpResponse::Ok().body(claims),
        Err(_) => HttpResponse::InternalServerError().finish(),
    })
    .await
}

async fn hash(floor: Data<Floor>) -> HttpResponse {
    std::future::ready(match floor.hash() {
        Some(output) => HttpResponse::Ok().body(output.to_vec()),
        None => HttpResponse::InternalServerError().finish(),
    })
    .await
}

impl Floor {
    /// Argon2id with the parameters that are our default, in memory that is there already.
    fn hash(&self) -> Option<[u8; 32]> {
        let argon2 = Argon2::default();
        let mut memory = self.memory.lock().ok()?;
        memory.resize(argon2.params().block_count(), Block::new());
        let mut output = [0; 32];
        let done = argon2.hash_password_into_with_memory(b"correct-horse-battery", &[7; 16], &mut output, &mut *memory);
        done.ok().map(|()| output)
    }
}

async fn body(floor: Data<Floor>, index: web::Path<usize>) -> HttpResponse {
    std::future::ready(match floor.bodies.get(*index) {
        Some(body) => HttpResponse::Ok().content_type("application/json").body(body.clone()),
        None => HttpResponse::NotFound().finish(),
    })
    .await
}
