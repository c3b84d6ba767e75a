//! Refresh families: at most one live branch, whoever presents what and when.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prelude::prop_assert;
use proptest::prelude::prop_assert_eq;
use proptest::proptest;

use signet::domain::claims::ClaimsRequest;
use signet::domain::family::Family;
use signet::domain::family::Revocation;
use signet::domain::family::RevocationReason;
use signet::domain::ids::ClientId;
use signet::domain::ids::FamilyId;
use signet::domain::ids::UserId;
use signet::domain::scope::Scope;
use signet::domain::secret::SecretHash;
use signet::domain::session::Authentication;
use signet::domain::time::Timestamp;
use signet::protocol::token::refresh::Decision;
use signet::protocol::token::refresh::Generation;
use signet::protocol::token::refresh::decide;
use signet::protocol::token::refresh::narrow;

use crate::support::client;

const WINDOW: Duration = Duration::from_mins(1);

/// The hash of the token of a generation.
pub(crate) fn token(generation: i64) -> SecretHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&generation.to_le_bytes());
    SecretHash::from_bytes(bytes)
}

pub(crate) fn family() -> Family {
    Family {
        id: FamilyId::new("f").unwrap(),
        client_id: ClientId::new("c1").unwrap(),
        user_id: UserId::new("ada").unwrap(),
        session_id: None,
        scope: Scope::parse("openid email").unwrap(),
        resources: Vec::new(),
        claims: ClaimsRequest::default(),
        authentication: Authentication { time: Timestamp::EPOCH, methods: Vec::new() },
        generation: 1,
        current: Some(token(1)),
        previous: None,
        successor: None,
        rotated_at: None,
        rotated_from: None,
        created_at: Timestamp::EPOCH,
        idle_expires_at: Timestamp::from_seconds(1_000_000),
        expires_at: Timestamp::from_seconds(1_000_000),
        revoked: None,
    }
}

/// What the store does after a decision. Gives the generation that the answer holds.
pub(crate) fn apply(family: &mut Family, decision: &Decision, now: Timestamp) -> Option<i64> {
    match decision {
        Decision::Rotate => {
            family.generation += 1;
            family.previous = family.current;
            family.current = Some(token(family.generation));
            family.successor = Some(vec![0]);
            family.rotated_at = Some(now);
            Some(family.generation)
        }
        Decision::Keep | Decision::Retry => Some(family.generation),
        Decision::Reuse => {
            family.revoked = Some(Revocation { at: now, reason: RevocationReason::RefreshReused });
            None
        }
        Decision::Invalid(_) => None,
    }
}

proptest! {
    /// RF-01, RF-02: over any history of presentations there is one live token, every answer holds it, and the family
    /// is dead for good after a reuse.
    #[test]
    fn one_live_branch(history in vec((1_i64..8, 0_u64..90), 1..60), public in any::<bool>()) {
        let client = client("https://c1.test/cb", public, true);
        let mut family = family();
        let mut now = Timestamp::EPOCH;
        for (presented, pause) in history {
            now = now.plus(Duration::from_secs(pause));
            let known = presented <= family.generation;
            let generation = Generation::of(&token(presented), &family, known);
            let dead = family.revoked.is_some();
            let before = family.generation;
            let rotated_at = family.rotated_at;
            let decision = decide(&family, generation, &client, !public, WINDOW, now);
            let answered = apply(&mut family, &decision, now);
            if let Some(answered) = answered {
                prop_assert!(!dead && known);
                prop_assert_eq!(answered, family.generation);
                prop_assert_eq!(answered, presented + 1);
                let late = rotated_at.is_some_and(|first| now.since(first) >= WINDOW);
                prop_assert!(before == presented || !public || !late);
            } else {
                prop_assert!(dead || presented != before);
                prop_assert!(known || family.revoked.is_some() == dead);
            }
        }
    }

    /// An owner that asks again every second until an answer comes through is never logged out.
    #[test]
    fn lost_answers_end_nothing(losses in vec(0_u8..59, 1..20), public in any::<bool>()) {
        let client = client("https://c1.test/cb", public, true);
        let mut family = family();
        let mut held: i64 = 1;
        let mut now = Timestamp::EPOCH;
        for lost in losses {
            now = now.plus(Duration::from_mins(10));
            let mut answered = None;
            for _ in 0..=lost {
                let generation = Generation::of(&token(held), &family, true);
                let decision = decide(&family, generation, &client, !public, WINDOW, now);
                answered = apply(&mut family, &decision, now);
                prop_assert!(answered.is_some());
                now = now.plus(Duration::from_secs(1));
            }
            held = answered.unwrap();
        }
    }

    /// RF-05, RF-06: another client changes nothing; scope never grows.
    #[test]
    fn bound_and_narrowing(generation in 0_usize..4, asked in "(openid|email|admin)( (openid|email|admin)){0,2}") {
        let generation = [Generation::Current, Generation::Previous, Generation::Older, Generation::Forged]
            .get(generation).copied().unwrap();
        let own = client("https://c1.test/cb", false, true);
        let mut other = own.clone();
        other.id = ClientId::new("c2").unwrap();
        prop_assert!(matches!(decide(&family(), generation, &other, true, WINDOW, Timestamp::EPOCH), Decision::Invalid(_)));
        let asked = Scope::parse(&asked).unwrap();
        if let Ok(scope) = narrow(&family(), Some(&asked), &own) {
            prop_assert!(scope.is_subset(&family().scope));
        } else {
            prop_assert!(asked.contains("admin"));
        }
    }
}
