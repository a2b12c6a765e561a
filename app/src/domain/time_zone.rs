//! Time zones by their IANA names. The tables are part of the server; a browser brings its own.

use serde::{Deserialize, Serialize};

/// A time zone, by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(String);

impl TimeZone {
    /// Its IANA name, such as `Europe/Berlin`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The zone of a name that was checked before: read from the database, or from a page that the server made.
    pub const fn known(name: String) -> Self {
        Self(name)
    }
}

#[cfg(feature = "ssr")]
mod on_the_server {
    use super::TimeZone;
    use crate::domain::{fields::Problem, time::Timestamp};
    use jiff::tz::TimeZoneDatabase;

    /// Names that stand for others, for systems of long ago or for no place.
    const NOT_OFFERED: [&str; 8] = ["Etc/", "SystemV/", "US/", "Mexico/", "Brazil/", "Canada/", "Chile/", "posix"];

    impl TimeZone {
        /// Reads the name of a zone.
        ///
        /// # Errors
        /// [`Problem::NotOffered`].
        pub fn parse(raw: &str) -> Result<Self, Problem> {
            let zone = TimeZoneDatabase::bundled().get(raw.trim()).map_err(|_| Problem::NotOffered)?;
            zone.iana_name().map(|name| Self(name.to_owned())).ok_or(Problem::NotOffered)
        }

        /// The zones to choose from, by name.
        pub fn all() -> Vec<Self> {
            let database = TimeZoneDatabase::bundled();
            let names = database.available().map(|name| name.to_string());
            let places = names.filter(|name| name.contains('/') && !NOT_OFFERED.iter().any(|no| name.starts_with(no)));
            let mut zones: Vec<Self> = std::iter::once("UTC".to_owned()).chain(places).map(Self).collect();
            zones.sort_by(|one, other| one.0.cmp(&other.0));
            zones
        }

        /// Year, month, day, hour and minute of a point in time there; `None` for a name that the tables no longer have.
        pub fn civil(&self, Timestamp(millis): Timestamp) -> Option<(i16, i8, i8, i8, i8)> {
            let zone = TimeZoneDatabase::bundled().get(&self.0).ok()?;
            let at = zone.to_datetime(jiff::Timestamp::from_millisecond(millis).ok()?);
            Some((at.year(), at.month(), at.day(), at.hour(), at.minute()))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_zone_is_known_by_its_name_and_follows_its_summer_time() {
            let berlin = TimeZone::parse(" europe/berlin ").unwrap();
            assert_eq!(berlin.name(), "Europe/Berlin");
            assert_eq!(berlin.civil(Timestamp(1_777_885_200_000)), Some((2026, 5, 4, 11, 0)));
            assert_eq!(berlin.civil(Timestamp(1_795_507_500_000)), Some((2026, 11, 24, 9, 5)));
            for bad in ["", "Mars/Olympus", "../etc/passwd", "+01:00"] {
                assert_eq!(TimeZone::parse(bad), Err(Problem::NotOffered), "{bad}");
            }
            assert_eq!(TimeZone::known("Europe/Atlantis".to_owned()).civil(Timestamp(0)), None);
        }

        #[test]
        fn every_zone_to_choose_from_is_one() {
            let zones = TimeZone::all();
            assert!(zones.len() > 300 && zones.iter().any(|zone| zone.name() == "America/New_York"));
            for zone in zones {
                assert!(TimeZone::parse(zone.name()).is_ok() && zone.civil(Timestamp(0)).is_some(), "{zone:?}");
            }
        }
    }
}
