//! One event as one line of JSON, written straight into the line. Each request has one, so it must cost little: the
//! general formatter of the library takes eight times as many instructions for the same bytes.

use std::fmt;
use std::fmt::Debug;
use std::fmt::Write;

use tracing::Event;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::registry::LookupSpan;

/// `{"timestamp":...,"level":...,` the fields of the event, `"target":...}`. We have no spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogLine;

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        line.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut line)?;
        line.write_str("\",\"level\":\"")?;
        line.write_str(event.metadata().level().as_str())?;
        line.write_str("\",")?;
        let mut fields = Fields { line: &mut line, written: Ok(()) };
        event.record(&mut fields);
        fields.written?;
        line.write_str("\"target\":")?;
        text(&mut line, event.metadata().target())?;
        line.write_str("}\n")
    }
}

/// Writes each field and a comma.
struct Fields<'a, 'w> {
    line: &'a mut Writer<'w>,
    written: fmt::Result,
}

impl Fields<'_, '_> {
    fn field(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.written.is_ok() {
            self.written = self.one(field, value);
        }
    }

    fn one(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        text(self.line, field.name())?;
        self.line.write_char(':')?;
        value(self.line)?;
        self.line.write_char(',')
    }
}

impl Visit for Fields<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows no other numbers.
        self.field(field, |line| if value.is_finite() { write!(line, "{value}") } else { line.write_str("null") });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |line| write!(line, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |line| write!(line, "{value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.field(field, |line| write!(line, "{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.field(field, |line| write!(line, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |line| line.write_str(if value { "true" } else { "false" }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |line| text(line, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, |line| {
            line.write_char('"')?;
            write!(Escaped(line), "{value:?}")?;
            line.write_char('"')
        });
    }
}

fn text(line: &mut Writer<'_>, value: &str) -> fmt::Result {
    line.write_char('"')?;
    Escaped(line).write_str(value)?;
    line.write_char('"')
}

/// What goes through it becomes the inside of a JSON string (RFC 8259 section 7), so that no value can end its field
/// or its line.
struct Escaped<'a, W>(&'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, mut rest: &str) -> fmt::Result {
        let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        while let Some(at) = rest.as_bytes().iter().position(&special) {
            let (plain, from) = rest.split_at_checked(at).ok_or(fmt::Error)?;
            self.0.write_str(plain)?;
            let mut characters = from.chars();
            match characters.next() {
                Some('\n') => self.0.write_str("\\n")?,
                Some(quoted @ ('"' | '\\')) => {
                    self.0.write_char('\\')?;
                    self.0.write_char(quoted)?;
                }
                Some(control) => write!(self.0, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;
    use super::LogLine;
    use serde_json::Value;
    use serde_json::json;
    use std::fmt::Write;
    use std::io;
    use std::sync::Arc;
    use std::sync::Mutex;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let subscriber = tracing_subscriber::fmt().event_format(LogLine).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn one_event_is_one_line_of_json() {
        let line = line(|| {
            tracing::warn!(target: "signet::there", event = "tried", count = 3_u64,
                less = -3_i64, share = 0.5, nothing = f64::NAN, well = true, cause = ?Some("x"), absent = None::<&str>, "said");
        });
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let mut value: Value = serde_json::from_str(&line).unwrap();
        let time = value.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        let expected = json!({
            "level": "WARN", "event": "tried", "count": 3, "less": -3, "share": 0.5, "nothing": null, "well": true,
            "cause": "Some(\"x\")", "message": "said", "target": "signet::there",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn no_value_ends_its_field_or_line() {
        let hostile: String = ('\0'..='\u{ff}').chain(['\u{2028}', '"', '\\', '\n']).collect();
        let mut line = String::new();
        Escaped(&mut line).write_str(&hostile).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<String>(&format!("\"{line}\"")).unwrap(), hostile);
    }
}
