//! The file of the master key: one line, base64url of 32 bytes, readable by its owner only.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::vault::VaultError;
use crate::ambient::Entropy;
use crate::crypto::hash;
use crate::crypto::seal::MasterKey;

const LENGTH: u64 = 43;

/// Reads the master key.
///
/// # Errors
/// [`VaultError`], a different one when the file is missing, a symbolic link or other than a regular file, open to
/// group or others, of the wrong size, or not base64url.
pub fn load(path: &Path) -> Result<MasterKey, VaultError> {
    let name = || path.display().to_string();
    let failed = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound => VaultError::Missing(name()),
        kind => VaultError::File { path: name(), doing: "read", kind },
    };
    let seen = fs::symlink_metadata(path).map_err(|error| failed(&error))?;
    if !seen.is_file() {
        return Err(VaultError::NotAFile(name()));
    }
    let file = File::open(path).map_err(|error| failed(&error))?;
    // Everything else is asked of the open file, which nobody can exchange any more.
    let found = file.metadata().map_err(|error| failed(&error))?;
    if !found.is_file() || (found.dev(), found.ino()) != (seen.dev(), seen.ino()) {
        return Err(VaultError::NotAFile(name()));
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Mode { path: name(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    file.take(LENGTH + 2).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if line.len() as u64 != LENGTH {
        return Err(VaultError::Size { path: name(), size: found.len() });
    }
    std::str::from_utf8(line)
        .ok()
        .and_then(|text| MasterKey::from_base64(text).ok())
        .ok_or_else(|| VaultError::Undecodable(name()))
}

/// Makes a master key and writes it where there is none: whole or not at all, durable on return, mode 0600. Missing
/// directories are made with mode 0700.
///
/// # Errors
/// [`VaultError::Exists`] when there is anything at `path`, which stays as it is; [`VaultError::File`].
pub fn create_new(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, VaultError> {
    let failed = |error: &std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => VaultError::Exists(path.display().to_string()),
        kind => VaultError::File { path: path.display().to_string(), doing: "written", kind },
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(directory).map_err(|error| failed(&error))?;
    let master = MasterKey::generate(entropy);
    let temporary = directory.join(hash::random_id(".master-key-", entropy));
    let written = write(&temporary, &master).and_then(|()| {
        // A link, unlike a rename, never replaces what another process has put there in the meantime.
        fs::hard_link(&temporary, path)
    });
    let removed = fs::remove_file(&temporary);
    written.map_err(|error| failed(&error))?;
    removed.map_err(|error| failed(&error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| failed(&error))?;
    Ok(master)
}

/// Reads the master key, or makes one when there is none. Only for a database without keys: with a new master key the
/// old keys are lost. Says whether it made one.
///
/// # Errors
/// [`VaultError`].
pub fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<(MasterKey, bool), VaultError> {
    match load(path) {
        Err(VaultError::Missing(_)) => match create_new(path, entropy) {
            Ok(master) => Ok((master, true)),
            // Another process was faster.
            Err(VaultError::Exists(_)) => Ok((load(path)?, false)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
        Ok(master) => Ok((master, false)),
    }
}

fn write(path: &Path, master: &MasterKey) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(master.to_base64().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn make_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
#[path = "master_tests.rs"]
mod tests;
