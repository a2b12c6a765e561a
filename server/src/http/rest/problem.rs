//! Errors of the API as RFC 9457 has them, with codes that stay the same.

use app::{
    domain::{
        fields::{Field, FieldErrors},
        policy::Refusal,
    },
    error::{AppError, BadRequest},
    i18n::{Locale, error_text, problem_text},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What went wrong. Programs look at `code`; `title` and `detail` are for people, and may be worded anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// A page about this kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of problem it is, in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What kind of problem it is, for programs.
    #[schema(value_type = String)]
    code: ProblemCode,
    /// What went wrong this time, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong with the fields of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
    /// The permissions that are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    missing_permissions: Vec<String>,
    /// The member who is in the account already.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Uuid>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The field, as a JSON pointer into the body of the request.
    pointer: String,
    /// What is wrong, for programs, such as `required` or `not_offered`.
    code: String,
    /// What is wrong, in words.
    detail: String,
}

/// Declares each code once, with its text, its status and its title.
macro_rules! codes {
    ($($code:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// The kind of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum ProblemCode {
            $(#[serde(rename = $text)] #[doc = $title] $code),+
        }

        impl ProblemCode {
            /// All of them.
            pub(super) const ALL: &'static [Self] = &[$(Self::$code),+];

            /// Its text.
            pub(super) const fn key(self) -> &'static str {
                match self { $(Self::$code => $text),+ }
            }

            /// The status of an answer with it.
            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status),+ }
            }

            /// Its title.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$code => $title),+ }
            }
        }
    };
}

codes! {
    Malformed = "malformed", BAD_REQUEST, "The request cannot be read.";
    InvalidKey = "invalid_api_key", UNAUTHORIZED, "There is no API key in the request, or it does not work (any more).";
    MissingPermission = "missing_permission", FORBIDDEN, "The key, or the member it acts for, lacks a permission.";
    OwnersOnly = "owners_only", FORBIDDEN, "Only owners do this, and a key is never an owner.";
    MembersOnly = "members_only", FORBIDDEN, "Only keys of members do this, and this is one of Roster's operator.";
    PeopleOnly = "people_only", FORBIDDEN, "This asks for a recent sign-in, which only people have.";
    SecondFactorRequired = "second_factor_required", FORBIDDEN, "The account requires a second factor, and the key was created without one.";
    Refused = "refused", FORBIDDEN, "The account's rules do not allow this.";
    ForeignRequest = "foreign_request", FORBIDDEN, "The request comes from another site, or was sent to another name.";
    NotFound = "not_found", NOT_FOUND, "There is no such thing in this account.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This address does not know the method.";
    AlreadyMember = "already_member", CONFLICT, "This person is a member already.";
    AlreadyInvited = "already_invited", CONFLICT, "This person is invited already.";
    MemberSuspended = "member_suspended", CONFLICT, "This person is a suspended member: reactivate them.";
    RemovedBefore = "removed_before", CONFLICT, "This person was a member once: say what to do in `if_removed`.";
    WrongStatus = "wrong_status", CONFLICT, "The member's status does not allow this.";
    AlreadyDecided = "already_decided", CONFLICT, "Somebody decided before.";
    IdentifierTaken = "identifier_taken", CONFLICT, "Another member has this user identifier.";
    RequestUnderWay = "request_under_way", CONFLICT, "A request with this Idempotency-Key is still under way.";
    Changed = "changed_meanwhile", PRECONDITION_FAILED, "Somebody changed the member meanwhile: read it again.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large.";
    AddressTooLong = "address_too_long", URI_TOO_LONG, "The address is too long.";
    WrongContentType = "wrong_content_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON, and say so.";
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "Something in the body is not in order.";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "This Idempotency-Key came with another request.";
    PreconditionRequired = "precondition_required", PRECONDITION_REQUIRED, "Send the ETag of the member in If-Match.";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests: wait a little.";
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong here. The log has more under X-Request-Id.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Roster is busy: try again in a moment.";
}

impl Problem {
    /// A problem of this kind.
    pub(super) fn new(code: ProblemCode) -> Self {
        Self {
            kind: format!("/api/v1/docs#{}", code.key()),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: None,
            errors: Vec::new(),
            missing_permissions: Vec::new(),
            member: None,
            retry_after_s: None,
        }
    }

