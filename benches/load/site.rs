//! The installation that is measured: a folder with configuration, SQLite database and log, one user, three clients.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;

use signet::ambient::Clock;
use signet::ambient::OsEntropy;
use signet::ambient::SystemClock;
use signet::crypto::hash;
use signet::crypto::password;
use signet::domain::ids::UserId;
use signet::domain::time::Timestamp;
use signet::domain::user::Email;
use signet::domain::user::StandardClaims;
use signet::domain::user::User;
use signet::store::Options;
use signet::store::Store;
use tempfile::TempDir;

use crate::Fault;
use crate::process::Cores;
use crate::process::Process;
use crate::steps;
use crate::wire::Wire;

/// `client_credentials` with ES256.
pub(crate) const SERVICE: &str = "bench-service";
/// The code flow as a client gets it when it registers nothing: RS256 ID tokens, ES256 access tokens.
pub(crate) const WEB: &str = "bench-web";
/// The same with ES256 ID tokens.
pub(crate) const WEB_ES256: &str = "bench-web-es256";
pub(crate) const SECRET: &str = "only-for-measuring-0123456789abcdef";
pub(crate) const REDIRECT_URI_ENCODED: &str = "https%3A%2F%2Fapp.example.test%2Fcallback";
pub(crate) const VERIFIER: &str = "0123456789-a-code-verifier-of-the-load-driver-0123456789";
const USER: &str = "ada@example.test";
const PASSWORD: &str = "correct-horse-battery";

/// Everything as it comes, except: one address may sign in as often as it likes.
const CONFIGURATION: &str = r#"
[server]
issuer = "ISSUER"
listen = ["127.0.0.1:PORT"]
admin_listen = "127.0.0.1:ADMIN"
[database]
url = "sqlite://signet.db"
[secrets]
master_key_file = "master.key"
[limits]
login_per_account = "1000000 per 15m"
login_per_address = "1000000 per 15m"
attempts_per_address = "1000000 per 15m"
[gateway]
audiences = ["https://api.example.test"]
[[clients]]
id = "bench-service"
secret = "SECRET"
scope = "orders:read orders:write"
audiences = ["https://api.example.test"]
resources = ["https://api.example.test"]
[[clients]]
id = "bench-web"
secret = "SECRET"
audiences = ["https://api.example.test"]
redirect_uris = ["https://app.example.test/callback"]
[[clients]]
id = "bench-web-es256"
secret = "SECRET"
redirect_uris = ["https://app.example.test/callback"]
id_token_signed_response_alg = "ES256"
"#;

pub(crate) struct Site {
    folder: TempDir,
    port: u16,
    pub(crate) issuer: String,
}

impl Site {
    pub(crate) fn new() -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let (port, admin) = (free_port()?, free_port()?);
        let issuer = format!("http://localhost:{port}");
        let text = CONFIGURATION
            .replace("ISSUER", &issuer)
            .replace("PORT", &port.to_string())
            .replace("ADMIN", &admin.to_string())
            .replace("SECRET", SECRET);
        fs::write(folder.path().join("signet.toml"), text)?;
        Ok(Self { folder, port, issuer })
    }

    pub(crate) fn start(&self, cores: Cores) -> Result<Process, Fault> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        Process::signet(self.folder.path(), self.port, log, cores).inspect_err(|_| {
            eprintln!("{}", fs::read_to_string(self.log()).unwrap_or_default());
        })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("signet.db")
    }

    /// A log file like any other: each line is written when its request ends. Emptied between measurements.
    pub(crate) fn empty_log(&self) -> Result<(), Fault> {
        Ok(File::options().write(true).open(self.log())?.set_len(0)?)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("signet.log")
    }

    /// The one user, with a password hash of the default parameters.
    pub(crate) async fn add_user(&self) -> Result<(), Fault> {
        let now = Timestamp::from_micros(SystemClock::new().unix_micros());
        let user = User {
            id: UserId::new(hash::random_id("usr_", &OsEntropy))?,
            email: Email::parse(USER)?,
            password: Some(password::hash(PASSWORD, &password::Params::default(), &OsEntropy)?),
            roles: BTreeSet::new(),
            claims: StandardClaims { name: Some("Ada Example".to_owned()), ..StandardClaims::default() },
            disabled: false,
            created_at: now,
            updated_at: now,
        };
        open(&self.database())?.create_user(user).await?;
        Ok(())
    }
}

