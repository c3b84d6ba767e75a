//! `signet trust`: makes this computer believe the certificates of `serve --https`.

use std::fs;
use std::io;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use clap::Args;

use crate::ambient::OsEntropy;
use crate::ambient::SystemClock;

use super::Failure;
use super::console::Console;
use super::local_ca::Kept;
use super::output;

#[derive(Debug, Args)]
pub(super) struct Trust {
    /// Take it out again.
    #[arg(long, conflicts_with = "print")]
    uninstall: bool,
    /// Print the certificate of the authority as PEM, and change nothing.
    #[arg(long)]
    print: bool,
}

/// The certificate authorities of a system: a folder, and what has to run after a change.
#[derive(Debug)]
struct Store {
    folder: PathBuf,
    refresh: PathBuf,
}

impl Store {
    /// Debian's, and of what descends from it.
    fn of_system() -> Self {
        Self {
            folder: PathBuf::from("/usr/local/share/ca-certificates"),
            refresh: PathBuf::from("update-ca-certificates"),
        }
    }

    /// Each authority has a file of its own: several people may use one computer.
    fn file(&self, fingerprint: &str) -> PathBuf {
        let short: String = fingerprint.chars().take(12).collect();
        self.folder.join(format!("signet-local-ca-{short}.crt"))
    }
}

/// # Errors
/// Exit code 1 without the rights, with what to run; 3 when there is nothing to do.
pub(super) fn run(trust: &Trust, console: Console) -> Result<(), Failure> {
    let kept = Kept::load_or_create(&SystemClock::new(), &OsEntropy)?;
    if trust.print {
        let pem = kept.ca.certificate_pem().map_err(|fault| Failure::failed(&fault))?;
        return console.print(&String::from_utf8_lossy(&pem).trim_end());
    }
    let store = Store::of_system();
    let done = if trust.uninstall { uninstall(&kept, &store) } else { install(&kept, &store) };
    if let Ok(said) = &done {
        console.say(said);
    }
    if done.as_ref().map_or_else(|fault| fault.code == output::UNCHANGED, |_| true) {
        console.say(&browsers(&kept.certificate, trust.uninstall));
    }
    done.map(drop)
}

/// Whether the system's store has it.
#[must_use]
pub(super) fn is_installed(kept: &Kept) -> bool {
    kept.ca.fingerprint().is_ok_and(|print| Store::of_system().file(&print).exists())
}

fn install(kept: &Kept, store: &Store) -> Result<String, Failure> {
    let file = store.file(&fingerprint(kept)?);
    let steps = [
        format!("sudo install -m 644 {} {}", kept.certificate.display(), file.display()),
        format!("sudo {}", store.refresh.display()),
    ];
    if !store.folder.is_dir() {
        return Err(Failure::failed(&format!(
            "There is no {} here: this system keeps its authorities elsewhere. Add {} to them by its own means.",
            store.folder.display(),
            kept.certificate.display()
        )));
    }
    let there = fs::read(&kept.certificate).is_ok_and(|ours| fs::read(&file).is_ok_and(|theirs| ours == theirs));
    if there {
        return Err(Failure::unchanged(&format!("This computer trusts it already: {}", file.display())));
    }
    fs::copy(&kept.certificate, &file).map_err(|fault| without_rights(&fault, &file, &steps))?;
    refresh(store, &steps)?;
    Ok(format!("This computer trusts the local authority now: {}", file.display()))
}

fn uninstall(kept: &Kept, store: &Store) -> Result<String, Failure> {
    let file = store.file(&fingerprint(kept)?);
    let steps = [format!("sudo rm {}", file.display()), format!("sudo {} --fresh", store.refresh.display())];
    if !file.exists() {
        return Err(Failure::unchanged(&format!("It is not installed: there is no {}", file.display())));
    }
    fs::remove_file(&file).map_err(|fault| without_rights(&fault, &file, &steps))?;
    refresh(store, &steps)?;
    Ok(format!("This computer does not trust the local authority any more: removed {}", file.display()))
}

fn refresh(store: &Store, steps: &[String]) -> Result<(), Failure> {
    let ran = Command::new(&store.refresh).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match ran {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(unfinished(&format!("{} ended with {status}", store.refresh.display()), steps)),
        Err(fault) => Err(unfinished(&format!("{} cannot be run: {fault}", store.refresh.display()), steps)),
    }
}

