//! Points in time, for people.

use crate::{
    domain::{time::Timestamp, time_zone::TimeZone},
    i18n::{Locale, use_locale},
};
use leptos::prelude::*;

/// The zone in which this page writes times, if the person chose one.
#[derive(Clone)]
struct PageTimeZone(Option<TimeZone>);

/// Finds the zone of this page's times and gives it to everything below.
pub fn provide_time_zone() {
    provide_context(PageTimeZone(page_time_zone()));
}

/// The zone that the signed-in person chose.
#[cfg(feature = "ssr")]
pub(crate) fn page_time_zone() -> Option<TimeZone> {
    let parts = use_context::<http::request::Parts>()?;
    parts.extensions.get::<crate::request::Visitor>()?.signed_in.as_ref()?.time_zone.clone()
}

/// The zone that the server wrote into `<html>`, if this browser knows it.
#[cfg(not(feature = "ssr"))]
fn page_time_zone() -> Option<TimeZone> {
    let name = document().document_element()?.get_attribute("data-time-zone")?;
    in_browser::knows(&name).then(|| TimeZone::known(name))
}

/// A point in time, in the zone that the person chose. Without one: in UTC, with the zone named, until the page is hydrated; then in the
/// browser's zone.
#[component]
pub fn Time(
    /// The point in time.
    at: Timestamp,
    /// Say how long ago it was, or how soon it will be? The exact time is in the tooltip.
    #[prop(optional)]
    relative: bool,
) -> impl IntoView {
    let locale = use_locale();
    let zone = use_context::<PageTimeZone>().and_then(|PageTimeZone(zone)| zone);
    let (words, set_words) = signal(before_hydration(at, zone.as_ref()));
    let (exact, set_exact) = signal(None);
    Effect::new(move || {
        let local = in_browser::exact(locale, at, zone.as_ref());
        if relative {
            set_words.set(in_browser::relative(locale, at, zone.as_ref()));
            set_exact.set(Some(local));
        } else {
            set_words.set(local);
        }
    });
    view! {
        <time datetime=iso(at) title=exact>
            {words}
        </time>
    }
}

/// As the server writes it: `2026-11-24 09:05 Europe/Berlin`, or in UTC.
#[cfg(feature = "ssr")]
fn before_hydration(at: Timestamp, zone: Option<&TimeZone>) -> String {
    let there = zone.and_then(|zone| Some((zone.civil(at)?, zone.name())));
    there.map_or_else(
        || in_utc(at),
        |((year, month, day, hour, minute), name)| {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} {name}")
        },
    )
}

/// Replaced at once.
#[cfg(not(feature = "ssr"))]
fn before_hydration(at: Timestamp, _: Option<&TimeZone>) -> String {
    in_utc(at)
}

