//! What this machine can do at best, measured in the same run: nothing of ours is in it.

use std::fs::File;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use diesel::Connection;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use openssl::ec::EcGroup;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;

use crate::Fault;

const WINDOW: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// OpenSSL signatures each second, on one core.
    pub(crate) es256: f64,
    pub(crate) rs256: f64,
    /// Appending 4 KiB to a file and `fdatasync`, one after the other.
    pub(crate) syncs: f64,
    /// SQLite commits of one changed row with `synchronous=FULL`, one after the other.
    pub(crate) commits: f64,
}

pub(crate) fn take() -> Result<Limits, Fault> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = EcKey::generate(&group)?;
    let es256 = rate(|| Ok(EcdsaSig::sign(&[7; 32], &key).map(drop)?))?;
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let rs256 = rate(|| {
        let mut signer = Signer::new(openssl::hash::MessageDigest::sha256(), &key)?;
        Ok(signer.sign_oneshot_to_vec(&[7; 400]).map(drop)?)
    })?;
    let folder = tempfile::tempdir()?;
    let mut file = File::create(folder.path().join("appended"))?;
    let syncs = rate(|| {
        file.write_all(&[7; 4096])?;
        Ok(file.sync_data()?)
    })?;
    let mut connection = SqliteConnection::establish(&folder.path().join("limits.db").display().to_string())?;
    connection.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0)",
    )?;
    let commits = rate(|| Ok(connection.batch_execute("UPDATE t SET n = n + 1")?))?;
    Ok(Limits { es256, rs256, syncs, commits })
}

fn rate(mut once: impl FnMut() -> Result<(), Fault>) -> Result<f64, Fault> {
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < WINDOW {
        once()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
