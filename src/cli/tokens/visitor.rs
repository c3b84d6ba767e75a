//! As much of a browser as it takes to sign in: keeps cookies, follows redirects, fills in the two forms.

use std::collections::BTreeMap;

use oauth2::HttpResponse;
use oauth2::http::Request;
use oauth2::http::header::CONTENT_TYPE;
use oauth2::http::header::COOKIE;
use oauth2::http::header::LOCATION;
use oauth2::http::header::ORIGIN;
use oauth2::http::header::SET_COOKIE;
use url::Url;
use url::form_urlencoded;

use super::get::PATIENCE;
use crate::cli::Failure;
use crate::cli::http;
use crate::cli::tls_client::Peer;

/// More pages and redirects than any sign-in has.
const MAX_STEPS: usize = 20;

/// One browser profile.
#[derive(Debug)]
pub(super) struct Visitor {
    peer: Peer,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    #[must_use]
    pub(super) const fn new(peer: Peer) -> Self {
        Self { peer, cookies: BTreeMap::new() }
    }

    /// Opens an authorization URL, signs in and allows what is asked, until sent to `redirect_uri`; gives that URL.
    ///
    /// # Errors
    /// When the password is refused, or a page comes that is none of the two.
    pub(super) async fn authorize(
        mut self,
        url: &Url,
        redirect_uri: &str,
        user: &str,
        password: &str,
    ) -> Result<Url, Failure> {
        let mut signed_in = false;
        let mut at = url.clone();
        let mut answer = self.send(&at, None).await?;
        for _ in 0..MAX_STEPS {
            if let Some(next) = answer.headers().get(LOCATION).and_then(|next| next.to_str().ok()) {
                at = at.join(next).map_err(|fault| Failure::failed(&fault))?;
                if at.as_str().starts_with(redirect_uri) {
                    return Ok(at);
                }
                answer = self.send(&at, None).await?;
                continue;
            }
            let page = String::from_utf8_lossy(answer.body()).into_owned();
            let mut fields;
            if let Some(form) = form_with(&page, "login-submit").filter(|_| !signed_in) {
                signed_in = true;
                fields = hidden(form);
                fields.push(("username".to_owned(), user.to_owned()));
                fields.push(("password".to_owned(), password.to_owned()));
                at = action(form, &at)?;
            } else if let Some(form) = form_with(&page, "consent-allow") {
                fields = hidden(form);
                fields.push(("decision".to_owned(), "allow".to_owned()));
                at = action(form, &at)?;
            } else {
                let title = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
                let title = title.map_or_else(String::new, |(title, _)| unescape(title));
                return Err(Failure::failed(&format!("The server answers {} {title}", answer.status().as_u16())));
            }
            answer = self.send(&at, Some(&fields)).await?;
        }
        Err(Failure::failed(&"The server sends us around in circles"))
    }

    async fn send(&mut self, url: &Url, form: Option<&[(String, String)]>) -> Result<HttpResponse, Failure> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().uri(url.as_str()).header(COOKIE, cookies.join("; "));
        let mut body = Vec::new();
        if let Some(fields) = form {
            request = request.method("POST").header(ORIGIN, url.origin().ascii_serialization());
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
        }
        let request = request.body(body).map_err(|fault| Failure::failed(&fault))?;
        let answer = http::exchange(&self.peer, request, PATIENCE)
            .await
            .map_err(|fault| Failure::unavailable(&format!("No answer: {fault}")))?;
        for line in answer.headers().get_all(SET_COOKIE) {
            let pair = line.to_str().ok().and_then(|line| line.split(';').next()).and_then(|pair| pair.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(answer)
    }
}

/// The form that has a button of this `id`.
fn form_with<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let button = format!("id=\"{id}\"");
    page.split("<form ").skip(1).find(|form| form.split("</form>").next().is_some_and(|form| form.contains(&button)))
}

fn hidden(form: &str) -> Vec<(String, String)> {
    let inputs = form.split("</form>").next().unwrap_or_default().split("<input ").skip(1);
    inputs
        .filter_map(|input| input.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect()
}

fn action(form: &str, at: &Url) -> Result<Url, Failure> {
    let tag = form.split_once('>').map_or("", |(tag, _)| tag);
    at.join(&attribute(tag, "action").unwrap_or_default()).map_err(|fault| Failure::failed(&fault))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescape(value))
}

fn unescape(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2F;", "/")];
    named.iter().fold(text.to_owned(), |text, (name, plain)| text.replace(name, plain)).replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::action;
    use super::form_with;
    use super::hidden;
    use url::Url;

    #[test]
    fn a_form_is_found_by_its_button() {
        let page = r#"<form method="post" action="/a"><input type="hidden" name="x" value="1"><button id="no"></form>
            <form method="post" action="/b"><input type="hidden" name="csrf" value="a&amp;b">
            <input id="username" name="username" type="text" value=""><button id="yes"></form>"#;
        let form = form_with(page, "yes").unwrap();
        assert_eq!(hidden(form), [("csrf".to_owned(), "a&b".to_owned())]);
        let at = Url::parse("http://localhost:1/login?request=1").unwrap();
        assert_eq!(action(form, &at).unwrap().as_str(), "http://localhost:1/b");
        assert!(form_with(page, "maybe").is_none());
    }
}
