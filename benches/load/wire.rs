//! A keep-alive HTTP/1.1 connection, as little of a client as can be: a busy driver must not be what is measured.

use std::io;
use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::Fault;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 256 * 1024;

pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

/// One answer, borrowed from the connection until the next request.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// The first header of this name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// The value of a cookie that this answer sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.head.split("\r\n").find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            let (own, rest) = value.split_once('=')?;
            (field.eq_ignore_ascii_case("set-cookie") && own == name).then(|| rest.split(';').next())?
        })
    }

    pub(crate) fn text(&self) -> Result<&str, Fault> {
        Ok(std::str::from_utf8(self.body)?)
    }

    /// # Errors
    /// With the beginning of the body, when the status is another one.
    pub(crate) fn expect(self, status: u16, what: &str) -> Result<Self, Fault> {
        if self.status == status {
            return Ok(self);
        }
        let body: String = String::from_utf8_lossy(self.body).chars().take(300).collect();
        Err(format!("{what}: status {} instead of {status}: {body}", self.status).into())
    }
}

impl Wire {
    pub(crate) async fn connect(to: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(16 * 1024) })
    }

    /// Sends one whole request and reads one whole answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>, Fault> {
        self.write(request).await?;
        self.received.clear();
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut self.received) {
                Ok(0) => return Err("the server closed the connection".into()),
                Ok(_) => {}
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => continue,
                Err(fault) => return Err(fault.into()),
            }
            if self.received.len() > LARGEST {
                return Err("the answer is too large".into());
            }
            if let Some((end, length)) = measure(&self.received)?
                && self.received.len() >= end + length
            {
                return self.answer(end);
            }
        }
    }

    async fn write(&self, mut request: &[u8]) -> io::Result<()> {
        while !request.is_empty() {
            match self.stream.try_write(request) {
                Ok(count) => request = request.get(count..).unwrap_or_default(),
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn answer(&self, end: usize) -> Result<Answer<'_>, Fault> {
        let (head, body) = self.received.split_at_checked(end).ok_or("a cut answer")?;
        let head = std::str::from_utf8(head)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
        Ok(Answer { status, head, body })
    }
}

/// Where the head ends and how long the body is, once the head is there.
fn measure(received: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(received.get(..end).unwrap_or_default())?;
    let length = header(head, "content-length").ok_or("an answer without Content-Length")?;
    Ok(Some((end + 4, length.parse()?)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(": ")?;
        field.eq_ignore_ascii_case(name).then_some(value)
    })
}
