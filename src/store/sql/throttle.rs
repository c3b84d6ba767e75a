//! `throttles`

use std::time::Duration;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::schema::throttles;
use crate::store::throttle::Policy;
use crate::store::throttle::Throttle;

use super::Conn;
use super::RunQueryDsl;

/// Counts and decides in one upsert, so that of many at once no more than `limit` are let through.
pub(in crate::store) async fn take(
    conn: &mut Conn<'_>,
    bucket: [u8; 32],
    now: Timestamp,
    policy: Policy,
) -> Result<Throttle, StoreError> {
    let at = now.micros();
    let blocked_until = now.plus(policy.block).micros();
    let window_began = now.minus(policy.window).micros();
    let forget_at = now.plus(policy.window.max(policy.block)).micros();
    let limit = i64::from(policy.limit);
    let blocked = throttles::blocked_until.gt(at);
    let served = throttles::blocked_until.ne(0).and(throttles::blocked_until.le(at));
    let over = throttles::blocked_until.eq(0).and(throttles::started_at.le(window_began));
    let afresh = served.or(over);
    let first_blocked = if limit < 1 { blocked_until } else { 0 };
    let until: i64 = diesel::insert_into(throttles::table)
        .values((
            throttles::bucket.eq(bucket.to_vec()),
            throttles::started_at.eq(at),
            throttles::taken.eq(1_i64),
            throttles::blocked_until.eq(first_blocked),
            throttles::forget_at.eq(forget_at),
        ))
        .on_conflict(throttles::bucket)
        .do_update()
        .set((
            throttles::started_at.eq(case_when(afresh, at.into_sql::<BigInt>()).otherwise(throttles::started_at)),
            throttles::taken.eq(case_when(afresh, 1_i64.into_sql::<BigInt>()).otherwise(throttles::taken + 1)),
            throttles::blocked_until.eq(case_when(blocked, throttles::blocked_until)
                .when(afresh, first_blocked.into_sql::<BigInt>())
                .when(throttles::taken.ge(limit), blocked_until.into_sql::<BigInt>())
                .otherwise(0_i64.into_sql::<BigInt>())),
            throttles::forget_at.eq(case_when(blocked, throttles::forget_at).otherwise(forget_at.into_sql::<BigInt>())),
        ))
        .returning(throttles::blocked_until)
        .get_result(conn)
        .await?;
    if until == 0 {
        return Ok(Throttle::Allowed);
    }
    // A clock that was set back must not turn a short block into a long one.
    Ok(Throttle::Wait(Timestamp::from_micros(until).since(now).min(policy.block).max(Duration::from_micros(1))))
}

pub(in crate::store) async fn take_of_each(
    conn: &mut Conn<'_>,
    buckets: Vec<([u8; 32], Policy)>,
    now: Timestamp,
) -> Result<Throttle, StoreError> {
    for (bucket, policy) in buckets {
        let taken = take(conn, bucket, now, policy).await?;
        if taken != Throttle::Allowed {
            return Ok(taken);
        }
    }
    Ok(Throttle::Allowed)
}

pub(in crate::store) async fn settle(
    conn: &mut Conn<'_>,
    back: Vec<[u8; 32]>,
    forgotten: Option<[u8; 32]>,
) -> Result<(), StoreError> {
    for bucket in back {
        let open = throttles::table.find(bucket.to_vec());
        let open = open.filter(throttles::taken.gt(0)).filter(throttles::blocked_until.eq(0));
        diesel::update(open).set(throttles::taken.eq(throttles::taken - 1)).execute(conn).await?;
    }
    if let Some(bucket) = forgotten {
        diesel::delete(throttles::table.find(bucket.to_vec())).execute(conn).await?;
    }
    Ok(())
}
