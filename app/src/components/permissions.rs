//! What a grant allows, in words.

use super::Icon;
use crate::{
    domain::{permission::Permissions, role::Roles},
    i18n::{area_label, permission_label, use_locale},
};
use leptos::prelude::*;

/// Permissions, grouped by area, in the order of the catalogue. What the catalogue no longer knows is inert and left out.
#[component]
pub fn PermissionSummary(
    /// The permissions held.
    permissions: Permissions,
    /// The roles and the catalogue, to put the permissions in words.
    roles: Roles,
) -> impl IntoView {
    let locale = use_locale();
    let mut areas: Vec<(&str, Vec<String>)> = Vec::new();
    for entry in roles.catalogue.entries().iter().filter(|entry| permissions.contains(&entry.key)) {
        let label = permission_label(locale, entry);
        match areas.iter_mut().find(|(area, _)| *area == entry.area) {
            Some((_, labels)) => labels.push(label),
            None => areas.push((&entry.area, vec![label])),
        }
    }
    let areas: Vec<_> = areas
        .into_iter()
        .map(|(area, labels)| {
            let labels: Vec<_> =
                labels.into_iter().map(|label| view! { <li><Icon name="check" /> {label}</li> }).collect();
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
