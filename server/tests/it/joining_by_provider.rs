//! Taking an invitation up through a provider, where people or the invitation are not as simple as that (R12 to R14, R19, R29, INV-05).

use crate::{
    mail_server::Received,
    support::{Answer, Browser, World, both_databases, provider::Provider},
};
use app::{
    api::joining::{InvitationView, Joined, Standing},
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::ShownState,
        name::Slug,
        oauth::Configuration,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::{Value, json};
use url::Url;

fn editor() -> Grant {
    Grant::of(BuiltInRole::Editor)
}

fn ana() -> Value {
    json!({ "sub": "00u-ana" })
}

fn ben() -> Value {
    json!({ "sub": "00u-ben", "email": "ben@example.org" })
}

/// Somebody whose address the provider says that it checked.
fn verified(identifier: &str, email: &str) -> Value {
    json!({ "sub": identifier, "email": email, "email_verified": true })
}

fn in_the(slug: &str) -> Result<Joined, AppError> {
    Ok(Joined::In { slug: Slug::parse(slug).unwrap(), goes_on: None })
}

/// Acme and Beta, both Ana's, each with a method of its own at one provider. Ben is in Acme by a copied link: Ana's word is all that there
/// is for his mailbox.
struct Vouched {
    world: World,
    provider: Provider,
    owner: Browser,
    acme_method: String,
    beta_method: String,
    ben: Browser,
}

impl Vouched {
    async fn of(world: &World) -> Self {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let acme_method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        let bare = world.without_mail_server();
        let at_bare = owner.at(&bare);
        at_bare.invites_by(&acme_method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let link = at_bare.copies_link(&owner.row("ben@example.org").await).await.unwrap().url;
        let there = bare.browser();
        let id = there.opens_link(&link).await;
        let arrived = there.arrives(&provider, &acme_method, &id, ben()).await;
        assert_eq!(there.joins_by(&id, &arrived, "Ben").await, in_the("acme"));
        assert!(owner.row("ben@example.org").await.vouched_by.is_some());
        owner.opens_account("Beta", "beta").await.unwrap();
        let beta_method = owner.on("beta").sets_up(&provider, "Beta SSO", ana()).await;
        let ben = there.at(&world);
        Self { world, provider, owner, acme_method, beta_method, ben }
    }

    /// Beta invites, by a mail; the link.
    async fn beta_invites(&self) -> String {
        let beta = self.owner.on("beta");
        beta.invites_by(&self.beta_method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        self.world.link_to("ben@example.org", 0).await
    }

    async fn arrives(&self, browser: &Browser, id: &str) -> Answer {
        browser.arrives(&self.provider, &self.beta_method, id, ben()).await
    }
}

async fn with_code(browser: &Browser, id: &str, arrived: &Answer, code: &str) -> Result<Joined, AppError> {
    let attempt = arrived.location().split("attempt=").nth(1).unwrap();
    let fields = [("form[invitation]", id), ("form[attempt]", attempt), ("form[name]", "Ben"), ("form[code]", code)];
    browser.call("invitation/join-by-method", &fields).await
}

/// The eight digits of a mail.
fn code_in(mail: &Received) -> String {
    let text = mail.part("text/plain");
    let mut lines = text.lines().map(|line| line.replace(' ', ""));
    lines.find(|line| line.len() == 8 && line.parse::<u32>().is_ok()).expect("eight digits")
}

both_databases! {
    async fn r13_whoever_owns_the_mailbox_outranks_who_never_proved_it_through_a_provider_too(world: World) {
        let vouched = Vouched::of(&world).await;
        let link = vouched.beta_invites().await;
        let mailbox = vouched.world.browser();
        let id = mailbox.opens_link(&link).await;
        let arrived = vouched.arrives(&mailbox, &id).await;
        assert_eq!(mailbox.joins_by(&id, &arrived, "The Real Ben").await, in_the("beta"));

        assert!(vouched.ben.me().await.is_none(), "the earlier sessions are gone");
        let stranger = vouched.ben.signs_in_by(&vouched.provider, &vouched.acme_method, ben()).await;
        assert_eq!(stranger.location(), "/login/acme?problem=not-a-member", "and so are the earlier identities");
        assert_eq!(vouched.owner.row("ben@example.org").await.state, ShownState::Suspended, "Acme decides anew");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 1);
        assert_eq!(world.texts("SELECT name FROM users WHERE email_key = 'ben@example.org'").await, ["The Real Ben"]);
    }

    async fn r67_an_identifier_left_open_is_fixed_at_the_first_sign_in_from_the_mailed_link(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        let refused = owner.invites_by(&method, "ben@example.org", "", &editor()).await;
        assert_eq!(refused, Err(FieldErrors::one(Field::Identifier, Problem::Required).into()), "off by default");

        owner.leaves_identifiers_open(&provider, &method).await;
        owner.invites_by(&method, "ben@example.org", "", &editor()).await.unwrap();
        assert!(!owner.row("ben@example.org").await.needs_attention(), "nothing is left to do for an admin");
        let browser = world.browser();
        let id = browser.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let arrived = browser.arrives(&provider, &method, &id, verified("00u-ben", "ben@example.org")).await;
        assert_eq!(browser.joins_by(&id, &arrived, "Ben").await, in_the("acme"));

        let edit = owner.get(&format!("/a/acme/settings/users/{}/edit", owner.row("ben@example.org").await.id)).await.body;
        assert!(edit.contains("00u-ben"), "the inviter is shown what came: {edit}");
        let events = world.texts("SELECT kind FROM audit_events ORDER BY seq").await;
        assert!(events.ends_with(&["identity_linked".to_owned(), "joined".to_owned()]), "{events:?}");
        let emptied = owner.changes_login_method(&owner.row("ben@example.org").await, &method, "").await;
        assert_eq!(emptied, Err(FieldErrors::one(Field::Identifier, Problem::Required).into()), "no first sign-in is to come");
        // From now on the identifier alone counts (R45).
        let other = world.browser();
        other.signs_in_by(&provider, &method, verified("00u-ben", "ben@new.example")).await;
        assert!(other.me().await.is_some());
        let other = world.browser();
        let stranger = other.signs_in_by(&provider, &method, verified("00u-eve", "ben@example.org")).await;
        assert_eq!(stranger.location(), "/login/acme?problem=not-a-member");
    }

    async fn r67_a_provider_that_confirms_no_address_is_told_apart_at_the_test_and_not_by_whoever_is_invited(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        let open = Configuration { first_sign_in: true, ..provider.configuration() };
        owner.saves(&method, "Acme SSO", &open).await;
        for claims in [
            json!({ "sub": "00u-ana" }),
            json!({ "sub": "00u-ana", "email": "ana@example.org" }),
            json!({ "sub": "00u-ana", "email": "ana@example.org", "email_verified": false }),
            json!({ "sub": "00u-ana", "email": "ana@example.org", "email_verified": "true" }),
        ] {
            let page = owner.tests(&provider, &method, claims.clone()).await.body;
            assert!(page.contains("it has to send email_verified with the value true"), "{claims}: {page}");
            assert!(page.contains("00u-ana"), "what came is shown: {page}");
            let refused = owner.invites_by(&method, "ben@example.org", "", &editor()).await;
            assert_eq!(refused, Err(FieldErrors::one(Field::Identifier, Problem::Required).into()), "{claims}: nothing is live");
        }
        owner.tests(&provider, &method, verified("00u-ana", "ana@example.org")).await;
        owner.invites_by(&method, "ben@example.org", "", &editor()).await.unwrap();
    }

    async fn r67_anything_but_the_checked_invited_address_by_the_mailed_link_waits_for_an_admin(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        owner.leaves_identifiers_open(&provider, &method).await;
        owner.invites_by(&method, "cleo@example.org", "00u-cleo", &editor()).await.unwrap();
        let users = world.count("SELECT COUNT(*) FROM users").await;
        for (n, case, claims, is_mailed) in [
            ("not checked", json!({ "sub": "1", "email": "ben0@example.org" }), true),
            ("checked in words", json!({ "sub": "1", "email": "ben1@example.org", "email_verified": "true" }), true),
            ("no address", json!({ "sub": "1", "email_verified": true }), true),
            ("another address", verified("1", "eve@example.org"), true),
            ("somebody else's identifier", verified("00u-cleo", "ben4@example.org"), true),
            ("a copied link", verified("1", "ben5@example.org"), false),
        ].into_iter().enumerate().map(|(n, (case, claims, is_mailed))| (n, case, claims, is_mailed)) {
            let email = format!("ben{n}@example.org");
            owner.invites_by(&method, &email, "", &editor()).await.unwrap();
            let link = if is_mailed {
                world.link_to(&email, 0).await
            } else {
                owner.copies_link(&owner.row(&email).await).await.unwrap().url
            };
            let browser = world.browser();
            let id = browser.opens_link(&link).await;
            let arrived = browser.arrives(&provider, &method, &id, claims).await;
            assert!(!arrived.location().contains("attempt="), "{case}: {}", arrived.location());
            assert!(owner.row(&email).await.awaits_decision, "{case}");
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, users);
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE identifier IS NOT NULL").await, 1, "nothing was fixed");

        // Switched off again, an invitation without an identifier needs one.
        owner.saves(&method, "Acme SSO", &provider.configuration()).await;
        owner.tests(&provider, &method, ana()).await;
        assert!(owner.row("ben0@example.org").await.needs_identifier);
    }

    async fn r12_the_present_login_and_the_mail_together_prove_the_mailbox_and_nothing_is_lost(world: World) {
        let vouched = Vouched::of(&world).await;
        let link = vouched.beta_invites().await;
        let id = vouched.ben.opens_link(&link).await;
        let arrived = vouched.arrives(&vouched.ben, &id).await;
        assert_eq!(vouched.ben.joins_by(&id, &arrived, "").await, in_the("beta"));
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 0);
        assert_eq!(vouched.ben.on("acme").home().await.unwrap().name, "Acme");
        assert_eq!(vouched.ben.on("beta").home().await.unwrap().name, "Beta");
        assert_eq!(vouched.owner.on("beta").row("ben@example.org").await.vouched_by, None);
    }

    async fn r12_a_copied_link_asks_for_the_mailed_code_before_the_provider_counts(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&owner.copies_link(&owner.row("ben@example.org").await).await.unwrap().url).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        theirs.asks_for_code(&id).await.unwrap();
        let code = code_in(&world.mail_to("ben@example.org", 1).await);
        let wrong = with_code(&theirs, &id, &arrived, "00000000").await;
        assert_eq!(wrong, Err(FieldErrors::one(Field::Code, Problem::WrongCode).into()));
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 0);
        assert_eq!(with_code(&theirs, &id, &arrived, &code).await, in_the("acme"));
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 0);
        assert_eq!(owner.row("ben@example.org").await.vouched_by, None);
    }

    async fn r12_the_present_login_and_a_code_prove_the_mailbox_so_that_nobody_vouches_for_it(world: World) {
        let vouched = Vouched::of(&world).await;
        vouched.beta_invites().await;
        let beta = vouched.owner.on("beta");
        let id = vouched.ben.opens_link(&beta.copies_link(&beta.row("ben@example.org").await).await.unwrap().url).await;
        let arrived = vouched.arrives(&vouched.ben, &id).await;
        vouched.ben.asks_for_code(&id).await.unwrap();
        let code = code_in(&vouched.world.mail_to("ben@example.org", 1).await);
        assert_eq!(with_code(&vouched.ben, &id, &arrived, &code).await, in_the("beta"));
        assert_eq!(beta.row("ben@example.org").await.vouched_by, None);
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 0);
    }

    async fn r12_a_copied_link_without_a_mail_server_leaves_the_mailbox_unproved_in_the_next_account_too(world: World) {
        let vouched = Vouched::of(&world).await;
        let bare = vouched.world.without_mail_server();
        let beta = vouched.owner.at(&bare).on("beta");
        beta.invites_by(&vouched.beta_method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let ben = vouched.ben.at(&bare);
        let id = ben.opens_link(&beta.copies_link(&beta.row("ben@example.org").await).await.unwrap().url).await;
        let arrived = vouched.arrives(&ben, &id).await;
        assert_eq!(ben.joins_by(&id, &arrived, "").await, in_the("beta"));
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 1);
        assert_eq!(beta.row("ben@example.org").await.vouched_by.as_deref(), Some("Ana Owner"));
    }

    async fn r14_somebody_else_who_is_signed_in_stays_that_and_the_link_stays_good(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        let dora = json!({ "sub": "00u-dora" });
        let somebody = owner.brings_in_by(&provider, &method, "dora@example.org", dora, &editor()).await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let id = somebody.opens_link(&link).await;
        let standing = somebody.views_open(&id).await.standing;
        assert!(matches!(standing, Standing::SomebodyElse { email, .. } if email == "dora@example.org"));
        let arrived = somebody.arrives(&provider, &method, &id, ben()).await;
        assert_eq!(somebody.joins_by(&id, &arrived, "Ben").await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(somebody.me().await.unwrap().email, "dora@example.org");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2);

        somebody.sign_out().await;
        let id = somebody.opens_link(&link).await;
        let arrived = somebody.arrives(&provider, &method, &id, ben()).await;
        assert_eq!(somebody.joins_by(&id, &arrived, "Ben").await, in_the("acme"));
    }

    async fn r19_inv_05_clicking_many_times_joins_once_and_every_click_succeeds(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        // As browsers send them: each with the cookies from before the first answer.
        let cookies = ["invite", "oauth"].map(|part| (format!("roster_{part}_3000"), theirs.cookie(part).unwrap()));
        let clicks = (0..20).map(|_| {
            let click = world.browser();
            for (name, value) in &cookies {
                click.set_cookie(name, value);
            }
            let (id, arrived) = (id.clone(), arrived.clone());
            tokio::spawn(async move { click.joins_by(&id, &arrived, "Ben").await })
        });
        for click in clicks.collect::<Vec<_>>() {
            assert_eq!(click.await.unwrap(), in_the("acme"));
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 2, "Ana's, and one of Ben's");

        // Not so for a browser that never went that way.
        let stranger = world.browser();
        stranger.set_cookie(&cookies[0].0, &cookies[0].1);
        assert_eq!(stranger.joins_by(&id, &arrived, "Ben").await, Err(AppError::OpenTheLinkAgain));
        stranger.signs_in_by(&provider, &method, json!({ "sub": "00u-eve" })).await;
        assert_eq!(stranger.joins_by(&id, &arrived, "Ben").await, Err(AppError::OpenTheLinkAgain), "nor for one that went another");
    }

    async fn r29_a_sponsor_who_may_no_longer_give_it_leaves_the_invitation_to_the_admins(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        let admin = owner.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        admin.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        owner.edits(&owner.row("dora@example.org").await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, Ok(Joined::AwaitingApproval));
        assert_eq!(theirs.views(&id).await, InvitationView::AwaitingApproval("Acme".to_owned()));
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 0);
        assert_eq!(owner.row("ben@example.org").await.state, ShownState::AwaitingApproval);
    }

    async fn r16_what_was_proved_for_one_invitation_is_no_way_into_another(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        assert!(arrived.location().contains("attempt="));
        owner.removes(&owner.row("ben@example.org").await).await.unwrap();
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[email]", "ben@example.org"), ("form[identifier]", "00u-ben"),
            ("form[role]", "viewer"), ("form[again]", "fresh"),
        ];
        owner.call::<app::api::invitations::Invited>("users/invite", &fields).await.unwrap();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, Err(AppError::OpenTheLinkAgain));
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, in_the("acme"));
    }

    async fn r16_r44_who_comes_back_to_an_invitation_that_ended_meanwhile_asks_nobody_for_a_decision(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        for (email, sub) in [("ben@example.org", "00u-ben"), ("carl@example.org", "00u-somebody-else")] {
            let identifier = format!("00u-{}", email.split('@').next().unwrap());
            owner.invites_by(&method, email, &identifier, &editor()).await.unwrap();
            let theirs = world.browser();
            let id = theirs.opens_link(&world.link_to(email, 0).await).await;
            provider.signs_in_as(json!({ "sub": sub }));
            let begun = theirs.presses(&format!("/oauth/{method}/start?invitation={id}")).await;
            let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
            owner.removes(&owner.row(email).await).await.unwrap();
            let arrived = theirs.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
            assert_eq!(arrived.location(), format!("/invitation/{id}"), "{email}");
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM decisions").await, 0);
    }

    async fn r40_inv_12_what_a_session_proved_before_the_removal_opens_nothing_after_joining_again(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        let before = owner.brings_in_by(&provider, &method, "ben@example.org", ben(), &editor()).await;
        world.advance(Span::minutes(1));
        owner.removes(&owner.row("ben@example.org").await).await.unwrap();
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[email]", "ben@example.org"), ("form[identifier]", "00u-ben"),
            ("form[role]", "viewer"), ("form[again]", "fresh"),
        ];
        owner.call::<app::api::invitations::Invited>("users/invite", &fields).await.unwrap();
        let anew = world.browser();
        let id = anew.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let arrived = anew.arrives(&provider, &method, &id, ben()).await;
        assert_eq!(anew.joins_by(&id, &arrived, "").await, in_the("acme"));
        assert_eq!(anew.home().await.unwrap().grant, Grant::of(BuiltInRole::Viewer));
        assert_eq!(before.home().await.unwrap_err(), AppError::Unauthenticated);
    }
}
