//! The tables as diesel sees them. `migrations/` makes them; a test compares the two databases.

use diesel::allow_tables_to_appear_in_same_query;
use diesel::table;

table! {
    clients (id) {
        id -> Text,
        disabled -> Bool,
        backchannel_logout -> Bool,
        document -> Text,
    }
}

table! {
    registrations (client_id) {
        client_id -> Text,
        token -> Binary,
        scope -> Nullable<Text>,
        initial_token -> Nullable<Text>,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

table! {
    initial_tokens (id) {
        id -> Text,
        hash -> Binary,
        note -> Text,
        scope -> Nullable<Text>,
        clients -> BigInt,
        registered -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    users (id) {
        id -> Text,
        email -> Text,
        password -> Nullable<Text>,
        roles -> Text,
        claims -> Text,
        disabled -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

table! {
    sessions (hash) {
        hash -> Binary,
        id -> Text,
        user_id -> Text,
        authentication -> Text,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        idle_expires_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

table! {
    attempts (id) {
        id -> Text,
        browser -> Binary,
        request -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        consented -> Nullable<Text>,
        consented_by -> Nullable<Text>,
        account_selected -> Bool,
        finished_at -> Nullable<BigInt>,
    }
}

table! {
    consents (user_id, client_id) {
        user_id -> Text,
        client_id -> Text,
        scope -> Text,
        granted_at -> BigInt,
    }
}

table! {
    codes (hash) {
        hash -> Binary,
        client_id -> Text,
        user_id -> Text,
        session_id -> Text,
        redirect_uri -> Text,
        scope -> Text,
        resources -> Text,
        nonce -> Nullable<Text>,
        claims -> Nullable<Text>,
        code_challenge -> Nullable<Text>,
        authentication -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
        redeemed_at -> Nullable<BigInt>,
        family_id -> Nullable<Text>,
    }
}

table! {
    families (id) {
        id -> Text,
        client_id -> Text,
        user_id -> Text,
        session_id -> Nullable<Text>,
        scope -> Text,
        resources -> Text,
        offline -> Bool,
        claims -> Nullable<Text>,
        authentication -> Text,
        generation -> BigInt,
        current_hash -> Nullable<Binary>,
        previous_hash -> Nullable<Binary>,
        successor -> Nullable<Binary>,
        rotated_at -> Nullable<BigInt>,
        rotated_from -> Nullable<Text>,
        created_at -> BigInt,
        idle_expires_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revocation -> Nullable<Text>,
    }
}

table! {
    session_clients (session_id, client_id) {
        session_id -> Text,
        client_id -> Text,
    }
}

table! {
    logout_deliveries (session_id, client_id) {
        session_id -> Text,
        client_id -> Text,
        user_id -> Text,
        ended_at -> BigInt,
        attempts -> BigInt,
        next_at -> BigInt,
    }
}

table! {
    denials (kind, id) {
        kind -> Text,
        id -> Text,
        seq -> BigInt,
        denied_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        state -> Text,
        public_jwk -> Text,
        sealed_private -> Nullable<Binary>,
        published_at -> BigInt,
        activates_at -> Nullable<BigInt>,
        activated_at -> Nullable<BigInt>,
        retired_at -> Nullable<BigInt>,
        longest_token -> BigInt,
        leaves_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        revoked_reason -> Nullable<Text>,
    }
}

table! {
    assertions (hash) {
        hash -> Binary,
        expires_at -> BigInt,
    }
}

table! {
    throttles (bucket) {
        bucket -> Binary,
        started_at -> BigInt,
        taken -> BigInt,
        blocked_until -> BigInt,
        forget_at -> BigInt,
    }
}

table! {
    versions (name) {
        name -> Text,
        value -> BigInt,
    }
}

table! {
    instance (name) {
        name -> Text,
        value -> Binary,
    }
}

table! {
    setup_links (hash) {
        hash -> Binary,
        expires_at -> BigInt,
    }
}

table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        event -> Text,
        actor -> Text,
        client_id -> Nullable<Text>,
        sub -> Nullable<Text>,
        kid -> Nullable<Text>,
        address -> Nullable<Text>,
        reference -> Nullable<Text>,
        detail -> Text,
    }
}

table! {
    jwks_readers (address, agent) {
        address -> Text,
        agent -> Text,
        first_at -> BigInt,
        last_at -> BigInt,
        fetches -> BigInt,
        etag -> Text,
    }
}

table! {
    key_usage (kid, hour) {
        kid -> Text,
        hour -> BigInt,
        tokens -> BigInt,
    }
}

allow_tables_to_appear_in_same_query!(
    clients,
    registrations,
    users,
    sessions,
    consents,
    session_clients,
    codes,
    families,
    denials,
    signing_keys
);
