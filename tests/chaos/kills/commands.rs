//! Commands of an administrator die while they work.

use std::io::Write;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;

use signet::ambient::OsEntropy;
use signet::crypto::password;
use signet::crypto::password::Params;
use signet::domain::session::Session;
use signet::domain::user::User;

use crate::support::nouns;
use crate::visitor;
use crate::visitor::Deed;
use crate::visitor::Said;
use crate::visitor::Site;
use crate::visitor::Visitor;

use super::Blow;
use super::Scene;
use super::lives::pause;

const ACCOUNTS: usize = 6;

/// Somebody with a password, and an application that has access.
pub(super) struct Account {
    name: String,
    password: String,
    changes: u32,
}

impl Account {
    fn email(&self) -> String {
        format!("{}@example.test", self.name)
    }
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    /// With exit code 0: what it did is acknowledged.
    Done,
    /// With another one.
    Refused(i32),
}

impl Scene {
    pub(super) async fn open_accounts(&mut self) {
        for number in 0..ACCOUNTS {
            let (name, password) = (format!("account{number}"), format!("a password of {number}"));
            let params = Params { memory_kib: 8192, iterations: 1, parallelism: 1 };
            let hash = password::hash(&password, &params, &OsEntropy).expect("a hash");
            self.store.create_user(User { password: Some(hash), ..nouns::user(&name) }).await.expect("a user");
            self.accounts.push(Account { name, password, changes: 0 });
        }
    }

    fn spawn(&self, words: &[&str], input: &str) -> Child {
        let mut command = self.installation.command();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the signet program starts");
        let mut stdin = child.stdin.take().expect("standard input");
        // It may have been refused before it reads.
        drop(stdin.write_all(input.as_bytes()));
        child
    }

    async fn killed(&mut self, blow: Blow, mut child: Child) -> End {
        pause(self.before_the_end(blow)).await;
        let ended = child.try_wait().expect("the state of the command");
        drop(child.kill());
        let status = ended.unwrap_or(child.wait().expect("its end"));
        self.learn(blow, ended.is_some());
        let tally = self.note(blow);
        match status.code() {
            None => {
                tally.kills += 1;
                tally.unknown += 1;
                End::Killed
            }
            Some(0) => {
                tally.acknowledged += 1;
                End::Done
            }
            Some(code) => End::Refused(code),
        }
    }

    pub(super) async fn killed_while_rotating(&mut self) {
        for _ in 0..=self.dice.below(3) {
            let words: &[&str] = match self.dice.below(3) {
                0 => &["keys", "rotate", "--now", "--alg", "ES256"],
                1 => &["keys", "rotate", "--now", "--alg", "RS256"],
                _ => &["keys", "rotate"],
            };
            let child = self.spawn(words, "");
            let end = self.killed(Blow::Rotate, child).await;
            // Overtaken by another; too young or under way.
            assert!(!matches!(end, End::Refused(code) if ![1, 3, 5].contains(&code)), "{words:?}: {end:?}");
            self.keys_are_whole().await;
        }
        for mut visitor in visitor::arrive(&self.store, 1).await {
            assert_eq!(visitor.does(Deed::Redeem, &self.site()).await, Some(true), "the keys sign");
        }
    }

    /// Several at once, of several people.
    pub(super) async fn killed_while_setting_a_password(&mut self) {
        let site = self.site();
        let mut accounts = std::mem::take(&mut self.accounts);
        for account in &mut accounts {
            let mut visitor = self.grant(account).await;
            assert_eq!(visitor.does(Deed::Redeem, &site).await, Some(true));
            account.changes += 1;
            let next = format!("password {} of {}", account.changes, account.name);
            let child = self.spawn(&["users", "set-password", &account.email(), "--password-stdin"], &next);
            let end = self.killed(Blow::Password, child).await;
            assert!(matches!(end, End::Killed | End::Done), "{end:?}");
            let changed = settled(account, &next, visitor, end == End::Done, &site).await;
            if changed {
                account.password = next;
            }
        }
        self.accounts = accounts;
    }

    /// Access of an application to an account, by a session of its own.
    async fn grant(&self, account: &Account) -> Visitor {
        let (name, now) = (format!("{}-{}", account.name, account.changes), visitor::now());
        let (idle_expires_at, expires_at) = (now.plus(visitor::HOUR), now.plus(visitor::HOUR));
        let session =
            Session { last_seen_at: now, idle_expires_at, expires_at, ..nouns::session(&name, &account.name) };
        // The password is not compared: it was right when nobody asked.
        self.store.begin_session(session, None, None).await.expect("a session");
        visitor::with_code(&self.store, &account.name, &name).await
    }

    pub(super) async fn killed_while_creating_a_user(&mut self) {
        let site = self.site();
        for _ in 0..=self.dice.below(3) {
            self.users += 1;
            let (email, password) = (format!("new{}@example.test", self.users), "a password of somebody new");
            let words = ["users", "create", &email, "--password-stdin"];
            let child = self.spawn(&words, password);
            let end = self.killed(Blow::User, child).await;
            assert!(matches!(end, End::Killed | End::Done), "{end:?}");
            if end == End::Killed {
                // All of the user is there, or nothing.
                let mut again = self.spawn(&words, password);
                let code = again.wait().expect("its end").code();
                assert!(matches!(code, Some(0 | 1)), "{code:?}");
            }
            assert!(signs_in(&site, &email, password).await, "half a user: {email} after {end:?}");
        }
    }
}

async fn signs_in(site: &Site, email: &str, password: &str) -> bool {
    match site.sign_in(email, password).await {
        Said::Answer(200, _) => true,
        Said::Answer(401, _) => false,
        said => panic!("{said:?}"),
    }
}

/// Whether the password is the new one. With it, what was granted before has ended; without, nothing has.
async fn settled(account: &Account, next: &str, mut visitor: Visitor, acknowledged: bool, site: &Site) -> bool {
    let email = account.email();
    for _ in 0..50 {
        let (new, old) = (signs_in(site, &email, next).await, signs_in(site, &email, &account.password).await);
        if new != old {
            assert!(new || !acknowledged, "{email}: an acknowledged password is lost");
            let alive = visitor.is_alive(site).await;
            if new != alive {
                return new;
            }
        }
        assert!(!acknowledged, "{email}: new {new}, old {old}");
        // A database may commit for a client that is dead by now.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{email}: half a change of the password");
}
