//! The form of one login method: what the account says of its provider.

use super::parts::{Forms, Sending, choice, hidden};
use crate::{
    api::login_methods::{MethodView, SaveLoginMethod, ShownClaim},
    components::{self, Button, Kind, TextArea, problem_at, stays_open},
    domain::{
        fields::Field,
        name,
        oauth::{IssuerPart, MAX_PATH_CHARS, MAX_TEXT_CHARS, Preset},
    },
    error::AppError,
    flash::old_input,
    i18n::{Locale, text},
};
use leptos::prelude::*;

/// The form.
pub(super) fn configuration_form(forms: Forms, preset: Preset, view: &MethodView) -> AnyView {
    let locale = forms.locale();
    let title = match preset.brand() {
        Some(provider) => text!(locale, methods.step_enter, provider = provider),
        None => text!(locale, methods.step_enter_any).to_owned(),
    };
    let view = view.clone();
    let form = forms.form::<SaveLoginMethod>("form set-up-form", move |sending| fields(locale, preset, view, sending));
    view! {
        <section class="panel">
            <h2>{title}</h2>
            {form}
        </section>
    }
    .into_any()
}

fn fields(locale: Locale, preset: Preset, view: MethodView, Sending { busy, error }: Sending) -> AnyView {
    // A form that the browser itself sent came back without the secret; what was typed came back sealed.
    let is_back = old_input("form[name]").is_some();
    let secret_problem = problem_at(error, Field::ClientSecret);
    let kept = old_input("form[kept]").filter(|kept| !kept.is_empty() && secret_problem.get_untracked().is_none());
    let secret_hint = if kept.is_some() {
        text!(locale, methods.client_secret_typed)
    } else if is_back && (!view.has_secret || secret_problem.get_untracked().is_some()) {
        text!(locale, methods.client_secret_again)
    } else if view.has_secret {
        text!(locale, methods.client_secret_kept)
    } else {
        text!(locale, methods.client_secret_hint)
    };
    let saved = &view.form;
    let line = |field, name, label, hint, value: &String| {
        Line { field, name, label, hint, most: MAX_TEXT_CHARS, value: value.clone(), optional: false }.text(error)
    };
    let parts = preset.issuer_parts();
    let endpoints = if !parts.is_empty() && saved.issuer.is_empty() {
        let line_of = |part: &IssuerPart| {
            let (name, label, hint) = issuer_part(locale, preset, *part);
            line(part.field(), name, label, hint, &part.of(saved).to_owned())
        };
        parts.iter().map(line_of).collect_view().into_any()
    } else if preset.is_open_id() {
        let (label, hint) = (text!(locale, methods.issuer), text!(locale, methods.issuer_hint));
        line(Field::Issuer, "form[issuer]", label, hint, &saved.issuer)
    } else {
        let (authorization, token, user_info) = (
            text!(locale, methods.authorization_url),
            text!(locale, methods.token_url),
            text!(locale, methods.user_info_url),
        );
        view! {
            {line(Field::AuthorizationUrl, "form[authorization_url]", authorization, "", &saved.authorization_url)}
            {line(Field::TokenUrl, "form[token_url]", token, "", &saved.token_url)}
            {line(Field::UserInfoUrl, "form[user_info_url]", user_info, "", &saved.user_info_url)}
        }
        .into_any()
    };
    let name = Line {
        field: Field::MethodName,
        name: "form[name]",
        label: text!(locale, methods.name),
        hint: text!(locale, methods.name_hint),
        most: name::MAX_CHARS,
        value: saved.name.clone(),
        optional: false,
    };
    let name = name.text(error);
    let client_id = line(Field::ClientId, "form[client_id]", text!(locale, methods.client_id), "", &saved.client_id);
    view! {
        {hidden("form[method]", &saved.method)}
        {hidden("form[preset]", preset.key())}
        {name}
        {endpoints}
        {client_id}
        // The secret is never shown again (OA-17).
        {kept.map(|kept| hidden("form[kept]", kept))}
        <components::Field
            name="form[client_secret]"
            label=text!(locale, methods.client_secret)
            hint=secret_hint
            kind=Kind::Password
            most=MAX_TEXT_CHARS
            autocomplete="new-password"
            problem=secret_problem
        />
        {claim_fields(locale, &view, error)}
        <details class="disclosure" open=stays_open(false, error, MORE_SETTINGS)>
            <summary>{text!(locale, methods.more)}</summary>
            {more_settings(locale, preset, &view, error)}
        </details>
        <div class="actions">
            <Button busy disabled=!view.recently_authenticated>
                {text!(locale, methods.save_draft)}
            </Button>
        </div>
    }
    .into_any()
}

