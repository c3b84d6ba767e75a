//! `signet proxy-config`: a whole configuration for the proxy in front of an application, every line of it there for
//! a reason that it gives.
//!
//! The files differ, the rules do not: nothing that a client sent under the names of the family reaches the
//! application, in no spelling; every request is asked about, so nobody makes a tunnel of a connection but for a
//! WebSocket; without an answer nobody passes.

mod caddy;
mod envoy;
mod nginx;
mod traefik;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use clap::Args;
use clap::ValueEnum;
use url::Host;
use url::Url;

use crate::http::cookie::Cookie;
use crate::http::cookie::Cookies;
use crate::http::cookie::Slot;
use crate::protocol::gateway::Asked;
use crate::protocol::gateway::Family;

use super::Failure;
use super::open;
use super::open::Selection;

/// Cookies with which an application that sees them could be the person, or the browser, at Signet.
const OF_SIGNET: [Cookie; 7] = [
    Cookie::Session,
    Cookie::Browser,
    Cookie::Device,
    Cookie::Refresh(Slot::First),
    Cookie::Refresh(Slot::Second),
    Cookie::Refresh(Slot::Third),
    Cookie::Refresh(Slot::Fourth),
];

#[derive(Debug, Args)]
pub(super) struct Options {
    proxy: Proxy,
    /// The application.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000", value_parser = base)]
    upstream: Url,
    /// Where browsers reach the application through the proxy.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8000", value_parser = base)]
    app: Url,
    /// The issuer; without it, the one of the configuration.
    #[arg(long, value_name = "URL", value_parser = base)]
    issuer: Option<Url>,
    /// Where the proxy reaches Signet, when that is not the issuer's own address.
    #[arg(long, value_name = "URL", value_parser = base)]
    signet: Option<Url>,
    /// Under which names the application is told who is calling.
    #[arg(long, value_name = "FAMILY", default_value = "seed", value_parser = family)]
    headers: Family,
    /// Let only people with this role pass; with commas, any of them will do. Repeated, each must hold.
    #[arg(long = "role", value_name = "ROLE", value_parser = demand)]
    roles: Vec<String>,
    /// Let only access tokens with this scope pass. Repeated, each must hold.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = demand)]
    scopes: Vec<String>,
    /// Let only access tokens for this audience pass; one of gateway.audiences.
    #[arg(long, value_name = "AUDIENCE", value_parser = demand)]
    audience: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Proxy {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
}

/// What goes into a file.
struct Plan<'a> {
    upstream: &'a Url,
    app: &'a Url,
    issuer: &'a Url,
    /// Where the proxy reaches Signet.
    signet: &'a Url,
    family: Family,
    /// Path and query of the check.
    check: String,
}

/// # Errors
/// Exit code 78 when the issuer has to be read from a configuration with faults; when stdout cannot be written to.
pub(super) fn run(args: &Options, selection: &Selection) -> Result<(), Failure> {
    let issuer = match &args.issuer {
        Some(issuer) => issuer.clone(),
        None => base(open::load(selection)?.config.server.issuer.as_str()).map_err(|fault| Failure::usage(&fault))?,
    };
    let plan = Plan {
        upstream: &args.upstream,
        app: &args.app,
        signet: args.signet.as_ref().unwrap_or(&issuer),
        issuer: &issuer,
        family: args.headers,
        check: check(args),
    };
    let text = match args.proxy {
        Proxy::Nginx => nginx::file(&plan),
        Proxy::Caddy => caddy::file(&plan),
        Proxy::Traefik => traefik::file(&plan),
        Proxy::Envoy => envoy::file(&plan),
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn check(args: &Options) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("headers", args.headers.as_str());
    query.extend_pairs(args.audience.iter().map(|audience| ("audience", audience)));
    query.extend_pairs(args.roles.iter().map(|role| ("role", role)));
    query.extend_pairs(args.scopes.iter().map(|scope| ("scope", scope)));
    format!("/forward-auth?{}", query.finish())
}

impl Plan<'_> {
    /// The headers of the family as people write them.
    fn headers(&self) -> Vec<String> {
        self.family.headers().iter().map(|(name, _)| written(name)).collect()
    }

    /// Every other spelling of a header of the family that some application would take for it: `X_User_ID` for
    /// `X-User-ID`, and any mixture.
    fn look_alikes(&self) -> Vec<String> {
        let mut all = BTreeSet::new();
        for name in self.headers() {
            let parts: Vec<&str> = name.split('-').collect();
            for choice in 1..1_u32 << (parts.len() - 1) {
                let mut spelled = String::new();
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        spelled.push(if choice >> (index - 1) & 1 == 1 { '_' } else { '-' });
                    }
                    spelled.push_str(part);
                }
                all.insert(spelled);
            }
        }
        all.into_iter().collect()
    }

    /// The first lines of every file.
    fn head(&self, proxy: &str, use_it: &str) -> String {
        let trusted = "#     [server]\n#     trusted_proxies = [\"127.0.0.1\"]   # the address that the proxy has, seen from Signet\n";
        format!(
            "# {proxy} in front of {upstream}: lets in whom Signet at {issuer} knows.\n\
             # Made by `signet proxy-config {verb}`; see docs/gateway.md. {use_it}\n\
             #\n\
             # Signet has to know this proxy and this address, or nobody is sent to sign in (`serve --dev` knows both):\n\
             {trusted}\
             #     [gateway]\n\
             #     hosts = [\"{app}\"]\n\
             # The application must be reachable through this proxy only: whoever reaches it directly can claim to be anybody.\n",
            upstream = origin(self.upstream),
            issuer = origin(self.issuer),
            app = origin(self.app),
            verb = proxy.to_lowercase(),
        )
    }

    /// Where to listen when the application is for this machine alone.
    fn loopback(&self) -> Option<IpAddr> {
        match self.app.host()? {
            Host::Domain(name) => (name == "localhost").then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)).filter(IpAddr::is_loopback),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)).filter(IpAddr::is_loopback),
        }
    }
}

