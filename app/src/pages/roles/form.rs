//! The fields of a role: its name, and a box for each permission, grouped by area.

#[cfg(not(feature = "ssr"))]
use crate::hydration::is_hydrated;
use crate::{
    api::roles::RoleFacts,
    components::{Field, FieldProblem, problem_at},
    domain::{
        fields,
        name::{MAX_ROLE_NAME_CHARS, check_shape},
        permission::{CatalogueEntry, PermissionKey, Permissions},
        policy::{Refusal, Verdict, Whose, can_give},
    },
    error::AppError,
    flash::{old_input, old_inputs},
    i18n::{Locale, area_label, permission_label, text},
};
use leptos::prelude::*;

/// The permissions that have been chosen. They outlive answers of the server, so that nobody chooses twice.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Chosen {
    permissions: RwSignal<Permissions>,
    live: RwSignal<bool>,
}

impl Chosen {
    /// Starts from what is there, or from what was chosen in a form that came back.
    pub(in crate::pages) fn starting_from(permissions: Permissions) -> Self {
        // Other forms of the page have no name in them.
        let old = old_input("form[name]").and_then(|_| old_inputs("form[permissions][]"));
        let old = old.map(|keys| keys.into_iter().map(PermissionKey::new).collect());
        let permissions = RwSignal::new(old.unwrap_or(permissions));
        let live = RwSignal::new(false);
        let chosen = chosen_already();
        Effect::new(move |_| {
            if let Some(chosen) = &chosen {
                permissions.set(chosen.clone());
            }
            live.set(true);
        });
        Self { permissions, live }
    }

    /// What is chosen.
    pub(super) fn permissions(self) -> Permissions {
        self.permissions.get()
    }

    /// Is the page hydrated? Without scripting nothing could follow the choice.
    pub(super) fn is_live(self) -> bool {
        self.live.get()
    }

    fn choose(self, key: &PermissionKey, is_chosen: bool) {
        self.permissions.update(|permissions| {
            if is_chosen {
                permissions.insert(key.clone());
            } else {
                permissions.remove(key);
            }
        });
    }
}

/// What was chosen in a page that the server made, before hydration.
#[cfg(not(feature = "ssr"))]
fn chosen_already() -> Option<Permissions> {
    use web_sys::{HtmlInputElement, wasm_bindgen::JsCast};
    // On the way here from another page there is nothing of this form yet.
    if is_hydrated() {
        return None;
    }
    document().query_selector(".role-form").ok()??;
    let boxes = document().query_selector_all(".role-form input[name='form[permissions][]']:checked").ok()?;
    let keys = (0..boxes.length()).filter_map(|index| boxes.item(index)?.dyn_into::<HtmlInputElement>().ok());
    Some(keys.map(|input| PermissionKey::new(input.value())).collect())
}

#[cfg(feature = "ssr")]
const fn chosen_already() -> Option<Permissions> {
    None
}

/// Whose role the fields are for, which decides what may be chosen.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Fields<'a> {
    pub(in crate::pages) locale: Locale,
    pub(in crate::pages) facts: &'a RoleFacts,
    /// Is it the role of whoever changes it?
    pub(in crate::pages) whose: Whose,
    /// What it holds now.
    pub(in crate::pages) present: &'a Permissions,
    pub(in crate::pages) chosen: Chosen,
    pub(in crate::pages) error: Signal<Option<AppError>>,
}

/// Its name.
pub(super) fn name_field(locale: Locale, initial: String, error: Signal<Option<AppError>>) -> AnyView {
    view! {
        <Field
            name="form[name]"
            label=text!(locale, roles.name)
            hint=text!(locale, roles.name_hint)
            initial
            most=MAX_ROLE_NAME_CHARS
            required=true
            check=check_shape
            problem=problem_at(error, fields::Field::RoleName)
        />
    }
    .into_any()
}

impl Fields<'_> {
    /// May this permission be chosen (R30, R31)?
    fn verdict(&self, key: &PermissionKey) -> Verdict {
        let one = Permissions::from([key.clone()]);
        match self.whose {
            Whose::Own if !self.present.contains(key) => Verdict::No(Refusal::NoSelfPromotion { gained: one }),
            Whose::Own | Whose::Others => can_give(&self.facts.my, &one),
        }
    }

    /// A box for each permission. What the policy refuses is shown, and says why.
    pub(in crate::pages) fn boxes(&self) -> AnyView {
        let locale = self.locale;
        let mut areas: Vec<(&str, Vec<AnyView>)> = Vec::new();
        let mut any_refused = false;
        for entry in self.facts.roles.catalogue.entries() {
            let refused = !self.verdict(&entry.key).is_yes();
            any_refused |= refused;
            let one = self.one(entry, refused);
            match areas.iter_mut().find(|(area, _)| *area == entry.area) {
                Some((_, boxes)) => boxes.push(one),
                None => areas.push((&entry.area, vec![one])),
            }
        }
        let areas: Vec<_> = areas
            .into_iter()
            .map(|(area, boxes)| {
                view! {
                    <fieldset class="area">
                        <legend>{area_label(locale, area)}</legend>
                        {boxes}
                    </fieldset>
                }
            })
            .collect();
        let why = match self.whose {
            Whose::Own => text!(locale, roles.refused_own),
            Whose::Others => text!(locale, users.extras_refused),
        };
        view! {
            <fieldset class="extras" aria-describedby="permissions-problem">
                <legend>{text!(locale, roles.permissions)}</legend>
                {any_refused.then(|| view! { <p class="field-hint" id="permissions-refused">{why}</p> })}
                <div class="areas">{areas}</div>
                <FieldProblem
                    id="permissions-problem"
                    problem=problem_at(self.error, fields::Field::Permissions)
                />
            </fieldset>
        }
        .into_any()
    }

    fn one(&self, entry: &CatalogueEntry, refused: bool) -> AnyView {
        let (key, chosen) = (entry.key.clone(), self.chosen);
        let value = key.to_string();
        let is_chosen = {
            let key = key.clone();
            move || !refused && chosen.permissions.with(|permissions| permissions.contains(&key))
        };
        let at_first = untrack(is_chosen.clone());
        view! {
            <div class="extra" class:extra-refused=refused>
                <label>
                    <input
                        type="checkbox"
                        // What cannot be chosen can be reached and read, and is not sent.
                        name=(!refused).then_some("form[permissions][]")
                        value=value
                        checked=at_first
                        prop:checked=is_chosen
                        disabled=move || refused && !chosen.is_live()
                        aria-disabled=refused.then_some("true")
                        aria-describedby=refused.then_some("permissions-refused")
                        on:click=move |event| {
                            if refused {
                                event.prevent_default();
                            }
                        }
                        on:change:target=move |event| chosen.choose(&key, event.target().checked())
                    />
                    <span>{permission_label(self.locale, entry)}</span>
                </label>
            </div>
        }
        .into_any()
    }
}