/// Name, label and hint of the field for a part of the issuer.
fn issuer_part(locale: Locale, preset: Preset, part: IssuerPart) -> (&'static str, &'static str, &'static str) {
    match part {
        IssuerPart::Tenant => {
            ("form[issuer_tenant]", text!(locale, methods.tenant), text!(locale, methods.tenant_hint))
        }
        IssuerPart::Domain if preset == Preset::Okta => {
            ("form[issuer_domain]", text!(locale, methods.okta_domain), text!(locale, methods.okta_domain_hint))
        }
        IssuerPart::Domain => {
            ("form[issuer_domain]", text!(locale, methods.auth0_domain), text!(locale, methods.auth0_domain_hint))
        }
        IssuerPart::Server => {
            ("form[issuer_server]", text!(locale, methods.server), text!(locale, methods.server_hint))
        }
        IssuerPart::Realm => ("form[issuer_realm]", text!(locale, methods.realm), text!(locale, methods.realm_hint)),
    }
}

/// How a person is read from what the provider says.
fn claim_fields(locale: Locale, view: &MethodView, error: Signal<Option<AppError>>) -> AnyView {
    let saved = &view.form;
    let received = view.test.as_ref().and_then(|test| test.claims());
    let claim = |field, name, label, hint, value: &String, optional| {
        Line { field, name, label, hint, most: MAX_PATH_CHARS, value: value.clone(), optional }
            .claim(locale, error, received)
    };
    let identifier = (text!(locale, methods.identifier), text!(locale, methods.identifier_hint));
    let first_name = (text!(locale, methods.first_name), text!(locale, methods.first_name_hint));
    let completions = received.map(|claims| {
        let options: Vec<_> = claims.iter().map(|claim| view! { <option value=claim.path.clone()></option> }).collect();
        view! { <datalist id=CLAIMS>{options}</datalist> }
    });
    view! {
        <fieldset class="claims-fields">
            <legend>{text!(locale, methods.claims)}</legend>
            <p class="field-hint">{text!(locale, methods.claims_hint)}</p>
            {claim(Field::IdentifierPath, "form[identifier]", identifier.0, identifier.1, &saved.identifier, false)}
            {claim(Field::EmailPath, "form[email]", text!(locale, methods.email), "", &saved.email, true)}
            {claim(Field::FirstNamePath, "form[first_name]", first_name.0, first_name.1, &saved.first_name, true)}
            {claim(Field::LastNamePath, "form[last_name]", text!(locale, methods.last_name), "", &saved.last_name, true)}
            {completions}
        </fieldset>
    }
    .into_any()
}

/// The `id` of the list of claims that a test received.
const CLAIMS: &str = "claims";

/// The fields of [`more_settings`] that can be wrong.
const MORE_SETTINGS: &[Field] = &[Field::ClientAuthentication, Field::DiscoveryUrl, Field::Scopes, Field::Parameters];

