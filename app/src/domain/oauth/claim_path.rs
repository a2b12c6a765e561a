//! The way to a value in what a provider tells of a person: `sub`, `user.id`, `emails[0].value`.

use super::super::fields::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest path, in characters.
const LONGEST: usize = 100;

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
        if raw.chars().count() > LONGEST {
            return Err(Problem::TooLong { most: LONGEST as u32 });
        }
        let path = raw.strip_prefix("$.").unwrap_or(raw);
        let mut steps = Vec::new();
        for part in path.split('.') {
            let (member, elements) = part.split_once('[').map_or((part, None), |(member, rest)| (member, Some(rest)));
            if member.is_empty() || member.chars().any(|c| c.is_control() || c.is_whitespace() || c == ']') {
                return Err(Problem::NotAClaimPath);
            }
            steps.push(Step::Member(member.to_owned()));
            for element in elements.into_iter().flat_map(|rest| rest.split('[')) {
                let number = element.strip_suffix(']').ok_or(Problem::NotAClaimPath)?;
                steps.push(Step::Element(number.parse().map_err(|_| Problem::NotAClaimPath)?));
            }
        }
        Ok(Self(steps))
    }

    /// The steps, from the outside in.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
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
        for bad in ["a..b", ".a", "a.", "a[x]", "a[0", "a]", "[0]", "a b", "a[0]b", "a[*]", "$..id"] {
            assert_eq!(ClaimPath::parse(bad), Err(Problem::NotAClaimPath), "{bad:?}");
        }
        assert_eq!(ClaimPath::parse("  "), Err(Problem::Required));
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
