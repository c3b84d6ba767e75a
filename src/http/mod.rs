//! HTTP: one thin file for each endpoint. Parse, call a flow, render.
//!
//! [`routes`] is the whole server on one screen.

pub mod account;
pub mod admin;
pub mod assets;
pub mod authorize;
pub mod check_session;
pub mod connection;
pub mod consent;
pub mod cookie;
pub mod cors;
pub mod decoder;
pub mod demo_api;
pub mod discovery;
pub mod end_session;
pub mod error;
pub mod extract;
pub mod forward_auth;
pub mod gateway;
pub mod health;
pub mod home;
pub mod introspect;
pub mod jwks;
pub mod login;
pub mod middleware;
pub mod newcomers;
pub mod page;
pub mod playground;
pub mod reference;
pub mod register;
pub mod respond;
pub mod revoke;
pub mod server;
pub mod session_api;
pub mod setup;
pub mod tls;
pub mod token;
pub mod unread;
pub mod userinfo;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web;
use actix_web::web::Data;
use actix_web::web::ServiceConfig;
use actix_web::web::delete;
use actix_web::web::get;
use actix_web::web::head;
use actix_web::web::method;
use actix_web::web::post;
use actix_web::web::put;
use actix_web::web::resource;

use crate::config::registration::Mode;
use crate::flow::Signet;
use crate::protocol::discovery::Server;

use self::cookie::Cookies;
use self::page::PageError;
use self::page::Pages;

/// What every endpoint has at hand.
#[derive(Debug)]
pub struct Web {
    pub signet: Arc<Signet>,
    pub pages: Pages,
    pub cookies: Cookies,
    pub discovery: discovery::Documents,
    /// Whether browsers are told to use https for this host alone, RFC 6797.
    pub keeps_to_https: bool,
}

pub type App = Data<Web>;

/// Why a provider cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("discovery cannot be written: {0}")]
    Discovery(#[from] serde_json::Error),
}

impl Web {
    /// Loads pages and writes the discovery document.
    ///
    /// # Errors
    /// [`WebError::Page`] when a theme is broken.
    pub fn new(signet: Arc<Signet>) -> Result<Self, WebError> {
        let ui = &signet.config.ui;
        let pages = Pages::load(ui.templates_dir.as_deref(), &ui.name, ui.default_locale.as_str())?;
        let discovery = discovery::Documents::new(Server {
            issuer: signet.issuer().to_owned(),
            id_token_algorithms: signet.config.keys.algorithms.clone(),
            scopes: Vec::new(),
            registration: signet.registration_mode() != Mode::Off,
            ui_locales: pages.locales().map(|locale| pages.tag(locale).to_owned()).collect(),
            front_channel: signet.config.tokens.front_channel,
        })?;
        let cookies = Cookies::of_issuer(signet.issuer());
        let keeps_to_https = signet.config.server.keeps_to_https();
        Ok(Self { signet, pages, cookies, discovery, keeps_to_https })
    }
}

