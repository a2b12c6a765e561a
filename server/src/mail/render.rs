//! Renders mails: sentences from the texts of the product, structure from one pair of templates. Everything that people typed (names of
//! accounts and persons) passes through [`plain`]; nothing else that they typed is shown (IN-05).

use crate::storage::outbox::{AccountAppChange, ApiKeyMail, OwnershipMail, SecondFactorChange};
use app::{
    domain::{
        ids::MailId,
        language::Language,
        name::Slug,
        time::{Span, Timestamp},
        time_zone::TimeZone,
    },
    i18n::{Locale, leptos_i18n, text},
};
use askama::Template;
use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use std::time::{Duration, SystemTime};
use time::{Date, OffsetDateTime, macros::format_description};

/// The most characters of a person's name in a mail (R51).
const MAX_NAME_CHARS: usize = 60;

/// A person as a mail names them: by name, if there is one, and real address (R51).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The address in canonical form.
    pub email: String,
}

/// The content of a mail, before it is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is what it is called")]
pub enum Content {
    /// An invitation, or the reminder of one; no inviter means the host's operator. `role` is the role's name in the mail's language, `left` how long
    /// the link still works; answers go to the inviter if `is_answered`.
    Invitation {
        inviter: Option<Person>,
        role: String,
        link: String,
        until: Timestamp,
        left: Span,
        is_answered: bool,
        is_reminder: bool,
    },
    /// A code.
    Code { code: String, until: Timestamp },
    /// A code for somebody who is signed in.
    ReauthenticationCode { code: String, until: Timestamp },
    /// The person joined.
    Accepted { person: Person, users: String },
    /// The person declined.
    Declined { person: Person, users: String },
    /// A new link is asked for.
    LinkAsked { person: Person, users: String },
    /// Somebody invited waits for an admin.
    Held { person: Person, users: String },
    /// Somebody else came back from the provider.
    Decision { person: Person, page: String },
    /// Whoever opened the invitation asks to be invited by another address.
    AskedAs { person: Person, wanted: String, page: String },
    /// The link to choose a new password.
    PasswordReset { link: String, until: Timestamp },
    /// Where a user without a password signs in: the accounts by name, with their pages.
    SignInPages { pages: Vec<(String, String)> },
    /// The password was changed; who did not do it recovers the login there.
    PasswordChanged { recover: String },
    /// The link that confirms a new address.
    EmailChangeConfirm { old: String, link: String, until: Timestamp },
    /// The address was changed; the link takes it back.
    EmailChangeNotice { new: String, link: String, until: Timestamp },
    /// The login is scheduled for deletion; the page keeps it.
    LoginDeletion { at: Timestamp, page: String },
    /// The invited person has another address; the page lists users.
    InviteeMoved { person: Person, new: String, users: String },
    /// The account requires a second factor from `starts` on; the page sets one up.
    SecondFactorRequired { starts: Timestamp, has_begun: bool, page: String },
    /// The member's app for the account was added or removed; the page shows it.
    AccountApp { change: AccountAppChange, page: String },
    /// An API key of the member was made or taken over; the page shows the keys, or the account.
    ApiKey { what: ApiKeyMail, page: String },
    /// An offer of ownership was made or accepted; the other of its two people, and the page that shows more.
    Ownership { what: OwnershipMail, other: Person, until: Timestamp, page: String },
    /// The reader's role or permissions were changed; the role now, and the page that shows what it allows.
    RoleChanged { role: String, page: String },
    /// Another member is an owner now; the page lists users.
    OwnerMade { person: Person, users: String },
    /// The account is scheduled for deletion, as this owner asked; the page keeps it.
    AccountDeletion { by: Option<Person>, at: Timestamp, page: String },
    /// The account is kept after all, as this owner wanted; the page shows it.
    AccountKept { by: Option<Person>, page: String },
    /// Roster switched a webhook off; the page says which and why.
    WebhookStopped { page: String },
    /// Second factors were changed; the page shows them.
    SecondFactors { change: SecondFactorChange, page: String },
}

/// A rendered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The address that answers go to; none for mails that nobody is to answer.
    pub reply_to: Option<String>,
}

/// What a mail asks its reader to do.
enum Action {
    Link { label: String, url: String },
    Links(Vec<(String, String)>),
    Code(String),
}

#[derive(Template)]
#[template(path = "mail/mail.txt")]
struct TextPart<'a> {
    before: &'a [String],
    action: &'a Action,
    after: &'a [String],
    footer: &'a str,
}

#[derive(Template)]
#[template(path = "mail/mail.html")]
struct HtmlPart<'a> {
    language: &'a str,
    subject: &'a str,
    /// What a mail program shows beside the subject, before the mail is opened.
    preview: &'a str,
    before: &'a [String],
    action: &'a Action,
    no_button: &'a str,
    after: &'a [String],
    footer: &'a str,
}

/// Renders a mail. `account` is the account's name by [`account_label`] or, for a mail about somebody's own login, the host; `host` is the
/// public host of this Roster, `zone` the reader's, if that is known and may be shown.
///
/// # Errors
/// None that is known: the templates only write into memory.
pub fn render(
    language: Language,
    zone: Option<&TimeZone>,
    account: &str,
    host: &str,
    content: Content,
) -> Result<Rendered, askama::Error> {
    let locale = Locale::from(language);
    let subject = subject(language, account, &content);
    let reply_to = reply_to(&content);
    let (before, action, after) = sections(language, zone, account.to_owned(), content);
    let footer = match &reply_to {
        Some(email) => text!(locale, mail.footer_answered, host = host.to_owned(), email = email.clone()),
        None => text!(locale, mail.footer, host = host.to_owned()),
    };
    let text = TextPart { before: &before, action: &action, after: &after, footer: &footer }.render()?;
    let html = HtmlPart {
        language: language.tag(),
        subject: &subject,
        preview: before.first().map_or("", String::as_str),
        before: &before,
        action: &action,
        no_button: text!(locale, mail.no_button),
        after: &after,
        footer: &footer,
    }
    .render()?;
    Ok(Rendered { subject, text, html, reply_to })
}

