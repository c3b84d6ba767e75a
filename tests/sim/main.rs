//! Simulations: everything that decides is the real thing; time, chance, the network and the database are ours.
//!
//! ```text
//! keys    ten years of signing keys in a blink
//! flows   people, applications, resource servers and administrators on one to three nodes
//! ```

#[cfg(test)]
mod flows;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod seeds;
