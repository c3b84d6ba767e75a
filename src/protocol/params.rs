//! The strict reader of `application/x-www-form-urlencoded` bytes, for queries and bodies alike.
//!
//! Faults are kept with the parameter that has them, so that a bad `scope` can be told to the client while a bad
//! `redirect_uri` cannot. Nothing is repaired: what does not decode to text without control characters is refused.

use std::fmt;

use super::error::OAuthError;

mod known;
mod object;

pub use known::ABOUT_TOKEN;
pub use known::AUTHORIZE;
pub use known::BEARER;
pub use known::END_SESSION;
pub use known::JsonType;
pub use known::Known;
pub use known::TOKEN;
pub use object::BadMember;

/// The longest query and body together that is read, in bytes.
pub const MAX_TOTAL: usize = 128 * 1024;
/// The longest request object, in bytes, however it comes.
pub const LARGEST_OBJECT: usize = 64 * 1024;
/// The most parameters that are read, known or not.
pub const MAX_COUNT: usize = 200;
/// The longest name of a parameter, in bytes after decoding.
pub const MAX_NAME: usize = 128;
/// The longest value of a parameter that has no limit of its own, in bytes after decoding.
pub const MAX_VALUE: usize = 8192;

/// Parameters as sent. Shows the names that were sent, never their values.
pub struct Params {
    known: &'static [Known],
    sent: Vec<Sent>,
    /// A fault that no known parameter has.
    elsewhere: Option<FaultKind>,
}

struct Sent {
    name: &'static str,
    values: Vec<String>,
    fault: Option<FaultKind>,
}

/// Input that is not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("The request has more than 131072 bytes of parameters")]
    TooLong,
    #[error("The request has more than 200 parameters")]
    TooMany,
}

impl From<Unreadable> for OAuthError {
    fn from(unreadable: Unreadable) -> Self {
        Self::invalid_request(unreadable.to_string())
    }
}

/// What is wrong with one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The name, when it is one that the endpoint understands. Names chosen by the sender are never shown.
    pub name: Option<&'static str>,
    pub kind: FaultKind,
}

/// How a parameter can be wrong before its meaning is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// "Request and response parameters MUST NOT be included more than once" (RFC 6749 section 3.1).
    Repeated,
    /// A `%` without two hexadecimal digits.
    Escape,
    /// Not UTF-8.
    Encoding,
    /// NUL, line breaks and other control characters.
    Control,
    TooLong,
}

impl From<Fault> for OAuthError {
    fn from(fault: Fault) -> Self {
        let what = match fault.kind {
            FaultKind::Repeated => "is sent more than once",
            FaultKind::Escape => "has a percent sign without two hexadecimal digits",
            FaultKind::Encoding => "is not UTF-8",
            FaultKind::Control => "has control characters",
            FaultKind::TooLong => "is too long",
        };
        Self::invalid_request(format!("The parameter {} {what}", fault.name.unwrap_or("(of another name)")))
    }
}

impl Params {
    /// Where a use case is asked for without any parameters.
    #[must_use]
    pub const fn none(known: &'static [Known]) -> Self {
        Self { known, sent: Vec::new(), elsewhere: None }
    }

