//! Makes an API key (LT-01, LT-02).

use crate::{
    context::Services,
    secrets::ApiKey,
    service::actors::{self, Actor},
    storage::{
        api_keys::{self, KeyOwner, NewKey},
        audit::{self, Event},
        outbox::ApiKeyMail,
        retried,
    },
};
use app::{
    api::api_keys::{ApiKeyForm, ApiKeyMade},
    backend::MakeApiKey,
    domain::{
        api_key::{can_make_api_key, parse_key_lifetime, require_permissions},
        fields::{Field, FieldErrors},
        ids::ApiKeyId,
        name::parse_role_name,
        permission::{Gate, Permissions},
        time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

/// Where the key can be tried: it answers what the key may do.
const TRY_PATH: &str = "/api/v1/accounts";

#[async_trait]
impl MakeApiKey for Services {
    /// Makes a key that acts for the caller, and holds no more than the caller. It is shown this once. A program cannot make one, since it
    /// never authenticated recently.
    async fn make_api_key(&self, caller: &Caller, form: ApiKeyForm) -> Result<ApiKeyMade, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::ApiKeysManage).await?;
            actor.require_recent_authentication(self)?;
            let Wanted { name, permissions, expires } = Wanted::read(&form, &actor, now)?;
            let keys = api_keys::count(&mut tx, actor.scope()).await?;
            can_make_api_key(&actor.effective, &permissions, keys).or_refuse()?;

            let (id, key) = (ApiKeyId(Uuid::now_v7()), ApiKey::new());
            let new = NewKey {
                id,
                owner: owner_of(&actor),
                name: &name,
                hint: &key.hint(),
                hash: &key.hash(),
                permissions: &permissions,
                expires,
            };
            api_keys::insert(&mut tx, actor.scope(), new, now).await?;
            let event = Event::ApiKeyMade { key: id, name: name.clone(), permissions };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            self.tell_of_key(&mut tx, &actor, actor.member, ApiKeyMail::Made).await?;
            tx.commit().await?;
            let try_at = self.config.link(TRY_PATH);
            Ok(ApiKeyMade { name, key: key.reveal().to_owned(), try_at })
        })
        .await
    }
}

/// The caller as the one for whom a key acts, with what the session proved.
pub(super) const fn owner_of(actor: &Actor) -> KeyOwner {
    KeyOwner { member: actor.member, method: actor.method, proved_factor: actor.has_proved_second_factor }
}

struct Wanted {
    name: String,
    permissions: Permissions,
    expires: Option<Timestamp>,
}

impl Wanted {
    fn read(form: &ApiKeyForm, actor: &Actor, now: Timestamp) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.keep(Field::Name, parse_role_name(&form.name));
        let permissions = errors.keep(Field::Permissions, actor.roles.parse_permissions(&form.permissions));
        let permissions = permissions.and_then(|wanted| errors.keep(Field::Permissions, require_permissions(wanted)));
        let expires = errors.keep(Field::Lifetime, parse_key_lifetime(&form.lifetime, now));
        match (name, permissions, expires) {
            (Some(name), Some(permissions), Some(expires)) => Ok(Self { name, permissions, expires }),
            _ => Err(errors),
        }
    }
}