/// The real address of the inviter, where answers go there (R51).
fn reply_to(content: &Content) -> Option<String> {
    let Content::Invitation { inviter, is_answered: true, .. } = content else { return None };
    inviter.as_ref().map(|inviter| inviter.email.clone())
}

/// What stands before the action, the action, and what stands after it.
fn sections(
    language: Language,
    zone: Option<&TimeZone>,
    account: String,
    content: Content,
) -> (Vec<String>, Action, Vec<String>) {
    let locale = Locale::from(language);
    let named = |person| named(locale, person);
    match content {
        Content::Invitation { inviter, role, link, until, left, is_answered: _, is_reminder } => {
            let who = match (inviter, is_reminder) {
                (Some(inviter), false) => {
                    text!(locale, mail.invitation_who, inviter = named(inviter), account = account)
                }
                (None, false) => text!(locale, mail.invitation_operator, account = account),
                (Some(inviter), true) => {
                    text!(locale, mail.reminder_who, inviter = named(inviter), account = account)
                }
                (None, true) => text!(locale, mail.reminder_operator, account = account),
            };
            let not_you = match is_reminder {
                false => text!(locale, mail.invitation_not_you),
                true => text!(locale, mail.reminder_not_you),
            };
            let until = match in_words(locale, left) {
                Some(left) => {
                    text!(locale, mail.invitation_until_in, left = left, until = moment(language, until, zone))
                }
                None => text!(locale, mail.invitation_until, until = moment(language, until, zone)),
            };
            let role = Some(plain(&role, MAX_NAME_CHARS)).filter(|role| !role.is_empty());
            let role = role.map(|role| text!(locale, mail.invitation_role, role = role));
            let how = text!(locale, mail.invitation_how).to_owned();
            (
                [Some(who), role, Some(how)].into_iter().flatten().collect(),
                Action::Link { label: text!(locale, mail.invitation_open).to_owned(), url: link },
                vec![until, not_you.to_owned()],
            )
        }
        Content::Code { code, until } => (
            vec![text!(locale, mail.code_what, account = account)],
            Action::Code(code),
            vec![
                text!(locale, mail.code_until, until = moment(language, until, zone)),
                text!(locale, mail.code_not_you).to_owned(),
            ],
        ),
        Content::ReauthenticationCode { code, until } => (
            vec![text!(locale, mail.reauthentication_what, account = account)],
            Action::Code(code),
            vec![
                text!(locale, mail.code_until, until = moment(language, until, zone)),
                text!(locale, mail.reauthentication_not_you).to_owned(),
            ],
        ),
        Content::Accepted { person, users } => (
            vec![text!(locale, mail.accepted_what, person = named(person), account = account)],
            open(locale, users),
            vec![],
        ),
        Content::Declined { person, users } => (
            vec![text!(locale, mail.declined_what, person = named(person), account = account)],
            open(locale, users),
            vec![],
        ),
        Content::LinkAsked { person, users } => (
            vec![text!(locale, mail.link_asked_what, person = named(person), account = account)],
            open(locale, users),
            vec![],
        ),
        Content::Held { person, users } => (
            vec![text!(locale, mail.held_what, person = named(person), account = account)],
            open(locale, users),
            vec![],
        ),
        Content::Decision { person, page } => (
            vec![text!(locale, mail.decision_what, person = named(person), account = account)],
            Action::Link { label: text!(locale, mail.open_decision).to_owned(), url: page },
            vec![],
        ),
        Content::AskedAs { person, wanted, page } => (
            vec![text!(locale, mail.asked_as_what, person = named(person), account = account, wanted = wanted)],
            Action::Link { label: text!(locale, mail.asked_as_open).to_owned(), url: page },
            vec![],
        ),
        Content::InviteeMoved { person, new, users } => (
            vec![text!(locale, mail.invitee_moved_what, person = named(person), account = account, new = new)],
            open(locale, users),
            vec![],
        ),
        Content::SecondFactorRequired { starts, has_begun, page } => (
            vec![if has_begun {
                text!(locale, mail.factor_required_now, account = account)
            } else {
                text!(locale, mail.factor_required_what, account = account, starts = moment(language, starts, zone))
            }],
            Action::Link { label: text!(locale, mail.factor_required_open).to_owned(), url: page },
            vec![text!(locale, mail.factor_required_why).to_owned()],
        ),
        Content::AccountApp { change, page } => (
            vec![match change {
                AccountAppChange::Added => text!(locale, mail.account_app_added_what, account = account.clone()),
                AccountAppChange::Removed => text!(locale, mail.account_app_removed_what, account = account.clone()),
            }],
            Action::Link { label: text!(locale, mail.account_app_open).to_owned(), url: page },
            vec![text!(locale, mail.account_app_not_you, account = account)],
        ),
        Content::ApiKey { what: ApiKeyMail::Made, page } => (
            vec![text!(locale, mail.api_key_made_what, account = account.clone())],
            Action::Link { label: text!(locale, mail.api_key_made_open).to_owned(), url: page },
            vec![text!(locale, mail.api_key_made_not_you, account = account)],
        ),
        Content::ApiKey { what: ApiKeyMail::TakenOver, page } => (
            vec![text!(locale, mail.api_key_taken_over_what, account = account.clone())],
            Action::Link { label: text!(locale, mail.api_key_taken_over_open, account = account), url: page },
            vec![text!(locale, mail.api_key_taken_over_why).to_owned()],
        ),
        Content::Ownership { what, other, until, page } => {
            ownership(language, zone, account, what, named(other), until, page)
        }
        Content::RoleChanged { role, page } => (
            vec![text!(locale, mail.role_changed_what, account = account, role = role)],
            Action::Link { label: text!(locale, mail.role_changed_open).to_owned(), url: page },
            vec![text!(locale, mail.role_changed_why).to_owned()],
        ),
        Content::OwnerMade { person, users } => (
            vec![text!(locale, mail.owner_made_what, person = named(person), account = account)],
            open(locale, users),
            vec![text!(locale, mail.owner_made_why).to_owned()],
        ),
        Content::AccountDeletion { by, at, page } => {
            let at = moment(language, at, zone);
            let what = match by {
                Some(by) => {
                    text!(locale, mail.account_deletion_what, person = named(by), account = account.clone(), at = at)
                }
                None => text!(locale, mail.account_deletion_what_owner, account = account.clone(), at = at),
            };
            (
                vec![what, text!(locale, mail.account_deletion_means, account = account)],
                Action::Link { label: text!(locale, mail.account_deletion_keep).to_owned(), url: page },
                vec![text!(locale, mail.account_deletion_not_you).to_owned()],
            )
        }
        Content::AccountKept { by, page } => (
            vec![match by {
                Some(by) => text!(locale, mail.account_kept_what, person = named(by), account = account),
                None => text!(locale, mail.account_kept_what_owner, account = account),
            }],
            Action::Link { label: text!(locale, mail.account_kept_open).to_owned(), url: page },
            vec![],
        ),
        Content::WebhookStopped { page } => (
            vec![text!(locale, mail.webhook_stopped_what, account = account)],
            Action::Link { label: text!(locale, mail.webhook_stopped_open).to_owned(), url: page },
            vec![text!(locale, mail.webhook_stopped_why).to_owned()],
        ),
        // Mails about a login come from this Roster, which stands in the account's place.
        Content::PasswordReset { link, until } => (
            vec![text!(locale, mail.password_reset_what, host = account)],
            Action::Link { label: text!(locale, mail.password_reset_open).to_owned(), url: link },
            vec![
                text!(locale, mail.password_reset_until, until = moment(language, until, zone)),
                text!(locale, mail.password_reset_not_you).to_owned(),
            ],
        ),
        Content::SignInPages { pages } => (
            vec![text!(locale, mail.sign_in_pages_what, host = account)],
            Action::Links(pages),
            vec![text!(locale, mail.password_reset_not_you).to_owned()],
        ),
        Content::PasswordChanged { recover } => (
            vec![text!(locale, mail.password_changed_what, host = account)],
            Action::Link { label: text!(locale, mail.password_changed_open).to_owned(), url: recover },
            vec![],
        ),
        Content::EmailChangeConfirm { old, link, until } => (
            vec![text!(locale, mail.email_change_confirm_what, host = account, old = old)],
            Action::Link { label: text!(locale, mail.email_change_confirm_open).to_owned(), url: link },
            vec![
                text!(locale, mail.email_change_until, until = moment(language, until, zone)),
                text!(locale, mail.email_change_confirm_not_you).to_owned(),
            ],
        ),
        Content::EmailChangeNotice { new, link, until } => (
            vec![
                text!(locale, mail.email_change_notice_what, host = account, new = new),
                text!(locale, mail.email_change_notice_not_you).to_owned(),
            ],
            Action::Link { label: text!(locale, mail.email_change_notice_undo).to_owned(), url: link },
            vec![text!(locale, mail.email_change_until, until = moment(language, until, zone))],
        ),
        Content::LoginDeletion { at, page } => (
            vec![text!(locale, mail.login_deletion_what, host = account, at = moment(language, at, zone))],
            Action::Link { label: text!(locale, mail.login_deletion_keep).to_owned(), url: page },
            vec![text!(locale, mail.login_deletion_not_you).to_owned()],
        ),
        Content::SecondFactors { change, page } => (
            vec![match change {
                SecondFactorChange::Added => text!(locale, mail.factor_added_what, host = account),
                SecondFactorChange::Removed => text!(locale, mail.factor_removed_what, host = account),
                SecondFactorChange::RecoveryCodesMade => text!(locale, mail.codes_made_what, host = account),
                SecondFactorChange::RecoveryCodeUsed => text!(locale, mail.code_used_what, host = account),
                SecondFactorChange::Reset => text!(locale, mail.factors_reset_what, host = account),
                SecondFactorChange::PasskeyCopied => text!(locale, mail.passkey_copied_what, host = account),
            }],
            Action::Link { label: text!(locale, mail.factors_open).to_owned(), url: page },
            vec![text!(locale, mail.factors_not_you).to_owned()],
        ),
    }
}

