//! The way back into an account without an owner, by the host's operator.

use crate::support::{Browser, World, both_databases, provider::Provider};
use app::{
    api::joining::InvitationView,
    api::login_methods::NextPage,
    domain::{
        member::ShownState,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::json;
use server::service::{OwnerGranted, OwnerInvitation};

async fn invited(world: &World, email: &str) -> OwnerInvitation {
    match world.services.grant_owner("acme", email, false).await.unwrap() {
        OwnerGranted::Invited(invitation) => invitation,
        other => panic!("{email}: {other:?}"),
    }
}

async fn is_owner(browser: &Browser) -> bool {
    browser.home().await.is_ok_and(|home| home.effective.is_owner)
}

both_databases! {
    async fn r33_the_operator_makes_an_active_member_an_owner(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("audit.read")).await;
        let granted = world.services.grant_owner("acme", "Ben@example.org", false).await.unwrap();
        assert!(matches!(granted, OwnerGranted::Active), "{granted:?}");
        assert!(is_owner(&ben).await);
        let told = world.texts("SELECT recipient FROM outbox WHERE kind = 'owner_made'").await;
        assert_eq!(told, ["ana@example.org"], "R35");
        let recorded = world.texts("SELECT data FROM audit_events WHERE kind = 'owner_granted' AND actor_id IS NULL").await;
        assert_eq!(recorded, [r#"{"kind":"owner_granted","was":"active"}"#]);
        let nowhere = world.services.grant_owner("gamma", "ben@example.org", false).await;
        assert!(matches!(nowhere, Err(AppError::NotFound)), "{nowhere:?}");
    }

    async fn r33_the_operator_invites_an_owner_whatever_became_of_the_invitation(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        for state in ["pending", "expired", "declined", "held", "unknown"] {
            let email = format!("{state}@example.org");
            if state != "unknown" {
                adam.invites_with(&email, &Grant::of(BuiltInRole::Editor), &[("form[lifetime]", "1")]).await.unwrap();
            }
            let old = if state == "unknown" { None } else { Some(world.link_to(&email, 0).await) };
            let person = bare.browser();
            match state {
                "expired" => world.advance(Span::hours(2)),
                "declined" => person.declines(&person.opens_link(old.as_ref().unwrap()).await).await.unwrap(),
                "held" => {
                    ana.edits(&ana.row("adam@example.org").await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
                    let id = person.opens_link(old.as_ref().unwrap()).await;
                    person.signs_up(&id, &email).await.unwrap();
                    assert_eq!(ana.row(&email).await.state, ShownState::AwaitingApproval);
                }
                _ => {}
            }
            let link = invited(&bare, &email).await.link;
            if let Some(old) = old {
                let id = person.opens_link(&old).await;
                assert!(person.signs_up(&id, &email).await.is_err(), "{state}: the earlier offer is withdrawn");
            }
            let row = ana.row(&email).await;
            assert_eq!((row.state, row.grant), (ShownState::Invited, Grant::of(BuiltInRole::Owner)), "{state}");
            let id = person.opens_link(&link).await;
            assert_eq!(person.views_open(&id).await.inviter, None, "{state}: the operator invites");
            person.signs_up(&id, &email).await.unwrap();
            assert!(is_owner(&person).await, "{state}");
        }
        let recorded = world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'invited' AND actor_id IS NULL").await;
        assert_eq!(recorded, 5);
    }

    async fn r33_r04_the_operator_invites_a_removed_member_as_an_owner(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        invited(&world, "ben@example.org").await;
        assert!(!is_owner(&ben).await, "invited is not in");
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        ben.joins(&id).await.unwrap();
        assert!(is_owner(&ben).await);
        assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 2, "the same row");
    }

    async fn r13_r33_an_owner_suspended_by_the_mailbox_comes_back_by_the_operator(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        let created = bare.services.create_account("Beta", "beta", "ben@example.org").await.unwrap();
        let eve = bare.browser().on("beta");
        let id = eve.opens_link(&created.owner.link).await;
        eve.signs_up_with(&id, "ben@example.org", "eve had the link before ben", &[]).await.unwrap();
        eve.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let copied = eve.copies_link(&eve.row("cleo@example.org").await).await.unwrap().url;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert!(ben.on("beta").home().await.is_err(), "the memberships of before do not pass on by themselves");
        let cleo = bare.browser();
        let id = cleo.opens_link(&copied).await;
        assert_eq!(cleo.views(&id).await, InvitationView::LinkEnded("Beta".to_owned()), "eve may have it");
        let held = world.texts("SELECT data FROM audit_events WHERE kind = 'held_for_review'").await;
        assert_eq!(held, [r#"{"kind":"held_for_review","last_owner":true}"#]);

        let granted = world.services.grant_owner("beta", "ben@example.org", false).await.unwrap();
        assert!(matches!(granted, OwnerGranted::Reactivated), "{granted:?}");
        assert!(is_owner(&ben.on("beta")).await);
        let recorded = world.texts("SELECT data FROM audit_events WHERE kind = 'owner_granted'").await;
        assert_eq!(recorded, [r#"{"kind":"owner_granted","was":"suspended"}"#]);
    }

    async fn r33_the_operator_lets_an_owner_in_by_a_password_when_the_provider_is_gone(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let password = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let (ben, grant) = (json!({ "sub": "00u-ben" }), Grant::of(BuiltInRole::Owner));
        let ben = ana.brings_in_by(&provider, &method, "ben@example.org", ben, &grant).await;
        let row = ana.row("ana@example.org").await;
        ana.changes_login_method(&row, &method, "00u-ana").await.unwrap();
        let off = [("account", "acme"), ("method", &*password), ("on", "off")];
        ben.call::<NextPage>("login-methods/switch", &off).await.unwrap();

        // As far as Roster can tell, Ben is in. The operator knows that the provider is no more.
        let granted = world.services.grant_owner("acme", "ben@example.org", false).await.unwrap();
        assert!(matches!(granted, OwnerGranted::Active), "{granted:?}");
        drop(provider);
        let granted = world.services.grant_owner("acme", "ana@example.org", true).await.unwrap();
        assert!(matches!(granted, OwnerGranted::ByPassword), "who has a password: {granted:?}");
        ana.sign_out().await;
        ana.sign_in("ana@example.org", crate::support::PASSWORD).await.unwrap();
        assert!(is_owner(&ana).await);

        let granted = world.services.grant_owner("acme", "ben@example.org", true).await.unwrap();
        assert!(matches!(granted, OwnerGranted::Invited(_)), "who has none sets one: {granted:?}");
        ben.sign_out().await;
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert!(ben.signs_up(&id, "ben@example.org").await.is_ok());
        assert!(is_owner(&ben).await);
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2);
    }

    async fn r33_who_has_no_way_in_because_the_method_is_off_is_invited_as_an_owner(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let ben = json!({ "sub": "00u-ben" });
        ana.brings_in_by(&provider, &method, "ben@example.org", ben, &Grant::of(BuiltInRole::Editor)).await;
        let off = [("account", "acme"), ("method", &*method), ("on", "off")];
        ana.call::<NextPage>("login-methods/switch", &off).await.unwrap();
        let granted = world.services.grant_owner("acme", "ben@example.org", false).await.unwrap();
        assert!(matches!(granted, OwnerGranted::Invited(_)), "{granted:?}");
    }
}
