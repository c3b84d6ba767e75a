//! On a shared host the browser sends Signet's cookies to the application too. None of them may get there, whatever a
//! page of another host has planted beside them.

use crate::gateway::Gateway;
use crate::gateway::echo::values;
use crate::gateway::through_both;

const NAMES: [&str; 8] = [
    "signet_session",
    "signet_gateway",
    "signet_browser",
    "signet_device",
    "refresh_token",
    "refresh_token_2",
    "refresh_token_3",
    "refresh_token_4",
];

/// Sends these cookies with an access token, which alone says who is asking; gives what the application was sent.
async fn sent_on(gateway: &Gateway, bearer: &str, cookies: &str) -> Vec<String> {
    let answer = gateway.get("/", &format!("{bearer}Cookie: {cookies}\r\n")).await;
    assert_eq!(answer.status, 200, "{cookies:?}: {answer:?}");
    assert!(!answer.body.contains("REAL"), "{cookies:?}: {}", answer.body);
    values(&answer.body, "cookie").into_iter().map(str::to_owned).collect()
}

fn every_order(of: [&str; 3]) -> [[&str; 3]; 6] {
    let [a, b, c] = of;
    [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]
}

async fn cookies_of_ours_stay_with_us(gateway: Gateway) {
    let bearer = gateway.ada().await;
    let mine = "signet_session=REAL; __Host-signet_device=REAL; __Secure-signet_gateway=REAL; signet_browser=REAL";
    for (sent, kept) in [
        ("theirs=1".to_owned(), vec!["theirs=1"]),
        (format!("theirs=1; {mine}; also=2"), vec!["theirs=1; also=2"]),
        (format!("{mine}; theirs=1"), vec!["theirs=1"]),
        (format!("theirs=1; {mine}"), vec!["theirs=1"]),
        (
            "xsignet_session=1; signet_sessions=2; x=signet_session".to_owned(),
            vec!["xsignet_session=1; signet_sessions=2; x=signet_session"],
        ),
        ("my_refresh_token=1; refresh_token_5=2".to_owned(), vec!["my_refresh_token=1; refresh_token_5=2"]),
        (mine.to_owned(), vec![]),
    ] {
        assert_eq!(sent_on(&gateway, &bearer, &sent).await, kept, "{sent}");
    }
}

async fn gw_11_refresh_cookies_stay_with_us(gateway: Gateway) {
    let bearer = gateway.ada().await;
    for name in NAMES {
        let sent = format!("theirs=1; {name}=REAL; also=2");
        assert_eq!(sent_on(&gateway, &bearer, &sent).await, ["theirs=1; also=2"], "{sent}");
    }
    let all = NAMES.map(|name| format!("{name}=REAL")).join("; ");
    assert_eq!(sent_on(&gateway, &bearer, &format!("{all}; theirs=1")).await, ["theirs=1"]);
    assert_eq!(sent_on(&gateway, &bearer, &all).await, Vec::<String>::new());
}

async fn gw_11_decoys_in_every_order(gateway: Gateway) {
    let bearer = gateway.ada().await;
    for name in NAMES {
        let real = format!("__Host-{name}=REAL");
        for decoy in [format!("{name}=x"), format!("__Secure-{name}=x"), format!("__Host-{name}=x")] {
            for order in every_order([&decoy, &real, "theirs=1"]) {
                let sent = order.join("; ");
                assert_eq!(sent_on(&gateway, &bearer, &sent).await, ["theirs=1"], "{sent:?}");
                // The other way round: https or not, it is one name.
                let sent = sent.replace(&real, &format!("{name}=REAL"));
                assert_eq!(sent_on(&gateway, &bearer, &sent).await, ["theirs=1"], "{sent:?}");
            }
        }
    }
}

async fn gw_11_space_and_tab_around_a_cookie(gateway: Gateway) {
    let bearer = gateway.ada().await;
    for name in ["signet_session", "__Host-signet_session", "__Secure-signet_gateway", "refresh_token_2"] {
        for equals in ["=", " =", "\t=", " \t ="] {
            for between in [";", "; ", ";\t", "; \t ", " ; ", ";;"] {
                let (real, decoy) = (format!("{name}{equals}REAL"), format!("{name}=x"));
                for order in every_order([&decoy, &real, "theirs=1"]) {
                    let sent = order.join(between);
                    let kept = sent_on(&gateway, &bearer, &sent).await.concat();
                    assert_eq!(kept.trim_matches([';', ' ', '\t']), "theirs=1", "{sent:?}");
                }
            }
        }
    }
    // Where only a careless parser would see a cookie; none may go on then.
    for sent in ["a=1, signet_session=REAL", "a=1 __Host-signet_session=REAL", "a=1,refresh_token =REAL"] {
        assert_eq!(sent_on(&gateway, &bearer, sent).await, Vec::<String>::new(), "{sent:?}");
    }
}

async fn gw_11_more_decoys_than_steps(gateway: Gateway) {
    let bearer = gateway.ada().await;
    for name in ["signet_session", "refresh_token"] {
        for decoys in [7, 8, 9, 40] {
            let many = vec![format!("{name}=x"); decoys].join("; ");
            for sent in [format!("{many}; __Host-{name}=REAL; theirs=1"), format!("theirs=1; {many}; {name}=REAL")] {
                let kept = sent_on(&gateway, &bearer, &sent).await;
                assert!(kept.is_empty() || kept == ["theirs=1"], "{sent:?}: {kept:?}");
            }
        }
        // So that a proxy gives up on a regular expression, should it ever.
        let long = format!("theirs={}; {name}=REAL", "; ".repeat(2_000));
        sent_on(&gateway, &bearer, &long).await;
        let long = format!("theirs={}; {name}=REAL", " ".repeat(6_000));
        sent_on(&gateway, &bearer, &long).await;
        let long = format!("theirs=1; {}{name}=REAL", format!("{name};").repeat(300));
        sent_on(&gateway, &bearer, &long).await;
    }
}

async fn signet_itself_sees_its_cookies(gateway: Gateway) {
    let mut browser = crate::support::browser::Browser::new();
    crate::support::party::Party::web(&gateway.app).code(&mut browser, "openid").await;
    let session = browser.cookie("signet_session").expect("a session");
    let cookies = format!("Cookie: refresh_token=x; theirs=1; signet_session={session}; refresh_token_2=x\r\n");
    let answer = gateway.get("/auth/page", &cookies).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(values(&answer.body, "cookie"), ["theirs=1"], "{}", answer.body);
}

through_both!(
    cookies_of_ours_stay_with_us,
    gw_11_refresh_cookies_stay_with_us,
    gw_11_decoys_in_every_order,
    gw_11_space_and_tab_around_a_cookie,
    gw_11_more_decoys_than_steps,
    signet_itself_sees_its_cookies,
);