/// What is said of an offer of ownership.
fn ownership(
    language: Language,
    zone: Option<&TimeZone>,
    account: String,
    what: OwnershipMail,
    person: String,
    until: Timestamp,
    page: String,
) -> (Vec<String>, Action, Vec<String>) {
    let locale = Locale::from(language);
    let until = || text!(locale, mail.ownership_until, until = moment(language, until, zone));
    let not_you = || text!(locale, mail.ownership_not_you).to_owned();
    let (before, after) = match what {
        OwnershipMail::Offered => {
            (text!(locale, mail.ownership_offered_what, person = person, account = account), vec![until()])
        }
        OwnershipMail::Made => {
            let not_you = text!(locale, mail.ownership_made_not_you).to_owned();
            (text!(locale, mail.ownership_made_what, person = person, account = account), vec![until(), not_you])
        }
        OwnershipMail::Received => {
            (text!(locale, mail.ownership_received_what, person = person, account = account), vec![not_you()])
        }
        OwnershipMail::Accepted => {
            (text!(locale, mail.ownership_accepted_what, person = person, account = account), vec![not_you()])
        }
        OwnershipMail::Declined => {
            (text!(locale, mail.ownership_declined_what, person = person, account = account), vec![])
        }
    };
    let label = match what {
        OwnershipMail::Offered | OwnershipMail::Made => text!(locale, mail.ownership_look),
        OwnershipMail::Received | OwnershipMail::Accepted | OwnershipMail::Declined => {
            text!(locale, mail.ownership_open)
        }
    };
    (vec![before], Action::Link { label: label.to_owned(), url: page }, after)
}

