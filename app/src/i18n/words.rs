//! What the domain says, in words: problems, refusals, errors, roles and permissions.

use super::{Locale, text};
use crate::{
    domain::{
        fields::Problem,
        language::Language,
        list::{Count, MAX_COUNTED_ROWS},
        permission::{CatalogueEntry, PermissionKey, Permissions},
        policy::Refusal,
        role::{BuiltInRole, RoleKey, Roles},
    },
    error::{AppError, BadRequest},
};

/// What is wrong with a field.
pub fn problem_text(locale: Locale, problem: Problem) -> String {
    match problem {
        Problem::Required => text!(locale, errors.required).into(),
        Problem::NoneChosen => text!(locale, errors.none_chosen).into(),
        Problem::TooLong { most } => text!(locale, errors.too_long, most = most),
        Problem::TooMany { most } => text!(locale, errors.too_many, most = most),
        Problem::TooShort { least } => text!(locale, errors.too_short, least = least),
        Problem::NotBetween { least, most } => text!(locale, errors.not_between, least = least, most = most),
        Problem::NotAnEmail => text!(locale, errors.not_an_email).into(),
        Problem::NotAName => text!(locale, errors.not_a_name).into(),
        Problem::NotASlug => text!(locale, errors.not_a_slug).into(),
        Problem::Taken => text!(locale, errors.taken).into(),
        Problem::ChangedTooOften { most, days } => text!(locale, errors.changed_too_often, most = most, days = days),
        Problem::InTheList => text!(locale, errors.in_the_list).into(),
        Problem::LoginDeleted => text!(locale, errors.login_deleted).into(),
        Problem::WantsNoInvitations => text!(locale, errors.wants_no_invitations).into(),
        Problem::NotOffered => text!(locale, errors.not_offered).into(),
        Problem::NotAnActiveMember => text!(locale, errors.not_an_active_member).into(),
        Problem::OwnerAlready => text!(locale, errors.owner_already).into(),
        Problem::CannotSignIn => text!(locale, errors.cannot_sign_in).into(),
        Problem::MailboxNotProved => text!(locale, errors.mailbox_not_proved).into(),
        Problem::TooCommon => text!(locale, errors.too_common).into(),
        Problem::FromYourWords => text!(locale, errors.from_your_words).into(),
        Problem::NotTheInvitedAddress => text!(locale, errors.not_the_invited_address).into(),
        Problem::WrongCode => text!(locale, errors.wrong_code).into(),
        Problem::WrongPassword => text!(locale, errors.wrong_password).into(),
        Problem::NotConfirmed => text!(locale, errors.not_confirmed).into(),
        Problem::NotAnIdentifier => text!(locale, errors.not_an_identifier).into(),
        Problem::NoPassword => text!(locale, errors.no_password).into(),
        Problem::SignInInstead => text!(locale, errors.sign_in_instead).into(),
        Problem::NotAnHttpsUrl => text!(locale, errors.not_an_https_url).into(),
        Problem::NotAPublicAddress => text!(locale, errors.not_a_public_address).into(),
        Problem::NotAClaimPath => text!(locale, errors.not_a_claim_path).into(),
        Problem::NotParameters => text!(locale, errors.not_parameters).into(),
        Problem::StillATemplate => text!(locale, errors.still_a_template).into(),
        Problem::MoreThanThePart => text!(locale, errors.more_than_the_part).into(),
    }
}

