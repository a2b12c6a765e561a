//! Settings → Login methods, and the decisions about people who came back from a provider as others than those invited.

#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::{AttemptId, DecisionId, MemberId},
        member::{LoginMethod, LoginMethodKind},
        name::Slug,
        oauth::{ConfigurationForm, Failure, Fault, Person, Preset, ReauthenticationMethod, Recency, Warning},
        policy::Verdict,
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::StrDeserializer},
};

/// The account's login methods. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/list")]
pub async fn list_login_methods(account: String) -> Result<MethodsView, AppError> {
    backend()?.list_login_methods(&caller_in(&account)?).await
}

/// One login method with its form; `attempt` is a test that this browser ran. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/show")]
pub async fn show_login_method(
    account: String,
    method: String,
    #[server(default)] attempt: String,
) -> Result<MethodView, AppError> {
    backend()?.show_login_method(&caller_in(&account)?, &visitor()?, id(&method)?, attempt.parse().ok()).await
}

/// Who came back from a provider, beside who was invited. Needs `users.invite`.
#[server(endpoint = "users/decision")]
pub async fn show_decision(account: String, member: String) -> Result<Option<DecisionView>, AppError> {
    backend()?.show_decision(&caller_in(&account)?, id(&member)?).await
}

/// How the caller can reauthenticate.
#[server(endpoint = "reauthentication/show")]
pub async fn view_reauthentication(
    account: String,
    #[server(default)] next: String,
) -> Result<ReauthenticationView, AppError> {
    backend()?.view_reauthentication(&caller_in(&account)?, &next).await
}

/// Adds a login method of this preset, with nothing set up yet; answers its page. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/add")]
pub async fn add_login_method(account: String, preset: String) -> Result<NextPage, AppError> {
    go_on(backend()?.add_login_method(&caller_in(&account)?, &preset).await?)
}

/// Saves a draft (R45). Needs `login_methods.manage`.
#[server(endpoint = "login-methods/save")]
pub async fn save_login_method(account: String, form: ConfigurationForm) -> Result<NextPage, AppError> {
    go_on(backend()?.save_login_method(&caller_in(&account)?, form).await?)
}

/// Gives a draft up. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/drop-draft")]
pub async fn drop_draft(account: String, method: String) -> Result<NextPage, AppError> {
    go_on(backend()?.drop_draft(&caller_in(&account)?, id(&method)?).await?)
}

/// Makes what a test proved the live configuration, perhaps with another claim as the identifier. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/make-live")]
pub async fn make_live(account: String, form: MakeLiveForm) -> Result<NextPage, AppError> {
    go_on(backend()?.make_live(&caller_in(&account)?, &visitor()?, form).await?)
}

/// Lets the caller sign in by the method that the test just proved. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/use-for-me")]
pub async fn use_for_me(account: String, form: MakeLiveForm) -> Result<NextPage, AppError> {
    go_on(backend()?.use_for_me(&caller_in(&account)?, &visitor()?, form).await?)
}

/// Switches a method on or off (R27, R33, OA-19). Needs `login_methods.manage`.
#[server(endpoint = "login-methods/switch")]
pub async fn switch_login_method(account: String, method: String, on: String) -> Result<NextPage, AppError> {
    go_on(backend()?.switch_login_method(&caller_in(&account)?, id(&method)?, on == "on").await?)
}

/// Removes a method that nobody was ever invited by. Needs `login_methods.manage`.
#[server(endpoint = "login-methods/remove")]
pub async fn remove_login_method(account: String, method: String) -> Result<NextPage, AppError> {
    go_on(backend()?.remove_login_method(&caller_in(&account)?, id(&method)?).await?)
}

/// Decides about somebody who came back from a provider as another than the one invited (R43, R44). Needs `users.invite`.
#[server(endpoint = "users/decide")]
pub async fn decide(account: String, member: String, decision: String, outcome: String) -> Result<NextPage, AppError> {
    go_on(backend()?.decide(&caller_in(&account)?, id(&member)?, id(&decision)?, &outcome).await?)
}

