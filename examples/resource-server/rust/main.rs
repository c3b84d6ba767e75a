//! An API that accepts access tokens (RFC 9068). Copy `Tokens` and `Refused` into your own service.

mod tokens;

use actix_web::App;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::HttpServer;
use actix_web::web;
use actix_web::web::Data;
use serde_json::json;
use tokens::Refused;
use tokens::Tokens;

async fn me(request: HttpRequest, tokens: Data<Tokens>) -> Result<HttpResponse, Refused> {
    let token = tokens.require(&request, &[]).await?;
    Ok(HttpResponse::Ok().json(json!({ "sub": token.sub, "scope": token.scope })))
}

async fn orders(request: HttpRequest, tokens: Data<Tokens>) -> Result<HttpResponse, Refused> {
    tokens.require(&request, &["orders:read"]).await?;
    Ok(HttpResponse::Ok().json(json!([{ "id": 1, "what": "a teapot" }])))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let issuer = setting("ISSUER", "http://localhost:8080");
    // What this API calls itself: what applications name as `resource` and find in `aud`.
    let audience = setting("AUDIENCE", &format!("{issuer}/demo-api"));
    // Pinned here, never taken from the token: who may choose the algorithm may choose a weak one.
    let tokens = Data::new(Tokens::new(&issuer, &audience, &setting("ALGORITHM", "ES256"))?);
    let port = setting("PORT", "3003").parse()?;
    let server = HttpServer::new(move || {
        let routes = App::new().app_data(tokens.clone());
        routes.route("/me", web::get().to(me)).route("/orders", web::get().to(orders))
    });
    let server = server.workers(1).bind(("127.0.0.1", port))?;
    println!("listening on http://localhost:{port}");
    Ok(server.run().await?)
}
