//! The ports of the server functions, each answered by one operation.

use super::Services;
use crate::storage::retried;
use app::{
    api::{
        accounts::{AccountHome, AccountLine, NewAccount, OpenAccountForm, OtherAccount},
        invitations::{InviteForm, Invited, Link, Resent},
        joining::{Code, InvitationView, JoinByMethodForm, Joined, NewLink, SignUpForm},
        login_methods::{
            DecisionPage, MakeLiveForm, MethodView, MethodsView, ReauthenticationForm, ReauthenticationView,
        },
        members::{EditForm, Edited, MemberDetails, RemovalPlan, RemoveForm, Removed, UsersPage},
        outbox::OutboxPage,
        session::{Me, SignInForm, StrengthForm, WaysIn},
        setup::{SetUpForm, SetUpView},
    },
    domain::{
        ids::{AttemptId, DecisionId, FlashId, InvitationId, LoginMethodId, MailId, MemberId},
        list::ListQuery,
        name::Slug,
        oauth::ConfigurationForm,
        password::Strength,
    },
    error::AppError,
    ports::{
        Accounts, Caller, Invitations, Joining, LoginMethods, Members, Outbox, Ports, Reauthentication, Sessions,
        Setup, SignedIn, Visitor, WithCookies,
    },
};
use async_trait::async_trait;
use std::sync::Arc;

impl Services {
    /// The ports, for the request's context.
    pub fn ports(&self) -> Ports {
        let services = Arc::new(self.clone());
        Ports {
            setup: services.clone(),
            sessions: services.clone(),
            accounts: services.clone(),
            members: services.clone(),
            invitations: services.clone(),
            joining: services.clone(),
            outbox: services.clone(),
            login_methods: services.clone(),
            reauthentication: services,
        }
    }
}

fn signed_in(visitor: &Visitor) -> Result<&SignedIn, AppError> {
    visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)
}

#[async_trait]
impl Setup for Services {
    async fn view(&self, visitor: &Visitor) -> Result<SetUpView, AppError> {
        self.view_set_up(visitor).await
    }

    async fn set_up(&self, visitor: &Visitor, form: SetUpForm) -> Result<WithCookies<Slug>, AppError> {
        retried(|| Services::set_up(self, visitor, &form)).await
    }
}

#[async_trait]
impl Sessions for Services {
    async fn me(&self, visitor: &Visitor) -> Result<Option<Me>, AppError> {
        Services::me(self, visitor).await
    }

    async fn sign_in(&self, visitor: &Visitor, form: SignInForm) -> Result<WithCookies<String>, AppError> {
        retried(|| Services::sign_in(self, visitor, &form)).await
    }

    async fn ways_in(&self, account: &str, next: &str) -> Result<WaysIn, AppError> {
        self.list_ways_in(account, next).await
    }

    async fn sign_out(&self, visitor: &Visitor) -> Result<WithCookies<()>, AppError> {
        retried(|| Services::sign_out(self, visitor)).await
    }

    async fn measure(&self, visitor: &Visitor, form: StrengthForm) -> Result<Strength, AppError> {
        self.measure_password(visitor, &form).await
    }
}

#[async_trait]
impl Accounts for Services {
    async fn mine(&self, visitor: &Visitor) -> Result<Vec<AccountLine>, AppError> {
        self.list_accounts(signed_in(visitor)?).await
    }

    async fn by_other_methods(&self, visitor: &Visitor) -> Result<Vec<OtherAccount>, AppError> {
        self.list_other_accounts(signed_in(visitor)?).await
    }

    async fn may_open(&self, visitor: &Visitor) -> Result<bool, AppError> {
        self.may_open_account(signed_in(visitor)?).await
    }

    async fn open(&self, visitor: &Visitor, form: OpenAccountForm) -> Result<NewAccount, AppError> {
        retried(|| self.open_account(visitor, &form)).await
    }

    async fn home(&self, caller: &Caller) -> Result<AccountHome, AppError> {
        self.show_account(caller).await
    }

    async fn leave(&self, caller: &Caller) -> Result<String, AppError> {
        retried(|| self.leave_account(caller)).await
    }
}

#[async_trait]
impl Members for Services {
    async fn list(&self, caller: &Caller, query: ListQuery) -> Result<UsersPage, AppError> {
        self.list_members(caller, &query).await
    }

    async fn details(&self, caller: &Caller, member: MemberId) -> Result<MemberDetails, AppError> {
        self.show_member(caller, member).await
    }

    async fn edit(&self, caller: &Caller, form: EditForm) -> Result<Edited, AppError> {
        retried(|| self.edit_member(caller, &form)).await
    }

    async fn removal_plan(&self, caller: &Caller, member: MemberId) -> Result<RemovalPlan, AppError> {
        self.plan_removal(caller, member).await
    }

    async fn remove(&self, caller: &Caller, form: RemoveForm) -> Result<Removed, AppError> {
        retried(|| self.remove_member(caller, &form)).await
    }
}

