//! The server dies while people use it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use signet::domain::key::KeyState;
use tokio::task::JoinSet;

use crate::support::server::Server;
use crate::visitor;
use crate::visitor::Deed;
use crate::visitor::Site;
use crate::visitor::Visitor;

use super::Blow;
use super::Scene;

/// At the same time.
const CROWD: usize = 12;
/// Kept from life to life.
const KEPT: usize = 36;

impl Scene {
    pub(super) async fn killed_while_visited(&mut self, deed: Deed) {
        let server = self.server.take().expect("a server");
        let site = self.site();
        let crowd = self.gather(deed, &site).await;
        let seen = Arc::new(AtomicU32::new(0));
        let mut visits = JoinSet::new();
        for group in crowd {
            visits.spawn(visit_until_the_end(group, deed, site.clone(), Arc::clone(&seen)));
        }
        // By answers first, not by time: a busy machine gets no further in a life than a quiet one.
        let enough = u32::try_from(self.dice.below(30)).expect("a small number");
        for _ in 0..3000 {
            if seen.load(Ordering::Relaxed) >= enough {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        pause(self.dice.pause(Duration::from_millis(6))).await;
        assert!(server.kill(), "the server ended by itself");
        let mut people = std::mem::take(&mut self.people);
        let tally = self.note(Blow::Visit(deed));
        tally.kills += 1;
        for (visitors, answered, cut) in visits.join_all().await {
            people.extend(visitors);
            tally.acknowledged += answered;
            tally.unknown += u32::from(cut);
        }
        self.server = Some(self.installation.serve().await);
        let replays = deed == Deed::Redeem;
        self.people = settle(people, replays, &self.site()).await;
        // The newest: the oldest of too many families of one user make room.
        for holds in [true, false] {
            let count = self.people.iter().filter(|visitor| visitor.holds() == holds).count();
            let surplus = count.saturating_sub(KEPT);
            drop(self.people.extract_if(.., |visitor| visitor.holds() == holds).take(surplus).collect::<Vec<_>>());
        }
    }

    /// People who can do it, in groups.
    async fn gather(&mut self, deed: Deed, site: &Site) -> Vec<Vec<Visitor>> {
        let wanted = if deed == Deed::Refresh { CROWD } else { 3 * CROWD };
        let mut ready: Vec<Visitor> = Vec::new();
        if deed == Deed::Redeem {
            ready = visitor::arrive(&self.store, wanted).await;
        } else {
            let able = self.people.extract_if(.., |visitor| visitor.can(deed)).take(wanted);
            ready.extend(able);
            let mut more = visitor::arrive(&self.store, wanted - ready.len()).await;
            for visitor in &mut more {
                assert_eq!(visitor.does(Deed::Redeem, site).await, Some(true));
            }
            ready.extend(more);
        }
        let mut groups: Vec<Vec<Visitor>> = std::iter::repeat_with(Vec::new).take(CROWD).collect();
        for (number, visitor) in ready.into_iter().enumerate() {
            groups[number % CROWD].push(visitor);
        }
        groups
    }

    /// Migrations, keys and clients are looked after on the way up.
    pub(super) async fn killed_on_its_way_up(&mut self) {
        assert!(self.server.take().expect("a server").kill());
        for _ in 0..=self.dice.below(3) {
            let starting = Server::installed_now(self.installation.folder.path(), self.installation.port);
            pause(self.dice.pause(Duration::from_millis(250))).await;
            assert!(starting.kill(), "a server ended by itself");
            self.note(Blow::Start).kills += 1;
        }
        self.server = Some(self.installation.serve().await);
        self.people = settle(std::mem::take(&mut self.people), false, &self.site()).await;
    }

    /// At every moment: one key that signs for each algorithm, and one next at the most.
    pub(super) async fn keys_are_whole(&self) {
        let keys = self.store.signing_keys().await.expect("the database");
        let algorithms: std::collections::BTreeSet<_> = keys.iter().map(|key| key.algorithm.as_str()).collect();
        assert_eq!(algorithms.len(), 2, "{algorithms:?}");
        for algorithm in algorithms {
            let count =
                |state| keys.iter().filter(|key| key.algorithm.as_str() == algorithm && key.state == state).count();
            assert_eq!(count(KeyState::Active), 1, "active keys for {algorithm}; {}", self.story(Duration::ZERO));
            assert!(count(KeyState::Next) <= 1, "next keys for {algorithm}; {}", self.story(Duration::ZERO));
        }
        let (status, _) = self.site().get("/.well-known/jwks.json").await.expect("the JWKS");
        assert_eq!(status, 200);
    }
}

/// Sleeps to the microsecond, as far as the machine can.
pub(super) async fn pause(time: Duration) {
    tokio::task::spawn_blocking(move || std::thread::sleep(time)).await.expect("a pause");
}

/// One after the other; says how many answers came, and whether one did not.
async fn visit_until_the_end(
    mut group: Vec<Visitor>,
    deed: Deed,
    site: Site,
    seen: Arc<AtomicU32>,
) -> (Vec<Visitor>, u32, bool) {
    let mut answered = 0;
    for visitor in &mut group {
        loop {
            match visitor.does(deed, &site).await {
                Some(true) => {
                    answered += 1;
                    seen.fetch_add(1, Ordering::Relaxed);
                }
                Some(false) => panic!("503 of a server whose database is there"),
                None => return (group, answered, true),
            }
            if deed != Deed::Refresh {
                break;
            }
        }
    }
    (group, answered, false)
}

/// Everybody asks again what was not answered, and for what was.
pub(crate) async fn settle(people: Vec<Visitor>, replays: bool, site: &Site) -> Vec<Visitor> {
    let mut all = JoinSet::new();
    for (number, mut visitor) in people.into_iter().enumerate() {
        let site = site.clone();
        all.spawn(async move {
            assert!(visitor.checks(&site).await, "no answer of a server that is there");
            if replays && number % 2 == 0 {
                assert!(visitor.replays(&site).await, "no answer of a server that is there");
            }
            (number, visitor)
        });
    }
    let mut people = all.join_all().await;
    people.sort_by_key(|(number, _)| *number);
    people.into_iter().map(|(_, visitor)| visitor).collect()
}
