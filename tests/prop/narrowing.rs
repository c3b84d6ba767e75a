//! What was granted only ever gets less: at every refresh, and from service to service.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::sample::subsequence;

use signet::domain::client::Client;
use signet::domain::client::GrantType;
use signet::domain::family::Family;
use signet::domain::ids::ClientId;
use signet::domain::ids::FamilyId;
use signet::domain::ids::Subject;
use signet::domain::ids::TokenId;
use signet::domain::scope::Scope;
use signet::domain::time::Timestamp;
use signet::protocol::access_token::AccessToken;
use signet::protocol::params::Params;
use signet::protocol::params::TOKEN;
use signet::protocol::token::exchange;
use signet::protocol::token::exchange::ExchangeRequest;
use signet::protocol::token::refresh;
use signet::protocol::token::resource;

use crate::refresh::family;
use crate::support::client;
use crate::support::encode;

const ISSUER: &str = "https://op.test";
const TARGETS: [&str; 4] = ["https://a.test", "https://b.test", "https://c.test/api", ISSUER];

fn scope() -> impl Strategy<Value = Scope> {
    subsequence(vec!["openid", "email", "offline_access", "read", "write"], 0..=5)
        .prop_map(|values| Scope::parse(&values.join(" ")).unwrap())
}

fn targets() -> impl Strategy<Value = Vec<String>> {
    subsequence(TARGETS.to_vec(), 0..=4).prop_map(|all| all.into_iter().map(str::to_owned).collect())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn form(pairs: &[(&str, &str)]) -> Params {
    let text = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
    Params::parse(&[text.as_bytes()], TOKEN).unwrap()
}

/// A service that others call and that calls others.
fn service(number: usize, scope: Scope, audiences: Vec<String>) -> Client {
    Client {
        id: ClientId::new(format!("svc{number}")).unwrap(),
        grant_types: GrantType::ALL.into(),
        scope,
        audiences,
        ..client("https://svc.test/cb", false, true)
    }
}

/// What a person has allowed a client, as the token that the first service is called with.
fn subject(scope: Scope) -> AccessToken {
    AccessToken {
        subject: Subject::new("ada").unwrap(),
        client_id: ClientId::new("c1").unwrap(),
        scope,
        audience: vec!["svc0".to_owned()],
        id: TokenId::new("t").unwrap(),
        issued_at: at(0),
        expires_at: at(1_000),
        grant_id: Some(FamilyId::new("f").unwrap()),
        session_id: None,
        roles: Vec::new(),
        auth_time: None,
        acr: None,
        actor: None,
        may_act: None,
    }
}

proptest! {
    /// RF-06, RF-07, RFC 6749 section 6: the scope of a refresh is all that is left of the grant, or the part of it that was
    /// asked for; asking for anything else is refused and not cut.
    #[test]
    fn a_refresh_gives_what_was_asked_of_what_is_left(granted in scope(), left in scope(), asked in proptest::option::of(scope())) {
        let family = Family { scope: granted.clone(), ..family() };
        let client = Client { scope: left.clone(), ..client("https://c1.test/cb", false, true) };
        let given = refresh::narrow(&family, asked.as_ref(), &client);
        let fits = |asked: &Scope| asked.iter().all(|value| granted.contains(value) && left.contains(value));
        match (given, asked) {
            (Ok(given), None) => {
                prop_assert!(fits(&given));
                prop_assert!(granted.iter().all(|value| given.contains(value) || !left.contains(value)));
            }
            (Ok(given), Some(asked)) => prop_assert!(given == asked && fits(&asked)),
            (Err(_), asked) => prop_assert!(asked.is_some_and(|asked| !fits(&asked))),
        }
    }

    /// RFC 8707 section 2.2: a token is for what was asked of what was granted, and for the issuer only where it must be.
    #[test]
    fn no_token_is_for_more_than_was_granted(
        registered in targets(), granted in targets(), asked in vec(select(TARGETS.to_vec()), 0..4), scope in scope(),
    ) {
        let client = Client { audiences: registered.clone(), ..client("https://c1.test/cb", false, true) };
        let pairs: Vec<(&str, &str)> = asked.iter().map(|target| ("resource", *target)).collect();
        let given = resource::audience(&form(&pairs), &client, &granted, &scope, ISSUER);
        let allowed = |target: &str| {
            registered.iter().any(|own| own == target) && (granted.is_empty() || granted.iter().any(|own| own == target))
        };
        let Ok(given) = given else {
            let nothing_left = !granted.is_empty() && !granted.iter().any(|own| registered.contains(own));
            prop_assert!(asked.iter().any(|target| !allowed(target)) || asked.is_empty() && nothing_left);
            return Ok(());
        };
        prop_assert!(asked.iter().all(|target| allowed(target) && given.iter().any(|own| own == target)));
        let own: Vec<&String> = given.iter().filter(|target| !allowed(target)).collect();
        prop_assert!(own.iter().all(|target| *target == ISSUER) && own.len() <= 1);
        prop_assert!(own.is_empty() || scope.contains("openid") || registered.is_empty() && granted.is_empty());
        prop_assert!(!given.is_empty() && (!scope.contains("openid") || given.iter().any(|target| target == ISSUER)));
        prop_assert!(asked.is_empty() || given.iter().all(|target| target == ISSUER || asked.contains(&target.as_str())));
        let mut once = given.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), given.len());
    }

    /// RFC 8693: from service to service, scope, audience and time only get less, and everybody who has acted stays in it.
    #[test]
    fn along_a_chain_of_services_a_token_only_gets_less(
        first in scope(),
        hops in vec((scope(), targets(), proptest::option::of(scope()), proptest::option::of(select(TARGETS.to_vec())),
            proptest::option::of(0_i64..2_000)), 1..7),
    ) {
        let mut token = subject(first.clone());
        for (number, (left, audiences, asked, target, actor_ends)) in hops.into_iter().enumerate() {
            let service = service(number, left.clone(), audiences.clone());
            let asked_text = asked.as_ref().map(Scope::to_string).filter(|text| !text.is_empty());
            let mut pairs = vec![("subject_token", "t"), ("subject_token_type", exchange::ACCESS_TOKEN)];
            pairs.extend(asked_text.as_deref().map(|text| ("scope", text)));
            pairs.extend(target.map(|target| ("audience", target)));
            let form = form(&pairs);
            let request = ExchangeRequest::read(&form, &service).unwrap();
            let actor = actor_ends.map(|end| AccessToken {
                subject: Subject::new(service.id.as_str()).unwrap(),
                client_id: service.id.clone(),
                grant_id: None,
                actor: None,
                expires_at: at(end),
                ..token.clone()
            });
            let Ok(given) = exchange::check(&form, &request, &service, &token, actor.as_ref(), ISSUER) else {
                let fits = |asked: &Scope| asked.iter().all(|value| {
                    token.scope.contains(value) && left.contains(value) && !["openid", "offline_access"].contains(&value)
                });
                let targets = target.map_or(!audiences.is_empty(), |target| audiences.iter().any(|own| own == target));
                let far = token.actor.as_ref().is_some_and(|actor| actor.depth() >= 4);
                prop_assert!(far || !targets || request.scope.as_ref().is_some_and(|asked| !fits(asked)));
                continue;
            };
            prop_assert!(given.scope.is_subset(&token.scope) && given.scope.is_subset(&left) && given.scope.is_subset(&first));
            prop_assert!(!given.scope.contains("openid") && !given.scope.contains("offline_access"));
            prop_assert!(!given.audience.is_empty() && given.audience.iter().all(|one| audiences.contains(one)));
            prop_assert!(target.is_none_or(|target| given.audience == [target]));
            prop_assert!(given.expires_by <= token.expires_at && given.expires_by <= at(1_000));
            prop_assert!(actor.is_none_or(|actor| given.expires_by <= actor.expires_at));
            prop_assert_eq!(&given.actor.sub, service.id.as_str());
            prop_assert_eq!(given.actor.act.as_deref(), token.actor.as_ref());
            prop_assert!(given.actor.depth() <= 4);
            token = AccessToken {
                client_id: service.id,
                scope: given.scope,
                audience: given.audience,
                expires_at: given.expires_by,
                actor: Some(given.actor),
                ..token
            };
        }
    }
}
