//! Requires a second factor of an account's members, or no more.

use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        audit::{self, Event},
        platform_sign_ins, retried, second_factor_requirements,
    },
};
use app::{
    api::{
        login_methods::{NextPage, Notice},
        security::RequirementForm,
    },
    backend::RequireSecondFactor,
    domain::{
        fields::{Field, FieldErrors, Problem},
        permission::Gate,
        policy::can_require_second_factor,
        role::RoleKey,
        second_factor::{MAX_GRACE_DAYS, RequiredOf, Requirement},
        time::{Span, Timestamp},
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;
use std::collections::BTreeSet;

#[async_trait]
impl RequireSecondFactor for Services {
    /// Saves of whom a second factor is required, and from when on. Refused while no owner has one, so that nobody is locked out (R33).
    ///
    /// # Errors
    /// What is wrong with a field, there; [`AppError::ReauthenticationRequired`]; the policy's refusal.
    async fn require_second_factor(&self, caller: &Caller, form: RequirementForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::LoginMethodsManage).await?;
            actor.require_recent_authentication(self)?;
            let present = second_factor_requirements::find(&mut tx, actor.scope()).await?;
            let mut wanted = read(&form, &actor, now)?;
            if let (Some(present), Some(wanted)) = (&present, &mut wanted)
                && present.days_left(now) == wanted.days_left(now)
            {
                // Saving once more does not put the beginning off, nor, with the same people, remind them again.
                wanted.starts = present.starts;
                if present.required_of == wanted.required_of {
                    wanted.set = present.set;
                }
            }
            let page = paths::security(caller.account.as_str());
            if wanted == present {
                return Ok(NextPage::saying(page, Notice::RequirementSaved));
            }
            if wanted.is_some() {
                let owners = second_factor_requirements::ready_owners(&mut tx, actor.scope()).await?;
                can_require_second_factor(owners).or_refuse()?;
            }
            second_factor_requirements::set(&mut tx, actor.scope(), wanted.as_ref()).await?;
            platform_sign_ins::end_closed(&mut tx, actor.scope(), now).await?;
            let event = match wanted {
                Some(requirement) => {
                    Event::SecondFactorRequired { of: requirement.required_of, starts: requirement.starts }
                }
                None => Event::SecondFactorNotRequired,
            };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(NextPage::saying(page, Notice::RequirementSaved))
        })
        .await
    }
}

fn read(form: &RequirementForm, actor: &Actor, now: Timestamp) -> Result<Option<Requirement>, FieldErrors> {
    let required_of = match form.of.as_str() {
        "nobody" => return Ok(None),
        "everybody" => RequiredOf::Everybody,
        "roles" => RequiredOf::Roles(roles(form, actor)?),
        _ => return Err(FieldErrors::one(Field::RequiredOf, Problem::NotOffered)),
    };
    let days: Option<u32> = form.grace_days.trim().parse().ok().filter(|days| *days <= MAX_GRACE_DAYS);
    let range = Problem::NotBetween { least: 0, most: MAX_GRACE_DAYS };
    let days = days.ok_or_else(|| FieldErrors::one(Field::GraceDays, range))?;
    Ok(Some(Requirement { required_of, set: now, starts: now + Span::days(i64::from(days)) }))
}

fn roles(form: &RequirementForm, actor: &Actor) -> Result<BTreeSet<RoleKey>, FieldErrors> {
    let roles: BTreeSet<_> = form.roles.iter().map(|key| RoleKey::new(key.trim())).collect();
    if roles.is_empty() {
        return Err(FieldErrors::one(Field::RequiredRoles, Problem::NoneChosen));
    }
    if roles.iter().any(|role| actor.roles.find(role).is_none()) {
        return Err(FieldErrors::one(Field::RequiredRoles, Problem::NotOffered));
    }
    Ok(roles)
}
