//! What a server says when it is about to answer.

use std::io;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use crate::flow::Signet;
use crate::flow::dev;

use super::local_ca::Kept;
use super::serve::ServeArgs;
use super::trust::is_installed;

/// A server that is about to answer, for whoever started it. To stderr: stdout is for data.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    pub(super) signet: &'a Signet,
    pub(super) listeners: &'a [TcpListener],
    pub(super) admin: Option<&'a TcpListener>,
    /// The local authority that vouches for it.
    pub(super) authority: Option<&'a Kept>,
    /// How it was started: commands for it have to say the same.
    pub(super) args: &'a ServeArgs,
    pub(super) took: Duration,
}

impl Ready<'_> {
    fn addresses(&self) -> String {
        let addresses = self.listeners.iter().filter_map(|listener| listener.local_addr().ok());
        addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(", ")
    }

    fn setup_link(&self) -> String {
        let https = if self.args.https { " --https" } else { "" };
        let port = self.args.port.map(|port| format!(" --port {port}")).unwrap_or_default();
        format!("signet setup-link{https}{port}")
    }

    fn metrics(&self) -> Option<String> {
        let address = self.admin?.local_addr().ok()?;
        Some(format!("http://{address}/metrics"))
    }

    /// One event. A log is kept and read by many: it never gets the link that makes an administrator.
    pub(super) fn log(&self, needs_setup: bool) {
        tracing::info!(
            event = "started",
            issuer = self.signet.issuer(),
            addresses = self.addresses(),
            metrics = self.metrics(),
            dev = self.signet.dev,
            authority = self.authority.map(|kept| kept.certificate.display().to_string()),
            version = env!("CARGO_PKG_VERSION"),
            ready_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            setup = needs_setup.then(|| format!("nobody can sign in yet: run `{}`", self.setup_link())),
        );
    }

    /// What a person who starts the server wants to know.
    pub(super) fn print_box(&self, setup: Option<&str>) {
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
        if let Some(kept) = self.authority {
            lines.push(format!("Certificate  made by this computer's own authority, {}", kept.certificate.display()));
            lines.push(match is_installed(kept) {
                true => "             which this system trusts; `signet trust` says how browsers do".to_owned(),
                false => "             Make it trusted, once: signet trust".to_owned(),
            });
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
                "Create the first administrator (works once, for one hour; `{}` makes another):\n  {link}",
                self.setup_link(),
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
