//! The two questions: does nothing go wrong, and would we notice if it did.

use std::fmt::Write;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;

use signet::ambient::Clock;
use signet::ambient::SystemClock;
use signet::store::simulation::Base;
use signet::store::simulation::Fault;

use super::plan;
use super::plan::Event;
use super::plan::History;
use super::plan::Op;
use super::plan::Trouble;
use super::plan::What;
use super::shrink::shrink;
use super::site::Site;
use super::world::World;
use crate::seeds::seeds;

const FEW: u64 = 5000;
const MANY: u64 = 100_000;
const FEW_ON_FILE: u64 = 60;
const MANY_ON_FILE: u64 = 2000;
/// One history in so many has its database searched for secrets.
const SEARCHED: u64 = 50;
/// Each fault must show within so many histories, which takes well below two minutes.
const FOUND_WITHIN: u64 = 2000;

/// One history in memory: how many answers were judged.
fn live(site: &Site, seed: u64, history: &History, fault: Option<Fault>) -> Result<u64, String> {
    site.memory().begin_history().unwrap();
    let mut world = World::new(site, Base::Memory(Arc::clone(site.memory())), seed, history.nodes, fault);
    let mut outcome = world.run(history);
    if seed.is_multiple_of(SEARCHED) && outcome.is_ok() {
        outcome = world.check_image(&site.memory().image());
    }
    let judged = world.judged;
    drop(world);
    site.memory().forget_history().unwrap();
    outcome.map(|()| judged)
}

/// What went wrong, the least that leads to it, and what was answered on the way.
fn report(site: &Site, seed: u64, broken: &str, fault: Option<Fault>) -> String {
    let least = shrink(plan::history(seed), |history| live(site, seed, history, fault).is_err());
    site.memory().begin_history().unwrap();
    let mut world = World::new(site, Base::Memory(Arc::clone(site.memory())), seed, least.nodes, fault);
    world.log = Some(Vec::new());
    let ends = world.run(&least).err().unwrap_or_default();
    let mut text = format!("seed {seed}: {broken}\nthe least that goes wrong, on {} nodes:\n", least.nodes);
    for line in world.log.take().unwrap_or_default() {
        writeln!(text, "  {line:.300}").unwrap();
    }
    drop(world);
    site.memory().forget_history().unwrap();
    write!(text, "  {ends}\nreplay: SIGNET_TEST_SEED={seed} cargo test --locked --test sim nothing_goes_wrong_in_any")
        .unwrap();
    text
}

fn on_all_cores(live: impl Fn(usize, usize) + Sync) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let live = &live;
        let handles: Vec<_> = (0..threads).map(|first| scope.spawn(move || live(first, threads))).collect();
        for handle in handles {
            handle.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
}

#[test]
fn nothing_goes_wrong_in_any_history() {
    let clock = SystemClock::new();
    let (seeds, judged, busy) = (seeds(FEW, MANY), AtomicU64::new(0), AtomicU64::new(0));
    on_all_cores(|first, threads| {
        let began = clock.monotonic();
        let site = Site::new();
        for seed in seeds.clone().skip(first).step_by(threads) {
            match live(&site, seed, &plan::history(seed), None) {
                Ok(answers) => judged.fetch_add(answers, Ordering::Relaxed),
                Err(broken) => panic!("{}", report(&site, seed, &broken, None)),
            };
        }
        let took = u64::try_from(clock.monotonic().saturating_sub(began).as_micros()).unwrap();
        busy.fetch_add(took, Ordering::Relaxed);
    });
    let (count, busy) = (seeds.end - seeds.start, busy.into_inner().max(1));
    println!(
        "{count} histories, {} answers judged, in {:.1} s: {} histories a minute on one core",
        judged.into_inner(),
        clock.monotonic().as_secs_f64(),
        count * 60_000_000 / busy
    );
}

#[test]
fn nothing_goes_wrong_on_the_real_sqlite() {
    let clock = SystemClock::new();
    let (seeds, judged) = (seeds(FEW_ON_FILE, MANY_ON_FILE), AtomicU64::new(0));
    on_all_cores(|first, threads| {
        let site = Site::new();
        for seed in seeds.clone().skip(first).step_by(threads) {
            let history = plan::history(seed);
            let mut world = World::new(&site, site.file(seed), seed, history.nodes, None);
            world.run(&history).unwrap_or_else(|broken| {
                panic!(
                    "seed {seed}: {broken}\nreplay: SIGNET_TEST_SEED={seed} cargo test --locked --test sim real_sqlite"
                )
            });
            judged.fetch_add(world.judged, Ordering::Relaxed);
            drop(world);
            site.forget_file(seed);
        }
    });
    println!(
        "{} histories on SQLite with its file and its writing thread, {} answers judged, in {:.1} s",
        seeds.end - seeds.start,
        judged.into_inner(),
        clock.monotonic().as_secs_f64()
    );
}

/// Seed 24807 of the long run. Whoever signs in again and never hears of it keeps a cookie that names nobody: with it
/// nobody is signed in here, and what a sign-out answers is no word about the session that has moved on.
#[test]
fn a_sign_out_speaks_of_the_session_that_its_cookie_names() {
    let site = Site::new();
    let start = |op: Op, troubles: Vec<(u32, Trouble)>| Event {
        what: What::Start { node: 0, op, lost: false, troubles },
        turns: u32::MAX,
        dice: 0,
    };
    for (trouble, ends) in [(None, true), (Some(Trouble::Fails), true), (Some(Trouble::AnswerLost), false)] {
        let mut events = vec![
            start(Op::Authorize { user: 0, app: 1, stolen_cookie: false }, Vec::new()),
            start(Op::Redeem { code: 0, thief: false }, Vec::new()),
        ];
        // The second call of the database begins the session.
        events.extend(trouble.map(|trouble| start(Op::SignIn { user: 0 }, vec![(1, trouble)])));
        events.push(start(Op::Logout { user: 0 }, Vec::new()));
        site.memory().begin_history().unwrap();
        let mut world = World::new(&site, Base::Memory(Arc::clone(site.memory())), 24807, 1, None);
        world.run(&History { nodes: 1, events }).unwrap();
        assert_eq!(!world.is_alive(0).unwrap(), ends, "{trouble:?}");
        // A sign-in that may have taken place is no proof that it has.
        assert_eq!(world.oracle.grants[0].ended.is_some(), trouble.is_none(), "{trouble:?}");
        drop(world);
        site.memory().forget_history().unwrap();
    }
}

#[test]
fn the_simulation_finds_faults_that_are_put_back_in() {
    let site = Site::new();
    for fault in Fault::ALL {
        let clock = SystemClock::new();
        let broken = |seed: u64| live(&site, seed, &plan::history(seed), Some(fault)).err().map(|what| (seed, what));
        let Some((seed, what)) = (0..FOUND_WITHIN).find_map(broken) else {
            panic!("{fault:?} stays unseen in {FOUND_WITHIN} histories")
        };
        let took = clock.monotonic();
        let least = shrink(plan::history(seed), |history| live(&site, seed, history, Some(fault)).is_err());
        println!(
            "{fault:?}: found by seed {seed} in {:.2} s: {what}; {} events are enough",
            took.as_secs_f64(),
            least.events.len()
        );
        assert!(live(&site, seed, &least, Some(fault)).is_err() && live(&site, seed, &least, None).is_ok());
    }
}
