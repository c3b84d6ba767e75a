//! What people, applications, resource servers and administrators ask for: the real use cases, without HTTP.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::Value;
use signet::crypto::hash;
use signet::domain::family::RevocationReason;
use signet::domain::ids::ClientId;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::secret::Secret;
use signet::domain::secret::SecretKind;
use signet::flow::Signet;
use signet::flow::authorize::BrowserCookies;
use signet::flow::authorize::Next;
use signet::flow::authorize::Question;
use signet::flow::clients::AuthenticatedClient;
use signet::flow::consent::Decision;
use signet::flow::error::FlowError;
use signet::flow::logout::Logout;
use signet::flow::userinfo::UserInfo;
use signet::protocol::client_auth;
use signet::protocol::params;
use signet::protocol::params::Known;
use signet::protocol::params::Params;
use signet::protocol::token::exchange;
use signet::store::session::BeginSession;

use super::site;
use super::site::NAMES;
use super::site::SECRET;

/// What somebody would have heard.
#[derive(Debug)]
pub(crate) enum Answer {
    Code {
        code: String,
        redirect_uri: String,
    },
    /// Signed in, under the name of this session.
    Session(String),
    Tokens(Value),
    /// Introspection and UserInfo.
    Claims(Value),
    Keys(String),
    Done(bool),
    /// An answer of the standard that gives nothing.
    Refused(String),
    /// 503: whether anything happened is not known.
    Unavailable,
    /// Something that must never be answered.
    Broken(String),
}

impl From<FlowError> for Answer {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Refused(refused) => Self::Refused(refused.code.as_str().to_owned()),
            FlowError::Store(store) if store.is_unavailable() => Self::Unavailable,
            FlowError::RotationRefused(_) | FlowError::NotRevoked(_) | FlowError::ClockBehind { .. } => {
                Self::Refused("keys".to_owned())
            }
            other => Self::Broken(other.for_the_log()),
        }
    }
}

fn form(known: &'static [Known], pairs: &[(&str, &str)]) -> Params {
    let mut body = String::new();
    for (name, value) in pairs {
        write!(body, "&{name}=").unwrap();
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                body.push(char::from(byte));
            } else {
                write!(body, "%{byte:02X}").unwrap();
            }
        }
    }
    Params::parse(&[body.as_bytes()], known).unwrap()
}

async fn call(
    signet: &Signet,
    client: &str,
    known: &'static [Known],
    pairs: &[(&str, &str)],
) -> Result<(AuthenticatedClient, Params), FlowError> {
    let mut pairs = pairs.to_vec();
    pairs.push(("client_id", client));
    if client != "spa" {
        pairs.push(("client_secret", SECRET));
    }
    let form = form(known, &pairs);
    let presented = client_auth::presented(&[], &form).map_err(FlowError::Refused)?;
    Ok((signet.authenticate(&presented, "192.0.2.1").await?, form))
}

fn told<T>(outcome: Result<T, FlowError>, good: impl FnOnce(T) -> Answer) -> Answer {
    outcome.map_or_else(Answer::from, good)
}

fn tokens(tokens: &impl serde::Serialize) -> Answer {
    Answer::Tokens(serde_json::to_value(tokens).unwrap())
}