/// The subject of an invitation: fixed, with the account's name, by [`account_label`], at most (R51).
pub fn invitation_subject(language: Language, account: &str) -> String {
    text!(Locale::from(language), mail.invitation_subject, account = account.to_owned())
}

/// An account as mails name it; by its slug, if its name is nothing but links.
pub fn account_label(name: &str, slug: &Slug) -> String {
    let label = plain(name, MAX_NAME_CHARS);
    if label.is_empty() { slug.to_string() } else { label }
}

fn subject(language: Language, account: &str, content: &Content) -> String {
    let locale = Locale::from(language);
    let account = account.to_owned();
    match content {
        Content::Invitation { is_reminder: true, .. } => text!(locale, mail.reminder_subject, account = account),
        Content::Invitation { is_reminder: false, .. } => invitation_subject(language, &account),
        Content::Code { .. } => text!(locale, mail.code_subject, account = account),
        Content::ReauthenticationCode { .. } => text!(locale, mail.code_subject, account = account),
        Content::Accepted { .. } => text!(locale, mail.accepted_subject, account = account),
        Content::Declined { .. } => text!(locale, mail.declined_subject, account = account),
        Content::LinkAsked { .. } => text!(locale, mail.link_asked_subject, account = account),
        Content::Held { .. } => text!(locale, mail.held_subject, account = account),
        Content::Decision { .. } => text!(locale, mail.decision_subject, account = account),
        Content::AskedAs { .. } => text!(locale, mail.asked_as_subject, account = account),
        Content::InviteeMoved { .. } => text!(locale, mail.invitee_moved_subject, account = account),
        Content::SecondFactorRequired { .. } => text!(locale, mail.factor_required_subject, account = account),
        Content::AccountApp { change: AccountAppChange::Added, .. } => {
            text!(locale, mail.account_app_added_subject, account = account)
        }
        Content::AccountApp { change: AccountAppChange::Removed, .. } => {
            text!(locale, mail.account_app_removed_subject, account = account)
        }
        Content::ApiKey { what: ApiKeyMail::Made, .. } => text!(locale, mail.api_key_made_subject, account = account),
        Content::ApiKey { what: ApiKeyMail::TakenOver, .. } => {
            text!(locale, mail.api_key_taken_over_subject, account = account)
        }
        Content::Ownership { what, .. } => match what {
            OwnershipMail::Offered => text!(locale, mail.ownership_offered_subject, account = account),
            OwnershipMail::Made => text!(locale, mail.ownership_made_subject, account = account),
            OwnershipMail::Received => text!(locale, mail.ownership_received_subject, account = account),
            OwnershipMail::Accepted => text!(locale, mail.ownership_accepted_subject, account = account),
            OwnershipMail::Declined => text!(locale, mail.ownership_declined_subject, account = account),
        },
        Content::RoleChanged { .. } => text!(locale, mail.role_changed_subject, account = account),
        Content::OwnerMade { .. } => text!(locale, mail.owner_made_subject, account = account),
        Content::AccountDeletion { .. } => text!(locale, mail.account_deletion_subject, account = account),
        Content::AccountKept { .. } => text!(locale, mail.account_kept_subject, account = account),
        Content::WebhookStopped { .. } => text!(locale, mail.webhook_stopped_subject, account = account),
        Content::PasswordReset { .. } => text!(locale, mail.password_reset_subject, host = account),
        Content::SignInPages { .. } => text!(locale, mail.sign_in_pages_subject, host = account),
        Content::PasswordChanged { .. } => text!(locale, mail.password_changed_subject, host = account),
        Content::EmailChangeConfirm { .. } => text!(locale, mail.email_change_confirm_subject, host = account),
        Content::EmailChangeNotice { .. } => text!(locale, mail.email_change_notice_subject, host = account),
        Content::LoginDeletion { .. } => text!(locale, mail.login_deletion_subject, host = account),
        Content::SecondFactors { change, .. } => match change {
            SecondFactorChange::Added => text!(locale, mail.factor_added_subject, host = account),
            SecondFactorChange::Removed => text!(locale, mail.factor_removed_subject, host = account),
            SecondFactorChange::RecoveryCodesMade => text!(locale, mail.codes_made_subject, host = account),
            SecondFactorChange::RecoveryCodeUsed => text!(locale, mail.code_used_subject, host = account),
            SecondFactorChange::Reset => text!(locale, mail.factors_reset_subject, host = account),
            SecondFactorChange::PasskeyCopied => text!(locale, mail.passkey_copied_subject, host = account),
        },
    }
}

