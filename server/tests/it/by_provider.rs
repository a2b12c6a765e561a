//! Invited, in and out again through an account's provider (R16, R17, R26, R27, R42 to R46, R50).

use crate::support::{both_databases, provider::Provider};
use app::{
    api::{
        invitations::Invited,
        joining::{Joined, Standing},
        members::Edited,
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::ShownState,
        name::Slug,
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use serde_json::json;

fn editor() -> Grant {
    Grant::of(BuiltInRole::Editor)
}

both_databases! {
    async fn r42_who_comes_back_as_the_invited_identifier_joins_and_signs_in_by_it(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana", "email": "ana@example.org" })).await;

        let ben = json!({ "sub": "00u-Ben", "email": "ben@example.org", "email_verified": true });
        let Invited::Done { .. } = ana.invites_by(&method, "Ben@Example.org", " 00u-Ben ", &editor()).await.unwrap() else {
            panic!("invited")
        };
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let Standing::ByMethod(by) = theirs.views_open(&id).await.standing else { panic!("by the provider") };
        assert_eq!(by.start, format!("/oauth/{method}/start?invitation={id}"));
        let arrived = theirs.arrives(&provider, &method, &id, ben.clone()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben Bø").await, Ok(Joined::In { slug: Slug::parse("acme").unwrap() }));
        assert_eq!(theirs.home().await.unwrap().name, "Acme");

        theirs.sign_out().await;
        let back = theirs.signs_in_by(&provider, &method, ben).await;
        assert_eq!(back.location(), "/a/acme");
        let row = ana.row("ben@example.org").await;
        assert_eq!((row.state, row.name.as_deref()), (ShownState::Active, Some("Ben Bø")));
        assert_eq!(ana.shows(row.id).await.unwrap().identifier.as_deref(), Some("00u-Ben"));
    }

    async fn r26_another_method_or_identifier_before_joining_ends_the_link_and_sends_another(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        ana.invites("ben@example.org", &editor()).await.unwrap();
        let first = world.link_to("ben@example.org", 0).await;

        world.advance(Span::minutes(1));
        let row = ana.row("ben@example.org").await;
        let required = ana.changes_way_in(&row, &method, " ").await.unwrap_err();
        assert_eq!(required, FieldErrors::one(Field::Identifier, Problem::Required).into());
        let Edited::Done { row } = ana.changes_way_in(&row, &method, "00u-ben").await.unwrap() else { panic!("saved") };
        assert_eq!(row.method.id.to_string(), method);
        let theirs = world.browser();
        let id = theirs.opens_link(&first).await;
        assert!(matches!(theirs.views(&id).await, app::api::joining::InvitationView::Replaced { .. }), "the first link is dead");
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::ByMethod(_)));

        // Back to a password: the identifier is forgotten.
        let password = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let Edited::Done { row } = ana.changes_way_in(&row, &password, "00u-ben").await.unwrap() else { panic!("saved") };
        assert_eq!(ana.shows(row.id).await.unwrap().identifier, None);
        let id = theirs.opens_link(&world.link_to("ben@example.org", 2).await).await;
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::SignUp { .. }));
    }
}
