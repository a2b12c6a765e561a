//! Settings → Security: the second factor that an account requires of its members (LT-09).

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden, sign_in_again},
    use_slug,
};
use crate::{
    api::security::{
        AcceptProviderFactors, ProviderFactors, RequireSecondFactor, RoleReadiness, SecurityView, ShowSecurity,
    },
    components::{Button, Field, FieldProblem, Kind, Look, Note, NoteTone, Time, problem_at},
    domain::{
        fields,
        policy::can_require_second_factor,
        role::RoleKey,
        second_factor::{MAX_FACTOR_VALUE_CHARS, MAX_FACTOR_VALUES, MAX_GRACE_DAYS, RequiredOf},
    },
    flash::old_input,
    i18n::{Locale, refusal_text, role_name, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(SecurityRoute, login_methods, SecurityPage);

/// Days that a new requirement leaves for setting one up, unless somebody chooses others.
const USUAL_GRACE_DAYS: u32 = 7;

/// The page.
#[component]
fn SecurityPage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let security = Query::new(move || ShowSecurity { account: slug.get() });
    let forms = Forms::new(locale, slug, move || security.refetch());
    let page = loaded(move || async move {
        match security.await {
            Ok(view) => {
                forms.loaded();
                page(forms, view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, security.title) />
        <div class="form-page">{forms.error_box()} {page}</div>
    }
}

fn page(forms: Forms, view: SecurityView) -> AnyView {
    let locale = forms.locale();
    let here = paths::security(view.slug.as_str());
    let ask = (!view.recently_authenticated).then(|| sign_in_again(locale, &view.slug, &here));
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, security.title)}</h1>
                <p class="page-lead">{text!(locale, security.lead, account = view.name.clone())}</p>
            </div>
        </header>
        {forms.notice()}
        {ask}
        {requirement(forms, &view)}
        {readiness(locale, &view)}
        {providers(forms, &view)}
    }
    .into_any()
}

/// Of whom a second factor is required, and from when on.
fn requirement(forms: Forms, view: &SecurityView) -> AnyView {
    let locale = forms.locale();
    let state = match &view.requirement {
        None => view! { <p>{text!(locale, security.required_of_nobody)}</p> }.into_any(),
        Some(requirement) => {
            let whom = match &requirement.required_of {
                RequiredOf::Everybody => text!(locale, security.required_of_everybody).to_owned(),
                RequiredOf::Roles(roles) => {
                    let names: Vec<_> = roles.iter().map(|key| role_name(locale, key, Some(&view.roles))).collect();
                    text!(locale, security.required_of_roles, roles = names.join(", "))
                }
            };
            let since = if view.in_force { text!(locale, security.since) } else { text!(locale, security.begins) };
            let starts = requirement.starts;
            view! { <p><strong>{whom}</strong> " " {since} " " <Time at=starts /></p> }.into_any()
        }
    };
    let verdict = can_require_second_factor(ready_owners(view));
    let refusal = verdict.refusal().map(|refusal| {
        let words = refusal_text(locale, refusal, None);
        view! {
            <Note tone=NoteTone::Warn icon="alert">
                <p>{words}</p>
                <p>
                    <a class="button" href=paths::ME_SIGN_IN>{text!(locale, factors.required_set_up)}</a>
                </p>
            </Note>
        }
    });
    // What is required already can be taken back, whoever is ready.
    let form = (verdict.is_yes() || view.requirement.is_some()).then(|| form(forms, view));
    view! {
        <section class="panel">
            <h2>{text!(locale, security.factor_title)}</h2>
            <p>{text!(locale, security.factor_text)}</p>
            {state}
            {refusal}
            {form}
        </section>
    }
    .into_any()
}

fn ready_owners(view: &SecurityView) -> u64 {
    view.readiness.iter().filter(|line| line.role.is_owner()).map(|line| line.ready).sum()
}

fn form(forms: Forms, view: &SecurityView) -> AnyView {
    let locale = forms.locale();
    let present = view.requirement.as_ref().map(|requirement| &requirement.required_of);
    let of = match present {
        None => "nobody",
        Some(RequiredOf::Everybody) => "everybody",
        Some(RequiredOf::Roles(_)) => "roles",
    };
    let chosen = old_input("form[of]").unwrap_or_else(|| of.to_owned());
    let of = RwSignal::new(chosen.clone());
    let choices: Vec<_> = [
        ("nobody", text!(locale, security.of_nobody)),
        ("roles", text!(locale, security.of_roles)),
        ("everybody", text!(locale, security.of_everybody)),
    ]
    .into_iter()
    .map(|(key, words)| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="form[of]"
                    value=key
                    checked=chosen == key
                    on:change=move |_| of.set(key.to_owned())
                />
                <span>{words}</span>
            </label>
        }
    })
    .collect();
    let boxes: Vec<_> = view
        .roles
        .roles
        .iter()
        .map(|role| {
            let is_chosen = matches!(present, Some(RequiredOf::Roles(roles)) if roles.contains(&role.key));
            role_box(&role.key, role_name(locale, &role.key, Some(&view.roles)), is_chosen)
        })
        .collect();
    let grace = if view.requirement.is_some() { view.days_left } else { USUAL_GRACE_DAYS };
    let recently_authenticated = view.recently_authenticated;
    forms.form::<RequireSecondFactor>("form", move |Sending { busy, error }| {
        let roles_problem = problem_at(error, fields::Field::RequiredRoles);
        let of_problem = problem_at(error, fields::Field::RequiredOf);
        view! {
            <fieldset class="choices">
                <legend>{text!(locale, security.of_whom)}</legend>
                {choices}
                <FieldProblem id="form-of-problem" problem=of_problem />
            </fieldset>
            // Shown with scripting off, where the choice above hides nothing.
            <fieldset class="choices security-roles" data-shown=move || (of.get() == "roles").to_string()>
                <legend>{text!(locale, security.which_roles)}</legend>
                {boxes}
                <FieldProblem id="form-roles-problem" problem=roles_problem />
            </fieldset>
            <Field
                name="form[grace_days]"
                label=text!(locale, security.grace)
                hint=text!(locale, security.grace_hint, most = MAX_GRACE_DAYS)
                kind=Kind::Whole
                initial=grace.to_string()
                problem=problem_at(error, fields::Field::GraceDays)
            />
            <div class="actions">
                <Button busy disabled=!recently_authenticated>
                    {text!(locale, common.save)}
                </Button>
            </div>
        }
        .into_any()
    })
}