fn without_rights(fault: &io::Error, file: &Path, steps: &[String]) -> Failure {
    match fault.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            unfinished(&format!("You may not change {}", file.display()), steps)
        }
        _ => unfinished(&format!("{}: {fault}", file.display()), steps),
    }
}

/// Not `sudo signet trust`: that would be about the authority of root.
fn unfinished(why: &str, steps: &[String]) -> Failure {
    Failure::failed(&format!("{why}. Run:\n\n    {}\n", steps.join("\n    ")))
}

fn fingerprint(kept: &Kept) -> Result<String, Failure> {
    kept.ca.fingerprint().map_err(|fault| Failure::failed(&fault))
}

/// Browsers on Linux look into stores of their own.
fn browsers(certificate: &Path, uninstall: bool) -> String {
    let (file, store) = (certificate.display(), "sql:$HOME/.pki/nssdb");
    if uninstall {
        return format!(
            "Chromium and Chrome:  certutil -d {store} -D -n \"Signet local CA\"\n\
             Firefox:              Settings, Privacy & Security, View Certificates, Authorities, Signet local CA, Delete"
        );
    }
    format!(
        "Browsers keep stores of their own. certutil is in Debian's libnss3-tools:\n\
         Chromium and Chrome:  certutil -d {store} -A -t C,, -n \"Signet local CA\" -i {file}\n\
         Firefox:              Settings, Privacy & Security, View Certificates, Authorities, Import {file}\n\
         Node.js:              NODE_EXTRA_CA_CERTS={file}\n\
         Python (requests):    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"
    )
}

#[cfg(test)]
mod tests {
    use super::Store;
    use super::install;
    use super::uninstall;
    use crate::ambient::OsEntropy;
    use crate::cli::local_ca::Kept;
    use crate::domain::time::Timestamp;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    fn kept(folder: &Path) -> Kept {
        let now = Timestamp::from_seconds(1_795_348_800);
        Kept::load_or_create_in(&folder.join("ca"), now, &OsEntropy).unwrap()
    }

    /// A store of one's own, and a command that counts how often it runs.
    fn store(folder: &Path, ends_with: i32) -> Store {
        let (place, written, refresh) = (folder.join("store"), folder.join("written"), folder.join("refresh"));
        fs::create_dir(&place).unwrap();
        fs::write(&written, format!("#!/bin/sh\necho ran >> {}/ran\nexit {ends_with}\n", folder.display())).unwrap();
        // Copied by another process: what this one has open to write, a child born meanwhile in another test keeps
        // open, and then it cannot be run ("Text file busy").
        let copied = Command::new("install").args(["-m", "755"]).args([&written, &refresh]).status();
        assert!(copied.unwrap().success());
        Store { folder: place, refresh }
    }

    #[test]
    fn it_is_put_in_and_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, store) = (kept(folder.path()), store(folder.path(), 0));
        assert_eq!(uninstall(&kept, &store).unwrap_err().code, 3);
        install(&kept, &store).unwrap();
        let file = store.file(&kept.ca.fingerprint().unwrap());
        assert_eq!(fs::read(&file).unwrap(), kept.ca.certificate_pem().unwrap());
        assert_eq!(install(&kept, &store).unwrap_err().code, 3);
        uninstall(&kept, &store).unwrap();
        assert!(!file.exists());
        assert_eq!(fs::read_to_string(folder.path().join("ran")).unwrap(), "ran\nran\n");
    }

    #[test]
    fn what_cannot_be_done_is_said_to_the_letter() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, store) = (kept(folder.path()), store(folder.path(), 1));
        let fault = install(&kept, &store).unwrap_err();
        let file = store.file(&kept.ca.fingerprint().unwrap());
        assert_eq!(fault.code, 1);
        let step = format!("    sudo install -m 644 {} {}\n", kept.certificate.display(), file.display());
        assert!(fault.message.contains(&step) && fault.message.contains("    sudo "), "{}", fault.message);
        let elsewhere = Store { folder: folder.path().join("nowhere"), ..store };
        assert!(install(&kept, &elsewhere).unwrap_err().message.contains("by its own means"));
        let denied = super::without_rights(&std::io::ErrorKind::PermissionDenied.into(), &file, &[step]);
        assert!(denied.message.starts_with("You may not change"), "{}", denied.message);
    }
}
