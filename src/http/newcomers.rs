//! Those who have been let in by the system and not yet been seen by the server. When the framework stops it closes its
//! listeners and drops these connections; a proxy that has sent a POST on one of them must not send it again.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

/// Between two looks, which must both find nobody waiting: time for a worker to take what has been accepted, and for the
/// last packet of a connection that was half made.
const LOOK: Duration = Duration::from_millis(50);
/// All of them together: a server that takes nobody in for so long will not.
const MOST_LOOKS: usize = 20;
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A second hold on each listener.
#[derive(Debug)]
pub struct Newcomers(Vec<TcpListener>);

impl Newcomers {
    /// # Errors
    /// When there are no file descriptors left.
    pub fn of(listeners: &[TcpListener]) -> io::Result<Self> {
        listeners.iter().map(TcpListener::try_clone).collect::<io::Result<_>>().map(Self)
    }

    /// Lets nobody new in, and is done when everybody who was let in before is in the hands of a worker; for about 0.1 s,
    /// at most a second. Whoever knocks meanwhile hears nothing, knocks again after a second (RFC 6298 section 2.1), and
    /// is refused then: nothing of theirs was sent.
    pub async fn settle(self) {
        for listener in &self.0 {
            if let Err(fault) = ignore_whoever_knocks(listener) {
                tracing::debug!(event = "listener_not_filtered", fault = %fault);
            }
        }
        let mut empty = 0;
        for _ in 0..MOST_LOOKS {
            tokio::time::sleep(LOOK).await;
            empty = if self.0.iter().any(has_somebody) { 0 } else { empty + 1 };
            if empty == 2 {
                return;
            }
        }
    }
}

/// Whether a connection waits to be accepted.
fn has_somebody(listener: &TcpListener) -> bool {
    poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&AT_ONCE)).is_ok_and(|ready| ready > 0)
}

/// The system drops segments that begin a connection, and no others.
#[cfg(target_os = "linux")]
fn ignore_whoever_knocks(listener: &TcpListener) -> io::Result<()> {
    use socket2::SockFilter;
    use socket2::SockRef;

    // Classic BPF, see the kernel's documentation "networking/filter".
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_UNLESS_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    // RFC 9293 section 3.1: where the flags are in a TCP header, and two of them.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;

    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_UNLESS_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Other systems have no such filter: the moment in which somebody may be lost is shorter than without waiting, not gone.
#[cfg(not(target_os = "linux"))]
fn ignore_whoever_knocks(_: &TcpListener) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
