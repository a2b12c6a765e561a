//! Names as values of headers.

use std::fmt::Write;

/// A text for the value of a header: printable ASCII as it is, everything else and the percent sign as percent-encoded UTF-8, so that
/// `decodeURIComponent` and its like give the text back. Nothing in it ends a line.
pub fn header_text(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fa_05_names_travel_as_ascii_and_end_no_line() {
        assert_eq!(header_text("Ana Pérez"), "Ana P%C3%A9rez");
        assert_eq!(header_text("100% \r\nRemote-User: root\0"), "100%25 %0D%0ARemote-User: root%00");
        assert_eq!(header_text("\u{7f}"), "%7F");
    }
}
