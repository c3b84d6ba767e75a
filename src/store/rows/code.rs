//! `codes`

use diesel::prelude::Insertable;
use diesel::prelude::Queryable;
use diesel::prelude::Selectable;

use crate::domain::code::Code;
use crate::domain::code::Redemption;
use crate::domain::ids::ClientId;
use crate::domain::ids::FamilyId;
use crate::domain::ids::SessionId;
use crate::domain::ids::UserId;
use crate::domain::request::CodeChallenge;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::codes;

use super::bytes;
use super::claims;
use super::claims_to_json;
use super::from_json;
use super::hash;
use super::scope;
use super::to_json;

const TABLE: &str = "codes";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = codes)]
pub(in crate::store) struct CodeRow {
    hash: Vec<u8>,
    client_id: String,
    user_id: String,
    session_id: String,
    redirect_uri: String,
    scope: String,
    resources: String,
    nonce: Option<String>,
    claims: Option<String>,
    code_challenge: Option<String>,
    authentication: String,
    issued_at: i64,
    expires_at: i64,
    redeemed_at: Option<i64>,
    family_id: Option<String>,
}

impl TryFrom<&Code> for CodeRow {
    type Error = StoreError;

    fn try_from(code: &Code) -> Result<Self, StoreError> {
        Ok(Self {
            hash: bytes(&code.hash),
            client_id: code.client_id.as_str().to_owned(),
            user_id: code.user_id.as_str().to_owned(),
            session_id: code.session_id.as_str().to_owned(),
            redirect_uri: code.redirect_uri.clone(),
            scope: code.scope.to_string(),
            resources: to_json(&code.resources)?,
            nonce: code.nonce.clone(),
            claims: claims_to_json(&code.claims)?,
            code_challenge: code.code_challenge.as_ref().map(|challenge| challenge.as_str().to_owned()),
            authentication: to_json(&code.authentication)?,
            issued_at: code.issued_at.micros(),
            expires_at: code.expires_at.micros(),
            redeemed_at: code.redeemed.as_ref().map(|redeemed| redeemed.at.micros()),
            family_id: code.redeemed.as_ref().map(|redeemed| redeemed.family_id.as_str().to_owned()),
        })
    }
}

impl TryFrom<CodeRow> for Code {
    type Error = StoreError;

    fn try_from(row: CodeRow) -> Result<Self, StoreError> {
        let redeemed = match (row.redeemed_at, row.family_id) {
            (Some(at), Some(family_id)) => Some(Redemption {
                at: Timestamp::from_micros(at),
                family_id: FamilyId::new(family_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            }),
            (None, None) => None,
            _ => return Err(StoreError::corrupt(TABLE, "half a redemption")),
        };
        Ok(Self {
            hash: hash(TABLE, &row.hash)?,
            client_id: ClientId::new(row.client_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            user_id: UserId::new(row.user_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            session_id: SessionId::new(row.session_id).map_err(|error| StoreError::corrupt(TABLE, error))?,
            redirect_uri: row.redirect_uri,
            scope: scope(TABLE, &row.scope)?,
            resources: from_json(TABLE, &row.resources)?,
            nonce: row.nonce,
            claims: claims(TABLE, row.claims.as_deref())?,
            code_challenge: row
                .code_challenge
                .map(|text| CodeChallenge::parse(&text))
                .transpose()
                .map_err(|error| StoreError::corrupt(TABLE, error))?,
            authentication: from_json(TABLE, &row.authentication)?,
            issued_at: Timestamp::from_micros(row.issued_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            redeemed,
        })
    }
}
