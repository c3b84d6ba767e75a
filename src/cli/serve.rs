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
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
use rustix::process::setrlimit;
use tokio::sync::oneshot;

use crate::ambient::Clock;
use crate::ambient::OsEntropy;
use crate::ambient::SystemClock;
use crate::config::Config;
use crate::flow::Signet;
use crate::http::Web;
use crate::http::newcomers::Newcomers;
use crate::http::server;

use super::Failure;
use super::certificate;
use super::dev_server;
use super::dev_server::DevServer;
use super::log::Reader;
use super::open;
use super::open::Selection;
use super::ready::Ready;
use super::stop::Signals;

/// What tasks in the background have left when all requests have been answered.
const LAST_BREATH: Duration = Duration::from_secs(1);

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
    /// Speak https: with the certificate of the configuration, else with one that this computer makes for itself. For
    /// loopback then; `signet trust` makes browsers believe it.
    #[arg(long)]
    pub https: bool,
}

/// Runs until a signal says stop.
///
/// # Errors
/// [`Failure`] with the exit code of its kind: 78 for configuration, 69 for a database that does not answer.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    allow_many_connections();
    let clock = Arc::new(SystemClock::new());
    let usual = if args.https { dev_server::HTTPS_PORT } else { dev_server::PORT };
    let dev_server = if args.dev { Some(DevServer::create(args.port.unwrap_or(usual), args.https)?) } else { None };
    let selection = match &dev_server {
        Some(dev) => Selection::of_dev_server(dev),
        None => Selection { config: args.config.clone(), port: args.port, https: args.https, ..Selection::default() },
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
    let certificate = certificate::open(&loaded.config, clock.clone(), &OsEntropy)?;
    let authority = certificate.as_ref().and_then(|opened| opened.authority.as_ref());
    if let (Some(dev), Some(authority)) = (&dev_server, authority) {
        dev.is_vouched_for_by(&authority.certificate)?;
    }
    let listeners = bind(&loaded.config.server.listen)?;
    let admin = bind_admin(loaded.config.server.admin_listen, args.dev)?;
    // The database wants a runtime of its own: migrations block, and PostgreSQL connections must outlive workers.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let signet = runtime.block_on(prepare(loaded.config, clock.clone(), dev_server.as_ref()))?;
    let web = Data::new(Web::new(Arc::clone(&signet)).map_err(|fault| Failure::configuration(&fault))?);
    // Before anybody can know of this server.
    let mut signals = {
        let _context = runtime.enter();
        Signals::hear()?
    };
    if let Some(dev) = &dev_server {
        dev.announce()?;
    }
    let needs_setup = !signet.dev && runtime.block_on(signet.needs_setup())?;
    let ready = Ready {
        signet: &signet,
        listeners: &listeners,
        admin: admin.as_ref(),
        authority,
        args,
        took: clock.monotonic(),
    };
    match reader {
        Reader::Person => {
            let link = if needs_setup { Some(runtime.block_on(signet.new_setup_link())?) } else { None };
            ready.print_box(link.as_deref());
        }
        Reader::Machine => ready.log(needs_setup),
    }
    runtime.spawn(super::background::run(Arc::clone(&signet)));
    let tls = certificate.as_ref().map(|opened| Arc::clone(&opened.tls));
    if let Some(tls) = &tls {
        runtime.spawn(certificate::watch(Arc::clone(tls), Arc::clone(&signet)));
    }
    actix_web::rt::System::new().block_on(async {
        let admin = admin.map(|listener| server::build_admin(&web, listener)).transpose()?;
        let handle = admin.as_ref().map(Server::handle);
        if let Some(admin) = admin {
            actix_web::rt::spawn(admin);
        }
        let newcomers = Newcomers::of(&listeners)?;
        let (say, goodbye) = oneshot::channel();
        let (drain, leaving) = (signet.config.server.drain, Arc::clone(&signet));
        let hurry = runtime.spawn(async move {
            signals.goodbye(leaving, drain, newcomers).await;
            let _ = say.send(());
            signals.again().await;
        });
        let ended = tokio::select! {
            ended = server::build(&web, listeners, tls.as_deref(), async { drop(goodbye.await) })? => ended,
            // What is under way is cut off.
            _ = hurry => Ok(()),
        };
        if let Some(handle) = handle {
            handle.stop(true).await;
        }
        ended
    })?;
    runtime.block_on(signet.flush());
    // A key that is being made for later is not waited for.
    runtime.shutdown_timeout(LAST_BREATH);
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
        signet.apply_fixtures().await?;
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

/// As many file descriptors as whoever started us allows. The usual limit of 1024 is lower only for programs that cannot count
/// further (`select`); each connection takes two.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    // Then it is what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
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
