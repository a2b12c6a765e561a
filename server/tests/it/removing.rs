//! Removing a member, withdrawing an invitation, leaving.

use crate::support::{Browser, PASSWORD, both_databases, no_longer_in_acme};
use app::{
    api::{
        joining::{InvitationView, Joined},
        members::{RemovalUndone, Removed},
    },
    domain::{
        member::ShownState,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use server::config::Permission;

both_databases! {
    async fn r64_r40_a_removal_is_undone_for_ten_minutes_with_role_and_extras(world: World) {
        let ana = world.owner("ana@example.org").await;
        let grant = Grant::of(BuiltInRole::Editor).with("analytics.export");
        let ben = ana.brings_in("ben@example.org", &grant).await;
        let undo = async |browser: &Browser, email: &str| {
            let member = browser.row(email).await.id.to_string();
            browser.call_in::<RemovalUndone>("users/undo-removal", &[("member", &member)]).await
        };
        assert_eq!(undo(&ana, "ben@example.org").await, Ok(RemovalUndone::TooLate), "Ben is active");
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let row = ana.row("ben@example.org").await;
        assert_eq!(row.undo_until, Some(world.now() + Span::minutes(10)));
        assert!(ben.home().await.is_err());
        world.advance(Span::minutes(9));
        assert_eq!(undo(&ana, "ben@example.org").await, Ok(RemovalUndone::Done { label: "ben".to_owned() }));
        let row = ana.row("ben@example.org").await;
        assert_eq!((row.state, &row.grant, row.undo_until), (ShownState::Active, &grant, None));
        // Sessions do not return.
        assert_eq!(ben.home().await.err(), Some(AppError::Unauthenticated));
        assert_eq!(ben.sign_in("ben@example.org", PASSWORD).await.unwrap(), "/a/acme");
        assert_eq!(ben.home().await.unwrap().grant, grant);
        let kinds = world.texts("SELECT kind FROM audit_events ORDER BY seq DESC LIMIT 2").await;
        assert_eq!(kinds, ["removal_undone", "removed"]);

        // Somebody suspended comes back suspended.
        ana.suspends(&row).await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        undo(&ana, "ben@example.org").await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Suspended);
        // After ten minutes it is too late.
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        world.advance(Span::minutes(10));
        assert_eq!(ana.row("ben@example.org").await.undo_until, None);
        assert_eq!(undo(&ana, "ben@example.org").await, Ok(RemovalUndone::TooLate));
    }

    async fn r64_oa_11_whoever_comes_by_a_provider_is_linked_again_after_a_removal_is_undone(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let claims = serde_json::json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let grant = Grant::of(BuiltInRole::Editor);
        let ben = ana.brings_in_by(&provider, &method, "ben@example.org", claims.clone(), &grant).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let member = ana.row("ben@example.org").await.id.to_string();
        let undone: RemovalUndone = ana.call_in("users/undo-removal", &[("member", &member)]).await.unwrap();
        assert!(matches!(undone, RemovalUndone::Done { .. }));
        assert!(ben.home().await.is_err(), "sessions do not return");
        let again = world.browser();
        again.signs_in_by(&provider, &method, claims).await;
        assert_eq!(again.home().await.unwrap().grant, grant);
    }

    async fn r64_r30_only_who_may_give_it_all_again_undoes_and_nobody_who_left_is_brought_back(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        ana.brings_in("bill@example.org", &Grant::of(BuiltInRole::Viewer).with("billing.manage")).await;
        let cleo = ana.brings_in_as("cleo@example.org", BuiltInRole::Viewer).await;
        ana.removes(&ana.row("bill@example.org").await).await.unwrap();
        cleo.leaves().await.unwrap();
        ana.invites("dora@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.removes(&ana.row("dora@example.org").await).await.unwrap();
        let undo = async |browser: &Browser, email: &str| {
            let member = ana.row(email).await.id.to_string();
            browser.call_in::<RemovalUndone>("users/undo-removal", &[("member", &member)]).await
        };
        assert!(matches!(undo(&adam, "bill@example.org").await, Err(AppError::Refused(Refusal::AboveYourOwn { .. }))));
        for email in ["cleo@example.org", "dora@example.org"] {
            assert_eq!(ana.row(email).await.undo_until, None, "{email}");
            assert_eq!(undo(&ana, email).await, Ok(RemovalUndone::TooLate), "{email}");
        }
        assert!(matches!(undo(&ana, "bill@example.org").await, Ok(RemovalUndone::Done { .. })));
    }

    async fn r64_br_14_a_removal_is_undone_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        let row = ana.row("ben@example.org").await;
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let page = format!("/a/acme/settings/users/{id}/remove");
        let fields = [("account", "acme"), ("form[member]", id.as_str()), ("form[version]", &version)];
        let shown = ana.submits(&page, "users/remove", &fields).await.body;
        assert!(shown.contains("action=\"/api/users/undo-removal\"") && shown.contains("Undo"), "{shown}");
        let list = "/a/acme/settings/users";
        let shown = ana.submits(list, "users/undo-removal", &[("account", "acme"), ("member", &id)]).await.body;
        assert!(shown.contains("is back, with role and permissions as before."), "{shown}");
    }

    async fn r36_se_06_a_removed_member_loses_this_account_alone_and_at_once(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        ben.joins(&id).await.unwrap();

        let removed = ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert!(matches!(&removed, Removed::Done { label, was_invited: false, .. } if label == "ben"), "{removed:?}");
        let second = world.configured(|_| {});
        assert_eq!(ben.at(&second).home().await, Err(no_longer_in_acme()));
        assert_eq!(ben.list(&Default::default()).await, Err(no_longer_in_acme()));
        assert!(ben.on("beta").home().await.is_ok());
        assert_eq!(ben.me().await.unwrap().accounts.len(), 1);
    }

    async fn r39_a_removed_member_stays_as_a_tombstone(world: World) {
        let ana = world.owner("ana@example.org").await;
        let grant = Grant::of(BuiltInRole::Editor).with("audit.read");
        ana.brings_in("ben@example.org", &grant).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let row = ana.row("ben@example.org").await;
        assert_eq!((row.state, row.grant, row.name.as_deref()), (ShownState::Removed, grant, Some("ben")));
        assert_eq!(row.removed.and_then(|event| event.by).as_deref(), Some("Ana Owner"));
        assert!(ana.list(&Default::default()).await.unwrap().rows.iter().all(|row| row.email != "ben@example.org"));
        let again = ana.removes(&ana.row("ben@example.org").await).await;
        assert_eq!(again, Ok(Removed::AlreadyRemoved));
    }

    async fn r40_inv_12_who_comes_back_has_what_was_chosen_and_no_old_session(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        ana.invites_with("ben@example.org", &Grant::of(BuiltInRole::Viewer), &[("form[again]", "fresh")]).await.unwrap();
        assert_eq!(ben.home().await, Err(no_longer_in_acme()), "invited again is not in");
        let link = world.link_to("ben@example.org", 1).await;
        let back = world.browser();
        back.sign_in("ben@example.org", PASSWORD).await.unwrap();
        let id = back.opens_link(&link).await;
        back.joins(&id).await.unwrap();
        assert_eq!(back.home().await.unwrap().grant, Grant::of(BuiltInRole::Viewer));
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE email_key = 'ben@example.org'").await, 1, "the same row");
    }

    async fn r32_removing_oneself_is_leaving(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let own = ben.row("ben@example.org").await;
        assert_eq!(ben.removes(&own).await, Err(AppError::Refused(Refusal::LeaveInstead)));
        ben.leaves().await.unwrap();
        assert_eq!(ben.home().await, Err(no_longer_in_acme()));
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Removed);
    }

    async fn az_16_an_owner_leaves_after_a_fresh_sign_in_and_others_at_once(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        world.advance(Span::minutes(11));
        assert_eq!(olga.leaves().await, Err(AppError::ReauthenticationRequired));
        assert_eq!(ana.row("olga@example.org").await.state, ShownState::Active);
        ben.leaves().await.unwrap();
        olga.sign_in("olga@example.org", PASSWORD).await.unwrap();
        olga.leaves().await.unwrap();
    }

    async fn r29_inv_16_what_a_removed_member_sponsored_is_kept_or_withdrawn(world: World) {
        let ana = world.owner("ana@example.org").await;
        for (email, choice, expected) in [
            ("adam@example.org", "keep", ShownState::Invited),
            ("aron@example.org", "revoke", ShownState::Removed),
        ] {
            let admin = ana.brings_in_as(email, BuiltInRole::Admin).await;
            let invited = format!("by-{email}");
            admin.invites(&invited, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            let row = ana.row(email).await;
            let plan = ana.plans_removal(&row).await.unwrap();
            assert_eq!(plan.sponsored.iter().map(|sponsored| sponsored.email.as_str()).collect::<Vec<_>>(), [invited.as_str()]);
            ana.removes_with(&row, choice).await.unwrap();
            let row = ana.row(&invited).await;
            assert_eq!(row.state, expected);
            if expected == ShownState::Invited {
                assert_eq!(row.invited.and_then(|event| event.by).as_deref(), Some("Ana Owner"), "the remover answers for it");
            }
        }
    }

    async fn r64_the_plan_of_a_removal_says_what_will_happen(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        for email in ["ben@example.org", "cleo@example.org"] {
            adam.invites(email, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        ana.invites("dora@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let row = ana.row("adam@example.org").await;
        let plan = ana.plans_removal(&row).await.unwrap();
        let mut sponsored: Vec<_> = plan.sponsored.iter().map(|invitation| invitation.email.as_str()).collect();
        sponsored.sort_unstable();
        assert_eq!(sponsored, ["ben@example.org", "cleo@example.org"]);
        let page = ana.get(&format!("/a/acme/settings/users/{}/remove", row.id)).await.body;
        for said in ["ben@example.org", "cleo@example.org", "Their login and their other accounts aren’t affected."] {
            assert!(page.contains(said), "{said}");
        }
        assert!(adam.home().await.is_ok(), "a plan changes nothing");
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Invited);
    }

    async fn r29_r32_what_a_leaving_member_sponsored_passes_to_somebody_who_may_give_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("adele@example.org", BuiltInRole::Admin).await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        adam.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        adam.leaves().await.unwrap();
        olga.invites("zoe@example.org", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        olga.leaves().await.unwrap();
        for email in ["ben@example.org", "zoe@example.org"] {
            let row = ana.row(email).await;
            assert_eq!(row.state, ShownState::Invited);
            assert_eq!(row.invited.and_then(|event| event.by).as_deref(), Some("Ana Owner"), "an owner before an admin");
            let person = world.browser();
            let id = person.opens_link(&world.link_to(email, 0).await).await;
            person.signs_up(&id, email).await.unwrap();
        }
        let by = world.texts("SELECT d.actor FROM audit_events e JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq WHERE e.kind = 'invitation_sponsored' ORDER BY e.seq").await;
        assert_eq!(by, ["adam", "olga"]);
    }

    async fn r29_az_08_removing_a_sponsor_withdraws_no_offer_above_ones_own(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        for choice in ["keep", "revoke"] {
            let (sponsor, invited) = (format!("{choice}@example.org"), format!("by-{choice}@example.org"));
            let owner = ana.brings_in_as(&sponsor, BuiltInRole::Owner).await;
            owner.invites(&invited, &Grant::of(BuiltInRole::Owner)).await.unwrap();
            ana.edits(&ana.row(&sponsor).await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            adam.removes_with(&adam.row(&sponsor).await, choice).await.unwrap();
            let row = ana.row(&invited).await;
            assert_eq!(row.state, ShownState::Invited, "{choice}");
            assert_eq!(row.invited.and_then(|event| event.by).as_deref(), Some("Ana Owner"), "{choice}");
        }
    }

    async fn r29_without_anybody_who_may_give_it_an_offer_is_held_or_leaves_with_its_sponsor(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        let created = bare.services.create_account("Beta", "beta", "ben@example.org").await.unwrap();
        let eve = bare.browser().on("beta");
        let id = eve.opens_link(&created.owner.link).await;
        eve.signs_up(&id, "ben@example.org").await.unwrap();
        let eve = eve.at(&world);
        let olga = eve.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let extra = Grant::of(BuiltInRole::Admin).with("billing.manage");
        let cleo = eve.brings_in("cleo@example.org", &extra).await;
        let adam = eve.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        olga.invites("zoe@example.org", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        cleo.invites("zora@example.org", &Grant::of(BuiltInRole::Viewer).with("billing.manage")).await.unwrap();
        eve.edits(&eve.row("olga@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        // The only owner left makes way for the mailbox's (R13).
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = world.browser();
        // Three mails before it told that somebody had joined.
        let id = ben.opens_link(&world.link_to("ben@example.org", 3).await).await;
        ben.signs_up_with(&id, "ben@example.org", "ben has the mailbox himself", &[]).await.unwrap();

        // Its admins go on without an owner.
        adam.edits(&adam.row("olga@example.org").await, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        adam.removes_with(&adam.row("olga@example.org").await, "revoke").await.unwrap();
        assert_eq!(adam.row("zoe@example.org").await.state, ShownState::AwaitingApproval);
        cleo.leaves().await.unwrap();
        assert_eq!(adam.row("zora@example.org").await.state, ShownState::Removed);
    }

    async fn r12_r29_inv_16_a_copied_link_ends_with_anybody_who_holds_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        let bare = world.without_mail_server();
        let ana_bare = ana.at(&bare);
        for (name, way) in [("adam", "removed"), ("aron", "left"), ("alva", "demoted"), ("ally", "outranked")] {
            let email = format!("{name}@example.org");
            let admin = ana.brings_in_as(&email, BuiltInRole::Admin).await.at(&bare);
            let invited = format!("by-{email}");
            // Ana sponsors it; the admin merely has the link, as Ana has herself.
            ana_bare.invites(&invited, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            let row = ana_bare.row(&invited).await;
            let link = admin.copies_link(&row).await.unwrap().url;
            assert_eq!(ana_bare.copies_link(&row).await.unwrap().url, link);
            match way {
                "removed" => drop(ana.removes(&ana.row(&email).await).await.unwrap()),
                "left" => admin.leaves().await.unwrap(),
                "demoted" => drop(ana.edits(&ana.row(&email).await, &Grant::of(BuiltInRole::Viewer)).await.unwrap()),
                _ => drop(ana.edits(&row, &Grant::of(BuiltInRole::Owner)).await.unwrap()),
            }
            let holder = bare.browser();
            let id = holder.opens_link(&link).await;
            assert_eq!(holder.views(&id).await, InvitationView::LinkEnded("Acme".to_owned()), "{way}");
            assert_eq!(holder.signs_up(&id, &invited).await, Err(AppError::OpenTheLinkAgain), "{way}");
            let row = ana_bare.row(&invited).await;
            assert_eq!(row.state, ShownState::Invited, "the invitation itself stands");
            let id = holder.opens_link(&ana_bare.copies_link(&row).await.unwrap().url).await;
            holder.signs_up(&id, &invited).await.unwrap();
            assert_eq!(ana.row(&invited).await.vouched_by.as_deref(), Some("Ana Owner"));
        }
    }

    async fn r12_the_last_who_copied_a_link_vouches_for_the_mailbox(world: World) {
        let ana = world.owner("ana@example.org").await;
        let bare = world.without_mail_server();
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await.at(&bare);
        let aron = ana.brings_in_as("aron@example.org", BuiltInRole::Admin).await.at(&bare);
        adam.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let row = adam.row("ben@example.org").await;
        for admin in [&adam, &aron, &adam, &aron] {
            world.advance(Span::minutes(1));
            admin.copies_link(&row).await.unwrap();
        }
        let ben = bare.browser();
        let id = ben.opens_link(&aron.copies_link(&row).await.unwrap().url).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.vouched_by.as_deref(), Some("aron"));
        let copied = world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'link_copied'").await;
        assert_eq!(copied, 2, "once for each who was given it");
    }

    async fn r12_r29_an_invitation_is_held_when_nobody_with_its_link_may_give_it_any_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        let bare = world.without_mail_server();
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await.at(&bare);
        ana.at(&bare).invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let link = adam.copies_link(&adam.row("ben@example.org").await).await.unwrap().url;
        // The operator gives editors what admins do not hold.
        let later = bare.configured(|config| {
            config.permission = vec![Permission {
                key: "posts.publish".to_owned(),
                area: None,
                label: [("en".to_owned(), "Publish posts".to_owned())].into(),
                roles: vec!["editor".to_owned()],
            }];
        });
        let ben = later.browser();
        let id = ben.opens_link(&link).await;
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Ok(Joined::AwaitingApproval));
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::AwaitingApproval);
    }

    async fn az_09_az_15_removal_touches_no_user(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let users = world.texts("SELECT name FROM users ORDER BY email_key").await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(world.texts("SELECT name FROM users ORDER BY email_key").await, users);
        world.browser().sign_in("ben@example.org", PASSWORD).await.unwrap();
    }
}
