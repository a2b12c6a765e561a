//! The one error that reaches people: a closed list, worded by the i18n tables.

use crate::domain::{edit::EditProblem, fields::FieldErrors, oauth::Failure, policy::Refusal, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What went wrong, in a form that a page can put into words. Never free text from below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppError {
    /// Nobody is signed in.
    Unauthenticated,
    /// Email address and password do not go together.
    WrongCredentials,
    /// What a browser answered about a passkey does not count.
    PasskeyRefused,
    /// The caller authenticated too long ago for this (AZ-16).
    ReauthenticationRequired,
    /// The account requires a second factor, and the session did not prove one (LT-09).
    SecondFactorRequired,
    /// The policy refuses.
    Refused(Refusal),
    /// There is no such thing, or none that the caller may know of.
    NotFound,
    /// The caller was in this account and is no more (R36).
    NoLongerAMember {
        /// The account's name.
        account: String,
    },
    /// The fields of the form are not in order.
    Invalid(FieldErrors),
    /// A provider that had to be asked did not answer as it should.
    ProviderFailed {
        /// What failed, with the values that tell of it.
        failure: Failure,
        /// The same in words of the caller's language: pages need not carry the words of every fault, and others can show them.
        words: String,
    },
    /// Somebody else changed the row meanwhile (R66).
    ChangedMeanwhile {
        /// Who; `None` for the system.
        by: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// The invitation or set-up link is not the one this browser holds, or no longer good.
    OpenTheLinkAgain,
    /// Too many tries.
    RateLimited {
        /// Seconds until the next one.
        retry_after_s: u64,
    },
    /// Roster is busy or its database is away.
    Unavailable,
    /// A fault of ours; the log has more under this id.
    Internal {
        /// The request's id.
        request_id: String,
    },
    /// Turned away before anybody looked at what was asked for.
    BadRequest(BadRequest),
    /// No answer came: the network is gone, or Roster is.
    Transport,
}

/// Why a request is turned away before anybody looks at what it asks for. Most of these are a proxy's doing, so their words are for the
/// person and for whoever runs Roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadRequest {
    /// It comes from another site (BR-04).
    CrossOrigin,
    /// It was sent to Roster under a name that is not its own.
    ForeignHost {
        /// Roster's own address, as configured.
        address: String,
    },
    /// Neither the browser nor what stands between says where it comes from.
    UnknownOrigin,
    /// A provider sends people back by a form, and not by a link.
    FormPost,
    /// The body is larger than any form of ours (IN-09).
    BodyTooLarge,
    /// The address is longer than any of ours (IN-09).
    AddressTooLong,
    /// The headers, mostly cookies, are larger than Roster takes (IN-09).
    HeadersTooLarge,
    /// The body is not form encoded (BR-06).
    WrongContentType,
    /// It cannot be read, or could be read in two ways (BR-16).
    Malformed,
    /// Something between browser and Roster answered in its place. Only browsers find this out.
    Intercepted {
        /// With this status.
        status: u16,
    },
}

impl BadRequest {
    /// The HTTP status of this refusal.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::CrossOrigin | Self::ForeignHost { .. } | Self::UnknownOrigin => StatusCode::FORBIDDEN,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AddressTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::WrongContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::FormPost | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Intercepted { .. } => StatusCode::BAD_GATEWAY,
        }
    }
}

impl AppError {
    /// Does it say nothing of what was asked for, so that the same may succeed a little later?
    pub const fn may_pass(&self) -> bool {
        self.may_pass_soon() || matches!(self, Self::RateLimited { .. })
    }

    /// The same, but for limits, which may last for days.
    pub const fn may_pass_soon(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal { .. } | Self::Transport)
    }

    /// The HTTP status of this error.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::Unauthenticated | Self::WrongCredentials | Self::PasskeyRefused => StatusCode::UNAUTHORIZED,
            Self::Refused(_)
            | Self::NoLongerAMember { .. }
            | Self::ReauthenticationRequired
            | Self::SecondFactorRequired => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid(_) | Self::OpenTheLinkAgain | Self::Transport => StatusCode::BAD_REQUEST,
            Self::BadRequest(why) => why.status(),
            Self::ProviderFailed { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ChangedMeanwhile { .. } => StatusCode::CONFLICT,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The problems by field, where that is what went wrong.
    pub fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::Invalid(fields) => Some(fields),
            Self::Unauthenticated
            | Self::WrongCredentials
            | Self::PasskeyRefused
            | Self::ReauthenticationRequired
            | Self::SecondFactorRequired
            | Self::Refused(_)
            | Self::NotFound
            | Self::NoLongerAMember { .. }
            | Self::ProviderFailed { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::OpenTheLinkAgain
            | Self::RateLimited { .. }
            | Self::Unavailable
            | Self::Internal { .. }
            | Self::BadRequest(_)
            | Self::Transport => None,
        }
    }
}

impl From<BadRequest> for AppError {
    fn from(why: BadRequest) -> Self {
        Self::BadRequest(why)
    }
}

impl From<FieldErrors> for AppError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<EditProblem> for AppError {
    fn from(problem: EditProblem) -> Self {
        match problem {
            EditProblem::Refused(refusal) => Self::Refused(refusal),
            EditProblem::Invalid(errors) => Self::Invalid(errors),
            EditProblem::ReauthenticationRequired => Self::ReauthenticationRequired,
        }
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for AppError {}
