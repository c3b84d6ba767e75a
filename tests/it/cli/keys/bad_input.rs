//! What is wrong with keys, databases and clocks: a clear message, the exit code of its kind, and nothing changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use openssl::bn::BigNum;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use signet::crypto::hash;
use signet::domain::key::Algorithm;
use signet::domain::key::KeyState;
use signet::domain::key::SigningKey;

use super::Installation;
use super::Said;
use super::files::foreign;
use super::jwks;
use super::run;
use crate::support::database::Kind;
use crate::support::postgres::left_out;
use crate::support::postgres::left_out_because;
use crate::support::server::Server;

/// An installation with four keys, and what they are.
struct Bad {
    installation: Installation,
    keys: Vec<SigningKey>,
}

impl Bad {
    async fn on(kind: Kind) -> Option<(Self, Server)> {
        let installation = Installation::on(kind, "")?;
        let server = installation.serve().await;
        let keys = loop {
            let keys = installation.store().signing_keys().await.unwrap();
            if keys.len() == 4 {
                break keys;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        Some((Self { installation, keys }, server))
    }

    async fn sqlite() -> (Self, Server) {
        Self::on(Kind::Sqlite).await.unwrap()
    }

    fn kid(&self, algorithm: Algorithm, state: KeyState) -> &str {
        self.keys.iter().find(|key| key.algorithm == algorithm && key.state == state).unwrap().kid.as_str()
    }

    /// As it is from now on, after somebody has interfered.
    async fn look_again(&mut self) {
        self.keys = self.installation.store().signing_keys().await.unwrap();
    }

    #[track_caller]
    fn says(&self, args: &[&str], input: &str, code: i32, words: &str) -> Said {
        let said = self.installation.run_with(args, input).ends_with(code);
        assert!(said.err.contains(words), "{args:?} does not say {words:?}: {said:?}");
        assert!(!said.err.contains("panicked"), "{said:?}");
        said
    }

    async fn nothing_changed(&self) {
        assert_eq!(brief(&self.installation.store().signing_keys().await.unwrap()), brief(&self.keys));
    }
}

/// All of each key, the private half as its hash.
fn brief(keys: &[SigningKey]) -> Vec<String> {
    let sealed = |key: &SigningKey| hash::s256(&format!("{:?}", key.sealed_private)).into_bytes();
    keys.iter().map(|key| format!("{:?}", SigningKey { sealed_private: Some(sealed(key)), ..key.clone() })).collect()
}

/// Every verb that changes keys, and how it is called.
fn changes<'a>(kid: &'a str, file: &'a str) -> [Vec<&'a str>; 6] {
    [
        vec!["keys", "rotate", "--now"],
        vec!["keys", "revoke", kid, "--yes"],
        vec!["keys", "revoke", kid, "--yes", "--flush"],
        vec!["keys", "import", file, "--alg", "ES256"],
        vec!["keys", "pause", "--for", "1d"],
        vec!["serve"],
    ]
}

#[tokio::test]
async fn a_wrong_kid() {
    let (bad, _server) = Bad::sqlite().await;
    let long = "k".repeat(3000);
    for kid in ["2020-01-01-es256-a", "", "n\u{f6}", "../../etc/passwd", "a b", &long] {
        let words = "there is no signing key";
        bad.says(&["keys", "revoke", kid, "--yes"], "", 4, words);
        bad.says(&["keys", "revoke", kid, "--yes", "--flush"], "", 4, words);
        bad.says(&["keys", "export", kid], "", 4, words);
        bad.says(&["keys", "export", kid, "--pem"], "", 4, words);
    }
    bad.nothing_changed().await;
}

#[tokio::test]
async fn an_unknown_algorithm() {
    let (bad, server) = Bad::sqlite().await;
    for unknown in ["HS256", "none", "es256", "ES512", ""] {
        bad.says(&["keys", "rotate", "--now", "--alg", unknown], "", 2, "one of");
        bad.says(&["keys", "import", "-", "--alg", unknown], &foreign(Algorithm::Es256), 2, "one of");
    }
    bad.says(&["keys", "rotate", "--now", "--alg", "EdDSA"], "", 4, "EdDSA is not one of keys.algorithms");
    bad.says(&["keys", "import", "-", "--alg", "EdDSA"], &foreign(Algorithm::EdDsa), 5, "not one of keys.algorithms");
    drop(server);
    let file = bad.installation.folder.path().join("signet.toml");
    let toml = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{toml}[keys]\nalgorithms = [\"RS256\", \"HS256\"]\n")).unwrap();
    for args in [&["serve"][..], &["keys", "list"], &["keys", "rotate", "--now"]] {
        bad.says(args, "", 78, "\"HS256\"");
    }
    bad.nothing_changed().await;
}

