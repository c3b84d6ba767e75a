//! `audit`

use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::store::schema::audit;

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
pub(in crate::store) struct AuditRow {
    pub(in crate::store) id: i64,
    pub(in crate::store) at: i64,
    pub(in crate::store) event: String,
    pub(in crate::store) actor: String,
    pub(in crate::store) client_id: Option<String>,
    pub(in crate::store) sub: Option<String>,
    pub(in crate::store) kid: Option<String>,
    pub(in crate::store) address: Option<String>,
    pub(in crate::store) reference: Option<String>,
    pub(in crate::store) detail: String,
}