fn open(database: &Path) -> Result<Store, Fault> {
    Ok(Store::open(&format!("sqlite://{}", database.display()), Options::default())?)
}

fn free_port() -> Result<u16, Fault> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What a browser holds after signing in.
pub(crate) struct Login {
    pub(crate) session: String,
    pub(crate) browser: String,
    /// Where the flow goes on.
    next: String,
}

pub(crate) fn authorize_path(client: &str) -> String {
    format!(
        "/authorize?response_type=code&client_id={client}&redirect_uri={REDIRECT_URI_ENCODED}\
         &scope=openid%20profile%20email%20offline_access&state=a-state&nonce=a-nonce\
         &code_challenge={}&code_challenge_method=S256",
        hash::s256(VERIFIER)
    )
}

/// The POST of a filled-in login form, and the browser cookie it belongs to.
pub(crate) async fn login_form(wire: &mut Wire) -> Result<(Vec<u8>, String), Fault> {
    login_form_of(wire, WEB).await
}

async fn login_form_of(wire: &mut Wire, client: &str) -> Result<(Vec<u8>, String), Fault> {
    let answer = wire.send(&steps::get(&authorize_path(client), &[])).await?.expect(303, "/authorize")?;
    let browser = answer.cookie("signet_browser").ok_or("no browser cookie")?.to_owned();
    let page = answer.header("location").ok_or("no Location")?.to_owned();
    let cookie = format!("signet_browser={browser}");
    let answer = wire.send(&steps::get(&page, &[("Cookie", &cookie)])).await?.expect(200, "/login")?;
    let (csrf, request) = (hidden(answer.text()?, "csrf")?, hidden(answer.text()?, "request")?);
    let form = format!("csrf={csrf}&request={request}&username={}&password={PASSWORD}", USER.replace('@', "%40"));
    Ok((steps::post("/login", &[("Cookie", &cookie)], &form), browser))
}

/// Signs in with a new browser.
pub(crate) async fn login(wire: &mut Wire) -> Result<Login, Fault> {
    login_to(wire, WEB).await
}

async fn login_to(wire: &mut Wire, client: &str) -> Result<Login, Fault> {
    let (form, browser) = login_form_of(wire, client).await?;
    let answer = wire.send(&form).await?.expect(303, "/login")?;
    let session = answer.cookie("signet_session").ok_or("no session cookie")?.to_owned();
    let next = answer.header("location").ok_or("no Location")?.to_owned();
    Ok(Login { session, browser, next })
}

/// Signs in and agrees, to be remembered, to what `client` asks for.
pub(crate) async fn login_and_consent(wire: &mut Wire, client: &str) -> Result<Login, Fault> {
    let login = login_to(wire, client).await?;
    let cookie = format!("signet_session={}; signet_browser={}", login.session, login.browser);
    let answer = wire.send(&steps::get(&login.next, &[("Cookie", &cookie)])).await?.expect(303, "/authorize")?;
    let page = answer.header("location").ok_or("no Location")?.to_owned();
    if !page.starts_with("/consent") {
        return Ok(login);
    }
    let answer = wire.send(&steps::get(&page, &[("Cookie", &cookie)])).await?.expect(200, "/consent")?;
    let (csrf, request) = (hidden(answer.text()?, "csrf")?, hidden(answer.text()?, "request")?);
    let form = format!("csrf={csrf}&request={request}&decision=allow&remember=on");
    wire.send(&steps::post("/consent", &[("Cookie", &cookie)], &form)).await?.expect(303, "/consent")?;
    Ok(login)
}

/// The value of a hidden input.
fn hidden(page: &str, name: &str) -> Result<String, Fault> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).ok_or("a form without its hidden fields")?;
    let (value, _) = rest.split_once('"').ok_or("a cut page")?;
    Ok(value.to_owned())
}
