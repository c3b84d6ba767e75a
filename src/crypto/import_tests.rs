//! KY-02 and what else people hand over instead of a private key.

use openssl::bn::BigNumContext;
use openssl::bn::BigNumRef;
use openssl::ec::EcPoint;
use openssl::symm::Cipher;
use serde_json::json;

use super::*;
use crate::crypto::Signer;
use crate::crypto::Verifier;
use crate::crypto::json::JsonError;

const EC_PKCS8: &str = "PRIVATE KEY";

fn text(pem: Result<Vec<u8>, openssl::error::ErrorStack>) -> String {
    String::from_utf8(pem.unwrap()).unwrap()
}

fn p256() -> EcKey<Private> {
    EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap()
}

fn refusal(text: &str, algorithm: Algorithm) -> ImportError {
    read(text, algorithm).err().unwrap()
}

/// What comes in must sign, and its public half must verify that.
fn assert_works(text: &str, algorithm: Algorithm) -> ImportedKey {
    let key = read(text, algorithm).unwrap();
    let kid = KeyId::new("k1").unwrap();
    let signer = Signer::from_pkcs8(algorithm, &kid, &key.private_pkcs8).unwrap();
    let verifier = Verifier::from_jwk(&key.public_jwk(&kid).unwrap()).unwrap();
    verifier.verify(&signer.sign("JWT", &json!({"sub": "ada"})).unwrap()).unwrap();
    key
}

fn rsa_jwk(key: &Rsa<Private>) -> Value {
    let number = |number: &BigNumRef| encode(&number.to_vec());
    json!({
        "kty": "RSA",
        "n": number(key.n()),
        "e": number(key.e()),
        "d": number(key.d()),
        "p": number(key.p().unwrap()),
        "q": number(key.q().unwrap()),
        "dp": number(key.dmp1().unwrap()),
        "dq": number(key.dmq1().unwrap()),
        "qi": number(key.iqmp().unwrap()),
    })
}

fn ec_jwk(key: &EcKey<Private>) -> Value {
    let mut context = BigNumContext::new().unwrap();
    let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).unwrap();
    let full = |number: &BigNumRef| encode(&number.to_vec_padded(32).unwrap());
    json!({"kty": "EC", "crv": "P-256", "x": full(&x), "y": full(&y), "d": full(key.private_key())})
}

/// An RSA key of two given primes.
fn rsa_of(p: &BigNumRef, q: &BigNumRef, e: u32) -> Rsa<Private> {
    let mut context = BigNumContext::new().unwrap();
    let one = BigNum::from_u32(1).unwrap();
    let e = BigNum::from_u32(e).unwrap();
    let (p1, q1) = (p - &one, q - &one);
    let (mut d, mut dp, mut dq, mut qi) =
        (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap());
    d.mod_inverse(&e, &(&p1 * &q1), &mut context).unwrap();
    dp.nnmod(&d, &p1, &mut context).unwrap();
    dq.nnmod(&d, &q1, &mut context).unwrap();
    qi.mod_inverse(q, p, &mut context).unwrap();
    let (p, q) = (p.to_owned().unwrap(), q.to_owned().unwrap());
    Rsa::from_private_components(&p * &q, e, d, p, q, dp, dq, qi).unwrap()
}

fn prime(bits: i32) -> BigNum {
    let mut prime = BigNum::new().unwrap();
    prime.generate_prime(bits, false, None, None).unwrap();
    prime
}

fn next_prime(after: &BigNumRef, step: &BigNumRef) -> BigNum {
    let mut context = BigNumContext::new().unwrap();
    let e = BigNum::from_u32(65_537).unwrap();
    let one = BigNum::from_u32(1).unwrap();
    let mut candidate = after + step;
    loop {
        // Must be a prime that 65537 does not meet again in.
        let meets = &(&candidate - &one) % &e;
        if candidate.is_prime_fasttest(20, &mut context, true).unwrap() && meets.num_bits() != 0 {
            return candidate;
        }
        candidate = &candidate + step;
    }
}

