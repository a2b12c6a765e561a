//! The words that stand in labels.

use app::error::AppError;
use http::{Method, StatusCode};

/// Declares the words of a label: each is counted from the start.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// The word.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)*
                }
            }
        }
    };
}

words! {
    /// Why a request was denied (AZ-17).
    Denial {
        /// The policy says no.
        Refused = "refused",
        /// No such thing, or none that the caller may know of.
        NotFound = "not_found",
        /// The caller was in the account, and is no more.
        NoLongerAMember = "no_longer_a_member",
        /// Nobody is signed in.
        NotSignedIn = "not_signed_in",
        /// It wants a proof that is not old.
        NotProvedRecently = "not_proved_recently",
        /// The account requires a second factor.
        NoSecondFactor = "no_second_factor",
        /// Another link than the one that the browser holds, or none.
        WrongLink = "wrong_link",
        /// A rate limit.
        OverALimit = "over_a_limit",
        /// An API key that opens nothing.
        WrongKey = "wrong_key",
    }
}

words! {
    /// What somebody proved, or tried to, to sign in.
    Proved {
        /// Address and password.
        Password = "password",
        /// A passkey alone.
        Passkey = "passkey",
        /// The second factor of a sign-in that began with a password.
        SecondFactor = "second_factor",
        /// What the account's provider says.
        Provider = "provider",
    }
}

words! {
    /// What became of a sign-in.
    SignInResult {
        /// There is a session.
        Succeeded = "succeeded",
        /// The password is right; a second factor is asked for.
        SecondFactorAsked = "second_factor_asked",
        /// It does not fit, or there is nobody of that name.
        Wrong = "wrong",
        /// Too many tries.
        OverALimit = "over_a_limit",
        /// Roster was busy or had a fault.
        Failed = "failed",
    }
}

impl SignInResult {
    /// The result that an error stands for.
    pub const fn of_error(error: &AppError) -> Self {
        match error {
            AppError::WrongCredentials
            | AppError::PasskeyRefused
            | AppError::Invalid(_)
            | AppError::Unauthenticated
            | AppError::NotFound
            | AppError::Refused(_)
            | AppError::NoLongerAMember { .. }
            | AppError::ReauthenticationRequired
            | AppError::SecondFactorRequired
            | AppError::OpenTheLinkAgain
            | AppError::BadRequest(_)
            | AppError::ChangedMeanwhile { .. } => Self::Wrong,
            AppError::RateLimited { .. } => Self::OverALimit,
            AppError::ProviderFailed { .. }
            | AppError::Unavailable
            | AppError::Internal { .. }
            | AppError::Transport => Self::Failed,
        }
    }
}

words! {
    /// What came of an attempt to send a mail.
    MailResult {
        /// The mail server took it.
        Accepted = "accepted",
        /// It is tried again.
        Deferred = "deferred",
        /// Whether it arrived is not known.
        Unanswered = "unanswered",
        /// It was given up.
        Refused = "refused",
        /// It was not needed any more.
        Dropped = "dropped",
    }
}

words! {
    /// What came of an attempt to deliver to a webhook.
    WebhookResult {
        /// It was taken.
        Delivered = "delivered",
        /// It is tried again.
        Deferred = "deferred",
        /// It was given up.
        Failed = "failed",
    }
}

words! {
    /// What waits in the database to be sent.
    Queue {
        /// Mails.
        Mails = "mails",
        /// Deliveries to webhooks.
        Webhooks = "webhooks",
        /// Platforms that are told of an ended sign-in.
        SignOuts = "sign_outs",
    }
}

words! {
    /// Where in its queue an entry is.
    QueueState {
        /// It is due, and nobody has taken it yet.
        Due = "due",
        /// A worker has it.
        Sending = "sending",
        /// It failed, and is tried again later.
        Retried = "retried",
        /// Its time has not come yet.
        Scheduled = "scheduled",
    }
}

/// The method as a label: clients may send any text.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

pub(super) fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
