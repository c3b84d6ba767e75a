//! Every page with sample data, in each state that it can show. A theme is tried with these before it is used.

use super::super::PageError;
use super::super::link::Destination;
use super::super::link::Image;
use super::super::link::Link;
use super::About;
use super::AccountApplication;
use super::AccountPage;
use super::AccountSession;
use super::App;
use super::BackTo;
use super::CheckSessionPage;
use super::ConsentPage;
use super::DecoderPage;
use super::ErrorDetails;
use super::ErrorKind;
use super::ErrorPage;
use super::Form;
use super::FormPostPage;
use super::HomePage;
use super::LoginError;
use super::LoginNotice;
use super::LoginPage;
use super::LogoutConfirmPage;
use super::LogoutLevel;
use super::PlaygroundOutcome;
use super::PlaygroundPage;
use super::PlaygroundParameter;
use super::PlaygroundResultPage;
use super::Sample;
use super::ScopeLine;
use super::SelectAccountPage;
use super::SetupDonePage;
use super::SetupError;
use super::SetupPage;
use super::SignedOutPage;
use crate::domain::ids::RequestId;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;

type Visit<'a> = &'a mut dyn FnMut(&dyn Sample) -> Result<(), PageError>;

/// Shows every sample to `visit`.
pub(in super::super) fn each_sample(visit: Visit<'_>) -> Result<(), PageError> {
    show(&LoginPage::samples()?, visit)?;
    show(&[SelectAccountPage::sample()?], visit)?;
    show(&ConsentPage::samples()?, visit)?;
    show(&ErrorPage::samples(), visit)?;
    show(&[HomePage { issuer: ISSUER.to_owned() }], visit)?;
    show(&SignedOutPage::samples(), visit)?;
    show(&AccountPage::samples(), visit)?;
    show(&[CheckSessionPage { cookie: "signet_state".to_owned() }], visit)?;
    show(&LogoutConfirmPage::samples(), visit)?;
    show(&[FormPostPage::sample()?], visit)?;
    show(&SetupPage::samples(), visit)?;
    show(&[SetupDonePage { email: EMAIL.to_owned(), issuer: ISSUER.to_owned() }], visit)?;
    show(&[DecoderPage::new(ISSUER, ""), DecoderPage::new(ISSUER, "http://localhost:8080/demo-api")], visit)?;
    show(&[PlaygroundPage::sample()], visit)?;
    show(&PlaygroundResultPage::samples(), visit)
}

fn show<S: Sample>(samples: &[S], visit: Visit<'_>) -> Result<(), PageError> {
    samples.iter().try_for_each(|sample| visit(sample))
}

const EMAIL: &str = "ada@example.test";
const ISSUER: &str = "http://localhost:8080";

fn broken(what: &str) -> PageError {
    PageError::Template(format!("sample data: {what}"))
}

impl Form {
    fn sample() -> Result<Self, PageError> {
        let request = RequestId::new("req_2c7hQk0sV9mXw1Yb4Zd8Ef").map_err(|fault| broken(&fault.to_string()))?;
        Ok(Self { csrf: Secret::new("csrf"), request })
    }
}

impl App {
    fn sample(redirect_uri: &str) -> Result<Self, PageError> {
        let destination = Destination::parse(redirect_uri).ok_or_else(|| broken(redirect_uri))?;
        let at = |path: &str| Link::parse(&format!("https://shop.test{path}"));
        let unverified = redirect_uri.starts_with("https");
        let about = match destination.label() {
            "shop.test" => About {
                logo: Image::parse("https://cdn.shop.test/logo.png"),
                home: at("/"),
                policy: at("/privacy"),
                terms: at("/terms"),
            },
            _ => About::default(),
        };
        Ok(Self { name: "My shop".to_owned(), destination: Some(destination), about, unverified })
    }
}