#[tokio::test]
async fn a_weak_rsa_key_on_import() {
    let (bad, _server) = Bad::sqlite().await;
    let pem = |rsa| String::from_utf8(PKey::from_rsa(rsa).unwrap().private_key_to_pem_pkcs8().unwrap()).unwrap();
    let three = BigNum::from_u32(3).unwrap();
    for (text, words) in
        [(pem(Rsa::generate(1024).unwrap()), "1024"), (pem(Rsa::generate_with_e(2048, &three).unwrap()), "exponent")]
    {
        let said = bad.says(&["keys", "import", "-", "--alg", "RS256"], &text, 1, words);
        assert!(!said.err.contains("PRIVATE"), "{said:?}");
    }
    bad.nothing_changed().await;
}

#[tokio::test]
async fn a_sealed_key_that_was_cut_or_tampered_with() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some((mut bad, server)) = Bad::on(kind).await else { return left_out() };
        let kid = bad.kid(Algorithm::Es256, KeyState::Next).to_owned();
        let whole = brief(&bad.keys);
        let file = bad.installation.folder.path().join("foreign.pem");
        fs::write(&file, foreign(Algorithm::Es256)).unwrap();
        // Bound to its name: that of another key is damage as well.
        let other = bad.kid(Algorithm::Es256, KeyState::Active).to_owned();
        let damages = [
            format!("UPDATE signing_keys SET sealed_private = substr(sealed_private, 1, 20) WHERE kid = '{kid}'"),
            format!("UPDATE signing_keys SET sealed_private = substr(sealed_private, 1, 0) WHERE kid = '{kid}'"),
            format!(
                "UPDATE signing_keys SET sealed_private = sealed_private || substr(sealed_private, 1, 1) WHERE kid = '{kid}'"
            ),
            format!(
                "UPDATE signing_keys SET sealed_private = (SELECT o.sealed_private FROM signing_keys o WHERE o.kid = '{other}') \
                 WHERE kid = '{kid}'"
            ),
        ];
        for damage in &damages {
            bad.installation.sql(damage);
            bad.look_again().await;
            assert_ne!(brief(&bad.keys), whole);
            for args in changes(&kid, file.to_str().unwrap()).iter().filter(|args| **args != ["serve"]) {
                let said = bad.says(args, "", 78, &kid);
                assert!(
                    said.err.contains("cannot be unsealed") || said.err.contains("private half is gone"),
                    "{said:?}"
                );
            }
            bad.nothing_changed().await;
        }
        // A server that runs keeps the keys that it has, and no other one starts.
        assert!(jwks(&server).await.contains(&kid));
        drop(server);
        bad.says(&["serve"], "", 78, &kid);
        bad.nothing_changed().await;
    }
}

#[tokio::test]
async fn a_read_only_postgresql() {
    let Some((bad, server)) = Bad::on(Kind::Postgres).await else { return left_out() };
    drop(server);
    let kid = bad.kid(Algorithm::Es256, KeyState::Active);
    let file = bad.installation.folder.path().join("foreign.pem");
    fs::write(&file, foreign(Algorithm::Es256)).unwrap();
    let name = bad.installation.database.split(['/', '?']).nth(3).unwrap();
    bad.installation.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    for args in changes(kid, file.to_str().unwrap()) {
        bad.says(&args, "", 69, "read-only");
    }
    bad.installation
        .sql(&format!("BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"));
    bad.nothing_changed().await;
}

