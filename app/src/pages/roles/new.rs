//! A new role, mostly as a copy of another (R30).

use super::{
    super::{Failed, loaded_once, use_slug},
    created_words,
    form::{Chosen, Fields, name_field},
};
use crate::{
    api::roles::{CreateRole, ListRoles, RoleFacts},
    components::{Button, ErrorBox, RefusalNote, use_toasts},
    domain::{
        name::MAX_ROLE_NAME_CHARS,
        permission::Permissions,
        policy::Whose,
        role::{Role, RoleKey},
        role_edit::can_create_role,
    },
    i18n::{Locale, role_name, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_navigate, use_query_map};

lazy_page!(NewRoleRoute, administration, NewRolePage);

/// The page.
#[component]
fn NewRolePage() -> impl IntoView {
    let locale = use_locale();
    let (slug, of_url) = (use_slug(), use_query_map());
    let from = RoleKey::new(of_url.with_untracked(|map| map.get("from").unwrap_or_default()));
    let roles = Query::new(move || ListRoles { account: slug.get(), permission: String::new() });
    let page = loaded_once(async move {
        match roles.await {
            Ok(view) => content(locale, view.facts, &from),
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, roles.new) />
        <div class="form-page">{page}</div>
    }
}

fn content(locale: Locale, facts: RoleFacts, from: &RoleKey) -> AnyView {
    let copied = facts.roles.find(from).cloned();
    let lead = match &copied {
        Some(role) => {
            text!(locale, roles.new_from, role = role_name(locale, &role.key, Some(&facts.roles)))
        }
        None => text!(locale, roles.new_lead).to_owned(),
    };
    let back = paths::roles(facts.slug.as_str());
    let verdict = can_create_role(&facts.my, &Permissions::new(), facts.roles.own().count());
    let form = match verdict.refusal().cloned() {
        None => view! { <NewRoleForm facts copied /> }.into_any(),
        Some(refusal) => view! { <RefusalNote refusal roles=facts.roles /> }.into_any(),
    };
    view! {
        <header class="page-head">
            <div>
                <p class="back">
                    <a href=back>{text!(locale, roles.title)}</a>
                </p>
                <h1>{text!(locale, roles.new)}</h1>
                <p class="page-lead">{lead}</p>
            </div>
        </header>
        <section class="panel">{form}</section>
    }
    .into_any()
}

#[component]
fn NewRoleForm(facts: RoleFacts, copied: Option<Role>) -> impl IntoView {
    let locale = use_locale();
    let create = FormAction::<CreateRole>::new();
    let error = create.error();
    let (toasts, navigate) = (use_toasts(), use_navigate());
    let back = paths::roles(facts.slug.as_str());
    let next = back.clone();
    create.on_success(move |created| {
        toasts.show(created_words(locale, created.name));
        navigate(&next, Default::default());
    });
    let name = copied
        .as_ref()
        .map(|role| text!(locale, roles.copy_of, role = role_name(locale, &role.key, Some(&facts.roles))))
        // The name of the copied role may be as long as names can be.
        .map(|name| name.chars().take(MAX_ROLE_NAME_CHARS as usize).collect::<String>());
    // What whoever copies lacks is left out: it could not be saved.
    let preset = copied.map(|role| role.permissions).unwrap_or_default();
    let within = preset.into_iter().filter(|key| facts.my.is_owner || facts.my.permissions.contains(key)).collect();
    let none = Permissions::new();
    let fields = Fields {
        locale,
        facts: &facts,
        whose: Whose::Others,
        present: &none,
        chosen: Chosen::starting_from(within),
        error,
    };
    let boxes = fields.boxes();
    view! {
        <ActionForm action=create class="form role-form">
            <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            <input type="hidden" name="account" value=facts.slug.to_string() />
            {name_field(locale, name.unwrap_or_default(), error)}
            {boxes}
            <div class="actions">
                <Button busy=create.pending()>{text!(locale, roles.create)}</Button>
                <a class="button" href=back>{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}