#[test]
fn every_form_of_a_good_key() {
    let rsa = Rsa::generate(2048).unwrap();
    let pkey = PKey::from_rsa(rsa.clone()).unwrap();
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        assert_works(&text(pkey.private_key_to_pem_pkcs8()), algorithm);
        assert_works(&text(rsa.private_key_to_pem()), algorithm);
        assert_works(&rsa_jwk(&rsa).to_string(), algorithm);
    }
    let ec = p256();
    let pkey = PKey::from_ec_key(ec.clone()).unwrap();
    let sec1 = text(ec.private_key_to_pem());
    assert_works(&text(pkey.private_key_to_pem_pkcs8()), Algorithm::Es256);
    assert_works(&sec1, Algorithm::Es256);
    // As `openssl ecparam -genkey` writes it, with Windows' line ends and a remark.
    let genkey =
        format!("a remark\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{sec1}");
    assert_works(&genkey.replace('\n', "\r\n"), Algorithm::Es256);
    let jwk = assert_works(&ec_jwk(&ec).to_string(), Algorithm::Es256);
    assert_eq!(jwk.kid, None);

    let ed = PKey::generate_ed25519().unwrap();
    assert_works(&text(ed.private_key_to_pem_pkcs8()), Algorithm::EdDsa);
    // RFC 8037 appendix A.1.
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"old-1","use":"sig","alg":"EdDSA","key_ops":["sign"]}"#;
    let key = assert_works(jwk, Algorithm::EdDsa);
    assert_eq!(key.kid.as_ref().unwrap().as_str(), "old-1");
    assert!(!format!("{key:?}").contains("nWGx"));
    let public: Value = serde_json::from_str(&key.public_jwk(&KeyId::new("old-1").unwrap()).unwrap()).unwrap();
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    assert_eq!(public, json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "old-1", "use": "sig", "alg": "EdDSA"}));
}

#[test]
fn a_weak_rsa_key_of_1024_bits() {
    let rsa = Rsa::generate(1024).unwrap();
    for text in [text(rsa.private_key_to_pem()), rsa_jwk(&rsa).to_string()] {
        assert_eq!(refusal(&text, Algorithm::Rs256), ImportError::Weak(Weakness::Size(1024)));
    }
    assert!(refusal(&text(rsa.private_key_to_pem()), Algorithm::Ps256).to_string().contains("2048"));
}

#[test]
fn ky_02_exponent_3() {
    let rsa = Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap();
    assert_eq!(refusal(&text(rsa.private_key_to_pem()), Algorithm::Rs256), ImportError::Weak(Weakness::Exponent));
}

#[test]
fn ky_02_a_modulus_with_a_small_factor() {
    let large = prime(2044);
    let small = |value| BigNum::from_u32(value).unwrap();
    for (factor, found) in [(13, 13), (16_381, 16_381)] {
        let mut n = &small(factor) * &large;
        while n.num_bits() % 8 != 0 {
            n = &n * &small(16_411);
        }
        let wanted = Err(Weakness::SmallFactor(found));
        assert_eq!(quality::rsa_public(&n.to_vec(), &[1, 0, 1]), wanted, "{} bits", n.num_bits());
    }
    let mut even = prime(2048);
    even.clear_bit(0).unwrap();
    assert_eq!(quality::rsa_public(&even.to_vec(), &[1, 0, 1]), Err(Weakness::SmallFactor(2)));
}

#[test]
fn ky_02_close_primes() {
    let two = BigNum::from_u32(2).unwrap();
    let mut p = prime(1024);
    p.set_bit(1022).unwrap();
    let p = next_prime(&p, &two);
    let q = next_prime(&p, &two);
    let rsa = rsa_of(&q, &p, 65_537);
    // Visible from the public half alone.
    assert_eq!(quality::rsa_public(&rsa.n().to_vec(), &rsa.e().to_vec()), Err(Weakness::ClosePrimes));
    assert_eq!(refusal(&rsa_jwk(&rsa).to_string(), Algorithm::Rs256), ImportError::Weak(Weakness::ClosePrimes));

    // Too far for 100 rounds of Fermat, still too close for FIPS 186-5.
    let mut far = BigNum::new().unwrap();
    far.set_bit(800).unwrap();
    let q = next_prime(&(&p + &far), &two);
    let rsa = rsa_of(&q, &p, 65_537);
    assert_eq!(quality::rsa_public(&rsa.n().to_vec(), &rsa.e().to_vec()), Ok(()));
    assert_eq!(refusal(&rsa_jwk(&rsa).to_string(), Algorithm::Rs256), ImportError::Weak(Weakness::ClosePrimes));
}

