//! Lines of CSV (RFC 4180).

use csv::{QuoteStyle, Terminator, WriterBuilder};

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// One record. What a spreadsheet would take for a formula gets a quote in front (IN-07).
pub fn csv_line<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let guarded = fields.into_iter().map(|field| {
        let guard = if field.starts_with(FORMULA_STARTS) { "'" } else { "" };
        format!("{guard}{field}")
    });
    let mut line =
        WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    // Nothing fails that only writes into memory.
    let _ = line.write_record(guarded.map(String::into_bytes));
    String::from_utf8(line.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// The text of a field without the quote that [`csv_line`] put in front.
pub fn without_guard(field: &str) -> &str {
    field.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA_STARTS)).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_07_nothing_in_a_csv_file_is_a_formula_or_breaks_out_of_its_field() {
        let line = csv_line(["=1+1", "+1", "-1", "@x", "\tx", "a \"b\"\r\nc", "plain, text"]);
        assert_eq!(line, "\"'=1+1\",\"'+1\",\"'-1\",\"'@x\",\"'\tx\",\"a \"\"b\"\"\r\nc\",\"plain, text\"\r\n");
    }

    #[test]
    fn what_was_guarded_is_read_as_it_was() {
        assert_eq!((without_guard("'=1+1"), without_guard("'tis"), without_guard("x")), ("=1+1", "'tis", "x"));
    }
}