    /// Reads all `sources` (query, body) as one list of parameters, so that one parameter in both is a repetition.
    ///
    /// # Errors
    /// [`Unreadable`] when there is more of it than anybody needs. All other faults are found by [`Params::get`]
    /// and [`Params::check`].
    pub fn parse(sources: &[&[u8]], known: &'static [Known]) -> Result<Self, Unreadable> {
        if sources.iter().map(|source| source.len()).sum::<usize>() > MAX_TOTAL {
            return Err(Unreadable::TooLong);
        }
        let mut params = Self { known, sent: Vec::new(), elsewhere: None };
        let pairs =
            sources.iter().flat_map(|source| source.split(|byte| *byte == b'&')).filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= MAX_COUNT {
                return Err(Unreadable::TooMany);
            }
            params.take(pair);
        }
        Ok(params)
    }

    /// The value of `name`; absent and empty are the same: "Parameters sent without a value MUST be treated as if
    /// they were omitted from the request" (RFC 6749 section 3.1).
    ///
    /// # Errors
    /// [`Fault`] when it was sent twice or cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Fault> {
        let Some(sent) = self.find(name) else { return Ok(None) };
        match sent.fault {
            Some(kind) => Err(Fault { name: Some(sent.name), kind }),
            None => Ok(sent.values.first().map(String::as_str)),
        }
    }

    /// All values of a parameter that may be repeated, without the empty ones; none when it cannot be read.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let readable = self.find(name).filter(|sent| sent.fault.is_none());
        readable.into_iter().flat_map(|sent| &sent.values).map(String::as_str)
    }

    /// Whether anything at all is wrong.
    ///
    /// # Errors
    /// The first [`Fault`], in the order in which parameters were sent.
    pub fn check(&self) -> Result<(), Fault> {
        let known = self.sent.iter().find_map(|sent| Some(Fault { name: Some(sent.name), kind: sent.fault? }));
        match known.or(self.elsewhere.map(|kind| Fault { name: None, kind })) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn find(&self, name: &str) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.name == name)
    }

    fn take(&mut self, pair: &[u8]) {
        let (name, value) = split_once(pair, b'=');
        let name = match decode(name, MAX_NAME) {
            Ok(name) => name,
            Err(kind) => return self.fault_elsewhere(kind),
        };
        let Some(known) = self.known.iter().find(|known| known.name == name) else {
            // "The authorization server MUST ignore unrecognized request parameters" (RFC 6749 section 3.1), but
            // bytes that are no text are refused wherever they stand.
            if let Err(kind) = decode(value, MAX_VALUE) {
                self.fault_elsewhere(kind);
            }
            return;
        };
        let (value, fault) = match decode(value, known.max) {
            Ok(value) => (Some(value).filter(|value| !value.is_empty()), None),
            Err(kind) => (None, Some(kind)),
        };
        match self.sent.iter_mut().find(|sent| sent.name == known.name) {
            None => self.sent.push(Sent { name: known.name, values: value.into_iter().collect(), fault }),
            Some(sent) if known.repeatable => {
                sent.values.extend(value);
                sent.fault = sent.fault.or(fault);
            }
            Some(sent) => {
                sent.values.clear();
                sent.fault = Some(FaultKind::Repeated);
            }
        }
    }

    fn fault_elsewhere(&mut self, kind: FaultKind) {
        self.elsewhere.get_or_insert(kind);
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.sent.iter().map(|sent| sent.name)).finish()
    }
}

