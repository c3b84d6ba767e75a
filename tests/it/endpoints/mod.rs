//! What each endpoint does beside the rules of the standards, which are in `spec` and `token_side`.

mod assets;
mod decoder;
mod dev_details;
mod end_session;
mod health;
mod home;
mod log;
mod playground;
mod session_api;
mod setup;
mod stopping;
