//! A shorter way for denials between nodes: Redis. The database stays the truth. What comes by this way can only deny
//! more tokens, and what does not come by it comes from the database.
//!
//! One sorted set for each issuer holds `KIND:MICROSECONDS:ID` by its end in seconds, and a channel of the same name
//! announces each member.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use redis::AsyncConnectionConfig;
use redis::Client;
use redis::aio::MultiplexedConnection;
use redis::aio::PubSubSink;
use redis::aio::PubSubStream;
use tokio::time::timeout;

use crate::domain::denial::Denial;
use crate::domain::denial::Denied;
use crate::domain::ids::FamilyId;
use crate::domain::ids::TokenId;
use crate::domain::time::Timestamp;

/// How long any word from the server may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The set is gone this long after its last entry came: longer than any entry lives.
const FORGET_AFTER: i64 = 2 * 3600;

/// Why nothing comes by this way.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("Redis does not answer")]
    Silent,
}

/// An open way, for one task.
pub struct Relay {
    name: String,
    writer: MultiplexedConnection,
    asking: PubSubSink,
    heard: PubSubStream,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Relay {
    /// Connects and listens. What was announced before is in [`Relay::all`].
    ///
    /// # Errors
    /// [`RelayError`].
    pub async fn connect(url: &str, issuer: &str) -> Result<Self, RelayError> {
        let client = Client::open(url)?;
        let name = format!("signet:denials:{issuer}");
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let writer = client.get_multiplexed_async_connection_with_config(&config).await?;
        let listening = async {
            let mut listening = client.get_async_pubsub().await?;
            listening.subscribe(&name).await?;
            Ok::<_, RelayError>(listening)
        };
        let (asking, heard) = timeout(PATIENCE, listening).await.map_err(|_| RelayError::Silent)??.split();
        Ok(Self { name, writer, asking, heard })
    }

    /// Everything that is kept there and has not expired.
    ///
    /// # Errors
    /// [`RelayError`].
    pub async fn all(&mut self, now: Timestamp) -> Result<Vec<Denial>, RelayError> {
        let mut ask = redis::cmd("ZRANGEBYSCORE");
        let members: Vec<String> =
            ask.arg(&self.name).arg(now.seconds()).arg("+inf").query_async(&mut self.writer).await?;
        Ok(members.iter().filter_map(|member| read(member)).collect())
    }

    /// Keeps and announces, all or nothing.
    ///
    /// # Errors
    /// [`RelayError`]: whether they were announced is not known.
    pub async fn announce(&mut self, denials: &[Denial], now: Timestamp) -> Result<(), RelayError> {
        if denials.is_empty() {
            return Ok(());
        }
        let mut all = redis::pipe();
        all.atomic().cmd("ZREMRANGEBYSCORE").arg(&self.name).arg("-inf").arg(now.seconds()).ignore();
        for denial in denials {
            // Rounded up: what is taken away too early would be missed by a node that starts just then.
            let (member, end) = (write(denial), denial.expires_at.seconds().saturating_add(1));
            all.cmd("ZADD").arg(&self.name).arg(end).arg(&member).ignore();
            all.cmd("PUBLISH").arg(&self.name).arg(member).ignore();
        }
        all.cmd("EXPIRE").arg(&self.name).arg(FORGET_AFTER).ignore();
        Ok(all.query_async(&mut self.writer).await?)
    }

    /// Waits for the next announcement. `None` for one that is not ours to read.
    ///
    /// # Errors
    /// [`RelayError::Silent`] when nothing will come any more.
    pub async fn next(&mut self) -> Result<Option<Denial>, RelayError> {
        let message = self.heard.next().await.ok_or(RelayError::Silent)?;
        Ok(std::str::from_utf8(message.get_payload_bytes()).ok().and_then(read))
    }

    /// Whether the listening connection still has somebody at its other end.
    ///
    /// # Errors
    /// [`RelayError`] when it has not.
    pub async fn check(&mut self) -> Result<(), RelayError> {
        let answer = timeout(PATIENCE, self.asking.ping::<redis::Value>()).await;
        answer.map_err(|_| RelayError::Silent)?.map(|_| ()).map_err(RelayError::from)
    }
}

fn write(denial: &Denial) -> String {
    let end = denial.expires_at.micros();
    match &denial.denied {
        Denied::Token(id) => format!("token:{end}:{id}"),
        Denied::Grant(id) => format!("grant:{end}:{id}"),
    }
}

fn read(member: &str) -> Option<Denial> {
    let mut parts = member.splitn(3, ':');
    let (kind, end, id) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    let denied = match kind {
        "token" => Denied::Token(TokenId::new(id).ok()?),
        "grant" => Denied::Grant(FamilyId::new(id).ok()?),
        _ => return None,
    };
    Some(Denial { denied, expires_at: Timestamp::from_micros(end) })
}

#[cfg(test)]
mod tests {
    use super::read;
    use super::write;
    use crate::domain::denial::Denial;
    use crate::domain::denial::Denied;
    use crate::domain::ids::FamilyId;
    use crate::domain::ids::TokenId;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_is_written_can_be_read() {
        let expires_at = Timestamp::from_micros(1_795_348_800_000_001);
        for denied in [Denied::Token(TokenId::new("a:b:c").unwrap()), Denied::Grant(FamilyId::new("fam_1").unwrap())] {
            let denial = Denial { denied, expires_at };
            assert_eq!(read(&write(&denial)), Some(denial));
        }
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for odd in [
            "",
            "token",
            "token:1",
            "token:x:id",
            "user:1:id",
            "grant:1:",
            "grant:1:a b",
            "grant:99999999999999999999:a",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
