//! `signet serve`: the server.

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::Data;
use clap::Args;

use crate::ambient::Clock;
use crate::ambient::SystemClock;
use crate::config::Config;
use crate::flow::Signet;
use crate::flow::dev;
use crate::http::Web;
use crate::http::server;

use super::Failure;
use super::dev_server;
use super::dev_server::DevServer;
use super::log::Reader;
use super::open;
use super::open::Selection;

/// Starts the server.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Configuration file; without it ./signet.toml, or defaults.
    #[arg(long, value_name = "FILE", env = "SIGNET_CONFIG")]
    pub config: Option<PathBuf>,
    /// A server to try things with: demo users and clients, a playground, data that is gone at exit. Loopback only.
    #[arg(long, conflicts_with = "config")]
    pub dev: bool,
    /// Port of the public listener on loopback; the issuer of a dev server follows it.
    #[arg(long)]
    pub port: Option<u16>,
}

/// Runs until a signal says stop.
///
/// # Errors
/// [`Failure`] with the exit code of its kind: 78 for configuration, 69 for a database that does not answer.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let clock = Arc::new(SystemClock::new());
    let dev_server = if args.dev { Some(DevServer::create(args.port.unwrap_or(dev_server::PORT))?) } else { None };
    let selection = match &dev_server {
        Some(dev) => Selection::of_dev_server(dev),
        None => Selection { config: args.config.clone(), port: args.port, ..Selection::default() },
    };
    let loaded = open::load(&selection)?;
    // The secrets of a dev server are known to everybody, and whoever starts one wants to see them wherever they look.
    let reader = match super::log::start(&loaded.config.telemetry)? {
        _ if args.dev => Reader::Person,
        reader => reader,
    };
    for warning in &loaded.warnings {
        match reader {
            Reader::Person => drop(writeln!(io::stderr(), "warning: {warning}")),
            Reader::Machine => {
                tracing::warn!(event = "config_warning", place = %warning.place, message = warning.message);
            }
        }
    }
    if args.dev {
        check_loopback(&loaded.config)?;
    }
    let listeners = bind(&loaded.config.server.listen)?;
    let admin = bind_admin(loaded.config.server.admin_listen, args.dev)?;
    // The database wants a runtime of its own: migrations block, and PostgreSQL connections must outlive workers.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let signet = runtime.block_on(prepare(loaded.config, clock.clone(), dev_server.as_ref()))?;
    let web = Data::new(Web::new(Arc::clone(&signet)).map_err(|fault| Failure::configuration(&fault))?);
    let needs_setup = !signet.dev && runtime.block_on(signet.needs_setup())?;
    let ready = Ready { signet: &signet, listeners: &listeners, admin: admin.as_ref(), took: clock.monotonic() };
    match reader {
        Reader::Person => {
            let link = if needs_setup { Some(runtime.block_on(signet.new_setup_link())?) } else { None };
            ready.print_box(link.as_deref());
        }
        Reader::Machine => ready.log(needs_setup),
    }
    runtime.spawn(super::background::run(Arc::clone(&signet)));
    actix_web::rt::System::new().block_on(async {
        let admin = admin.map(|listener| server::build_admin(&web, listener)).transpose()?;
        let handle = admin.as_ref().map(Server::handle);
        if let Some(admin) = admin {
            actix_web::rt::spawn(admin);
        }
        let ended = server::build(&web, listeners)?.await;
        if let Some(handle) = handle {
            handle.stop(true).await;
        }
        ended
    })?;
    runtime.block_on(signet.flush());
    drop(dev_server);
    Ok(())
}

async fn prepare(
    config: Config,
    clock: Arc<dyn Clock>,
    dev_server: Option<&DevServer>,
) -> Result<Arc<Signet>, Failure> {
    open::create_data_folder(&config)?;
    let signet = Arc::new(open::provider(config, clock, dev_server.is_some(), open::Missing::Create).await?);
    if dev_server.is_some() {
        // Making RSA keys and hashing passwords both take a while: side by side.
        let (keys, data) = tokio::join!(signet.tend_keys(), signet.create_demo_data());
        keys?;
        data?;
    } else {
        signet.check_clock(&signet.store.signing_keys().await?)?;
        signet.ensure_active_keys().await?;
        signet.apply_configured_clients().await?;
    }
    Ok(signet)
}