    /// The same, with what went wrong this time.
    pub(super) fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same, about this member.
    pub(super) fn about(self, member: Uuid) -> Self {
        Self { member: Some(member), ..self }
    }

    /// The same, with when to come back.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// One field is wrong.
    pub(super) fn of_field(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        let one = FieldProblem { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() };
        Self { errors: vec![one], ..Self::new(ProblemCode::Invalid) }
    }

    /// The same, with its fields below this pointer.
    pub(super) fn below(mut self, pointer: &str) -> Self {
        for error in &mut self.errors {
            error.pointer.insert_str(0, pointer);
        }
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let retry_after = self.retry_after_s.map(HeaderValue::from);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roster\""));
        }
        response
    }
}

/// An error of a layer around the API, in the API's form.
pub(in crate::http) fn problem_of(error: AppError) -> Response {
    Problem::from(error).into_response()
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let detail = error_text(Locale::en, &error);
        match error {
            AppError::Unauthenticated | AppError::NoLongerAMember { .. } => Self::new(ProblemCode::InvalidKey),
            AppError::WrongCredentials
            | AppError::PasskeyRefused
            | AppError::ReauthenticationRequired
            | AppError::OpenTheLinkAgain => Self::new(ProblemCode::PeopleOnly),
            AppError::SecondFactorRequired => Self::new(ProblemCode::SecondFactorRequired),
            AppError::Refused(refusal) => Self::from(refusal).saying(detail),
            AppError::NotFound => Self::new(ProblemCode::NotFound),
            AppError::Invalid(fields) => Self { errors: field_problems(&fields), ..Self::new(ProblemCode::Invalid) },
            AppError::ProviderFailed { words, .. } => Self::new(ProblemCode::Invalid).saying(words),
            AppError::ChangedMeanwhile { .. } => Self::new(ProblemCode::Changed),
            AppError::RateLimited { retry_after_s } => Self::new(ProblemCode::RateLimited).retry_after(retry_after_s),
            AppError::Unavailable => Self::new(ProblemCode::Unavailable),
            AppError::Internal { .. } | AppError::Transport => Self::new(ProblemCode::Internal),
            AppError::BadRequest(why) => Self::from(why),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let lacking =
            |missing: Vec<String>| Self { missing_permissions: missing, ..Self::new(ProblemCode::MissingPermission) };
        match refusal {
            Refusal::Needs { gate } => lacking(vec![gate.key().to_owned()]),
            Refusal::AboveYourOwn { missing }
            | Refusal::TheyHoldMore { missing }
            | Refusal::RolePeopleHoldMore { missing }
            | Refusal::RoleHoldsMore { missing } => lacking(missing.iter().map(ToString::to_string).collect()),
            Refusal::OnlyOwnersMakeOwners | Refusal::OnlyOwnersChangeAccount => Self::new(ProblemCode::OwnersOnly),
            Refusal::OwnPasswordNeeded => Self::new(ProblemCode::PeopleOnly),
            Refusal::RoleGone
            | Refusal::RoleInUse { .. }
            | Refusal::TooManyRoles { .. }
            | Refusal::TooManyApiKeys { .. }
            | Refusal::TooManyWebhooks { .. }
            | Refusal::NoSelfPromotion { .. }
            | Refusal::LeaveInstead
            | Refusal::LastOwner
            | Refusal::NoOwnerReady
            | Refusal::AccountDeleted
            | Refusal::OwnLoginDeleted
            | Refusal::WantsNoInvitations => Self::new(ProblemCode::Refused),
        }
    }
}

impl From<BadRequest> for Problem {
    fn from(why: BadRequest) -> Self {
        Self::new(match why {
            BadRequest::CrossOrigin | BadRequest::ForeignHost { .. } | BadRequest::UnknownOrigin => {
                ProblemCode::ForeignRequest
            }
            BadRequest::BodyTooLarge => ProblemCode::BodyTooLarge,
            BadRequest::AddressTooLong => ProblemCode::AddressTooLong,
            BadRequest::HeadersTooLarge => ProblemCode::HeadersTooLarge,
            BadRequest::WrongContentType => ProblemCode::WrongContentType,
            BadRequest::FormPost | BadRequest::Malformed | BadRequest::Intercepted { .. } => ProblemCode::Malformed,
        })
    }
}

