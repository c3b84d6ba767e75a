//! Texts in several languages (Project Fluent), and which one somebody gets.

use std::fmt;
use std::sync::Arc;

use fluent_bundle::FluentArgs;
use fluent_bundle::FluentResource;
use fluent_bundle::FluentValue;
use fluent_bundle::concurrent::FluentBundle;
use rust_embed::Embed;
use tera::Kwargs;
use tera::Value;

use super::PageError;

/// One of the languages that we have. Made by [`super::Pages::locale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locale(usize);

impl Locale {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// What is known about the languages that somebody reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Preference<'a> {
    /// `ui_locales` of the authorization request, `OpenID` Connect Core section 3.1.2.1: the most wanted one first.
    pub ui_locales: &'a [String],
    /// What they chose here before.
    pub cookie: Option<&'a str>,
    /// The header `Accept-Language`, RFC 9110 section 12.5.4.
    pub accept_language: Option<&'a str>,
}

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/locales/"]
struct Files;

/// Longer headers are read up to here; nobody reads more languages than this.
const MAX_TAGS: usize = 16;
const MAX_TAG: usize = 35;

/// All texts in all languages.
#[derive(Clone)]
pub(super) struct Catalog {
    languages: Arc<[Language]>,
}

struct Language {
    tag: String,
    direction: &'static str,
    bundle: FluentBundle<FluentResource>,
}

impl Catalog {
    /// All languages that have a folder; `default` is for people whose own is not among them.
    pub(super) fn load(default: &str) -> Result<Self, PageError> {
        let mut tags: Vec<String> = Vec::new();
        for path in Files::iter() {
            if let Some((tag, _)) = path.split_once('/')
                && !tags.iter().any(|known| known == tag)
            {
                tags.push(tag.to_owned());
            }
        }
        if !tags.iter().any(|tag| tag == default) {
            let fault = format!("there are no texts; there are {}", tags.join(", "));
            return Err(PageError::Texts { language: default.to_owned(), fault });
        }
        // The default language is the first one.
        tags.sort_by_key(|tag| (tag != default, tag.clone()));
        let languages = tags.iter().map(|tag| Language::load(tag)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { languages: languages.into() })
    }

    pub(super) fn locales(&self) -> impl Iterator<Item = Locale> + use<> {
        (0..self.languages.len()).map(Locale)
    }

    pub(super) fn tag(&self, locale: Locale) -> &str {
        self.languages.get(locale.0).map_or("en", |language| &language.tag)
    }

    pub(super) fn direction(&self, locale: Locale) -> &'static str {
        self.languages.get(locale.0).map_or("ltr", |language| language.direction)
    }

    /// The function `t(key=..., name=value, ...)` of the templates.
    pub(super) fn text(&self, locale: Locale, arguments: &Kwargs) -> Result<String, String> {
        let key: &str = arguments.must_get("key").map_err(|fault| fault.to_string())?;
        let language = self.languages.get(locale.0).ok_or("no such language")?;
        let mut named = FluentArgs::new();
        for (name, value) in arguments.iter() {
            if let Some(name) = name.as_str().filter(|name| *name != "key") {
                named.set(name.to_owned(), fluent_value(value));
            }
        }
        language.text(key, &named)
    }

    /// Lookup of RFC 4647 section 3.4 through all sources in turn. Tags are only ever compared with those we have:
    /// a bad or unknown one is passed over.
    pub(super) fn negotiate(&self, preference: &Preference<'_>) -> Locale {
        let mut wanted = preference.ui_locales.iter().map(String::as_str).take(MAX_TAGS).chain(preference.cookie);
        let found = wanted.find_map(|tag| self.lookup(tag));
        let accepted = || accept_language(preference.accept_language?).into_iter().find_map(|tag| self.lookup(tag));
        found.or_else(accepted).unwrap_or(Locale(0))
    }

    fn lookup(&self, tag: &str) -> Option<Locale> {
        let mut range = tag.get(..tag.len().min(MAX_TAG))?;
        loop {
            let found = self.languages.iter().position(|language| language.tag.eq_ignore_ascii_case(range));
            if found.is_some() {
                return found.map(Locale);
            }
            range = range.rsplit_once('-')?.0;
        }
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.languages.iter().map(|language| &language.tag)).finish()
    }
}

