//! Whole flows: people, applications, resource servers and administrators on one to three nodes, and everything that
//! can happen to them.
//!
//! ```text
//! plan       a history, chosen by its seed before it happens; shrink makes the least of it
//! site       the installation that it begins with
//! ops        what is asked for: the real use cases
//! executor   whose turn it is: a change at each call of the database
//! world      nodes, clocks, and who has asked for what
//! oracle     what was answered so far; judge: whether an answer may be given
//! ```
mod executor;
mod histories;
mod judge;
mod ops;
mod oracle;
mod plan;
mod shrink;
mod site;
mod world;
