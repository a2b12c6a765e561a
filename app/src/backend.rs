//! What the server does for the server functions: one trait for each operation, named like the server function that calls it. The server
//! implements each in the operation's own file, `server/src/service/`; the functions in [`crate::api`] find the whole, and who is asking,
//! in the request's context.
#![allow(missing_docs, reason = "each method is its trait")]

use crate::{
    api::{
        account_settings::{AccountAddressForm, AccountSettingsForm, AccountSettingsView, DeleteAccountForm},
        accounts::{AccountHome, MyAccounts, NewAccount, OpenAccountForm},
        address::{AddressChangeView, AddressChanged, AddressRestored},
        api_keys::{ApiKeyForm, ApiKeyMade, ApiKeysView},
        audit::{AccessPage, AuditPage},
        invitations::{InviteForm, InviteSeveralForm, Invited, InvitedOne, Link, LookedUpOne, Resent},
        joining::{AskAs, Code, InvitationView, JoinByMethodForm, Joined, NewLink, RefusalView, SignUpForm},
        login_methods::{
            DecisionView, MakeLiveForm, MethodView, MethodsView, NextPage, ReauthenticationForm, ReauthenticationView,
        },
        members::{
            BulkForm, BulkResult, EditForm, Edited, MemberDetails, Reactivated, RemovalPlan, RemovalUndone, RemoveForm,
            Removed, Selection, SuspendForm, Suspended, UsersPage,
        },
        outbox::OutboxPage,
        own_login::{
            AddressChangeAsked, AddressForm, ChangePasswordForm, DeleteLoginForm, DeletionAsked, OthersEnded,
            OwnActivity, OwnInvitation, OwnLogin, OwnSessions, PasswordChanged, ProfileForm, ProfileSaved,
        },
        ownership::OfferForm,
        person::PersonPage,
        recovery::{PasswordResetAsked, PasswordResetRequest, PasswordResetView, ResetPasswordForm},
        required_factor::{RequiredFactorForm, RequiredFactorView},
        roles::{DeleteRoleForm, EditRoleForm, RoleCreated, RoleDeleted, RoleEdited, RoleForm, RoleView, RolesView},
        second_factors::{
            ConfirmTotpForm, OwnReauthenticationForm, OwnReauthenticationView, PasskeyChallenge, PasskeyForm,
            RecoveryCodes, SecondFactorAdded, SecondFactorsView, SecondStepForm, SecondStepView, TotpView,
        },
        security::{ProviderFactorsForm, RequirementForm, SecurityView},
        session::{Me, SignInForm, SignInOptions, StrengthForm},
        setup::{SetUpForm, SetUpView},
        webhooks::{WebhookForm, WebhookSecret, WebhookView, WebhooksView},
    },
    domain::{
        access::AccessQuery,
        audit::AuditQuery,
        ids::{
            ApiKeyId, AttemptId, DecisionId, DeliveryId, InvitationId, LoginMethodId, MailId, MemberId, OfferId,
            RememberedBrowserId, SecondFactorId, SessionId, UserEventId, WebhookId,
        },
        list::{Cursor, ListQuery},
        name::Slug,
        oauth::ConfigurationForm,
        password::Strength,
        role::RoleKey,
    },
    error::AppError,
    request::{Caller, Visitor, WithCookies},
};
use async_trait::async_trait;

// First run.

/// What the set-up page shows this browser.
#[async_trait]
pub trait ViewSetUp: Send + Sync {
    async fn view_set_up(&self, visitor: &Visitor) -> Result<SetUpView, AppError>;
}

/// Makes the first account and its owner, and signs the owner in.
#[async_trait]
pub trait SetUp: Send + Sync {
    async fn set_up(&self, visitor: &Visitor, form: SetUpForm) -> Result<WithCookies<Slug>, AppError>;
}

// Signing in and out.

/// The signed-in user with the accounts this session can open.
#[async_trait]
pub trait Whoami: Send + Sync {
    async fn whoami(&self, visitor: &Visitor) -> Result<Option<Me>, AppError>;
}

/// Signs in by email address and password; answers where to go.
#[async_trait]
pub trait SignIn: Send + Sync {
    async fn sign_in(&self, visitor: &Visitor, form: SignInForm) -> Result<WithCookies<String>, AppError>;
}

/// The ways to sign in to the account with this slug.
#[async_trait]
pub trait ListSignInOptions: Send + Sync {
    async fn list_sign_in_options(&self, account: &str, next: &str) -> Result<SignInOptions, AppError>;
}

/// Ends this session.
#[async_trait]
pub trait SignOut: Send + Sync {
    async fn sign_out(&self, visitor: &Visitor) -> Result<WithCookies<()>, AppError>;
}

/// How hard a password is to guess; never logged.
#[async_trait]
pub trait MeasurePassword: Send + Sync {
    async fn measure_password(&self, visitor: &Visitor, form: StrengthForm) -> Result<Strength, AppError>;
}

