//! Changes what is settled for an account: its name, its language, and what its invitations begin with.

use crate::{
    context::Services,
    service::actors,
    storage::{
        accounts::{self, AccountSettings},
        audit::{self, Event},
        retried,
    },
};
use app::{
    api::{
        account_settings::AccountSettingsForm,
        login_methods::{NextPage, Notice},
    },
    backend::ChangeAccountSettings,
    domain::{
        audit::AccountDefaults,
        fields::{Field, FieldErrors, Problem},
        invitation::{InvitationDefaults, parse_lifetime},
        language::Language,
        name::parse_name,
        role::{RoleKey, Roles},
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ChangeAccountSettings for Services {
    /// Saves them in the place of the version that the owner saw (R66). Mails and invitations that are made from then on go by them; the slug,
    /// and with it every address, stays.
    ///
    /// # Errors
    /// What is wrong with a field, there; [`AppError::ChangedMeanwhile`]; the policy's refusal.
    async fn change_account_settings(&self, caller: &Caller, form: AccountSettingsForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            let present = accounts::settings(&mut tx, actor.scope()).await?;
            let wanted = read(&form, &present, &actor.roles)?;
            if form.version.parse() != Ok(present.version) {
                return Err(AppError::ChangedMeanwhile { by: present.changed_by, at: present.changed_at });
            }
            let done = NextPage::saying(paths::account_settings(caller.account.as_str()), Notice::AccountSaved);
            let (renamed, before, after) = (wanted.name != present.name, defaults(&present), defaults(&wanted));
            let is_changed = renamed || before != after;
            let switched = (wanted.reminders != present.reminders).then_some(wanted.reminders);
            let redirected = (wanted.replies != present.replies).then_some(wanted.replies);
            if !is_changed && switched.is_none() && redirected.is_none() {
                return Ok(done);
            }
            if !accounts::change(&mut tx, actor.scope(), &wanted, actor.member, now).await? {
                return Err(AppError::ChangedMeanwhile { by: present.changed_by, at: present.changed_at });
            }
            let changed = is_changed.then_some(Event::AccountChanged { renamed, before, after });
            let switched = switched.map(|on| Event::RemindersSwitched { on });
            let redirected = redirected.map(|on| Event::RepliesSwitched { on });
            for event in changed.into_iter().chain(switched).chain(redirected) {
                audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            }
            tx.commit().await?;
            Ok(done)
        })
        .await
    }
}

fn defaults(settings: &AccountSettings) -> AccountDefaults {
    AccountDefaults { language: settings.language, invitations: settings.invitations.clone() }
}

fn read(form: &AccountSettingsForm, present: &AccountSettings, roles: &Roles) -> Result<AccountSettings, FieldErrors> {
    let mut errors = FieldErrors::default();
    let name = errors.keep(Field::AccountName, parse_name(&form.name));
    let language = Language::ALL.into_iter().find(|language| language.tag() == form.language.trim());
    let language = errors.keep(Field::Language, language.ok_or(Problem::NotOffered));
    let role = errors.keep(Field::Role, first_role(&form.role, roles));
    let lifetime = errors.keep(Field::Lifetime, parse_lifetime(&form.lifetime, present.invitations.lifetime));
    let reminders = errors.keep(Field::Reminders, switch(&form.reminders, present.reminders));
    let replies = errors.keep(Field::Replies, switch(&form.replies, present.replies));
    match (name, language, role, lifetime, reminders, replies) {
        (Some(name), Some(language), Some(role), Some(lifetime), Some(reminders), Some(replies)) => {
            let invitations = InvitationDefaults { role, lifetime };
            Ok(AccountSettings { name, language, invitations, reminders, replies, ..present.clone() })
        }
        _ => Err(errors),
    }
}

/// Something that is on or off; left out, it stays as it is.
fn switch(raw: &str, present: bool) -> Result<bool, Problem> {
    match raw.trim() {
        "" => Ok(present),
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Problem::NotOffered),
    }
}

/// The role that invitations begin with: any of the account's but Owner.
fn first_role(raw: &str, roles: &Roles) -> Result<Option<RoleKey>, Problem> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Ok(None);
    }
    let key = RoleKey::new(raw);
    if key.is_owner() || roles.find(&key).is_none() { Err(Problem::NotOffered) } else { Ok(Some(key)) }
}
