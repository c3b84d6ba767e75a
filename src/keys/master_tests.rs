use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::ambient::OsEntropy;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys/master.key");
    (directory, path)
}

fn fingerprint(key: &MasterKey) -> [u8; 32] {
    key.derive("test").mac(b"")
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn made_once_and_read_ever_after() {
    let (_directory, path) = place();
    let (made, new) = load_or_create(&path, &OsEntropy).unwrap();
    assert!(new);
    let (read, new) = load_or_create(&path, &OsEntropy).unwrap();
    assert!(!new);
    assert_eq!(fingerprint(&made), fingerprint(&read));
    assert_eq!(fingerprint(&made), fingerprint(&load(&path).unwrap()));

    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.len(), 44);
    assert!(text.ends_with('\n'));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn never_overwritten() {
    let (_directory, path) = place();
    put(&path, b"something else", 0o600);
    assert!(matches!(create_new(&path, &OsEntropy), Err(VaultError::Exists(_))));
    assert!(matches!(load_or_create(&path, &OsEntropy), Err(VaultError::Size { size: 14, .. })));
    assert_eq!(fs::read(&path).unwrap(), b"something else");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn several_processes_at_once_agree() {
    let (_directory, path) = place();
    let made: Vec<(MasterKey, bool)> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&path, &OsEntropy).unwrap())).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|(_, new)| *new).count(), 1);
    assert!(made.iter().all(|(key, _)| fingerprint(key) == fingerprint(&made[0].0)));
}

#[test]
fn each_fault_has_its_own_words() {
    let (_directory, path) = place();
    assert!(matches!(load(&path), Err(VaultError::Missing(_))));
    let good = MasterKey::generate(&OsEntropy).to_base64();

    for mode in [0o640, 0o604, 0o660, 0o666, 0o610, 0o644] {
        put(&path, good.as_bytes(), mode);
        assert_eq!(load(&path).unwrap_err(), VaultError::Mode { path: path.display().to_string(), mode });
    }
    let told = load(&path).unwrap_err().to_string();
    assert!(told.contains("mode 0644") && told.contains("chmod 600"), "{told}");
    for mode in [0o600, 0o400] {
        put(&path, good.as_bytes(), mode);
        assert!(load(&path).is_ok(), "a missing line end is no fault");
    }

    for bytes in [&b""[..], b"\n", &good.as_bytes()[..42], format!("{}\n\n", *good).as_bytes(), &vec![b'A'; 100_000]] {
        put(&path, bytes, 0o600);
        let size = bytes.len() as u64;
        assert_eq!(load(&path).unwrap_err(), VaultError::Size { path: path.display().to_string(), size });
    }
    for bytes in [[b'!'; 43], [0xff; 43], [b'/'; 43], [b'_'; 43]] {
        put(&path, &bytes, 0o600);
        assert!(matches!(load(&path), Err(VaultError::Undecodable(_))), "{bytes:?}");
    }

    let target = path.with_file_name("target");
    put(&target, good.as_bytes(), 0o600);
    fs::remove_file(&path).unwrap();
    symlink(&target, &path).unwrap();
    assert!(matches!(load(&path), Err(VaultError::NotAFile(_))));
    assert!(matches!(create_new(&path, &OsEntropy), Err(VaultError::Exists(_))));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(load(&path), Err(VaultError::NotAFile(_))));
}
