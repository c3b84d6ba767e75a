//! What others do wrong, put into the glue of the simulation on request: if it does not notice, it proves nothing.

/// A fault of a peer, or one that we could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A new key signs as soon as it is made.
    SignsAtOnce,
    /// The old key leaves the JWKS when the new one takes over.
    DropsOldKey,
    /// Nothing in the database keeps two nodes from making a key each.
    BothCreate,
    /// Keys leave by their age, however long ago they signed.
    RemovesByAge,
    /// A node that cannot reach the database goes on signing by its old view.
    SignsByOldView,
    /// A node takes its wall clock for the time.
    TrustsItsClock,
    /// How long tokens live now tells when a key leaves, whatever it signed before.
    ForgetsLongTokens,
}

impl Fault {
    pub(crate) const ALL: [Self; 7] = [
        Self::SignsAtOnce,
        Self::DropsOldKey,
        Self::BothCreate,
        Self::RemovesByAge,
        Self::SignsByOldView,
        Self::TrustsItsClock,
        Self::ForgetsLongTokens,
    ];
}
