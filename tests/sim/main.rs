//! Ten years of signing keys, in a blink: three nodes, twenty readers of the JWKS, a database, and everything that
//! happens to them in random order. The schedule, the choice of the key that signs, the policy and the clock are the real
//! ones; only the table of keys is in memory and no key is more than its name.
//!
//! `SIGNET_TEST_SEEDS=5000` tries that many histories, `SIGNET_TEST_SEED=17` replays one.

#[cfg(test)]
mod fate;
#[cfg(test)]
mod fault;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod node;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod table;
#[cfg(test)]
mod world;
