//! Changing role and extras.

use crate::support::{Browser, PASSWORD, both_databases, no_longer_in_acme};
use app::{
    api::{joining::InvitationView, members::Edited, own_login::ProfileSaved},
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::{MemberRow, ShownState},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::{AppError, BadRequest},
};

both_databases! {
    async fn r35_az_06_a_changed_role_counts_with_the_next_request_of_every_instance(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let second = world.configured(|_| {});
        assert!(ben.at(&second).list(&Default::default()).await.is_ok());
        let row = ana.row("ben@example.org").await;
        let edited = ana.edits(&row, &Grant::of(BuiltInRole::Agent).with("analytics.read")).await.unwrap();
        assert!(matches!(&edited, Edited::Done { row: saved } if saved.version == row.version + 1), "{edited:?}");
        assert!(matches!(ben.at(&second).list(&Default::default()).await, Err(AppError::Refused(Refusal::Needs { .. }))));
        assert_eq!(ben.home().await.unwrap().grant, Grant::of(BuiltInRole::Agent).with("analytics.read"));
    }

    async fn r25_a_corrected_address_gets_a_new_invitation_and_the_earlier_links_are_dead(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("carl@example.org", BuiltInRole::Editor).await;
        ana.invites("bne@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let mailed = world.link_to("bne@example.org", 0).await;
        let copied = ana.copies_link(&ana.row("bne@example.org").await).await.unwrap();
        let row = ana.row("bne@example.org").await;
        let corrects = async |browser: &Browser, row: &MemberRow, email: &str| {
            let (id, version) = (row.id.to_string(), row.version.to_string());
            let fields = [("form[member]", id.as_str()), ("form[version]", &version), ("form[role]", "editor"), ("form[email]", email)];
            browser.call_in::<Edited>("users/edit", &fields).await
        };
        let wrong = |problem| Err(FieldErrors::one(Field::Email, problem).into());
        assert_eq!(corrects(&ana, &row, "no address").await, wrong(Problem::NotAnEmail));
        assert_eq!(corrects(&ana, &row, "Carl@example.org").await, wrong(Problem::InTheList));
        assert_eq!(corrects(&ana, &row, "BNE@example.org").await, Ok(Edited::Unchanged));
        assert_eq!(corrects(&ana, &row, " ").await, Ok(Edited::Unchanged));
        let joined = ana.row("carl@example.org").await;
        assert_eq!(corrects(&ana, &joined, "x@example.org").await, Err(BadRequest::Malformed.into()), "R48: it is Carl's");

        world.advance(Span::minutes(1));
        let Edited::Done { row: saved } = corrects(&ana, &row, "Ben@example.org").await.unwrap() else { panic!("saved") };
        assert_eq!((saved.id, &*saved.email, &saved.grant), (row.id, "Ben@example.org", &row.grant));
        assert_eq!(saved.expires, Some(world.now() + Span::days(7)), "the lifetime begins again");
        let ben = world.browser();
        for dead in [mailed.as_str(), &copied.url] {
            let id = ben.opens_link(dead).await;
            assert!(matches!(ben.views(&id).await, InvitationView::Replaced { .. }), "{dead}");
        }
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ben.home().await.unwrap().grant, Grant::of(BuiltInRole::Editor));
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE recipient = 'bne@example.org'").await, 1, "nothing more to the old one");
        let recorded = "SELECT d.target FROM audit_events e JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq
                         WHERE e.kind = 'address_corrected'";
        assert_eq!(world.texts(recorded).await, ["ben@example.org"]);
        assert!(ana.list(&Default::default()).await.unwrap().rows.iter().all(|row| row.email != "bne@example.org"));
    }

    async fn r25_an_expired_invitation_with_another_address_is_open_again(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("bne@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        world.advance(Span::days(8));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let row = ana.row("bne@example.org").await;
        assert_eq!(row.state, ShownState::Expired);
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let fields = [("form[member]", id.as_str()), ("form[version]", &version), ("form[role]", "editor"), ("form[email]", "ben@example.org")];
        let Edited::Done { row } = ana.call_in("users/edit", &fields).await.unwrap() else { panic!("saved") };
        assert_eq!(row.state, ShownState::Invited);
        world.link_to("ben@example.org", 0).await;
    }

    async fn no_extra_permission_at_all_can_be_saved(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("bots.edit")).await;
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.grant, Grant::of(BuiltInRole::Viewer));
        let row = ana.row("ben@example.org").await;
        assert_eq!(ana.edits(&row, &Grant::of(BuiltInRole::Viewer).with("bots.read")).await, Ok(Edited::Unchanged), "the role holds it already");
    }

    async fn az_08_r30_an_admin_touches_nobody_who_holds_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        ana.brings_in("bill@example.org", &Grant::of(BuiltInRole::Viewer).with("billing.manage")).await;
        let viewer = Grant::of(BuiltInRole::Viewer);
        let owner = adam.row("ana@example.org").await;
        assert_eq!(adam.edits(&owner, &viewer).await, Err(AppError::Refused(Refusal::OnlyOwnersMakeOwners)));
        let bill = adam.row("bill@example.org").await;
        assert!(matches!(adam.edits(&bill, &viewer).await, Err(AppError::Refused(Refusal::TheyHoldMore { .. }))));
        assert!(matches!(adam.removes(&bill).await, Err(AppError::Refused(Refusal::TheyHoldMore { .. }))));
    }

    async fn r35_a_changed_role_is_told_to_the_member_and_another_owner_to_the_owners(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let german = [("form[name]", "Ben"), ("form[language]", "de")];
        ben.call::<ProfileSaved>("me/change-profile", &german).await.unwrap();
        ana.invites("ines@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let told = "SELECT kind || ' ' || recipient FROM outbox WHERE kind IN ('role_changed', 'owner_made') ORDER BY kind, recipient";

        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        // Who has not joined reads the role in the invitation.
        ana.edits(&ana.row("ines@example.org").await, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        assert_eq!(world.texts(told).await, ["role_changed ben@example.org"]);
        let mail = world.mail_about("ben@example.org", "Ihre Rolle in Acme").await.part("text/plain");
        assert!(mail.contains("Ihre Rolle ist jetzt: Redaktion") && mail.contains("/a/acme\n"), "{mail}");

        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Owner)).await.unwrap();
        let expected = ["owner_made olga@example.org", "role_changed ben@example.org", "role_changed ben@example.org"];
        assert_eq!(world.texts(told).await, expected, "not whoever made him one");
        let mail = world.mail_about("olga@example.org", "Acme has a new owner").await.part("text/plain");
        assert!(mail.contains("Ben (ben@example.org) is now an owner of Acme"), "{mail}");

        // Stepping down oneself is known to oneself.
        let olga = world.browser();
        olga.sign_in("olga@example.org", PASSWORD).await.unwrap();
        olga.edits_confirming(&olga.row("olga@example.org").await, &Grant::of(BuiltInRole::Viewer), "acme").await.unwrap();
        assert_eq!(world.texts(told).await, expected);
    }

    async fn r31_nobody_promotes_himself_and_stepping_down_is_confirmed(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let own = adam.row("adam@example.org").await;
        let more = Grant::of(BuiltInRole::Admin).with("billing.manage");
        assert!(matches!(adam.edits_confirming(&own, &more, "acme").await, Err(AppError::Refused(Refusal::NoSelfPromotion { .. }))));
        let owner = Grant::of(BuiltInRole::Owner);
        assert!(matches!(adam.edits_confirming(&own, &owner, "acme").await, Err(AppError::Refused(Refusal::NoSelfPromotion { .. }))));
        let less = Grant::of(BuiltInRole::Editor);
        let unconfirmed = AppError::Invalid(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed));
        assert_eq!(adam.edits(&own, &less).await, Err(unconfirmed));
        adam.edits_confirming(&own, &less, "acme").await.unwrap();
        assert_eq!(adam.home().await.unwrap().grant, less);
    }

    async fn r33_the_last_owner_stays_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        let own = ana.row("ana@example.org").await;
        let step_down = ana.edits_confirming(&own, &Grant::of(BuiltInRole::Admin), "acme").await;
        assert_eq!(step_down, Err(AppError::Refused(Refusal::LastOwner)));
        assert_eq!(ana.leaves().await, Err(AppError::Refused(Refusal::LastOwner)));
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        ana.leaves().await.unwrap();
        assert_eq!(ana.home().await, Err(no_longer_in_acme()));
        assert_eq!(olga.leaves().await, Err(AppError::Refused(Refusal::LastOwner)));
    }

    async fn az_07_two_owners_cannot_demote_each_other_at_once(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let rounds = std::env::var("RACE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
        for round in 0..rounds {
            let (row_of_ana, row_of_olga) = (ana.row("ana@example.org").await, ana.row("olga@example.org").await);
            let admin = Grant::of(BuiltInRole::Admin);
            let (by_ana, by_olga) = tokio::join!(ana.edits(&row_of_olga, &admin), olga.edits(&row_of_ana, &admin));
            let owners = world.count("SELECT COUNT(*) FROM members WHERE role_key = 'owner' AND state = 'active'").await;
            assert_eq!(owners, 1, "round {round}: {by_ana:?} {by_olga:?}");
            let (left, demoted) = if by_ana.is_ok() { (&ana, "olga@example.org") } else { (&olga, "ana@example.org") };
            left.edits(&left.row(demoted).await, &Grant::of(BuiltInRole::Owner)).await.unwrap();
        }
    }

    async fn r66_the_second_of_two_saves_is_refused(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        ana.edits(&row, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let second = adam.edits(&row, &Grant::of(BuiltInRole::Agent)).await;
        assert_eq!(second, Err(AppError::ChangedMeanwhile { by: Some("Ana Owner".to_owned()), at: world.now() }));
        assert_eq!(ana.row("ben@example.org").await.grant, Grant::of(BuiltInRole::Editor));
        assert!(matches!(adam.removes(&row).await, Err(AppError::ChangedMeanwhile { .. })));
    }

    async fn az_10_a_form_with_more_fields_than_it_has_is_refused(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let fields = [("account", "acme"), ("form[member]", &id), ("form[version]", &version), ("form[role]", "editor"), ("form[user_id]", "x")];
        assert_eq!(ana.call::<Edited>("users/edit", &fields).await, Err(BadRequest::Malformed.into()));
        assert_eq!(ana.row("ben@example.org").await.grant, Grant::of(BuiltInRole::Viewer));
    }
}
