//! The playground of `serve --dev`: the whole flow with everything shown.

use serde::Serialize;

use super::super::Page;
use super::super::csp::Csp;
use super::super::link::Destination;
use super::reveal;
use crate::domain::secret::Secret;

/// `playground.html`: posts `login_hint`, `scope`, `prompt` to `/playground/start`.
#[derive(Debug, Clone, Serialize)]
pub struct PlaygroundPage {
    #[serde(serialize_with = "reveal")]
    pub csrf: Secret,
    pub issuer: String,
    pub authorization_endpoint: String,
    /// All parameters of the request that the button sends, in order.
    pub parameters: Vec<PlaygroundParameter>,
    pub login_hint: String,
    pub scope: String,
    /// Where the answer goes, so that the redirects after the form are allowed.
    pub destination: Option<Destination>,
}

/// One parameter of the authorization request. Those that are made anew at each start show an example.
#[derive(Debug, Clone, Serialize)]
pub struct PlaygroundParameter {
    /// Has a text `playground-param-{name}`, underscores as hyphens.
    pub name: &'static str,
    pub value: String,
    /// Made at each start: `state`, `nonce`, `code_challenge`.
    pub fresh: bool,
}

/// `playground_result.html`, the redirect URI of the playground (`/callback`).
#[derive(Debug, Clone, Serialize)]
pub struct PlaygroundResultPage {
    pub outcome: PlaygroundOutcome,
    /// What came back.
    pub state: Option<String>,
    pub iss: Option<String>,
    /// What was sent or is known.
    pub issuer: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub nonce: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: String,
    pub demo_api: String,
}

/// How the flow came back.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlaygroundOutcome {
    /// With a code, for a start that this browser has made: the state is the one that was sent.
    Code {
        #[serde(serialize_with = "reveal")]
        code: Secret,
        #[serde(serialize_with = "reveal")]
        verifier: Secret,
    },
    Error {
        error: String,
        description: Option<String>,
    },
    /// The state is unknown: opened again, another browser, or a forged answer.
    Unknown,
}

impl Page for PlaygroundPage {
    const TEMPLATE: &'static str = "playground.html";
    fn csp(&self) -> Csp {
        Csp::default().submits_towards(self.destination.as_ref())
    }
}

impl Page for PlaygroundResultPage {
    const TEMPLATE: &'static str = "playground_result.html";
    fn csp(&self) -> Csp {
        Csp::default().scripts().connects()
    }
}
