//! Killed while refresh tokens are used: nobody is logged out, there are never two living branches, and a revocation that
//! was acknowledged stays. As many times as fit into half a minute; 500 times with `SIGNET_TEST_LONG=1`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::store::Store;
use tokio::task::JoinSet;

use super::Rig;
use super::furnish;
use super::integrity;
use super::issue;
use super::open;
use crate::long;
use crate::support::database::block_on;
use crate::support::postgres::Cluster;
use crate::support::postgres::left_out;

/// Families in use when the server dies.
const CHAINS: usize = 6;
const SHORT: Duration = Duration::from_secs(30);

#[test]
fn rf_04_killed_while_tokens_are_refreshed_sqlite() {
    block_on(async {
        let rig = Arc::new(Rig::new(&[]));
        drop(rig.start().await);
        let file = rig.folder.path().join("data/signet.db");
        many_lives(&rig, &format!("sqlite://{}", file.display())).await;
        assert_eq!(integrity(&file), "ok");
    });
}

#[test]
fn rf_04_killed_while_tokens_are_refreshed_postgres() {
    block_on(async {
        let Some(cluster) = Cluster::shared() else { return left_out() };
        let url = cluster.database();
        let rig = Arc::new(Rig::new(&[("SIGNET_DATABASE__URL", url.clone())]));
        many_lives(&rig, &url).await;
    });
}

/// One family, as its client knows it.
#[derive(Default)]
struct Chain {
    /// The newest token that has arrived.
    holds: String,
    /// The two before it, the older one first.
    held: [Option<String>; 2],
    /// What each token was answered with.
    answers: HashMap<String, String>,
    end: End,
}

#[derive(Default, PartialEq)]
enum End {
    #[default]
    NotYet,
    /// An old token was presented, and no answer came.
    Perhaps,
    /// An old token was refused, which ended the family.
    Acknowledged,
}

async fn many_lives(rig: &Arc<Rig>, url: &str) {
    let store = open(url);
    furnish(&store).await;
    let long = long();
    let clock = SystemClock::new();
    let (mut chains, mut ended): (Vec<Chain>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut kills, mut refreshed, mut broken, mut revoked) = (0_u64, 0, 0, 0);
    loop {
        let server = rig.start().await;
        for token in &ended {
            let (status, _) = rig.refresh(token).await.expect("an answer");
            assert_eq!(status, 400, "kill {kills}: an acknowledged revocation is lost");
        }
        // The last few are asked again after each start.
        ended.drain(..ended.len().saturating_sub(20));
        let mut going_on = Vec::new();
        for chain in chains.drain(..) {
            match chain.after_the_crash(rig, kills).await {
                Ok(chain) => going_on.push(chain),
                Err(token) => ended.push(token),
            }
        }
        let done = if long { kills == 500 } else { clock.monotonic() > SHORT && refreshed > 0 && broken > 0 };
        if done {
            break;
        }
        going_on.extend(begin(rig, &store, CHAINS - going_on.len()).await);
        let (mut lives, seen) = (JoinSet::new(), Arc::new(AtomicU32::new(0)));
        for (number, chain) in going_on.into_iter().enumerate() {
            let mischief = number == 0 && kills % 2 == 0;
            lives.spawn(chain.until_the_crash(Arc::clone(rig), mischief, Arc::clone(&seen)));
        }
        // By answers, not by time: a busy machine gets no further in a life than a quiet one.
        let enough = u32::try_from(1 + (kills * 13) % 61).expect("a small number");
        for _ in 0..5000 {
            if seen.load(Ordering::Relaxed) >= enough {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(server);
        kills += 1;
        for (chain, count, cut) in lives.join_all().await {
            refreshed += count;
            broken += u32::from(cut);
            revoked += u32::from(chain.end == End::Acknowledged);
            chains.push(chain);
        }
    }
    println!("{kills} kills: {refreshed} refreshes answered, {broken} cut off, {revoked} families revoked by reuse");
    assert!(refreshed > 0 && broken > 0, "the server was killed too early or too late");
    assert!(revoked > 0 || kills < 20, "no family was ever revoked");
}

async fn begin(rig: &Rig, store: &Store, count: usize) -> Vec<Chain> {
    let mut chains = Vec::new();
    for code in issue(store, count).await {
        let (status, tokens) = rig.redeem(&code).await.expect("an answer");
        assert_eq!(status, 200, "{tokens}");
        let holds = tokens["refresh_token"].as_str().expect("a refresh token").to_owned();
        chains.push(Chain { holds, ..Chain::default() });
    }
    chains
}

impl Chain {
    /// Refreshes until the server is gone, twice at once each time. Says how many answers came, and whether one did
    /// not. `mischief`: after some refreshes an old token is presented, which is theft.
    async fn until_the_crash(mut self, rig: Arc<Rig>, mischief: bool, seen: Arc<AtomicU32>) -> (Self, u32, bool) {
        let mut count = 0;
        loop {
            if let Some(old) = self.held[0].clone().filter(|_| mischief && count >= 6) {
                // Its successor is in `held` too, so it has been used.
                self.end = match rig.refresh(&old).await {
                    Some((400, _)) => End::Acknowledged,
                    Some((status, body)) => panic!("{status} for a token that was used long ago: {body}"),
                    None => End::Perhaps,
                };
                let cut = self.end == End::Perhaps;
                return (self, count, cut);
            }
            let (one, two) = tokio::join!(rig.refresh(&self.holds), rig.refresh(&self.holds));
            let mut next = None;
            for (status, tokens) in [&one, &two].into_iter().flatten() {
                assert_eq!(*status, 200, "a good token is refused: {tokens}");
                count += 1;
                seen.fetch_add(1, Ordering::Relaxed);
                next = Some(self.answered(tokens["refresh_token"].as_str().expect("a refresh token")));
            }
            if one.is_none() || two.is_none() {
                // What did arrive is what this client goes on with.
                if let Some(next) = next {
                    self.move_on(next);
                }
                return (self, count, true);
            }
            self.move_on(next.expect("two answers"));
        }
    }

    /// After a start: the client presents what it holds, twice. Gives the newest token when the family has ended.
    async fn after_the_crash(mut self, rig: &Rig, kills: u64) -> Result<Self, String> {
        let (status, tokens) = rig.refresh(&self.holds).await.expect("an answer");
        match (&self.end, status) {
            (End::NotYet | End::Perhaps, 200) => {}
            (End::Acknowledged | End::Perhaps, 400) => return Err(self.holds),
            (End::Acknowledged, _) => panic!("kill {kills}: an acknowledged revocation is lost"),
            (End::NotYet | End::Perhaps, _) => panic!("kill {kills}: logged out with {status}: {tokens}"),
        }
        let next = self.answered(tokens["refresh_token"].as_str().expect("a refresh token"));
        let (status, again) = rig.refresh(&self.holds).await.expect("an answer");
        assert_eq!((status, again["refresh_token"].as_str()), (200, Some(next.as_str())), "kill {kills}: two branches");
        self.move_on(next);
        self.end = End::NotYet;
        Ok(self)
    }

    fn answered(&mut self, next: &str) -> String {
        let known = self.answers.entry(self.holds.clone()).or_insert_with(|| next.to_owned());
        assert_eq!(known, next, "two living branches");
        next.to_owned()
    }

    fn move_on(&mut self, next: String) {
        let newest = Some(std::mem::replace(&mut self.holds, next));
        self.held = [self.held[1].take(), newest];
    }
}
