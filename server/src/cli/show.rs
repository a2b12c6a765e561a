//! Commands that do one thing and print its result.

use super::Failure;
use crate::{
    context::Services,
    service::{OwnerGranted, OwnerInvitation},
};
use app::{
    api::recovery::RESET_LINK_MINUTES,
    domain::{email::Email, ids::MailId, member::MailState},
    error::AppError,
};

pub(super) async fn created(services: &Services, name: &str, slug: &str, owner: &str) -> Result<(), Failure> {
    let account = services.create_account(name, slug, owner).await.map_err(in_words)?;
    println!("Account {} is made. {}", account.slug, joins_by(&account.owner));
    Ok(())
}

pub(super) async fn granted(services: &Services, account: &str, email: &str, by_password: bool) -> Result<(), Failure> {
    let granted = services.grant_owner(account, email, by_password).await.map_err(|error| {
        if error == AppError::NotFound {
            Failure::other(format!("there is no account {account}"))
        } else {
            in_words(error)
        }
    })?;
    match granted {
        OwnerGranted::Active => println!("{email} is an owner of {account} now."),
        OwnerGranted::Reactivated => println!("{email} was suspended, and is an active owner of {account} now."),
        OwnerGranted::ByPassword => {
            println!("{email} is an owner of {account} now, and signs in by Email & password, which is switched on.");
        }
        OwnerGranted::Invited(invitation) => {
            println!("{email} is invited to {account} as an owner. {}", joins_by(&invitation));
        }
    }
    Ok(())
}

pub(super) async fn reset_link(services: &Services, email: &str) -> Result<(), Failure> {
    let parsed = Email::parse(email).map_err(|problem| Failure::other(format!("{email}: {problem:?}")))?;
    let link = services.password_reset_link(&parsed).await.map_err(Failure::other)?;
    let link = link.ok_or_else(|| Failure::other(format!("nobody signs in with {email}")))?;
    println!("{link}\nThe link works once, for {RESET_LINK_MINUTES} minutes.");
    Ok(())
}

pub(super) async fn reset_factors(services: &Services, email: &str) -> Result<(), Failure> {
    match services.reset_factors(email).await {
        Ok(0) => println!("{email} has no second factor."),
        Ok(removed) => println!(
            "{removed} second factors of {email} were removed with the recovery codes, and every session was ended. \
             The password alone signs them in now; they are told by mail."
        ),
        Err(AppError::NotFound) => return Err(Failure::other(format!("nobody signs in with {email}"))),
        Err(error) => return Err(Failure::other(error)),
    }
    Ok(())
}

/// An owner's invitation, as a terminal shows it.
fn joins_by(invitation: &OwnerInvitation) -> String {
    let mail = match invitation.mail {
        MailState::NoMailServer => "No mail server is configured: hand the link over yourself.",
        MailState::Queued { .. }
        | MailState::Accepted { .. }
        | MailState::Deferred { .. }
        | MailState::Unanswered { .. }
        | MailState::Refused { .. } => "A mail is queued; the link can be handed over as well.",
    };
    format!("The owner joins by this link: {}\n{mail}", invitation.link)
}

pub(super) async fn outbox(services: &Services) -> Result<(), Failure> {
    for mail in services.show_outbox().await.map_err(in_words)? {
        let answer = mail.last_answer.as_deref().unwrap_or_default();
        println!("{}  {:<10}  {:<10}  {}  {answer}", mail.id, mail.kind.key(), mail.known_state(), mail.to);
    }
    Ok(())
}

pub(super) async fn mail(services: &Services, id: &str) -> Result<(), Failure> {
    let id: MailId = id.parse().map_err(|_| Failure::other(format!("{id}: not the id of a mail")))?;
    let mail = services.show_outbox_mail(id).await.map_err(in_words)?;
    println!("Subject: {}\n\n{}", mail.subject, mail.text);
    Ok(())
}

/// The error in words for a terminal.
fn in_words(error: AppError) -> Failure {
    match error.fields().and_then(|fields| fields.all().next()) {
        Some((field, problem)) => Failure::other(format!("{field:?}: {problem:?}")),
        None => Failure::other(error),
    }
}