#[async_trait]
impl Invitations for Services {
    async fn invite(&self, caller: &Caller, form: InviteForm) -> Result<Invited, AppError> {
        retried(|| self.invite_user(caller, &form)).await
    }

    async fn resend(&self, caller: &Caller, member: MemberId) -> Result<Resent, AppError> {
        retried(|| self.resend_invitation(caller, member)).await
    }

    async fn copy_link(&self, caller: &Caller, member: MemberId) -> Result<Link, AppError> {
        retried(|| Services::copy_link(self, caller, member)).await
    }
}

#[async_trait]
impl Joining for Services {
    async fn view(
        &self,
        visitor: &Visitor,
        id: Option<InvitationId>,
        attempt: Option<AttemptId>,
    ) -> Result<InvitationView, AppError> {
        self.view_invitation(visitor, id, attempt).await
    }

    async fn mail_code(&self, visitor: &Visitor, id: InvitationId) -> Result<Code, AppError> {
        retried(|| Services::mail_code(self, visitor, id)).await
    }

    async fn sign_up(&self, visitor: &Visitor, form: SignUpForm) -> Result<WithCookies<Joined>, AppError> {
        retried(|| Services::sign_up(self, visitor, &form)).await
    }

    async fn join_by_method(&self, visitor: &Visitor, form: JoinByMethodForm) -> Result<WithCookies<Joined>, AppError> {
        retried(|| Services::join_by_method(self, visitor, &form)).await
    }

    async fn join(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<Joined>, AppError> {
        retried(|| self.join_account(visitor, id)).await
    }

    async fn decline(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<()>, AppError> {
        retried(|| self.decline_invitation(visitor, id)).await
    }

    async fn ask_for_new_link(&self, visitor: &Visitor, id: InvitationId) -> Result<NewLink, AppError> {
        retried(|| Services::ask_for_new_link(self, visitor, id)).await
    }
}

#[async_trait]
impl Outbox for Services {
    async fn list(&self, caller: &Caller, after: Option<MailId>) -> Result<OutboxPage, AppError> {
        self.list_mails(caller, after).await
    }
}

#[async_trait]
impl LoginMethods for Services {
    async fn list(&self, caller: &Caller, flash: Option<FlashId>) -> Result<MethodsView, AppError> {
        self.list_login_methods(caller, flash).await
    }

    async fn show(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        method: LoginMethodId,
        attempt: Option<AttemptId>,
        flash: Option<FlashId>,
    ) -> Result<MethodView, AppError> {
        self.show_login_method(caller, visitor, method, attempt, flash).await
    }

    async fn add(&self, caller: &Caller, preset: &str) -> Result<String, AppError> {
        retried(|| self.add_login_method(caller, preset)).await
    }

    async fn save(&self, caller: &Caller, form: ConfigurationForm) -> Result<String, AppError> {
        retried(|| self.save_login_method(caller, form.clone())).await
    }

    async fn drop_draft(&self, caller: &Caller, method: LoginMethodId) -> Result<String, AppError> {
        retried(|| Services::drop_draft(self, caller, method)).await
    }

    async fn make_live(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<String, AppError> {
        retried(|| Services::make_live(self, caller, visitor, &form)).await
    }

    async fn use_for_me(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<String, AppError> {
        retried(|| Services::use_for_me(self, caller, visitor, &form)).await
    }

    async fn switch(&self, caller: &Caller, method: LoginMethodId, on: bool) -> Result<String, AppError> {
        retried(|| self.switch_login_method(caller, method, on)).await
    }

    async fn remove(&self, caller: &Caller, method: LoginMethodId) -> Result<String, AppError> {
        retried(|| self.remove_login_method(caller, method)).await
    }

    async fn decision(
        &self,
        caller: &Caller,
        member: MemberId,
        flash: Option<FlashId>,
    ) -> Result<DecisionPage, AppError> {
        self.show_decision(caller, member, flash).await
    }

    async fn decide(
        &self,
        caller: &Caller,
        member: MemberId,
        decision: DecisionId,
        outcome: &str,
    ) -> Result<String, AppError> {
        retried(|| Services::decide(self, caller, member, decision, outcome)).await
    }
}

#[async_trait]
impl Reauthentication for Services {
    async fn view(
        &self,
        caller: &Caller,
        next: &str,
        flash: Option<FlashId>,
    ) -> Result<ReauthenticationView, AppError> {
        self.view_reauthentication(caller, next, flash).await
    }

    async fn by_password(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: ReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError> {
        retried(|| self.reauthenticate_by_password(caller, visitor, &form)).await
    }

    async fn mail_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<String, AppError> {
        retried(|| self.mail_reauthentication_code(caller, &form)).await
    }

    async fn by_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<String, AppError> {
        retried(|| self.reauthenticate_by_code(caller, &form)).await
    }
}