/// Why the policy refuses. `roles` words the permissions; without it, their keys stand for them.
pub fn refusal_text(locale: Locale, refusal: &Refusal, roles: Option<&Roles>) -> String {
    let list = |keys: &Permissions| permission_list(locale, keys, roles);
    match refusal {
        Refusal::Needs { gate } => {
            text!(locale, errors.needs, permission = permission_name(locale, &gate.permission(), roles))
        }
        Refusal::AboveYourOwn { missing } => text!(locale, errors.above_your_own, permissions = list(missing)),
        Refusal::OnlyOwnersMakeOwners => text!(locale, errors.only_owners).into(),
        Refusal::OnlyOwnersChangeAccount => text!(locale, errors.only_owners_change_account).into(),
        Refusal::TheyHoldMore { missing } => text!(locale, errors.they_hold_more, permissions = list(missing)),
        Refusal::NoSelfPromotion { gained } if gained.is_empty() => text!(locale, errors.no_self_ownership).into(),
        Refusal::NoSelfPromotion { gained } => text!(locale, errors.no_self_promotion, permissions = list(gained)),
        Refusal::RoleGone => text!(locale, errors.role_gone).into(),
        Refusal::RolePeopleHoldMore { missing } => {
            text!(locale, errors.role_people_hold_more, permissions = list(missing))
        }
        Refusal::RoleHoldsMore { missing } => text!(locale, errors.role_holds_more, permissions = list(missing)),
        Refusal::RoleInUse { people: Count::Exactly(1) } => text!(locale, errors.role_in_use_one).into(),
        Refusal::RoleInUse { people: Count::Exactly(people) } => {
            text!(locale, errors.role_in_use, people = grouped(locale, *people))
        }
        Refusal::RoleInUse { people: Count::Many } => {
            text!(locale, errors.role_in_use_many, people = grouped(locale, MAX_COUNTED_ROWS))
        }
        Refusal::TooManyApiKeys { most } => text!(locale, errors.too_many_api_keys, most = *most),
        Refusal::TooManyWebhooks { most } => text!(locale, errors.too_many_webhooks, most = *most),
        Refusal::TooManyRoles { most } => text!(locale, errors.too_many_roles, most = *most),
        Refusal::LeaveInstead => text!(locale, errors.leave_instead).into(),
        Refusal::LastOwner => text!(locale, errors.last_owner).into(),
        Refusal::AccountDeleted => text!(locale, errors.account_deleted).into(),
        Refusal::OwnLoginDeleted => text!(locale, errors.own_login_deleted).into(),
        Refusal::WantsNoInvitations => text!(locale, errors.wants_no_invitations).into(),
        Refusal::NoOwnerReady => text!(locale, errors.no_owner_ready).into(),
        Refusal::OwnPasswordNeeded => text!(locale, errors.own_password_needed).into(),
    }
}

/// What went wrong.
pub fn error_text(locale: Locale, error: &AppError) -> String {
    match error {
        AppError::Unauthenticated => text!(locale, errors.unauthenticated).into(),
        AppError::WrongCredentials => text!(locale, errors.wrong_credentials).into(),
        AppError::PasskeyRefused => text!(locale, errors.passkey_refused).into(),
        AppError::ReauthenticationRequired => text!(locale, errors.reauthentication_required).into(),
        AppError::SecondFactorRequired => text!(locale, errors.second_factor_required).into(),
        AppError::Refused(refusal) => refusal_text(locale, refusal, None),
        AppError::NotFound => text!(locale, errors.not_found).into(),
        AppError::NoLongerAMember { account } => text!(locale, errors.no_longer_a_member, account = account.clone()),
        AppError::Invalid(_) => text!(locale, errors.invalid).into(),
        AppError::ChangedMeanwhile { by: Some(by), .. } => text!(locale, errors.changed_by, by = by.clone()),
        AppError::ChangedMeanwhile { by: None, .. } => text!(locale, errors.changed).into(),
        AppError::OpenTheLinkAgain => text!(locale, errors.open_the_link_again).into(),
        AppError::RateLimited { retry_after_s } if *retry_after_s < 120 => {
            text!(locale, errors.rate_limited_seconds, seconds = (*retry_after_s).max(1))
        }
        AppError::RateLimited { retry_after_s } => {
            text!(locale, errors.rate_limited_minutes, minutes = retry_after_s.div_ceil(60))
        }
        AppError::Unavailable => text!(locale, errors.unavailable).into(),
        AppError::Internal { request_id } => text!(locale, errors.internal, id = request_id.clone()),
        AppError::BadRequest(why) => bad_request_text(locale, why),
        AppError::ProviderFailed { words, .. } => words.clone(),
        AppError::Transport => text!(locale, errors.transport).into(),
    }
}

