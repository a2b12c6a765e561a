//! Tables of people: CSV files, and cells copied from a spreadsheet (R54).

use super::{
    csv_line::{csv_line, without_guard},
    pasted_people::PastedPerson,
};
use csv::ReaderBuilder;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Email,
    Name,
    FirstName,
    LastName,
    Role,
    Extras,
    LoginMethod,
    Identifier,
}

impl Column {
    /// The column with this heading, as people and Roster's own files write it.
    fn from_heading(heading: &str) -> Option<Self> {
        let heading = heading.trim().to_lowercase().replace(['_', '-'], " ");
        Some(match heading.as_str() {
            "email" | "e mail" | "mail" | "email address" | "e mail address" | "e mail adresse" => Self::Email,
            "name" | "full name" | "display name" => Self::Name,
            "first name" | "given name" | "vorname" => Self::FirstName,
            "last name" | "surname" | "family name" | "nachname" => Self::LastName,
            "role" | "rolle" => Self::Role,
            "permissions" | "extra permissions" | "extras" | "berechtigungen" | "zusätzliche berechtigungen" => {
                Self::Extras
            }
            "login method" | "anmeldemethode" => Self::LoginMethod,
            "identifier" | "user identifier" | "benutzerkennung" => Self::Identifier,
            _ => return None,
        })
    }
}

/// The people of a table whose first line names its columns, that of the addresses among them; `None` for any other text. Columns that mean
/// nothing here are left out, and so are lines with nothing in them.
pub(super) fn read_table(text: &str) -> Option<Vec<PastedPerson>> {
    let text = text.trim_start();
    [b'\t', b';', b','].into_iter().find_map(|delimiter| read_delimited(text, delimiter))
}

fn read_delimited(text: &str, delimiter: u8) -> Option<Vec<PastedPerson>> {
    let mut rows = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records()
        // The text is UTF-8, and no line has too few cells: nothing fails.
        .flatten();
    let columns: Vec<_> = rows.next()?.iter().map(Column::from_heading).collect();
    if !columns.contains(&Some(Column::Email)) {
        return None;
    }
    let people = rows.map(|row| person(&columns, row.iter()));
    Some(people.filter(|person| *person != PastedPerson::default()).collect())
}

fn person<'a>(columns: &[Option<Column>], cells: impl Iterator<Item = &'a str>) -> PastedPerson {
    let mut person = PastedPerson::default();
    for (column, cell) in columns.iter().zip(cells) {
        let cell = without_guard(cell.trim()).to_owned();
        match column {
            Some(Column::Email) => person.email = cell,
            Some(Column::Name | Column::FirstName) => person.first_name = cell,
            Some(Column::LastName) => person.last_name = cell,
            Some(Column::Role) => person.role = cell,
            Some(Column::Extras) => person.extras = several(&cell),
            Some(Column::LoginMethod) => person.method = cell,
            Some(Column::Identifier) => person.identifier = cell,
            None => {}
        }
    }
    person
}

/// The permissions in a cell: names apart by commas, semicolons or bars, keys by blanks as well.
fn several(cell: &str) -> Vec<String> {
    let parts = cell.split([',', ';', '|']).map(str::trim).filter(|part| !part.is_empty());
    let words = parts.flat_map(|part| {
        let words: Vec<_> = part.split_whitespace().collect();
        if words.iter().all(|word| word.contains('.')) { words } else { vec![part] }
    });
    words.map(str::to_owned).collect()
}

/// These people as a table that [`super::pasted_people::pasted_people`] reads.
pub fn write_table(people: &[PastedPerson]) -> String {
    let heading = csv_line(["email", "first_name", "last_name", "role", "permissions", "login_method", "identifier"]);
    let lines = people.iter().map(|person| {
        csv_line([
            person.email.as_str(),
            &person.first_name,
            &person.last_name,
            &person.role,
            &person.extras.join("; "),
            &person.method,
            &person.identifier,
        ])
    });
    std::iter::once(heading).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pasted_people::pasted_people;

    fn ana() -> PastedPerson {
        PastedPerson {
            email: "ana@example.org".to_owned(),
            first_name: "Ana".to_owned(),
            last_name: "Example".to_owned(),
            role: "Editor".to_owned(),
            extras: vec!["analytics.export".to_owned(), "Manage billing".to_owned()],
            method: "Acme SSO".to_owned(),
            identifier: "00u, \"ana\"".to_owned(),
        }
    }

    #[test]
    fn r54_a_table_is_read_by_its_headings_however_its_cells_are_set_apart() {
        for text in [
            "email,first name,last name,role\nana@example.org,Ana,Example,Editor\n",
            "\u{feff}E-Mail;Vorname;Nachname;Rolle\r\nana@example.org;Ana;Example;Editor\r\n\r\n",
            "\"email\",\"First name\",\"Last; name\",last name,role\nana@example.org,Ana,x,Example,Editor\n,,x,,\n",
            "Role\tPhone\tEmail address\tFirst_Name\tLAST NAME\nEditor\t1\tana@example.org\tAna\tExample\textra cell",
        ] {
            let expected =
                PastedPerson { extras: Vec::new(), method: String::new(), identifier: String::new(), ..ana() };
            assert_eq!(pasted_people(text).people, [expected], "{text:?}");
        }
    }

    #[test]
    fn r54_what_is_written_is_read_again_as_it_was() {
        let people = [ana(), PastedPerson { email: "=ben@example.org".to_owned(), ..PastedPerson::default() }];
        assert_eq!(pasted_people(&write_table(&people)).people, people);
    }

    #[test]
    fn r54_roster_reads_its_own_export() {
        let export = "\"email\",\"name\",\"role\",\"permissions\",\"login_method\",\"status\"\r\n\
                      \"ana@example.org\",\"Ana Example\",\"editor\",\"analytics.export billing.manage\",\"password\",\"active\"\r\n";
        let people = pasted_people(export).people;
        assert_eq!(people[0].extras, ["analytics.export", "billing.manage"]);
        assert_eq!((people[0].first_name.as_str(), people[0].method.as_str()), ("Ana Example", "password"));
    }

    #[test]
    fn a_text_without_a_column_of_addresses_is_no_table() {
        for text in ["", "ana@example.org, ben@example.org", "Role,Name\nEditor,Ana", "email me at ana@example.org"] {
            assert_eq!(read_table(text), None, "{text:?}");
        }
    }
}
