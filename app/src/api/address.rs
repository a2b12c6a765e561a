//! The links of a change of address: confirming it at the new one, taking it back at the old one. Whoever holds the link need not be signed
//! in: it may be opened on another device.

#[cfg(feature = "ssr")]
use super::*;
use crate::{domain::time::Timestamp, error::AppError};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What the link that this browser opened can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressChangeView {
    /// Confirm the change.
    Confirm {
        /// The address until now.
        old: String,
        /// The address from then on.
        new: String,
        /// Until when.
        until: Timestamp,
    },
    /// Take the change back.
    Undo {
        /// The address that comes back.
        old: String,
        /// Until when.
        until: Timestamp,
    },
    /// Nothing (any more).
    Ended,
}

/// What came of confirming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressChanged {
    /// The address is another one.
    Done {
        /// This one.
        email: String,
    },
    /// Somebody has a login with it: nothing changed.
    Taken {
        /// The address.
        email: String,
    },
}

/// What came of taking it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressRestored {
    /// The address is the old one, and every session ended.
    Done {
        /// This one.
        email: String,
    },
    /// Somebody made another login with it meanwhile: nothing changed.
    Taken {
        /// The address.
        email: String,
    },
}

/// What the link that this browser opened can do.
#[server(endpoint = "address/view")]
pub async fn view_address_change() -> Result<AddressChangeView, AppError> {
    backend()?.view_address_change(&visitor()?).await
}

/// Confirms the change (R48, PW-11).
#[server(endpoint = "address/confirm")]
pub async fn confirm_address_change() -> Result<AddressChanged, AppError> {
    let changed = set_cookies(backend()?.confirm_address_change(&visitor()?).await?);
    redirect_with_flash(crate::paths::ADDRESS, changed)
}

/// Takes the change back (R48, PW-11).
#[server(endpoint = "address/undo")]
pub async fn undo_address_change() -> Result<AddressRestored, AppError> {
    let restored = set_cookies(backend()?.undo_address_change(&visitor()?).await?);
    redirect_with_flash(crate::paths::ADDRESS, restored)
}
