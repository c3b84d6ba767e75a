//! Where the certificate authority of this computer is kept: two files in the user's data folder.

use std::env;
use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::ambient::Clock;
use crate::ambient::Entropy;
use crate::crypto::hash;
use crate::crypto::local_ca::LocalCa;
use crate::domain::time::Timestamp;

use super::Failure;

pub(super) const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";

/// The authority and where its certificate lies.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) ca: LocalCa,
    pub(super) certificate: PathBuf,
}

impl Kept {
    /// The authority of this user; made when there is none.
    ///
    /// # Errors
    /// Exit code 78 when there is one that cannot be used: it is never replaced, because it may be trusted somewhere.
    pub(super) fn load_or_create(clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Self, Failure> {
        Self::load_or_create_in(&folder()?, Timestamp::from_micros(clock.unix_micros()), entropy)
    }

    pub(super) fn load_or_create_in(folder: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, Failure> {
        if !folder.exists() {
            create(folder, now, entropy)?;
        }
        Self::load(folder, now)
    }

    fn load(folder: &Path, now: Timestamp) -> Result<Self, Failure> {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        let unusable = |why: &str| {
            Failure::configuration(&format!(
                "the local authority in {} cannot be used: {why}. `signet trust --uninstall` and removing that folder \
                 make room for a new one",
                folder.display()
            ))
        };
        let read = |file: &Path| fs::read(file).map_err(|fault| unusable(&format!("{}: {fault}", file.display())));
        let mode = fs::metadata(&key).map(|found| found.mode() & 0o7777).unwrap_or_default();
        if mode & 0o077 != 0 {
            return Err(unusable(&format!("others may read {} (mode {mode:o})", key.display())));
        }
        let secret = zeroize::Zeroizing::new(read(&key)?);
        let ca = LocalCa::from_pem(&read(&certificate)?, &secret, now).map_err(|fault| unusable(&fault.to_string()))?;
        Ok(Self { ca, certificate })
    }
}

/// Where the certificate of this user's authority is, if there is one.
///
/// # Errors
/// Exit code 78 when there is no place for it.
pub(super) fn certificate_file() -> Result<PathBuf, Failure> {
    Ok(folder()?.join(CERTIFICATE))
}

/// `$XDG_DATA_HOME/signet/ca`, else `~/.local/share/signet/ca`.
fn folder() -> Result<PathBuf, Failure> {
    // "All paths set in these environment variables must be absolute. If an implementation encounters a relative path in
    // any of these variables it should consider the path invalid and ignore it" (XDG Base Directory Specification).
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    let data = data.ok_or_else(|| {
        Failure::configuration(&"neither XDG_DATA_HOME nor HOME is set: there is no place for a local authority")
    })?;
    Ok(data.join("signet/ca"))
}

/// Both files appear at once, or not at all: two servers may be starting for the first time.
fn create(folder: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<(), Failure> {
    let failed = |fault: &dyn std::fmt::Display| Failure::failed(&format!("cannot make {}: {fault}", folder.display()));
    let ca = LocalCa::generate(now, entropy).map_err(|fault| failed(&fault))?;
    let (certificate, key) = (ca.certificate_pem(), ca.key_pem());
    let parent = folder.parent().unwrap_or(folder);
    let draft = parent.join(hash::random_id(".ca-", entropy));
    let written = DirBuilder::new().recursive(true).mode(0o700).create(&draft).and_then(|()| {
        write(&draft.join(CERTIFICATE), 0o644, &certificate.map_err(io::Error::other)?)?;
        write(&draft.join(KEY), 0o600, &key.map_err(io::Error::other)?)?;
        match fs::rename(&draft, folder) {
            // Somebody else was faster, and theirs is as good.
            Err(fault) if matches!(fault.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => Ok(()),
            other => other.and_then(|()| File::open(parent)?.sync_all()),
        }
    });
    let _ = fs::remove_dir_all(&draft);
    written.map_err(|fault| failed(&fault))
}

fn write(file: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::KEY;
    use super::Kept;
    use crate::ambient::OsEntropy;
    use crate::domain::time::Timestamp;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

    #[test]
    fn all_who_start_at_once_get_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("share/signet/ca");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let place = place.clone();
                std::thread::spawn(move || {
                    Kept::load_or_create_in(&place, NOW, &OsEntropy).unwrap().ca.fingerprint().unwrap()
                })
            })
            .collect();
        let mut prints: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        prints.dedup();
        assert_eq!(prints.len(), 1);
        let mode = fs::metadata(place.join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // No draft is left.
        assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_used_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("ca");
        Kept::load_or_create_in(&place, NOW, &OsEntropy).unwrap();
        let key = place.join(KEY);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let open = Kept::load_or_create_in(&place, NOW, &OsEntropy).unwrap_err();
        assert!(open.code == 78 && open.message.contains("others may read"), "{}", open.message);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&key, "rubbish").unwrap();
        let damaged = Kept::load_or_create_in(&place, NOW, &OsEntropy).unwrap_err();
        assert!(damaged.code == 78 && damaged.message.contains("trust --uninstall"), "{}", damaged.message);
        assert_eq!(fs::read(&key).unwrap(), b"rubbish");
    }
}