// One's own login.

/// Queues the mail with a link to choose a new password, if anybody has the address; the answer does not tell.
#[async_trait]
pub trait AskForPasswordReset: Send + Sync {
    async fn ask_for_password_reset(
        &self,
        visitor: &Visitor,
        form: PasswordResetRequest,
    ) -> Result<PasswordResetAsked, AppError>;
}

/// What the page of a reset link shows this browser.
#[async_trait]
pub trait ViewPasswordReset: Send + Sync {
    async fn view_password_reset(&self, visitor: &Visitor) -> Result<PasswordResetView, AppError>;
}

/// Chooses a new password by a link; answers the page to sign in on.
#[async_trait]
pub trait ResetPassword: Send + Sync {
    async fn reset_password(&self, visitor: &Visitor, form: ResetPasswordForm)
    -> Result<WithCookies<String>, AppError>;
}

/// The signed-in person's login, and whether this session may change it.
#[async_trait]
pub trait ShowOwnLogin: Send + Sync {
    async fn show_own_login(&self, visitor: &Visitor) -> Result<OwnLogin, AppError>;
}

/// Saves what the person is called and addressed in.
#[async_trait]
pub trait ChangeProfile: Send + Sync {
    async fn change_profile(&self, visitor: &Visitor, form: ProfileForm)
    -> Result<WithCookies<ProfileSaved>, AppError>;
}

/// Sets another password; the present one must be right.
#[async_trait]
pub trait ChangePassword: Send + Sync {
    async fn change_password(
        &self,
        visitor: &Visitor,
        form: ChangePasswordForm,
    ) -> Result<WithCookies<PasswordChanged>, AppError>;
}

/// The browsers that the person is signed in with.
#[async_trait]
pub trait ListSessions: Send + Sync {
    async fn list_sessions(&self, visitor: &Visitor) -> Result<OwnSessions, AppError>;
}

/// Signs one of them out.
#[async_trait]
pub trait EndSession: Send + Sync {
    async fn end_session(&self, visitor: &Visitor, session: SessionId) -> Result<(), AppError>;
}

/// Signs all out but this one.
#[async_trait]
pub trait EndOtherSessions: Send + Sync {
    async fn end_other_sessions(&self, visitor: &Visitor) -> Result<OthersEnded, AppError>;
}

/// The open invitations to the person's own address.
#[async_trait]
pub trait ListOwnInvitations: Send + Sync {
    async fn list_own_invitations(&self, visitor: &Visitor) -> Result<Vec<OwnInvitation>, AppError>;
}

/// Accepts one of them, without its link.
#[async_trait]
pub trait JoinOwnInvitation: Send + Sync {
    async fn join_own_invitation(&self, visitor: &Visitor, id: InvitationId) -> Result<Joined, AppError>;
}

/// Declines one of them, and answers the account's name.
#[async_trait]
pub trait DeclineOwnInvitation: Send + Sync {
    async fn decline_own_invitation(&self, visitor: &Visitor, id: InvitationId) -> Result<String, AppError>;
}

/// Sets the day on which the login is deleted.
#[async_trait]
pub trait DeleteLogin: Send + Sync {
    async fn delete_login(&self, visitor: &Visitor, form: DeleteLoginForm) -> Result<DeletionAsked, AppError>;
}

/// Keeps the login after all.
#[async_trait]
pub trait KeepLogin: Send + Sync {
    async fn keep_login(&self, visitor: &Visitor) -> Result<(), AppError>;
}

/// The person's own log, before this event.
#[async_trait]
pub trait ListOwnEvents: Send + Sync {
    async fn list_own_events(&self, visitor: &Visitor, before: Option<UserEventId>) -> Result<OwnActivity, AppError>;
}

/// Asks for another address: a link is mailed there.
#[async_trait]
pub trait AskForAddressChange: Send + Sync {
    async fn ask_for_address_change(
        &self,
        visitor: &Visitor,
        form: AddressForm,
    ) -> Result<AddressChangeAsked, AppError>;
}

/// Drops what was asked for.
#[async_trait]
pub trait DropAddressChange: Send + Sync {
    async fn drop_address_change(&self, visitor: &Visitor) -> Result<(), AppError>;
}

/// What the link of a change of address can do.
#[async_trait]
pub trait ViewAddressChange: Send + Sync {
    async fn view_address_change(&self, visitor: &Visitor) -> Result<AddressChangeView, AppError>;
}

/// Confirms the change, at the new address.
#[async_trait]
pub trait ConfirmAddressChange: Send + Sync {
    async fn confirm_address_change(&self, visitor: &Visitor) -> Result<WithCookies<AddressChanged>, AppError>;
}