/// Reauthenticates the caller by their own password.
#[server(endpoint = "reauthentication/password")]
pub async fn reauthenticate_by_password(
    account: String,
    #[server(default)] form: ReauthenticationForm,
) -> Result<NextPage, AppError> {
    go_on(set_cookies(backend()?.reauthenticate_by_password(&caller_in(&account)?, &visitor()?, form).await?))
}

/// Mails the caller a code for the same.
#[server(endpoint = "reauthentication/mail-code")]
pub async fn mail_reauthentication_code(
    account: String,
    #[server(default)] form: ReauthenticationForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.mail_reauthentication_code(&caller_in(&account)?, form).await?)
}

/// Proves it by that code.
#[server(endpoint = "reauthentication/code")]
pub async fn reauthenticate_by_code(
    account: String,
    #[server(default)] form: ReauthenticationForm,
) -> Result<NextPage, AppError> {
    go_on(backend()?.reauthenticate_by_code(&caller_in(&account)?, form).await?)
}

/// A reauthentication, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReauthenticationForm {
    /// The password.
    pub password: String,
    /// The code that was mailed.
    pub code: String,
    /// Where to go on: a path of our own, or empty.
    pub next: String,
}

impl std::fmt::Debug for ReauthenticationForm {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReauthenticationForm").field("next", &self.next).finish_non_exhaustive()
    }
}

/// What a test proved, to be made use of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MakeLiveForm {
    /// The method's id.
    pub method: String,
    /// The test's id.
    pub attempt: String,
    /// Another claim to be the identifier; empty for the configured one.
    pub claim: String,
    /// `yes` if people may lose their links by it (R45).
    pub confirmed: String,
}

/// Where the page goes once a form of these pages is done, and what it says there. It travels as the address of that page, with the notice as
/// the last part of its query, so that others than our pages can open it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct NextPage {
    /// A path of our own.
    pub path: String,
    /// What the form achieved, or why it achieved nothing; `None` where the page speaks for itself.
    pub notice: Option<Notice>,
}

impl NextPage {
    /// A page that speaks for itself.
    pub const fn silent(path: String) -> Self {
        Self { path, notice: None }
    }

    /// A page that says this.
    pub const fn saying(path: String, notice: Notice) -> Self {
        Self { path, notice: Some(notice) }
    }
}

/// The part of an address that holds a notice.
#[derive(Serialize)]
struct NoticeInQuery {
    notice: Notice,
}

impl From<NextPage> for String {
    fn from(NextPage { path, notice }: NextPage) -> Self {
        let query = notice.and_then(|notice| serde_qs::to_string(&NoticeInQuery { notice }).ok());
        let joint = if path.contains('?') { '&' } else { '?' };
        query.map_or_else(|| path.clone(), |query| format!("{path}{joint}{query}"))
    }
}

impl From<String> for NextPage {
    fn from(address: String) -> Self {
        let said = address.rsplit_once(['?', '&']).and_then(|(path, query)| {
            let key: StrDeserializer<'_, serde::de::value::Error> = query.strip_prefix("notice=")?.into_deserializer();
            Some(Self::saying(path.to_owned(), Notice::deserialize(key).ok()?))
        });
        said.unwrap_or_else(|| Self::silent(address))
    }
}

/// Answers the next page; a form that the browser itself sent is redirected there.
#[cfg(feature = "ssr")]
pub(super) fn go_on(next: NextPage) -> Result<NextPage, AppError> {
    let path = next.path.clone();
    match next.notice {
        Some(_) => redirect_with_flash(&path, next),
        None => {
            redirect_form_post(&path);
            Ok(next)
        }
    }
}

/// A way to sign in to an account, as its login page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInOption {
    /// The text on the button.
    pub name: String,
    /// The link that starts it.
    pub start: String,
}

/// A login method as its settings show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MethodLine {
    /// The method.
    pub method: LoginMethod,
    /// Is it switched on?
    pub enabled: bool,
    /// The preset that it began as; `None` for Email & password.
    pub preset: Option<Preset>,
    /// When its live configuration passed; `None` without one.
    pub tested: Option<Timestamp>,
    /// Is there a draft?
    pub has_draft: bool,
    /// Active and suspended members who sign in by it.
    pub members: u64,
    /// People invited by it.
    pub invited: u64,
    /// Users who are known by it.
    pub linked: u64,
}