fn field_problems(fields: &FieldErrors) -> Vec<FieldProblem> {
    let one = |(field, problem)| FieldProblem {
        pointer: pointer_of(field).to_owned(),
        code: code_of(problem),
        detail: problem_text(Locale::en, problem),
    };
    fields.all().map(one).collect()
}

/// The key of a problem: that of its variant.
fn code_of(problem: app::domain::fields::Problem) -> String {
    match serde_json::to_value(problem) {
        Ok(serde_json::Value::String(key)) => key,
        Ok(serde_json::Value::Object(with)) => with.keys().next().cloned().unwrap_or_default(),
        Ok(_) | Err(_) => String::new(),
    }
}

/// Where a field of the pages' forms stands in the bodies of the API. Fields that it has not are about the whole.
const fn pointer_of(field: Field) -> &'static str {
    match field {
        Field::Email => "/email",
        Field::LoginMethod => "/login_method",
        Field::Identifier => "/identifier",
        // One gives up permissions of one's own by hand.
        Field::Role | Field::Confirmation => "/role",
        Field::Extras => "/extras",
        Field::Language => "/language",
        Field::Lifetime => "/lifetime_hours",
        Field::FirstName => "/first_name",
        Field::LastName => "/last_name",
        Field::Permissions => "/permission",
        Field::AccountName
        | Field::Slug
        | Field::Name
        | Field::People
        | Field::Password
        | Field::PresentPassword
        | Field::Code
        | Field::RecoveryCode
        | Field::RequiredOf
        | Field::RequiredRoles
        | Field::GraceDays
        | Field::FactorValues
        | Field::FactorName
        | Field::RoleName
        | Field::TimeZone
        | Field::Theme
        | Field::MethodName
        | Field::Issuer
        | Field::IssuerTenant
        | Field::IssuerDomain
        | Field::IssuerServer
        | Field::IssuerRealm
        | Field::Reminders
        | Field::WebhookUrl
        | Field::WebhookDescription
        | Field::WebhookEvents
        | Field::Replies
        | Field::DiscoveryUrl
        | Field::AuthorizationUrl
        | Field::TokenUrl
        | Field::UserInfoUrl
        | Field::ClientId
        | Field::ClientSecret
        | Field::ClientAuthentication
        | Field::Scopes
        | Field::Parameters
        | Field::IdentifierPath
        | Field::EmailPath
        | Field::FirstNamePath
        | Field::LastNamePath => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::domain::{fields, permission::Gate};
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_text_of_its_own_and_is_written_as_it() {
        let keys: BTreeSet<_> = ProblemCode::ALL.iter().map(|code| code.key()).collect();
        assert_eq!(keys.len(), ProblemCode::ALL.len());
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.key());
            assert!(!code.status().is_success());
        }
    }

    #[test]
    fn the_guide_lists_every_code_in_order() {
        let guide = include_str!("../../../../docs/api.md");
        let lines: String = ProblemCode::ALL
            .iter()
            .map(|code| format!("| `{}` | {} | {} |\n", code.key(), code.status().as_u16(), code.title()))
            .collect();
        assert!(guide.contains(&lines), "docs/api.md should say:\n{lines}");
    }

    #[test]
    fn a_refusal_names_what_is_missing() {
        let problem = Problem::from(AppError::Refused(Refusal::Needs { gate: Gate::UsersInvite }));
        assert_eq!((problem.status, problem.missing_permissions), (403, vec!["users.invite".to_owned()]));
    }

    #[test]
    fn a_wrong_field_is_named_by_a_pointer_and_a_code() {
        let too_long = fields::Problem::TooLong { most: 5 };
        let problem =
            Problem::from(AppError::Invalid(FieldErrors::one(Field::Email, too_long))).below("/invitations/3");
        let [error] = &problem.errors[..] else { panic!("{problem:?}") };
        assert_eq!((error.pointer.as_str(), error.code.as_str()), ("/invitations/3/email", "too_long"));
    }
}
