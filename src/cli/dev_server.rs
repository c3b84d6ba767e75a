//! Where a running `serve --dev` leaves word of itself, so that `--dev` of other commands finds its database.

use std::fs;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::ambient::OsEntropy;
use crate::crypto::hash;

use super::Failure;
use super::local_ca;
use super::tls_client::Peer;
use super::tls_client::Trust;

/// The port of a dev server that was not told another.
pub(super) const PORT: u16 = 8080;
/// The same for `--https`.
pub(super) const HTTPS_PORT: u16 = 8443;

/// The data of one dev server. Dropping it deletes them.
#[derive(Debug)]
pub(super) struct DevServer {
    pub(super) port: u16,
    pub(super) folder: PathBuf,
    pub(super) https: bool,
    /// Only the server itself cleans up; commands that look it up do not.
    note: Option<PathBuf>,
}

impl DevServer {
    /// Makes a folder for a new dev server. Nobody finds it before [`DevServer::announce`].
    ///
    /// # Errors
    /// When the folders cannot be made, or belong to somebody else.
    pub(super) fn create(port: u16, https: bool) -> Result<Self, Failure> {
        let runtime = runtime_folder()?;
        // Not named after the process: in a container that is 1 again after a crash, and its data would come back.
        let folder = runtime.join(hash::random_id(&format!("dev-{port}-"), &OsEntropy));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { port, folder, https, note: Some(note(&runtime, port)) })
    }

    /// Leaves the path of its folder in the user's runtime directory. For who has the port: another server may be
    /// running on it, and its word must stay.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn announce(&self) -> Result<(), Failure> {
        let Some(note) = &self.note else { return Ok(()) };
        // A note of a server that was killed is simply replaced.
        let _ = fs::remove_file(note);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(note)?;
        file.write_all(self.folder.as_os_str().as_encoded_bytes())?;
        Ok(())
    }

    /// The dev server that runs on a port; without one, on either of the usual ports.
    ///
    /// # Errors
    /// Exit code 69 when there is none.
    pub(super) fn find(port: Option<u16>) -> Result<Self, Failure> {
        let usual = || Self::on(PORT).or_else(|none| Self::on(HTTPS_PORT).map_err(|_| none));
        port.map_or_else(usual, Self::on)
    }

    fn on(port: u16) -> Result<Self, Failure> {
        let none = || Failure::unavailable(&format!("no `signet serve --dev` runs on port {port}"));
        let text = fs::read_to_string(note(&runtime_folder()?, port)).map_err(|_| none())?;
        let folder = PathBuf::from(text.trim_end());
        if !folder.join(DATABASE).exists() {
            return Err(none());
        }
        let https = folder.join(local_ca::CERTIFICATE).exists();
        Ok(Self { port, folder, https, note: None })
    }

    /// Leaves the certificate of the authority where commands look for it.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(super) fn is_vouched_for_by(&self, authority: &Path) -> Result<(), Failure> {
        fs::copy(authority, self.authority())?;
        Ok(())
    }

    /// Where the certificate is that vouches for this server, if it speaks https.
    #[must_use]
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join(local_ca::CERTIFICATE)
    }

    /// How commands reach it.
    ///
    /// # Errors
    /// When it speaks https and the certificate of its authority cannot be read.
    pub(super) fn peer(&self) -> Result<Peer, Failure> {
        let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        let trust = if self.https {
            Trust::authority(&self.authority()).map_err(|fault| Failure::failed(&fault))?
        } else {
            None
        };
        Ok(Peer { addresses: addresses.map(|ip| SocketAddr::new(ip, self.port)).into(), trust })
    }

    #[must_use]
    pub(super) fn issuer(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.port)
    }

    #[must_use]
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    #[must_use]
    pub(super) fn master_key(&self) -> PathBuf {
        self.folder.join("master.key")
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        if let Some(note) = &self.note {
            if fs::read(note).is_ok_and(|named| named == self.folder.as_os_str().as_encoded_bytes()) {
                let _ = fs::remove_file(note);
            }
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

const DATABASE: &str = "signet.db";

fn note(runtime: &Path, port: u16) -> PathBuf {
    runtime.join(format!("dev-{port}"))
}

/// `$XDG_RUNTIME_DIR/signet`, else a folder of this user's own under the temporary directory.
fn runtime_folder() -> Result<PathBuf, Failure> {
    let owner = fs::metadata("/proc/self")?.uid();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if Path::new(&runtime).is_dir() => PathBuf::from(runtime).join("signet"),
        _ => std::env::temp_dir().join(format!("signet-{owner}")),
    };
    private_folder(&folder)?;
    // Anybody can make a folder of this name in a shared temporary directory before us.
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != owner || found.mode() & 0o077 != 0 {
        return Err(Failure::refused(&format!("{} is not a private folder of yours", folder.display())));
    }
    Ok(folder)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::DevServer;
    use std::fs;

    #[test]
    fn nothing_of_a_killed_server_comes_back() {
        // The port that nobody can listen on.
        let killed = std::mem::ManuallyDrop::new(DevServer::create(0, false).unwrap());
        fs::write(killed.database(), "").unwrap();
        let next = DevServer::create(0, false).unwrap();
        let is_fresh = !next.database().exists();
        fs::remove_dir_all(&killed.folder).unwrap();
        assert!(is_fresh, "{}", next.folder.display());
    }
}
