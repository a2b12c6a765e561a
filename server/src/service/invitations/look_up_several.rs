//! Who several people are to the account, before they are invited (R54).

use super::{
    invite_user::{Request, standing_of},
    several::OneOfSeveral,
};
use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        Tx,
        invitation_refusals::{self, AddressDigest},
        login_methods, members,
    },
};
use app::{
    api::invitations::{InviteForm, InviteSeveralForm, LookedUpOne, Standing},
    backend::LookUpSeveral,
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::LoginMethod,
        permission::Gate,
        policy::can_invite,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl LookUpSeveral for Services {
    /// Asks of each person what inviting would ask, and writes nothing. Whether an address has a user elsewhere is not told (R7).
    ///
    /// # Errors
    /// What is wrong with the people as a whole, at their field; as [`actors::load_with`].
    async fn look_up_several(&self, caller: &Caller, form: InviteSeveralForm) -> Result<Vec<LookedUpOne>, AppError> {
        let people = self.read_several(caller, &form).await?;
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersInvite).await?;
        let methods = login_methods::ready(&mut tx, actor.scope()).await?;
        let mut looked_up = Vec::with_capacity(people.len());
        for OneOfSeveral { typed, form } in people {
            let standing = self.look_up(&mut tx, &actor, &methods, form).await;
            looked_up.push(LookedUpOne { typed, standing });
        }
        Ok(looked_up)
    }
}

impl Services {
    async fn look_up(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        methods: &[LoginMethod],
        form: InviteForm,
    ) -> Result<Standing, AppError> {
        // A name is no reason not to invite.
        let nameless = InviteForm { first_name: String::new(), last_name: String::new(), ..form };
        let request = Request::parse(&nameless, methods, &actor.roles, &actor.account_defaults())?;
        let known = if members::is_address_known(tx, actor.scope(), &request.email).await? {
            members::find_by_email(tx, actor.scope(), &request.email).await?
        } else {
            None
        };
        if let Some(standing) = known.as_ref().and_then(|member| standing_of(actor, member, self.now())) {
            return Ok(standing);
        }
        can_invite(&actor.effective, &request.grant, &actor.roles).or_refuse()?;
        let address = AddressDigest::of(actor.scope(), &request.email);
        if invitation_refusals::is_refused(tx, actor.scope(), &address).await? {
            return Err(FieldErrors::one(Field::Email, Problem::WantsNoInvitations).into());
        }
        if let Some(identifier) = &request.identifier {
            let except = known.map(|member| member.id);
            if members::is_identifier_taken(tx, actor.scope(), request.method, identifier, except).await? {
                return Err(FieldErrors::one(Field::Identifier, Problem::Taken).into());
            }
        }
        Ok(Standing::New)
    }
}
