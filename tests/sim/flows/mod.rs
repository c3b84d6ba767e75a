//! Whole flows: people, applications, resource servers and administrators on one to three nodes, and everything that
//! can happen to them.
//!
//! ```text
//! plan       a history, chosen by its seed before it happens; shrink makes the least of it
//! site       the installation that it begins with
//! ops        what is asked for: the real use cases
//! executor   whose turn it is: a change at each call of the database
//! world      nodes, clocks, and who has asked for what
//! oracle     what was answered so far; judge: whether an answer may be given
//! ```
//!
//! After each answer, whose name says which request it belongs to:
//!
//! - I1  a code succeeds at most once, over nodes, restarts, lost answers and clocks that jump. RF-01, RF-02: a refresh
//!   token has one successor, and is nothing more once that has been used. RF-03: who proves who they are and uses the
//!   newest token they have heard of is never refused because answers were lost.
//! - I2  a token names the client, the person and the grant that it was issued for.
//! - I3  what has ended, and somebody was told so, gives nothing: refresh tokens and codes at once, access tokens at once on
//!   the node that said so and a second later on all others; and it is dead in the database. A code or refresh token that is refused because
//!   it was used before has ended its grant.
//! - I4  no token is for more than was granted, an exchanged one neither.
//! - I5  a disabled person gets nothing, nor does a disabled client from a node that has looked at the database since.
//! - I6  codes go to the registered address and to no other.
//! - I7  what was answered is in the database. Its second half, the audit trail, is promised for changes by administrators
//!   only, and not yet looked at here.
//! - I8  the key of each new token is published, and stays so for as long as the token lives, for a resource server that
//!   fetches the keys. KY-06: there is one key that signs and at most one that waits.
//! - I9  secrets are not in the database (one history in fifty). The log is searched by another test.
//! - I10 the cookie from before a sign-in opens nothing afterwards.
//! - I12 a stranger who introspects a token hears `{"active":false}` and no more. Timing is not seen here.
//!
//! I11, bounds on input and memory, is not for a simulation: nothing here is large. Passwords are not hashed: a session
//! begins as after the right one. Redis, logout messages and the session API take no part yet. A good token or code that nothing has
//! happened to must be accepted; without that a provider that refuses everything would pass.

mod executor;
mod histories;
mod judge;
mod ops;
mod oracle;
mod plan;
mod shrink;
mod site;
mod world;
