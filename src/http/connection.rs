//! Connections that are left standing. The framework bounds the time for the first head on a connection, and the quiet time
//! after an answer; it bounds neither a later head that stops in the middle nor an answer that nobody reads, and
//! keeps for each of the latter as many requests as fit into its buffer (DS-01 of the attack catalogue, slow senders and readers).

use std::any::Any;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::dev::ServiceRequest;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use socket2::Socket;

/// Between two looks at all connections.
const LOOK: Duration = Duration::from_secs(1);

/// All that are open.
#[derive(Debug, Default)]
pub struct Connections(Mutex<Vec<Watched>>);

#[derive(Debug)]
struct Watched {
    line: Weak<Line>,
    /// How many requests it had at the last look.
    begun: u64,
    /// How many looks have found nothing in hand and nothing new.
    quiet: u64,
}

/// One of them; dropped with it.
#[derive(Debug)]
struct Line {
    /// A second handle, which can end it.
    socket: Socket,
    begun: AtomicU64,
    answered: AtomicU64,
}

impl Connections {
    /// Called once for each connection, after the handshake. One that cannot be watched, because there are no file descriptors
    /// left, is served all the same.
    pub fn begin(&self, connection: &dyn Any, data: &mut Extensions) {
        let tls = || connection.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0);
        let Some(stream) = connection.downcast_ref::<TcpStream>().or_else(tls) else { return };
        let Ok(socket) = SockRef::from(stream).try_clone() else { return };
        let line = Arc::new(Line { socket, begun: AtomicU64::new(0), answered: AtomicU64::new(0) });
        let watched = Watched { line: Arc::downgrade(&line), begun: 0, quiet: 0 };
        data.insert(line);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
    }

    /// Ends each connection that has had nothing in hand and sent no whole request for longer than `patience`, of which a
    /// client that keeps to the time limits stays clear. Runs for as long as it is polled.
    pub async fn watch(self: Arc<Self>, patience: Duration) {
        let most = patience.as_secs() / LOOK.as_secs() + 1;
        loop {
            tokio::time::sleep(LOOK).await;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|watched| watched.may_stay(most));
        }
    }
}

impl Watched {
    fn may_stay(&mut self, most: u64) -> bool {
        let Some(line) = self.line.upgrade() else { return false };
        let begun = line.begun.load(Ordering::Relaxed);
        if begun != self.begun || begun != line.answered.load(Ordering::Relaxed) {
            (self.begun, self.quiet) = (begun, 0);
            return true;
        }
        self.quiet += 1;
        if self.quiet <= most {
            return true;
        }
        // It may have ended by itself in this moment.
        drop(line.socket.shutdown(Shutdown::Both));
        false
    }
}

/// A request that is being answered, from its head to the answer's; then it is up to the client.
#[derive(Debug)]
pub struct InHand(Option<Arc<Line>>);

impl InHand {
    pub fn of(request: &ServiceRequest) -> Self {
        let line = request.conn_data::<Arc<Line>>().cloned();
        if let Some(line) = &line {
            line.begun.fetch_add(1, Ordering::Relaxed);
        }
        Self(line)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}