/// `2026-11-24 08:05 UTC`.
pub(crate) fn in_utc(at: Timestamp) -> String {
    let (year, month, day, hour, minute) = civil(at);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// `2026-11-24`, the day in UTC.
pub(crate) fn day_in_utc(at: Timestamp) -> String {
    let (year, month, day, ..) = civil(at);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-24T08:05Z`, as machines read it.
pub(crate) fn iso(at: Timestamp) -> String {
    let (year, month, day, hour, minute) = civil(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}Z")
}

/// Year, month, day, hour and minute in UTC. A calendar library would be the largest part of the page; this is the well-known
/// count of days in eras of 400 years that begin in March.
fn civil(Timestamp(millis): Timestamp) -> (i64, i64, i64, i64, i64) {
    let minutes = millis.div_euclid(60_000);
    let (days, of_day) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day, of_day / 60, of_day % 60)
}

#[cfg(not(feature = "ssr"))]
mod in_browser {
    use super::{Locale, TimeZone, Timestamp};
    use crate::domain::language::Language;
    use js_sys::{Array, Date, Function, Intl::RelativeTimeFormat, Object, Reflect, global};
    use web_sys::wasm_bindgen::{JsCast, JsValue};

    fn options(of: &[(&str, &str)]) -> Object {
        let options = Object::new();
        for (name, value) in of {
            let _ = Reflect::set(&options, &(*name).into(), &(*value).into());
        }
        options
    }

    /// How dates are written in this zone.
    fn in_zone(of: &[(&str, &str)], zone: Option<&TimeZone>) -> Object {
        let options = options(of);
        if let Some(zone) = zone {
            let _ = Reflect::set(&options, &"timeZone".into(), &zone.name().into());
        }
        options
    }

    /// Does this browser know the zone? An older one may lack a name, and would throw at each time.
    pub fn knows(zone: &str) -> bool {
        let format = || -> Result<JsValue, JsValue> {
            let constructor = Reflect::get(&Reflect::get(&global(), &"Intl".into())?, &"DateTimeFormat".into())?;
            let arguments = Array::of2(&"en".into(), &options(&[("timeZone", zone)]));
            Reflect::construct(constructor.unchecked_ref::<Function>(), &arguments)
        };
        format().is_ok()
    }

    /// The page's language, in the reader's own variety where the browser tells it: `en-GB` writes dates unlike `en`.
    fn variety(locale: Locale) -> String {
        let language = Language::from(locale);
        leptos::prelude::window()
            .navigator()
            .language()
            .filter(|tag| Language::from_tag(tag) == Some(language))
            .unwrap_or_else(|| language.tag().to_owned())
    }

    /// The date and time in this zone, or in the browser's.
    pub fn exact(locale: Locale, at: Timestamp, zone: Option<&TimeZone>) -> String {
        let options = in_zone(&[("dateStyle", "medium"), ("timeStyle", "short")], zone);
        Date::new(&(at.0 as f64).into()).to_locale_string(&variety(locale), &options).into()
    }

    /// How far from now, in the largest unit that fits; beyond a month, the date.
    pub fn relative(locale: Locale, at: Timestamp, zone: Option<&TimeZone>) -> String {
        let tag = variety(locale);
        let seconds = (at.0 as f64 - Date::now()) / 1000.0;
        let (amount, unit) = match seconds.abs() {
            s if s < 60.0 => (0.0, "minute"),
            s if s < 3600.0 => (seconds / 60.0, "minute"),
            s if s < 86_400.0 => (seconds / 3600.0, "hour"),
            s if s < 30.0 * 86_400.0 => (seconds / 86_400.0, "day"),
            _ => {
                let options = in_zone(&[("dateStyle", "medium")], zone);
                return Date::new(&(at.0 as f64).into()).to_locale_date_string(&tag, &options).into();
            }
        };
        let format = RelativeTimeFormat::new(&Array::of1(&tag.as_str().into()), &options(&[("numeric", "auto")]));
        format.format(amount.round(), unit).into()
    }
}

/// Effects do not run on the server.
#[cfg(feature = "ssr")]
mod in_browser {
    use super::{Locale, TimeZone, Timestamp, in_utc};

    pub fn exact(_: Locale, at: Timestamp, _: Option<&TimeZone>) -> String {
        in_utc(at)
    }

    pub fn relative(_: Locale, at: Timestamp, _: Option<&TimeZone>) -> String {
        in_utc(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_written_in_utc() {
        assert_eq!(in_utc(Timestamp(0)), "1970-01-01 00:00 UTC");
        assert_eq!(in_utc(Timestamp(951_782_400_000)), "2000-02-29 00:00 UTC");
        assert_eq!(in_utc(Timestamp(1_795_507_500_000)), "2026-11-24 08:05 UTC");
        assert_eq!(in_utc(Timestamp(-1)), "1969-12-31 23:59 UTC");
        assert_eq!(iso(Timestamp(1_795_507_500_000)), "2026-11-24T08:05Z");
        assert_eq!(day_in_utc(Timestamp(1_795_507_500_000)), "2026-11-24");
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn the_server_writes_them_in_the_zone_that_was_chosen() {
        let at = Timestamp(1_795_507_500_000);
        let zone = |name: &str| Some(TimeZone::known(name.to_owned()));
        assert_eq!(before_hydration(at, zone("Europe/Berlin").as_ref()), "2026-11-24 09:05 Europe/Berlin");
        assert_eq!(before_hydration(at, zone("No/Where").as_ref()), "2026-11-24 08:05 UTC");
    }
}
