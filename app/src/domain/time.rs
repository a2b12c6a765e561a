//! Points in time and spans, in whole milliseconds, the way both databases store them.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// `n` seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n.saturating_mul(1000))
    }

    /// `n` minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// `n` hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// `n` days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::hours(n.saturating_mul(24))
    }

    /// The span in whole hours, rounded down.
    pub const fn as_hours(self) -> i64 {
        self.0 / Self::hours(1).0
    }

    /// The span in whole seconds, rounded up, never negative.
    pub const fn as_seconds(self) -> u64 {
        if self.0 <= 0 { 0 } else { (self.0 as u64).div_ceil(1000) }
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_added_to_times_and_times_are_apart_by_spans() {
        let (noon, hour) = (Timestamp(43_200_000), Span::hours(1));
        assert_eq!(noon + hour, Timestamp(46_800_000));
        assert_eq!(noon - hour, Timestamp(39_600_000));
        assert_eq!((noon + hour) - noon, Span(3_600_000));
        assert_eq!(hour + Span::minutes(1), Span(3_660_000));
        assert_eq!(Span::days(2), Span::hours(48));
        assert_eq!(Span::seconds(7), Span(7000));
        assert_eq!(Span::days(2).as_hours(), 48);
    }

    #[test]
    fn seconds_are_rounded_up_and_never_negative() {
        let seconds = [-1500, 0, 1, 1000, 1001].map(|milliseconds| Span(milliseconds).as_seconds());
        assert_eq!(seconds, [0, 0, 1, 1, 2]);
    }
}