/// RFC 6761 section 6.3: the loopback addresses reach nobody else. Demo passwords must not.
fn check_loopback(config: &Config) -> Result<(), Failure> {
    match config.server.listen.iter().find(|address| !address.ip().is_loopback()) {
        Some(address) => Err(Failure::configuration(&format!(
            "serve --dev listens on loopback only, because its passwords are known to everybody; {address} is not loopback"
        ))),
        None => Ok(()),
    }
}

/// Binds before anything is shown as ready. A machine without IPv6 is fine as long as one address works.
fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in addresses {
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(fault) if fault.kind() == io::ErrorKind::AddrNotAvailable && address.is_ipv6() => {}
            Err(fault) => return Err(Failure::failed(&format!("cannot listen on {address}: {fault}"))),
        }
    }
    if listeners.is_empty() {
        return Err(Failure::failed(&"none of the addresses to listen on exists on this machine"));
    }
    Ok(listeners)
}

/// A dev server does without: somebody else may need the port after its own.
fn bind_admin(address: SocketAddr, dev: bool) -> Result<Option<TcpListener>, Failure> {
    match TcpListener::bind(address) {
        Ok(listener) => Ok(Some(listener)),
        Err(fault) if dev => {
            let _ = writeln!(io::stderr(), "warning: no metrics: cannot listen on {address}: {fault}");
            Ok(None)
        }
        Err(fault) => Err(Failure::failed(&format!("cannot listen on {address} (server.admin_listen): {fault}"))),
    }
}

/// A server that is about to answer, for whoever started it. To stderr: stdout is for data.
struct Ready<'a> {
    signet: &'a Signet,
    listeners: &'a [TcpListener],
    admin: Option<&'a TcpListener>,
    took: Duration,
}

impl Ready<'_> {
    fn addresses(&self) -> String {
        let addresses = self.listeners.iter().filter_map(|listener| listener.local_addr().ok());
        addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(", ")
    }

    fn metrics(&self) -> Option<String> {
        let address = self.admin?.local_addr().ok()?;
        Some(format!("http://{address}/metrics"))
    }

    /// One event. A log is kept and read by many: it never gets the link that makes an administrator.
    fn log(&self, needs_setup: bool) {
        tracing::info!(
            event = "started",
            issuer = self.signet.issuer(),
            addresses = self.addresses(),
            metrics = self.metrics(),
            dev = self.signet.dev,
            version = env!("CARGO_PKG_VERSION"),
            ready_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            setup = needs_setup.then_some("nobody can sign in yet: run `signet setup-link`"),
        );
    }

    /// What a person who starts the server wants to know.
    fn print_box(&self, setup: Option<&str>) {
        let issuer = self.signet.issuer();
        let mut lines =
            vec![format!("signet {}   ready in {:.2} s", env!("CARGO_PKG_VERSION"), self.took.as_secs_f64())];
        if self.signet.dev {
            lines.push("dev mode: data is gone at exit, passwords are known to everybody, loopback only".to_owned());
        }
        lines.push(String::new());
        lines.push(format!("Issuer       {issuer}"));
        lines.push(format!("Discovery    {issuer}/.well-known/openid-configuration"));
        if let Some(metrics) = self.metrics() {
            lines.push(format!("Metrics      {metrics}"));
        }
        if self.signet.dev {
            lines.push(format!("Playground   {issuer}/playground"));
            let (user, password, other) = (dev::USER, dev::PASSWORD, dev::OTHER_USER);
            lines.push(format!("User         {user} / {password}   (role admin; also {other})"));
            lines.push(format!("Client       {}   secret {}", dev::WEB_CLIENT, dev::CLIENT_SECRET));
            lines.push("             redirect URI /callback on any port of localhost".to_owned());
            lines.push(format!("             {} (public), {} (same secret)", dev::SPA_CLIENT, dev::SERVICE_CLIENT));
            lines.push(format!("API audience {}", self.signet.demo_api()));
            lines.push(format!("Registration {}   (open)", self.signet.registration_endpoint()));
            lines.push(String::new());
            lines
                .push(format!("Next: open {issuer}/playground/start, press Sign in, press Allow, and see two tokens."));
        }
        if let Some(link) = setup {
            lines.push(String::new());
            lines.push(format!(
                "Create the first administrator (works once, for one hour; `signet setup-link` makes another):\n  {link}"
            ));
        }
        lines.push(String::new());
        lines.push(format!("Listening on {}.   Stop: Ctrl-C", self.addresses()));
        let mut err = io::stderr().lock();
        for line in lines {
            let _ = writeln!(err, "  {line}");
        }
    }
}
