//! What a provider tells of a person, and what of it counts.

use app::domain::oauth::{Configuration, Fault, Person, Warning};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The claims about a person: the ID token's, filled up with those of the user-info endpoint.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

/// One claim, for somebody who sets a login method up and looks for the right one (OA-23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownClaim {
    /// Its path, as [`app::domain::oauth::ClaimPath`] reads it.
    pub path: String,
    /// Its value, shortened.
    pub value: String,
    /// Can it change hands, so that it is no User identifier (R45)?
    pub mutable: bool,
}

impl Claims {
    /// Whom the claims name, by the paths of the configuration.
    ///
    /// # Errors
    /// [`Fault::NoIdentifier`].
    pub fn person(&self, _configuration: &Configuration) -> Result<Person, Fault> {
        Err(Fault::NoIdentifier)
    }

    /// All claims, flattened; bounded in number, depth and length.
    pub fn shown(&self) -> Vec<ShownClaim> {
        Vec::new()
    }

    /// What is to be said of a sign-in that succeeded.
    pub fn warnings(&self, _configuration: &Configuration, _person: &Person) -> Vec<Warning> {
        Vec::new()
    }
}

impl fmt::Debug for Claims {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
