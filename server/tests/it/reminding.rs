//! Reminding invited people, once, before their link expires (R21, R52).

use crate::support::{Browser, World, both_databases};
use app::{
    api::{account_settings::AccountSettingsView, login_methods::NextPage},
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

impl World {
    async fn reminds(&self) -> usize {
        self.services.remind_invited(&CancellationToken::new()).await.unwrap()
    }

    /// The mails that wait have been taken.
    async fn settles_mails(&self) {
        self.deliver(0).await;
        for _ in 0..800 {
            if self.count("SELECT COUNT(*) FROM outbox WHERE state = 'queued'").await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("mails still wait");
    }
}

/// Ana has invited this person, and the mail server has taken the mail.
async fn ana_invites(world: &World, email: &str, more: &[(&str, &str)]) -> Browser {
    let ana = world.owner("ana@example.org").await;
    ana.invites_with(email, &viewer(), more).await.unwrap();
    world.settles_mails().await;
    ana
}

async fn reminders(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'invitation_reminder'").await
}

async fn set_reminders(owner: &Browser, how: &str) -> Result<NextPage, AppError> {
    let version = owner.call_in::<AccountSettingsView>("account-settings/show", &[]).await.unwrap().version.to_string();
    let form = [
        ("form[version]", version.as_str()),
        ("form[name]", "Acme"),
        ("form[language]", "en"),
        ("form[lifetime]", "168"),
        ("form[reminders]", how),
    ];
    owner.call_in("account-settings/change", &form).await
}

both_databases! {
    async fn r21_whoever_has_not_answered_is_reminded_once_two_days_before_the_link_expires(world: World) {
        let ana = ana_invites(&world, "ben@example.org", &[]).await;
        world.advance(Span::days(5) + Span::minutes(-1));
        assert_eq!(world.reminds().await, 0, "too early");
        world.advance(Span::minutes(1));
        assert_eq!((world.reminds().await, world.reminds().await), (1, 0));
        let mail = world.mail_to("ben@example.org", 1).await;
        assert_eq!(mail.header("Subject").as_deref(), Some("Your invitation to Acme expires soon"));
        let text = mail.part("text/plain");
        assert!(text.contains("Ana Owner (ana@example.org) invited you to Acme") && text.contains("the only reminder"), "{text}");
        assert_eq!(world.link_to("ben@example.org", 1).await, world.link_to("ben@example.org", 0).await, "it is the same link");
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        ana.sign_in("ana@example.org", crate::support::PASSWORD).await.unwrap();
        ana.resends(&ana.row("ben@example.org").await).await.unwrap();
        world.settles_mails().await;
        world.advance(Span::days(6));
        assert_eq!(world.reminds().await, 0, "once for ever");
        assert_eq!(world.texts("SELECT kind FROM audit_events WHERE kind = 'invitation_reminded'").await.len(), 1);
        drop(id);
    }

    async fn r21_the_reminder_is_in_the_language_of_the_invitation(world: World) {
        ana_invites(&world, "ben@example.org", &[("form[language]", "de")]).await;
        world.advance(Span::days(6));
        assert_eq!(world.reminds().await, 1);
        let mail = world.mail_to("ben@example.org", 1).await;
        assert_eq!(mail.header("Subject").as_deref(), Some("Ihre Einladung zu Acme läuft bald ab"));
    }

    async fn r21_a_link_of_less_than_three_days_has_no_reminder(world: World) {
        let ana = ana_invites(&world, "ben@example.org", &[("form[lifetime]", "24")]).await;
        ana.invites_with("cid@example.org", &viewer(), &[("form[lifetime]", "72")]).await.unwrap();
        world.settles_mails().await;
        assert_eq!(world.reminds().await, 0);
        world.advance(Span::hours(23));
        assert_eq!(world.reminds().await, 0);
        world.advance(Span::hours(1));
        assert_eq!(world.reminds().await, 1, "the one of three days");
        world.mail_to("cid@example.org", 1).await;
    }

    async fn r21_whoever_answered_or_has_nothing_to_answer_is_not_reminded(world: World) {
        let ana = ana_invites(&world, "ben@example.org", &[]).await;
        for email in ["declined@example.org", "withdrawn@example.org", "joined@example.org"] {
            ana.invites(email, &viewer()).await.unwrap();
            let person = world.browser();
            let id = person.opens_link(&world.link_to(email, 0).await).await;
            match email {
                "declined@example.org" => person.declines(&id).await.unwrap(),
                "joined@example.org" => drop(person.signs_up(&id, email).await.unwrap()),
                _ => drop(ana.removes(&ana.row(email).await).await.unwrap()),
            }
        }
        world.changes("UPDATE outbox SET state = 'refused' WHERE recipient = 'ben@example.org'").await;
        world.settles_mails().await;
        world.advance(Span::days(6));
        assert_eq!(world.reminds().await, 0, "nor whose mail bounced");
        world.changes("UPDATE outbox SET state = 'accepted' WHERE recipient = 'ben@example.org'").await;
        world.advance(Span::days(1));
        assert_eq!(world.reminds().await, 0, "nor whose link has expired");
    }

    async fn r21_an_account_can_do_without_reminders(world: World) {
        let ana = ana_invites(&world, "ben@example.org", &[]).await;
        assert!(ana.call_in::<AccountSettingsView>("account-settings/show", &[]).await.unwrap().reminders, "on by default");
        set_reminders(&ana, "off").await.unwrap();
        assert_eq!(world.texts("SELECT data FROM audit_events WHERE kind LIKE '%switched'").await, ["{\"kind\":\"reminders_switched\",\"on\":false}"]);
        world.advance(Span::days(6));
        assert_eq!(world.reminds().await, 0);
        set_reminders(&ana, "").await.unwrap();
        assert_eq!(world.reminds().await, 0, "left out, it stays");
        set_reminders(&ana, "on").await.unwrap();
        assert_eq!(world.reminds().await, 1);
        assert!(matches!(set_reminders(&ana, "perhaps").await, Err(AppError::Invalid(_))));
        let page = ana.get("/a/acme/settings/account").await.body;
        assert!(page.contains("Reminder before a link expires"), "{page}");
    }

    async fn cf_08_an_account_that_is_going_to_be_deleted_reminds_nobody(world: World) {
        let ana = ana_invites(&world, "ben@example.org", &[]).await;
        ana.call_in::<NextPage>("account-settings/delete", &[("form[confirmation]", "Acme")]).await.unwrap();
        world.advance(Span::days(6));
        assert_eq!(world.reminds().await, 0);
        ana.call_in::<NextPage>("account-settings/keep", &[]).await.unwrap();
        assert_eq!(world.reminds().await, 1);
    }

    async fn r21_of_two_instances_one_reminds(world: World) {
        let ana = ana_invites(&world, "ben@example.org", &[]).await;
        ana.invites("cid@example.org", &viewer()).await.unwrap();
        world.settles_mails().await;
        world.advance(Span::days(6));
        let second = world.configured(|_| {});
        let (one, other) = tokio::join!(world.reminds(), second.reminds());
        assert_eq!((one + other, reminders(&world).await), (2, 2));
    }

    async fn r52_a_reminder_counts_as_a_mail_and_waits_for_the_limits(world: World) {
        let world = world.configured(|config| config.limits.mails_per_account_day = 2);
        let ana = ana_invites(&world, "ben@example.org", &[]).await;
        ana.invites("cid@example.org", &viewer()).await.unwrap();
        world.settles_mails().await;
        world.advance(Span::days(6));
        ana.invites("dora@example.org", &viewer()).await.unwrap();
        assert_eq!((world.reminds().await, reminders(&world).await), (1, 1), "one of two is left for today");
        world.advance(Span::hours(13));
        assert_eq!((world.reminds().await, reminders(&world).await), (1, 2));
    }

    async fn r61_without_a_mail_server_nobody_is_reminded(world: World) {
        let world = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        world.advance(Span::days(6));
        assert_eq!((world.reminds().await, reminders(&world).await), (0, 0));
    }
}
