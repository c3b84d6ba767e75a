//! People who go on whatever happens, and somebody who asks all the time whether the server is ready.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::task::JoinSet;

use crate::visitor::Deed;
use crate::visitor::Site;
use crate::visitor::Visitor;

/// People at the same time.
const CROWD: usize = 8;
/// A fault is over, or has been noticed, within this time; how long it took is printed.
const WITHIN: Duration = Duration::from_secs(90);
/// Looks at a server in a row that make a state.
const IN_A_ROW: u32 = 12;
/// The same while the database is away: each may take some seconds.
const UNAVAILABLE: u32 = 3;

pub(crate) struct Load {
    counts: Arc<Counts>,
    workers: JoinSet<Vec<Visitor>>,
    probe: JoinHandle<()>,
    ready: watch::Receiver<Looks>,
}

#[derive(Default)]
struct Counts {
    over: AtomicBool,
    answered: AtomicU32,
    away: AtomicU32,
}

/// What `/health/ready` said last, how often in a row, and when it began to.
#[derive(Debug, Clone, Copy)]
struct Looks {
    status: u16,
    in_a_row: u32,
}

impl Load {
    /// Codes for all of them have to be there before.
    pub(crate) async fn start(site: &Site, people: Vec<Visitor>) -> Self {
        let counts = Arc::new(Counts::default());
        let mut groups: Vec<Vec<Visitor>> = std::iter::repeat_with(Vec::new).take(CROWD).collect();
        for (number, visitor) in people.into_iter().enumerate() {
            groups[number % CROWD].push(visitor);
        }
        let mut workers = JoinSet::new();
        for group in groups {
            workers.spawn(live(group, site.clone(), Arc::clone(&counts)));
        }
        let (seen, ready) = watch::channel(Looks { status: 200, in_a_row: 0 });
        let (_, jwks) = site.get("/.well-known/jwks.json").await.expect("the JWKS");
        let site = site.clone();
        let probe = tokio::spawn(async move {
            loop {
                let (status, text) = site.get("/health/ready").await.expect("the server is there");
                assert!(status == 200 || status == 503, "{status}: {text}");
                seen.send_modify(|looks| {
                    looks.in_a_row = if looks.status == status { looks.in_a_row + 1 } else { 1 };
                    looks.status = status;
                });
                let published = site.get("/.well-known/jwks.json").await;
                assert_eq!(published, Some((200, jwks.clone())), "the JWKS needs no database");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut load = Self { counts, workers, probe, ready };
        load.is_ready().await;
        load.goes_on().await;
        load
    }

    /// Until `/health/ready` says so all the time; how long that took.
    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    async fn says(&mut self, status: u16, in_a_row: u32) -> Duration {
        let since = Instant::now();
        loop {
            let looks = *self.ready.borrow_and_update();
            if looks.status == status && looks.in_a_row >= in_a_row {
                return since.elapsed();
            }
            assert!(since.elapsed() < WITHIN, "/health/ready says {looks:?} after {WITHIN:?}, not {status}");
            let changed = tokio::time::timeout(WITHIN, self.ready.changed()).await;
            assert!(matches!(changed, Ok(Ok(()))), "the probe has ended: {:?}", self.probe.is_finished());
        }
    }

    pub(crate) async fn is_ready(&mut self) -> Duration {
        self.says(200, IN_A_ROW).await
    }

    pub(crate) async fn is_unavailable(&mut self) -> Duration {
        self.says(503, UNAVAILABLE).await
    }

    /// Still says so after some more looks.
    pub(crate) async fn stays(&mut self, status: u16) {
        for _ in 0..UNAVAILABLE {
            self.ready.changed().await.expect("the probe has ended");
            let looks = *self.ready.borrow_and_update();
            assert_eq!(looks.status, status, "/health/ready");
        }
    }

    /// Until some more of them got what they wanted.
    #[expect(clippy::disallowed_methods, reason = "real processes take real time")]
    pub(crate) async fn goes_on(&self) -> Duration {
        let (since, before) = (Instant::now(), self.counts.answered.load(Ordering::Relaxed));
        while self.counts.answered.load(Ordering::Relaxed) < before + 20 {
            assert!(since.elapsed() < WITHIN, "nobody gets an answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        since.elapsed()
    }

    /// How many were answered, and how many with 503.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.counts.answered.load(Ordering::Relaxed), self.counts.away.load(Ordering::Relaxed))
    }

    /// Everybody goes home.
    pub(crate) async fn stop(mut self) -> Vec<Visitor> {
        self.counts.over.store(true, Ordering::Relaxed);
        self.probe.abort();
        assert!((&mut self.probe).await.is_err_and(|error| error.is_cancelled()), "the probe has failed");
        std::mem::take(&mut self.workers).join_all().await.into_iter().flatten().collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

/// One after the other signs in, refreshes, and revokes a token, the grant, nothing, or presents the code twice.
async fn live(mut group: Vec<Visitor>, site: Site, counts: Arc<Counts>) -> Vec<Visitor> {
    let plans: [&[Deed]; 4] = [
        &[Deed::Redeem, Deed::Refresh, Deed::Refresh, Deed::Refresh, Deed::Revoke],
        &[Deed::Redeem, Deed::Refresh, Deed::Deny, Deed::Refresh],
        &[Deed::Redeem, Deed::Refresh],
        &[Deed::Redeem, Deed::Revoke],
    ];
    let mut sweeps = 0;
    while !counts.over.load(Ordering::Relaxed) {
        let begun = group.iter().position(|visitor| visitor.can(Deed::Redeem));
        let Some(at) = begun else {
            // All have signed in: those who still hold something go on refreshing.
            sweeps += 1;
            for visitor in &mut group {
                if visitor.holds() {
                    until_answered(visitor, Deed::Refresh, &site, &counts).await;
                }
            }
            assert!(sweeps < 1_000_000 && group.iter().any(Visitor::holds), "nobody is left");
            continue;
        };
        for deed in plans[at % plans.len()] {
            if group[at].can(*deed) {
                until_answered(&mut group[at], *deed, &site, &counts).await;
            }
        }
        if at % 5 == 0 && !counts.over.load(Ordering::Relaxed) {
            group[at].replays(&site).await;
        }
    }
    group
}

async fn until_answered(visitor: &mut Visitor, deed: Deed, site: &Site, counts: &Counts) {
    while !counts.over.load(Ordering::Relaxed) {
        match visitor.does(deed, site).await {
            Some(true) => {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Some(false) => {
                counts.away.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            None => panic!("a server hangs up whose database is away"),
        }
    }
}
