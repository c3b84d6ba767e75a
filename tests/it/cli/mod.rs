//! The administrators' commands of the built program, against databases of its own and against running dev servers.

mod clients;
mod database;
mod grammar;
mod keys;
mod registration_tokens;
mod sessions;
mod tokens;
mod users;

use crate::support::installation::Installation;
use crate::support::installation::Said;
use crate::support::installation::run;
use crate::support::server::Server;

/// A command for a running dev server.
fn here(server: &Server, args: &[&str], input: &str) -> Said {
    let port = server.port().to_string();
    run(server.command(), &[args, &["--dev", "--port", &port]].concat(), input)
}
