//! The admin listener: `/metrics` and the health checks. Not for the internet, and without anything secret even so.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web;
use actix_web::web::ServiceConfig;
use actix_web::web::get;
use actix_web::web::resource;

use super::App;
use super::health;

/// Every route of the admin listener.
pub fn routes(app: &mut ServiceConfig) {
    app.service(resource("/metrics").route(get().to(metrics)))
        .service(resource("/health/live").route(get().to(health::live)))
        .service(resource("/health/ready").route(get().to(health::ready)))
        .default_service(web::to(not_found));
}

/// In the text format of Prometheus, version 0.0.4.
pub async fn metrics(web: App) -> HttpResponse {
    let text = web.signet.metrics_text().await;
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(text)
}

async fn not_found() -> HttpResponse {
    std::future::ready(HttpResponse::NotFound().finish()).await
}
