//! What one signature, one verification and one password cost, beside the bare library.

#![expect(clippy::expect_used, reason = "a benchmark stops when its set-up fails")]

use std::hint::black_box;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use josekit::jws::ES256;
use josekit::jws::EdDSA;
use josekit::jws::JwsSigner;
use josekit::jws::PS256;
use josekit::jws::RS256;
use serde::Serialize;
use signet::ambient::OsEntropy;
use signet::crypto::Signer;
use signet::crypto::Verifier;
use signet::crypto::jwk;
use signet::crypto::jws::Unverified;
use signet::crypto::jws::typ;
use signet::crypto::password;
use signet::domain::ids::KeyId;
use signet::domain::key::Algorithm;

/// About as large as an access token of RFC 9068.
#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    sub: &'static str,
    aud: &'static str,
    client_id: &'static str,
    scope: &'static str,
    jti: &'static str,
    iat: i64,
    exp: i64,
}

const CLAIMS: Claims = Claims {
    iss: "https://id.example.test",
    sub: "u_0123456789abcdefghijkl",
    aud: "https://api.example.test",
    client_id: "demo-web",
    scope: "openid profile email",
    jti: "t_0123456789abcdefghijkl",
    iat: 1_795_348_800,
    exp: 1_795_349_400,
};

fn tokens(criterion: &mut Criterion) {
    for algorithm in Algorithm::ALL {
        let kid = KeyId::new("2026-11-22-bench-a").expect("a fixed kid");
        let key = jwk::generate(algorithm, &kid, &OsEntropy).expect("a key");
        let signer = Signer::from_pkcs8(algorithm, &kid, &key.private_pkcs8).expect("a signer");
        let verifier = Verifier::from_jwk(&key.public_jwk).expect("a verifier");
        let bare: Box<dyn JwsSigner> = match algorithm {
            Algorithm::Es256 => Box::new(ES256.signer_from_der(&*key.private_pkcs8).expect("a signer")),
            Algorithm::Rs256 => Box::new(RS256.signer_from_der(&*key.private_pkcs8).expect("a signer")),
            Algorithm::Ps256 => Box::new(PS256.signer_from_der(&*key.private_pkcs8).expect("a signer")),
            Algorithm::EdDsa => Box::new(EdDSA.signer_from_der(&*key.private_pkcs8).expect("a signer")),
        };
        let token = signer.sign(typ::ACCESS_TOKEN, &CLAIMS).expect("a token");
        let signing_input = token.rsplit_once('.').expect("three parts").0.as_bytes().to_vec();

        let mut group = criterion.benchmark_group(algorithm.as_str());
        group.bench_function("sign a token", |b| b.iter(|| signer.sign(typ::ACCESS_TOKEN, black_box(&CLAIMS))));
        group.bench_function("bare josekit signature", |b| b.iter(|| bare.sign(black_box(&signing_input))));
        group.bench_function("verify a token", |b| b.iter(|| verifier.verify(black_box(&token))));
        let read = Unverified::parse(&token).expect("a token");
        if signer.recognises(&read) {
            group.bench_function("recognise a token", |b| b.iter(|| signer.recognises(black_box(&read))));
        }
        group.finish();
    }
}

fn passwords(criterion: &mut Criterion) {
    let params = password::Params::default();
    let kept = password::hash("correct horse battery staple", &params, &OsEntropy).expect("a hash");
    let mut group = criterion.benchmark_group("argon2id");
    group.sample_size(10);
    group.bench_function("verify", |b| b.iter(|| password::verify(&kept, black_box("correct horse battery staple"))));
    group.finish();
}

criterion_group!(benches, tokens, passwords);
criterion_main!(benches);