/// Why a request was turned away, and what to do about it.
fn bad_request_text(locale: Locale, why: &BadRequest) -> String {
    match why {
        BadRequest::CrossOrigin => text!(locale, errors.cross_origin).into(),
        BadRequest::ForeignHost { address } => text!(locale, errors.foreign_host, address = address.clone()),
        BadRequest::UnknownOrigin => text!(locale, errors.unknown_origin).into(),
        BadRequest::FormPost => text!(locale, errors.form_post).into(),
        BadRequest::BodyTooLarge => text!(locale, errors.body_too_large).into(),
        BadRequest::AddressTooLong => text!(locale, errors.address_too_long).into(),
        BadRequest::HeadersTooLarge => text!(locale, errors.headers_too_large).into(),
        BadRequest::WrongContentType => text!(locale, errors.wrong_content_type).into(),
        BadRequest::Malformed => text!(locale, errors.malformed).into(),
        BadRequest::Intercepted { status } => text!(locale, errors.intercepted, status = *status),
    }
}

/// A person by name and address, or by the address alone.
pub fn person_words(name: Option<&str>, email: &str) -> String {
    name.map_or_else(|| email.to_owned(), |name| format!("{name} ({email})"))
}

/// How long an invitation's link is valid.
pub fn lifetime_words(locale: Locale, hours: i64) -> String {
    match hours {
        1 => text!(locale, users.hours_1).to_owned(),
        24 => text!(locale, users.days_1).to_owned(),
        more => text!(locale, users.days, count = more / 24),
    }
}

/// The name of a role: the account's own, be it deleted or not, or the built-in one in this language, or else its key.
pub fn role_name(locale: Locale, key: &RoleKey, roles: Option<&Roles>) -> String {
    role_name_or(locale, key, roles.and_then(|roles| roles.own_name(key)))
}

/// The same where the account's roles are not at hand, but the name of this one, if it is the account's own.
pub fn role_name_or(locale: Locale, key: &RoleKey, own: Option<&str>) -> String {
    if let Some(name) = own {
        return name.to_owned();
    }
    match BuiltInRole::from_key(key) {
        Some(role) => built_in_role(locale, role).into(),
        None => key.to_string(),
    }
}

fn built_in_role(locale: Locale, role: BuiltInRole) -> &'static str {
    match role {
        BuiltInRole::Owner => text!(locale, catalogue.role_owner),
        BuiltInRole::Admin => text!(locale, catalogue.role_admin),
        BuiltInRole::Editor => text!(locale, catalogue.role_editor),
        BuiltInRole::Agent => text!(locale, catalogue.role_agent),
        BuiltInRole::Analyst => text!(locale, catalogue.role_analyst),
        BuiltInRole::Viewer => text!(locale, catalogue.role_viewer),
    }
}

/// The label of a permission of the catalogue: the operator's, or the built-in one, or else its key.
pub fn permission_label(locale: Locale, entry: &CatalogueEntry) -> String {
    let tag = Language::from(locale).tag();
    match entry.labels.get(tag).or_else(|| entry.labels.get(Language::default().tag())) {
        Some(label) => label.clone(),
        None => built_in_permission(locale, &entry.key).map_or_else(|| entry.key.to_string(), str::to_owned),
    }
}

/// The label of a permission known by its key alone.
pub fn permission_name(locale: Locale, key: &PermissionKey, roles: Option<&Roles>) -> String {
    match roles.and_then(|roles| roles.catalogue.entries().iter().find(|entry| entry.key == *key)) {
        Some(entry) => permission_label(locale, entry),
        None => built_in_permission(locale, key).map_or_else(|| key.to_string(), str::to_owned),
    }
}

/// Several permissions in one line, in the order of the catalogue.
pub fn permission_list(locale: Locale, keys: &Permissions, roles: Option<&Roles>) -> String {
    keys.iter().map(|key| permission_name(locale, key, roles)).collect::<Vec<_>>().join(", ")
}

