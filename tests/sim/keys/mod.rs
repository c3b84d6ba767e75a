//! Ten years of signing keys, in a blink: three nodes, twenty readers of the JWKS, a database, and everything that
//! happens to them in random order. The schedule, the choice of the key that signs, the policy and the clock are the real
//! ones; only the table of keys is in memory and no key is more than its name.
//!
//! `SIGNET_TEST_SEEDS=5000` tries that many histories, `SIGNET_TEST_SEED=17` replays one.

mod fate;
mod fault;
mod histories;
mod node;
mod outcome;
mod reader;
mod table;
mod world;
