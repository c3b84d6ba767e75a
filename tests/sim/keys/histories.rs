//! The two questions: does ours never break, and would we notice if it did.

use std::panic::resume_unwind;
use std::thread;

use signet::ambient::Clock;
use signet::ambient::SystemClock;

use super::fault::Fault;
use super::outcome::History;
use super::world::World;
use crate::seeds::seeds;

/// An unoptimised build takes a fifth of a second for each.
const FEW: u64 = 300;
const MANY: u64 = 20_000;
/// Each fault must show within so many histories: seconds on a machine that has nothing else to do.
const FOUND_WITHIN: u64 = 40;

#[test]
fn no_reader_ever_notices_a_rotation() {
    let clock = SystemClock::new();
    let seeds = seeds(FEW, MANY);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let live = |first: usize| {
        let mut sum = History::default();
        for seed in seeds.clone().skip(first).step_by(threads) {
            match World::new(seed, None).run() {
                Ok(history) => sum.add(&history),
                Err(broken) => {
                    panic!("seed {seed}: {broken}\nreplay: SIGNET_TEST_SEED={seed} cargo test --test sim no_reader")
                }
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
    let History { checked: tokens, rotations, jumps, steps } = sum;
    println!(
        "{} histories of 10 years: {rotations} rotations, {jumps} clocks that jumped, {steps} moments, {tokens} tokens \
         checked, in {:.1} s",
        seeds.count(),
        clock.monotonic().as_secs_f64()
    );
    assert!(rotations > 0 && tokens > 0);
}

#[test]
fn the_simulation_finds_the_faults_of_others() {
    for fault in Fault::ALL {
        let clock = SystemClock::new();
        let found =
            (0..FOUND_WITHIN).find_map(|seed| World::new(seed, Some(fault)).run().err().map(|what| (seed, what)));
        let Some((seed, broken)) = found else { panic!("{fault:?} stays unseen in {FOUND_WITHIN} histories") };
        let took = clock.monotonic();
        println!("{fault:?}: found by seed {seed} in {:.2} s: {broken}", took.as_secs_f64());
    }
}
