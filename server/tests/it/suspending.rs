//! Suspending and reactivating: what ends at once, what stays, and who may (R3, R41).

use crate::support::{Browser, PASSWORD, both_databases, no_longer_in_acme};
use app::{
    api::{
        invitations::Invited,
        joining::Joined,
        members::{Reactivated, Suspended},
    },
    domain::{
        member::ShownState,
        permission::{Gate, PermissionKey},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};

fn done(who: &str) -> Result<Suspended, AppError> {
    Ok(Suspended::Done { label: who.to_owned() })
}

fn again(who: &str) -> Result<Reactivated, AppError> {
    Ok(Reactivated::Done { label: who.to_owned() })
}

async fn state(of: &Browser, email: &str) -> ShownState {
    of.row(email).await.state
}

both_databases! {
    async fn r41_a_suspended_member_is_out_at_once_and_comes_back_as_before(world: World) {
        let ana = world.owner("ana@example.org").await;
        let grant = Grant { role: BuiltInRole::Editor.role(), extras: [PermissionKey::new("analytics.export")].into() };
        let ben = ana.brings_in("ben@example.org", &grant).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        assert!(ben.home().await.is_ok());

        assert_eq!(ana.suspends(&ana.row("ben@example.org").await).await, done("ben"));
        assert_eq!(ben.home().await.map(|home| home.slug), Err(no_longer_in_acme()), "with the next request (R36)");
        assert!(ben.me().await.is_some(), "the login itself stays");
        assert_eq!(world.browser().sign_in("ben@example.org", PASSWORD).await, Ok("/accounts".to_owned()));
        assert_eq!(state(&ana, "ben@example.org").await, ShownState::Suspended);

        assert_eq!(ana.reactivates(&ana.row("ben@example.org").await).await, again("ben"));
        assert_eq!(ben.home().await.unwrap().grant, grant, "role and extras are as they were");
        let kinds = world.texts("SELECT kind FROM audit_events ORDER BY at, seq").await;
        assert!(kinds.windows(2).any(|two| two == ["suspended", "reactivated"]), "{kinds:?}");
    }

    async fn r41_doing_it_twice_says_that_it_was_done(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        assert_eq!(ana.suspends(&row).await, done("ben"));
        assert_eq!(ana.suspends(&row).await, Ok(Suspended::NotActive));
        assert_eq!(ana.reactivates(&row).await, again("ben"));
        assert_eq!(ana.reactivates(&row).await, Ok(Reactivated::NotSuspended));
        ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(ana.suspends(&ana.row("cleo@example.org").await).await, Ok(Suspended::NotActive), "not joined yet");
    }

    async fn r66_a_row_that_somebody_changed_meanwhile_is_not_suspended(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let before = ana.row("ben@example.org").await;
        ana.edits(&before, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        assert!(matches!(ana.suspends(&before).await, Err(AppError::ChangedMeanwhile { .. })));
        assert_eq!(state(&ana, "ben@example.org").await, ShownState::Active);
    }

    async fn r30_nobody_suspends_or_reactivates_who_holds_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let extras = [PermissionKey::new("billing.manage")].into();
        ana.brings_in("eve@example.org", &Grant { role: BuiltInRole::Viewer.role(), extras }).await;
        let eve = ana.row("eve@example.org").await;
        assert!(matches!(ben.suspends(&eve).await, Err(AppError::Refused(Refusal::TheyHoldMore { .. }))));
        let owner = ben.suspends(&ana.row("ana@example.org").await).await;
        assert_eq!(owner, Err(AppError::Refused(Refusal::OnlyOwnersMakeOwners)));
        let own = ben.suspends(&ben.row("ben@example.org").await).await;
        assert_eq!(own, Err(AppError::Refused(Refusal::LeaveInstead)));
        ana.suspends(&eve).await.unwrap();
        assert!(matches!(ben.reactivates(&eve).await, Err(AppError::Refused(Refusal::AboveYourOwn { .. }))));
        let viewer = ana.brings_in_as("vera@example.org", BuiltInRole::Viewer).await;
        let refused = AppError::Refused(Refusal::Needs { gate: Gate::UsersRemove });
        assert_eq!(viewer.reactivates(&eve).await, Err(refused));
    }

    async fn az_16_suspending_and_reactivating_an_owner_asks_for_a_fresh_sign_in(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        world.advance(Span::minutes(11));
        assert_eq!(ana.suspends(&ana.row("ben@example.org").await).await, Err(AppError::ReauthenticationRequired));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.suspends(&ana.row("ben@example.org").await).await, done("ben"));
        assert!(ben.home().await.is_err());
        world.advance(Span::minutes(11));
        assert_eq!(ana.reactivates(&ana.row("ben@example.org").await).await, Err(AppError::ReauthenticationRequired));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.reactivates(&ana.row("ben@example.org").await).await, again("ben"));
    }

    async fn az_07_two_owners_who_suspend_each_other_at_once_leave_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        for round in 0..10 {
            let (anas, bens) = (ana.row("ana@example.org").await, ana.row("ben@example.org").await);
            let (one, other) = futures::join!(ana.suspends(&bens), ben.suspends(&anas));
            assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1, "{round}: {one:?}, {other:?}");
            let (winner, loser) = if one.is_ok() { (&ana, bens) } else { (&ben, anas) };
            winner.reactivates(&loser).await.unwrap();
        }
    }

    async fn r03_inviting_a_suspended_member_offers_to_reactivate(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.suspends(&ana.row("ben@example.org").await).await.unwrap();
        let invited = ana.invites("Ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let Invited::Suspended { member } = invited else { panic!("{invited:?}") };
        assert_eq!(member, ana.row("ben@example.org").await.id);
        let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[email]", "ben@example.org"), ("form[role]", "viewer")];
        let page = ana.submits("/a/acme/settings/users/new", "users/invite", &fields).await.body;
        assert!(page.contains("is a suspended member") && page.contains("form=\"reactivate-form\""), "{page}");
    }

    async fn r29_what_a_suspended_member_offered_waits_for_approval(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ben.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.suspends(&ana.row("ben@example.org").await).await.unwrap();
        let cleo = world.browser();
        let id = cleo.opens_link(&world.link_to("cleo@example.org", 0).await).await;
        assert_eq!(cleo.signs_up(&id, "cleo@example.org").await, Ok(Joined::AwaitingApproval));
    }

    async fn r13_an_admin_decides_for_whom_a_mailbox_was_proved_anew(world: World) {
        let mailless = world.without_mail_server();
        let ana = world.owner("ana@example.org").await.at(&mailless);
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let ben = mailless.browser();
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        let ask = [("form[email]", "ben@example.org")];
        world.browser().call::<serde_json::Value>("recovery/ask-for-password-reset", &ask).await.unwrap();
        let anew = world.browser();
        anew.get(&world.reset_link_to("ben@example.org", 0).await).await;
        let password = [("form[password]", "an entirely different passphrase")];
        anew.call::<String>("recovery/reset-password", &password).await.unwrap();
        assert_eq!(state(&ana, "ben@example.org").await, ShownState::Suspended);
        assert_eq!(ana.reactivates(&ana.row("ben@example.org").await).await, again("ben"));
        anew.sign_in("ben@example.org", password[0].1).await.unwrap();
        assert!(anew.home().await.is_ok());
    }

    async fn br_14_somebody_is_suspended_and_reactivated_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let dialog = format!("/a/acme/settings/users/{id}/remove");
        let fields = [("account", "acme"), ("form[member]", &*id), ("form[version]", &*version)];
        let page = ana.submits(&dialog, "users/suspend", &fields).await.body;
        assert!(page.contains("ben was suspended.") && page.contains("Reactivate"), "{page}");
        let page = ana.submits("/a/acme/settings/users", "users/reactivate", &[("account", "acme"), ("member", &id)]).await.body;
        assert!(page.contains("ben is active again."), "{page}");
    }
}
