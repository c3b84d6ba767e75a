//! One description for each key: from it come the struct field, the parser, `config/signet.toml`, the JSON schema
//! and `config show`, so that they cannot drift apart.

use serde_json::Value as Json;

/// A table of the file.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    pub about: &'static [&'static str],
    pub keys: &'static [Key],
}

/// A key of the file.
#[derive(Debug)]
pub struct Key {
    /// As in `server.listen`.
    pub path: &'static str,
    pub name: &'static str,
    /// Lines of text, each with a leading space.
    pub doc: &'static [&'static str],
    pub preset: Preset,
    pub secret: bool,
    pub(super) expected: fn() -> String,
    pub(super) schema: fn() -> Json,
    pub(super) allowed: Option<fn() -> String>,
}

/// What a key is when nobody gives it, as TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Default(&'static str),
    /// No value; the text shows how one looks.
    Example(&'static str),
    /// Has to be given; the text shows how one looks.
    Required(&'static str),
}

impl Preset {
    #[must_use]
    pub const fn toml(self) -> &'static str {
        match self {
            Self::Default(toml) | Self::Example(toml) | Self::Required(toml) => toml,
        }
    }
}

impl Key {
    /// The key that names a file with this secret in it. `secrets.master_key_file` is a key of its own, because that
    /// file is made at the first run.
    pub(super) fn companion(&self) -> Option<String> {
        (self.secret && self.path != "secrets.master_key").then(|| format!("{}_file", self.path))
    }

    /// What is allowed: the type, then the bounds.
    pub(super) fn allowed(&self) -> String {
        let expected = (self.expected)();
        match self.allowed {
            Some(allowed) => format!("{expected}, {}", allowed()),
            None => expected,
        }
    }
}

/// Declares a section: `name: Type = Default("toml") [, rule];`
macro_rules! section {
    ($(#[doc = $about:literal])* $name:ident in $section:literal {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty = $kind:ident($toml:literal) $(, $rule:expr)?;)*
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        pub struct $name { $($(#[doc = $doc])* pub $field: $type,)* }

        impl $name {
            pub(super) const SECTION: $crate::config::key::Section = $crate::config::key::Section {
                name: $section,
                about: &[$($about),*],
                keys: &[$($crate::config::key::Key {
                    path: concat!($section, ".", stringify!($field)),
                    name: stringify!($field),
                    doc: &[$($doc),*],
                    preset: $crate::config::key::Preset::$kind($toml),
                    secret: <$type as $crate::config::value::Value>::SECRET,
                    expected: <$type as $crate::config::value::Value>::expected,
                    schema: <$type as $crate::config::value::Value>::schema,
                    allowed: $crate::config::key::allowed!($type $(, $rule)?),
                }),*],
            };

            /// Reads every key, so that every fault is found; nothing when there was one.
            pub(super) fn read(input: &mut $crate::config::input::Input) -> Option<Self> {
                let mut keys = Self::SECTION.keys.iter();
                $(let $field: Option<$type> = input.take(keys.next()?, &[$(&$rule)?]);)*
                Some(Self { $($field: $field?),* })
            }

            /// Every key with its value, secrets masked.
            pub(super) fn show(&self) -> Vec<(&'static str, serde_json::Value)> {
                vec![$((
                    concat!($section, ".", stringify!($field)),
                    $crate::config::value::Value::show(&self.$field),
                )),*]
            }
        }
    };
}
pub(super) use section;

macro_rules! allowed {
    ($type:ty) => {
        None
    };
    ($type:ty, $rule:expr) => {
        Some(|| $crate::config::value::Rule::<$type>::allowed(&$rule))
    };
}
pub(super) use allowed;