/// Every route. A path that is written differently (`//token`, `/token/`, `/%74oken`) is not found.
pub fn routes(dev: bool) -> impl FnOnce(&mut ServiceConfig) {
    let refuse = || web::to(respond::method_not_allowed);
    let options = || method(Method::OPTIONS);
    move |app| {
        document_routes(app);
        app.service(
            resource("/authorize")
                .route(get().to(authorize::get))
                .route(post().to(authorize::post))
                .default_service(refuse()),
        )
        .service(resource("/").route(get().to(home::get)).route(head().to(home::get)).default_service(refuse()))
        .service(resource("/authorize/{request}").route(get().to(authorize::resume)).default_service(refuse()))
        .service(resource("/login").route(get().to(login::get)).route(post().to(login::post)).default_service(refuse()))
        .service(
            resource("/select_account")
                .route(get().to(login::select_account_page))
                .route(post().to(login::select_account))
                .default_service(refuse()),
        )
        .service(
            resource("/consent")
                .route(get().to(consent::get))
                .route(post().to(consent::post))
                .default_service(refuse()),
        )
        .service(
            resource("/token")
                .route(post().to(token::post))
                .route(options().to(cors::preflight_clients))
                .default_service(refuse()),
        )
        .service(
            resource("/userinfo")
                .route(get().to(userinfo::get))
                .route(post().to(userinfo::post))
                .route(options().to(cors::preflight_clients))
                .default_service(refuse()),
        )
        .service(
            resource("/revoke")
                .route(post().to(revoke::post))
                .route(options().to(cors::preflight_clients))
                .default_service(refuse()),
        )
        .service(resource("/introspect").route(post().to(introspect::post)).default_service(refuse()))
        .service(
            resource("/end_session")
                .route(get().to(end_session::get))
                .route(post().to(end_session::post))
                .default_service(refuse()),
        )
        .service(resource("/check_session").route(get().to(check_session::get)).default_service(refuse()))
        .service(
            resource("/account")
                .route(get().to(account::get))
                .route(post().to(account::post))
                .default_service(refuse()),
        )
        .service(resource("/forward-auth").route(web::route().to(forward_auth::check)))
        .service(resource("/gateway").route(get().to(gateway::get)).default_service(refuse()))
        .service(
            resource("/setup/{link}")
                .route(get().to(setup::get))
                .route(post().to(setup::post))
                .default_service(refuse()),
        )
        .service(
            resource("/tools/jwt")
                .route(get().to(decoder::get))
                .route(head().to(decoder::get))
                .default_service(refuse()),
        )
        .service(resource("/assets/{file}").route(get().to(assets::get)).default_service(refuse()))
        .service(resource("/health/live").route(get().to(health::live)).default_service(refuse()))
        .service(resource("/health/ready").route(get().to(health::ready)).default_service(refuse()));
        registration_routes(app);
        session_api_routes(app);
        if dev {
            dev_routes(app);
        }
        app.default_service(web::to(respond::not_found));
    }
}

fn document_routes(app: &mut ServiceConfig) {
    let refuse = || web::to(respond::method_not_allowed);
    let options = || method(Method::OPTIONS);
    app.service(
        resource("/.well-known/openid-configuration")
            .route(get().to(discovery::openid))
            .route(head().to(discovery::openid))
            .route(options().to(cors::preflight_public))
            .default_service(refuse()),
    )
    .service(
        resource("/.well-known/oauth-authorization-server")
            .route(get().to(discovery::oauth))
            .route(head().to(discovery::oauth))
            .route(options().to(cors::preflight_public))
            .default_service(refuse()),
    )
    .service(
        resource("/.well-known/jwks.json")
            .route(get().to(jwks::jwks))
            .route(head().to(jwks::jwks))
            .route(options().to(cors::preflight_public))
            .default_service(refuse()),
    );
}

fn registration_routes(app: &mut ServiceConfig) {
    let refuse = || web::to(respond::method_not_allowed);
    app.service(resource("/register").route(post().to(register::post)).default_service(refuse())).service(
        resource("/register/{client_id}")
            .route(get().to(register::get))
            .route(put().to(register::put))
            .route(delete().to(register::delete))
            .default_service(refuse()),
    );
}

fn session_api_routes(app: &mut ServiceConfig) {
    let preflight = || method(Method::OPTIONS).to(cors::preflight_session_api);
    let refuse = || web::to(respond::method_not_allowed);
    let login = resource("/auth/login").route(post().to(session_api::login::post));
    let refresh = resource("/auth/refresh").route(post().to(session_api::refresh::post));
    let logout = resource("/auth/logout").route(post().to(session_api::logout::post));
    for endpoint in [login, refresh, logout] {
        app.service(endpoint.route(preflight()).default_service(refuse()));
    }
}

fn dev_routes(app: &mut ServiceConfig) {
    app.service(resource("/playground").route(get().to(playground::start_page)))
        .service(
            resource("/playground/start").route(get().to(playground::start)).route(post().to(playground::start_chosen)),
        )
        .service(resource("/callback").route(get().to(playground::callback)))
        .service(
            resource("/demo-api")
                .route(get().to(demo_api::get))
                .route(method(Method::OPTIONS).to(cors::preflight_clients))
                .default_service(web::to(respond::method_not_allowed)),
        );
}
