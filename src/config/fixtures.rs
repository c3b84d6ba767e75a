//! What only a server for tests has.

use super::key::section;

section! {
    /// For tests of the protocol on this computer, such as the conformance suite; see docs/conformance.md.
    Fixtures in "fixtures" {
        /// Somebody to sign in as who has every standard claim: ada@example.test, with the password that `serve --dev`
        /// prints. Everybody knows it, so this is refused unless issuer and listeners are on loopback; and a start
        /// without it disables her in this database.
        demo_user: bool = Default("false");
    }
}
