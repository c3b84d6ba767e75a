//! `signet tokens get`: the code flow with PKCE against a running dev server, as an application would do it.

use std::time::Duration;

use clap::Args;
use oauth2::AuthUrl;
use oauth2::AuthorizationCode;
use oauth2::ClientId;
use oauth2::ClientSecret;
use oauth2::CsrfToken;
use oauth2::EndpointNotSet;
use oauth2::EndpointSet;
use oauth2::ExtraTokenFields;
use oauth2::HttpRequest;
use oauth2::PkceCodeChallenge;
use oauth2::RedirectUrl;
use oauth2::RequestTokenError;
use oauth2::Scope;
use oauth2::StandardRevocableToken;
use oauth2::StandardTokenResponse;
use oauth2::TokenResponse;
use oauth2::TokenUrl;
use oauth2::basic::BasicErrorResponse;
use oauth2::basic::BasicRevocationErrorResponse;
use oauth2::basic::BasicTokenIntrospectionResponse;
use oauth2::basic::BasicTokenType;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::visitor::Visitor;
use crate::cli::Failure;
use crate::cli::console::Console;
use crate::cli::dev_server::DevServer;
use crate::cli::http;
use crate::cli::open::Selection;
use crate::cli::output::Output;
use crate::cli::output::OutputArgs;
use crate::cli::output::Record;
use crate::cli::tls_client::Peer;
use crate::flow::dev;

/// A dev server on this computer answers sooner, even an unoptimised one.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// One of the demo clients' own. Nothing needs to listen there: the answer is read from the address.
const REDIRECT_URI: &str = "http://localhost/callback";

#[derive(Debug, Args)]
pub(in crate::cli) struct Get {
    /// A demo client; demo-service asks for a token of its own.
    #[arg(long, default_value = dev::WEB_CLIENT)]
    client: String,
    /// A demo user.
    #[arg(long, default_value = dev::USER)]
    user: String,
    /// Scope values to ask for, separated by spaces. Everything that the demo clients may have, when absent.
    #[arg(long)]
    scope: Option<String>,
    /// The access token alone; -o json has all tokens.
    #[command(flatten)]
    output: OutputArgs,
}

/// `id_token` is what OpenID Connect adds to the answer.
#[derive(Debug, Serialize, Deserialize)]
struct IdToken {
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

type Tokens = StandardTokenResponse<IdToken, BasicTokenType>;

type Client<HasAuthUrl> = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    HasAuthUrl,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// # Errors
/// Exit code 2 without `--dev`, 69 when no dev server runs on the port, 1 when it refuses.
pub(super) async fn run(get: &Get, selection: &Selection, console: Console) -> Result<(), Failure> {
    if !selection.dev {
        return Err(Failure::usage(&"Only a dev server signs in without a person: say --dev"));
    }
    let server = DevServer::find(selection.dev_port())?;
    let (issuer, peer) = (server.issuer(), server.peer()?);
    let tokens = if get.client == dev::SERVICE_CLIENT {
        of_service(get, &issuer, &peer).await?
    } else {
        of_person(get, &issuer, &peer).await?
    };
    let text = |token: Option<String>| token.map_or(serde_json::Value::Null, |token| json!(token));
    let access_token = tokens.access_token().secret();
    match get.output.output {
        Output::Table | Output::Name => console.print(access_token),
        other => {
            let scope =
                tokens.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "));
            let fields = vec![
                ("access_token", json!(access_token)),
                ("token_type", json!("Bearer")),
                ("expires_in", json!(tokens.expires_in().map(|time| time.as_secs()))),
                ("refresh_token", text(tokens.refresh_token().map(|token| token.secret().clone()))),
                ("id_token", text(tokens.extra_fields().id_token.clone())),
                ("scope", text(scope)),
            ];
            console.show(&Record { fields }, other)
        }
    }
}

async fn of_person(get: &Get, issuer: &str, peer: &Peer) -> Result<Tokens, Failure> {
    let client = client(get, issuer)?
        .set_auth_uri(AuthUrl::new(format!("{issuer}/authorize")).map_err(|fault| Failure::failed(&fault))?)
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).map_err(|fault| Failure::failed(&fault))?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge);
    for value in get.scope.as_deref().unwrap_or("openid profile email address phone offline_access").split_whitespace()
    {
        request = request.add_scope(Scope::new(value.to_owned()));
        if value == "offline_access" {
            // OpenID Connect Core section 11 wants it asked for together with a consent.
            request = request.add_extra_param("prompt", "consent");
        }
    }
    let (url, state) = request.url();
    let arrived = Visitor::new(peer.clone()).authorize(&url, REDIRECT_URI, &get.user, dev::PASSWORD).await?;
    if parameter(&arrived, "state").as_deref() != Some(state.secret().as_str()) {
        return Err(Failure::failed(&"The answer is not to our request: another state"));
    }
    // RFC 9207 section 2.4: the issuer of the answer "MUST be compared" with the one the request went to.
    if parameter(&arrived, "iss").as_deref() != Some(issuer) {
        return Err(Failure::failed(&"The answer comes from another issuer"));
    }
    let Some(code) = parameter(&arrived, "code") else {
        let error = parameter(&arrived, "error").unwrap_or_default();
        let description = parameter(&arrived, "error_description").unwrap_or_default();
        return Err(Failure::failed(&format!("Refused: {error} {description}")));
    };
    let exchange = client.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(verifier);
    exchange.request_async(&|request| send(request, peer)).await.map_err(refused)
}

async fn of_service(get: &Get, issuer: &str, peer: &Peer) -> Result<Tokens, Failure> {
    let client = client(get, issuer)?;
    let mut request = client.exchange_client_credentials();
    for value in get.scope.as_deref().unwrap_or_default().split_whitespace() {
        request = request.add_scope(Scope::new(value.to_owned()));
    }
    request.request_async(&|request| send(request, peer)).await.map_err(refused)
}

fn client(get: &Get, issuer: &str) -> Result<Client<EndpointNotSet>, Failure> {
    let token_uri = TokenUrl::new(format!("{issuer}/token")).map_err(|fault| Failure::failed(&fault))?;
    let client = oauth2::Client::new(ClientId::new(get.client.clone())).set_token_uri(token_uri);
    Ok(match get.client.as_str() {
        dev::SPA_CLIENT => client,
        _ => client.set_client_secret(ClientSecret::new(dev::CLIENT_SECRET.to_owned())),
    })
}

async fn send(request: HttpRequest, peer: &Peer) -> Result<oauth2::HttpResponse, std::io::Error> {
    http::exchange(peer, request, PATIENCE).await
}

fn refused(error: RequestTokenError<std::io::Error, BasicErrorResponse>) -> Failure {
    match error {
        RequestTokenError::Request(fault) => Failure::unavailable(&format!("No answer: {fault}")),
        RequestTokenError::ServerResponse(answer) => Failure::failed(&format!("Refused: {answer}")),
        // The answer itself may hold tokens, so it is not shown.
        RequestTokenError::Parse(fault, _) => {
            Failure::failed(&format!("The answer is not understood: {}", fault.path()))
        }
        RequestTokenError::Other(fault) => Failure::failed(&fault),
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