impl Language {
    fn load(tag: &str) -> Result<Self, PageError> {
        let failed = |fault: String| PageError::Texts { language: tag.to_owned(), fault };
        let identifier = tag.parse().map_err(|_| failed("the name of the folder is no language tag".to_owned()))?;
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        // Names of applications go into <title> and into tests of exact text; `plain` takes out what could turn the
        // direction of the text around them.
        bundle.set_use_isolating(false);
        let prefix = format!("{tag}/");
        for path in Files::iter().filter(|path| path.starts_with(&prefix)) {
            let Some(file) = Files::get(&path) else { continue };
            let text = String::from_utf8(file.data.into_owned()).map_err(|_| failed(format!("{path} is not UTF-8")))?;
            let resource =
                FluentResource::try_new(text).map_err(|(_, faults)| failed(format!("{path}: {faults:?}")))?;
            bundle.add_resource(resource).map_err(|faults| failed(format!("{path}: {faults:?}")))?;
        }
        let mut language = Self { tag: tag.to_owned(), direction: "ltr", bundle };
        if language.text("direction", &FluentArgs::new()).map_err(failed)? == "rtl" {
            language.direction = "rtl";
        }
        Ok(language)
    }

    fn text(&self, key: &str, arguments: &FluentArgs<'_>) -> Result<String, String> {
        let pattern = self
            .bundle
            .get_message(key)
            .and_then(|message| message.value())
            .ok_or_else(|| format!("there is no text {key} in {}", self.tag))?;
        let mut faults = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(arguments), &mut faults).into_owned();
        if faults.is_empty() { Ok(text) } else { Err(format!("text {key} in {}: {faults:?}", self.tag)) }
    }
}

fn fluent_value(value: &Value) -> FluentValue<'static> {
    if let Some(number) = value.as_i64() {
        return FluentValue::from(number);
    }
    FluentValue::from(plain(value.as_str().unwrap_or_default()))
}

/// Without control characters and without those that turn the direction of the text that follows.
fn plain(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).collect()
}

/// The language ranges of the header, the most wanted first; those with a weight of zero left out.
fn accept_language(header: &str) -> Vec<&str> {
    let mut ranges: Vec<(&str, u16)> = Vec::new();
    for item in header.split(',').take(MAX_TAGS) {
        let mut parts = item.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1000), weight);
        if let Some(weight) = weight.filter(|weight| *weight > 0) {
            ranges.push((tag, weight));
        }
    }
    ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    ranges.into_iter().map(|(tag, _)| tag).collect()
}

/// A weight in thousandths: "qvalue" of RFC 9110 section 12.4.2.
fn weight(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || whole.len() != 1 || !digits(part) || part.len() > 3 {
        return None;
    }
    let thousandths = format!("{part:0<3}").parse::<u16>().ok()?;
    Some(whole.parse::<u16>().ok()?.saturating_mul(1000).saturating_add(thousandths).min(1000))
}

#[cfg(test)]
mod tests {
    use super::Catalog;
    use super::Preference;
    use super::plain;

    fn tag(ui_locales: &[&str], cookie: Option<&str>, accept_language: Option<&str>) -> String {
        let catalog = Catalog::load("en").unwrap();
        let ui_locales: Vec<String> = ui_locales.iter().map(|&tag| tag.to_owned()).collect();
        let locale = catalog.negotiate(&Preference { ui_locales: &ui_locales, cookie, accept_language });
        catalog.tag(locale).to_owned()
    }

    #[test]
    fn languages_by_wish() {
        assert_eq!(tag(&[], None, None), "en");
        assert_eq!(tag(&["xx", "de-CH-1996"], Some("en"), Some("en")), "de");
        assert_eq!(tag(&["../../etc/passwd", "", "-", "de\0"], None, None), "en");
        assert_eq!(tag(&[], Some("DE"), Some("en")), "de");
        assert_eq!(tag(&[], None, Some("fr;q=0.9, de;q=0.8, en;q=0.1")), "de");
        assert_eq!(tag(&[], None, Some("en;q=0.1,de-AT;q=0.95")), "de");
        assert_eq!(tag(&[], None, Some("de;q=0, en")), "en");
        assert_eq!(tag(&[], None, Some("de;q=x,;;,*;q=1,,\u{e4}")), "en");
        assert_eq!(tag(&["\u{e4}".repeat(40).as_str()], None, Some(&"de-".repeat(5000))), "de");
    }

    #[test]
    fn names_cannot_turn_the_text_around_them() {
        assert_eq!(plain("Shop\u{202E}gnp.exe\n\0"), "Shopgnp.exe");
    }
}