/// Decodes one name or value of a form: strict escapes, `+` is a space, UTF-8, no control characters.
///
/// # Errors
/// The first [`FaultKind`]; never [`FaultKind::Repeated`].
pub fn decode(encoded: &[u8], max: usize) -> Result<String, FaultKind> {
    let mut bytes = Vec::with_capacity(encoded.len().min(max));
    let mut rest = encoded.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (rest.next().and_then(hex), rest.next().and_then(hex));
                high.zip(low).map(|(high, low)| 16 * high + low).ok_or(FaultKind::Escape)?
            }
            other => other,
        });
        if bytes.len() > max {
            return Err(FaultKind::TooLong);
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| FaultKind::Encoding)?;
    if text.chars().any(char::is_control) {
        return Err(FaultKind::Control);
    }
    Ok(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn split_once(pair: &[u8], at: u8) -> (&[u8], &[u8]) {
    match pair.iter().position(|byte| *byte == at).and_then(|index| pair.split_at_checked(index)) {
        Some((name, rest)) => (name, rest.get(1..).unwrap_or_default()),
        None => (pair, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::AUTHORIZE;
    use super::Fault;
    use super::FaultKind;
    use super::MAX_COUNT;
    use super::MAX_TOTAL;
    use super::Params;
    use super::TOKEN;
    use super::Unreadable;

    fn parse(text: &str) -> Params {
        Params::parse(&[text.as_bytes()], AUTHORIZE).unwrap()
    }

    #[test]
    fn ap_01_a_known_parameter_twice() {
        for known in AUTHORIZE.iter().chain(TOKEN).filter(|known| !known.repeatable) {
            let name = known.name;
            for text in [format!("{name}=a&{name}=b"), format!("{name}=a&{name}=a"), format!("{name}=&{name}=a")] {
                let table = if AUTHORIZE.iter().any(|other| other.name == name) { AUTHORIZE } else { TOKEN };
                let params = Params::parse(&[text.as_bytes()], table).unwrap();
                assert_eq!(params.get(name).unwrap_err().kind, FaultKind::Repeated, "{text}");
                assert_eq!(params.check().unwrap_err().name, Some(name));
            }
        }
        let both = Params::parse(&[b"scope=a", b"scope=a"], AUTHORIZE).unwrap();
        assert_eq!(both.get("scope"), Err(Fault { name: Some("scope"), kind: FaultKind::Repeated }));
    }

    #[test]
    fn ap_01_one_bad_parameter_leaves_the_others_readable() {
        let params = parse("scope=a&scope=b&client_id=c1&state=%ff");
        assert_eq!(params.get("client_id"), Ok(Some("c1")));
        assert!(params.get("state").is_err());
    }

    #[test]
    fn ap_02_unknown_parameters_are_ignored() {
        let params = parse("foo=1&foo=2&scope[]=openid&scope.0=x&CLIENT_ID=c");
        assert_eq!(params.check(), Ok(()));
        assert_eq!(params.get("scope"), Ok(None));
        assert_eq!(params.get("client_id"), Ok(None));
    }

    #[test]
    fn ap_03_empty_is_absent() {
        let params = parse("prompt=&max_age&code_challenge=&&nonce=");
        assert_eq!(params.check(), Ok(()));
        assert_eq!(params.get("prompt"), Ok(None));
        assert_eq!(params.get("max_age"), Ok(None));
    }

    #[test]
    fn ap_04_invalid_utf8() {
        for text in ["state=%ff", "state=%c3%28", "state=%80", "foo=%ff", "%ff=1"] {
            assert_eq!(parse(text).check().unwrap_err().kind, FaultKind::Encoding, "{text}");
        }
        let raw = Params::parse(&[b"state=\xff"], AUTHORIZE).unwrap();
        assert_eq!(raw.get("state").unwrap_err().kind, FaultKind::Encoding);
    }

    #[test]
    fn ap_05_control_characters() {
        for text in ["state=%00", "state=a%0d%0aSet-Cookie:x", "nonce=%7f", "nonce=%c2%85", "foo=%00", "a%00=1"] {
            assert_eq!(parse(text).check().unwrap_err().kind, FaultKind::Control, "{text}");
        }
    }

    #[test]
    fn ap_06_escapes_plus_and_semicolon() {
        for text in ["state=%", "state=%z1", "state=%1", "state=%1z", "state=%+1", "a=%", "%=1"] {
            assert_eq!(parse(text).check().unwrap_err().kind, FaultKind::Escape, "{text}");
        }
        assert_eq!(parse("state=a+b%2Bc;nonce=d").get("state"), Ok(Some("a b+c;nonce=d")));
        assert_eq!(parse("state=a=b==").get("state"), Ok(Some("a=b==")));
    }

    #[test]
    fn ap_07_limits() {
        for known in AUTHORIZE.iter().chain(TOKEN) {
            let at = |length: usize| format!("{}={}", known.name, "a".repeat(length));
            let table = if AUTHORIZE.iter().any(|other| other.name == known.name) { AUTHORIZE } else { TOKEN };
            let check = |text: String| Params::parse(&[text.as_bytes()], table).unwrap().check();
            let max = table.iter().find(|other| other.name == known.name).unwrap().max;
            assert_eq!(check(at(max)), Ok(()), "{}", known.name);
            assert_eq!(check(at(max + 1)).unwrap_err().kind, FaultKind::TooLong, "{}", known.name);
        }
        // A request object of 64 KiB is the largest that anybody may send.
        assert_eq!(parse(&format!("request={}", "a".repeat(65_536))).check(), Ok(()));
        let long = format!("{}=1", "n".repeat(129));
        assert_eq!(parse(&long).check().unwrap_err().kind, FaultKind::TooLong);
        let bytes = vec![b'a'; MAX_TOTAL + 1];
        assert_eq!(Params::parse(&[&bytes], AUTHORIZE).unwrap_err(), Unreadable::TooLong);
        assert!(Params::parse(&[&bytes[1..]], AUTHORIZE).is_ok());
        let half = vec![b'a'; MAX_TOTAL / 2 + 1];
        assert_eq!(Params::parse(&[&half, &half], AUTHORIZE).unwrap_err(), Unreadable::TooLong);
        let many = vec!["a=1"; MAX_COUNT + 1].join("&");
        assert_eq!(Params::parse(&[many.as_bytes()], AUTHORIZE).unwrap_err(), Unreadable::TooMany);
    }

    #[test]
    fn sc_05_targets_are_repeatable() {
        let params = Params::parse(&[b"resource=a&resource=b&audience=c&audience=d"], TOKEN).unwrap();
        assert_eq!(params.check(), Ok(()));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(params.all("audience").collect::<Vec<_>>(), ["c", "d"]);
    }

    #[test]
    fn values_do_not_show() {
        assert_eq!(format!("{:?}", parse("state=s3cret")), "{\"state\"}");
    }
}
