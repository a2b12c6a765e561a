//! What a grant allows, in words.

use super::Icon;
use crate::{
    domain::{
        permission::{PermissionKey, Permissions},
        policy::{Source, source_of},
        role::{Grant, Roles},
    },
    i18n::{Locale, area_label, permission_label, role_name, text, use_locale},
};
use leptos::prelude::*;

/// A permission's label, and where it comes from.
type Line = (String, Option<String>);

/// Permissions, grouped by area, in the order of the catalogue. What the catalogue no longer knows is inert and left out.
#[component]
pub fn PermissionSummary(
    /// The permissions held.
    permissions: Permissions,
    /// The roles and the catalogue, to put the permissions in words.
    roles: Roles,
    /// Whose permissions they are, to say of each where it comes from (R65).
    #[prop(optional)]
    held_by: Option<Grant>,
) -> impl IntoView {
    let locale = use_locale();
    let mut areas: Vec<(&str, Vec<Line>)> = Vec::new();
    for entry in roles.catalogue.entries().iter().filter(|entry| permissions.contains(&entry.key)) {
        let source = held_by.as_ref().and_then(|grant| source_words(locale, grant, &entry.key, &roles));
        let label = (permission_label(locale, entry), source);
        match areas.iter_mut().find(|(area, _)| *area == entry.area) {
            Some((_, labels)) => labels.push(label),
            None => areas.push((&entry.area, vec![label])),
        }
    }
    let areas: Vec<_> = areas
        .into_iter()
        .map(|(area, labels)| {
            let labels: Vec<_> = labels
                .into_iter()
                .map(|(label, source)| {
                    let source = source.map(|words| view! { " " <span class="permission-source">{words}</span> });
                    view! { <li><Icon name="check" /> <span>{label} {source}</span></li> }
                })
                .collect();
            view! {
                <div class="permissions-area">
                    <dt>{area_label(locale, area)}</dt>
                    <dd>
                        <ul>{labels}</ul>
                    </dd>
                </div>
            }
        })
        .collect();
    view! { <dl class="permissions">{areas}</dl> }
}

/// Where a permission comes from, in words (R65).
pub(crate) fn source_words(locale: Locale, grant: &Grant, key: &PermissionKey, roles: &Roles) -> Option<String> {
    Some(match source_of(grant, key, roles)? {
        Source::Owner => text!(locale, users.source_owner).to_owned(),
        Source::Role => text!(locale, users.included_in, role = role_name(locale, &grant.role, Some(roles))),
        Source::Extra => text!(locale, users.source_extra).to_owned(),
    })
}
