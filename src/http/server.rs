//! The HTTP server: listeners, limits, an orderly end.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use actix_web::App as ActixApp;
use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;

use super::App;
use super::Web;
use super::admin;
use super::connection::Connections;
use super::extract::form::BodyLimits;
use super::middleware;
use super::routes;
use super::tls;
use super::tls::Tls;

/// Handshakes under way at once in one worker: as many as connections without TLS. The framework's own 256 would let
/// whoever opens so many connections and says nothing keep out everybody else.
const MOST_HANDSHAKES: usize = 25_000;

impl Web {
    /// How much of a body is read, and for how long.
    #[must_use]
    pub fn body_limits(&self) -> BodyLimits {
        let limits = &self.signet.config.limits;
        BodyLimits { bytes: limits.body.as_usize(), time: limits.body_timeout }
    }
}

/// A server that runs when it is awaited, until `goodbye`; then it accepts nobody and lets requests under way finish. With
/// `tls` it speaks https, and nothing else.
///
/// # Errors
/// When a listener cannot be used.
pub fn build(
    web: &App,
    listeners: Vec<TcpListener>,
    tls: Option<&Tls>,
    goodbye: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Server> {
    let config = &web.signet.config.server;
    let shutdown = config.shutdown_timeout.as_secs();
    let workers = match config.workers {
        0 => available_parallelism().map_or(1, NonZero::get),
        chosen => usize::try_from(chosen).unwrap_or(1),
    };
    let (head_timeout, keep_alive) = (web.signet.config.limits.head_timeout, config.keep_alive);
    let dev = web.signet.dev;
    let app = web.clone();
    let connections = Arc::<Connections>::default();
    actix_web::rt::spawn(Arc::clone(&connections).watch(keep_alive + head_timeout));
    let mut server = HttpServer::new(move || {
        ActixApp::new().app_data(app.clone()).wrap(from_fn(middleware::around)).configure(routes(dev))
    })
    .workers(workers)
    .shutdown_signal(goodbye)
    .shutdown_timeout(shutdown)
    .client_request_timeout(head_timeout)
    .keep_alive(keep_alive)
    // A handshake is the head of the head.
    .tls_handshake_timeout(head_timeout)
    .max_connection_rate(MOST_HANDSHAKES)
    .on_connect(move |connection, data| {
        tls::keep_client_certificate(connection, data);
        connections.begin(connection, data);
    });
    for listener in listeners {
        server = match tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls.config())?,
            None => server.listen(listener)?,
        };
    }
    Ok(server.run())
}

/// The same for the admin listener: one worker of its own, so that metrics are answered when the public ones are busy.
///
/// # Errors
/// When the listener cannot be used.
pub fn build_admin(web: &App, listener: TcpListener) -> io::Result<Server> {
    let app = web.clone();
    let server = HttpServer::new(move || {
        ActixApp::new().app_data(app.clone()).wrap(from_fn(middleware::around)).configure(admin::routes)
    })
    .workers(1)
    .shutdown_timeout(1)
    // Whoever runs both servers hears the signals.
    .disable_signals()
    .client_request_timeout(web.signet.config.limits.head_timeout)
    .listen(listener)?;
    Ok(server.run())
}