#[tokio::test]
async fn a_read_only_sqlite_file() {
    let (bad, server) = Bad::sqlite().await;
    assert_eq!(server.stop().await, Some(0));
    let kid = bad.kid(Algorithm::Es256, KeyState::Active).to_owned();
    let file = bad.installation.folder.path().join("foreign.pem");
    fs::write(&file, foreign(Algorithm::Es256)).unwrap();
    let data = bad.installation.folder.path().join("data");
    let mode = |folder: u32, file: u32| {
        for entry in fs::read_dir(&data).unwrap() {
            fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(file)).unwrap();
        }
        fs::set_permissions(&data, fs::Permissions::from_mode(folder)).unwrap();
    };
    mode(0o500, 0o400);
    // root writes to whatever it likes, unless that right is taken away.
    let bound = |program: &Path| {
        let mut bound = if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let mut bound = Command::new("setpriv");
            bound.args(["--bounding-set=-dac_override", "--inh-caps=-dac_override"]).arg(program);
            bound
        } else {
            Command::new(program)
        };
        bound.current_dir(bad.installation.folder.path());
        bound
    };
    if !bound(Path::new("true")).status().is_ok_and(|status| status.success()) {
        mode(0o700, 0o600);
        return left_out_because("setpriv cannot take away the right to write to read-only files");
    }
    for args in changes(&kid, file.to_str().unwrap()) {
        let said = run(bound(Path::new(env!("CARGO_BIN_EXE_signet"))), &args, "").ends_with(69);
        assert!(said.err.contains("readonly") || said.err.contains("unable to open"), "{args:?}: {said:?}");
    }
    mode(0o700, 0o600);
    bad.nothing_changed().await;
}

/// The kernel refuses to let a file grow beyond the limit of the process, as it does on a full disk.
#[tokio::test]
async fn a_full_disk() {
    let (bad, server) = Bad::sqlite().await;
    let kid = bad.kid(Algorithm::Es256, KeyState::Active);
    let file = bad.installation.folder.path().join("foreign.pem");
    fs::write(&file, foreign(Algorithm::Es256)).unwrap();
    for args in changes(kid, file.to_str().unwrap()) {
        if args == ["serve"] {
            continue;
        }
        let mut full = Command::new("sh");
        // 4 KiB: less than one page of a change takes in the log.
        full.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_signet")]);
        full.current_dir(bad.installation.folder.path());
        let said = run(full, &args, "").ends_with(69);
        assert!(said.err.contains("the database is not available: "), "{args:?}: {said:?}");
        bad.nothing_changed().await;
    }
    // The server that runs has not noticed, and with room the same verbs work.
    assert_eq!(jwks(&server).await.len(), 4);
    bad.installation.run(&["keys", "revoke", kid, "--yes"]).ends_with(0);
}

/// For the program it is all the same whether its clock is behind or its keys are ahead.
#[tokio::test]
async fn a_clock_far_in_the_past() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some((mut bad, server)) = Bad::on(kind).await else { return left_out() };
        drop(server);
        let file = bad.installation.folder.path().join("foreign.pem");
        fs::write(&file, foreign(Algorithm::Es256)).unwrap();
        let ten_years: i64 = 10 * 365 * 24 * 3600 * 1_000_000;
        bad.installation.sql(&format!(
            "UPDATE signing_keys SET published_at = published_at + {ten_years}, activated_at = activated_at + {ten_years}"
        ));
        bad.look_again().await;
        let words = "the clock of this machine shows";
        for args in [
            &["keys", "rotate", "--now"][..],
            &["keys", "rotate"],
            &["keys", "rotate", "--dry-run"],
            &["keys", "import", file.to_str().unwrap(), "--alg", "ES256"],
            &["serve"],
        ] {
            let said = bad.says(args, "", 5, words);
            assert!(said.err.contains("set the clock first") && said.err.contains("Nothing was changed"), "{said:?}");
        }
        bad.installation.run(&["keys", "list"]).ends_with(0);
        bad.nothing_changed().await;

        // If it was the other clock that was wrong: a key that is revoked is of no time any more.
        for _ in 0..2 {
            for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
                let kid = bad.kid(algorithm, KeyState::Active).to_owned();
                bad.installation.run(&["keys", "revoke", &kid, "--yes"]).ends_with(0);
            }
            bad.look_again().await;
        }
        let server = bad.installation.serve().await;
        assert_eq!(jwks(&server).await.len(), 4);
    }
}
