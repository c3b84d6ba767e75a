//! The key under which everything secret is sealed at rest.

use std::path::PathBuf;

use super::key::section;
use super::value::Rule;
use crate::domain::secret::Secret;

section! {
    /// The master key: everything secret in the database is sealed under it. Losing it means new signing keys.
    Secrets in "secrets" {
        /// 32 bytes as base64url. For environments without files; a file is better.
        master_key: Option<Secret> = Example(r#""<43 characters of base64url>""#), MasterKeyText;
        /// File with the master key, readable by the server alone; made at the first run. Not used when `master_key`
        /// is given.
        master_key_file: PathBuf = Default(r#""keys/master.key""#);
    }
}

/// 32 bytes as base64url without padding (RFC 4648 section 5): 43 characters, the last of which has two unused bits.
struct MasterKeyText;

impl Rule<Option<Secret>> for MasterKeyText {
    fn accepts(&self, value: &Option<Secret>) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        value.as_ref().is_none_or(|key| {
            let text = key.reveal();
            text.len() == 43 && text.bytes().all(allowed) && text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
        })
    }
    fn allowed(&self) -> String {
        "32 bytes as base64url without padding: 43 characters".to_owned()
    }
}
