//! The pages that people see: templates, their texts in each language, and the policy each page is sent with.
//!
//! ```text
//! templates/*.html ─┐
//! locales/*/*.ftl ──┼─ Pages::load ── render(locale, page) ── Html { body, csp }
//! override folder ──┘
//! ```
//!
//! A page is a struct (`contexts`); its template may use the fields of that struct and nothing else: a variable or a
//! text that does not exist is an error, and a test renders every page in every language.

pub mod assets;
pub mod contexts;
pub mod csp;
pub mod i18n;
pub mod link;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rust_embed::Embed;
use serde::Serialize;
use tera::Context;
use tera::Error as TeraError;
use tera::Kwargs;
use tera::State;
use tera::Tera;

use assets::Asset;
use assets::Assets;
use csp::Csp;
use i18n::Catalog;
use i18n::Locale;
use i18n::Preference;

/// A page that has a template.
pub trait Page: Serialize {
    /// File name of the template.
    const TEMPLATE: &'static str;

    /// What this page may do, beyond showing itself.
    fn csp(&self) -> Csp;
}

/// A rendered page and the `Content-Security-Policy` that it must be sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html {
    pub body: String,
    pub csp: String,
}

/// Why pages cannot be loaded. For the operator; the text names the file.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file} is not a file that a theme may have: templates end in .html and have a built-in namesake")]
    Unknown { file: String },
    #[error("{file} is larger than {} bytes", assets::MAX_BYTES)]
    TooLarge { file: String },
    #[error("templates: {0}")]
    Template(String),
    #[error("texts of the language {language}: {fault}")]
    Texts { language: String, fault: String },
}

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/templates/"]
struct Templates;

/// All pages in all languages, parsed once.
#[derive(Clone)]
pub struct Pages {
    name: Arc<str>,
    catalog: Catalog,
    assets: Arc<Assets>,
    /// One engine for each language, in the order of the catalog; each has its own `t`.
    engines: Arc<[Engine]>,
}

#[derive(Clone)]
struct Engine {
    /// Built-in templates, with those of the override folder in their place.
    themed: Tera,
    /// Built-in templates alone, for the case that a themed one fails on real data.
    built_in: Option<Tera>,
}

impl Pages {
    /// Reads the built-in templates and texts, then those of `templates_override`, file by file.
    ///
    /// `name` is what this provider calls itself on its pages; `default_locale` is the language of people whose own there
    /// are no texts in. An override folder is tried at once with sample data
    /// in every language, so a broken theme is an error at start and not a broken login.
    ///
    /// # Errors
    /// [`PageError`] names the file and the fault.
    pub fn load(templates_override: Option<&Path>, name: &str, default_locale: &str) -> Result<Self, PageError> {
        let catalog = Catalog::load(default_locale)?;
        let assets = Arc::new(Assets::load(templates_override)?);
        let built_in = built_in_templates()?;
        let theme = match templates_override {
            Some(folder) => theme_templates(folder, &built_in)?,
            None => Vec::new(),
        };
        let mut engines = Vec::new();
        for locale in catalog.locales() {
            let plain = engine(&built_in, &[], &catalog, locale, &assets)?;
            engines.push(if theme.is_empty() {
                Engine { themed: plain, built_in: None }
            } else {
                let themed = engine(&built_in, &theme, &catalog, locale, &assets)?;
                Engine { themed, built_in: Some(plain) }
            });
        }
        let pages = Self { name: Arc::from(name), catalog, assets, engines: engines.into() };
        if templates_override.is_some() {
            contexts::each_sample(&mut |sample| pages.check(sample))?;
        }
        Ok(pages)
    }

    /// The language in which to answer somebody.
    #[must_use]
    pub fn locale(&self, preference: &Preference<'_>) -> Locale {
        self.catalog.negotiate(preference)
    }

    /// The BCP 47 tag of a language.
    #[must_use]
    pub fn tag(&self, locale: Locale) -> &str {
        self.catalog.tag(locale)
    }

    /// All languages, the default one first.
    pub fn locales(&self) -> impl Iterator<Item = Locale> {
        self.catalog.locales()
    }

    /// The file behind a path such as `signet.0a1b2c3d.css` (what follows `/assets/`).
    #[must_use]
    pub fn asset(&self, path: &str) -> Option<Asset> {
        self.assets.find(path)
    }

    /// Renders a page. Never fails: a theme that breaks on real data is replaced by the built-in page and logged.
    #[must_use]
    pub fn render<P: Page>(&self, locale: Locale, page: &P) -> Html {
        let csp = page.csp().to_string();
        let body = self.try_render(locale, page).unwrap_or_else(|fault| {
            tracing::error!(template = P::TEMPLATE, %fault, "a page could not be rendered");
            LAST_RESORT.to_owned()
        });
        Html { body, csp }
    }