/// Keys are open: the operator's configuration may name any. These are the ones that Roster brings.
fn built_in_permission(locale: Locale, key: &PermissionKey) -> Option<&'static str> {
    Some(match key.as_str() {
        "users.read" => text!(locale, catalogue.users_read),
        "users.invite" => text!(locale, catalogue.users_invite),
        "users.edit" => text!(locale, catalogue.users_edit),
        "users.remove" => text!(locale, catalogue.users_remove),
        "roles.manage" => text!(locale, catalogue.roles_manage),
        "login_methods.manage" => text!(locale, catalogue.login_methods_manage),
        "audit.read" => text!(locale, catalogue.audit_read),
        "api_keys.manage" => text!(locale, catalogue.api_keys_manage),
        "webhooks.manage" => text!(locale, catalogue.webhooks_manage),
        "billing.manage" => text!(locale, catalogue.billing_manage),
        "bots.read" => text!(locale, catalogue.bots_read),
        "bots.edit" => text!(locale, catalogue.bots_edit),
        "bots.publish" => text!(locale, catalogue.bots_publish),
        "conversations.read" => text!(locale, catalogue.conversations_read),
        "conversations.reply" => text!(locale, catalogue.conversations_reply),
        "analytics.read" => text!(locale, catalogue.analytics_read),
        "analytics.export" => text!(locale, catalogue.analytics_export),
        _ => return None,
    })
}

/// The heading of an area of permissions; an operator's own area is its own heading.
pub fn area_label(locale: Locale, area: &str) -> String {
    match area {
        "users" => text!(locale, catalogue.area_users).into(),
        "roles" => text!(locale, catalogue.area_roles).into(),
        "login_methods" => text!(locale, catalogue.area_login_methods).into(),
        "audit" => text!(locale, catalogue.area_audit).into(),
        "api_keys" => text!(locale, catalogue.area_api_keys).into(),
        "webhooks" => text!(locale, catalogue.area_webhooks).into(),
        "billing" => text!(locale, catalogue.area_billing).into(),
        "bots" => text!(locale, catalogue.area_bots).into(),
        "conversations" => text!(locale, catalogue.area_conversations).into(),
        "analytics" => text!(locale, catalogue.area_analytics).into(),
        other => other.to_owned(),
    }
}

/// A number with its thousands apart: `10,000`, `10.000`.
pub fn grouped(locale: Locale, n: u64) -> String {
    let separator = match locale {
        Locale::en => ',',
        Locale::de => '.',
    };
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{permission::Catalogue, role::Role};

    #[test]
    fn every_built_in_permission_has_a_label_and_an_area() {
        for entry in Catalogue::with([]).entries() {
            for language in Language::ALL {
                assert_ne!(permission_label(language.into(), entry), entry.key.as_str());
                assert_ne!(area_label(language.into(), &entry.area), entry.area);
            }
        }
    }

    #[test]
    fn r28_a_role_of_the_accounts_own_keeps_its_name_when_it_is_deleted() {
        let mut roles = Roles::built_in(Catalogue::with([]));
        let [own, former, unknown] = ["a1", "b2", "c3"].map(RoleKey::new);
        roles.roles.push(Role {
            key: own.clone(),
            name: Some("Support lead".to_owned()),
            permissions: Permissions::new(),
        });
        roles.former.insert(former.clone(), "Helpers".to_owned());
        let name = |key: &RoleKey| role_name(Locale::de, key, Some(&roles));
        assert_eq!([name(&own), name(&former), name(&unknown)], ["Support lead", "Helpers", "c3"]);
        assert_eq!(name(&BuiltInRole::Viewer.role()), "Nur ansehen");
    }

    #[test]
    fn an_operators_label_wins_in_its_language_and_english_stands_in() {
        let mut entry = Catalogue::with([]).entries()[0].clone();
        entry.labels.insert("en".into(), "Pilot the ship".into());
        assert_eq!(permission_label(Locale::de, &entry), "Pilot the ship");
        entry.labels.insert("de".into(), "Schiff lenken".into());
        assert_eq!(permission_label(Locale::de, &entry), "Schiff lenken");
    }

    #[test]
    fn large_numbers_are_legible() {
        assert_eq!(grouped(Locale::en, 0), "0");
        assert_eq!(grouped(Locale::en, 999), "999");
        assert_eq!(grouped(Locale::en, 10_000), "10,000");
        assert_eq!(grouped(Locale::de, 1_234_567), "1.234.567");
    }
}
