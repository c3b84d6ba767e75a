pub(crate) mod browser;
pub(crate) mod html;
pub(crate) mod server;
