//! What a request says, read strictly. A type made here proves that its check has been done.

pub mod bearer;
pub mod browser;
pub mod client;
pub mod csrf;
pub mod form;
pub mod json;
pub mod peer;
