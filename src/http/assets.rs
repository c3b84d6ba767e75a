//! `/assets/`: styles and scripts, from memory, under names that change with their content.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Path;

use super::App;

pub async fn get(web: App, file: Path<String>) -> HttpResponse {
    let response = match web.pages.asset(&file) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.content_type))
            .insert_header((CACHE_CONTROL, asset.cache_control))
            .body(asset.body),
        None => HttpResponse::NotFound().finish(),
    };
    std::future::ready(response).await
}
