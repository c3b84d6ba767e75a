//! The `signet` command.

use std::process::ExitCode;

/// A request asks for some hundred small pieces of memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(signet::cli::run(std::env::args_os()))
}