/// What few providers need.
fn more_settings(locale: Locale, preset: Preset, view: &MethodView, error: Signal<Option<AppError>>) -> AnyView {
    let saved = &view.form;
    let ways = [
        ("basic", text!(locale, methods.authentication_basic)),
        ("post", text!(locale, methods.authentication_post)),
        ("none", text!(locale, methods.authentication_none)),
    ];
    let policies =
        [("strict", text!(locale, methods.policy_strict)), ("identifier", text!(locale, methods.policy_identifier))];
    let first_sign_in =
        [("no", text!(locale, methods.first_sign_in_no)), ("yes", text!(locale, methods.first_sign_in_yes))];
    let line = |field, name, label, hint, value: &String, optional| {
        Line { field, name, label, hint, most: MAX_TEXT_CHARS, value: value.clone(), optional }.text(error)
    };
    let discovery = preset.is_open_id().then(|| {
        let (label, hint) = (text!(locale, methods.discovery_url), text!(locale, methods.discovery_url_hint));
        line(Field::DiscoveryUrl, "form[discovery_url]", label, hint, &saved.discovery_url, true)
    });
    let scopes = line(
        Field::Scopes,
        "form[scopes]",
        text!(locale, methods.scopes),
        text!(locale, methods.scopes_hint),
        &saved.scopes,
        false,
    );
    view! {
        {choice("form[client_authentication]", text!(locale, methods.authentication), text!(locale, methods.authentication_hint), &saved.client_authentication, &ways)}
        {discovery}
        {scopes}
        {parameters(locale, view, error)}
        {choice("form[email_policy]", text!(locale, methods.policy), text!(locale, methods.policy_hint), &saved.email_policy, &policies)}
        {choice("form[first_sign_in]", text!(locale, methods.first_sign_in), text!(locale, methods.first_sign_in_hint), &saved.first_sign_in, &first_sign_in)}
    }
    .into_any()
}

fn parameters(locale: Locale, view: &MethodView, error: Signal<Option<AppError>>) -> AnyView {
    let problem = problem_at(error, Field::Parameters);
    view! {
        <TextArea
            name="form[parameters]"
            label=text!(locale, methods.parameters)
            hint=text!(locale, methods.parameters_hint)
            rows=3
            most=MAX_TEXT_CHARS
            optional=true
            initial=view.form.parameters.clone()
            problem
        />
    }
    .into_any()
}

/// One line of the form.
struct Line {
    field: Field,
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    /// How many characters are taken.
    most: u32,
    value: String,
    optional: bool,
}

impl Line {
    /// A line of text.
    fn text(self, error: Signal<Option<AppError>>) -> AnyView {
        self.input(error, "", Callback::new(|_| ()), ().into_any())
    }

    /// The path of a claim. Where a test has just shown claims, they complete what is typed, and what it leads to stands below.
    fn claim(self, locale: Locale, error: Signal<Option<AppError>>, received: Option<&[ShownClaim]>) -> AnyView {
        let Some(claims) = received.map(<[ShownClaim]>::to_vec) else {
            return self.input(error, "", Callback::new(|_| ()), ().into_any());
        };
        let path = RwSignal::new(old_input(self.name).unwrap_or_else(|| self.value.clone()));
        let id = components::field_id(self.name);
        let found = move || {
            let path = path.get();
            let path = path.trim().trim_start_matches("$.");
            let claim = claims.iter().find(|claim| claim.path == path);
            claim.map_or_else(|| text!(locale, methods.nothing).to_owned(), |claim| claim.value.clone())
        };
        let on_input = Callback::new(move |typed| path.set(typed));
        let preview = view! {
            <p class="field-preview">
                {text!(locale, methods.preview)} " " <output id=format!("{id}-preview") for=id>{found}</output>
            </p>
        };
        self.input(error, CLAIMS, on_input, preview.into_any())
    }

    fn input(
        self,
        error: Signal<Option<AppError>>,
        list: &'static str,
        on_input: Callback<String>,
        beneath: AnyView,
    ) -> AnyView {
        let problem = problem_at(error, self.field);
        view! {
            <components::Field
                name=self.name
                label=self.label
                hint=self.hint
                kind=Kind::Verbatim
                most=self.most
                initial=self.value
                optional=self.optional
                problem
                list=list
                on_input=on_input
            >
                {beneath}
            </components::Field>
        }
        .into_any()
    }
}
