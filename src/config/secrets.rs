//! The key under which everything secret is sealed at rest.

use std::path::PathBuf;

use super::key::section;
use crate::domain::secret::Secret;

section! {
    /// The master key: everything secret in the database is sealed under it. Losing it means new signing keys.
    Secrets in "secrets" {
        /// 32 bytes as base64url. For environments without files; a file is better.
        master_key: Option<Secret> = Example(r#""<43 characters of base64url>""#);
        /// File with the master key, readable by the server alone; made at the first run. Not used when master_key
        /// is given.
        master_key_file: PathBuf = Default(r#""keys/master.key""#);
    }
}
