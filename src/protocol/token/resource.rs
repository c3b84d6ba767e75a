//! What an access token is meant for: `aud`, chosen by `resource` (RFC 8707) among what the client is registered for
//! and, when the authorization request named resources, among those.

use super::super::error::OAuthError;
use super::super::params::Params;
use crate::domain::client::Client;
use crate::domain::scope::Scope;

/// The most targets that one request may name.
const MOST: usize = 8;

/// The resources that a request names, each once, in the order in which they were sent.
///
/// # Errors
/// `invalid_target` when one is no absolute URI, has a fragment or is not registered for the client, or there are more
/// than eight.
pub fn requested(params: &Params, client: &Client) -> Result<Vec<String>, OAuthError> {
    params.get("resource")?;
    let asked = distinct(params.all("resource"))?;
    // "Its value MUST be an absolute URI [...] The URI MUST NOT include a fragment component." (RFC 8707 section 2)
    if !asked.iter().all(|resource| is_absolute_uri(resource)) {
        return Err(OAuthError::invalid_target("A resource is an absolute URI without a fragment"));
    }
    registered(&asked, client)?;
    Ok(asked)
}

/// `aud` of an access token: the resources asked for; else those that the grant is for (`granted`); else the client's
/// first audience; else the issuer. A token with `openid` is for the issuer too, because the UserInfo endpoint must
/// accept it (OpenID Connect Core section 5.3).
///
/// # Errors
/// As [`requested`]; `invalid_target` also for a resource that is registered but was not granted, and when the client
/// has lost all that was.
pub fn audience(
    params: &Params,
    client: &Client,
    granted: &[String],
    scope: &Scope,
    issuer: &str,
) -> Result<Vec<String>, OAuthError> {
    let asked = requested(params, client)?;
    // What the person was asked for is never widened afterwards (RFC 8707 section 2.2).
    if !granted.is_empty() && asked.iter().any(|resource| !granted.contains(resource)) {
        return Err(OAuthError::invalid_target("This resource is more than what was granted"));
    }
    let mut audience = match (asked.is_empty(), granted.is_empty()) {
        (false, _) => asked,
        (true, true) => client.audiences.first().cloned().into_iter().collect(),
        (true, false) => {
            let left: Vec<String> = granted.iter().filter(|own| client.audiences.contains(own)).cloned().collect();
            if left.is_empty() {
                return Err(OAuthError::invalid_target("No resource of this grant is registered any more"));
            }
            left
        }
    };
    if (audience.is_empty() || scope.contains("openid")) && !audience.iter().any(|own| own == issuer) {
        audience.push(issuer.to_owned());
    }
    Ok(audience)
}

/// `aud` of an exchanged token: what `resource` and `audience` name (RFC 8693 section 2.1), else the client's first
/// audience. Never the issuer by itself.
///
/// # Errors
/// `invalid_target` as [`requested`], and when the client is registered for no audience.
pub fn targets(params: &Params, client: &Client) -> Result<Vec<String>, OAuthError> {
    params.get("audience")?;
    let resources = requested(params, client)?;
    let asked = distinct(resources.iter().map(String::as_str).chain(params.all("audience")))?;
    registered(&asked, client)?;
    if !asked.is_empty() {
        return Ok(asked);
    }
    let default = client.audiences.first().cloned();
    default.map(|one| vec![one]).ok_or_else(|| OAuthError::invalid_target("This client may call nobody"))
}

fn distinct<'a>(sent: impl Iterator<Item = &'a str>) -> Result<Vec<String>, OAuthError> {
    let mut asked: Vec<String> = Vec::new();
    for target in sent {
        if !asked.iter().any(|earlier| earlier == target) {
            asked.push(target.to_owned());
        }
    }
    if asked.len() > MOST {
        return Err(OAuthError::invalid_target("A token is for eight targets at most"));
    }
    Ok(asked)
}

/// Compared byte by byte, as with redirect URIs.
fn registered(asked: &[String], client: &Client) -> Result<(), OAuthError> {
    if asked.iter().all(|target| client.audiences.contains(target)) {
        return Ok(());
    }
    Err(OAuthError::invalid_target("This resource is not registered for the client"))
}

