//! Use cases: load, decide, commit, sign. The only floor that knows both the rules and the store.
//!
//! ```text
//! authorize -> { login, consent } -> authorize        one dispatcher decides; steps only come back to it
//! token     -> client_assertion, client_keys (who is calling)
//!           -> code | refresh | client_credentials | exchange -> mint
//! session_api -> { login, refresh } -> mint              for pages that keep their refresh token in a cookie
//! userinfo, introspect, revoke -> denylist
//! register -> clients                                applications that register themselves
//! rotate, sweep, setup
//! ```
//!
//! Nothing here knows HTTP: the command line and the simulator call the same functions.

pub mod account;
pub mod audit;
pub mod authorize;
pub mod backchannel;
pub mod begun;
mod client_assertion;
pub mod client_credentials;
pub mod client_keys;
pub mod clients;
pub mod clients_by_hand;
mod clock;
pub mod code;
mod common_time;
pub mod consent;
pub mod denylist;
pub mod dev;
pub mod error;
pub mod exchange;
mod family;
pub mod gateway;
mod id_token_hint;
pub mod inspect;
pub mod introspect;
pub mod key_files;
pub mod keys_by_hand;
pub mod login;
pub mod logout;
pub mod metrics;
pub mod mint;
pub mod open;
pub mod passwords;
pub mod readers;
pub mod refresh;
pub mod register;
pub mod registration_tokens;
pub mod relay;
pub mod request_object;
pub mod revoke;
pub mod rotate;
pub mod session;
pub mod session_api;
pub mod setup;
pub mod subject;
pub mod sweep;
pub mod sync;
pub mod tokens;
pub mod usage;
pub mod userinfo;
pub mod users;
pub mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::ambient::Clock;
use crate::ambient::Entropy;
use crate::config::Config;
use crate::crypto::seal::MasterKey;
use crate::crypto::seal::SubKey;
use crate::domain::ids::FamilyId;
use crate::keys::RingHandle;
use crate::keys::Vault;
use crate::keys::steady::SteadyClock;
use crate::outbound::Outbound;
use crate::store::Store;

/// One provider: everything that a use case needs. Cheap to share, holds no request.
pub struct Signet {
    pub config: Config,
    pub store: Store,
    pub ring: RingHandle,
    pub vault: Vault,
    pub clients: clients::Clients,
    pub client_keys: client_keys::ClientKeySets,
    pub denylist: denylist::Denylist,
    pub begun: begun::Begun,
    /// The last family that the clean-up has looked at.
    pub(crate) families_seen: Mutex<Option<FamilyId>>,
    pub gateway: gateway::Gateway,
    pub passwords: passwords::Passwords,
    pub clock: Arc<dyn Clock>,
    pub(crate) common_time: common_time::CommonTime,
    pub(crate) steady: Mutex<SteadyClock>,
    pub entropy: Arc<dyn Entropy>,
    pub secrets: Secrets,
    /// Makes the pairwise names of people; see [`Signet::subject`].
    pub(crate) subjects: SubKey,
    pub outbound: Outbound,
    pub request_objects: request_object::Fetched,
    pub watch: watch::Watch,
    /// Whether this is `serve --dev`: demo data, playground, a resource server of our own.
    pub dev: bool,
    pub(crate) stopping: AtomicBool,
}

impl Signet {
    /// Says that the server is about to stop, so that nothing new is sent here.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The issuer identifier, byte by byte as configured (OpenID Connect Discovery section 4.3).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.config.server.issuer.as_str()
    }
}

impl fmt::Debug for Signet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signet").field("issuer", &self.issuer()).field("dev", &self.dev).finish_non_exhaustive()
    }
}

/// Keys for what we write and later read ourselves; each is derived from the master key for one purpose.
pub struct Secrets {
    /// Ties forms to the browser that was given them.
    pub csrf: SubKey,
    /// Marks browsers in which somebody has signed in before.
    pub device: SubKey,
    /// Vouches for the cookie that applications behind a gateway see.
    pub gateway: SubKey,
    /// Tells an old refresh token of ours from an invented one.
    pub refresh: SubKey,
    /// Stands for a session where scripts may read it.
    pub browser_state: SubKey,
    /// Blurs what throttling keeps about names and addresses.
    pub throttle: SubKey,
}

impl Secrets {
    #[must_use]
    pub fn derive(master: &MasterKey) -> Self {
        Self {
            csrf: master.derive("signet csrf 1"),
            device: master.derive("signet device cookie 1"),
            gateway: master.derive("signet gateway cookie 1"),
            refresh: master.derive("signet refresh token 1"),
            browser_state: master.derive("signet browser state 1"),
            throttle: master.derive("signet throttle 1"),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
