//! The list of Settings → API keys.

use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::api_keys::{self, StoredKey},
};
use app::{
    api::{
        api_keys::{ApiKeyLine, ApiKeyState, ApiKeysView},
        roles::RoleFacts,
    },
    backend::ListApiKeys,
    domain::{
        member::MemberState,
        permission::{Gate, Permissions},
        role::{Effective, Roles},
        time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl ListApiKeys for Services {
    /// Every key of the account, whoever made it: whoever may make keys may revoke each.
    async fn list_api_keys(&self, caller: &Caller) -> Result<ApiKeysView, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::ApiKeysManage).await?;
        let keys = api_keys::all(&mut tx, actor.scope()).await?;
        drop(tx);
        self.note_activity(&actor).await;
        let keys = keys.into_iter().map(|key| line(key, &actor.roles, now)).collect();
        let recently_authenticated = actor.is_recently_authenticated(self);
        Ok(ApiKeysView { facts: facts(actor), keys, recently_authenticated })
    }
}

fn facts(actor: Actor) -> RoleFacts {
    RoleFacts {
        slug: actor.slug,
        name: actor.account_name,
        my: actor.effective,
        my_role: actor.grant.role,
        roles: actor.roles,
    }
}

fn line(key: StoredKey, roles: &Roles, now: Timestamp) -> ApiKeyLine {
    let state = state_of(&key, now);
    let effective = match state {
        ApiKeyState::Live => Effective::of(&key.grant, roles).within(&key.permissions).permissions,
        ApiKeyState::Expired
        | ApiKeyState::Resting
        | ApiKeyState::NeedsSecondFactor
        | ApiKeyState::LoginChanged
        | ApiKeyState::OwnerGone => Permissions::new(),
    };
    ApiKeyLine {
        id: key.id,
        name: key.name,
        hint: key.hint,
        member: key.member,
        owner: key.owner,
        permissions: key.permissions,
        effective,
        created: key.created,
        expires: key.expires,
        last_used: key.last_used,
        state,
    }
}

fn state_of(key: &StoredKey, now: Timestamp) -> ApiKeyState {
    if key.expires.is_some_and(|at| at <= now) {
        ApiKeyState::Expired
    } else if !key.is_owned {
        ApiKeyState::OwnerGone
    } else {
        match key.state {
            MemberState::Invited | MemberState::Suspended | MemberState::Removed => ApiKeyState::OwnerGone,
            MemberState::Active if !key.proof_stands => ApiKeyState::LoginChanged,
            MemberState::Active if !key.lets_in => ApiKeyState::Resting,
            MemberState::Active if !key.proves_factor && key.factor_from.is_some_and(|from| from <= now) => {
                ApiKeyState::NeedsSecondFactor
            }
            MemberState::Active => ApiKeyState::Live,
        }
    }
}
