//! Ten years of signing keys, in a blink: three nodes, twenty readers of the JWKS, a database, and everything that
//! happens to them in random order. The schedule, the choice of the key that signs and the policy are the real ones;
//! only the table of keys is in memory and no key is more than its name.
//!
//! `SIGNET_TEST_SEEDS=5000` tries that many histories, `SIGNET_TEST_SEED=17` replays one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a simulation stops where it fails")]

mod fault;
mod node;
mod reader;
mod table;
mod world;

use std::env;
use std::panic::resume_unwind;
use std::thread;

use fault::Fault;
use world::History;
use world::World;

const FEW: u64 = 200;
const MANY: u64 = 5000;
/// Each fault of the peers must show within so many histories.
const FOUND_WITHIN: u64 = 20;

fn seeds() -> std::ops::Range<u64> {
    let number = |name| env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    if let Some(seed) = number("SIGNET_TEST_SEED") {
        return seed..seed + 1;
    }
    let many = env::var_os("SIGNET_TEST_LONG").is_some_and(|value| value == "1");
    0..number("SIGNET_TEST_SEEDS").unwrap_or(if many { MANY } else { FEW })
}

#[test]
fn no_reader_ever_notices_a_rotation() {
    let seeds = seeds();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let live = |first: usize| {
        let mut sum = History::default();
        for seed in seeds.clone().skip(first).step_by(threads) {
            match World::new(seed, None).run() {
                Ok(history) => sum.add(&history),
                Err(broken) => panic!(
                    "seed {seed}: {broken}\nreplay: SIGNET_TEST_SEED={seed} cargo test --test sim no_reader -- --nocapture"
                ),
            }
        }
        sum
    };
    let mut sum = History::default();
    thread::scope(|scope| {
        let live = &live;
        let handles: Vec<_> = (0..threads).map(|first| scope.spawn(move || live(first))).collect();
        for handle in handles {
            sum.add(&handle.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    let History { checked: tokens, rotations } = sum;
    println!("{} histories of 10 years: {rotations} rotations, {tokens} tokens checked", seeds.count());
    assert!(rotations > 0 && tokens > 0);
}

#[test]
fn the_simulation_finds_the_faults_of_others() {
    for fault in Fault::ALL {
        let found =
            (0..FOUND_WITHIN).find_map(|seed| World::new(seed, Some(fault)).run().err().map(|what| (seed, what)));
        let Some((seed, broken)) = found else { panic!("{fault:?} stays unseen in {FOUND_WITHIN} histories") };
        println!("{fault:?}: found by seed {seed}: {broken}");
    }
}