/// Takes the change back, at the old address.
#[async_trait]
pub trait UndoAddressChange: Send + Sync {
    async fn undo_address_change(&self, visitor: &Visitor) -> Result<WithCookies<AddressRestored>, AppError>;
}

// Accounts.

/// The accounts of the signed-in user, and whether another may be opened.
#[async_trait]
pub trait ListAccounts: Send + Sync {
    async fn list_accounts(&self, visitor: &Visitor) -> Result<MyAccounts, AppError>;
}

/// Opens another account, with the caller as its owner.
#[async_trait]
pub trait OpenAccount: Send + Sync {
    async fn open_account(&self, visitor: &Visitor, form: OpenAccountForm) -> Result<NewAccount, AppError>;
}

/// What joining and signing in lead to.
#[async_trait]
pub trait ShowAccount: Send + Sync {
    async fn show_account(&self, caller: &Caller) -> Result<AccountHome, AppError>;
}

/// Leaves the account (R32), and answers its name.
#[async_trait]
pub trait LeaveAccount: Send + Sync {
    async fn leave_account(&self, caller: &Caller) -> Result<String, AppError>;
}

/// What an account's owners settle for it.
#[async_trait]
pub trait ShowAccountSettings: Send + Sync {
    async fn show_account_settings(&self, caller: &Caller) -> Result<AccountSettingsView, AppError>;
}

/// Changes that.
#[async_trait]
pub trait ChangeAccountSettings: Send + Sync {
    async fn change_account_settings(&self, caller: &Caller, form: AccountSettingsForm) -> Result<NextPage, AppError>;
}

/// Changes an account's address.
#[async_trait]
pub trait ChangeAccountAddress: Send + Sync {
    async fn change_account_address(&self, caller: &Caller, form: AccountAddressForm) -> Result<NextPage, AppError>;
}

/// Asks for an account to be deleted (CF-08).
#[async_trait]
pub trait DeleteAccount: Send + Sync {
    async fn delete_account(&self, caller: &Caller, form: DeleteAccountForm) -> Result<NextPage, AppError>;
}

/// Keeps an account that was to be deleted.
#[async_trait]
pub trait KeepAccount: Send + Sync {
    async fn keep_account(&self, caller: &Caller) -> Result<NextPage, AppError>;
}

/// Offers ownership to another member (R34).
#[async_trait]
pub trait OfferOwnership: Send + Sync {
    async fn offer_ownership(&self, caller: &Caller, form: OfferForm) -> Result<NextPage, AppError>;
}

/// Takes such an offer back.
#[async_trait]
pub trait WithdrawOwnership: Send + Sync {
    async fn withdraw_ownership(&self, caller: &Caller, offer: OfferId) -> Result<NextPage, AppError>;
}

/// Accepts it: the two roles are exchanged at once.
#[async_trait]
pub trait AcceptOwnership: Send + Sync {
    async fn accept_ownership(&self, caller: &Caller, offer: OfferId) -> Result<NextPage, AppError>;
}

/// Declines it.
#[async_trait]
pub trait DeclineOwnership: Send + Sync {
    async fn decline_ownership(&self, caller: &Caller, offer: OfferId) -> Result<NextPage, AppError>;
}

// The Users list and its rows.

/// One page of the list, with all that is needed to explain it.
#[async_trait]
pub trait ListMembers: Send + Sync {
    async fn list_members(&self, caller: &Caller, query: ListQuery) -> Result<UsersPage, AppError>;
}

/// One row of the list, for its dialogs.
#[async_trait]
pub trait ShowMember: Send + Sync {
    async fn show_member(&self, caller: &Caller, member: MemberId) -> Result<MemberDetails, AppError>;
}

/// All that the account knows of a person; the events before this number.
#[async_trait]
pub trait ShowPerson: Send + Sync {
    async fn show_person(&self, caller: &Caller, member: MemberId, before: Option<i64>)
    -> Result<PersonPage, AppError>;
}

/// Changes role and extras.
#[async_trait]
pub trait EditMember: Send + Sync {
    async fn edit_member(&self, caller: &Caller, form: EditForm) -> Result<Edited, AppError>;
}

/// What removing this member will do, for the dialog (R64).
#[async_trait]
pub trait PlanRemoval: Send + Sync {
    async fn plan_removal(&self, caller: &Caller, member: MemberId) -> Result<RemovalPlan, AppError>;
}

/// Removes a member, or withdraws an invitation.
#[async_trait]
pub trait RemoveMember: Send + Sync {
    async fn remove_member(&self, caller: &Caller, form: RemoveForm) -> Result<Removed, AppError>;
}

/// Suspends a member: access ends, role and permissions stay.
#[async_trait]
pub trait SuspendMember: Send + Sync {
    async fn suspend_member(&self, caller: &Caller, form: SuspendForm) -> Result<Suspended, AppError>;
}

