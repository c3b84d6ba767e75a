//! What happens to the nodes from outside.

use std::ops::Range;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use signet::keys::schedule;

use super::node::Node;
use super::world::DAY;
use super::world::HOUR;
use super::world::SKEW_SECONDS;
use super::world::World;

impl World {
    /// Restarts, clocks that are set, a database that is away for one node, somebody at the command line, pauses, another
    /// configuration.
    pub(crate) fn happen(&mut self) {
        let node = self.random.random_range(0..self.nodes.len());
        let skew = seconds(&mut self.random, -SKEW_SECONDS..SKEW_SECONDS);
        match self.random.random_range(0..100) {
            0..20 => self.restart(node),
            20..30 => self.walls[node].skew = skew,
            30..50 => self.jump(),
            50..65 => self.cut_off(node),
            65..75 => {
                // Whoever cannot reach the database now does not hear of it.
                if self.random.random_bool(0.3) {
                    self.cut_off((node + 1) % self.nodes.len());
                }
                self.rotate_by_hand(node);
            }
            75..80 => self.policy.paused_until = Some(self.now.plus(DAY * self.random.random_range(1..30))),
            80..84 => self.policy.paused_until = None,
            84..98 => self.policy.longest_token = Duration::from_mins(self.random.random_range(5..=24 * 60)),
            _ => {}
        }
    }

    fn cut_off(&mut self, node: usize) {
        let away = Duration::from_secs(self.random.random_range(1..12 * 3600));
        self.nodes[node].cut_off_until = self.now.plus(away);
    }

    pub(crate) fn restart(&mut self, node: usize) {
        let (wall, database) = (self.walls[node].shows(self.now), self.walls[3].shows(self.now));
        self.nodes[node] = Node::started(wall, database, &self.table);
    }

    /// One clock, of a node or of the database, is wrong for a while, by minutes or by a month.
    fn jump(&mut self) {
        let wrong = self.random.random_range(0..self.walls.len());
        let most = [3600, 86_400, 30 * 86_400][self.random.random_range(0..3)];
        self.walls.iter_mut().for_each(|wall| wall.jump = 0);
        self.walls[wrong].jump = seconds(&mut self.random, -most..most);
        self.jumped_until = self.now.plus(HOUR * self.random.random_range(1..480));
        self.history.jumps += 1;
        if wrong < self.nodes.len() && self.random.random_bool(0.2) {
            self.restart(wrong);
        }
    }

    fn rotate_by_hand(&mut self, node: usize) {
        let clock = self.nodes[node].believes(self.walls[node].shows(self.now), &self.table);
        let algorithm = self.algorithms[self.random.random_range(0..self.algorithms.len())];
        if let Ok(actions) = schedule::rotate(&self.table.keys.rows, algorithm, clock, &self.policy, false) {
            for action in actions {
                self.table.carry_out(&action, clock, self.policy.longest_token);
            }
        }
    }
}

pub(crate) fn seconds(random: &mut StdRng, range: Range<i64>) -> i64 {
    random.random_range(range) * 1_000_000
}
