//! DB-06, CO-11: the server is killed, by SIGKILL, in the middle of a stream of redemptions, again and again. What it had
//! acknowledged is there afterwards; no code succeeds twice; what was revoked stays revoked.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Mortal;
use super::Rig;
use super::furnish;
use super::integrity;
use super::issue;
use super::open;

const ROUNDS: u64 = 20;
const CODES: usize = 100;

/// What a client knows about its code.
enum Fate {
    /// It holds the tokens; this is the refresh token.
    Acknowledged { code: String, refresh: String },
    /// The connection broke before an answer came.
    Unknown { code: String },
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn db_06_co_11_killed_while_codes_are_redeemed() {
    let rig = Arc::new(Rig::new(&[]));
    drop(rig.start().await);
    let file = rig.folder.path().join("data/signet.db");
    let store = open(&format!("sqlite://{}", file.display()));
    furnish(&store).await;
    let mut codes = Vec::new();
    for _ in 0..ROUNDS {
        codes.extend(issue(&store, CODES).await);
    }
    drop(store);
    let (mut fates, mut ended): (Vec<Fate>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut acknowledged, mut unknown) = (0, 0);
    for round in 0..=ROUNDS {
        let server = rig.start().await;
        for token in ended.drain(..) {
            let (status, _) = rig.refresh(&token).await.expect("an answer");
            assert_eq!(status, 400, "round {round}: a revoked family is back");
        }
        for fate in fates.drain(..) {
            ended.extend(check(&rig, round, fate).await);
        }
        if round == ROUNDS {
            break;
        }
        let batch = codes.split_off(codes.len() - CODES);
        fates = killed_midway(&rig, server, batch, Duration::from_millis(20 + 13 * round)).await;
        let got = fates.iter().filter(|fate| matches!(fate, Fate::Acknowledged { .. })).count();
        acknowledged += got;
        unknown += fates.len() - got;
    }
    assert!(acknowledged > 0, "no answer ever came: the server was killed too early");
    assert!(unknown > 0, "no connection ever broke: the server was killed too late");
    assert_eq!(integrity(&file), "ok");
}

/// Redeems codes eight at a time until the server dies under it.
async fn killed_midway(rig: &Arc<Rig>, server: Mortal, codes: Vec<String>, after: Duration) -> Vec<Fate> {
    let left = Arc::new(Mutex::new(codes));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (rig, left) = (Arc::clone(rig), Arc::clone(&left));
        clients.spawn(async move {
            let mut fates = Vec::new();
            loop {
                let code = left.lock().expect("the codes").pop();
                let Some(code) = code else { return fates };
                match rig.redeem(&code).await {
                    Some((200, tokens)) => {
                        let refresh = tokens["refresh_token"].as_str().expect("a refresh token").to_owned();
                        fates.push(Fate::Acknowledged { code, refresh });
                    }
                    Some((status, body)) => panic!("{status} for a good code: {body}"),
                    None => {
                        fates.push(Fate::Unknown { code });
                        return fates;
                    }
                }
            }
        });
    }
    tokio::time::sleep(after).await;
    drop(server);
    clients.join_all().await.into_iter().flatten().collect()
}

/// What must be true of a code after the crash; gives the token of a family that has ended by this.
async fn check(rig: &Rig, round: u64, fate: Fate) -> Option<String> {
    match fate {
        Fate::Acknowledged { code, refresh } => {
            let (status, tokens) = rig.refresh(&refresh).await.expect("an answer");
            assert_eq!(status, 200, "round {round}: an acknowledged family is gone: {tokens}");
            let (status, _) = rig.redeem(&code).await.expect("an answer");
            assert_eq!(status, 400, "round {round}: a code succeeds twice");
            Some(tokens["refresh_token"].as_str().expect("a refresh token").to_owned())
        }
        Fate::Unknown { code } => {
            // Redeemed or not: who knows. Once from here on at the most.
            let (first, tokens) = rig.redeem(&code).await.expect("an answer");
            assert!([200, 400].contains(&first), "round {round}: {first}");
            let (second, _) = rig.redeem(&code).await.expect("an answer");
            assert_eq!(second, 400, "round {round}: a code succeeds twice");
            tokens["refresh_token"].as_str().map(str::to_owned)
        }
    }
}
