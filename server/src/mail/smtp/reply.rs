//! Parses the replies of a mail server (RFC 5321, 4.2). Only the code decides: servers send the bare code, text in any encoding, lines that
//! belong to nothing, and replies that break off, and none of that may turn a mail that was accepted into one that was not.

/// How many bytes of one reply are read; then it counts as ended.
pub(super) const MAX_REPLY_BYTES: usize = 64 * 1024;
/// The most lines of a reply whose text is kept.
const MAX_KEPT_LINES: usize = 100;
/// The most characters of a mail server's words that are kept.
const MAX_WORDS_CHARS: usize = 300;

/// What the first digit of a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// 2yz: done.
    Completed,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: never.
    Permanent,
    /// 1yz, and what is no code of SMTP.
    Unknown,
}

/// A reply: its code, and the text of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

impl Reply {
    /// What the code says.
    pub fn class(&self) -> Class {
        match self.code / 100 {
            2 => Class::Completed,
            3 => Class::Intermediate,
            4 => Class::Transient,
            5 => Class::Permanent,
            _ => Class::Unknown,
        }
    }

    /// The server's words with their code, fit to be stored and shown. An enhanced code (RFC 2034) stands on every line, and is said once.
    pub fn words(&self) -> String {
        let mut words = self.code.to_string();
        let enhanced = self.lines.first().and_then(|line| line.split_whitespace().next()).filter(|word| {
            word.split('.').count() == 3 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        });
        for (n, line) in self.lines.iter().enumerate() {
            let again = enhanced.filter(|_| n > 0).and_then(|code| line.strip_prefix(code));
            words.push(' ');
            words.push_str(again.unwrap_or(line));
        }
        clean(&words)
    }
}

/// Puts a reply together, line by line.
#[derive(Debug, Default)]
pub(super) struct Parser {
    code: Option<u16>,
    lines: Vec<String>,
    /// The first words that came without any code.
    stray: Option<String>,
}

impl Parser {
    /// Takes the next line, without its end; `true` if it is the reply's last. A line without a code is text of the reply, if one has
    /// begun, and is passed over otherwise.
    pub fn line(&mut self, line: &[u8]) -> bool {
        let Some((code, more, text)) = split(line) else {
            let text = decode(line);
            if self.code.is_some() {
                self.keep(text);
            } else if self.stray.is_none() && !text.trim().is_empty() {
                self.stray = Some(text);
            }
            return false;
        };
        self.code = Some(code);
        self.keep(decode(text));
        !more
    }

    fn keep(&mut self, text: String) {
        if self.lines.len() < MAX_KEPT_LINES {
            self.lines.push(text);
        }
    }

    /// The reply, if there was a code; else the first words that came instead.
    pub fn into_reply(self) -> Result<Reply, Option<String>> {
        match self.code {
            Some(code) => Ok(Reply { code, lines: self.lines }),
            None => Err(self.stray),
        }
    }
}

/// Code, whether another line follows, and text. After the three digits comes a hyphen, a blank, something else or nothing.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match rest.split_first() {
        Some((b'-', text)) => Some((code, true, text)),
        Some((b' ', text)) => Some((code, false, text)),
        Some(_) | None => Some((code, false, rest)),
    }
}

/// Text of a mail server: UTF-8, or else, as old servers have it, one character a byte.
fn decode(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().copied().map(char::from).collect(),
    }
}

/// Words from outside, made fit to be stored and shown: one line, not too long, nothing that steers a screen or that nobody sees, and no
/// link of ours, which the mail server may quote from the mail: it is its recipient's alone (R12).
pub(super) fn clean(words: &str) -> String {
    let words: String =
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_invisible(*c)).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    without_tokens(&words).chars().take(MAX_WORDS_CHARS).collect()
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// The same without what follows the path of an invitation's link.
fn without_tokens(words: &str) -> String {
    const LINK: &str = "/i/";
    let mut parts = words.split(LINK);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(LINK);
        kept.push('…');
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=')));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reply in these lines, and whether the last of them ended it.
    fn reply(lines: &[&[u8]]) -> (Result<Reply, Option<String>>, bool) {
        let mut parser = Parser::default();
        let mut ended = false;
        for line in lines {
            assert!(!ended, "it had ended before");
            ended = parser.line(line);
        }
        (parser.into_reply(), ended)
    }

    #[test]
    fn f4_the_code_alone_decides_whatever_stands_behind_it() {
        for line in [&b"250"[..], b"250 ", b"250 taken", b"250\ttaken", b"250 \xff\xfe\0", b"250.", b"250\x00"] {
            let (reply, ended) = reply(&[line]);
            assert!(ended, "{line:?}");
            let reply = reply.unwrap();
            assert_eq!((reply.code, reply.class()), (250, Class::Completed), "{line:?}");
        }
    }

    #[test]
    fn f4_a_reply_of_several_lines_ends_with_the_line_that_says_so() {
        let (several, ended) = reply(&[b"250-one", b"250-", b" indented", b"", b"no code", b"250 end"]);
        assert!(ended);
        assert_eq!(several.unwrap().words(), "250 one indented no code end");
        let (unfinished, ended) = reply(&[b"550-5.1.1 no", b"550-such user"]);
        assert!(!ended);
        assert_eq!(unfinished.unwrap().words(), "550 5.1.1 no such user");
        let (bare, ended) = reply(&[b"250-", b"250"]);
        assert_eq!((bare.unwrap().words().as_str(), ended), ("250", true));
    }

    #[test]
    fn f4_what_has_no_code_is_no_reply() {
        for line in [&b""[..], b"2", b"25", b"2500 many", b"HTTP/1.1 400 Bad Request", b"  250 late", b"\xff\xff\xff"] {
            let (reply, ended) = reply(&[line]);
            assert!(reply.is_err() && !ended, "{line:?}");
        }
        assert_eq!(reply(&[b"", b"HTTP/1.1 400", b"x"]).0, Err(Some("HTTP/1.1 400".to_owned())));
        let (after, ended) = reply(&[b"", b"stray", b"220 mail"]);
        assert_eq!((after.unwrap().code, ended), (220, true));
    }

    #[test]
    fn f4_codes_are_read_by_their_first_digit() {
        for (code, class) in [
            (199, Class::Unknown),
            (299, Class::Completed),
            (399, Class::Intermediate),
            (499, Class::Transient),
            (599, Class::Permanent),
            (600, Class::Unknown),
            (0, Class::Unknown),
        ] {
            assert_eq!(Reply { code, lines: Vec::new() }.class(), class, "{code}");
        }
    }

    #[test]
    fn r62_words_of_a_mail_server_are_kept_on_one_line_and_short() {
        assert_eq!(clean("550 5.1.1\r\n no\u{202E} such\u{1b}[31m user\0"), "550 5.1.1 no such [31m user");
        assert_eq!(clean("550 a\u{AD}b\u{E0041}c\u{FE0F}d\u{3164}"), "550 abcd");
        assert_eq!(clean(&"é".repeat(1000)).chars().count(), MAX_WORDS_CHARS);
        let (latin, _) = reply(&[b"550 Empf\xe4nger unbekannt\x9b31m"]);
        assert_eq!(latin.unwrap().words(), "550 Empfänger unbekannt 31m");
    }

    #[test]
    fn r12_a_link_that_a_mail_server_quotes_is_not_shown() {
        let words = clean("554 spam: https://roster.example.org/i/T0ken_-x, and http://h/i/=54oken again");
        assert_eq!(words, "554 spam: https://roster.example.org/i/…, and http://h/i/… again");
    }
}