impl MethodLine {
    /// Is it available and fully set up?
    pub fn is_ready(&self) -> bool {
        self.enabled
            && match self.method.kind {
                LoginMethodKind::Password => true,
                LoginMethodKind::OAuth => self.tested.is_some(),
            }
    }
}

/// The list of methods.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MethodsView {
    /// The account.
    pub slug: Slug,
    /// The methods.
    pub lines: Vec<MethodLine>,
    /// Did the caller authenticate recently enough to make changes (AZ-16)?
    pub recently_authenticated: bool,
}

/// What a form achieved, or why it achieved nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Refused: no owner could sign in any more (R33, OA-19).
    LastOwner,
    /// Refused: the method is in somebody's row.
    InUse,
    /// The test it rests on is too old, or was another browser's.
    TestGone,
    /// The draft was saved.
    Saved,
    /// The draft was saved, and its secret without the blanks around it.
    SavedTrimmed,
    /// The configuration is live.
    Live,
    /// The caller now signs in by this method.
    UsedForMe,
    /// What an admin decided stands.
    Decided,
    /// The identifier that would be used is another member's.
    IdentifierTaken,
    /// Somebody decided before.
    DecidedBefore,
    /// Whoever asked was invited by their own address.
    RequestGranted,
    /// Whoever asked is not.
    RequestRefused,
    /// Refused: the address that is asked for has an entry of its own.
    RequestInTheList,
    /// A method was switched on.
    SwitchedOn,
    /// A method was switched off.
    SwitchedOff,
    /// A method was removed.
    Removed,
    /// A draft was given up.
    Discarded,
    /// A code is on its way to the caller's own mailbox.
    CodeMailed,
    /// What is settled for the account was saved.
    AccountSaved,
    /// The account has another address.
    AccountAddressChanged,
    /// The account is going to be deleted.
    AccountDeletionAsked,
    /// The account is kept after all.
    AccountKept,
    /// Ownership is offered (R34).
    OwnershipOffered,
    /// Refused: the caller has an open offer already.
    OfferOpen,
    /// The offer is taken back.
    OwnershipWithdrawn,
    /// The caller is an owner now.
    OwnershipAccepted,
    /// The offer is declined.
    OwnershipDeclined,
    /// There is no such offer any more.
    OfferGone,
    /// What the account requires of second factors was saved.
    RequirementSaved,
    /// Which words of a provider count as a second factor was saved.
    ProviderFactorsSaved,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// The caller took an API key over.
    ApiKeyTakenOver,
    /// There is no such API key any more.
    ApiKeyGone,
    /// A webhook was changed.
    WebhookSaved,
    /// A webhook was switched on.
    WebhookSwitchedOn,
    /// A webhook was switched off.
    WebhookSwitchedOff,
    /// A webhook was removed.
    WebhookRemoved,
    /// There is no such webhook any more.
    WebhookGone,
    /// Nothing is sent by a webhook that is switched off.
    WebhookOff,
    /// A test event is on its way.
    WebhookTested,
    /// A delivery is sent once more.
    Redelivered,
    /// There is no such delivery any more.
    DeliveryGone,
}

/// The page on which somebody who is signed in reauthenticates (AZ-16).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReauthenticationView {
    /// Was that done recently enough already?
    pub recently_authenticated: bool,
    /// How many minutes ago it may have been.
    pub minutes: u32,
    /// Where to go on: a path of our own.
    pub next: String,
    /// The caller's address.
    pub email: String,
    /// The provider by which the caller signs in to this account; `None` for Email & password.
    pub provider: Option<SignInOption>,
    /// Why the provider cannot prove a fresh sign-in, as far as is known.
    pub shortfall: Option<Recency>,
    /// What proves it instead; `None` while the provider can, or if the caller has nothing else.
    pub other: Option<ReauthenticationMethod>,
    /// Has the caller an app whose code can be typed?
    pub app: bool,
    /// Has the caller a passkey that can be used?
    pub passkey: bool,
}