fn open(locale: Locale, users: String) -> Action {
    Action::Link { label: text!(locale, mail.open_users).to_owned(), url: users }
}

fn named(locale: Locale, person: Person) -> String {
    match person.name.map(|name| plain(&name, MAX_NAME_CHARS)).filter(|name| !name.is_empty()) {
        Some(name) => text!(locale, mail.named, name = name, email = person.email),
        None => person.email,
    }
}

/// How long something still lasts, to the nearest day or hour; `None` if it does not.
fn in_words(locale: Locale, left: Span) -> Option<String> {
    let (minutes, hours) = (left.0.div_euclid(60_000), (left.0 + 30 * 60_000).div_euclid(3_600_000));
    Some(match (hours + 12).div_euclid(24) {
        _ if minutes <= 0 => return None,
        _ if hours <= 0 => text!(locale, mail.left_less_than_an_hour).to_owned(),
        _ if hours == 1 => text!(locale, mail.left_one_hour).to_owned(),
        _ if hours < 24 => text!(locale, mail.left_hours, count = hours),
        1 => text!(locale, mail.left_one_day).to_owned(),
        days => text!(locale, mail.left_days, count = days),
    })
}

/// A point in time in the reader's zone, or for readers in any zone in UTC; with the zone named.
fn moment(language: Language, at: Timestamp, zone: Option<&TimeZone>) -> String {
    let there = zone.and_then(|zone| Some((local(zone, at)?, zone.name())));
    let in_utc = || Some((OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).ok()?, "UTC"));
    let Some((at, zone)) = there.or_else(in_utc) else { return String::new() };
    let written = match language {
        Language::En => at.format(format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute]")),
        Language::De => at.format(format_description!("[day].[month].[year], [hour]:[minute]")),
    };
    written.map(|written| format!("{written} {zone}")).unwrap_or_default()
}

/// What clocks and calendars show there, as if that were UTC.
fn local(zone: &TimeZone, at: Timestamp) -> Option<OffsetDateTime> {
    let (year, month, day, hour, minute) = zone.civil(at)?;
    let [month, day, hour, minute] = [month, day, hour, minute].map(i8::unsigned_abs);
    let date = Date::from_calendar_date(year.into(), month.try_into().ok()?, day).ok()?;
    Some(date.with_hms(hour, minute, 0).ok()?.assume_utc())
}

/// A name as text that mail programs do not turn into a link (IN-03, R51): words that are links are left out, what remains is cut at
/// `most` characters, and a word joiner, which nobody sees, follows each character that would make an address of its neighbours.
pub fn plain(name: &str, most: usize) -> String {
    let is_link = |word: &&str| {
        let word = word.to_lowercase();
        word.contains("://") || word.starts_with("www.") || word.starts_with("mailto:")
    };
    let words: Vec<_> =
        name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let kept = words.iter().copied().filter(|word| !is_link(word)).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for c in kept.chars().take(most) {
        text.push(c);
        if matches!(c, '.' | '@' | ':' | '/' | '。' | '．' | '｡' | '＠') {
            text.push(WORD_JOINER);
        }
    }
    if kept.chars().nth(most).is_some() {
        text.push('…');
    }
    text
}

const WORD_JOINER: char = '\u{2060}';

