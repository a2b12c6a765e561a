//! Handing an account over: an owner offers it to another member, who accepts or declines (R34).

use super::login_methods::NextPage;
#[cfg(feature = "ssr")]
use super::login_methods::go_on;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{ids::OfferId, time::Timestamp},
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// An open offer, as one of its two people sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipOffer {
    /// The offer.
    pub id: OfferId,
    /// The name of the other person, if there is one.
    pub name: Option<String>,
    /// The address of the other person.
    pub email: String,
    /// Until when it can be accepted.
    pub expires: Timestamp,
}

/// Offers to a member, as the member sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipOffers {
    /// The offers, newest first.
    pub offers: Vec<OwnershipOffer>,
    /// Did the member authenticate recently enough to accept one (AZ-16)?
    pub recently_authenticated: bool,
}

/// To whom an account is offered, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfferForm {
    /// The address of an active member.
    pub email: String,
}

/// Offers ownership to a member. Owners alone do, and are asked for a recent authentication (AZ-16).
#[server(endpoint = "ownership/offer")]
pub async fn offer_ownership(account: String, #[server(default)] form: OfferForm) -> Result<NextPage, AppError> {
    go_on(backend()?.offer_ownership(&caller_in(&account)?, form).await?)
}

/// Takes the caller's own offer back.
#[server(endpoint = "ownership/withdraw")]
pub async fn withdraw_ownership(account: String, offer: String) -> Result<NextPage, AppError> {
    go_on(backend()?.withdraw_ownership(&caller_in(&account)?, id(&offer)?).await?)
}

/// Accepts an offer to the caller. Asks for a recent authentication (AZ-16).
#[server(endpoint = "ownership/accept")]
pub async fn accept_ownership(account: String, offer: String) -> Result<NextPage, AppError> {
    go_on(backend()?.accept_ownership(&caller_in(&account)?, id(&offer)?).await?)
}

/// Declines an offer to the caller.
#[server(endpoint = "ownership/decline")]
pub async fn decline_ownership(account: String, offer: String) -> Result<NextPage, AppError> {
    go_on(backend()?.decline_ownership(&caller_in(&account)?, id(&offer)?).await?)
}
