//! Reads forms out of HTML: a small tolerant scanner, enough for pages that a server renders.

use std::collections::BTreeMap;

/// Attributes of one tag; names in lower case, values unescaped.
type Attributes = BTreeMap<String, String>;

/// A form of a page.
#[derive(Debug)]
pub(crate) struct Form {
    /// As written: relative to the page, or empty for the page itself.
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) inputs: Vec<Attributes>,
    pub(crate) buttons: Vec<Attributes>,
}

impl Form {
    pub(crate) fn button(&self, id: &str) -> Option<&Attributes> {
        self.buttons.iter().find(|button| button.get("id").is_some_and(|known| known == id))
    }

    /// What a browser sends when this button is pressed and nothing was typed.
    pub(crate) fn fields(&self, button: &str) -> BTreeMap<String, String> {
        let kind = |input: &Attributes| input.get("type").cloned().unwrap_or_default().to_ascii_lowercase();
        let sent = self.inputs.iter().filter(|input| match kind(input).as_str() {
            "submit" | "button" | "image" | "reset" => false,
            "checkbox" | "radio" => input.contains_key("checked"),
            _ => true,
        });
        let pressed = self.button(button);
        sent.chain(pressed)
            .filter_map(|tag| Some((tag.get("name")?.clone(), tag.get("value").cloned().unwrap_or_default())))
            .collect()
    }
}

/// The forms of a page, in order.
pub(crate) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for (name, attributes) in tags(html) {
        match (name.as_str(), forms.last_mut()) {
            ("form", _) => {
                let take = |name: &str| attributes.get(name).cloned().unwrap_or_default();
                let method = take("method").to_ascii_lowercase();
                forms.push(Form { action: take("action"), method, inputs: Vec::new(), buttons: Vec::new() });
                open = true;
            }
            ("/form", _) => open = false,
            ("input", Some(form)) if open => form.inputs.push(attributes),
            ("button", Some(form)) if open => form.buttons.push(attributes),
            _ => {}
        }
    }
    forms
}

/// The words of a page without its markup, for messages.
pub(crate) fn words(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap_or((piece, ""));
        if !tag.starts_with("style") && !tag.starts_with("script") {
            text.push_str(after);
            text.push(' ');
        }
    }
    unescape(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The tags of a page: name (`/form` for an end tag) and attributes.
fn tags(html: &str) -> Vec<(String, Attributes)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
        let (attributes, after) = attributes(&after[name.len()..]);
        found.push((name.to_ascii_lowercase(), attributes));
        rest = after;
    }
    found
}

/// Reads attributes up to the end of a tag; gives what follows it.
fn attributes(mut rest: &str) -> (Attributes, &str) {
    let mut found = Attributes::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end.max(1).min(rest.len()));
        let (value, after) = match after.trim_start().strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(value) => match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
                _ => value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len())),
            },
        };
        found.entry(name.to_ascii_lowercase()).or_insert_with(|| unescape(value));
        rest = after;
    }
}

fn unescape(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#x2F;", "/")];
    named.iter().fold(text.to_owned(), |text, (name, plain)| text.replace(name, plain)).replace("&amp;", "&")
}

#[test]
fn a_form_is_read_as_a_browser_reads_it() {
    let page = r#"<p>a < b</p><form method=POST action="/login?a=1&amp;b=2"><input type="hidden" name="csrf" value="x&quot;y">
        <input name=username value='ada'><input type=checkbox name=keep><button id="login-submit" name="do" value="in">Go</button>
        </form><button id="elsewhere">no</button>"#;
    let forms = forms(page);
    let [form] = forms.as_slice() else { panic!("one form, not {forms:?}") };
    assert_eq!((form.action.as_str(), form.method.as_str()), ("/login?a=1&b=2", "post"));
    assert!(form.button("elsewhere").is_none());
    let fields: Vec<(String, String)> = form.fields("login-submit").into_iter().collect();
    let expected = [("csrf", "x\"y"), ("do", "in"), ("username", "ada")];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(words("<style>p{}</style><p>Tom &amp; <b>Ada</b></p>"), "Tom & Ada");
}
