//! The `signet` command: one file per noun. Data goes to stdout, prose to stderr.

pub mod config;
pub mod output;
