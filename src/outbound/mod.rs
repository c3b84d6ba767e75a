//! Requests of our own to addresses that others have registered: the one guarded way out.
//!
//! ```text
//! target   what the URL says: https, a host, a port that is allowed
//! address  what the name resolves to: every address must be public
//! tls      who answers: the system's authorities and one more
//! mod      one connection to exactly the checked address, one request, one bounded answer
//! ```
//!
//! There is no pool, no proxy of the environment, no cookie, no redirect and no second look-up: what was checked is
//! what is connected to. A client's own URL must not make this server knock on doors behind its firewall (server-side
//! request forgery, OWASP ASVS 5.0 section 1.3.6).

pub mod address;
mod error;
mod resolve;
mod target;
mod tls;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::ACCEPT;
use hyper::header::CONNECTION;
use hyper::header::CONTENT_ENCODING;
use hyper::header::CONTENT_LENGTH;
use hyper::header::CONTENT_TYPE;
use hyper::header::HOST;
use hyper::header::USER_AGENT;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout_at;
use url::Host;
use url::Url;

use crate::config::Config;
use crate::config::outbound::AllowedHost;

pub use self::error::OutboundError;
pub use self::resolve::Resolve;
pub use self::resolve::SystemResolver;

use self::target::Target;
use self::tls::Tls;

/// Requests of one lane that are under way at once; more wait, within their own time.
const AT_ONCE: usize = 32;
/// Bytes of the head of an answer.
const LARGEST_HEAD: usize = 16 * 1024;

/// What a request is for. Each has slots of its own, so that whoever keeps one kind waiting keeps no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Keys of clients: nobody could authenticate without.
    Keys,
    /// What a stranger's browser, or a stranger's registration, can have us fetch.
    Strangers,
    /// Messages to applications.
    Deliveries,
}

/// How much one request may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From look-up to the last byte.
    pub time: Duration,
    /// Bytes of the body of the answer.
    pub size: usize,
    pub lane: Lane,
}

impl Limits {
    /// For documents that somebody is waiting for.
    pub const FETCH: Self = Self { time: Duration::from_secs(2), size: 64 * 1024, lane: Lane::Strangers };
    /// The same for the keys of a client.
    pub const KEYS: Self = Self { lane: Lane::Keys, ..Self::FETCH };
    /// For messages that nobody is waiting for.
    pub const DELIVERY: Self = Self { time: Duration::from_secs(5), size: 0, lane: Lane::Deliveries };
}

/// The guarded client. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    allow: Vec<AllowedHost>,
    /// Where this server itself listens.
    own: Vec<SocketAddr>,
    /// Where it is reached; behind a proxy that is another address.
    issuer: Option<(Host, u16)>,
    dev: bool,
    tls: Tls,
    resolver: Arc<dyn Resolve>,
    keys: Semaphore,
    strangers: Semaphore,
    deliveries: Semaphore,
}

impl Inner {
    const fn lane(&self, lane: Lane) -> &Semaphore {
        match lane {
            Lane::Keys => &self.keys,
            Lane::Strangers => &self.strangers,
            Lane::Deliveries => &self.deliveries,
        }
    }
}

impl Outbound {
    /// # Errors
    /// [`OutboundError::Settings`] when `outbound.ca_file` cannot be read or has no certificate in it.
    pub fn new(config: &Config, dev: bool, resolver: Arc<dyn Resolve>) -> Result<Self, OutboundError> {
        Ok(Self {
            inner: Arc::new(Inner {
                allow: config.outbound.allow.clone(),
                own: config.server.listen.iter().chain([&config.server.admin_listen]).copied().collect(),
                issuer: host_and_port(config.server.issuer.as_str()),
                dev,
                tls: Tls::new(config.outbound.ca_file.as_deref())?,
                resolver,
                keys: Semaphore::new(AT_ONCE),
                strangers: Semaphore::new(AT_ONCE),
                deliveries: Semaphore::new(AT_ONCE),
            }),
        })
    }

