//! The connection that only listens. One for each process that waits for changes, beside those for statements.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::store::error::StoreError;

use super::Connector;
use super::connect::Link;

pub(super) const CHANNEL: &str = "signet_changes";

/// Hears what other nodes announce.
#[derive(Default)]
pub(super) struct Ear {
    state: Mutex<State>,
    heard: Arc<Notify>,
}

#[derive(Default)]
enum State {
    #[default]
    Deaf,
    /// Goes on between two waits: a server that is slow to answer must not be asked by more and more connections.
    Connecting(JoinHandle<Result<Link, StoreError>>),
    Listening(Box<Link>),
}

impl Ear {
    pub(super) async fn wait(&self, within: Duration, connector: &Arc<Connector>, runtime: &Handle) {
        let hear = async {
            if self.listen(connector, runtime).await {
                self.heard.notified().await;
            } else {
                // Nothing will be heard: the rest of the time is waited out.
                std::future::pending::<()>().await;
            }
        };
        // Either way the caller looks for itself.
        let _ = timeout(within, hear).await;
    }

    /// Whether the connection stands. A broken one is made anew.
    async fn listen(&self, connector: &Arc<Connector>, runtime: &Handle) -> bool {
        let mut state = self.state.lock().await;
        loop {
            *state = match &mut *state {
                State::Listening(link) if link.is_live() => return true,
                State::Listening(_) | State::Deaf => {
                    State::Connecting(runtime.spawn(connect(Arc::clone(connector), Arc::clone(&self.heard))))
                }
                State::Connecting(task) => match task.await {
                    Ok(Ok(link)) => {
                        // What was announced before nobody has heard.
                        self.heard.notify_one();
                        State::Listening(Box::new(link))
                    }
                    Ok(Err(_)) | Err(_) => {
                        *state = State::Deaf;
                        return false;
                    }
                },
            }
        }
    }
}

async fn connect(connector: Arc<Connector>, heard: Arc<Notify>) -> Result<Link, StoreError> {
    let link = connector.connect_hearing(heard).await?;
    SimpleAsyncConnection::batch_execute(&mut link.conn(), &format!("LISTEN {CHANNEL}")).await?;
    Ok(link)
}