/// A regular expression for the names of cookies, under any issuer. Every proxy knows this much of the language.
fn names(cookies: &[Cookie]) -> String {
    // Without https no name has a prefix.
    let bare = Cookies::of_issuer("http://localhost");
    let names: Vec<String> = cookies.iter().map(|cookie| bare.name(*cookie)).collect();
    format!("(?:__Host-|__Secure-)?(?:{})", names.join("|"))
}

/// A regular expression that finds one of the cookies anywhere in a `Cookie` header, also where only a careless parser
/// would see it: after a comma, or with space before the `=`.
fn anywhere(cookies: &[Cookie]) -> String {
    format!(r"(?:^|[;,\s]){}\s*=", names(cookies))
}

/// `x-user-id` as `X-User-ID`.
fn written(name: &str) -> String {
    let part = |part: &str| match part {
        "id" => "ID".to_owned(),
        other => other.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c }).collect(),
    };
    name.split('-').map(part).collect::<Vec<String>>().join("-")
}

/// One line for each item.
fn lines<T: Display>(items: impl IntoIterator<Item = T>, before: &str, after: &str) -> String {
    items.into_iter().fold(String::new(), |mut text, item| {
        let _ = writeln!(text, "{before}{item}{after}");
        text
    })
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The host as most of the world writes it: an IPv6 address without brackets.
fn bare_host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// `host:port`, the port always written.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `host`, and the port unless it is the scheme's own: what a browser sends as `Host`.
fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// An address without a path: what is written into a file must be nothing else, whatever was typed.
fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|fault| fault.to_string())?;
    // The URL standard lets more into a host than any host has.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| host.bytes().all(plain));
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if web && bare && url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    Err("an http or https URL of scheme, host and port alone".to_owned())
}

fn family(text: &str) -> Result<Family, String> {
    let all = Family::ALL.map(Family::as_str).join(", ");
    Family::parse(text).ok_or_else(|| format!("one of {all}"))
}

/// What Signet would refuse at every request is refused now.
fn demand(text: &str) -> Result<String, String> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("role", text).finish();
    Asked::parse(&query).map(|_| text.to_owned()).map_err(|fault| fault.description().to_owned())
}

#[cfg(test)]
mod tests {
    use super::base;
    use super::demand;
    use super::written;

    #[test]
    fn names_as_people_write_them() {
        assert_eq!(written("x-user-id"), "X-User-ID");
        assert_eq!(written("x-auth-request-preferred-username"), "X-Auth-Request-Preferred-Username");
    }

    #[test]
    fn nothing_but_an_address_gets_into_a_file() {
        assert!(base("http://localhost:8000").is_ok() && base("https://app.example.test").is_ok());
        for bad in
            ["http://a/b", "http://a;}", "ftp://a", "http://a@b", "http://a\n}", "a", "http://a/?x", "http://a b"]
        {
            assert!(base(bad).is_err(), "{bad:?} as {:?}", base(bad).map(String::from));
        }
        assert!(demand("admin").is_ok() && demand("").is_err() && demand("a\nb").is_err());
    }
}
