//! The second factors of a user, for their own page.

use super::signed_in;
use crate::{
    context::Services,
    storage::{
        remembered_browsers, second_factor_requirements,
        second_factors::{self, FactorsOf},
        sessions,
    },
    user_agent::UserAgent,
};
use app::{
    api::second_factors::{RememberedBrowser, RequiringAccount, SecondFactorLine, SecondFactorsView},
    backend::ListSecondFactors,
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

#[async_trait]
impl ListSecondFactors for Services {
    /// The factors without anything secret, and whether this session may change them.
    async fn list_second_factors(&self, visitor: &Visitor) -> Result<SecondFactorsView, AppError> {
        let signed_in = signed_in(visitor)?;
        let mut tx = self.database.begin_read().await?;
        let factors = second_factors::list(&mut tx, FactorsOf::user(signed_in.user)).await?;
        let line = |factor: second_factors::SecondFactor| SecondFactorLine {
            id: factor.id,
            kind: factor.kind,
            name: factor.name,
            added: factor.added,
            last_used: factor.last_used,
        };
        let (may_change, now) = (sessions::password_proved(&mut tx, signed_in.session).await?.is_some(), self.now());
        let requiring = match may_change {
            true => second_factor_requirements::of_user(&mut tx, signed_in.user).await?,
            false => Vec::new(),
        };
        let requiring = requiring.into_iter().map(|account| RequiringAccount {
            slug: account.slug,
            name: account.name,
            starts: account.starts,
            in_force: account.starts <= now,
        });
        Ok(SecondFactorsView {
            factors: factors.into_iter().map(line).collect(),
            remembered: remembered_browsers::list(&mut tx, signed_in.user, now)
                .await?
                .into_iter()
                .map(|remembered| {
                    let UserAgent { browser, system } = UserAgent::read(&remembered.user_agent);
                    RememberedBrowser {
                        id: remembered.id,
                        browser: browser.map(str::to_owned),
                        system: system.map(str::to_owned),
                        expires: remembered.expires,
                    }
                })
                .collect(),
            recovery_codes_left: second_factors::recovery_codes_left(&mut tx, signed_in.user).await?,
            may_change,
            recently_authenticated: self.is_recently_authenticated(&mut tx, signed_in).await?,
            passkeys: self.has_passkeys(),
            requiring: requiring.collect(),
        })
    }
}
