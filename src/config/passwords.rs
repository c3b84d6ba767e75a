//! What passwords must be, and what hashing them costs.

use std::time::Duration;

use super::key::section;
use super::tokens::MINUTE;
use super::tokens::SECOND;
use super::value::Between;
use super::value::Size;

section! {
    /// Passwords: Argon2id, with the OWASP minimum as default. Existing hashes follow at the next sign-in.
    Passwords in "passwords" {
        /// Memory of one hash.
        memory: Size = Default(r#""19 MiB""#), Between(Size::from_bytes(8 << 20), Size::from_bytes(256 << 20));
        /// Passes over the memory.
        iterations: u32 = Default("2"), Between(1, 10);
        /// Lanes.
        parallelism: u32 = Default("1"), Between(1, 16);
        /// Characters that a new password has at least. NIST SP 800-63B section 3.1.1.2 asks for 15 where the
        /// password is the only factor, and for 8 beside a second one.
        min_length: u32 = Default("8"), Between(8, 64);
        /// Hashes under way at once; 0 means half of the cores, at least one.
        max_concurrent_hashes: u32 = Default("0"), Between(0, 256);
        /// How long a sign-in waits for its turn before it is answered with 503.
        hash_wait: Duration = Default(r#""5s""#), Between(SECOND, MINUTE);
    }
}
