//! A browser as far as signing in needs one: keeps cookies, follows redirects, fills in forms. It runs no JavaScript,
//! so whatever it can do works without.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::header;
use reqwest::header::HeaderMap;
use url::Url;

use super::html;
use super::html::Form;

/// More redirects and forms than any sign-in needs.
const MAX_STEPS: usize = 20;

/// Who signs in, as `serve --dev` made them.
pub(crate) const ADA: (&str, &str) = ("ada@example.test", "correct-horse-battery");

/// One browser profile: its own cookies.
#[derive(Debug)]
pub(crate) struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<(String, String), Cookie>,
    /// Where the page in front of the user came from; none before the first one, as after typing an address.
    origin: Option<String>,
}

/// What a cookie said of itself when it was set.
#[derive(Debug, Clone)]
pub(crate) struct Cookie {
    pub(crate) value: String,
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    pub(crate) same_site: Option<String>,
}

/// An answer as it came; redirects are not followed yet.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where a redirect leads, as an absolute URL.
    pub(crate) fn location(&self) -> Option<Url> {
        if !self.status.is_redirection() {
            return None;
        }
        let location = self.headers.get(header::LOCATION)?.to_str().expect("Location in ASCII");
        Some(self.url.join(location).expect("a Location that is a URL"))
    }

    /// The form that holds the button with this `id`.
    pub(crate) fn form(&self, button: &str) -> Option<Form> {
        html::forms(&self.text).into_iter().find(|form| form.button(button).is_some())
    }

    fn said(&self) -> String {
        html::words(&self.text).chars().take(300).collect()
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        Self { http: http.expect("an HTTP client"), cookies: BTreeMap::new(), origin: None }
    }

    /// Every cookie this browser holds, by name.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &Cookie)> {
        self.cookies.iter().map(|((name, _), cookie)| (name.as_str(), cookie))
    }

    /// Drops every cookie, as a user may at any moment.
    pub(crate) fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.iter().find(|((known, _), _)| known == name).map(|(_, cookie)| cookie.value.clone())
    }

    /// Puts a cookie there that no answer has set, or changes one.
    pub(crate) fn plant(&mut self, name: &str, value: &str) {
        let cookie = Cookie { value: value.to_owned(), http_only: true, secure: false, same_site: None };
        self.cookies.insert((name.to_owned(), "/".to_owned()), cookie);
    }

    /// Drops one cookie.
    pub(crate) fn forget(&mut self, name: &str) {
        self.cookies.retain(|(known, _), _| known != name);
    }

    /// Sends a form that a page of `origin` has made up.
    pub(crate) async fn submit(&mut self, origin: &str, action: &Url, fields: &BTreeMap<String, String>) -> Page {
        self.origin = Some(origin.to_owned());
        self.send(Method::POST, action, Some(fields)).await
    }

    /// Types an address. No redirect is followed.
    pub(crate) async fn open(&mut self, url: &Url) -> Page {
        self.origin = None;
        self.send(Method::GET, url, None).await
    }

    /// Follows redirects from here, until a page or a URL that starts with `until`.
    pub(crate) async fn follow(&mut self, mut page: Page, until: &str) -> Result<Page, Url> {
        for _ in 0..MAX_STEPS {
            let Some(next) = page.location() else { return Ok(page) };
            if next.as_str().starts_with(until) {
                return Err(next);
            }
            page = self.send(Method::GET, &next, None).await;
        }
        panic!("more than {MAX_STEPS} redirects, last to {}", page.url);
    }

    /// Presses the button with this `id`: its form goes out with the hidden fields, `filled` and the button's own value.
    pub(crate) async fn press(&mut self, page: &Page, button: &str, filled: &[(&str, &str)]) -> Page {
        let form = page.form(button).unwrap_or_else(|| panic!("no button #{button} on {}: {}", page.url, page.said()));
        let mut fields = form.fields(button);
        for (name, value) in filled {
            fields.insert((*name).to_owned(), (*value).to_owned());
        }
        let action =
            if form.action.is_empty() { page.url.clone() } else { page.url.join(&form.action).expect("an action") };
        self.origin = Some(page.url.origin().ascii_serialization());
        self.send(Method::POST, &action, Some(&fields)).await
    }

    /// Opens an authorization URL, signs in and allows what is asked, until the server sends the browser to
    /// `redirect_uri`; gives that whole URL. Nothing needs to listen there.
    pub(crate) async fn authorize(&mut self, url: &Url, redirect_uri: &str, who: (&str, &str)) -> Url {
        let page = self.open(url).await;
        self.arrive(page, redirect_uri, who).await
    }

    /// The same from a page on the way there.
    pub(crate) async fn arrive(&mut self, mut page: Page, redirect_uri: &str, who: (&str, &str)) -> Url {
        for _ in 0..MAX_STEPS {
            page = match self.follow(page, redirect_uri).await {
                Err(arrived) => return arrived,
                Ok(page) if page.form("login-submit").is_some() => {
                    self.press(&page, "login-submit", &[("username", who.0), ("password", who.1)]).await
                }
                Ok(page) if page.form("consent-allow").is_some() => self.press(&page, "consent-allow", &[]).await,
                Ok(page) => panic!("stopped at {} with {}: {}", page.url.path(), page.status, page.said()),
            };
        }
        panic!("still not at {redirect_uri} after {MAX_STEPS} steps");
    }

    async fn send(&mut self, method: Method, url: &Url, form: Option<&BTreeMap<String, String>>) -> Page {
        let origin = url.origin().ascii_serialization();
        let site = match &self.origin {
            None => "none",
            Some(from) if *from == origin => "same-origin",
            Some(_) => "cross-site",
        };
        let mut request = self
            .http
            .request(method, url.clone())
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::ACCEPT_LANGUAGE, "en")
            .header(header::COOKIE, self.cookies_for(url))
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        if let Some(form) = form {
            request = request.header(header::ORIGIN, self.origin.as_ref().unwrap_or(&origin)).form(form);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("no answer from {url}: {error}"));
        let (status, headers) = (answer.status(), answer.headers().clone());
        for line in headers.get_all(header::SET_COOKIE) {
            self.keep(url, line.to_str().expect("Set-Cookie in ASCII"));
        }
        let text = answer.text().await.expect("a body in UTF-8");
        Page { url: url.clone(), status, headers, text }
    }

    /// RFC 6265 section 5.1.4: a cookie goes to its path and what is below.
    fn cookies_for(&self, url: &Url) -> String {
        let below = |path: &str| {
            let rest = url.path().strip_prefix(path);
            rest.is_some_and(|rest| path.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
        };
        let sent = self.cookies.iter().filter(|((_, path), _)| below(path));
        sent.map(|((name, _), cookie)| format!("{name}={}", cookie.value)).collect::<Vec<_>>().join("; ")
    }

    /// RFC 6265 section 5.2, as far as one host needs it. A date in the past ends a cookie; servers write 1970.
    fn keep(&mut self, url: &Url, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
        let mut path = url.path().rsplit_once('/').map_or("/", |(folder, _)| folder).to_owned();
        let (mut http_only, mut secure, mut same_site, mut gone) = (false, false, None, false);
        for part in parts {
            let (option, given) = part.split_once('=').unwrap_or((part, ""));
            match option.to_ascii_lowercase().as_str() {
                "path" => given.clone_into(&mut path),
                "httponly" => http_only = true,
                "secure" => secure = true,
                "samesite" => same_site = Some(given.to_owned()),
                "max-age" => gone = given.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                "expires" => gone |= given.contains("1970"),
                _ => {}
            }
        }
        let path = if path.starts_with('/') { path } else { "/".to_owned() };
        let key = (name.to_owned(), path);
        if gone {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, Cookie { value: value.to_owned(), http_only, secure, same_site });
        }
    }
}