    fn try_render<P: Page>(&self, locale: Locale, page: &P) -> Result<String, PageError> {
        let context = self.context(locale, page)?;
        let Some(engine) = self.engines.get(locale.index()) else {
            return Err(PageError::Template("no engine for this language".to_owned()));
        };
        let rendered = engine.themed.render(P::TEMPLATE, &context).map_err(|fault| template_error(&fault));
        match (&engine.built_in, rendered) {
            (Some(built_in), Err(fault)) => {
                tracing::error!(template = P::TEMPLATE, %fault, "a template of the theme failed; the built-in one is shown");
                built_in.render(P::TEMPLATE, &context).map_err(|fault| template_error(&fault))
            }
            (_, rendered) => rendered,
        }
    }

    fn check(&self, sample: &dyn contexts::Sample) -> Result<(), PageError> {
        for locale in self.catalog.locales() {
            let mut context = sample.context()?;
            self.complete(locale, &mut context);
            if let Some(engine) = self.engines.get(locale.index()) {
                engine.themed.render(sample.template(), &context).map_err(|fault| template_error(&fault))?;
            }
        }
        Ok(())
    }

    fn context<P: Page>(&self, locale: Locale, page: &P) -> Result<Context, PageError> {
        let mut context = Context::from_serialize(page).map_err(|fault| template_error(&fault))?;
        self.complete(locale, &mut context);
        Ok(context)
    }

    /// What every template may use.
    fn complete(&self, locale: Locale, context: &mut Context) {
        context.insert("brand", &*self.name);
        context.insert("lang", self.catalog.tag(locale));
        context.insert("dir", self.catalog.direction(locale));
        context.insert("theme_css", &self.assets.theme_css());
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("name", &self.name).field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

/// Shown when even a built-in template fails, which a test rules out.
const LAST_RESORT: &str = "<!doctype html><html lang=\"en\"><title>Error</title>\
    <h1 id=\"error-title\">Something went wrong on our side</h1><p>Please try again.</p></html>";

type Source = (String, String);

fn built_in_templates() -> Result<Vec<Source>, PageError> {
    let mut sources = Vec::new();
    for name in Templates::iter().filter(|name| is_template(name)) {
        let Some(file) = Templates::get(&name) else { continue };
        sources.push((name.clone().into_owned(), utf8(&name, file.data.into_owned())?));
    }
    Ok(sources)
}

/// The templates in `folder`. Each replaces the built-in one of the same name; another name is an error, because it
/// would never be used.
fn theme_templates(folder: &Path, built_in: &[Source]) -> Result<Vec<Source>, PageError> {
    let mut sources = Vec::new();
    for (name, bytes) in assets::read_folder(folder)? {
        if !is_template(&name) || !built_in.iter().any(|(known, _)| *known == name) {
            return Err(PageError::Unknown { file: name });
        }
        let text = utf8(&name, bytes)?;
        sources.push((name, text));
    }
    Ok(sources)
}

fn is_template(name: &str) -> bool {
    // Autoescaping goes by this ending, so nothing else is ever a template.
    !name.contains('/') && Path::new(name).extension().is_some_and(|extension| extension == "html")
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, PageError> {
    String::from_utf8(bytes).map_err(|_| PageError::Template(format!("{name} is not UTF-8")))
}

fn engine(
    built_in: &[Source],
    theme: &[Source],
    catalog: &Catalog,
    locale: Locale,
    assets: &Arc<Assets>,
) -> Result<Tera, PageError> {
    let mut tera = Tera::default();
    let texts = catalog.clone();
    tera.register_function("t", move |arguments: Kwargs, _: &State<'_>| {
        texts.text(locale, &arguments).map_err(TeraError::message)
    });
    let files = Arc::clone(assets);
    tera.register_function("asset", move |arguments: Kwargs, _: &State<'_>| {
        let name: &str = arguments.must_get("name")?;
        files.url(name).ok_or_else(|| TeraError::message(format!("there is no asset {name}")))
    });
    let replaced = |name: &str| theme.iter().any(|(own, _)| own == name);
    let sources = built_in.iter().filter(|(name, _)| !replaced(name)).chain(theme);
    tera.add_raw_templates(sources.map(|(name, text)| (name, text))).map_err(|fault| template_error(&fault))?;
    Ok(tera)
}

/// The whole chain of causes: the outermost one names the template, the innermost one the fault.
fn template_error(fault: &TeraError) -> PageError {
    let mut text = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    PageError::Template(text)
}

#[cfg(test)]
mod tests;
