//! Addresses as people paste them: from a mail program, from a spreadsheet, one in each line.

/// The most addresses that are invited at once.
pub const MAX_ADDRESSES: usize = 50;

/// One of several addresses, as it was pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastedAddress {
    /// What stood there for an address; it need not be one.
    pub typed: String,
    /// The name that stood beside it; empty if there was none.
    pub name: String,
}

/// The addresses in a text: apart by lines, commas, semicolons or blanks, each with its name as in `Ana Example <ana@example.org>` or in the
/// cells beside it. An address that comes twice is taken once.
pub fn pasted_addresses(text: &str) -> Vec<PastedAddress> {
    let mut addresses: Vec<PastedAddress> = Vec::new();
    for line in text.lines() {
        for address in addresses_of_line(line) {
            let known = addresses.iter().any(|known| known.typed.eq_ignore_ascii_case(&address.typed));
            if !known {
                addresses.push(address);
            }
        }
    }
    addresses
}

fn addresses_of_line(line: &str) -> Vec<PastedAddress> {
    let cells: Vec<_> = line.split('\t').map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let (with_at, names): (Vec<&str>, Vec<&str>) = cells.iter().partition(|cell| cell.contains('@'));
    if let ([address], false) = (with_at.as_slice(), names.is_empty())
        && !address.contains(['<', ',', ';', ' '])
    {
        return vec![PastedAddress { typed: (*address).to_owned(), name: names.join(" ") }];
    }
    cells.into_iter().flat_map(entries).flat_map(addresses_of_entry).collect()
}

/// The parts of a text between commas and semicolons that stand neither in quotes nor in angle brackets.
fn entries(text: &str) -> Vec<&str> {
    let (mut entries, mut begin, mut quoted, mut bracketed) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !bracketed => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            ',' | ';' if !quoted && !bracketed => {
                entries.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    entries.push(&text[begin..]);
    entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

/// An address with its name, or addresses apart by blanks.
fn addresses_of_entry(entry: &str) -> Vec<PastedAddress> {
    if let Some((name, rest)) = entry.rsplit_once('<')
        && let Some(typed) = rest.trim_end().strip_suffix('>')
    {
        let name = name.trim().trim_matches('"').trim().to_owned();
        return vec![PastedAddress { typed: typed.trim().to_owned(), name }];
    }
    let nameless = |typed: &str| PastedAddress { typed: typed.to_owned(), name: String::new() };
    let words: Vec<_> = entry.split_whitespace().collect();
    if words.iter().all(|word| word.contains('@')) {
        return words.into_iter().map(nameless).collect();
    }
    vec![nameless(entry)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pasted(text: &str) -> Vec<(String, String)> {
        pasted_addresses(text).into_iter().map(|address| (address.typed, address.name)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(typed, name)| ((*typed).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn r54_addresses_are_read_as_people_paste_them() {
        for (text, expected) in [
            ("", &[][..]),
            (" \n ,; \t\n", &[]),
            ("ana@example.org", &[("ana@example.org", "")]),
            (
                "ana@example.org, ben@example.org;cleo@example.org",
                &[("ana@example.org", ""), ("ben@example.org", ""), ("cleo@example.org", "")],
            ),
            (
                "ana@example.org ben@example.org\r\ncleo@example.org\r\n",
                &[("ana@example.org", ""), ("ben@example.org", ""), ("cleo@example.org", "")],
            ),
            (
                "Ana María <ana@example.org>, \"Beta, Ben\" <ben@example.org>",
                &[("ana@example.org", "Ana María"), ("ben@example.org", "Beta, Ben")],
            ),
            ("Ana\tExample\tana@example.org\tBerlin", &[("ana@example.org", "Ana Example Berlin")]),
            ("ana@example.org\tben@example.org", &[("ana@example.org", ""), ("ben@example.org", "")]),
            ("ana@example.org\nANA@example.org", &[("ana@example.org", "")]),
            ("not an address, ana@example.org", &[("not an address", ""), ("ana@example.org", "")]),
            ("<ana@example.org>", &[("ana@example.org", "")]),
            ("Ana <", &[("Ana <", "")]),
            ("\"open, ana@example.org", &[("\"open, ana@example.org", "")]),
        ] {
            assert_eq!(pasted(text), pairs(expected), "{text:?}");
        }
    }
}
