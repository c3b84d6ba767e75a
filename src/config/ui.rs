//! How the pages look.

use std::path::PathBuf;

use super::key::section;
use super::value::written;

section! {
    /// How the pages look.
    Ui in "ui" {
        /// Name of this provider on every page.
        name: String = Default(r#""Signet""#);
        /// Language of the pages when neither the application nor the browser asks for one that exists.
        default_locale: Locale = Default(r#""en""#);
        /// Folder whose templates replace those of the same name.
        templates_dir: Option<PathBuf> = Example(r#""templates""#);
    }
}

/// A language tag, RFC 5646 section 2.1, in the form `en` or `zh-Hant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let language = text.split('-').next().unwrap_or("");
        let language = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
        (language && text.len() <= 35 && text.split('-').all(part)).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

written!(Locale: "a language tag such as \"en\" or \"zh-Hant\"", Locale::parse, |own| own.0.clone());