fn role_box(key: &RoleKey, name: String, is_chosen: bool) -> AnyView {
    view! {
        <label class="check">
            <input type="checkbox" name="form[roles][]" value=key.to_string() checked=is_chosen />
            <span>{name}</span>
        </label>
    }
    .into_any()
}

/// Who has a second factor, by role.
fn readiness(locale: Locale, view: &SecurityView) -> AnyView {
    let members: u64 = view.readiness.iter().map(|line| line.members).sum();
    let missing = members - view.readiness.iter().map(|line| line.ready).sum::<u64>();
    let in_order = view.roles.roles.iter().filter_map(|role| view.readiness.iter().find(|line| line.role == role.key));
    let lines: Vec<_> = in_order
        .map(|RoleReadiness { role, members, ready }| {
            let name = role_name(locale, role, Some(&view.roles));
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    <td>{*ready}</td>
                    <td>{members - ready}</td>
                </tr>
            }
        })
        .collect();
    let sum = if missing == 0 {
        text!(locale, security.all_ready).to_owned()
    } else {
        text!(locale, security.not_ready, missing = missing, members = members)
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, security.readiness_title)}</h2>
            <p>{sum} " " {text!(locale, security.readiness_text)}</p>
            <table class="readiness">
                <thead>
                    <tr>
                        <th scope="col">{text!(locale, security.role)}</th>
                        <th scope="col">{text!(locale, security.ready)}</th>
                        <th scope="col">{text!(locale, security.missing)}</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// Which words of the account's providers count as a second factor.
fn providers(forms: Forms, view: &SecurityView) -> AnyView {
    let locale = forms.locale();
    let lines: Vec<_> =
        view.providers.iter().map(|provider| provider_form(forms, provider, view.recently_authenticated)).collect();
    let content = if lines.is_empty() {
        view! { <p class="field-hint">{text!(locale, security.no_providers)}</p> }.into_any()
    } else {
        lines.into_any()
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, security.providers_title)}</h2>
            <p>{text!(locale, security.providers_text)}</p>
            {content}
        </section>
    }
    .into_any()
}

fn provider_form(forms: Forms, provider: &ProviderFactors, recently_authenticated: bool) -> AnyView {
    let locale = forms.locale();
    let (method, values) = (provider.method, provider.accepted.join(" "));
    let tested = match provider.tested.as_deref() {
        None => text!(locale, security.no_test).to_owned(),
        Some([]) => text!(locale, security.tested_nothing).to_owned(),
        Some(values) => text!(locale, security.tested, values = values.join(", ")),
    };
    let form = forms.form::<AcceptProviderFactors>("form", move |Sending { busy, error }| {
        view! {
            {hidden("form[method]", method)}
            <Field
                name="form[values]"
                label=text!(locale, security.values)
                hint=text!(locale, security.values_hint)
                kind=Kind::Verbatim
                initial=values
                most=MAX_FACTOR_VALUES * MAX_FACTOR_VALUE_CHARS
                optional=true
                problem=problem_at(error, fields::Field::FactorValues)
            />
            <p class="field-hint">{tested}</p>
            <div class="actions">
                <Button look=Look::Plain busy disabled=!recently_authenticated>
                    {text!(locale, common.save)}
                </Button>
            </div>
        }
        .into_any()
    });
    view! {
        <h3>{provider.name.clone()}</h3>
        {form}
    }
    .into_any()
}
