//! From an outbox row to a mail in words, with the facts as they stand at this moment.

use super::{
    open_code,
    render::{Content, Person, Rendered, account_label, render},
};
use crate::{
    context::Services,
    secrets::NotOurs,
    storage::{
        StorageError, Tx,
        outbox::{self, Facts, MailKind, OutboxMail},
    },
};
use app::{
    domain::{ids::MemberId, invitation::InvitationState, time::Timestamp},
    i18n::{Locale, leptos_i18n, text},
    paths,
};
use thiserror::Error;
use uuid::Uuid;

/// Whom a mail is rendered for. The mailed link proves the mailbox, so it is the recipient's alone (R12).
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ForWhom {
    /// The recipient: as it is sent.
    Recipient,
    /// Somebody of the account: with the copied link.
    Account {
        /// The link, if this person has copied it.
        link: Option<String>,
    },
    /// The host's operator: an invitation shows no link, everything else is there.
    Operator,
}

/// Why there is no mail to send.
#[derive(Debug, Error)]
pub(crate) enum NoMail {
    /// There is nothing to say any more: answered, withdrawn, or said by a newer mail.
    #[error("there is nothing to say any more")]
    Outdated,
    /// What it offers has ended while it waited.
    #[error("it ended before it could be delivered")]
    Ended,
    /// What it says cannot be opened: the key file of this host is not the newest, or the key is lost.
    #[error(transparent)]
    Sealed(#[from] NotOurs),
    /// It cannot be put together.
    #[error("it cannot be put together: {0}")]
    Broken(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The mail in words, if there still is something to say.
pub(crate) async fn compose(
    services: &Services,
    tx: &mut Tx,
    mail: &OutboxMail,
    whom: &ForWhom,
    now: Timestamp,
) -> Result<Rendered, NoMail> {
    let (account, content) = match mail.kind {
        MailKind::ReauthenticationCode => {
            let (account, slug, member) = outbox::facts_of_member(tx, mail.id).await?.ok_or(NoMail::Outdated)?;
            (account_label(&account, &slug), reauthentication_code(services, mail, member, whom, now)?)
        }
        MailKind::Invitation
        | MailKind::Code
        | MailKind::Accepted
        | MailKind::Declined
        | MailKind::LinkAsked
        | MailKind::Held
        | MailKind::Decision => {
            let facts = outbox::facts(tx, mail.id).await?.ok_or(NoMail::Outdated)?;
            (account_label(&facts.account, &facts.slug), content(services, mail, &facts, whom, now)?)
        }
    };
    render(mail.language, &account, &host(services), content).map_err(|error| NoMail::Broken(error.to_string()))
}

/// Nobody but its recipient reads a code that proves who somebody is.
fn reauthentication_code(
    services: &Services,
    mail: &OutboxMail,
    member: MemberId,
    whom: &ForWhom,
    now: Timestamp,
) -> Result<Content, NoMail> {
    let sealed = mail.sealed.as_deref().ok_or(NoMail::Outdated)?;
    let (code, until) = open_code(&services.keyring, member.0, sealed)?;
    match whom {
        ForWhom::Recipient if until <= now => Err(NoMail::Ended),
        ForWhom::Recipient => Ok(Content::ReauthenticationCode { code, until }),
        ForWhom::Operator => Ok(Content::ReauthenticationCode { code: HIDDEN_SECRET.to_owned(), until }),
        ForWhom::Account { .. } => Err(NoMail::Outdated),
    }
}

fn content(
    services: &Services,
    mail: &OutboxMail,
    facts: &Facts,
    whom: &ForWhom,
    now: Timestamp,
) -> Result<Content, NoMail> {
    let person = || person(&facts.person);
    let users = || services.config.link(&paths::users(facts.slug.as_str()));
    Ok(match mail.kind {
        MailKind::Invitation => {
            let link = match whom {
                ForWhom::Recipient => {
                    is_current(facts, facts.expires, now)?;
                    mailed_link(services, facts.token.as_ref().ok_or(NoMail::Outdated)?)?
                }
                ForWhom::Account { link: Some(link) } => link.clone(),
                ForWhom::Account { link: None } => {
                    text!(Locale::from(mail.language), mail.invitation_link_not_copied).to_owned()
                }
                ForWhom::Operator => HIDDEN_SECRET.to_owned(),
            };
            Content::Invitation { inviter: facts.sponsor.as_ref().map(self::person), link, until: facts.expires }
        }
        MailKind::Code => {
            let sealed = mail.sealed.as_deref().ok_or(NoMail::Outdated)?;
            let (code, until) = open_code(&services.keyring, facts.invitation.0, sealed)?;
            match whom {
                ForWhom::Recipient => is_current(facts, until, now)?,
                ForWhom::Account { .. } => return Err(NoMail::Outdated),
                ForWhom::Operator => {}
            }
            Content::Code { code, until }
        }
        MailKind::ReauthenticationCode => return Err(NoMail::Outdated),
        MailKind::Accepted => Content::Accepted { person: person(), users: users() },
        MailKind::Declined => Content::Declined { person: person(), users: users() },
        MailKind::LinkAsked => Content::LinkAsked { person: person(), users: users() },
        MailKind::Held => Content::Held { person: person(), users: users() },
        MailKind::Decision => {
            let page = paths::decide(facts.slug.as_str(), facts.member);
            Content::Decision { person: person(), page: services.config.link(&page) }
        }
    })
}

/// Stands for a link or a code that is its recipient's alone.
const HIDDEN_SECRET: &str = "········";

/// An offer that was answered, withdrawn or made again, or that has ended, has nothing to say any more.
fn is_current(facts: &Facts, until: Timestamp, now: Timestamp) -> Result<(), NoMail> {
    match facts.state {
        InvitationState::Pending if facts.replaced => Err(NoMail::Outdated),
        InvitationState::Pending if until <= now => Err(NoMail::Ended),
        InvitationState::Pending => Ok(()),
        InvitationState::AwaitingApproval
        | InvitationState::Accepted
        | InvitationState::Declined
        | InvitationState::Revoked => Err(NoMail::Outdated),
    }
}

/// The link that only the mail holds.
fn mailed_link(services: &Services, (row, sealed): &(Uuid, Vec<u8>)) -> Result<String, NotOurs> {
    let token = services.keyring.open_token(*row, sealed)?;
    Ok(services.config.link(&paths::invitation_link(token.reveal())))
}

fn person((name, email): &(Option<String>, String)) -> Person {
    Person { name: name.clone(), email: email.clone() }
}

/// The name of this Roster in a mail.
fn host(services: &Services) -> String {
    services.config.base_url.host_str().unwrap_or_default().to_owned()
}
