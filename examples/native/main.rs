//! A program on somebody's computer that signs them in: their own browser, a loopback address, PKCE. RFC 8252.

use std::error::Error;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use openidconnect::AuthorizationCode;
use openidconnect::ClientId;
use openidconnect::CsrfToken;
use openidconnect::IssuerUrl;
use openidconnect::Nonce;
use openidconnect::OAuth2TokenResponse;
use openidconnect::PkceCodeChallenge;
use openidconnect::RedirectUrl;
use openidconnect::Scope;
use openidconnect::TokenResponse;
use openidconnect::core::CoreAuthenticationFlow;
use openidconnect::core::CoreClient;
use openidconnect::core::CoreProviderMetadata;
use openidconnect::core::CoreUserInfoClaims;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use url::Url;

/// How long somebody may take to sign in.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let issuer = setting("ISSUER", "http://localhost:8080");

    // RFC 8252 section 7.3: the port is whatever is free at this moment. Loopback only, and by address, because the name
    // localhost may lead elsewhere.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let redirect = format!("http://{}/callback", listener.local_addr()?);

    let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(issuer.clone())?, &send).await?;
    // A public client: what is in a program that people download is no secret.
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(setting("CLIENT_ID", "demo-spa")), None)
        .set_redirect_uri(RedirectUrl::new(redirect)?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();

    println!("Sign in with your browser:\n{url}");
    if std::env::args().nth(1).as_deref() != Some("--print") {
        open_browser(&url);
    }
    let answer = tokio::time::timeout(PATIENCE, callback(&listener)).await??;
    let code = read_answer(&answer, state.secret(), &issuer)?;

    let tokens = client.exchange_code(AuthorizationCode::new(code))?.set_pkce_verifier(verifier);
    let tokens = tokens.request_async(&send).await?;
    // Signature, iss, aud, exp and nonce of the ID token are checked here.
    let claims = tokens.id_token().ok_or("no ID token")?.claims(&client.id_token_verifier(), &nonce)?;
    let user: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?.request_async(&send).await?;
    let email = user.email().map_or("(no e-mail address)", |email| email.as_str());
    println!("Signed in as {email}, {}", claims.subject().as_str());
    Ok(())
}

/// The system's own browser: a program that shows the sign-in page itself could read the password (RFC 8252 section 8.12).
fn open_browser(url: &Url) {
    let [program, arguments @ ..] = match std::env::consts::OS {
        "macos" => ["open", "", ""],
        "windows" => ["rundll32", "url.dll,FileProtocolHandler", ""],
        _ => ["xdg-open", "", ""],
    };
    let arguments = arguments.into_iter().filter(|argument| !argument.is_empty());
    let started = Command::new(program).args(arguments).arg(url.as_str()).stdout(Stdio::null()).spawn();
    if started.is_err() {
        println!("No browser could be started: open the address yourself.");
    }
}

/// Waits until the browser comes back, and tells it that it may be closed. Everything else that calls is sent away.
async fn callback(listener: &TcpListener) -> Result<Url, Box<dyn Error>> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let path = request_path(&mut stream).await.unwrap_or_default();
        let is_callback = path.starts_with("/callback?");
        let (status, text) = if is_callback { ("200 OK", "You may close this page.") } else { ("404 Not Found", "") };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
        // A browser that has gone meanwhile has brought its answer all the same.
        drop(stream.write_all(answer.as_bytes()).await);
        if is_callback {
            return Ok(Url::parse("http://127.0.0.1")?.join(&path)?);
        }
    }
}

/// `/callback?code=...` out of `GET /callback?code=... HTTP/1.1`.
async fn request_path(stream: &mut TcpStream) -> Option<String> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    tokio::time::timeout(Duration::from_secs(5), reader.read_line(&mut line)).await.ok()?.ok()?;
    line.strip_prefix("GET ")?.split(' ').next().map(str::to_owned)
}

/// The code, when the answer is one to our question and from the server that we asked.
fn read_answer(answer: &Url, state: &str, issuer: &str) -> Result<String, Box<dyn Error>> {
    let value = |name: &str| answer.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    if value("state").as_deref() != Some(state) {
        return Err("this answer belongs to another sign-in".into());
    }
    // RFC 9207 section 2.4: an answer of another server is not for us.
    if value("iss").as_deref() != Some(issuer) {
        return Err("this answer comes from another server".into());
    }
    if let Some(error) = value("error") {
        return Err(format!("not signed in: {error} {}", value("error_description").unwrap_or_default()).into());
    }
    value("code").ok_or_else(|| "an answer without a code".into())
}

/// One request of the library. Following a redirect would let a server point us at any address.
async fn send(request: openidconnect::HttpRequest) -> Result<openidconnect::HttpResponse, reqwest::Error> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = client.execute(request.try_into()?).await?;
    let mut response = openidconnect::HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.into();
    Ok(response)
}