    /// Posts a form and reports whether the answer was of the class 2xx; its body is not read.
    ///
    /// # Errors
    /// [`OutboundError`]: then it may have arrived all the same.
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)], limits: Limits) -> Result<(), OutboundError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let deadline = Instant::now() + limits.time;
        self.within(deadline, limits.lane, async {
            let request =
                Request::builder().method(Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            self.exchange(url, request, body.into()).await.map(|_answer| ())
        })
        .await
    }

    /// Fetches a document of one of the media types `accept`. Every failure takes all of `limits.time`, so that
    /// whoever chose the URL cannot tell a closed port from an open one by the clock.
    ///
    /// # Errors
    /// [`OutboundError`], which reads the same for every cause.
    pub async fn fetch(&self, url: &str, accept: &[&str], limits: Limits) -> Result<Vec<u8>, OutboundError> {
        let deadline = Instant::now() + limits.time;
        let fetched = self
            .within(deadline, limits.lane, async {
                let request = Request::builder().header(ACCEPT, accept.join(", "));
                let (answer, _connection) = self.exchange(url, request, Bytes::new()).await?;
                check_type(&answer, accept)?;
                bounded(answer, limits.size).await
            })
            .await;
        if fetched.is_err() {
            sleep_until(deadline).await;
        }
        fetched
    }

    /// Whether a request to `url` would be sent at all: the same checks, and no connection.
    ///
    /// # Errors
    /// [`OutboundError`]: not allowed, or a name without an address.
    pub async fn check(&self, url: &str, limits: Limits) -> Result<(), OutboundError> {
        self.within(Instant::now() + limits.time, limits.lane, async { self.admit(url).await.map(|_admitted| ()) })
            .await
    }

    /// What is asked for, and the addresses that may be connected to.
    async fn admit(&self, url: &str) -> Result<(Target, Vec<SocketAddr>), OutboundError> {
        let inner = &self.inner;
        let target = Target::parse(url, &inner.allow, inner.dev)?;
        // A request to ourselves could ask for the next one.
        if inner.issuer.as_ref().is_some_and(|(host, port)| target.host() == host && target.port() == *port) {
            return Err(OutboundError::Refused("the address of this server itself"));
        }
        let addresses = inner.resolver.resolve(target.host(), target.port()).await?;
        target.check(&addresses, &inner.own, inner.dev)?;
        Ok((target, addresses))
    }

    async fn within<T>(
        &self,
        deadline: Instant,
        lane: Lane,
        work: impl Future<Output = Result<T, OutboundError>>,
    ) -> Result<T, OutboundError> {
        let bounded = async {
            let _room = self.inner.lane(lane).acquire().await.map_err(|_| OutboundError::TooSlow)?;
            work.await
        };
        timeout_at(deadline, bounded).await.unwrap_or(Err(OutboundError::TooSlow))
    }

    /// One request, one answer of the class 2xx. The connection lives as long as the returned set.
    async fn exchange(
        &self,
        url: &str,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<(Response<Incoming>, JoinSet<()>), OutboundError> {
        let (target, addresses) = self.admit(url).await?;
        let stream = connect(&addresses).await?;
        let request = request
            .uri(target.path_and_query())
            .header(HOST, target.authority())
            .header(USER_AGENT, "signet")
            .header(CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|error| OutboundError::Exchange(error.to_string()))?;
        if target.is_https() {
            send(self.inner.tls.handshake(target.host(), stream).await?, request).await
        } else {
            send(stream, request).await
        }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("allow", &self.inner.allow)
            .field("dev", &self.inner.dev)
            .finish_non_exhaustive()
    }
}

fn host_and_port(url: &str) -> Option<(Host, u16)> {
    let url = Url::parse(url).ok()?;
    Some((url.host()?.to_owned(), url.port_or_known_default()?))
}

/// The first of the checked addresses that answers. The name is never looked up again: "resolve once, connect to the
/// address that was checked" is what makes DNS rebinding pointless.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, OutboundError> {
    let mut failed = OutboundError::Unresolved;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = OutboundError::Unreachable(error.to_string()),
        }
    }
    Err(failed)
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(Response<Incoming>, JoinSet<()>), OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| OutboundError::Exchange(error.to_string());
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // Its failure is the failure of the request, which says it.
        let _ = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(broken)?;
    // Redirects are not followed: where they lead was not checked.
    if !answer.status().is_success() {
        return Err(OutboundError::Status(answer.status().as_u16()));
    }
    Ok((answer, driver))
}

fn check_type(answer: &Response<Incoming>, accept: &[&str]) -> Result<(), OutboundError> {
    // Nothing was asked for that would have to be unpacked.
    if answer.headers().contains_key(CONTENT_ENCODING) {
        return Err(OutboundError::Type);
    }
    let given = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    accept.iter().any(|wanted| wanted.eq_ignore_ascii_case(essence)).then_some(()).ok_or(OutboundError::Type)
}

async fn bounded(answer: Response<Incoming>, size: usize) -> Result<Vec<u8>, OutboundError> {
    let announced = answer.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > size) {
        return Err(OutboundError::TooLarge);
    }
    let mut body = answer.into_body();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| OutboundError::Exchange(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > size {
            return Err(OutboundError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}