#[test]
fn ky_02_roca() {
    let mut context = BigNumContext::new().unwrap();
    let mut primorial = BigNum::from_u32(1).unwrap();
    for prime in (2_u32..702).filter(|number| (2..*number).all(|divisor| number % divisor != 0)) {
        primorial = &primorial * &BigNum::from_u32(prime).unwrap();
    }
    let generator = BigNum::from_u32(65_537).unwrap();
    // k * M + (65537^a mod M): the primes of the faulty chips.
    let mut chip_prime = |a: u32, top: i32| {
        let mut power = BigNum::new().unwrap();
        power.mod_exp(&generator, &BigNum::from_u32(a).unwrap(), &primorial, &mut context).unwrap();
        let mut start = BigNum::new().unwrap();
        start.set_bit(1023).unwrap();
        start.set_bit(1022).unwrap();
        start.set_bit(top).unwrap();
        let multiple = &(&start / &primorial) * &primorial;
        next_prime(&(&multiple + &power), &primorial)
    };
    let rsa = rsa_of(&chip_prime(4711, 1020), &chip_prime(815, 1019), 65_537);
    assert_eq!(rsa.n().num_bits(), 2048);
    assert_eq!(refusal(&text(rsa.private_key_to_pem()), Algorithm::Rs256), ImportError::Weak(Weakness::Roca));
}

#[test]
fn ky_02_numbers_that_do_not_belong_together() {
    let one = rsa_jwk(&Rsa::generate(2048).unwrap());
    let other = rsa_jwk(&Rsa::generate(2048).unwrap());
    for name in ["n", "d", "p", "q", "dp", "dq", "qi"] {
        let mut mixed = one.clone();
        mixed[name] = other[name].clone();
        let fault = refusal(&mixed.to_string(), Algorithm::Rs256);
        assert_eq!(fault, ImportError::Weak(Weakness::Inconsistent), "{name}");
    }
    let (one, other) = (ec_jwk(&p256()), ec_jwk(&p256()));
    for name in ["x", "y", "d"] {
        let mut mixed = one.clone();
        mixed[name] = other[name].clone();
        assert_eq!(refusal(&mixed.to_string(), Algorithm::Es256), ImportError::Weak(Weakness::OffCurve), "{name}");
    }
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"}"#;
    assert!(read(jwk, Algorithm::EdDsa).is_err());
}

#[test]
fn ky_02_ec_off_the_curve() {
    let mut jwk = ec_jwk(&p256());
    jwk["y"] = json!(encode(&[1; 32]));
    assert_eq!(refusal(&jwk.to_string(), Algorithm::Es256), ImportError::Weak(Weakness::OffCurve));
    // In PEM: a public point that is on the curve, but is not the one of the private number.
    let (one, other) = (p256(), p256());
    let stranger = EcPoint::from_bytes(
        one.group(),
        &other
            .public_key()
            .to_bytes(other.group(), openssl::ec::PointConversionForm::UNCOMPRESSED, &mut BigNumContext::new().unwrap())
            .unwrap(),
        &mut BigNumContext::new().unwrap(),
    )
    .unwrap();
    let mixed = EcKey::from_private_components(one.group(), one.private_key(), &stranger).unwrap();
    let pem = text(mixed.private_key_to_pem());
    assert_eq!(refusal(&pem, Algorithm::Es256), ImportError::Weak(Weakness::OffCurve));
}

#[test]
fn the_type_must_fit_the_algorithm() {
    let rsa = text(Rsa::generate(2048).unwrap().private_key_to_pem());
    let ec = text(PKey::from_ec_key(p256()).unwrap().private_key_to_pem_pkcs8());
    assert!(ec.contains(EC_PKCS8));
    let ed = text(PKey::generate_ed25519().unwrap().private_key_to_pem_pkcs8());
    let ed448 = text(PKey::generate_ed448().unwrap().private_key_to_pem_pkcs8());
    let p384 = EcKey::generate(&EcGroup::from_curve_name(Nid::SECP384R1).unwrap()).unwrap();
    let p384 = text(p384.private_key_to_pem());
    for (text, algorithm, found) in [
        (&rsa, Algorithm::Es256, "an RSA key"),
        (&rsa, Algorithm::EdDsa, "an RSA key"),
        (&ec, Algorithm::Rs256, "an EC key on P-256"),
        (&ec, Algorithm::Ps256, "an EC key on P-256"),
        (&ec, Algorithm::EdDsa, "an EC key on P-256"),
        (&ed, Algorithm::Es256, "an Ed25519 key"),
        (&ed448, Algorithm::EdDsa, "an Ed448 key"),
        (&p384, Algorithm::Es256, "an EC key on P-384"),
    ] {
        let wanted = wanted(algorithm);
        assert_eq!(refusal(text, algorithm), ImportError::KeyType { algorithm, wanted, found });
    }
}

#[test]
fn an_unknown_algorithm_in_the_jwk() {
    let mut jwk = ec_jwk(&p256());
    for alg in [json!("HS256"), json!("none"), json!("ES384"), json!(null), json!(1)] {
        jwk["alg"] = alg;
        assert_eq!(refusal(&jwk.to_string(), Algorithm::Es256), ImportError::OtherAlgorithm(Algorithm::Es256));
    }
}

