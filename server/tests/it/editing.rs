//! Changing role and extras.

use crate::support::{both_databases, no_longer_in_acme};
use app::{
    api::members::Edited,
    domain::{
        fields::{Field, FieldErrors, Problem},
        policy::Refusal,
        role::{BuiltInRole, Grant},
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