/// `Auto-Submitted: auto-generated` (RFC 3834), so that no auto-reply answers this mail.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The complete message: one recipient, a fixed sender, text and HTML (IN-04, IN-05). The Message-ID comes from the outbox row, so that a
/// second copy, if there ever is one, is known as such (F1).
///
/// # Errors
/// The recipient is not an address that mail servers take.
pub fn message(
    from: &Mailbox,
    to: &str,
    id: MailId,
    host: &str,
    now: Timestamp,
    rendered: Rendered,
) -> Result<Message, lettre::error::Error> {
    let to = to.parse().map_err(|_| lettre::error::Error::MissingTo)?;
    let since = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    let answered = rendered.reply_to.and_then(|email| email.parse().ok()).map(|email| Mailbox::new(None, email));
    let message = match answered {
        Some(inviter) => Message::builder().reply_to(inviter),
        None => Message::builder(),
    };
    message
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(rendered.subject)
        .date(SystemTime::UNIX_EPOCH + since)
        .message_id(Some(format!("<{id}@{host}>")))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const UNTIL: Timestamp = Timestamp(1_795_518_900_000);

    fn person(name: &str) -> Person {
        Person { name: Some(name.to_owned()), email: "ana@example.org".to_owned() }
    }

    fn invitation(inviter: &str) -> Content {
        Content::Invitation {
            inviter: Some(person(inviter)),
            role: "Editor".to_owned(),
            link: "https://roster.example.org/i/T0ken_-x".to_owned(),
            until: UNTIL,
            left: Span::days(7),
            is_answered: false,
            is_reminder: false,
        }
    }

    fn second_factors(change: SecondFactorChange) -> Content {
        Content::SecondFactors { change, page: "https://roster.example.org/me/sign-in".to_owned() }
    }

    fn all_kinds() -> [Content; 39] {
        let users = || "https://roster.example.org/a/acme/settings/users".to_owned();
        [
            invitation("Ana"),
            Content::Invitation {
                inviter: None,
                role: "Owner".to_owned(),
                link: "https://roster.example.org/i/x".to_owned(),
                until: UNTIL,
                left: Span::hours(5),
                is_answered: true,
                is_reminder: false,
            },
            Content::Code { code: "01234567".to_owned(), until: UNTIL },
            Content::ReauthenticationCode { code: "01234567".to_owned(), until: UNTIL },
            Content::Accepted { person: person("Ben"), users: users() },
            Content::Declined { person: Person { name: None, email: "ben@example.org".to_owned() }, users: users() },
            Content::LinkAsked { person: person("Ben"), users: users() },
            Content::Held { person: person("Ben"), users: users() },
            Content::Decision { person: person("Ben"), page: users() },
            Content::AskedAs { person: person("Ben"), wanted: "b@example.org".to_owned(), page: users() },
            Content::PasswordReset { link: "https://roster.example.org/r/x".to_owned(), until: UNTIL },
            Content::SignInPages {
                pages: vec![("Beta".to_owned(), "https://roster.example.org/login/beta".to_owned())],
            },
            Content::PasswordChanged { recover: "https://roster.example.org/forgot-password".to_owned() },
            Content::LoginDeletion { at: UNTIL, page: "https://roster.example.org/me/delete".to_owned() },
            Content::EmailChangeConfirm {
                old: "ana@example.org".to_owned(),
                link: "https://roster.example.org/e/x".to_owned(),
                until: UNTIL,
            },
            Content::EmailChangeNotice {
                new: "eve@example.org".to_owned(),
                link: "https://roster.example.org/e/x".to_owned(),
                until: UNTIL,
            },
            second_factors(SecondFactorChange::Added),
            second_factors(SecondFactorChange::Removed),
            second_factors(SecondFactorChange::RecoveryCodesMade),
            second_factors(SecondFactorChange::RecoveryCodeUsed),
            second_factors(SecondFactorChange::Reset),
            second_factors(SecondFactorChange::PasskeyCopied),
            Content::AccountApp { change: AccountAppChange::Added, page: users() },
            Content::AccountApp { change: AccountAppChange::Removed, page: users() },
            Content::ApiKey { what: ApiKeyMail::Made, page: users() },
            Content::ApiKey { what: ApiKeyMail::TakenOver, page: users() },
            Content::InviteeMoved { person: person("Ben"), new: "ben@new.example".to_owned(), users: users() },
            Content::SecondFactorRequired { starts: UNTIL, has_begun: false, page: users() },
            Content::SecondFactorRequired { starts: UNTIL, has_begun: true, page: users() },
            ownership_mail(OwnershipMail::Offered),
            ownership_mail(OwnershipMail::Made),
            ownership_mail(OwnershipMail::Declined),
            Content::AccountDeletion {
                by: Some(person("Ana")),
                at: UNTIL,
                page: "https://roster.example.org/a/acme/settings/account".to_owned(),
            },
            Content::RoleChanged { role: "Editor".to_owned(), page: "https://roster.example.org/a/acme".to_owned() },
            Content::OwnerMade { person: person("Ben"), users: users() },
            Content::WebhookStopped { page: "https://roster.example.org/a/acme/settings/webhooks".to_owned() },
            Content::AccountKept { by: None, page: "https://roster.example.org/a/acme/settings/account".to_owned() },
            ownership_mail(OwnershipMail::Received),
            ownership_mail(OwnershipMail::Accepted),
        ]
    }

    fn ownership_mail(what: OwnershipMail) -> Content {
        let page = "https://roster.example.org/a/acme".to_owned();
        Content::Ownership { what, other: person("Ben"), until: UNTIL, page }
    }

    fn sent(rendered: Rendered) -> String {
        let from = "Roster <roster@example.org>".parse().unwrap();
        let mail = message(&from, "ben@example.org", MailId(Uuid::from_u128(7)), "roster.example.org", UNTIL, rendered);
        String::from_utf8(mail.unwrap().formatted()).unwrap()
    }

    fn headers(mail: &str) -> &str {
        mail.split_once("\r\n\r\n").unwrap().0
    }

    /// What mail programs make a link of: letters or digits on both sides of a dot, a colon with slashes, an at sign.
    fn looks_like_a_link(text: &str) -> bool {
        let chars: Vec<_> = text.chars().collect();
        text.contains("://")
            || chars
                .windows(3)
                .any(|w| matches!(w[1], '.' | '@' | '。') && w[0].is_alphanumeric() && w[2].is_alphanumeric())
    }

    #[test]
    fn a_mail_about_a_login_writes_times_in_the_readers_zone() {
        let berlin = TimeZone::known("Europe/Berlin".to_owned());
        for (language, zone, written) in [
            (Language::En, Some(&berlin), "24 November 2026, 12:15 Europe/Berlin"),
            (Language::De, Some(&berlin), "24.11.2026, 12:15 Europe/Berlin"),
            (Language::En, None, "24 November 2026, 11:15 UTC"),
        ] {
            let reset = Content::PasswordReset { link: "https://roster.example.org/r/x".to_owned(), until: UNTIL };
            let mail = render(language, zone, "roster.example.org", "roster.example.org", reset).unwrap();
            assert!(mail.text.contains(written) && mail.html.contains(written), "{}", mail.text);
        }
    }

    #[test]
    fn r51_the_invitation_says_who_invites_what_to_do_and_until_when_in_both_languages() {
        let english = render(Language::En, None, "Acme", "roster.example.org", invitation("Ana María")).unwrap();
        assert_eq!(english.subject, "You’re invited to Acme");
        for said in [
            "Ana María (ana@example.org) invited you to Acme.",
            "Join with your existing login, or create one",
            "https://roster.example.org/i/T0ken_-x\n",
            "Your role there will be Editor.",
            "The link expires in 7 days, on 24 November 2026, 11:15 UTC",
            "ignore this email",
        ] {
            assert!(english.text.contains(said), "{said}\n{}", english.text);
        }
        let german = render(Language::De, None, "Acme", "roster.example.org", invitation("Ana María")).unwrap();
        assert_eq!(german.subject, "Einladung zu Acme");
        assert!(german.text.contains("Ana María (ana@example.org) hat Sie zu Acme eingeladen."), "{}", german.text);
        assert!(german.text.contains("24.11.2026, 11:15 UTC"), "{}", german.text);
        assert!(german.html.contains(r#"<html lang="de">"#));
    }

    #[test]
    fn r51_html_and_text_say_the_same_of_role_inviter_and_expiry() {
        for language in Language::ALL {
            let mail = render(language, None, "Acme", "roster.example.org", invitation("Ana")).unwrap();
            for line in mail.text.lines().filter(|line| !line.is_empty() && *line != "-- ") {
                assert!(mail.html.contains(line), "{line}\n{}", mail.html);
            }
        }
    }

    #[test]
    fn r51_the_name_of_a_role_is_no_link_and_is_cut() {
        let offering = |offered: &str| {
            let mut mail = invitation("Ana");
            if let Content::Invitation { role, .. } = &mut mail {
                offered.clone_into(role);
            }
            mail
        };
        let text = |role: &str| render(Language::En, None, "Acme", "h", offering(role)).unwrap().text;
        let linked = text("Boss https://evil.example/now evil.example");
        assert!(linked.contains("will be Boss evil") && !linked.contains("evil.example"), "{linked}");
        assert!(!text("https://evil.example").contains("Your role"), "nothing but a link is no name");
        assert!(text(&"é".repeat(100)).contains(&format!("{}….", "é".repeat(60))));
    }

    #[test]
    fn r51_answers_go_to_the_real_address_of_the_inviter_where_that_is_wanted() {
        let mut answered = invitation("Ana <evil@example.org>");
        if let Content::Invitation { is_answered, .. } = &mut answered {
            *is_answered = true;
        }
        let rendered = render(Language::En, None, "Acme", "roster.example.org", answered).unwrap();
        assert!(rendered.text.contains("If you reply, your answer goes to ana@example.org."), "{}", rendered.text);
        let mail = sent(rendered);
        assert!(
            headers(&mail).contains("\r\nReply-To: ana@example.org\r\n")
                || headers(&mail).starts_with("Reply-To: ana@example.org\r\n")
        );
    }

    #[test]
    fn r51_what_is_left_is_said_in_words() {
        let minutes = |minutes: i64| in_words(Locale::en, Span::minutes(minutes)).unwrap_or_default();
        for (left, words) in [
            (-5, ""),
            (0, ""),
            (20, "in less than an hour"),
            (59, "in 1 hour"),
            (5 * 60 + 10, "in 5 hours"),
            (24 * 60 - 1, "in 1 day"),
            (7 * 24 * 60 - 1, "in 7 days"),
        ] {
            assert_eq!(minutes(left), words, "{left}");
        }
    }

    #[test]
    fn every_kind_has_a_subject_a_text_and_one_thing_to_do() {
        for language in Language::ALL {
            for content in all_kinds() {
                let secret = match &content {
                    Content::Invitation { link, .. } => link.clone(),
                    Content::Code { code, .. } | Content::ReauthenticationCode { code, .. } => code.clone(),
                    Content::EmailChangeConfirm { link, .. } | Content::EmailChangeNotice { link, .. } => link.clone(),
                    Content::PasswordReset { link, .. } | Content::PasswordChanged { recover: link } => link.clone(),
                    Content::SignInPages { pages } => pages[0].1.clone(),
                    Content::Accepted { users, .. }
                    | Content::Declined { users, .. }
                    | Content::LinkAsked { users, .. }
                    | Content::Held { users, .. }
                    | Content::InviteeMoved { users, .. }
                    | Content::Decision { page: users, .. }
                    | Content::AskedAs { page: users, .. }
                    | Content::LoginDeletion { page: users, .. }
                    | Content::SecondFactorRequired { page: users, .. }
                    | Content::AccountApp { page: users, .. }
                    | Content::ApiKey { page: users, .. }
                    | Content::Ownership { page: users, .. }
                    | Content::AccountDeletion { page: users, .. }
                    | Content::AccountKept { page: users, .. }
                    | Content::RoleChanged { page: users, .. }
                    | Content::OwnerMade { users, .. }
                    | Content::WebhookStopped { page: users }
                    | Content::SecondFactors { page: users, .. } => users.clone(),
                };
                let mail = render(language, None, "Acme", "roster.example.org", content).unwrap();
                assert!(mail.subject.contains("Acme"), "{mail:?}");
                assert!(mail.text.contains(&secret), "{}", mail.text);
                assert!(mail.html.contains(&secret), "{}", mail.html);
                assert!(!mail.text.contains("\n\n\n"), "{}", mail.text);
            }
        }
    }

    #[test]
    fn a_mail_is_laid_out_by_tables_and_inline_styles() {
        for content in all_kinds() {
            let html = render(Language::En, None, "Acme", "roster.example.org", content).unwrap().html;
            let (head, body) = html.split_once("<body").unwrap();
            assert!(head.contains("prefers-color-scheme: dark"), "{head}");
            // What only Word's engine reads says no more than a width.
            let shown: String =
                body.split("<!--").map(|part| part.split_once("-->").map_or(part, |(_, after)| after)).collect();
            for tag in ["<table", "<td", "<p", "<a", "<h1"] {
                for element in shown.split(&format!("{tag} ")).skip(1) {
                    assert!(element.split_once('>').unwrap().0.contains("style=\""), "{tag} {element}");
                }
            }
            for dropped in ["<main", "<footer", "<section", "display:flex", "display:grid", "var(--"] {
                assert!(!html.contains(dropped), "Word's engine knows no {dropped}");
            }
            let preview = body.split_once("<div").unwrap().1.split_once("</div>").unwrap().0;
            assert!(preview.len() > 100 && preview.contains("display:none"), "{preview}");
        }
    }

    #[test]
    fn in_03_names_are_not_made_links_by_mail_programs() {
        for name in [
            "evil.example",
            "Click https://evil.example/now Ana",
            "www.evil.example",
            "ana@evil.example",
            "WWW.EVIL.EXAMPLE hTTps://x.y",
            "evil。example",
            "mailto:a@b.example",
        ] {
            assert!(!looks_like_a_link(&plain(name, 60)), "{:?}", plain(name, 60));
            let label = account_label(name, &Slug::parse("acme").unwrap());
            assert!(!label.is_empty());
            let mail = render(Language::En, None, &label, "roster.example.org", invitation(name)).unwrap();
            assert!(!looks_like_a_link(&mail.subject), "{:?}", mail.subject);
            let rest = mail.text.replace("https://roster.example.org/i/T0ken_-x", "").replace("ana@example.org", "");
            assert!(!looks_like_a_link(&rest.replace("roster.example.org", "")), "{rest}");
        }
        assert_eq!(plain("Dr. Ana María", 60).replace(WORD_JOINER, ""), "Dr. Ana María");
    }

    #[test]
    fn r51_a_long_name_is_cut_at_60() {
        assert_eq!(plain(&"é".repeat(100), MAX_NAME_CHARS), format!("{}…", "é".repeat(60)));
        assert_eq!(plain(&"é".repeat(60), MAX_NAME_CHARS), "é".repeat(60));
    }

    #[test]
    fn in_04_nothing_typed_becomes_a_header_or_markup() {
        for name in [
            "Ana\r\nBcc: victim@example.org",
            "Ana\nSubject: other",
            "Ana\r\n\r\n<script>alert(1)</script>",
            "Ana%0aBcc: x",
            "=?utf-8?q?=0d=0aBcc:_x?=",
            "Ana\u{2028}Bcc: x",
            "\"><img src=x onerror=alert(1)>",
            "Ana\0",
        ] {
            let rendered =
                render(Language::En, None, &plain(name, 60), "roster.example.org", invitation(name)).unwrap();
            assert!(!rendered.html.contains("<script") && !rendered.html.contains("<img"), "{}", rendered.html);
            let mail = sent(rendered);
            let names: Vec<_> = headers(&mail)
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .filter_map(|line| line.split_once(':').map(|(name, _)| name.to_ascii_lowercase()))
                .collect();
            let mut sorted = names.clone();
            sorted.sort();
            assert_eq!(
                sorted,
                ["auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"],
                "{name:?}\n{}",
                headers(&mail)
            );
        }
    }

    #[test]
    fn in_04_every_line_of_a_mail_is_ascii_and_within_what_mail_servers_take() {
        let long = "Zoë Ünïcödé-".repeat(20);
        let host = ["x".repeat(63).as_str(); 3].join(".") + ".example.org";
        for account in [long.as_str(), &"a".repeat(100), &"漢字".repeat(50)] {
            let link = format!("https://{host}/i/{}", "T".repeat(1200));
            let invitation = Content::Invitation {
                inviter: Some(person(&long)),
                role: long.clone(),
                link,
                until: UNTIL,
                left: Span::days(7),
                is_answered: true,
                is_reminder: false,
            };
            let words = render(Language::De, None, account, &host, invitation).unwrap();
            let from: Mailbox = format!("\"{}\" <roster@example.org>", "Rößter, Inc. ".repeat(15)).parse().unwrap();
            let to = format!("{}@{host}", "b".repeat(40));
            let mail = message(&from, &to, MailId(Uuid::from_u128(7)), &host, UNTIL, words).unwrap();
            let mail = String::from_utf8(mail.formatted()).unwrap();
            assert!(mail.is_ascii());
            let longest = mail.split("\r\n").max_by_key(|line| line.len()).unwrap();
            assert!(longest.len() <= 998, "{longest}");
            assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
            // A Message-ID is one word, however long: folded inside, it would be another one to some.
            assert!(mail.contains(&format!("<{}@{host}>", MailId(Uuid::from_u128(7)))), "{}", headers(&mail));
        }
    }

    #[test]
    fn in_04_an_address_that_is_none_makes_no_mail() {
        let from: Mailbox = "roster@example.org".parse().unwrap();
        for to in
            ["", "ben", "ben@example.org\r\nBcc: x@example.org", "a@example.org, b@example.org", "<a@example.org>"]
        {
            let rendered = render(Language::En, None, "Acme", "h", invitation("Ana")).unwrap();
            assert!(message(&from, to, MailId(Uuid::nil()), "h", UNTIL, rendered).is_err(), "{to:?}");
        }
    }

    #[test]
    fn in_05_sender_message_id_and_date_are_fixed_and_nobody_is_to_answer() {
        let mail = sent(render(Language::En, None, "Acme", "roster.example.org", invitation("Ana")).unwrap());
        for header in [
            "From: Roster <roster@example.org>",
            "To: ben@example.org",
            "Message-ID: <00000000-0000-0000-0000-000000000007@roster.example.org>",
            "Auto-Submitted: auto-generated",
            "Date: Tue, 24 Nov 2026 11:15:00 +0000",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(headers(&mail).contains(header), "{header}\n{}", headers(&mail));
        }
        assert!(!headers(&mail).contains("Reply-To"));
        assert!(
            mail.contains("Content-Type: text/plain; charset=utf-8")
                && mail.contains("Content-Type: text/html; charset=utf-8")
        );
    }
}