pub(crate) async fn authorize(
    signet: Arc<Signet>,
    app: usize,
    cookie: String,
    verifier: String,
    redirect_uri: String,
    offline: bool,
) -> Answer {
    let challenge = hash::s256(&verifier);
    let scope = if offline { "openid email offline_access api:read" } else { "openid email api:read" };
    let pairs = [
        ("response_type", "code"),
        ("client_id", NAMES[app]),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", scope),
        ("state", "s"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let form = form(params::AUTHORIZE, &pairs);
    let mut cookies =
        BrowserCookies { session: Some(Secret::new(cookie)), browser: None, from: "192.0.2.1".to_owned() };
    told(visit(&signet, &form, &mut cookies).await, |answer| answer)
}

/// A person who allows everything.
async fn visit(signet: &Signet, form: &Params, cookies: &mut BrowserCookies) -> Result<Answer, FlowError> {
    let mut next = signet.authorize(form, cookies).await?;
    for _ in 0..4 {
        next = match next {
            Next::Respond(response) => {
                let parameters: BTreeMap<&str, String> = response.parameters.into_iter().collect();
                return Ok(match (parameters.get("code"), parameters.get("error")) {
                    (Some(code), _) => Answer::Code { code: code.clone(), redirect_uri: response.redirect_uri },
                    (None, error) => Answer::Refused(error.cloned().unwrap_or_default()),
                });
            }
            Next::Ask { question: Question::Consent, attempt, new_browser, .. } => {
                cookies.browser = new_browser.or(cookies.browser.take());
                signet.consent(&attempt, Decision::Allow { remember: true }, cookies).await?
            }
            Next::Page(error) => return Ok(Answer::Refused(error.code.as_str().to_owned())),
            Next::Ask { .. } => return Ok(Answer::Refused("login".to_owned())),
            Next::Account | Next::Lost => return Ok(Answer::Refused("lost".to_owned())),
        };
    }
    Ok(Answer::Refused("round in circles".to_owned()))
}

/// What a login does once it has compared the password, which takes no part here.
pub(crate) async fn sign_in(
    signet: Arc<Signet>,
    user: usize,
    id: String,
    cookie: String,
    old: Option<String>,
) -> Answer {
    told(new_session(&signet, user, &id, &cookie, old).await, |answer| answer)
}

async fn new_session(
    signet: &Signet,
    user: usize,
    id: &str,
    cookie: &str,
    old: Option<String>,
) -> Result<Answer, FlowError> {
    let Some(person) = signet.store.user(site::user_id(user)).await?.filter(|person| !person.disabled) else {
        return Ok(Answer::Refused("denied".to_owned()));
    };
    let session = site::session(id, user, cookie, signet.now());
    let replaces = old.as_ref().map(|old| hash::secret_hash(SecretKind::Session, old));
    Ok(match signet.store.begin_session(session, replaces, person.password).await? {
        BeginSession::Begun(id) => {
            signet.learn_denials().await?;
            Answer::Session(id.to_string())
        }
        BeginSession::UserGone | BeginSession::PasswordChanged => Answer::Refused("denied".to_owned()),
    })
}

pub(crate) async fn redeem(signet: Arc<Signet>, app: usize, code: String, verifier: String) -> Answer {
    let redirect_uri = site::redirect_uri(app);
    let pairs =
        [("code", code.as_str()), ("redirect_uri", redirect_uri.as_str()), ("code_verifier", verifier.as_str())];
    match call(&signet, NAMES[app], params::TOKEN, &pairs).await {
        Ok((caller, form)) => told(signet.redeem(&caller, &form).await, |answer| tokens(&answer)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn refresh(signet: Arc<Signet>, app: usize, token: String) -> Answer {
    match call(&signet, NAMES[app], params::TOKEN, &[("refresh_token", token.as_str())]).await {
        Ok((caller, form)) => told(signet.refresh(&caller, &form).await, |answer| tokens(&answer)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn service(signet: Arc<Signet>) -> Answer {
    match call(&signet, "svc", params::TOKEN, &[]).await {
        Ok((caller, form)) => told(signet.client_credentials(&caller, &form).await, |answer| tokens(&answer)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn exchange(signet: Arc<Signet>, token: String) -> Answer {
    let pairs = [("subject_token", token.as_str()), ("subject_token_type", exchange::ACCESS_TOKEN)];
    match call(&signet, "svc", params::TOKEN, &pairs).await {
        Ok((caller, form)) => told(signet.exchange(&caller, &form).await, |answer| tokens(&answer)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn revoke(signet: Arc<Signet>, client: &'static str, token: String) -> Answer {
    match call(&signet, client, params::ABOUT_TOKEN, &[("token", token.as_str())]).await {
        Ok((caller, form)) => told(signet.revoke(&caller, &form).await, |()| Answer::Done(true)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn introspect(signet: Arc<Signet>, client: &'static str, token: String) -> Answer {
    match call(&signet, client, params::ABOUT_TOKEN, &[("token", token.as_str())]).await {
        Ok((caller, form)) => {
            told(signet.introspect(&caller, &form).await, |claims| Answer::Claims(Value::Object(claims)))
        }
        Err(error) => error.into(),
    }
}

pub(crate) async fn user_info(signet: Arc<Signet>, token: String) -> Answer {
    let token = match signet.check_access_token(&token, site::ISSUER).await {
        Ok(token) => token,
        Err(error) => return error.into(),
    };
    told(signet.userinfo(&token).await, |info| match info {
        UserInfo::Plain(claims) => Answer::Claims(Value::Object(claims)),
        UserInfo::Signed(_) => Answer::Broken("nobody asked for a signed answer".to_owned()),
    })
}

pub(crate) async fn logout(signet: Arc<Signet>, cookie: String) -> Answer {
    let cookies = BrowserCookies { session: Some(Secret::new(cookie)), browser: None, from: String::new() };
    let outcome = signet.logout(&Params::none(params::END_SESSION), &cookies, true).await;
    told(outcome, |logout| Answer::Done(matches!(logout, Logout::Done { .. })))
}

pub(crate) async fn sign_out_everywhere(signet: Arc<Signet>, user: usize) -> Answer {
    let outcome = signet.sign_out_person(&site::user_id(user), None, RevocationReason::Administrator).await;
    told(outcome, |_| Answer::Done(true))
}

pub(crate) async fn remove_access(signet: Arc<Signet>, user: usize, app: usize) -> Answer {
    let client = ClientId::new(NAMES[app]).unwrap();
    told(signet.remove_access(&site::user_id(user), &client).await, |_| Answer::Done(true))
}

/// `flow::users::set_password` without the hashing.
pub(crate) async fn set_password(signet: Arc<Signet>, user: usize, hash: String) -> Answer {
    let hash = site::password(&hash);
    match signet.store.set_password(site::user_id(user), hash, signet.now(), None).await {
        Ok(done) => told(signet.learn_denials().await, |()| Answer::Done(done)),
        Err(error) => FlowError::Store(error).into(),
    }
}

pub(crate) async fn disable_user(signet: Arc<Signet>, user: usize, disabled: bool) -> Answer {
    told(signet.set_user_disabled(&site::user_id(user), disabled).await, Answer::Done)
}

/// An administrator who changes a registration.
pub(crate) async fn disable_app(signet: Arc<Signet>, app: usize, disabled: bool) -> Answer {
    let change = async {
        let Some(mut client) = signet.store.client(ClientId::new(NAMES[app]).unwrap()).await? else {
            return Ok(false);
        };
        client.disabled = disabled;
        signet.store.replace_client(client).await
    };
    told(change.await.map_err(FlowError::Store), Answer::Done)
}

pub(crate) async fn rotate(signet: Arc<Signet>) -> Answer {
    match signet.plan_rotation(Algorithm::Es256, true).await {
        Ok(plan) => told(signet.carry_out(plan.actions).await, |()| Answer::Done(true)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn tend(signet: Arc<Signet>) -> Answer {
    told(signet.tend_keys().await, |_| Answer::Done(true))
}

pub(crate) async fn revoke_key(signet: Arc<Signet>) -> Answer {
    let keys = match signet.store.signing_keys().await {
        Ok(keys) => keys,
        Err(error) => return FlowError::Store(error).into(),
    };
    let Some(active) = keys.iter().find(|key| key.state == KeyState::Active) else {
        return Answer::Broken("there is no active key".to_owned());
    };
    match signet.plan_revocation(&active.kid, "simulated", true).await {
        Ok(plan) => told(signet.revoke_key(plan).await, |_| Answer::Done(true)),
        Err(error) => error.into(),
    }
}

pub(crate) async fn notice(signet: Arc<Signet>) -> Answer {
    told(signet.notice_changes().await, |()| Answer::Done(true))
}

pub(crate) async fn sweep(signet: Arc<Signet>) -> Answer {
    told(signet.sweep().await, |()| Answer::Done(true))
}

pub(crate) async fn flush(signet: Arc<Signet>) -> Answer {
    told(signet.flush_audit().await, |()| Answer::Done(true))
}

/// A resource server that fetches the keys from a node which is up to date.
pub(crate) async fn read_keys(signet: Arc<Signet>) -> Answer {
    told(signet.notice_changes().await, |()| {
        Answer::Keys(String::from_utf8(signet.ring.load().jwks().body.to_vec()).unwrap())
    })
}
