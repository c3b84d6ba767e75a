//! Cookies: RFC 6265 section 4.2, and what a neighbour on a sibling domain can plant.

use std::time::Duration;

use actix_web::http::header::COOKIE;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;
use signet::http::cookie::Cookie;
use signet::http::cookie::Cookies;
use signet::http::cookie::Slot;

const ALL: [Cookie; 11] = [
    Cookie::Session,
    Cookie::Browser,
    Cookie::Device,
    Cookie::State,
    Cookie::Gateway,
    Cookie::Locale,
    Cookie::Playground,
    Cookie::Refresh(Slot::First),
    Cookie::Refresh(Slot::Second),
    Cookie::Refresh(Slot::Third),
    Cookie::Refresh(Slot::Fourth),
];

/// Each line is a `Cookie` header as it was sent.
pub fn run(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let Some(headers) = headers(&lines) else { return };
    for issuer in ["https://id.example.test", "http://localhost:8080"] {
        let cookies = Cookies::of_issuer(issuer);
        for cookie in ALL {
            let name = cookies.name(cookie);
            let value = cookies.read(&headers, cookie);
            assert_eq!(value, plainly(&lines, name.as_bytes()), "{name}");
            if let Some(value) = value {
                written(cookies, cookie, &value);
                neighbours(cookies, cookie, &lines, &value);
            }
        }
    }
}

fn headers(lines: &[&[u8]]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// SE-02, SE-03: the one value of exactly this name, if it is one that we write.
fn plainly(lines: &[&[u8]], name: &[u8]) -> Option<String> {
    let all = lines.join(&b';');
    let pairs: Vec<&[u8]> = all.split(|byte| *byte == b';').collect();
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let trim = |bytes: &[u8]| -> Vec<u8> {
        let start = bytes.iter().position(|byte| !space(byte)).unwrap_or(bytes.len());
        let end = bytes.iter().rposition(|byte| !space(byte)).map_or(start, |last| last + 1);
        bytes.get(start..end).unwrap_or_default().to_vec()
    };
    let mut values = Vec::new();
    for pair in pairs {
        if let Some(at) = pair.iter().position(|byte| *byte == b'=') {
            let (key, value) = pair.split_at(at);
            if trim(key) == name {
                values.push(trim(value.get(1..).unwrap_or_default()));
            }
        }
    }
    let [value] = values.as_slice() else { return None };
    let ours = |letter: char| letter.is_ascii_alphanumeric() || "_-.~".contains(letter);
    let text = std::str::from_utf8(value).ok()?;
    ((1..=512).contains(&text.len()) && text.chars().all(ours)).then(|| text.to_owned())
}

/// What is written is read again, and has the attributes that its prefix promises.
fn written(cookies: Cookies, cookie: Cookie, value: &str) {
    let text = cookies.write(cookie, value, Some(Duration::from_mins(1)));
    let (pair, attributes) = text.split_once("; ").expect("attributes");
    let headers = headers(&[pair.as_bytes()]).expect("a header");
    assert_eq!(cookies.read(&headers, cookie).as_deref(), Some(value));
    let host = pair.starts_with("__Host-");
    assert!(!host || attributes.contains("Path=/;") && attributes.contains("Secure") && !attributes.contains("Domain"));
}

/// SE-04: what stands beside it changes nothing.
fn neighbours(cookies: Cookies, cookie: Cookie, lines: &[&[u8]], value: &str) {
    let mut more = vec![&b"\xff=\xfe; %5F=x; ="[..]];
    more.extend(lines);
    assert_eq!(cookies.read(&headers(&more).expect("headers"), cookie).as_deref(), Some(value));
    let name = cookies.name(cookie);
    let again = format!("{name}=planted");
    more.push(again.as_bytes());
    assert_eq!(cookies.read(&headers(&more).expect("headers"), cookie), None);
}
