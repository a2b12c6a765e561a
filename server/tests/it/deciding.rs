//! Somebody came back from the provider as another than the one invited, and an admin decides (R43, R44).

use crate::support::{Answer, Browser, PASSWORD, attempt_in, both_databases, provider::Provider};
use app::{
    api::{
        joining::{InvitationView, Joined, Standing},
        login_methods::{NextPage, Notice},
        members::Edited,
    },
    domain::{
        member::{MemberRow, ShownState},
        name::Slug,
        oauth::EmailPolicy,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::{Value, json};

fn editor() -> Grant {
    Grant::of(BuiltInRole::Editor)
}

fn ana() -> Value {
    json!({ "sub": "00u-ana", "email": "ana@example.org", "email_verified": true })
}

fn joined() -> Result<Joined, AppError> {
    Ok(Joined::In { slug: Slug::parse("acme").unwrap(), goes_on: None })
}

impl Browser {
    /// The page on which somebody decides about a row.
    async fn decision_about(&self, row: &MemberRow) -> Answer {
        self.get(&format!("/a/acme/settings/decisions/{}", row.id)).await
    }

    pub async fn decides(&self, row: &MemberRow, outcome: &str) -> Result<NextPage, AppError> {
        let page = self.decision_about(row).await.body;
        let id =
            page.split("name=\"decision\" value=\"").nth(1).expect("something to decide").split('"').next().unwrap();
        self.decides_about(row, id, outcome).await
    }

    async fn decides_about(&self, row: &MemberRow, decision: &str, outcome: &str) -> Result<NextPage, AppError> {
        let member = row.id.to_string();
        let fields = [("account", "acme"), ("member", &*member), ("decision", decision), ("outcome", outcome)];
        self.call("users/decide", &fields).await
    }
}

both_databases! {
    async fn r44_another_identifier_creates_nothing_and_waits_for_a_decision_even_if_the_address_is_equal(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let users = world.count("SELECT COUNT(*) FROM users").await;

        // R42: compared to the byte.
        for other in ["00U-BEN", "00u-ben ", "00u-be\u{301}n", "00u-carl"] {
            let came = json!({ "sub": other, "email": "ben@example.org", "email_verified": true });
            let arrived = theirs.arrives(&provider, &method, &id, came).await;
            assert_eq!(arrived.location(), format!("/invitation/{id}?problem=somebody-else"), "{other:?}");
        }
        let page = theirs.get(&format!("/invitation/{id}?problem=somebody-else")).await.body;
        assert!(page.contains("You signed in with a different account than the one that was invited."), "in plain words: {page}");
        assert!(page.contains("0…n") && !page.contains("00u-ben"), "who is expected, masked: {page}");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, users, "nobody was made");
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 0);
        assert!(theirs.me().await.is_none());

        // The same stranger once more asks for nothing new, and with another address for something else.
        let again = json!({ "sub": "00u-carl", "email": "ben@example.org", "email_verified": true });
        let elsewhere = json!({ "sub": "00u-carl", "email": "carl@example.org" });
        for (came, opened) in [(&again, 4), (&elsewhere, 5), (&elsewhere, 5), (&again, 6)] {
            theirs.arrives(&provider, &method, &id, came.clone()).await;
            assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'decision_opened'").await, opened);
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM decisions WHERE outcome IS NULL").await, 1);

        let row = owner.row("ben@example.org").await;
        assert_eq!((row.state, row.awaits_decision), (ShownState::Invited, true));
        let list = owner.get("/a/acme/settings/users").await.body;
        assert!(list.contains("Needs your decision") && list.contains(&format!("/a/acme/settings/decisions/{}", row.id)));
        let shown = owner.decision_about(&row).await.body;
        assert!(shown.contains("00u-ben") && shown.contains("00u-carl"), "{shown}");
        let mail = world.mail_to("ana@example.org", 0).await;
        assert!(mail.part("text/plain").contains(&format!("/a/acme/settings/decisions/{}", row.id)));

        // Use it: the person comes in by a new link, as the provider named them; the invited address stays theirs.
        owner.decides(&row, "use").await.unwrap();
        assert!(!owner.row("ben@example.org").await.awaits_decision);
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, again).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, joined());
        let row = owner.row("ben@example.org").await;
        assert_eq!(owner.shows(row.id).await.unwrap().identifier.as_deref(), Some("00u-carl"));
        assert_eq!(row.email, "ben@example.org");
    }

    async fn r44_the_mail_that_tells_of_a_decision_waits_for_no_poll(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        world.stops_mailing().await;
        world.woke_worker();
        theirs.arrives(&provider, &method, &id, json!({ "sub": "00u-eve", "email": "eve@corp.example" })).await;
        assert!(world.woke_worker());
        owner.decides(&owner.row("ben@example.org").await, "reject").await.unwrap();
        assert!(world.woke_worker(), "the new link");
    }

    async fn r44_rejecting_leaves_the_invitation_to_whom_it_was_made_for(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        theirs.arrives(&provider, &method, &id, json!({ "sub": "00u-carl" })).await;

        let row = owner.row("ben@example.org").await;
        owner.decides(&row, "reject").await.unwrap();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, json!({ "sub": "00u-carl" })).await;
        assert!(arrived.location().ends_with("?problem=somebody-else"));
        let arrived = theirs.arrives(&provider, &method, &id, json!({ "sub": "00u-ben" })).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, joined());
        let decided = owner.get(&format!("/a/acme/settings/decisions/{}", row.id)).await.body;
        assert!(!decided.contains("name=\"decision\""), "joining closes what was open");
    }

    async fn r44_correcting_the_identifier_closes_the_decision_and_mails_a_new_link(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-bne", &editor()).await.unwrap();
        let theirs = world.browser();
        let ben = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        theirs.arrives(&provider, &method, &id, ben.clone()).await;

        let row = owner.row("ben@example.org").await;
        assert!(row.awaits_decision);
        let Edited::Done { row } = owner.changes_login_method(&row, &method, "00u-ben").await.unwrap() else { panic!("saved") };
        assert!(!row.awaits_decision);
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, joined());
    }

    async fn r43_another_address_stops_and_holds_the_invitation_until_somebody_decides(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let came = json!({ "sub": "00u-ben", "email": "benedict@corp.example", "email_verified": true });
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, came.clone()).await;
        assert_eq!(arrived.location(), format!("/invitation/{id}"));
        assert_eq!(theirs.views(&id).await, InvitationView::AwaitingApproval("Acme".to_owned()));
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 1, "nobody was made");
        let row = owner.row("ben@example.org").await;
        assert_eq!((row.state, row.awaits_decision), (ShownState::AwaitingApproval, true));

        owner.decides(&row, "use").await.unwrap();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, came).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, joined());
        assert_eq!(theirs.me().await.unwrap().email, "ben@example.org", "the invited address remains");
        let details = owner.shows(row.id).await.unwrap();
        assert_eq!(details.known_as.as_deref(), Some("benedict@corp.example"), "R45: admins see what the provider says");

        // Another identifier's address was not what was allowed.
        owner.invites_by(&method, "carl@example.org", "00u-carl", &editor()).await.unwrap();
        let id = theirs.opens_link(&world.link_to("carl@example.org", 0).await).await;
        theirs.sign_out().await;
        let came = json!({ "sub": "00u-carl", "email": "benedict@corp.example" });
        theirs.arrives(&provider, &method, &id, came).await;
        assert_eq!(theirs.views(&id).await, InvitationView::AwaitingApproval("Acme".to_owned()));
    }

    async fn r43_without_an_address_or_where_the_identifier_alone_counts_nobody_has_to_decide(world: World) {
        let (_, provider, owner, method) = world.with_acme_sso().await;
        let carl = json!({ "sub": "00u-carl" });
        owner.brings_in_by(&provider, &method, "carl@example.org", carl, &editor()).await;

        let mut configuration = provider.configuration();
        configuration.email_policy = EmailPolicy::Identifier;
        owner.saves(&method, "Acme SSO", &configuration).await;
        owner.tests(&provider, &method, ana()).await;
        let ben = json!({ "sub": "00u-ben", "email": "benedict@corp.example" });
        let theirs = owner.brings_in_by(&provider, &method, "ben@example.org", ben, &editor()).await;
        assert_eq!(theirs.me().await.unwrap().email, "ben@example.org");
    }

    async fn r44_who_may_not_give_what_is_offered_does_not_decide(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let admin = owner.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        let viewer = owner.brings_in_as("emil@example.org", BuiltInRole::Viewer).await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        theirs.arrives(&provider, &method, &id, json!({ "sub": "00u-carl" })).await;
        let row = owner.row("ben@example.org").await;

        assert_eq!(admin.decides(&row, "use").await, Err(Refusal::OnlyOwnersMakeOwners.into()));
        assert!(matches!(viewer.decides_about(&row, &row.id.to_string(), "use").await, Err(AppError::Refused(_))));
        assert!(owner.row("ben@example.org").await.awaits_decision);

        // AZ-16: letting another person in as an owner asks for a fresh sign-in; refusing does not.
        world.advance(Span::minutes(11));
        assert_eq!(owner.decides(&row, "use").await, Err(AppError::ReauthenticationRequired));
        assert!(owner.row("ben@example.org").await.awaits_decision);
        owner.sign_in("ana@example.org", PASSWORD).await.unwrap();
        owner.decides(&row, "use").await.unwrap();
        assert!(!owner.row("ben@example.org").await.awaits_decision);
    }

    async fn r44_an_identifier_that_is_another_members_is_not_given_twice(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        let carl = json!({ "sub": "00u-carl" });
        owner.brings_in_by(&provider, &method, "carl@example.org", carl.clone(), &editor()).await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        theirs.arrives(&provider, &method, &id, carl).await;

        let row = owner.row("ben@example.org").await;
        let refused = owner.decides(&row, "use").await.unwrap();
        assert_eq!(refused.notice, Some(Notice::IdentifierTaken));
        assert!(owner.row("ben@example.org").await.awaits_decision, "still to be decided");
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::ToProvider { .. }), "the link still stands");
    }

    async fn r44_a_decision_ends_with_the_invitation_that_it_is_about(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let eve = world.browser();
        let id = eve.opens_link(&world.link_to("ben@example.org", 0).await).await;
        eve.arrives(&provider, &method, &id, json!({ "sub": "00u-eve" })).await;
        let row = owner.row("ben@example.org").await;
        let page = owner.decision_about(&row).await.body;
        let decision = page.split("name=\"decision\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

        // Withdrawn, and Ben invited anew: what Eve did is no part of that.
        owner.removes(&row).await.unwrap();
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[email]", "ben@example.org"), ("form[identifier]", "00u-ben"),
            ("form[role]", "editor"), ("form[again]", "fresh"),
        ];
        owner.call::<app::api::invitations::Invited>("users/invite", &fields).await.unwrap();
        let row = owner.row("ben@example.org").await;
        assert!(!row.awaits_decision);
        let member = row.id.to_string();
        let fields = [("account", "acme"), ("member", &*member), ("decision", &*decision), ("outcome", "use")];
        let shown = owner.submits(&format!("/a/acme/settings/decisions/{member}"), "users/decide", &fields).await.body;
        assert!(shown.contains("no longer open"), "{shown}");
        assert_eq!(owner.shows(row.id).await.unwrap().identifier.as_deref(), Some("00u-ben"));

        // Declined: nobody is written to again by a late rejection.
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        eve.opens_link(&world.link_to("ben@example.org", 1).await).await;
        eve.arrives(&provider, &method, &id, json!({ "sub": "00u-eve" })).await;
        assert!(owner.row("ben@example.org").await.awaits_decision);
        ben.declines(&id).await.unwrap();
        let row = owner.row("ben@example.org").await;
        assert_eq!((row.state, row.awaits_decision), (ShownState::Declined, false));
    }

    async fn r45_a_decision_ends_when_its_method_means_other_people(world: World) {
        let (provider, other) = (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&provider, &other]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let eve = world.browser();
        let id = eve.opens_link(&world.link_to("ben@example.org", 0).await).await;
        eve.arrives(&provider, &method, &id, json!({ "sub": "00u-eve" })).await;
        owner.saves(&method, "Acme SSO", &other.configuration()).await;
        let page = owner.tests(&other, &method, ana()).await.body;
        let attempt = attempt_in(&page);
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt), ("form[confirmed]", "yes")];
        owner.call::<NextPage>("login-methods/make-live", &fields).await.unwrap();
        assert!(!owner.row("ben@example.org").await.awaits_decision);
    }

    async fn r52_who_comes_back_as_many_people_writes_to_the_admins_three_times(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let eve = world.browser();
        let id = eve.opens_link(&world.link_to("ben@example.org", 0).await).await;
        for number in 0..8 {
            eve.arrives(&provider, &method, &id, json!({ "sub": format!("eve-{number}") })).await;
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'decision'").await, 3);
        let page = owner.decision_about(&owner.row("ben@example.org").await).await.body;
        assert!(page.contains("eve-7"), "the newest is what is decided about: {page}");
    }
}
