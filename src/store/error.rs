//! What can go wrong between the house and its database.

use diesel::result::DatabaseErrorInformation;
use diesel::result::DatabaseErrorKind;

/// Why a store call has no answer. What is shown to others never has SQL or values in it; the detail is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Down, unreachable, too busy, out of space or read-only. Whether a write took place is not known. Try again later.
    #[error("the database is not available")]
    Unavailable { detail: String },
    /// A stored value that this version cannot read.
    #[error("the table {table} has a value that cannot be read")]
    Corrupt { table: &'static str, what: String },
    /// A constraint of the database refused the change, and nothing was changed.
    #[error("the change contradicts what is stored")]
    Conflict { constraint: String },
    /// The address is not one of a database that we know.
    #[error("the database address is not usable: {0}")]
    Address(&'static str),
    /// The database does not understand us: not migrated, or a fault of ours.
    #[error("the database and this version do not fit together")]
    Internal { detail: String },
}

impl StoreError {
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable { detail: detail.into() }
    }

    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::Internal { detail: detail.into() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "errors are handed over as they come")]
    pub(super) fn corrupt(table: &'static str, what: impl ToString) -> Self {
        Self::Corrupt { table, what: what.to_string() }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// What the log may say beyond the sentence that everybody may read.
    pub fn detail(&self) -> &str {
        match self {
            Self::Unavailable { detail } | Self::Internal { detail } => detail,
            Self::Corrupt { what, .. } => what,
            Self::Conflict { constraint } => constraint,
            Self::Address(what) => what,
        }
    }
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        use DatabaseErrorKind as Kind;
        use diesel::result::Error;
        match error {
            Error::DatabaseError(
                Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation
                | Kind::RestrictViolation
                | Kind::ExclusionViolation,
                info,
            ) => Self::Conflict { constraint: info.constraint_name().unwrap_or("a constraint").to_owned() },
            Error::DatabaseError(Kind::Unknown, info) => unknown(info.as_ref()),
            Error::DatabaseError(_, info) => Self::unavailable(info.message()),
            Error::RollbackErrorOnCommit { .. } | Error::BrokenTransactionManager => {
                Self::unavailable("a transaction could not be ended")
            }
            other => Self::internal(other.to_string()),
        }
    }
}

/// Neither library tells SQL states apart here, only words. Words of a mistake of ours are few; all else is the
/// database's own trouble (disk full, read-only, locked, shutting down, statement timeout).
fn unknown(info: &dyn DatabaseErrorInformation) -> StoreError {
    let message = info.message();
    let ours =
        ["no such table", "no such column", "syntax error", "does not exist", "has no column named", "is of type"];
    if ours.iter().any(|words| message.contains(words)) {
        return StoreError::internal(message);
    }
    if message.contains("malformed") || message.contains("not a database") {
        return StoreError::corrupt("(file)", message);
    }
    StoreError::unavailable(message)
}

impl From<diesel::ConnectionError> for StoreError {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::StoreError;

    #[test]
    fn what_others_see_has_no_detail() {
        let error = StoreError::unavailable("connection to 10.0.0.1 refused");
        assert_eq!(error.to_string(), "the database is not available");
        assert_eq!(error.detail(), "connection to 10.0.0.1 refused");
    }
}
