//! The installation that is measured: a folder with configuration, log and, unless it is elsewhere, the database; three
//! clients.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::PathBuf;

use signet::crypto::hash;
use tempfile::TempDir;

use crate::Fault;
use crate::crowd;
use crate::crowd::Database;
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
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// Everything as it comes, except: one address may sign in as often as it likes.
const CONFIGURATION: &str = r#"
[server]
issuer = "ISSUER"
listen = ["127.0.0.1:PORT"]
admin_listen = "127.0.0.1:ADMIN"
[database]
url = "DATABASE"
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
audiences = ["https://api.example.test"]
redirect_uris = ["https://app.example.test/callback"]
id_token_signed_response_alg = "ES256"
"#;

pub(crate) struct Site {
    folder: TempDir,
    port: u16,
    pub(crate) database: Database,
    pub(crate) issuer: String,
}

impl Site {
    /// On `postgres`, or on a SQLite file of its own.
    pub(crate) fn new(postgres: Option<&str>) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("signet.db").display().to_string();
        let database = postgres.map_or(Database::Sqlite(file), |url| Database::Postgres(url.to_owned()));
        let (port, admin) = (free_port()?, free_port()?);
        let issuer = format!("http://localhost:{port}");
        let text = CONFIGURATION
            .replace("ISSUER", &issuer)
            .replace("DATABASE", &database.url())
            .replace("PORT", &port.to_string())
            .replace("ADMIN", &admin.to_string())
            .replace("SECRET", SECRET);
        fs::write(folder.path().join("signet.toml"), text)?;
        Ok(Self { folder, port, database, issuer })
    }

    pub(crate) fn start(&self, cores: Cores) -> Result<Process, Fault> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        Process::signet(self.folder.path(), self.port, log, cores).inspect_err(|_| {
            eprintln!("{}", fs::read_to_string(self.log()).unwrap_or_default());
        })
    }

    /// A log file like any other: each line is written when its request ends. Emptied between measurements.
    pub(crate) fn empty_log(&self) -> Result<(), Fault> {
        Ok(File::options().write(true).open(self.log())?.set_len(0)?)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("signet.log")
    }
}

fn free_port() -> Result<u16, Fault> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) fn authorize_path(client: &str) -> String {
    format!(
        "/authorize?response_type=code&client_id={client}&redirect_uri={REDIRECT_URI_ENCODED}\
         &scope=openid%20profile%20email%20offline_access&state=a-state&nonce=a-nonce\
         &code_challenge={}&code_challenge_method=S256",
        hash::s256(VERIFIER)
    )
}

/// The POST of a login form that one of the people has filled in.
pub(crate) async fn login_form(wire: &mut Wire, person: usize) -> Result<Vec<u8>, Fault> {
    let answer = wire.send(&steps::get(&authorize_path(WEB), &[])).await?.expect(303, "/authorize")?;
    let browser = answer.cookie("signet_browser").ok_or("no browser cookie")?.to_owned();
    let page = answer.header("location").ok_or("no Location")?.to_owned();
    let cookie = format!("signet_browser={browser}");
    let answer = wire.send(&steps::get(&page, &[("Cookie", &cookie)])).await?.expect(200, "/login")?;
    let (csrf, request) = (hidden(answer.text()?, "csrf")?, hidden(answer.text()?, "request")?);
    let form = format!(
        "csrf={csrf}&request={request}&username={}&password={PASSWORD}",
        crowd::address(person).replace('@', "%40")
    );
    Ok(steps::post("/login", &[("Cookie", &cookie)], &form))
}

/// Signs in with a new browser.
pub(crate) async fn login(wire: &mut Wire, person: usize) -> Result<(), Fault> {
    let form = login_form(wire, person).await?;
    let answer = wire.send(&form).await?.expect(303, "/login")?;
    answer.cookie("signet_session").map(|_| ()).ok_or_else(|| "no session cookie".into())
}

/// The value of a hidden input.
fn hidden(page: &str, name: &str) -> Result<String, Fault> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).ok_or("a form without its hidden fields")?;
    let (value, _) = rest.split_once('"').ok_or("a cut page")?;
    Ok(value.to_owned())
}
