//! What the server does for the server functions, in the domain's words. The server implements these traits; the functions in
//! [`crate::api`] find them, and who is asking, in the request's context.

use crate::{
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
        ids::{AttemptId, DecisionId, FlashId, InvitationId, LoginMethodId, MailId, MemberId, SessionId, UserId},
        language::Language,
        list::ListQuery,
        name::Slug,
        oauth::ConfigurationForm,
        password::Strength,
    },
    error::AppError,
};
use async_trait::async_trait;
use std::{net::IpAddr, sync::Arc};

/// The signed-in user of a request, as authentication found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: UserId,
    /// The user's address, as typed.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The user's language, if one was chosen.
    pub language: Option<Language>,
}

/// Who is asking, before it is known what for: made once for each request by the HTTP layer.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The signed-in user, if any.
    pub signed_in: Option<SignedIn>,
    /// The invitation token in this browser's cookie.
    pub invitation: Option<String>,
    /// The set-up token in this browser's cookie.
    pub setup: Option<String>,
    /// The mark of this browser on its ways to providers (OA-03).
    pub oauth: Option<String>,
    /// The mark of an earlier sign-in in this browser's cookie (EN-06).
    pub known_browser: Option<String>,
    /// The client's address, by the trusted proxies alone (EN-07).
    pub ip: IpAddr,
    /// The client's name for itself, cut to 200 characters.
    pub user_agent: String,
    /// The language of this request's pages.
    pub language: Language,
    /// The id that logs and error messages carry.
    pub request_id: String,
}

/// A signed-in user asking something of one account. Rights are read later, inside the transaction.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The signed-in user.
    pub signed_in: SignedIn,
    /// The account, as the URL or form names it.
    pub account: Slug,
    /// The client's address.
    pub ip: IpAddr,
    /// The language of this request's pages.
    pub language: Language,
}

/// An answer that also changes the browser's cookies.
#[derive(Clone, Debug)]
pub struct WithCookies<T> {
    /// The answer.
    pub answer: T,
    /// Values of `Set-Cookie` headers.
    pub cookies: Vec<String>,
}

/// First run.
#[async_trait]
pub trait Setup: Send + Sync {
    /// What the set-up page shows this browser.
    async fn view(&self, visitor: &Visitor) -> Result<SetUpView, AppError>;
    /// Makes the first account and its owner, and signs the owner in.
    async fn set_up(&self, visitor: &Visitor, form: SetUpForm) -> Result<WithCookies<Slug>, AppError>;
}

/// Signing in and out.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The signed-in user with the accounts this session can open.
    async fn me(&self, visitor: &Visitor) -> Result<Option<Me>, AppError>;
    /// Signs in by e-mail address and password; answers where to go.
    async fn sign_in(&self, visitor: &Visitor, form: SignInForm) -> Result<WithCookies<String>, AppError>;
    /// The ways to sign in to the account with this slug.
    async fn ways_in(&self, account: &str, next: &str) -> Result<WaysIn, AppError>;
    /// Ends this session.
    async fn sign_out(&self, visitor: &Visitor) -> Result<WithCookies<()>, AppError>;
    /// How hard a password is to guess; never logged.
    async fn measure(&self, visitor: &Visitor, form: StrengthForm) -> Result<Strength, AppError>;
}

/// Accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The accounts that this session can open, and whether it may open another.
    async fn mine(&self, visitor: &Visitor) -> Result<Vec<AccountLine>, AppError>;
    /// The accounts that take another login method than the password that this session proved.
    async fn by_other_methods(&self, visitor: &Visitor) -> Result<Vec<OtherAccount>, AppError>;
    /// May this user open another account (`accounts.create`)?
    async fn may_open(&self, visitor: &Visitor) -> Result<bool, AppError>;
    /// Opens another account, with the caller as its owner.
    async fn open(&self, visitor: &Visitor, form: OpenAccountForm) -> Result<NewAccount, AppError>;
    /// What joining and signing in lead to.
    async fn home(&self, caller: &Caller) -> Result<AccountHome, AppError>;
    /// Leaves the account (R32), and answers its name.
    async fn leave(&self, caller: &Caller) -> Result<String, AppError>;
}

/// The Users list and its rows.
#[async_trait]
pub trait Members: Send + Sync {
    /// One page of the list, with all that is needed to explain it.
    async fn list(&self, caller: &Caller, query: ListQuery) -> Result<UsersPage, AppError>;
    /// One row, for its dialogs.
    async fn details(&self, caller: &Caller, member: MemberId) -> Result<MemberDetails, AppError>;
    /// Changes role and extras.
    async fn edit(&self, caller: &Caller, form: EditForm) -> Result<Edited, AppError>;
    /// What removing this member will do, for the dialog (R64).
    async fn removal_plan(&self, caller: &Caller, member: MemberId) -> Result<RemovalPlan, AppError>;
    /// Removes a member, or withdraws an invitation.
    async fn remove(&self, caller: &Caller, form: RemoveForm) -> Result<Removed, AppError>;
}

