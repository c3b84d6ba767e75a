//! A wire between a node and PostgreSQL that can be cut, held up and lied about.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dice::Dice;

/// What the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Good,
    /// Every connection ends, with a reset, at some byte of either direction.
    Cut,
    /// The bytes of a COMMIT arrive; then the connection is reset, and nobody knows.
    CutAfterCommit,
    /// Nothing goes through until it is good again; then everything does.
    Stalled,
    /// Nothing goes through, and what was there at that time never will.
    HalfOpen,
    /// Connections are reset as soon as they are made.
    Refused,
    /// Some hundred bytes at a time, with pauses.
    Slow,
}

/// Ends with its connections when dropped.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    wire: watch::Sender<Wire>,
    /// The socket of the PostgreSQL server at the other end.
    target: Mutex<PathBuf>,
    dice: Dice,
    /// Connections that were cut.
    cuts: AtomicU32,
}

impl Proxy {
    pub(crate) async fn to(target: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let wire = watch::Sender::new(Wire::Good);
        let shared = Shared { wire, target: Mutex::new(target), dice: Dice::new(), cuts: AtomicU32::new(0) };
        let shared = Arc::new(shared);
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Self { port, shared, listening }
    }

    /// The address of a database behind it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://signet@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    pub(crate) fn set(&self, wire: Wire) {
        self.shared.wire.send_replace(wire);
    }

    /// New connections go there.
    pub(crate) fn lead_to(&self, target: PathBuf) {
        *self.shared.target.lock().expect("the target") = target;
    }

    pub(crate) fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        connections.spawn(carry(near, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection, to its end.
async fn carry(near: TcpStream, shared: Arc<Shared>) {
    // What is closed here is reset there.
    drop(near.set_zero_linger());
    drop(near.set_nodelay(true));
    let mut wire = shared.wire.subscribe();
    let target = shared.target.lock().expect("the target").clone();
    if *wire.borrow() == Wire::Refused {
        return;
    }
    let Ok(far) = UnixStream::connect(target).await else { return };
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    // Bytes until the cut, of each direction.
    let mut left: [Option<u64>; 2] = [None; 2];
    let (mut there, mut back) = ([0; 8192], [0; 8192]);
    // Once nothing went through, the two ends no longer agree on what was said.
    let mut lost = false;
    loop {
        let now = *wire.borrow_and_update();
        if now == Wire::Refused {
            break;
        }
        if now == Wire::Cut {
            for left in &mut left {
                left.get_or_insert_with(|| shared.dice.below(6000));
            }
        } else {
            left = [None; 2];
        }
        lost |= now == Wire::HalfOpen;
        if now == Wire::Stalled {
            if wire.changed().await.is_err() {
                return;
            }
            continue;
        }
        let (away, bytes) = tokio::select! {
            changed = wire.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            read = near_in.read(&mut there) => (true, read.map(|count| &there[..count])),
            read = far_in.read(&mut back) => (false, read.map(|count| &back[..count])),
        };
        let Ok(bytes) = bytes else { return };
        if bytes.is_empty() {
            return;
        }
        if lost {
            continue;
        }
        let left = &mut left[usize::from(away)];
        let whole = left.is_none_or(|left| left >= bytes.len() as u64);
        let part = if whole { bytes } else { &bytes[..usize::try_from(left.unwrap_or(0)).expect("a few bytes")] };
        *left = left.map(|left| left.saturating_sub(part.len() as u64));
        // A slow wire hands on a part, and then the next.
        let size = if now == Wire::Slow { 300 } else { usize::MAX };
        for piece in part.chunks(size) {
            let written = if away { far_out.write_all(piece).await } else { near_out.write_all(piece).await };
            if written.is_err() {
                return;
            }
            if now == Wire::Slow {
                tokio::time::sleep(Duration::from_micros(500 + shared.dice.below(4000))).await;
            }
        }
        let commits = now == Wire::CutAfterCommit && away && is_commit(bytes) && shared.dice.below(4) == 0;
        if commits {
            // Long enough for most commits to take place, and too short for some.
            tokio::time::sleep(shared.dice.pause(Duration::from_millis(10))).await;
        }
        if commits || !whole {
            shared.cuts.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
}

/// A transaction ends by COMMIT; a single statement by itself, at a Sync message.
fn is_commit(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|window| window == b"COMMIT") || bytes.ends_with(b"S\0\0\0\x04")
}
