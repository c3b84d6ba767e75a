//! Why a request did not succeed.

/// Every one reads the same to whoever chose the URL; [`OutboundError::detail`] is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the address could not be reached")]
pub enum OutboundError {
    /// The URL or an address behind it is not allowed. Nothing was sent.
    Refused(&'static str),
    /// The name has no address.
    Unresolved,
    Unreachable(String),
    /// Nobody that we trust answers for this name.
    Tls(String),
    /// Not HTTP, or cut off.
    Exchange(String),
    /// An answer of another class than 2xx.
    Status(u16),
    /// Another media type than was asked for, or compressed.
    Type,
    TooLarge,
    TooSlow,
    /// `outbound.ca_file` is of no use.
    #[error("outbound.ca_file: {0}")]
    Settings(String),
}

impl OutboundError {
    /// The cause, for an administrator.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Refused(why) => format!("not allowed: {why}"),
            Self::Unresolved => "the name has no address".to_owned(),
            Self::Unreachable(why) => format!("no connection: {why}"),
            Self::Tls(why) => format!("TLS: {why}"),
            Self::Exchange(why) => format!("no answer: {why}"),
            Self::Status(status) => format!("answered {status}"),
            Self::Type => "the answer has another media type, or is compressed".to_owned(),
            Self::TooLarge => "the answer is too large".to_owned(),
            Self::TooSlow => "the answer took too long".to_owned(),
            Self::Settings(why) => format!("outbound.ca_file: {why}"),
        }
    }
}