/// Reactivates a suspended member.
#[async_trait]
pub trait ReactivateMember: Send + Sync {
    async fn reactivate_member(&self, caller: &Caller, id: MemberId) -> Result<Reactivated, AppError>;
}

/// Undoes a removal of the last minutes (R64).
#[async_trait]
pub trait UndoRemoval: Send + Sync {
    async fn undo_removal(&self, caller: &Caller, id: MemberId) -> Result<RemovalUndone, AppError>;
}

/// Selects those whom a view of the list matches.
#[async_trait]
pub trait SelectMatching: Send + Sync {
    async fn select_matching(
        &self,
        caller: &Caller,
        query: ListQuery,
        from: Option<Cursor>,
    ) -> Result<Selection, AppError>;
}

/// Does one thing to several people.
#[async_trait]
pub trait ChangeSeveral: Send + Sync {
    async fn change_several(&self, caller: &Caller, form: BulkForm) -> Result<Vec<BulkResult>, AppError>;
}

// Invitations, seen from the account.

/// Invites a person into the account.
#[async_trait]
pub trait InviteUser: Send + Sync {
    async fn invite_user(&self, caller: &Caller, form: InviteForm) -> Result<Invited, AppError>;
}

/// Invites several people into the account.
#[async_trait]
pub trait InviteSeveral: Send + Sync {
    async fn invite_several(&self, caller: &Caller, form: InviteSeveralForm) -> Result<Vec<InvitedOne>, AppError>;
}

/// Finds out who several people are to the account.
#[async_trait]
pub trait LookUpSeveral: Send + Sync {
    async fn look_up_several(&self, caller: &Caller, form: InviteSeveralForm) -> Result<Vec<LookedUpOne>, AppError>;
}

/// Sends the invitation again with a new link; the old one is dead (R23).
#[async_trait]
pub trait ResendInvitation: Send + Sync {
    async fn resend_invitation(&self, caller: &Caller, member: MemberId) -> Result<Resent, AppError>;
}

/// The link to hand over by other means; the same one each time.
#[async_trait]
pub trait CopyLink: Send + Sync {
    async fn copy_link(&self, caller: &Caller, member: MemberId) -> Result<Link, AppError>;
}

// Invitations, seen from the person invited.

/// What the page of an invitation shows this browser.
#[async_trait]
pub trait ViewInvitation: Send + Sync {
    async fn view_invitation(
        &self,
        visitor: &Visitor,
        id: Option<InvitationId>,
        attempt: Option<AttemptId>,
    ) -> Result<InvitationView, AppError>;
}

/// Mails a code that proves the mailbox, for the holder of a copied link (R12).
#[async_trait]
pub trait MailCode: Send + Sync {
    async fn mail_code(&self, visitor: &Visitor, id: InvitationId) -> Result<Code, AppError>;
}

/// Makes a login and joins with it.
#[async_trait]
pub trait SignUp: Send + Sync {
    async fn sign_up(&self, visitor: &Visitor, form: SignUpForm) -> Result<WithCookies<Joined>, AppError>;
}

/// Joins as the person whom the account's provider named.
#[async_trait]
pub trait JoinByMethod: Send + Sync {
    async fn join_by_method(&self, visitor: &Visitor, form: JoinByMethodForm) -> Result<WithCookies<Joined>, AppError>;
}