impl LoginPage {
    fn samples() -> Result<Vec<Self>, PageError> {
        let plain = Self {
            form: Form::sample()?,
            app: Some(App::sample("https://shop.test/callback")?),
            username: String::new(),
            error: None,
            notice: None,
            prefill_password: None,
        };
        let hinted = Self { username: EMAIL.to_owned(), ..plain.clone() };
        let error = |error| Self { error: Some(error), ..hinted.clone() };
        Ok(vec![
            error(LoginError::Credentials),
            error(LoginError::Throttled { minutes: 3 }),
            error(LoginError::Busy),
            error(LoginError::Stale),
            Self { notice: Some(LoginNotice::Restarted), ..hinted.clone() },
            Self { notice: Some(LoginNotice::Confirm), ..hinted.clone() },
            Self { app: None, ..hinted.clone() },
            Self { prefill_password: Some(Secret::new("demo")), ..hinted },
            plain,
        ])
    }
}

impl SelectAccountPage {
    fn sample() -> Result<Self, PageError> {
        Ok(Self {
            form: Form::sample()?,
            app: App::sample("https://shop.test/callback")?,
            email: EMAIL.to_owned(),
            name: Some("Ada Lovelace".to_owned()),
        })
    }
}

impl ConsentPage {
    fn samples() -> Result<Vec<Self>, PageError> {
        let scope = Scope::parse("openid profile email address phone roles offline_access orders:read")
            .map_err(|fault| broken(&fault.to_string()))?;
        ["com.example.app:/cb", "http://localhost:3000/cb", "https://shop.test/callback"]
            .into_iter()
            .map(|redirect_uri| {
                Ok(Self {
                    form: Form::sample()?,
                    app: App::sample(redirect_uri)?,
                    email: EMAIL.to_owned(),
                    scopes: ScopeLine::list(&scope),
                })
            })
            .collect()
    }
}

impl ErrorPage {
    fn samples() -> Vec<Self> {
        use ErrorKind as Kind;
        let kinds = [Kind::Expired, Kind::Link, Kind::NotFound, Kind::TooMany, Kind::Unavailable, Kind::Internal];
        let reference = "req_2c7hQk0sV9mXw1Yb4Zd8Ef";
        let plain = |kind| Self { kind, reference: reference.to_owned(), cause: None, back: None, details: None };
        let mut pages: Vec<Self> = kinds.into_iter().map(plain).collect();
        pages.push(Self {
            back: Link::parse("https://shop.test/"),
            cause: Some("invalid_request: redirect_uri is not registered for this client".to_owned()),
            details: Some(ErrorDetails {
                error: "invalid_request".to_owned(),
                description: "redirect_uri is not registered for this client".to_owned(),
                facts: vec![
                    ("sent".to_owned(), "https://shop.test/callback/".to_owned()),
                    ("allowed".to_owned(), "https://shop.test/callback".to_owned()),
                ],
            }),
            ..plain(Kind::Request)
        });
        pages
    }
}

impl SignedOutPage {
    fn samples() -> Vec<Self> {
        let back = || Destination::parse("https://shop.test/").map(|uri| BackTo { app: "My shop".to_owned(), uri });
        let frames = ["https://shop.test/logout?iss=i&sid=s", "https://c2.test/fc"];
        vec![
            Self { back: None, frames: Vec::new() },
            Self { back: back(), frames: Vec::new() },
            Self { back: back(), frames: frames.into_iter().filter_map(Destination::parse).collect() },
        ]
    }
}

impl AccountPage {
    fn samples() -> Vec<Self> {
        let session = |id: &str, current, applications: &[&str]| AccountSession {
            id: id.to_owned(),
            current,
            since: "2026-11-22 12:00".to_owned(),
            last_seen: "2026-11-22 12:30".to_owned(),
            applications: applications.iter().map(|name| (*name).to_owned()).collect(),
        };
        let scope = Scope::parse("openid email api:read offline_access").unwrap_or_default();
        let shop = AccountApplication {
            id: "shop".to_owned(),
            name: "My shop".to_owned(),
            scopes: ScopeLine::list(&scope),
            since: "2026-11-22 12:00".to_owned(),
        };
        let empty = Self {
            csrf: Secret::new("csrf"),
            email: EMAIL.to_owned(),
            name: None,
            level: LogoutLevel::Immediate,
            sessions: vec![session("ses_1", true, &[])],
            applications: Vec::new(),
        };
        let full = Self {
            name: Some("Ada Lovelace".to_owned()),
            level: LogoutLevel::RefreshRevocation,
            sessions: vec![session("ses_1", true, &["My shop", "Notes"]), session("ses_2", false, &["My shop"])],
            applications: vec![shop],
            ..empty.clone()
        };
        vec![empty, full]
    }
}