#[test]
fn a_wrong_kid_in_the_jwk() {
    let mut jwk = ec_jwk(&p256());
    for kid in ["", "../x", "a/b", "a b", "a\"b", "-rf", ".hidden", "\u{e9}", "a\nb", &"x".repeat(65)] {
        jwk["kid"] = json!(kid);
        assert_eq!(refusal(&jwk.to_string(), Algorithm::Es256), ImportError::KeyName, "{kid}");
    }
    jwk["kid"] = json!(1);
    assert_eq!(refusal(&jwk.to_string(), Algorithm::Es256), ImportError::KeyName);
}

#[test]
fn truncated_and_damaged_texts() {
    let pem = text(PKey::from_ec_key(p256()).unwrap().private_key_to_pem_pkcs8());
    for length in 1..pem.trim_end().len() {
        let fault = refusal(pem.get(..length).unwrap(), Algorithm::Es256);
        assert!(matches!(fault, ImportError::Damaged | ImportError::Unrecognised), "{length}: {fault}");
    }
    let jwk = ec_jwk(&p256()).to_string();
    for length in 1..jwk.len() {
        assert_eq!(
            refusal(jwk.get(..length).unwrap(), Algorithm::Es256),
            ImportError::Json(JsonError::Syntax),
            "{length}"
        );
    }
    assert_eq!(refusal(&pem.replace('M', "!"), Algorithm::Es256), ImportError::Damaged);
    // A byte after the key.
    let longer = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::engine::general_purpose::STANDARD
            .encode([&PKey::from_ec_key(p256()).unwrap().private_key_to_pkcs8().unwrap()[..], &[0]].concat())
    );
    assert_eq!(refusal(&longer, Algorithm::Es256), ImportError::Damaged);
}

#[test]
fn other_things_than_one_private_key() {
    let ec = p256();
    let pkey = PKey::from_ec_key(ec.clone()).unwrap();
    let pem = text(pkey.private_key_to_pem_pkcs8());
    let locked = text(pkey.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret"));
    let old_lock = text(ec.private_key_to_pem_passphrase(Cipher::aes_256_cbc(), b"secret"));
    let jwk = ec_jwk(&ec);
    let mut public = jwk.clone();
    public.as_object_mut().unwrap().remove("d");
    let change = |name: &str, value: Value| {
        let mut changed = jwk.clone();
        changed[name] = value;
        changed.to_string()
    };
    let cases = [
        (String::new(), ImportError::Unrecognised),
        ("hello".to_owned(), ImportError::Unrecognised),
        ("a".repeat(MAX_LENGTH + 1), ImportError::TooLong),
        (format!("{pem}{pem}"), ImportError::Several),
        (json!({"keys": [jwk]}).to_string(), ImportError::Several),
        (locked, ImportError::Encrypted),
        (old_lock, ImportError::Encrypted),
        (text(pkey.public_key_to_pem()), ImportError::NotPrivate("public key")),
        (public.to_string(), ImportError::NotPrivate("public JWK")),
        (pem.replace("PRIVATE KEY", "CERTIFICATE"), ImportError::NotPrivate("certificate")),
        (pem.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"), ImportError::Unrecognised),
        (change("kty", json!("oct")), ImportError::Member("kty")),
        (change("use", json!("enc")), ImportError::Member("use")),
        (change("key_ops", json!(["verify"])), ImportError::Member("key_ops")),
        (change("d", json!("!")), ImportError::Member("d")),
        (change("d", json!(encode(&[1; 31]))), ImportError::Member("d")),
        (change("d", json!(encode(&[0; 32]))), ImportError::Weak(Weakness::OffCurve)),
        (change("d", json!(encode(&[0xff; 32]))), ImportError::Weak(Weakness::OffCurve)),
        (r#"{"kty":"EC","kty":"RSA"}"#.to_owned(), ImportError::Json(JsonError::Duplicate)),
    ];
    for (text, fault) in cases {
        assert_eq!(refusal(&text, Algorithm::Es256), fault);
    }
    let mut rsa = rsa_jwk(&Rsa::generate(2048).unwrap());
    rsa["oth"] = json!([]);
    assert_eq!(refusal(&rsa.to_string(), Algorithm::Rs256), ImportError::Member("oth"));
    rsa.as_object_mut().unwrap().retain(|name, _| !["oth", "p"].contains(&name.as_str()));
    assert_eq!(refusal(&rsa.to_string(), Algorithm::Rs256), ImportError::Member("p"));
}