/// Joins with the present login.
#[async_trait]
pub trait JoinAccount: Send + Sync {
    async fn join_account(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<Joined>, AppError>;
}

/// Turns the invitation down (R63).
#[async_trait]
pub trait DeclineInvitation: Send + Sync {
    async fn decline_invitation(&self, visitor: &Visitor, id: InvitationId) -> Result<WithCookies<()>, AppError>;
}

/// Can whoever holds the link refuse all further invitations of the account, and do they (R51)?
#[async_trait]
pub trait ViewRefusal: Send + Sync {
    async fn view_refusal(&self, visitor: &Visitor, id: Option<InvitationId>) -> Result<Option<RefusalView>, AppError>;
}

/// Refuses all further invitations of the account (R51).
#[async_trait]
pub trait RefuseInvitations: Send + Sync {
    async fn refuse_invitations(&self, visitor: &Visitor, id: InvitationId) -> Result<(), AppError>;
}

/// Takes that back.
#[async_trait]
pub trait AllowInvitations: Send + Sync {
    async fn allow_invitations(&self, visitor: &Visitor, id: Option<InvitationId>) -> Result<(), AppError>;
}

/// Asks the account's admins for a new link (R20).
#[async_trait]
pub trait AskForNewLink: Send + Sync {
    async fn ask_for_new_link(&self, visitor: &Visitor, id: InvitationId) -> Result<NewLink, AppError>;
}

/// Asks the account's admins to invite the signed-in address in place of the invited one (R14).
#[async_trait]
pub trait AskToBeInvited: Send + Sync {
    async fn ask_to_be_invited(&self, visitor: &Visitor, id: InvitationId) -> Result<AskAs, AppError>;
}

// Settings → Outbox.

/// This account's invitation mails, newest first.
#[async_trait]
pub trait ListMails: Send + Sync {
    async fn list_mails(&self, caller: &Caller, after: Option<MailId>) -> Result<OutboxPage, AppError>;
}

// Settings → Audit.

/// The account's audit events, newest first.
#[async_trait]
pub trait ListAuditEvents: Send + Sync {
    async fn list_audit_events(&self, caller: &Caller, query: AuditQuery) -> Result<AuditPage, AppError>;
}

/// Who had access at one moment.
#[async_trait]
pub trait ShowAccess: Send + Sync {
    async fn show_access(&self, caller: &Caller, query: AccessQuery) -> Result<AccessPage, AppError>;
}

// Settings → Login methods, and decisions about people who came by them. What changes something answers the page that shows it.

/// The login methods.
#[async_trait]
pub trait ListLoginMethods: Send + Sync {
    async fn list_login_methods(&self, caller: &Caller) -> Result<MethodsView, AppError>;
}

/// One login method with its form; `attempt` is a test that this browser ran.
#[async_trait]
pub trait ShowLoginMethod: Send + Sync {
    async fn show_login_method(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        method: LoginMethodId,
        attempt: Option<AttemptId>,
    ) -> Result<MethodView, AppError>;
}

/// Adds a login method with nothing set up yet.
#[async_trait]
pub trait AddLoginMethod: Send + Sync {
    async fn add_login_method(&self, caller: &Caller, preset: &str) -> Result<NextPage, AppError>;
}

/// Saves a draft of a login method.
#[async_trait]
pub trait SaveLoginMethod: Send + Sync {
    async fn save_login_method(&self, caller: &Caller, form: ConfigurationForm) -> Result<NextPage, AppError>;
}

/// Gives that draft up.
#[async_trait]
pub trait DropDraft: Send + Sync {
    async fn drop_draft(&self, caller: &Caller, method: LoginMethodId) -> Result<NextPage, AppError>;
}

/// Makes what a test proved the live configuration.
#[async_trait]
pub trait MakeLive: Send + Sync {
    async fn make_live(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<NextPage, AppError>;
}

/// Lets the caller sign in by the method that the test just proved.
#[async_trait]
pub trait UseForMe: Send + Sync {
    async fn use_for_me(&self, caller: &Caller, visitor: &Visitor, form: MakeLiveForm) -> Result<NextPage, AppError>;
}

/// Switches a login method on or off.
#[async_trait]
pub trait SwitchLoginMethod: Send + Sync {
    async fn switch_login_method(&self, caller: &Caller, method: LoginMethodId, on: bool)
    -> Result<NextPage, AppError>;
}

/// Removes a login method that is in nobody's row.
#[async_trait]
pub trait RemoveLoginMethod: Send + Sync {
    async fn remove_login_method(&self, caller: &Caller, method: LoginMethodId) -> Result<NextPage, AppError>;
}

/// Who came back from a provider, beside who was invited.
#[async_trait]
pub trait ShowDecision: Send + Sync {
    async fn show_decision(&self, caller: &Caller, member: MemberId) -> Result<Option<DecisionView>, AppError>;
}

/// Decides about them: `use` or `reject`.
#[async_trait]
pub trait Decide: Send + Sync {
    async fn decide(
        &self,
        caller: &Caller,
        member: MemberId,
        decision: DecisionId,
        outcome: &str,
    ) -> Result<NextPage, AppError>;
}

// Reauthentication, before what is most dangerous (AZ-16).

/// How the caller can reauthenticate.
#[async_trait]
pub trait ViewReauthentication: Send + Sync {
    async fn view_reauthentication(&self, caller: &Caller, next: &str) -> Result<ReauthenticationView, AppError>;
}

/// Proves it by the caller's own password.
#[async_trait]
pub trait ReauthenticateByPassword: Send + Sync {
    async fn reauthenticate_by_password(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: ReauthenticationForm,
    ) -> Result<WithCookies<NextPage>, AppError>;
}

/// Mails a code to the caller's proved mailbox.
#[async_trait]
pub trait MailReauthenticationCode: Send + Sync {
    async fn mail_reauthentication_code(
        &self,
        caller: &Caller,
        form: ReauthenticationForm,
    ) -> Result<NextPage, AppError>;
}

/// Proves it by that code.
#[async_trait]
pub trait ReauthenticateByCode: Send + Sync {
    async fn reauthenticate_by_code(&self, caller: &Caller, form: ReauthenticationForm) -> Result<NextPage, AppError>;
}

// Second factors.

/// What the second step of signing in shows this browser.
#[async_trait]
pub trait ViewSecondStep: Send + Sync {
    async fn view_second_step(&self, visitor: &Visitor) -> Result<SecondStepView, AppError>;
}

/// Finishes a sign-in by a second factor; answers where to go.
#[async_trait]
pub trait FinishSignIn: Send + Sync {
    async fn finish_sign_in(&self, visitor: &Visitor, form: SecondStepForm) -> Result<WithCookies<String>, AppError>;
}

/// The second factors of the signed-in user.
#[async_trait]
pub trait ListSecondFactors: Send + Sync {
    async fn list_second_factors(&self, visitor: &Visitor) -> Result<SecondFactorsView, AppError>;
}

/// Begins to set an app up; answers the page that does.
#[async_trait]
pub trait BeginTotp: Send + Sync {
    async fn begin_totp(&self, visitor: &Visitor) -> Result<String, AppError>;
}

/// The app that the signed-in user is setting up.
#[async_trait]
pub trait ShowTotp: Send + Sync {
    async fn show_totp(&self, visitor: &Visitor, factor: SecondFactorId) -> Result<TotpView, AppError>;
}

/// Adds that app, once it shows the right code.
#[async_trait]
pub trait ConfirmTotp: Send + Sync {
    async fn confirm_totp(
        &self,
        visitor: &Visitor,
        form: ConfirmTotpForm,
    ) -> Result<WithCookies<SecondFactorAdded>, AppError>;
}

/// Forgets a browser that was remembered.
#[async_trait]
pub trait ForgetBrowser: Send + Sync {
    async fn forget_browser(&self, visitor: &Visitor, browser: RememberedBrowserId) -> Result<(), AppError>;
}

/// Removes a second factor.
#[async_trait]
pub trait RemoveSecondFactor: Send + Sync {
    async fn remove_second_factor(&self, visitor: &Visitor, factor: SecondFactorId) -> Result<(), AppError>;
}

/// Makes new recovery codes; the earlier ones are dead.
#[async_trait]
pub trait MakeRecoveryCodes: Send + Sync {
    async fn make_recovery_codes(&self, visitor: &Visitor) -> Result<RecoveryCodes, AppError>;
}

/// How the signed-in user can reauthenticate for changes of the login.
#[async_trait]
pub trait ViewOwnReauthentication: Send + Sync {
    async fn view_own_reauthentication(
        &self,
        visitor: &Visitor,
        next: &str,
    ) -> Result<OwnReauthenticationView, AppError>;
}

/// Proves it by the password or a second factor; answers where to go on.
#[async_trait]
pub trait ReauthenticateOwnLogin: Send + Sync {
    async fn reauthenticate_own_login(
        &self,
        visitor: &Visitor,
        form: OwnReauthenticationForm,
    ) -> Result<WithCookies<String>, AppError>;
}

/// Begins to add a passkey.
#[async_trait]
pub trait BeginPasskey: Send + Sync {
    async fn begin_passkey(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError>;
}

/// Adds the passkey that the browser made.
#[async_trait]
pub trait AddPasskey: Send + Sync {
    async fn add_passkey(
        &self,
        visitor: &Visitor,
        form: PasskeyForm,
    ) -> Result<WithCookies<SecondFactorAdded>, AppError>;
}

/// Asks for a passkey in the second step of signing in.
#[async_trait]
pub trait BeginPasskeyStep: Send + Sync {
    async fn begin_passkey_step(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError>;
}

/// Finishes a sign-in by a passkey; answers where to go.
#[async_trait]
pub trait FinishByPasskey: Send + Sync {
    async fn finish_by_passkey(&self, visitor: &Visitor, form: PasskeyForm) -> Result<WithCookies<String>, AppError>;
}

/// Asks for a passkey to sign in by it alone.
#[async_trait]
pub trait BeginPasskeySignIn: Send + Sync {
    async fn begin_passkey_sign_in(&self, visitor: &Visitor) -> Result<PasskeyChallenge, AppError>;
}

/// Signs in by a passkey alone; answers where to go.
#[async_trait]
pub trait SignInByPasskey: Send + Sync {
    async fn sign_in_by_passkey(&self, visitor: &Visitor, form: PasskeyForm) -> Result<WithCookies<String>, AppError>;
}

/// Asks for a passkey to reauthenticate, in the account of that slug or, without one, for changes of the login.
#[async_trait]
pub trait BeginPasskeyReauthentication: Send + Sync {
    async fn begin_passkey_reauthentication(
        &self,
        visitor: &Visitor,
        account: &str,
    ) -> Result<PasskeyChallenge, AppError>;
}

/// Proves it by a passkey; answers where to go on.
#[async_trait]
pub trait ReauthenticateByPasskey: Send + Sync {
    async fn reauthenticate_by_passkey(
        &self,
        visitor: &Visitor,
        form: PasskeyForm,
    ) -> Result<WithCookies<String>, AppError>;
}

// An account's roles.

/// The roles, how many people have each, and who has the permission with this key.
#[async_trait]
pub trait ListRoles: Send + Sync {
    async fn list_roles(&self, caller: &Caller, permission: &str) -> Result<RolesView, AppError>;
}

/// One role.
#[async_trait]
pub trait ShowRole: Send + Sync {
    async fn show_role(&self, caller: &Caller, role: &RoleKey) -> Result<RoleView, AppError>;
}

/// Makes a role of the account's own.
#[async_trait]
pub trait CreateRole: Send + Sync {
    async fn create_role(&self, caller: &Caller, form: RoleForm) -> Result<RoleCreated, AppError>;
}

/// Changes a role of the account's own.
#[async_trait]
pub trait EditRole: Send + Sync {
    async fn edit_role(&self, caller: &Caller, form: EditRoleForm) -> Result<RoleEdited, AppError>;
}

/// Deletes a role of the account's own.
#[async_trait]
pub trait DeleteRole: Send + Sync {
    async fn delete_role(&self, caller: &Caller, form: DeleteRoleForm) -> Result<RoleDeleted, AppError>;
}

// An account's API keys.

/// The keys.
#[async_trait]
pub trait ListApiKeys: Send + Sync {
    async fn list_api_keys(&self, caller: &Caller) -> Result<ApiKeysView, AppError>;
}

/// Makes a key.
#[async_trait]
pub trait MakeApiKey: Send + Sync {
    async fn make_api_key(&self, caller: &Caller, form: ApiKeyForm) -> Result<ApiKeyMade, AppError>;
}

/// Revokes a key.
#[async_trait]
pub trait RevokeApiKey: Send + Sync {
    async fn revoke_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<NextPage, AppError>;
}

/// Takes a key over.
#[async_trait]
pub trait TakeOverApiKey: Send + Sync {
    async fn take_over_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<NextPage, AppError>;
}

// An account's webhooks.

/// The webhooks.
#[async_trait]
pub trait ListWebhooks: Send + Sync {
    async fn list_webhooks(&self, caller: &Caller) -> Result<WebhooksView, AppError>;
}

/// One webhook with its deliveries.
#[async_trait]
pub trait ShowWebhook: Send + Sync {
    async fn show_webhook(
        &self,
        caller: &Caller,
        webhook: WebhookId,
        after: Option<DeliveryId>,
    ) -> Result<WebhookView, AppError>;
}

/// Adds a webhook.
#[async_trait]
pub trait AddWebhook: Send + Sync {
    async fn add_webhook(&self, caller: &Caller, form: WebhookForm) -> Result<WebhookSecret, AppError>;
}

/// Changes a webhook.
#[async_trait]
pub trait ChangeWebhook: Send + Sync {
    async fn change_webhook(
        &self,
        caller: &Caller,
        webhook: WebhookId,
        form: WebhookForm,
    ) -> Result<NextPage, AppError>;
}

/// Replaces a webhook's secret.
#[async_trait]
pub trait RotateWebhookSecret: Send + Sync {
    async fn rotate_webhook_secret(&self, caller: &Caller, webhook: WebhookId) -> Result<WebhookSecret, AppError>;
}

/// Switches a webhook on or off.
#[async_trait]
pub trait SwitchWebhook: Send + Sync {
    async fn switch_webhook(&self, caller: &Caller, webhook: WebhookId, on: bool) -> Result<NextPage, AppError>;
}

/// Removes a webhook.
#[async_trait]
pub trait RemoveWebhook: Send + Sync {
    async fn remove_webhook(&self, caller: &Caller, webhook: WebhookId) -> Result<NextPage, AppError>;
}

/// Sends a test event.
#[async_trait]
pub trait TestWebhook: Send + Sync {
    async fn test_webhook(&self, caller: &Caller, webhook: WebhookId) -> Result<NextPage, AppError>;
}

/// Sends a delivery once more.
#[async_trait]
pub trait Redeliver: Send + Sync {
    async fn redeliver(&self, caller: &Caller, webhook: WebhookId, delivery: DeliveryId) -> Result<NextPage, AppError>;
}

// What an account requires of second factors.

/// What the account requires, and who is ready.
#[async_trait]
pub trait ShowSecurity: Send + Sync {
    async fn show_security(&self, caller: &Caller) -> Result<SecurityView, AppError>;
}

/// Requires a second factor, or no more.
#[async_trait]
pub trait RequireSecondFactor: Send + Sync {
    async fn require_second_factor(&self, caller: &Caller, form: RequirementForm) -> Result<NextPage, AppError>;
}

/// Takes, or no longer takes, a provider's word for a second factor.
#[async_trait]
pub trait AcceptProviderFactors: Send + Sync {
    async fn accept_provider_factors(&self, caller: &Caller, form: ProviderFactorsForm) -> Result<NextPage, AppError>;
}

/// What the account asks of this session.
#[async_trait]
pub trait ViewRequiredFactor: Send + Sync {
    async fn view_required_factor(
        &self,
        caller: &Caller,
        begun: Option<SecondFactorId>,
        next: &str,
    ) -> Result<RequiredFactorView, AppError>;
}

/// Proves a second factor to the account; answers where to go on.
#[async_trait]
pub trait ProveRequiredFactor: Send + Sync {
    async fn prove_required_factor(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: RequiredFactorForm,
    ) -> Result<WithCookies<String>, AppError>;
}

/// Begins to set an app up for the account; answers the page that shows it.
#[async_trait]
pub trait BeginAccountApp: Send + Sync {
    async fn begin_account_app(&self, caller: &Caller, next: &str) -> Result<String, AppError>;
}

/// Adds the app for the account; answers where to go on.
#[async_trait]
pub trait ConfirmAccountApp: Send + Sync {
    async fn confirm_account_app(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        form: RequiredFactorForm,
    ) -> Result<WithCookies<String>, AppError>;
}

/// Removes the app for the account; answers where another one is set up.
#[async_trait]
pub trait RemoveAccountApp: Send + Sync {
    async fn remove_account_app(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        factor: SecondFactorId,
    ) -> Result<String, AppError>;
}

/// Declares [`Backend`] as the sum of the operations.
macro_rules! backend {
    ($($operation:ident),* $(,)?) => {
        /// Every operation there is.
        pub trait Backend: $($operation +)* {}

        impl<T: $($operation +)*> Backend for T {}
    };
}

backend! {
    ViewSetUp,
    SetUp,
    Whoami,
    SignIn,
    ListSignInOptions,
    SignOut,
    MeasurePassword,
    AskForPasswordReset,
    ViewPasswordReset,
    ResetPassword,
    ShowOwnLogin,
    ChangeProfile,
    ChangePassword,
    ListSessions,
    EndSession,
    EndOtherSessions,
    ListOwnInvitations,
    JoinOwnInvitation,
    DeclineOwnInvitation,
    ListOwnEvents,
    DeleteLogin,
    KeepLogin,
    AskForAddressChange,
    DropAddressChange,
    ViewAddressChange,
    ConfirmAddressChange,
    UndoAddressChange,
    ListAccounts,
    OpenAccount,
    ShowAccount,
    LeaveAccount,
    ShowAccountSettings,
    ChangeAccountSettings,
    ChangeAccountAddress,
    DeleteAccount,
    KeepAccount,
    OfferOwnership,
    WithdrawOwnership,
    AcceptOwnership,
    DeclineOwnership,
    ListMembers,
    ShowMember,
    ShowPerson,
    EditMember,
    PlanRemoval,
    RemoveMember,
    SuspendMember,
    ReactivateMember,
    UndoRemoval,
    SelectMatching,
    ChangeSeveral,
    InviteUser,
    InviteSeveral,
    LookUpSeveral,
    ResendInvitation,
    CopyLink,
    ViewInvitation,
    MailCode,
    SignUp,
    JoinByMethod,
    JoinAccount,
    DeclineInvitation,
    ViewRefusal,
    RefuseInvitations,
    AllowInvitations,
    AskForNewLink,
    AskToBeInvited,
    ListMails,
    ListAuditEvents,
    ShowAccess,
    ListLoginMethods,
    ShowLoginMethod,
    AddLoginMethod,
    SaveLoginMethod,
    DropDraft,
    MakeLive,
    UseForMe,
    SwitchLoginMethod,
    RemoveLoginMethod,
    ShowDecision,
    Decide,
    ViewReauthentication,
    ReauthenticateByPassword,
    MailReauthenticationCode,
    ReauthenticateByCode,
    ListRoles,
    ShowRole,
    CreateRole,
    EditRole,
    DeleteRole,
    ListApiKeys,
    MakeApiKey,
    RevokeApiKey,
    TakeOverApiKey,
    ListWebhooks,
    ShowWebhook,
    AddWebhook,
    ChangeWebhook,
    RotateWebhookSecret,
    SwitchWebhook,
    RemoveWebhook,
    TestWebhook,
    Redeliver,
    ShowSecurity,
    RequireSecondFactor,
    AcceptProviderFactors,
    ViewRequiredFactor,
    ProveRequiredFactor,
    BeginAccountApp,
    ConfirmAccountApp,
    RemoveAccountApp,
    ViewSecondStep,
    FinishSignIn,
    ListSecondFactors,
    BeginTotp,
    ShowTotp,
    ConfirmTotp,
    RemoveSecondFactor,
    ForgetBrowser,
    MakeRecoveryCodes,
    ViewOwnReauthentication,
    ReauthenticateOwnLogin,
    BeginPasskey,
    AddPasskey,
    BeginPasskeyStep,
    FinishByPasskey,
    BeginPasskeySignIn,
    SignInByPasskey,
    BeginPasskeyReauthentication,
    ReauthenticateByPasskey,
}
