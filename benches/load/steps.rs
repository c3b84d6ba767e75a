//! The operations. Each checks its answers, and every now and then a signature, with a library that is not ours.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use josekit::jwk::Jwk;
use josekit::jws::ES256;
use josekit::jws::JwsHeader;
use josekit::jws::JwsVerifier;
use josekit::jws::RS256;
use josekit::jwt;
use serde::Deserialize;

use crate::Fault;
use crate::drive::Step;
use crate::site;
use crate::wire::Answer;
use crate::wire::Wire;

/// Of so many tokens one is verified.
const VERIFIED: usize = 256;

/// The published keys.
pub(crate) struct Keys {
    issuer: String,
    verifiers: HashMap<String, Box<dyn JwsVerifier>>,
}

impl Keys {
    pub(crate) fn read(issuer: String, jwks: &[u8]) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Map<String, serde_json::Value>>,
        }
        let mut verifiers: HashMap<String, Box<dyn JwsVerifier>> = HashMap::new();
        for key in serde_json::from_slice::<Set>(jwks)?.keys {
            let jwk = Jwk::from_map(key)?;
            let kid = jwk.key_id().ok_or("a key without a name")?.to_owned();
            let verifier: Box<dyn JwsVerifier> = match jwk.algorithm() {
                Some("ES256") => Box::new(ES256.verifier_from_jwk(&jwk)?),
                Some("RS256") => Box::new(RS256.verifier_from_jwk(&jwk)?),
                other => return Err(format!("an unknown algorithm {other:?}").into()),
            };
            verifiers.insert(kid, verifier);
        }
        Ok(Self { issuer, verifiers })
    }

    /// Signature and issuer.
    pub(crate) fn verify(&self, token: &str) -> Result<(), Fault> {
        let choose =
            |header: &JwsHeader| Ok(header.key_id().and_then(|kid| self.verifiers.get(kid)).map(AsRef::as_ref));
        let (payload, _) = jwt::decode_with_verifier_selector(token, choose)?;
        if payload.issuer() == Some(self.issuer.as_str()) { Ok(()) } else { Err("a token of another issuer".into()) }
    }
}

/// What the token endpoint answers.
#[expect(clippy::struct_field_names, reason = "the names of RFC 6749 section 5.1")]
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) id_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
}

impl Tokens {
    fn read(answer: Answer<'_>, keys: &Keys, verify: bool) -> Result<Self, Fault> {
        let tokens: Self = serde_json::from_slice(answer.expect(200, "/token")?.body)?;
        for token in [Some(&tokens.access_token), tokens.id_token.as_ref()].into_iter().flatten() {
            if token.split('.').filter(|part| !part.is_empty()).count() != 3 {
                return Err("a token that does not have three parts".into());
            }
            if verify {
                keys.verify(token)?;
            }
        }
        Ok(tokens)
    }
}

/// The same GET again and again; the same number of bytes each time.
pub(crate) struct Get {
    request: Vec<u8>,
    length: Option<usize>,
}

impl Get {
    pub(crate) fn new(path: &str, length: Option<usize>) -> Self {
        Self { request: get(path, &[]), length }
    }
}

impl Step for Get {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        let answer = wire.send(&self.request).await?.expect(200, "GET")?;
        if answer.body.len() == *self.length.get_or_insert(answer.body.len()) {
            Ok(())
        } else {
            Err("an answer of another length".into())
        }
    }
}

/// A token for a service.
pub(crate) struct ClientCredentials {
    request: Vec<u8>,
    keys: Rc<Keys>,
    count: usize,
}

impl ClientCredentials {
    pub(crate) fn new(keys: &Rc<Keys>) -> Self {
        let request = token_request(site::SERVICE, "grant_type=client_credentials");
        Self { request, keys: Rc::clone(keys), count: 0 }
    }
}

impl Step for ClientCredentials {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        self.count += 1;
        let answer = wire.send(&self.request).await?;
        Tokens::read(answer, &self.keys, self.count % VERIFIED == 1)?;
        Ok(())
    }
}

/// `/authorize` with a live session and remembered consent, then `/token`: two requests. Each time for another person.
pub(crate) struct Round {
    authorize: Rc<Vec<Vec<u8>>>,
    client: &'static str,
    keys: Rc<Keys>,
    count: usize,
    pub(crate) last: Option<Tokens>,
}

impl Round {
    pub(crate) fn new(client: &'static str, people: &Rc<Vec<Vec<u8>>>, first: usize, keys: &Rc<Keys>) -> Self {
        Self { authorize: Rc::clone(people), client, keys: Rc::clone(keys), count: first, last: None }
    }

    /// The requests to `/authorize` of people who hold these sessions.
    pub(crate) fn requests(client: &str, sessions: &[String]) -> Rc<Vec<Vec<u8>>> {
        let path = site::authorize_path(client);
        let request = |session: &String| get(&path, &[("Cookie", &format!("signet_session={session}"))]);
        Rc::new(sessions.iter().map(request).collect())
    }
}