/// RFC 3986 section 4.3, as far as it matters for a value that is then compared with registered ones.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && letters(scheme)
        && !rest.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests {
    use super::audience;
    use super::targets;
    use crate::domain::client::Client;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::fixtures::confidential;
    use crate::protocol::fixtures::scope;
    use crate::protocol::params::Params;
    use crate::protocol::params::TOKEN;

    const ONE: &str = "https://rs1.test";
    const TWO: &str = "https://rs2.test/api";

    fn client() -> Client {
        let audiences = [ONE, TWO, "orders"].map(str::to_owned).to_vec();
        Client { audiences, ..confidential() }
    }

    fn form(text: &str) -> Params {
        Params::parse(&[text.as_bytes()], TOKEN).unwrap()
    }

    fn granted(text: &str, granted: &[&str], client: &Client, asked: &str) -> Result<Vec<String>, ErrorCode> {
        let granted: Vec<String> = granted.iter().map(|resource| (*resource).to_owned()).collect();
        audience(&form(text), client, &granted, &scope(asked), "https://op").map_err(|error| error.code)
    }

    #[test]
    fn the_first_audience_is_the_default() {
        let got = |text: &str, client: &Client, asked: &str| granted(text, &[], client, asked).unwrap();
        assert_eq!(got("", &client(), "api:read"), [ONE]);
        assert_eq!(got("", &client(), "openid"), [ONE, "https://op"]);
        assert_eq!(got("resource=https://rs2.test/api", &client(), "api:read"), [TWO]);
        assert_eq!(got("", &confidential(), "openid"), ["https://op"]);
        let of_ours = Client { audiences: vec!["https://op".to_owned()], ..confidential() };
        assert_eq!(got("", &of_ours, "openid"), ["https://op"], "once");
        assert_eq!(got("", &confidential(), "api:read"), ["https://op"]);
    }

    #[test]
    fn several_resources_each_once() {
        let both = "resource=https://rs2.test/api&resource=https://rs1.test&resource=https://rs2.test/api";
        assert_eq!(granted(both, &[], &client(), "api:read").unwrap(), [TWO, ONE]);
        let many: Vec<String> = (0..9).map(|number| format!("https://rs{number}.test")).collect();
        let wide = Client { audiences: many.clone(), ..confidential() };
        let all = |count: usize| {
            let named: Vec<String> = many.iter().take(count).map(|one| format!("resource={one}")).collect();
            granted(&named.join("&"), &[], &wide, "api:read").map(|audience| audience.len())
        };
        assert_eq!((all(8), all(9)), (Ok(8), Err(ErrorCode::InvalidTarget)));
    }

    #[test]
    fn sc_05_no_other_audience() {
        for text in [
            "resource=https://rs3.test",
            "resource=/api",
            "resource=orders",
            "resource=https:",
            "resource=://rs1.test",
            "resource=https://rs1.test%23x",
            "resource=https://rs1.test%23",
            "resource=https://rs1.test/",
            "resource=HTTPS://rs1.test",
            "resource=https://rs1.test&resource=https://rs3.test",
        ] {
            assert_eq!(granted(text, &[], &client(), "api:read"), Err(ErrorCode::InvalidTarget), "{text}");
        }
    }

    /// "Its value MUST be an absolute URI [...] MUST NOT include a fragment component" (RFC 8707 section 2), also where
    /// the operator has registered something else.
    #[test]
    fn sc_05_no_resource_that_is_no_absolute_uri() {
        for (text, audience) in [
            ("a_b:x", "a_b:x"),
            ("1a:x", "1a:x"),
            (":x", ":x"),
            ("a:", "a:"),
            ("orders", "orders"),
            ("https://rs1.test/%20b", "https://rs1.test/ b"),
            ("https://rs1.test%23b", "https://rs1.test#b"),
            ("https://rs1.test/%C3%A4", "https://rs1.test/\u{e4}"),
        ] {
            let client = Client { audiences: vec![audience.to_owned()], ..confidential() };
            let outcome = granted(&format!("resource={text}"), &[], &client, "api:read");
            assert_eq!(outcome, Err(ErrorCode::InvalidTarget), "{text}");
        }
        for good in ["urn:orders", "a%2B-.1:x"] {
            let name = good.replace("%2B", "+");
            let client = Client { audiences: vec![name.clone()], ..confidential() };
            assert_eq!(granted(&format!("resource={good}"), &[], &client, "api:read").unwrap(), [name]);
        }
    }

    #[test]
    fn sc_05_a_grant_for_resources_is_never_widened() {
        assert_eq!(granted("", &[TWO], &client(), "api:read").unwrap(), [TWO]);
        assert_eq!(granted("", &[ONE, TWO], &client(), "openid").unwrap(), [ONE, TWO, "https://op"]);
        assert_eq!(granted("resource=https://rs1.test", &[ONE, TWO], &client(), "api:read").unwrap(), [ONE]);
        let wider = granted("resource=https://rs1.test", &[TWO], &client(), "api:read");
        assert_eq!(wider, Err(ErrorCode::InvalidTarget));
        let lost = Client { audiences: vec![ONE.to_owned()], ..confidential() };
        assert_eq!(granted("", &[ONE, TWO], &lost, "api:read").unwrap(), [ONE]);
        assert_eq!(granted("", &[TWO], &lost, "api:read"), Err(ErrorCode::InvalidTarget));
        assert_eq!(granted("resource=https://rs2.test/api", &[TWO], &lost, "a"), Err(ErrorCode::InvalidTarget));
    }

    #[test]
    fn an_exchange_may_name_logical_targets() {
        let got = |text: &str, client: &Client| targets(&form(text), client).map_err(|error| error.code);
        assert_eq!(got("", &client()).unwrap(), [ONE]);
        assert_eq!(
            got("audience=orders&resource=https://rs2.test/api&audience=orders", &client()).unwrap(),
            [TWO, "orders"]
        );
        assert_eq!(got("audience=payments", &client()), Err(ErrorCode::InvalidTarget));
        assert_eq!(got("", &confidential()), Err(ErrorCode::InvalidTarget));
    }
}
