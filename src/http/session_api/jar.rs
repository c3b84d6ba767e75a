//! The refresh cookies of a browser. Most have one. When pages of several clients are used side by side, each client
//! has a cookie of its own: they would take turns in signing each other out, and answers that overtake one another
//! would put back what was used up.

use actix_web::HttpRequest;

use crate::domain::client::Client;
use crate::domain::ids::ClientId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::flow::error::FlowError;
use crate::flow::session_api::Kept;
use crate::flow::session_api::PageSession;
use crate::http::Web;
use crate::http::cookie::Cookie;

use super::origin::Asking;

pub(super) use crate::http::cookie::Slot;

/// What the refresh cookies of a request stand for.
#[derive(Default)]
pub(super) struct Jar {
    kept: Vec<(Slot, Kept)>,
    /// Cookies that stand for nothing that is known.
    stray: Vec<Slot>,
}

/// Where the cookie of a new sign-in goes.
pub(super) struct Place {
    pub(super) slot: Slot,
    /// What is there now.
    pub(super) before: Option<Kept>,
    /// More cookies of the same client, which go.
    pub(super) planted: Vec<(Slot, Kept)>,
}

/// Reads them.
pub(super) async fn open(web: &Web, request: &HttpRequest) -> Result<Jar, FlowError> {
    let mut jar = Jar::default();
    for slot in Slot::ALL {
        let Some(token) = web.cookies.read(request.headers(), Cookie::Refresh(slot)) else { continue };
        match web.signet.kept(Secret::new(token)).await? {
            Some(kept) => jar.kept.push((slot, kept)),
            None => jar.stray.push(slot),
        }
    }
    Ok(jar)
}

/// `Set-Cookie` for a refresh token. It goes when the token would no longer be accepted.
pub(super) fn keep(web: &Web, slot: Slot, session: &PageSession) -> String {
    web.cookies.write(Cookie::Refresh(slot), session.refresh_token.reveal(), Some(session.good_for))
}

impl Jar {
    /// Where the cookie of a new sign-in goes, and what is there now: where this client's is, else where none is that
    /// still serves anybody, else in the place of the oldest sign-in.
    pub(super) fn place(mut self, client: &Client, now: Timestamp) -> Place {
        let mut own = self.take(&client.id).into_iter();
        if let Some((slot, before)) = own.next() {
            return Place { slot, before: Some(before), planted: own.collect() };
        }
        let serves = |slot: Slot| self.kept.iter().any(|(taken, kept)| *taken == slot && kept.family.is_live(now));
        let free = || Slot::ALL.into_iter().find(|slot| !serves(*slot));
        let oldest = || self.kept.iter().min_by_key(|(_, kept)| kept.family.created_at).map(|(slot, _)| *slot);
        let slot = free().or_else(oldest).unwrap_or_default();
        let there = self.kept.iter().position(|(taken, _)| *taken == slot);
        Place { slot, before: there.map(|index| self.kept.swap_remove(index).1), planted: Vec::new() }
    }

    /// What belongs to the page that asks: of the client it names, else of the client, among those that have registered
    /// its origin, with the latest sign-in. We never set two for one client: then a host of our site has planted one,
    /// and nobody can say which.
    pub(super) fn of_page(&mut self, asking: &Asking, named: Option<&ClientId>) -> Vec<(Slot, Kept)> {
        let fits = |kept: &Kept| {
            let client = kept.client.client();
            asking.is_page_of(client) && named.is_none_or(|named| *named == client.id)
        };
        let fitting = self.kept.iter().map(|(_, kept)| kept).filter(|kept| fits(kept));
        let latest = fitting.max_by_key(|kept| kept.family.created_at).map(|kept| kept.family.client_id.clone());
        latest.map(|client| self.take(&client)).unwrap_or_default()
    }

    /// All that is kept for one client.
    fn take(&mut self, client: &ClientId) -> Vec<(Slot, Kept)> {
        let kept = std::mem::take(&mut self.kept).into_iter();
        let (own, others) = kept.partition(|(_, kept)| kept.family.client_id == *client);
        self.kept = others;
        own
    }

    /// `Set-Cookie` headers that remove cookies, and those that stand for nothing.
    pub(super) fn clear(&self, web: &Web, slots: impl Iterator<Item = Slot>) -> Vec<String> {
        let mut gone: Vec<Slot> = self.stray.iter().copied().chain(slots).collect();
        if gone.is_empty() && self.kept.is_empty() {
            gone.push(Slot::default());
        }
        gone.into_iter().map(|slot| web.cookies.clear(Cookie::Refresh(slot))).collect()
    }
}
