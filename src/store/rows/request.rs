//! `attempts`

use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::ids::RequestId;
use crate::domain::ids::UserId;
use crate::domain::request::Attempt;
use crate::domain::request::Consented;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::attempts;

use super::bytes;
use super::from_json;
use super::hash;
use super::instant;
use super::scope;
use super::to_json;

const TABLE: &str = "attempts";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = attempts)]
pub(in crate::store) struct AttemptRow {
    id: String,
    browser: Vec<u8>,
    request: String,
    created_at: i64,
    expires_at: i64,
    consented: Option<String>,
    consented_by: Option<String>,
    account_selected: bool,
    finished_at: Option<i64>,
}

impl TryFrom<&Attempt> for AttemptRow {
    type Error = StoreError;

    fn try_from(attempt: &Attempt) -> Result<Self, StoreError> {
        Ok(Self {
            id: attempt.id.as_str().to_owned(),
            browser: bytes(&attempt.browser),
            request: to_json(&attempt.request)?,
            created_at: attempt.created_at.micros(),
            expires_at: attempt.expires_at.micros(),
            consented: attempt.consented.as_ref().map(|consented| consented.scope.to_string()),
            consented_by: attempt.consented.as_ref().map(|consented| consented.user_id.to_string()),
            account_selected: attempt.account_selected,
            finished_at: attempt.finished_at.map(Timestamp::micros),
        })
    }
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: RequestId::new(row.id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            browser: hash(TABLE, &row.browser)?,
            request: from_json(TABLE, &row.request)?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            consented: row.consented.zip(row.consented_by).map(consented).transpose()?,
            account_selected: row.account_selected,
            finished_at: instant(row.finished_at),
        })
    }
}

fn consented((text, by): (String, String)) -> Result<Consented, StoreError> {
    let user_id = UserId::new(by).map_err(|error| StoreError::corrupt(TABLE, error))?;
    Ok(Consented { user_id, scope: scope(TABLE, &text)? })
}