/// Invitations, seen from the account.
#[async_trait]
pub trait Invitations: Send + Sync {
    /// Invites a person into the account.
    async fn invite(&self, caller: &Caller, form: InviteForm) -> Result<Invited, AppError>;
    /// Sends the invitation again with a new link; the old one is dead (R23).
    async fn resend(&self, caller: &Caller, member: MemberId) -> Result<Resent, AppError>;
    /// The link to hand over by other means; the same one each time.
    async fn copy_link(&self, caller: &Caller, member: MemberId) -> Result<Link, AppError>;
}

/// Invitations, seen from the person invited.
#[async_trait]
pub trait Joining: Send + Sync {
    /// What the page of an invitation shows this browser.
    async fn view(
        &self,
        visitor: &Visitor,
        id: Option<InvitationId>,
        attempt: Option<AttemptId>,
    ) -> Result<InvitationView, AppError>;
    /// Mails a code that proves the mailbox, for the holder of a copied link (R12).
    async fn mail_code(&self, visitor: &Visitor, id: InvitationId) -> Result<Code, AppError>;
    /// Makes a login and joins with it.
    async fn sign_up(&self, visitor: &Visitor, form: SignUpForm) -> Result<WithCookies<Joined>, AppError>;
    /// Joins as the person whom the account's provider named.
    async fn join_by_method(&self, visitor: &Visitor, form: JoinByMethodForm) -> Result<WithCookies<Joined>, AppError>;
    /// Joins with the present login.
    async fn join(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<Joined>, AppError>;
    /// Turns the invitation down (R63).
    async fn decline(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<()>, AppError>;
    /// Asks the account's admins for a new link (R20).
    async fn ask_for_new_link(&self, visitor: &Visitor, id: InvitationId) -> Result<NewLink, AppError>;
}

/// Settings → Outbox.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// This account's invitation mails, newest first.
    async fn list(&self, caller: &Caller, after: Option<MailId>) -> Result<OutboxPage, AppError>;
}

/// Settings → Login methods, and decisions about people who came by them. What changes something answers the page that shows it.
#[async_trait]
pub trait LoginMethods: Send + Sync {
    /// The list.
    async fn list(&self, caller: &Caller, flash: Option<FlashId>) -> Result<MethodsView, AppError>;
    /// One method with its form; `attempt` is a test that this browser ran.
    async fn show(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        method: LoginMethodId,
        attempt: Option<AttemptId>,
        flash: Option<FlashId>,
    ) -> Result<MethodView, AppError>;
    /// Adds a method with nothing set up yet.
    async fn add(&self, caller: &Caller, preset: &str) -> Result<String, AppError>;
    /// Saves a draft.
    async fn save(&self, caller: &Caller, form: ConfigurationForm) -> Result<String, AppError>;
    /// Gives a draft up.
    async fn drop_draft(&self, caller: &Caller, method: LoginMethodId) -> Result<String, AppError>;
    /// Makes what a test proved the live configuration.
    async fn make_live(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<String, AppError>;
    /// Lets the caller sign in by the method that the test just proved.
    async fn use_for_me(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<String, AppError>;
    /// Switches a method on or off.
    async fn switch(&self, caller: &Caller, method: LoginMethodId, on: bool) -> Result<String, AppError>;
    /// Removes a method that is in nobody's row.
    async fn remove(&self, caller: &Caller, method: LoginMethodId) -> Result<String, AppError>;
    /// Who came back from a provider, beside who was invited.
    async fn decision(
        &self,
        caller: &Caller,
        member: MemberId,
        flash: Option<FlashId>,
    ) -> Result<DecisionPage, AppError>;
    /// Decides about them: `use` or `reject`.
    async fn decide(
        &self,
        caller: &Caller,
        member: MemberId,
        decision: DecisionId,
        outcome: &str,
    ) -> Result<String, AppError>;
}

/// Proving anew who one is, for what is most dangerous (AZ-16).
#[async_trait]
pub trait Reauthentication: Send + Sync {
    /// How the caller can.
    async fn view(&self, caller: &Caller, next: &str, flash: Option<FlashId>)
    -> Result<ReauthenticationView, AppError>;
    /// By the caller's own password; answers where to go on.
    async fn by_password(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: ReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError>;
    /// Mails a code to the caller's proved mailbox; answers the page where it is typed.
    async fn mail_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<String, AppError>;
    /// By that code; answers where to go on.
    async fn by_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<String, AppError>;
}

/// Everything the server offers to the server functions.
#[derive(Clone)]
#[allow(missing_docs, reason = "each field is its trait")]
pub struct Ports {
    pub setup: Arc<dyn Setup>,
    pub sessions: Arc<dyn Sessions>,
    pub accounts: Arc<dyn Accounts>,
    pub members: Arc<dyn Members>,
    pub invitations: Arc<dyn Invitations>,
    pub joining: Arc<dyn Joining>,
    pub outbox: Arc<dyn Outbox>,
    pub login_methods: Arc<dyn LoginMethods>,
    pub reauthentication: Arc<dyn Reauthentication>,
}
