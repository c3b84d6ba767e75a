//! Clients that registered themselves and then did nothing (DR-10).

use serde_json::json;
use signet::domain::ids::ClientId;

use super::Registrar;
use super::text;
use crate::support::database::Kind;
use crate::support::database::block_on;
use crate::support::postgres::left_out;

#[test]
fn dr_10_what_was_never_used_is_forgotten() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        block_on(async {
            let Some(here) = Registrar::on(kind, &[("registration.forget_unused", "1d")]).await else {
                return left_out();
            };
            let (used, unused) = (here.register(json!({})).await, here.register(json!({})).await);
            here.party(&used).sign_in("openid").await;
            here.app.wait(86_399);
            here.app.signet.sweep().await.unwrap();
            let known = async |own: &serde_json::Value| {
                let id = ClientId::new(text(own, "client_id")).unwrap();
                here.app.signet.store.client(id).await.unwrap().is_some()
            };
            assert!(known(&used).await && known(&unused).await);
            here.app.wait(2);
            let late = here.register(json!({})).await;
            here.app.signet.sweep().await.unwrap();
            assert!(known(&used).await && !known(&unused).await && known(&late).await);
            assert!(here.app.client("demo-web").await.redirect_uris.len() > 1, "others have no such end");
            here.manage(reqwest::Method::GET, &unused).await.unauthorized();
            here.app.signet.flush_audit().await.unwrap();
            let trail = format!("{:?}", here.app.signet.store.newest_audit(50).await.unwrap());
            assert!(trail.contains("unused_clients_removed"), "{trail}");
        });
    }
}