/// One method with its form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MethodView {
    /// The account.
    pub slug: Slug,
    /// The method.
    pub line: MethodLine,
    /// What is set up.
    pub form: ConfigurationForm,
    /// Is a client secret kept?
    pub has_secret: bool,
    /// The address to register at the provider, exactly (OA-13).
    pub redirect_uri: String,
    /// What is lost with the draft, if it names people differently (R45).
    pub loses: Option<LostLinks>,
    /// Did the caller authenticate recently enough to make changes (AZ-16)?
    pub recently_authenticated: bool,
    /// Is it by this method that the caller signs in?
    pub mine: bool,
    /// The test that this browser ran last.
    pub test: Option<TestView>,
    /// Did the caller set out for a test of what is saved now, and not come back?
    pub no_return: bool,
}

/// What goes with a configuration that names people differently (R45).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostLinks {
    /// How many people lose their link.
    pub people: u64,
    /// How many open invitations lose their identifier.
    pub invitations: u64,
    /// The addresses of the first of them, for whoever may see the list.
    pub invited: Vec<String>,
}

/// What a test sign-in came to (OA-23).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestView {
    /// Its id.
    pub attempt: AttemptId,
    /// What came of it.
    pub result: TestResult,
}

impl TestView {
    /// Every claim that the test brought back.
    pub fn claims(&self) -> Option<&[ShownClaim]> {
        match &self.result {
            TestResult::Returned { claims, .. } => Some(claims),
            TestResult::Failed(_) => None,
        }
    }
}

/// What a test sign-in came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TestResult {
    /// It did not succeed.
    Failed(Failure),
    /// It succeeded up to the identifier.
    Returned {
        /// Every claim received: path, value, and whether such a claim can change hands.
        claims: Vec<ShownClaim>,
        /// Whom the configuration makes of them.
        person: Result<Person, Fault>,
        /// What to think about.
        warnings: Vec<Warning>,
        /// Whether the provider can prove that somebody signed in there just now.
        recency: Recency,
        /// Is what was tested live now?
        live: bool,
    },
}

/// A claim as the test page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownClaim {
    /// The path by which a configuration names it.
    pub path: String,
    /// Its value, cut to a length that can be shown.
    pub value: String,
    /// Can it change hands (R45)?
    pub mutable: bool,
    /// Is it text or a whole number, as a User identifier must be?
    pub names_somebody: bool,
}

/// Who came back from a provider, or asks to be invited by another address, beside who was invited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecisionView {
    /// The row.
    pub member: MemberId,
    /// The decision.
    pub decision: DecisionId,
    /// The name of the row.
    pub label: String,
    /// What it is about.
    pub about: DecisionAbout,
    /// When the person came.
    pub at: Timestamp,
    /// May the caller decide?
    pub verdict: Verdict,
}

/// What there is to decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DecisionAbout {
    /// The provider named the person differently (R43, R44).
    Provider {
        /// The method's name.
        method: String,
        /// The invited address and the provider's.
        email: (String, Option<String>),
        /// The invited identifier and the provider's.
        identifier: (Option<String>, String),
    },
    /// Somebody asks to be invited by another address (R14).
    Request {
        /// The name of whoever asks.
        name: String,
        /// The invited address, and the one that is theirs.
        email: (String, String),
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_travels_as_an_address() {
        for (next, address) in [
            (NextPage::silent("/a/acme".to_owned()), "/a/acme"),
            (NextPage::silent("/a/acme?attempt=7".to_owned()), "/a/acme?attempt=7"),
            (NextPage::saying("/a/acme".to_owned(), Notice::LastOwner), "/a/acme?notice=last_owner"),
            (NextPage::saying("/a/acme?attempt=7".to_owned(), Notice::Live), "/a/acme?attempt=7&notice=live"),
        ] {
            assert_eq!(String::from(next.clone()), address);
            assert_eq!(NextPage::from(address.to_owned()), next);
        }
        let unknown = "/a/acme?notice=something".to_owned();
        assert_eq!(NextPage::from(unknown.clone()), NextPage::silent(unknown));
    }
}
