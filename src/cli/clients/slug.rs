//! Ids that are made of names.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// "My shop!" becomes "my-shop", "Café Köln" "cafe-koeln".
pub(super) fn slug(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.to_lowercase().nfc() {
        match letter {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            // Other letters without their accents.
            other => plain.extend(other.nfkd().filter(|part| !is_combining_mark(*part))),
        }
    }
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn an_id_is_made_of_the_name() {
        assert_eq!(slug("My shop!"), "my-shop");
        assert_eq!(slug("  Café 24/7 "), "cafe-24-7");
        assert_eq!(slug("Bücher & Spaß"), "buecher-spass");
        assert_eq!(slug("Bu\u{308}cher"), "buecher");
        assert_eq!(slug("\u{5546}\u{5e97}"), "");
    }
}
