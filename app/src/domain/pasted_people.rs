//! People as they are pasted to be invited: addresses from a mail program, one in each line, or a table from a spreadsheet or a file (R54).

use super::{email::check_shape, people_table::read_table};
use std::collections::HashSet;

/// The most people that one request invites.
pub const MAX_PEOPLE_AT_ONCE: usize = 50;
/// The most people that are taken from one file; the page sends them in parts.
pub const MAX_PEOPLE: usize = 10_000;
/// The most bytes that the people of a part hold: a form may write each of them as three, and a request takes 64 KiB.
const MAX_PART_BYTES: usize = 12 * 1024;
/// The most permissions of one person: more than there are.
const MAX_EXTRAS: usize = 200;
/// The longest cell that is read, in characters; a longer one is cut, and says in its field that it is too long.
const MAX_CELL_CHARS: usize = 1_000;

/// One of several people, as pasted. Nothing here need be right; empty is what was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastedPerson {
    /// What stood there for an address.
    pub email: String,
    /// The first name, or the whole of it.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The key or the name of a role.
    pub role: String,
    /// Keys or names of permissions.
    pub extras: Vec<String>,
    /// The name of a login method.
    pub method: String,
    /// Who the person is at the login method's provider.
    pub identifier: String,
}

impl PastedPerson {
    /// No cell is longer than anything that could be right in it.
    fn cut(mut self) -> Self {
        let extras = self.extras.iter_mut().take(MAX_EXTRAS);
        for text in [
            &mut self.email,
            &mut self.first_name,
            &mut self.last_name,
            &mut self.role,
            &mut self.method,
            &mut self.identifier,
        ]
        .into_iter()
        .chain(extras)
        {
            if let Some((end, _)) = text.char_indices().nth(MAX_CELL_CHARS) {
                text.truncate(end);
            }
        }
        self.extras.truncate(MAX_EXTRAS);
        self
    }

    /// Is nothing known but address and name, so that one line says it all?
    pub fn is_plain(&self) -> bool {
        let Self { email: _, first_name: _, last_name, role, extras, method, identifier } = self;
        extras.is_empty() && [last_name, role, method, identifier].into_iter().all(String::is_empty)
    }

    fn bytes(&self) -> usize {
        let extras = self.extras.iter().map(String::len).sum::<usize>();
        let texts = [&self.email, &self.first_name, &self.last_name, &self.role, &self.method, &self.identifier];
        extras + texts.into_iter().map(String::len).sum::<usize>()
    }
}

/// How many of these people, from the first on, one request takes; at least one.
pub fn part_len<'a>(people: impl Iterator<Item = &'a PastedPerson>) -> usize {
    let mut bytes = 0;
    let fits = people.take(MAX_PEOPLE_AT_ONCE).take_while(|person| {
        bytes += person.bytes();
        bytes <= MAX_PART_BYTES
    });
    fits.count().max(1)
}

/// Several people, as pasted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastedPeople {
    /// Each once, in their order.
    pub people: Vec<PastedPerson>,
    /// How many were left out, because their address stood there before.
    pub repeated: usize,
}

/// The people in a text. If its first line names columns, it is a table. Otherwise it holds addresses, apart by lines, commas, semicolons or
/// blanks, each with its name as in `Ana Example <ana@example.org>` or in the cells beside it.
pub fn pasted_people(text: &str) -> PastedPeople {
    let text = text.trim_start_matches('\u{feff}');
    let all = read_table(text).unwrap_or_else(|| text.lines().flat_map(addresses_of_line).collect());
    let (mut seen, mut repeated) = (HashSet::new(), 0);
    let mut people: Vec<_> = all.into_iter().map(PastedPerson::cut).collect();
    people.retain(|person| {
        let is_new = seen.insert(person.email.to_ascii_lowercase());
        repeated += usize::from(!is_new);
        is_new
    });
    PastedPeople { people, repeated }
}

/// The people in a text that is being typed, and what is not finished yet.
pub fn finished_people(text: &str) -> (PastedPeople, &str) {
    let (finished, rest) = text.split_at(finished_len(text));
    (pasted_people(finished), rest.trim_start())
}