impl Step for Round {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        self.count += 1;
        let request = self.authorize.get(self.count % self.authorize.len()).ok_or("nobody is signed in")?;
        let answer = wire.send(request).await?.expect(303, "/authorize")?;
        let location = answer.header("location").ok_or("no Location")?;
        let code = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code="));
        let code = code.ok_or_else(|| format!("no code in {location}"))?;
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={}",
            site::REDIRECT_URI_ENCODED,
            site::VERIFIER
        );
        let request = token_request(self.client, &form);
        let answer = wire.send(&request).await?;
        self.last = Some(Tokens::read(answer, &self.keys, self.count % VERIFIED == 1)?);
        Ok(())
    }
}

/// Access tokens, none of which is shown twice before all were shown.
pub(crate) type Pool = Rc<RefCell<VecDeque<String>>>;

fn another(pool: &Pool) -> Result<String, Fault> {
    let mut pool = pool.borrow_mut();
    let token = pool.pop_front().ok_or("no access token")?;
    pool.push_back(token.clone());
    Ok(token)
}

/// What resource servers and proxies ask about access tokens. Each time about another one.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    /// Its person's claims.
    UserInfo,
    Introspection,
    /// Only for the headers that need nothing but the token.
    ForwardAuth,
}

pub(crate) struct Ask {
    pub(crate) question: Question,
    pub(crate) pool: Pool,
}

impl Step for Ask {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        let token = another(&self.pool)?;
        let bearer = format!("Bearer {token}");
        match self.question {
            Question::UserInfo => {
                let request = get("/userinfo", &[("Authorization", &bearer)]);
                let answer = wire.send(&request).await?.expect(200, "/userinfo")?;
                if answer.text()?.contains("\"sub\":") { Ok(()) } else { Err("claims without a subject".into()) }
            }
            Question::Introspection => {
                let credentials = format!("Basic {}", STANDARD.encode(format!("{}:{}", site::SERVICE, site::SECRET)));
                let request = post("/introspect", &[("Authorization", &credentials)], &format!("token={token}"));
                let answer = wire.send(&request).await?.expect(200, "/introspect")?;
                if answer.text()?.contains("\"active\":true") {
                    Ok(())
                } else {
                    Err("a good token is not active".into())
                }
            }
            Question::ForwardAuth => {
                let request = get("/forward-auth?headers=seed", &[("Authorization", &bearer)]);
                let answer = wire.send(&request).await?.expect(200, "/forward-auth")?;
                let id = answer.header("x-user-id").filter(|id| !id.is_empty());
                id.map(|_| ()).ok_or_else(|| "no X-User-ID".into())
            }
        }
    }
}

/// Refresh families by turns, each rotated at its turn.
pub(crate) struct Refresh {
    client: &'static str,
    tokens: VecDeque<String>,
    keys: Rc<Keys>,
    count: usize,
}

impl Refresh {
    pub(crate) fn new(client: &'static str, tokens: Vec<String>, keys: &Rc<Keys>) -> Self {
        Self { client, tokens: tokens.into(), keys: Rc::clone(keys), count: 0 }
    }
}

impl Step for Refresh {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        self.count += 1;
        let token = self.tokens.pop_front().ok_or("no refresh token")?;
        let request = token_request(self.client, &format!("grant_type=refresh_token&refresh_token={token}"));
        let answer = wire.send(&request).await?;
        let tokens = Tokens::read(answer, &self.keys, self.count % VERIFIED == 1)?;
        self.tokens.push_back(tokens.refresh_token.ok_or("no refresh token")?);
        Ok(())
    }
}

/// Only the POST of the login form; the pages before it were fetched beforehand.
pub(crate) struct PasswordPosts {
    pub(crate) requests: Vec<Vec<u8>>,
}

impl Step for PasswordPosts {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        let request = self.requests.pop().ok_or("no login form is left")?;
        let answer = wire.send(&request).await?.expect(303, "/login")?;
        answer.cookie("signet_session").map(|_| ()).ok_or_else(|| "no session after the login".into())
    }

    fn is_done(&self) -> bool {
        self.requests.is_empty()
    }
}

/// A whole login, from a browser without cookies to its session.
pub(crate) struct FullLogin {
    /// Whose login the next one is.
    pub(crate) person: usize,
}

impl Step for FullLogin {
    async fn step(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        self.person += 1;
        site::login(wire, self.person).await
    }
}

pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    request.into_bytes()
}

pub(crate) fn post(path: &str, headers: &[(&str, &str)], form: &str) -> Vec<u8> {
    let length = form.len().to_string();
    let mut all = vec![("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", length.as_str())];
    all.extend(headers);
    let mut request = get(path, &all);
    request.splice(0..3, *b"POST");
    request.extend(form.bytes());
    request
}

fn token_request(client: &str, form: &str) -> Vec<u8> {
    let credentials = STANDARD.encode(format!("{client}:{}", site::SECRET));
    post("/token", &[("Authorization", &format!("Basic {credentials}"))], form)
}
