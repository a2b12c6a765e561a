//! From an outbox row to a mail in words, with the facts as they stand at this moment.

use super::{
    open_code,
    render::{Content, Person, Rendered, account_label, render},
};
use crate::{
    context::Services,
    secrets::{OpenError, Token},
    storage::{
        StorageError, Tx, accounts, address_changes,
        outbox::{
            self, AccountDeletionMail, ApiKeyMail, Facts, FactsOfRole, MailKind, OutboxMail, OwnershipMail, RoleMail,
        },
        ownership_offers::{self, OfferState},
        password_resets, second_factor_requirements, users,
    },
};
use app::{
    domain::{
        email::Email, ids::MemberId, invitation::InvitationState, name::Slug, role::BuiltInRole, time::Timestamp,
        time_zone::TimeZone,
    },
    i18n::{Locale, leptos_i18n, role_name_or, text},
    paths,
};
use thiserror::Error;
use uuid::Uuid;

/// For whom a mail is rendered. The mailed link proves the mailbox, so only the recipient sees it (R12).
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Audience {
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
pub(crate) enum ComposeError {
    /// The mail is not needed any more: the invitation was answered or withdrawn, or a newer mail replaces this one.
    #[error("there is nothing to say any more")]
    Outdated,
    /// What it offers expired while it waited.
    #[error("it ended before it could be delivered")]
    Expired,
    /// Its sealed parts cannot be opened: the key file of this host is not the newest, or the key is lost.
    #[error(transparent)]
    Sealed(#[from] OpenError),
    /// It cannot be put together.
    #[error("it cannot be put together: {0}")]
    Failed(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The mail in words, if there still is something to say.
pub(crate) async fn compose(
    services: &Services,
    tx: &mut Tx,
    mail: &OutboxMail,
    audience: &Audience,
    now: Timestamp,
) -> Result<Rendered, ComposeError> {
    let (account, content) = match mail.kind {
        MailKind::ReauthenticationCode => {
            let (account, slug, member) = outbox::facts_of_member(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            (account_label(&account, &slug), reauthentication_code(services, mail, member, audience, now)?)
        }
        MailKind::SecondFactorRequired => {
            let (account, slug, member) = outbox::facts_of_member(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            let content = second_factor_required(services, tx, &slug, member, now).await?;
            (account_label(&account, &slug), content)
        }
        MailKind::AccountApp(change) => {
            let (account, slug, _) = outbox::facts_of_member(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            let page = services.config.link(&paths::required_factor(slug.as_str(), ""));
            (account_label(&account, &slug), Content::AccountApp { change, page })
        }
        MailKind::WebhookStopped => {
            let (account, slug, _) = outbox::facts_of_member(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            let page = services.config.link(&paths::webhooks(slug.as_str()));
            (account_label(&account, &slug), Content::WebhookStopped { page })
        }
        MailKind::ApiKey(what) => {
            let (account, slug, _) = outbox::facts_of_member(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            let page = services.config.link(&match what {
                ApiKeyMail::Made => paths::api_keys(slug.as_str()),
                ApiKeyMail::TakenOver => paths::account(slug.as_str()),
            });
            (account_label(&account, &slug), Content::ApiKey { what, page })
        }
        MailKind::Ownership(what) => {
            let (account, slug, _) = outbox::facts_of_member(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            (account_label(&account, &slug), ownership(services, tx, mail, what, &slug, now).await?)
        }
        MailKind::Role(what) => {
            let facts = outbox::facts_of_role(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            (account_label(&facts.account, &facts.slug), role(services, mail, what, &facts)?)
        }
        MailKind::AccountDeletion(what) => {
            let facts = outbox::facts_of_deletion(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            let page = services.config.link(&paths::account_settings(facts.slug.as_str()));
            let by = facts.by.as_ref().map(person);
            // What was taken back, or asked for once more, before it was sent has another mail.
            let content = match (what, facts.at) {
                (AccountDeletionMail::Asked, Some(at)) => Content::AccountDeletion { by, at, page },
                (AccountDeletionMail::TakenBack, None) => Content::AccountKept { by, page },
                (AccountDeletionMail::Asked, None) | (AccountDeletionMail::TakenBack, Some(_)) => {
                    return Err(ComposeError::Outdated);
                }
            };
            (account_label(&facts.account, &facts.slug), content)
        }
        MailKind::Invitation
        | MailKind::InvitationReminder
        | MailKind::Code
        | MailKind::Accepted
        | MailKind::Declined
        | MailKind::LinkAsked
        | MailKind::Held
        | MailKind::InviteeMoved
        | MailKind::Decision => {
            let facts = outbox::facts(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
            let content = if mail.kind == MailKind::InviteeMoved {
                invitee_moved(services, tx, &facts).await?
            } else {
                content(services, mail, &facts, audience, now)?
            };
            (account_label(&facts.account, &facts.slug), content)
        }
        // These belong to no account: they are from this Roster itself.
        MailKind::PasswordReset
        | MailKind::PasswordChanged
        | MailKind::EmailChangeConfirm
        | MailKind::EmailChangeNotice
        | MailKind::LoginDeletion
        | MailKind::SecondFactors(_) => (host(services), login_content(services, tx, mail, audience, now).await?),
    };
    let zone = zone_of_reader(tx, mail).await?;
    render(mail.language, zone.as_ref(), &account, &host(services), content)
        .map_err(|error| ComposeError::Failed(error.to_string()))
}

/// The zone of the reader's times, in mails about the reader's own login. Accounts see the others as well, which tell nothing of who reads
/// them (R7); and the address that somebody wants may be a stranger's.
async fn zone_of_reader(tx: &mut Tx, mail: &OutboxMail) -> Result<Option<TimeZone>, StorageError> {
    let reader = match (mail.kind, mail.user) {
        (
            MailKind::PasswordChanged
            | MailKind::EmailChangeNotice
            | MailKind::LoginDeletion
            | MailKind::SecondFactors(_),
            Some(user),
        ) => users::find(tx, user).await?,
        (
            MailKind::PasswordReset
            | MailKind::ReauthenticationCode
            | MailKind::SecondFactorRequired
            | MailKind::Ownership(_)
            | MailKind::AccountDeletion(_)
            | MailKind::WebhookStopped
            | MailKind::AccountApp(_)
            | MailKind::ApiKey(_),
            _,
        ) => users::find_by_email(tx, &mail.to).await?,
        (
            MailKind::PasswordChanged
            | MailKind::EmailChangeNotice
            | MailKind::LoginDeletion
            | MailKind::SecondFactors(_),
            None,
        )
        | (
            MailKind::Invitation
            | MailKind::InvitationReminder
            | MailKind::Code
            | MailKind::Accepted
            | MailKind::Declined
            | MailKind::LinkAsked
            | MailKind::Held
            | MailKind::InviteeMoved
            | MailKind::Decision
            | MailKind::Role(_)
            | MailKind::EmailChangeConfirm,
            _,
        ) => None,
    };
    Ok(reader.and_then(|reader| reader.time_zone))
}

/// The mail with a code for reauthentication. Only its recipient may read the code.
fn reauthentication_code(
    services: &Services,
    mail: &OutboxMail,
    member: MemberId,
    audience: &Audience,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    let sealed = mail.sealed.as_deref().ok_or(ComposeError::Outdated)?;
    let (code, until) = open_code(&services.keyring, member.0, sealed)?;
    match audience {
        Audience::Recipient if until <= now => Err(ComposeError::Expired),
        Audience::Recipient => Ok(Content::ReauthenticationCode { code, until }),
        Audience::Operator => Ok(Content::ReauthenticationCode { code: HIDDEN_SECRET.to_owned(), until }),
        Audience::Account { .. } => Err(ComposeError::Outdated),
    }
}

/// The mail to the sponsor of an invitation whose person has another address. There is nothing to say once the invitation was answered, or the
/// change was taken back.
async fn invitee_moved(services: &Services, tx: &mut Tx, facts: &Facts) -> Result<Content, ComposeError> {
    let old = Email::parse(&facts.person.1).map_err(|_| ComposeError::Outdated)?;
    let told = match facts.state {
        InvitationState::Pending => address_changes::told(tx, old.key()).await?,
        InvitationState::AwaitingApproval
        | InvitationState::Accepted
        | InvitationState::Declined
        | InvitationState::Revoked => None,
    };
    let new = told.ok_or(ComposeError::Outdated)?;
    let users = services.config.link(&paths::users(facts.slug.as_str()));
    Ok(Content::InviteeMoved { person: person(&facts.person), new, users })
}

/// The mail to a member of whom the account requires a second factor. Nothing is left to say once the member has one, or the account requires
/// none any more.
async fn second_factor_required(
    services: &Services,
    tx: &mut Tx,
    slug: &Slug,
    member: MemberId,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    let starts = second_factor_requirements::to_be_reminded(tx, member).await?.ok_or(ComposeError::Outdated)?;
    let page = services.config.link(&paths::required_factor(slug.as_str(), ""));
    Ok(Content::SecondFactorRequired { starts, has_begun: starts <= now, page })
}

/// The mail about an offer of ownership. Nothing is left to say of one that was withdrawn or is off, nor of what was answered meanwhile.
async fn ownership(
    services: &Services,
    tx: &mut Tx,
    mail: &OutboxMail,
    what: OwnershipMail,
    slug: &Slug,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    let (offer, state) = ownership_offers::of_mail(tx, mail.id).await?.ok_or(ComposeError::Outdated)?;
    let account = || paths::account(slug.as_str());
    let settings = || paths::account_settings(slug.as_str());
    let (still, other, page) = match what {
        OwnershipMail::Offered => (OfferState::Open, &offer.from_person, account()),
        OwnershipMail::Made => (OfferState::Open, &offer.to_person, settings()),
        OwnershipMail::Received => (OfferState::Accepted, &offer.from_person, account()),
        OwnershipMail::Accepted => (OfferState::Accepted, &offer.to_person, account()),
        OwnershipMail::Declined => (OfferState::Ended, &offer.to_person, settings()),
    };
    if state != still {
        return Err(ComposeError::Outdated);
    }
    if state == OfferState::Open && offer.expires <= now {
        return Err(ComposeError::Expired);
    }
    Ok(Content::Ownership { what, other: person(other), until: offer.expires, page: services.config.link(&page) })
}

/// The mail about a role, as it is now. Nothing is left to say of who has lost access or the role, nor of what a newer mail says.
fn role(services: &Services, mail: &OutboxMail, what: RoleMail, facts: &FactsOfRole) -> Result<Content, ComposeError> {
    let link = |path: String| services.config.link(&path);
    match what {
        RoleMail::Changed if facts.is_active && !facts.replaced => {
            let role = role_name_or(Locale::from(mail.language), &facts.role.0, facts.role.1.as_deref());
            Ok(Content::RoleChanged { role, page: link(paths::account(facts.slug.as_str())) })
        }
        RoleMail::OwnerMade if facts.is_active && facts.role.0 == BuiltInRole::Owner.role() => {
            Ok(Content::OwnerMade { person: person(&facts.person), users: link(paths::users(facts.slug.as_str())) })
        }
        RoleMail::Changed | RoleMail::OwnerMade => Err(ComposeError::Outdated),
    }
}

/// The mail about somebody's own login. No account sees it.
async fn login_content(
    services: &Services,
    tx: &mut Tx,
    mail: &OutboxMail,
    audience: &Audience,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    match (mail.kind, audience) {
        (_, Audience::Account { .. }) => Err(ComposeError::Outdated),
        (MailKind::PasswordReset, audience) => password_reset(services, tx, mail, audience, now).await,
        (MailKind::PasswordChanged, _) => {
            Ok(Content::PasswordChanged { recover: services.config.link(paths::FORGOTTEN_PASSWORD) })
        }
        (MailKind::EmailChangeConfirm | MailKind::EmailChangeNotice, audience) => {
            address_change(services, tx, mail, audience, now).await
        }
        (MailKind::LoginDeletion, _) => {
            let user = users::find(tx, mail.user.ok_or(ComposeError::Outdated)?).await?;
            // The person may have thought again before it was sent.
            let at = user.and_then(|user| user.delete_at).ok_or(ComposeError::Outdated)?;
            Ok(Content::LoginDeletion { at, page: services.config.link(paths::ME_DELETE) })
        }
        (MailKind::SecondFactors(change), _) => {
            Ok(Content::SecondFactors { change, page: services.config.link(paths::ME_SIGN_IN) })
        }
        (
            MailKind::Invitation
            | MailKind::InvitationReminder
            | MailKind::Code
            | MailKind::ReauthenticationCode
            | MailKind::SecondFactorRequired
            | MailKind::Ownership(_)
            | MailKind::Role(_)
            | MailKind::AccountDeletion(_)
            | MailKind::WebhookStopped
            | MailKind::AccountApp(_)
            | MailKind::ApiKey(_)
            | MailKind::Accepted
            | MailKind::Declined
            | MailKind::LinkAsked
            | MailKind::Held
            | MailKind::InviteeMoved
            | MailKind::Decision,
            _,
        ) => Err(ComposeError::Outdated),
    }
}

/// The link to choose a new password; for a user without a password the sign-in pages of their accounts; for an address without a user
/// nothing. Only here is it looked up who has the address (EN-02).
async fn password_reset(
    services: &Services,
    tx: &mut Tx,
    mail: &OutboxMail,
    audience: &Audience,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    let sealed = mail.sealed.as_deref().ok_or(ComposeError::Outdated)?;
    let (token, until) = open_code(&services.keyring, mail.id.0, sealed)?;
    if *audience == Audience::Operator {
        return Ok(Content::PasswordReset { link: HIDDEN_SECRET.to_owned(), until });
    }
    if until <= now {
        return Err(ComposeError::Expired);
    }
    let token = Token::parse(&token).ok_or(ComposeError::Outdated)?;
    let live = password_resets::find_live(tx, &token.hash(), now).await?;
    let user = users::find_by_email(tx, &mail.to).await?;
    let (Some(_), Some(user)) = (live, user) else { return Err(ComposeError::Outdated) };
    if user.phc.is_some() {
        let link = services.config.link(&paths::password_reset_link(token.reveal()));
        return Ok(Content::PasswordReset { link, until });
    }
    let pages = accounts::sign_in_pages(tx, user.id).await?;
    if pages.is_empty() {
        return Err(ComposeError::Outdated);
    }
    let page = |(name, slug): (String, Slug)| {
        (account_label(&name, &slug), services.config.link(&paths::login(slug.as_str())))
    };
    Ok(Content::SignInPages { pages: pages.into_iter().map(page).collect() })
}

/// The link that confirms a change of address, or the one that takes it back. Once the change was confirmed, dropped or taken back, the
/// first says nothing any more; the second tells of what happened for as long as it can be undone.
async fn address_change(
    services: &Services,
    tx: &mut Tx,
    mail: &OutboxMail,
    audience: &Audience,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    let sealed = mail.sealed.as_deref().ok_or(ComposeError::Outdated)?;
    let (token, until) = open_code(&services.keyring, mail.id.0, sealed)?;
    let token = Token::parse(&token).ok_or(ComposeError::Outdated)?;
    if until <= now {
        return Err(ComposeError::Expired);
    }
    let link = match audience {
        Audience::Operator => HIDDEN_SECRET.to_owned(),
        Audience::Recipient | Audience::Account { .. } => {
            services.config.link(&paths::address_change_link(token.reveal()))
        }
    };
    if mail.kind == MailKind::EmailChangeConfirm {
        let change = address_changes::to_confirm(tx, &token.hash(), now).await?.ok_or(ComposeError::Outdated)?;
        return Ok(Content::EmailChangeConfirm { old: change.old.key().to_owned(), link, until });
    }
    let change = address_changes::to_undo(tx, &token.hash(), now).await?.ok_or(ComposeError::Outdated)?;
    Ok(Content::EmailChangeNotice { new: change.new.key().to_owned(), link, until })
}

fn content(
    services: &Services,
    mail: &OutboxMail,
    facts: &Facts,
    audience: &Audience,
    now: Timestamp,
) -> Result<Content, ComposeError> {
    let person = || person(&facts.person);
    let users = || services.config.link(&paths::users(facts.slug.as_str()));
    Ok(match mail.kind {
        MailKind::Invitation | MailKind::InvitationReminder => {
            let link = match audience {
                Audience::Recipient => {
                    is_current(facts, facts.expires, now)?;
                    if facts.account_deleted {
                        return Err(ComposeError::Outdated);
                    }
                    mailed_link(services, facts.token.as_ref().ok_or(ComposeError::Outdated)?)?
                }
                Audience::Account { link: Some(link) } => link.clone(),
                Audience::Account { link: None } => {
                    text!(Locale::from(mail.language), mail.invitation_link_not_copied).to_owned()
                }
                Audience::Operator => HIDDEN_SECRET.to_owned(),
            };
            let inviter = facts.sponsor.as_ref().map(self::person);
            let is_reminder = mail.kind == MailKind::InvitationReminder;
            let role = role_name_or(Locale::from(mail.language), &facts.role.0, facts.role.1.as_deref());
            let (left, is_answered) = (facts.expires - now, facts.is_answered);
            Content::Invitation { inviter, role, link, until: facts.expires, left, is_answered, is_reminder }
        }
        MailKind::Code => {
            let sealed = mail.sealed.as_deref().ok_or(ComposeError::Outdated)?;
            let (code, until) = open_code(&services.keyring, facts.invitation.0, sealed)?;
            match audience {
                Audience::Recipient => is_current(facts, until, now)?,
                Audience::Account { .. } => return Err(ComposeError::Outdated),
                Audience::Operator => {}
            }
            Content::Code { code, until }
        }
        MailKind::ReauthenticationCode
        | MailKind::InviteeMoved
        | MailKind::SecondFactorRequired
        | MailKind::Ownership(_)
        | MailKind::AccountDeletion(_)
        | MailKind::WebhookStopped
        | MailKind::AccountApp(_)
        | MailKind::ApiKey(_)
        | MailKind::Role(_)
        | MailKind::PasswordReset
        | MailKind::PasswordChanged
        | MailKind::EmailChangeConfirm
        | MailKind::EmailChangeNotice
        | MailKind::LoginDeletion
        | MailKind::SecondFactors(_) => {
            return Err(ComposeError::Outdated);
        }
        MailKind::Accepted => Content::Accepted { person: person(), users: users() },
        MailKind::Declined => Content::Declined { person: person(), users: users() },
        MailKind::LinkAsked => Content::LinkAsked { person: person(), users: users() },
        MailKind::Held => Content::Held { person: person(), users: users() },
        MailKind::Decision => {
            let page = services.config.link(&paths::decide(facts.slug.as_str(), facts.member));
            match facts.asked_as.clone() {
                Some(wanted) => Content::AskedAs { person: person(), wanted, page },
                None => Content::Decision { person: person(), page },
            }
        }
    })
}

/// Stands for a link or a code that is its recipient's alone.
const HIDDEN_SECRET: &str = "········";

/// Checks that the invitation is still pending, not renewed, and not expired.
fn is_current(facts: &Facts, until: Timestamp, now: Timestamp) -> Result<(), ComposeError> {
    match facts.state {
        InvitationState::Pending if facts.replaced => Err(ComposeError::Outdated),
        InvitationState::Pending if until <= now => Err(ComposeError::Expired),
        InvitationState::Pending => Ok(()),
        InvitationState::AwaitingApproval
        | InvitationState::Accepted
        | InvitationState::Declined
        | InvitationState::Revoked => Err(ComposeError::Outdated),
    }
}

/// The link that only the mail holds.
fn mailed_link(services: &Services, (row, sealed): &(Uuid, Vec<u8>)) -> Result<String, OpenError> {
    let token = services.keyring.open_token(*row, sealed)?;
    Ok(services.config.link(&paths::invitation_link(token.reveal())))
}

fn person((name, email): &(Option<String>, String)) -> Person {
    Person { name: name.clone(), email: email.clone() }
}

/// The public host of this Roster, as mails name it.
fn host(services: &Services) -> String {
    services.config.base_url.host_str().unwrap_or_default().to_owned()
}