impl LogoutConfirmPage {
    fn samples() -> Vec<Self> {
        let own = Self {
            csrf: Secret::new("csrf"),
            email: EMAIL.to_owned(),
            level: LogoutLevel::Immediate,
            app_name: None,
            fields: Vec::new(),
            destination: None,
        };
        let asked = Self {
            level: LogoutLevel::RefreshRevocation,
            app_name: Some("My shop".to_owned()),
            fields: vec![("state".to_owned(), "x".to_owned())],
            destination: Destination::parse("https://shop.test/"),
            ..own.clone()
        };
        vec![own, asked]
    }
}

impl FormPostPage {
    fn sample() -> Result<Self, PageError> {
        let redirect_uri = "https://shop.test/callback";
        Ok(Self {
            app_name: "My shop".to_owned(),
            destination: Destination::parse(redirect_uri).ok_or_else(|| broken(redirect_uri))?,
            fields: vec![("code".to_owned(), "sample".to_owned()), ("iss".to_owned(), ISSUER.to_owned())],
        })
    }
}

impl SetupPage {
    fn samples() -> Vec<Self> {
        use SetupError as Fault;
        let page = |error| Self { csrf: Secret::new("csrf"), email: EMAIL.to_owned(), error, min_password: 12 };
        let faults = [Fault::Email, Fault::PasswordShort, Fault::PasswordLong, Fault::Taken];
        faults.into_iter().map(Some).chain([None]).map(page).collect()
    }
}

impl PlaygroundPage {
    fn sample() -> Self {
        let parameter = |(name, value, fresh): (&'static str, &str, bool)| PlaygroundParameter {
            name,
            value: value.to_owned(),
            fresh,
        };
        let parameters = [
            ("response_type", "code", false),
            ("client_id", "demo-spa", false),
            ("redirect_uri", "http://localhost:8080/callback", false),
            ("scope", "openid profile email offline_access", false),
            ("state", "kq2Jp0S7mXw1Yb4Zd8EfGh", true),
            ("nonce", "b4Zd8EfGhkq2Jp0S7mXw1Y", true),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", true),
            ("code_challenge_method", "S256", false),
            ("login_hint", EMAIL, false),
        ];
        Self {
            csrf: Secret::new("csrf"),
            issuer: ISSUER.to_owned(),
            authorization_endpoint: format!("{ISSUER}/authorize"),
            parameters: parameters.into_iter().map(parameter).collect(),
            login_hint: EMAIL.to_owned(),
            scope: "openid profile email offline_access".to_owned(),
            destination: Destination::parse("http://localhost:8080/callback"),
        }
    }
}

impl PlaygroundResultPage {
    fn samples() -> Vec<Self> {
        let error = |description: Option<&str>| PlaygroundOutcome::Error {
            error: "access_denied".to_owned(),
            description: description.map(str::to_owned),
        };
        let code = PlaygroundOutcome::Code { code: Secret::new("code"), verifier: Secret::new("verifier") };
        let page = |outcome| Self {
            outcome,
            state: Some("kq2Jp0S7mXw1Yb4Zd8EfGh".to_owned()),
            iss: Some(ISSUER.to_owned()),
            issuer: ISSUER.to_owned(),
            client_id: "demo-spa".to_owned(),
            redirect_uri: format!("{ISSUER}/callback"),
            nonce: "b4Zd8EfGhkq2Jp0S7mXw1Y".to_owned(),
            token_endpoint: format!("{ISSUER}/token"),
            jwks_uri: format!("{ISSUER}/.well-known/jwks.json"),
            userinfo_endpoint: format!("{ISSUER}/userinfo"),
            demo_api: format!("{ISSUER}/demo-api"),
        };
        vec![
            page(error(None)),
            page(error(Some("The person refused."))),
            Self { state: None, iss: None, ..page(PlaygroundOutcome::Unknown) },
            page(code),
        ]
    }
}