/// How much of a text that is being typed is finished. A comma, a semicolon and a new line end an entry, and so do an angle bracket that closes, and
/// a blank behind a whole address.
pub fn finished_len(text: &str) -> usize {
    let (mut begin, mut quoted, mut bracketed) = (0, false, false);
    for (at, letter) in text.char_indices() {
        let ends = match letter {
            '"' if !bracketed => {
                quoted = !quoted;
                false
            }
            '<' if !quoted => {
                bracketed = true;
                false
            }
            '>' if !quoted => {
                bracketed = false;
                true
            }
            ',' | ';' | '\n' => !quoted && !bracketed,
            blank if blank.is_whitespace() => {
                !quoted && !bracketed && text.get(begin..at).is_some_and(|entry| check_shape(entry.trim()).is_ok())
            }
            _ => false,
        };
        if ends {
            begin = at + letter.len_utf8();
        }
    }
    begin
}

fn addresses_of_line(line: &str) -> Vec<PastedPerson> {
    let cells: Vec<_> = line.split('\t').map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let (with_at, names): (Vec<&str>, Vec<&str>) = cells.iter().partition(|cell| cell.contains('@'));
    if let ([address], false) = (with_at.as_slice(), names.is_empty())
        && !address.contains(['<', ',', ';', ' '])
    {
        return vec![named(address, &names.join(" "))];
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
fn addresses_of_entry(entry: &str) -> Vec<PastedPerson> {
    if let Some((name, rest)) = entry.rsplit_once('<')
        && let Some(typed) = rest.trim_end().strip_suffix('>')
    {
        return vec![named(typed.trim(), name.trim().trim_matches('"').trim())];
    }
    let words: Vec<_> = entry.split_whitespace().collect();
    if words.iter().all(|word| word.contains('@')) {
        return words.into_iter().map(|word| named(word, "")).collect();
    }
    vec![named(entry, "")]
}

fn named(email: &str, name: &str) -> PastedPerson {
    PastedPerson { email: email.to_owned(), first_name: name.to_owned(), ..PastedPerson::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pasted(text: &str) -> Vec<(String, String)> {
        pasted_people(text).people.into_iter().map(|person| (person.email, person.first_name)).collect()
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

    #[test]
    fn r54_what_is_finished_is_told_from_what_is_being_typed() {
        for (text, finished, rest) in [
            ("", &[][..], ""),
            ("ana@example.org", &[], "ana@example.org"),
            ("ana@example.org,", &["ana@example.org"], ""),
            ("ana@example.org b", &["ana@example.org"], "b"),
            ("Ana Example", &[], "Ana Example"),
            ("Ana Example <ana@example.org", &[], "Ana Example <ana@example.org"),
            ("Ana Example <ana@example.org>", &["ana@example.org"], ""),
            ("\"Beta, Ben\" <ben@example.org>; c", &["ben@example.org"], "c"),
            ("nobody, ana@example.org\nben@exam", &["nobody", "ana@example.org"], "ben@exam"),
            (" , ", &[], ""),
        ] {
            let (people, unfinished) = finished_people(text);
            let emails: Vec<_> = people.people.iter().map(|person| person.email.as_str()).collect();
            assert_eq!((emails.as_slice(), unfinished), (finished, rest), "{text:?}");
        }
    }

    #[test]
    fn r54_an_address_that_comes_twice_is_taken_once_and_that_is_said() {
        let pasted = pasted_people("email,role\nana@example.org,viewer\nANA@example.org,admin\nben@example.org,\n");
        assert_eq!(pasted.repeated, 1);
        let roles: Vec<_> = pasted.people.iter().map(|person| (person.email.as_str(), person.role.as_str())).collect();
        assert_eq!(roles, [("ana@example.org", "viewer"), ("ben@example.org", "")]);
    }

    #[test]
    fn r54_a_part_has_so_many_people_and_no_more_than_a_request_takes() {
        let with_name = |bytes: usize| PastedPerson { first_name: "x".repeat(bytes), ..PastedPerson::default() };
        let part = |bytes: usize| part_len(vec![with_name(bytes); 200].iter());
        assert_eq!((part(10), part(1024), part(100_000)), (MAX_PEOPLE_AT_ONCE, 12, 1));
        let long = format!("email,name\nana@example.org,{}\n", "x".repeat(5_000));
        assert_eq!(pasted_people(&long).people[0].first_name.len(), MAX_CELL_CHARS);
    }
}
