//! Files to be downloaded, and lines of CSV (RFC 4180).

use app::{domain::time::Timestamp, error::AppError};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A file of this name, which browsers store and caches do not.
///
/// # Errors
/// [`AppError::NotFound`] for a name that no header can hold.
pub(super) fn download(body: Body, content_type: &'static str, name: &str) -> Result<Response, AppError> {
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(|_| AppError::NotFound)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A point in time as RFC 3339 has it, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// One record (RFC 4180). What a spreadsheet would take for a formula gets a quote in front (IN-07).
pub(super) fn csv_line<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let guarded = fields.into_iter().map(|field| {
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        format!("{}{field}", if formula { "'" } else { "" })
    });
    let mut line =
        WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    // Nothing fails that only writes into memory.
    let _ = line.write_record(guarded.map(String::into_bytes));
    String::from_utf8(line.into_inner().unwrap_or_default()).unwrap_or_default()
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
    fn moments_are_in_utc() {
        assert_eq!(moment(Timestamp(1_777_885_200_000)), "2026-05-04T09:00:00Z");
    }
}
