//! Settings → Account: name, language, and what invitations begin with.

use crate::support::{Browser, World, both_databases};
use app::{
    api::{account_settings::AccountSettingsView, login_methods::NextPage, roles::RoleCreated},
    domain::{
        fields::{Field, FieldErrors, Problem},
        invitation::InvitationDefaults,
        language::Language,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};

const PAGE: &str = "/a/acme/settings/account";

async fn shows(browser: &Browser) -> Result<AccountSettingsView, AppError> {
    browser.call_in("account-settings/show", &[]).await
}

/// The form as it is shown, with these fields instead of its own.
async fn changes(browser: &Browser, version: i64, other: &[(&str, &str)]) -> Result<NextPage, AppError> {
    let version = version.to_string();
    let all = [
        ("form[version]", version.as_str()),
        ("form[name]", "Acme"),
        ("form[language]", "en"),
        ("form[role]", ""),
        ("form[lifetime]", "168"),
    ];
    let fields: Vec<_> = all
        .into_iter()
        .map(|(name, value)| (name, other.iter().find(|(other, _)| *other == name).map_or(value, |(_, other)| *other)))
        .collect();
    browser.call_in("account-settings/change", &fields).await
}

async fn events(world: &World) -> Vec<String> {
    world.texts("SELECT data FROM audit_events WHERE kind = 'account_changed' ORDER BY seq").await
}

async fn set_replies(owner: &Browser, how: &str) -> Result<NextPage, AppError> {
    let version = shows(owner).await?.version.to_string();
    let form = [
        ("form[version]", version.as_str()),
        ("form[name]", "Acme"),
        ("form[language]", "en"),
        ("form[lifetime]", "168"),
        ("form[replies]", how),
    ];
    owner.call_in("account-settings/change", &form).await
}

both_databases! {
    async fn az_12_only_owners_see_and_change_the_account(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let refused = AppError::Refused(Refusal::OnlyOwnersChangeAccount);
        assert_eq!(shows(&adam).await, Err(refused.clone()));
        assert_eq!(changes(&adam, 1, &[]).await.err(), Some(refused));
        assert!(!adam.get("/a/acme").await.body.contains(PAGE), "no tab leads there");
        assert!(ana.get("/a/acme").await.body.contains(PAGE));
        assert!(adam.get(PAGE).await.body.contains("Only owners can change the account."));
    }

    async fn r66_two_owners_change_the_account_and_the_second_is_told(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        let seen = shows(&ben).await.unwrap().version;
        changes(&ana, seen, &[("form[name]", "Acme Support"), ("form[language]", "de")]).await.unwrap();
        let refused = changes(&ben, seen, &[("form[name]", "Acme Service")]).await;
        let Err(AppError::ChangedMeanwhile { by: Some(by), at }) = refused else { panic!("{refused:?}") };
        assert_eq!((by.as_str(), at), ("Ana Owner", world.now()));
        let there = shows(&ben).await.unwrap();
        assert_eq!((there.name.as_str(), there.language, there.version), ("Acme Support", Language::De, seen + 1));
        changes(&ben, there.version, &[("form[name]", "Acme Support"), ("form[language]", "de")]).await.unwrap();
        assert_eq!(shows(&ben).await.unwrap().version, seen + 1, "nothing to change");
        assert_eq!(events(&world).await.len(), 1);
    }

    async fn r66_of_two_changes_at_once_one_counts(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        let (one, other) =
            tokio::join!(changes(&ana, 1, &[("form[name]", "One")]), changes(&ben, 1, &[("form[name]", "Other")]));
        assert_eq!((one.is_ok(), other.is_ok()).0, other.is_err(), "{one:?} {other:?}");
        let name = shows(&ana).await.unwrap().name;
        assert_eq!(name, if one.is_ok() { "One" } else { "Other" });
        assert_eq!(events(&world).await.len(), 1);
    }

    async fn in_03_every_wrong_field_is_named(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut wrong = FieldErrors::default();
        for (field, problem) in [
            (Field::AccountName, Problem::Required),
            (Field::Language, Problem::NotOffered),
            (Field::Role, Problem::NotOffered),
            (Field::Lifetime, Problem::NotOffered),
        ] {
            wrong.keep::<()>(field, Err(problem));
        }
        for role in ["owner", "nobody"] {
            let fields = [("form[name]", " "), ("form[language]", "xx"), ("form[role]", role), ("form[lifetime]", "5")];
            assert_eq!(changes(&ana, 1, &fields).await.err(), Some(AppError::Invalid(wrong.clone())), "{role}");
        }
        assert_eq!(shows(&ana).await.unwrap().version, 1);
    }

    async fn r21_invitations_begin_with_what_the_account_settled(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let before = ana.list(&Default::default()).await.unwrap().facts.invitations;
        assert_eq!(before, InvitationDefaults::default());
        let fields = [("form[role]", "editor"), ("form[lifetime]", "24"), ("form[language]", "de")];
        changes(&ana, 1, &fields).await.unwrap();
        let facts = adam.list(&Default::default()).await.unwrap().facts;
        assert_eq!(facts.invitations, InvitationDefaults { role: Some(BuiltInRole::Editor.role()), lifetime: Span::days(1) });
        for page in ["/a/acme/settings/users/new", "/a/acme/settings/users/new/several"] {
            let html = adam.get(page).await.body;
            assert!(html.contains("value=\"24\" selected") && html.contains("value=\"editor\" selected"), "{page}: {html}");
        }
        adam.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(adam.row("ben@example.org").await.expires, Some(world.now() + Span::days(1)), "nothing was chosen");
        assert!(world.mail_to("ben@example.org", 0).await.header("Subject").unwrap().contains("Einladung"), "in the account's language");
        let chosen = [("form[lifetime]", "720"), ("form[language]", "en")];
        adam.invites_with("cid@example.org", &Grant::of(BuiltInRole::Viewer), &chosen).await.unwrap();
        assert_eq!(adam.row("cid@example.org").await.expires, Some(world.now() + Span::days(30)));
    }

    async fn r21_a_role_that_the_inviter_cannot_give_is_not_begun_with(world: World) {
        let ana = world.owner("ana@example.org").await;
        changes(&ana, 1, &[("form[role]", "admin")]).await.unwrap();
        let inviter = Grant::of(BuiltInRole::Viewer).with("users.read").with("users.invite");
        let ines = ana.brings_in("ines@example.org", &inviter).await;
        let html = ines.get("/a/acme/settings/users/new").await.body;
        assert!(html.contains("value=\"viewer\" selected"), "{html}");
    }

    async fn r60_a_change_of_the_account_is_recorded_without_its_name(world: World) {
        let ana = world.owner("ana@example.org").await;
        changes(&ana, 1, &[("form[name]", "Acme Support"), ("form[role]", "agent"), ("form[lifetime]", "1")]).await.unwrap();
        let [event] = &events(&world).await[..] else { panic!("one event") };
        assert_eq!(
            event,
            "{\"kind\":\"account_changed\",\"renamed\":true,\
             \"before\":{\"language\":\"en\",\"invitations\":{\"role\":null,\"lifetime\":604800000}},\
             \"after\":{\"language\":\"en\",\"invitations\":{\"role\":\"agent\",\"lifetime\":3600000}}}"
        );
        let html = ana.get("/a/acme/settings/audit").await.body;
        for words in ["Account settings changed", "New name", "The role with the fewest permissions → Agent", "7 days → 1 hour"] {
            assert!(html.contains(words), "{words}: {html}");
        }
        let home = ana.get("/a/acme").await.body;
        assert!(home.contains("Acme Support"), "pages have the new name");
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(world.mail_to("ben@example.org", 0).await.header("Subject").unwrap().contains("Acme Support"), "and so do mails");
    }

    async fn br_14_the_account_is_changed_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        let form = |name| {
            [("account", "acme"), ("form[version]", "1"), ("form[name]", name), ("form[language]", "en"), ("form[role]", "editor"), ("form[lifetime]", "24")]
        };
        let wrong = ana.submits(PAGE, "account-settings/change", &form("")).await.body;
        assert!(wrong.contains("Please fill in this field.") && wrong.contains("value=\"editor\" selected"), "{wrong}");
        let page = ana.submits(PAGE, "account-settings/change", &form("Acme Support")).await.body;
        assert!(page.contains("Saved.") && page.contains("value=\"Acme Support\""), "{page}");
        let page = ben.submits(PAGE, "account-settings/change", &form("Acme Service")).await.body;
        assert!(page.contains("Ana Owner changed this in the meantime") && page.contains("value=\"Acme Service\""), "what was typed stays: {page}");
        assert!(page.contains("All pages of this account begin with /a/acme."), "{page}");
    }

    async fn r51_the_invitation_names_the_role_and_answers_go_to_the_inviter_where_the_account_wants_that(world: World) {
        let ana = world.owner("ana@example.org").await;
        let made: RoleCreated = ana.call_in("roles/create", &[("form[name]", "Boss of evil.example"), ("form[permissions][]", "bots.read")]).await.unwrap();
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let mail = world.mail_to("ben@example.org", 0).await;
        let text = mail.part("text/plain");
        assert!(text.contains("Your role there will be Editor.") && text.contains("expires in 7 days, on "), "{text}");
        assert_eq!(mail.header("Reply-To"), None, "off by default");
        assert!(!shows(&ana).await.unwrap().replies);

        changes(&ana, 1, &[]).await.unwrap();
        set_replies(&ana, "on").await.unwrap();
        assert_eq!(world.texts("SELECT data FROM audit_events WHERE kind = 'replies_switched'").await, ["{\"kind\":\"replies_switched\",\"on\":true}"]);
        set_replies(&ana, "").await.unwrap();
        assert!(shows(&ana).await.unwrap().replies, "left out, it stays");
        assert!(ana.get(PAGE).await.body.contains("Go to whoever invites"));
        ana.invites("cleo@example.org", &Grant { role: made.role, extras: Default::default() }).await.unwrap();
        let mail = world.mail_to("cleo@example.org", 0).await;
        assert_eq!(mail.header("Reply-To").as_deref(), Some("ana@example.org"));
        let (text, html) = (mail.part("text/plain"), mail.part("text/html"));
        for part in [&text, &html] {
            assert!(part.contains("will be Boss of evil"), "{part}");
            assert!(!part.contains("evil.example"), "no link of a name: {part}");
        }
        assert!(html.contains("your answer goes to ana@example.org"), "{html}");
        // Other mails stay without an answer, and nobody answers for the host's operator.
        let cleo = world.browser();
        let id = cleo.opens_link(&world.link_to("cleo@example.org", 0).await).await;
        cleo.declines(&id).await.unwrap();
        assert_eq!(world.mail_to("ana@example.org", 0).await.header("Reply-To"), None);
        assert!(matches!(set_replies(&ana, "perhaps").await, Err(AppError::Invalid(_))));
    }
}
