//! The least that still goes wrong.

use super::plan::Event;
use super::plan::History;
use super::plan::What;

/// Leaves out events, troubles and interruptions as long as `fails` says that it still fails.
pub(crate) fn shrink(mut history: History, fails: impl Fn(&History) -> bool) -> History {
    loop {
        let before = size(&history);
        let mut step = history.events.len().div_ceil(2);
        while step > 0 {
            let mut at = 0;
            while at < history.events.len() {
                let mut less = history.clone();
                less.events.drain(at..(at + step).min(less.events.len()));
                if fails(&less) {
                    history = less;
                } else {
                    at += step;
                }
            }
            step /= 2;
        }
        for at in 0..history.events.len() {
            for simplify in [quietly, without_loss, all_turns] {
                let mut simpler = history.clone();
                simplify(&mut simpler.events[at]);
                if size(&simpler) < size(&history) && fails(&simpler) {
                    history = simpler;
                }
            }
        }
        for nodes in 1..history.nodes {
            let fewer = History { nodes, events: history.events.clone() };
            if fails(&fewer) {
                history = fewer;
                break;
            }
        }
        if size(&history) == before {
            return history;
        }
    }
}

fn quietly(event: &mut Event) {
    if let What::Start { troubles, .. } = &mut event.what {
        troubles.clear();
    }
}

fn without_loss(event: &mut Event) {
    if let What::Start { lost, .. } = &mut event.what {
        *lost = false;
    }
}

fn all_turns(event: &mut Event) {
    event.turns = u32::MAX;
}

fn size(history: &History) -> usize {
    let of = |event: &Event| {
        let more = match &event.what {
            What::Start { troubles, lost, .. } => troubles.len() + usize::from(*lost),
            _ => 0,
        };
        2 + more + usize::from(event.turns < u32::MAX)
    };
    history.nodes + history.events.iter().map(of).sum::<usize>()
}
