//! The three levels of logout, each for what it says.

use reqwest::StatusCode;

use super::end_session;
use super::party;
use super::sign_in_as;
use crate::support::app::App;
use crate::support::browser::ADA;
use crate::support::browser::Browser;
use crate::support::database::Kind;
use crate::support::database::block_on;

#[test]
fn lo_12_client_only_refresh_revocation_immediate() {
    block_on(async {
        for level in ["client only", "refresh revocation", "immediate"] {
            let settings: &[(&str, &str)] =
                if level == "refresh revocation" { &[("sessions.logout", "refresh revocation")] } else { &[] };
            let app = App::start_with(Kind::Sqlite, settings).await.unwrap();
            let rp = party(&app, "rp", |_| {}).await;
            let mut browser = Browser::new();
            let tokens = sign_in_as(&rp, &mut browser, ADA, "openid").await;
            let offline = sign_in_as(&rp, &mut browser, ADA, "openid offline_access").await;
            if level != "client only" {
                let asked = browser.open(&end_session(&app, &[])).await;
                assert!(asked.text.contains(level), "the page names the level: {}", asked.text);
                browser.open(&end_session(&app, &[("id_token_hint", offline.id_token())])).await;
            }
            let access = rp.userinfo(tokens.access()).await.status;
            let refresh = rp.refresh(tokens.refresh()).await.status;
            let expected = match level {
                "client only" => (StatusCode::OK, StatusCode::OK),
                "refresh revocation" => (StatusCode::OK, StatusCode::BAD_REQUEST),
                _ => (StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST),
            };
            assert_eq!((access, refresh), expected, "{level}");
            // "Refresh tokens issued with the offline_access property normally SHOULD NOT be revoked."
            // (Back-Channel Logout section 2.7)
            assert_eq!(rp.userinfo(offline.access()).await.status, StatusCode::OK, "{level}");
            assert_eq!(rp.refresh(offline.refresh()).await.status, StatusCode::OK, "{level}");
        }
    });
}
