//! A stolen refresh token of a public client: how soon it is noticed, and what that costs an honest owner. The decision
//! is the real one; the owner refreshes every ten minutes, thief and owner each follow the answers that they get.

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use signet::domain::client::Client;
use signet::domain::family::Family;
use signet::domain::time::Timestamp;
use signet::protocol::token::refresh::Generation;
use signet::protocol::token::refresh::decide;

use crate::refresh::apply;
use crate::refresh::family;
use crate::refresh::token;
use crate::support::client;

const WINDOW: Duration = Duration::from_mins(1);
/// Seconds between two refreshes of the owner.
const OWNER: u64 = 600;
/// How often the thief refreshes, in seconds.
const CADENCES: [u64; 14] = [1, 10, 30, 55, 90, 300, 540, 590, 600, 610, 660, 1200, 1800, 21_600];
/// Moments of theft in the owner's ten minutes, and of the thief's first use after it.
const STEPS: u64 = 60;
/// "Soon": before the owner refreshes a third time.
const SOON: u32 = 2;

/// The figures of docs/refresh.md. Nothing here is random: moments and phases lie on an even grid.
#[test]
fn a_thief_is_noticed() {
    let mut table = String::from(
        "| the thief refreshes every | noticed soon | ever, within a day | with no clock: soon | ever |\n|---|---|---|---|---|\n",
    );
    let (mut ours, mut clock_free) = (Caught::default(), Caught::default());
    for cadence in CADENCES {
        let (with, without) = (all_phases(cadence, false), all_phases(cadence, true));
        assert!(with.percent(with.soon) >= 80.0, "every {cadence} s: {with:?}");
        table += &row(&pace(cadence), &with, &without);
        ours.add(&with);
        clock_free.add(&without);
    }
    table += &row("all of these", &ours, &clock_free);
    println!("{table}");
    assert!(ours.percent(ours.soon) >= 80.0);
    let docs = include_str!("../../docs/refresh.md");
    assert!(docs.contains(&table), "docs/refresh.md has other figures than these:\n{table}");
}

/// One answer in twenty is lost; the owner asks again at once. A month, 200 owners.
#[test]
fn an_owner_with_a_bad_line_is_never_logged_out() {
    let client = client("https://c1.test/cb", true, true);
    let mut random = StdRng::seed_from_u64(1);
    let (mut asked, mut lost) = (0_u32, 0_u32);
    for owner in 0..200 {
        let (mut family, mut held, mut now) = (family(), 1, Timestamp::EPOCH);
        let end = Timestamp::from_seconds(30 * 86_400);
        family.expires_at = end.plus(Duration::from_hours(1));
        family.idle_expires_at = family.expires_at;
        while now < end {
            let answered = present(&mut family, &client, held, false, now);
            let answered = answered.unwrap_or_else(|| panic!("owner {owner} is logged out at {now}"));
            asked += 1;
            if random.random_bool(0.05) {
                lost += 1;
                now = now.plus(Duration::from_millis(random.random_range(100..5_000)));
            } else {
                held = answered;
                now = now.plus(Duration::from_secs(OWNER));
            }
        }
    }
    println!("{asked} refreshes, {lost} answers lost, nobody logged out");
    assert!(lost > 40_000);
}

#[derive(Debug, Default)]
struct Caught {
    runs: u32,
    soon: u32,
    ever: u32,
}

impl Caught {
    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.soon += other.soon;
        self.ever += other.ever;
    }

    fn percent(&self, part: u32) -> f64 {
        100.0 * f64::from(part) / f64::from(self.runs)
    }
}

fn all_phases(cadence: u64, clock_free: bool) -> Caught {
    let client = client("https://c1.test/cb", true, true);
    let mut caught = Caught::default();
    for theft in 0..STEPS {
        for pause in 0..STEPS {
            // In the middle of each step: nobody comes at the very same instant as somebody else.
            let middle = |step: u64, length: u64| length * 1000 * (2 * step + 1) / (2 * STEPS);
            let first = middle(theft, OWNER) + middle(pause, cadence);
            let noticed_after = history(&client, first, cadence * 1000, clock_free);
            caught.runs += 1;
            caught.soon += u32::from(noticed_after.is_some_and(|refreshes| refreshes <= SOON));
            caught.ever += u32::from(noticed_after.is_some());
        }
    }
    caught
}

/// The owner got generation 1 at 0 and refreshes every ten minutes. The thief has copied it, and uses what it holds at
/// `first` and then every `cadence`, in milliseconds. Says how often the owner had refreshed since the thief's first
/// use when the family ended; `None` when it lives after a day of that.
fn history(client: &Client, first: u64, cadence: u64, clock_free: bool) -> Option<u32> {
    let mut family = family();
    let (mut owner, mut thief) = ((OWNER * 1000, 1), (first, 1));
    let mut refreshes = 0;
    while refreshes < 144 {
        let thiefs_turn = thief.0 < owner.0;
        let turn = if thiefs_turn { &mut thief } else { &mut owner };
        let (at, held) = *turn;
        refreshes += u32::from(!thiefs_turn && at > first);
        let Some(answered) =
            present(&mut family, client, held, clock_free, Timestamp::from_micros((at * 1000).try_into().unwrap()))
        else {
            return Some(refreshes);
        };
        *turn = (at + if thiefs_turn { cadence } else { OWNER * 1000 }, answered);
    }
    None
}

/// Presents the token of a generation; gives the generation of the answer. `clock_free`: the rule for clients that
/// prove who they are.
fn present(family: &mut Family, client: &Client, held: i64, clock_free: bool, now: Timestamp) -> Option<i64> {
    let generation = Generation::of(&token(held), family, true);
    let decision = decide(family, generation, client, clock_free, WINDOW, now);
    apply(family, &decision, now)
}

fn row(name: &str, with: &Caught, without: &Caught) -> String {
    let percent = |of: &Caught, part: u32| format!("{:.1} %", of.percent(part));
    let (soon, ever) = (percent(with, with.soon), percent(with, with.ever));
    format!("| {name} | {soon} | {ever} | {} | {} |\n", percent(without, without.soon), percent(without, without.ever))
}

fn pace(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h", seconds / 3600),
    }
}
