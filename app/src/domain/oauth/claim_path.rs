//! The way to a value in what a provider tells of a person: `sub`, `user.id`, `emails[0].value`. Names with dots, such as
//! `https://acme.example/employee_id`, are written as they are, or quoted as in JSONPath: `['https://acme.example/employee_id']`.

use super::super::fields::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest path, in characters.
pub const MAX_PATH_CHARS: u32 = 200;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a member of an object.
    Member(String),
    /// Into an element of an array.
    Element(usize),
}

/// A path of members and elements: the part of JSONPath (RFC 9535) that names at most one value. A leading `$.` may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimPath(Vec<Step>);

impl ClaimPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`Problem::Required`], [`Problem::TooLong`] or [`Problem::NotAClaimPath`].
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        let raw = raw.trim();
        if raw.is_empty() {
            return Err(Problem::Required);
        }
        if raw.chars().count() > MAX_PATH_CHARS as usize {
            return Err(Problem::TooLong { most: MAX_PATH_CHARS });
        }
        let mut rest = match raw.strip_prefix('$') {
            Some(rest) if rest.starts_with('[') => rest,
            Some(_) | None => raw.strip_prefix("$.").unwrap_or(raw),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(quoted) = rest.strip_prefix("['") {
                quoted_member(quoted)?
            } else if let Some(element) = rest.strip_prefix('[').filter(|_| !steps.is_empty()) {
                let (number, after) = element.split_once(']').ok_or(Problem::NotAClaimPath)?;
                (Step::Element(number.parse().map_err(|_| Problem::NotAClaimPath)?), after)
            } else {
                let member = match (steps.is_empty(), rest.strip_prefix('.')) {
                    (true, None) => rest,
                    (false, Some(member)) => member,
                    (true, Some(_)) | (false, None) => return Err(Problem::NotAClaimPath),
                };
                let (name, after) = member.split_at(member.find(['.', '[']).unwrap_or(member.len()));
                if name.is_empty() || !is_plain(name) {
                    return Err(Problem::NotAClaimPath);
                }
                (Step::Member(name.to_owned()), after)
            };
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() { Err(Problem::NotAClaimPath) } else { Ok(Self(steps)) }
    }

    /// The path of these steps.
    pub const fn of(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// The steps, from the outside in.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// Can a name stand unquoted, but for dots and brackets that would end it?
fn is_plain(name: &str) -> bool {
    !name.starts_with('$') && !name.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ']' | '\''))
}

/// A name after its opening bracket and quote, and what follows it (RFC 9535, section 2.3.1).
fn quoted_member(text: &str) -> Result<(Step, &str), Problem> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => {
                let after = text.get(at + 1..).and_then(|after| after.strip_prefix(']'));
                return Ok((Step::Member(name), after.ok_or(Problem::NotAClaimPath)?));
            }
            '\\' => match chars.next() {
                Some((_, c @ ('\'' | '\\'))) => name.push(c),
                Some(_) | None => return Err(Problem::NotAClaimPath),
            },
            c if c.is_control() => return Err(Problem::NotAClaimPath),
            c => name.push(c),
        }
    }
    Err(Problem::NotAClaimPath)
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if name.is_empty() || name.contains(['.', '[']) || !is_plain(name) => {
                    write!(f, "['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))?;
                }
                Step::Member(name) if index == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Element(number) => write!(f, "[{number}]")?,
            }
        }
        Ok(())
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> Self {
        path.to_string()
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = &'static str;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw).map_err(|_| "not a path to a claim")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn oa_09_paths_name_one_value() {
        for good in ["sub", "user.id", "emails[0].value", "a[0][1].b"] {
            assert_eq!(ClaimPath::parse(good).map(|path| path.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(ClaimPath::parse(" $.user.id "), ClaimPath::parse("user.id"));
        for bad in [
            "a..b", ".a", "a.", "a[x]", "a[0", "a]", "[0]", "a b", "a[0]b", "a[*]", "$..id", "$", "['a", "['a'",
            "['a']b", "a['b'",
        ] {
            assert_eq!(ClaimPath::parse(bad), Err(Problem::NotAClaimPath), "{bad:?}");
        }
        assert_eq!(ClaimPath::parse("  "), Err(Problem::Required));
    }

    #[test]
    fn oa_09_a_path_has_at_most_200_characters_and_none_that_control() {
        assert!(ClaimPath::parse(&"ä".repeat(200)).is_ok());
        assert_eq!(ClaimPath::parse(&"ä".repeat(201)), Err(Problem::TooLong { most: 200 }));
        for bad in ["a\u{7}b", "['a\u{7}b']", "['a\\b']"] {
            assert_eq!(ClaimPath::parse(bad), Err(Problem::NotAClaimPath), "{bad:?}");
        }
    }

    #[test]
    fn a_path_is_stored_as_its_text() {
        let path = ClaimPath::parse("a['b.c'][0]").unwrap();
        assert_eq!(serde_json::to_value(&path).unwrap(), "a['b.c'][0]");
        assert_eq!(serde_json::from_value::<ClaimPath>("a['b.c'][0]".into()).unwrap(), path);
        assert!(serde_json::from_value::<ClaimPath>("a..b".into()).is_err());
    }

    #[test]
    fn oa_09_a_name_with_dots_or_blanks_is_quoted() {
        let one = |name: &str| ClaimPath::of(vec![Step::Member(name.to_owned())]);
        for (written, name) in [
            ("['https://acme.example/employee_id']", "https://acme.example/employee_id"),
            ("$['user.id']", "user.id"),
            ("['it\\'s']", "it's"),
            ("['back\\\\slash.']", "back\\slash."),
            ("['employee id']", "employee id"),
            ("urn:acme:employee/id", "urn:acme:employee/id"),
        ] {
            assert_eq!(ClaimPath::parse(written), Ok(one(name)), "{written}");
            assert_eq!(ClaimPath::parse(&one(name).to_string()), Ok(one(name)), "{name}");
        }
        let nested = ClaimPath::parse("a['b.c'][0].d").unwrap();
        assert_eq!(nested.steps().len(), 4);
        assert_eq!(nested.to_string(), "a['b.c'][0].d");
    }

    proptest! {
        #[test]
        fn a_path_reads_back_as_itself(raw in "\\PC{0,40}") {
            if let Ok(path) = ClaimPath::parse(&raw) {
                prop_assert_eq!(ClaimPath::parse(&path.to_string()), Ok(path));
            }
        }
    }
}
