//! The HTTP server: listeners, limits, an orderly end.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::App as ActixApp;
use actix_web::HttpServer;
use actix_web::middleware::from_fn;

use super::App;
use super::Web;
use super::extract::form::BodyLimits;
use super::middleware;
use super::routes;

/// How long the head of a request may take to arrive.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

impl Web {
    /// How much of a body is read, and for how long.
    #[must_use]
    pub fn body_limits(&self) -> BodyLimits {
        let limits = &self.signet.config.limits;
        BodyLimits { bytes: limits.body, time: limits.body_timeout }
    }
}

/// Serves until it is told to stop, then lets requests under way finish.
///
/// # Errors
/// When a listener cannot be used.
pub async fn serve(web: App, listeners: Vec<TcpListener>) -> io::Result<()> {
    let config = &web.signet.config.server;
    let (workers, shutdown) = (config.workers, config.shutdown_timeout.as_secs());
    let dev = web.signet.dev;
    let app = web.clone();
    let mut server = HttpServer::new(move || {
        ActixApp::new().app_data(app.clone()).wrap(from_fn(middleware::around)).configure(routes(dev))
    })
    .workers(workers)
    .shutdown_timeout(shutdown)
    .client_request_timeout(HEAD_TIME)
    .keep_alive(KEEP_ALIVE);
    for listener in listeners {
        server = server.listen(listener)?;
    }
    server.run().await
}
