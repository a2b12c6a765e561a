//! Invited, in and out again through an account's provider (R16, R17, R26, R27, R39, R42 to R46, R50, R56).

use crate::support::{Browser, PASSWORD, attempt_in, both_databases, provider::Provider};
use app::{
    api::login_methods::NextPage,
    api::{
        invitations::Invited,
        joining::{InvitationView, Joined, Standing},
        members::Edited,
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::ShownState,
        name::Slug,
        permission::Gate,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::json;

fn editor() -> Grant {
    Grant::of(BuiltInRole::Editor)
}

both_databases! {
    async fn r42_who_comes_back_as_the_invited_identifier_joins_and_signs_in_by_it(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;

        let ben = json!({ "sub": "00u-Ben", "email": "ben@example.org", "email_verified": true });
        let Invited::Done { .. } = ana.invites_by(&method, "Ben@Example.org", " 00u-Ben ", &editor()).await.unwrap() else {
            panic!("invited")
        };
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let Standing::ToProvider { start, .. } = theirs.views_open(&id).await.standing else { panic!("to the provider") };
        assert_eq!(start, format!("/oauth/{method}/start?invitation={id}"));
        let arrived = theirs.arrives(&provider, &method, &id, ben.clone()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben Bø").await, Ok(Joined::In { slug: Slug::parse("acme").unwrap(), goes_on: None }));
        assert_eq!(theirs.home().await.unwrap().name, "Acme");

        theirs.sign_out().await;
        let back = theirs.signs_in_by(&provider, &method, ben).await;
        assert_eq!(back.location(), "/a/acme");
        let row = ana.row("ben@example.org").await;
        assert_eq!((row.state, row.name.as_deref()), (ShownState::Active, Some("Ben Bø")));
        assert_eq!(ana.shows(row.id).await.unwrap().identifier.as_deref(), Some("00u-Ben"));
    }

    async fn r26_another_method_or_identifier_before_joining_ends_the_link_and_sends_another(world: World) {
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        ana.invites("ben@example.org", &editor()).await.unwrap();
        let first = world.link_to("ben@example.org", 0).await;

        world.advance(Span::minutes(1));
        let row = ana.row("ben@example.org").await;
        let required = ana.changes_login_method(&row, &method, " ").await.unwrap_err();
        assert_eq!(required, FieldErrors::one(Field::Identifier, Problem::Required).into());
        let Edited::Done { row } = ana.changes_login_method(&row, &method, "00u-ben").await.unwrap() else { panic!("saved") };
        assert_eq!(row.method.id.to_string(), method);
        let theirs = world.browser();
        let id = theirs.opens_link(&first).await;
        assert!(matches!(theirs.views(&id).await, InvitationView::Replaced { .. }), "the first link is dead");
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::ToProvider { .. }));

        // Back to a password: the identifier is forgotten.
        let password = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let Edited::Done { row } = ana.changes_login_method(&row, &password, "00u-ben").await.unwrap() else { panic!("saved") };
        assert_eq!(ana.shows(row.id).await.unwrap().identifier, None);
        let id = theirs.opens_link(&world.link_to("ben@example.org", 2).await).await;
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::SignUp { .. }));
    }

    async fn r17_oa_11_who_has_a_password_proves_it_freshly_before_a_provider_is_linked(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let theirs = ana.brings_in("ben@example.org", &editor()).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        let method = beta.sets_up(&provider, "Beta SSO", json!({ "sub": "00u-ana" })).await;
        let ben = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let Invited::Done { .. } = beta.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap() else {
            panic!("invited")
        };
        let link = world.link_to("ben@example.org", 1).await;
        let asks_for_sign_in = async |browser: &Browser, id: &str| match browser.views_open(id).await.standing {
            Standing::SignInFirst { .. } => true,
            Standing::ToProvider { .. } => false,
            other => panic!("{other:?}"),
        };

        // R16, R17: signed out, or signed in too long ago, the way leads through the present login.
        let stranger = world.browser();
        let id = stranger.opens_link(&link).await;
        assert!(asks_for_sign_in(&stranger, &id).await);
        let arrived = stranger.arrives(&provider, &method, &id, ben.clone()).await;
        assert_eq!(stranger.joins_by(&id, &arrived, "Ben").await, Ok(Joined::SignInFirst));
        world.advance(Span::minutes(11));
        theirs.opens_link(&link).await;
        assert!(asks_for_sign_in(&theirs, &id).await);
        let arrived = theirs.arrives(&provider, &method, &id, ben.clone()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, Ok(Joined::SignInFirst));
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 0);

        // R16: the invitation is still there after signing in.
        theirs.sign_in("ben@example.org", PASSWORD).await.unwrap();
        assert!(!asks_for_sign_in(&theirs, &id).await);
        let arrived = theirs.arrives(&provider, &method, &id, ben.clone()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "").await, Ok(Joined::In { slug: Slug::parse("beta").unwrap(), goes_on: None }));
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2, "no second user");
        // The session proved both: it opens both accounts.
        assert_eq!(theirs.home().await.unwrap().name, "Acme");
        assert_eq!(theirs.on("beta").home().await.unwrap().name, "Beta");

        // From now on each account by its own way.
        theirs.sign_out().await;
        theirs.sign_in("ben@example.org", PASSWORD).await.unwrap();
        assert_eq!(theirs.on("beta").home().await.unwrap_err(), AppError::Unauthenticated);
        theirs.sign_out().await;
        theirs.signs_in_by(&provider, &method, ben).await;
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated);
        assert_eq!(theirs.on("beta").home().await.unwrap().name, "Beta");
    }

    async fn oa_11_another_accounts_provider_is_no_proof_of_a_password(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let theirs = ana.brings_in("ben@example.org", &editor()).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let ben = json!({ "sub": "00u-ben" });
        let (acme_method, beta) = (ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await, ana.on("beta"));
        let beta_method = beta.sets_up(&provider, "Beta SSO", json!({ "sub": "00u-ana" })).await;
        let row = ana.row("ben@example.org").await;
        ana.changes_login_method(&row, &acme_method, "00u-ben").await.unwrap();
        theirs.sign_out().await;
        assert_eq!(theirs.signs_in_by(&provider, &acme_method, ben.clone()).await.location(), "/a/acme");

        // Freshly signed in, but by Acme's provider alone.
        beta.invites_by(&beta_method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::SignInFirst { .. }));
        let arrived = theirs.arrives(&provider, &beta_method, &id, ben).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "").await, Ok(Joined::SignInFirst));
    }

    async fn r50_the_inviters_names_come_first_and_the_providers_fill_blanks(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        for (who, first, last, suggested, [given, family]) in [
            ("ben", "Ben", "Bø", "Ben Bø", ["Karl", "Krause"]),
            ("carl", "", "", "Karl Krause", ["Karl", "Krause"]),
            // A joiner that the spelling needs is kept; what no name may hold is left out, and the rest is still suggested (IN-03).
            ("dara", "", "", "علی\u{200C}رضا Krause", ["علی\u{200C}رضا", "Kra\u{202E}use\0\u{200D}"]),
            ("elif", "", "", "Karl", ["Karl", "\u{3164}"]),
        ] {
            let (email, sub) = (format!("{who}@example.org"), format!("00u-{who}"));
            let grant = editor();
            let fields = [
                ("account", "acme"), ("form[method]", &*method), ("form[email]", &*email), ("form[identifier]", &*sub),
                ("form[first_name]", first), ("form[last_name]", last), ("form[role]", grant.role.as_str()),
            ];
            ana.call::<Invited>("users/invite", &fields).await.unwrap();
            let theirs = world.browser();
            let id = theirs.opens_link(&world.link_to(&email, 0).await).await;
            let came = json!({ "sub": sub, "given_name": given, "family_name": family });
            let arrived = theirs.arrives(&provider, &method, &id, came).await;
            let attempt = arrived.location().split("attempt=").nth(1).unwrap();
            let fields = [("invitation", &*id), ("attempt", attempt)];
            let InvitationView::Open(open) = theirs.call("invitation/view", &fields).await.unwrap() else { panic!("open") };
            let Standing::FromProvider { name, .. } = open.standing else { panic!("back from the provider") };
            assert_eq!(name.as_deref(), Some(suggested));
            theirs.joins_by(&id, &arrived, "Other Name").await.unwrap();
            assert_eq!(ana.row(&email).await.name.as_deref(), Some("Other Name"), "the person may change it");
        }
    }

    async fn r45_the_identifier_decides_whatever_becomes_of_the_address_and_another_issuer_ends_the_links(world: World) {
        let (provider, other) = (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&provider, &other]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let ben = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", ben, &editor()).await;
        let row = ana.row("ben@example.org").await;
        theirs.sign_out().await;

        // Another address locks nobody out, and somebody else with the old one is a stranger.
        let renamed = json!({ "sub": "00u-ben", "email": "ben.new@example.org" });
        assert_eq!(theirs.signs_in_by(&provider, &method, renamed.clone()).await.location(), "/a/acme");
        assert_eq!(ana.shows(row.id).await.unwrap().known_as.as_deref(), Some("ben.new@example.org"));
        let impostor = json!({ "sub": "00u-eve", "email": "ben@example.org", "email_verified": true });
        let refused = world.browser().signs_in_by(&provider, &method, impostor).await;
        assert_eq!(refused.location(), "/login/acme?problem=not-a-member");

        // Another issuer asks first, with the number of people; saying yes unlinks them.
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let draft = ana.saves(&method, "Acme SSO", &other.configuration()).await.body;
        assert!(draft.contains("is unlinked"), "{draft}");
        let page = ana.tests(&other, &method, json!({ "sub": "00u-ana" })).await.body;
        assert!(page.contains("can’t sign in until") && page.contains(": 1."), "{page}");
        assert_eq!(theirs.home().await.unwrap().name, "Acme", "not live before somebody confirms");
        let attempt = attempt_in(&page);
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt), ("form[confirmed]", "yes")];
        ana.call::<NextPage>("login-methods/make-live", &fields).await.unwrap();
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated);
        let stranger = theirs.signs_in_by(&other, &method, renamed.clone()).await;
        assert_eq!(stranger.location(), "/login/acme?problem=not-a-member");

        // R46: an admin gives the new identifier, which the list says is needed.
        let row = ana.row("ben@example.org").await;
        assert!(row.needs_identifier && ana.get("/a/acme/settings/users").await.body.contains("Needs a new identifier"));
        ana.changes_login_method(&row, &method, "00u-ben").await.unwrap();
        assert_eq!(theirs.signs_in_by(&other, &method, renamed).await.location(), "/a/acme");
        assert!(!ana.row("ben@example.org").await.needs_identifier);
    }

    async fn r56_r39_nobody_joins_by_the_domain_of_their_address_least_of_all_who_was_removed(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let ben = json!({ "sub": "00u-ben", "email": "ben@example.org", "email_verified": true });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", ben.clone(), &editor()).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        theirs.sign_out().await;
        let before = world.count("SELECT COUNT(*) FROM users").await;

        let colleague = json!({ "sub": "00u-eve", "email": "eve@example.org", "email_verified": true });
        for (browser, who) in [(&theirs, ben), (&world.browser(), colleague)] {
            let refused = browser.signs_in_by(&provider, &method, who.clone()).await;
            assert_eq!(refused.location(), "/login/acme?problem=not-a-member", "{who}");
            assert_eq!(browser.home().await, Err(AppError::Unauthenticated), "{who}");
        }
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Removed);
        assert_eq!(ana.list(&Default::default()).await.unwrap().rows.len(), 1, "Ana alone");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, before);
    }

    async fn r46_a_member_is_linked_anew_by_whoever_manages_login_methods(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let dora = ana.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let old = json!({ "sub": "00u-ben" });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", old.clone(), &editor()).await;
        let row = ana.row("ben@example.org").await;

        let refused = dora.changes_login_method(&row, &method, "00u-dora").await.unwrap_err();
        assert_eq!(refused, Refusal::Needs { gate: Gate::LoginMethodsManage }.into());
        let password = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let locked_out = ana.changes_login_method(&row, &password, "").await.unwrap_err();
        assert_eq!(locked_out, FieldErrors::one(Field::LoginMethod, Problem::NoPassword).into());
        // AZ-16.
        world.advance(Span::minutes(11));
        assert_eq!(ana.changes_login_method(&row, &method, "00u-new").await.unwrap_err(), AppError::ReauthenticationRequired);
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();

        let Edited::Done { .. } = ana.changes_login_method(&row, &method, "00u-new").await.unwrap() else { panic!("saved") };
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated, "the session's proof is gone");
        let refused = theirs.signs_in_by(&provider, &method, old).await;
        assert_eq!(refused.location(), "/login/acme?problem=not-a-member");
        let new = json!({ "sub": "00u-new" });
        assert_eq!(theirs.signs_in_by(&provider, &method, new.clone()).await.location(), "/a/acme");
        assert_eq!(theirs.signs_in_by(&provider, &method, new).await.location(), "/a/acme");
        // LG-01: that the first of them linked the identifier is recorded, with the member as the one who did it.
        let linked = "SELECT d.actor || ' ' || d.target FROM audit_events e
                        JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq WHERE e.kind = 'identity_linked'";
        assert_eq!(world.texts(linked).await, ["ben ben@example.org"]);

        // One identifier, one line.
        ana.invites("carl@example.org", &editor()).await.unwrap();
        let carl = ana.row("carl@example.org").await;
        let taken = ana.changes_login_method(&carl, &method, "00u-new").await.unwrap_err();
        assert_eq!(taken, FieldErrors::one(Field::Identifier, Problem::Taken).into());
        let taken = ana.invites_by(&method, "emil@example.org", "00u-new", &editor()).await.unwrap_err();
        assert_eq!(taken, FieldErrors::one(Field::Identifier, Problem::Taken).into());

        // R33: the last owner is not sent to a door that nobody has seen open.
        let own = ana.row("ana@example.org").await;
        let alone = ana.changes_login_method(&own, &method, "00u-ana").await.unwrap_err();
        assert_eq!(alone, Refusal::LastOwner.into());
    }

    async fn r17_se_07_a_first_password_ends_what_was_signed_in_elsewhere_and_is_recorded(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let claims = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", claims.clone(), &editor()).await;
        let elsewhere = world.browser();
        elsewhere.signs_in_by(&provider, &method, claims).await;
        elsewhere.home().await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &editor()).await.unwrap();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 1).await).await;
        theirs.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(elsewhere.home().await, Err(AppError::Unauthenticated));
        theirs.home().await.unwrap();
        theirs.on("beta").home().await.unwrap();
        let kinds = "SELECT kind FROM audit_events e JOIN accounts a ON a.id = e.account_id WHERE a.slug = 'beta' ORDER BY seq";
        assert_eq!(world.texts(kinds).await, ["account_opened", "invited", "password_set", "joined"]);
    }

    async fn az_16_owner_is_given_and_taken_after_a_fresh_sign_in_and_nothing_below_asks(world: World) {
        let ana = world.owner("ana@example.org").await;
        let owner = Grant::of(BuiltInRole::Owner);
        ana.brings_in("ben@example.org", &owner).await;
        ana.brings_in("carl@example.org", &editor()).await;
        world.advance(Span::minutes(11));

        assert_eq!(ana.invites("dora@example.org", &owner).await, Err(AppError::ReauthenticationRequired));
        let (ben, carl) = (ana.row("ben@example.org").await, ana.row("carl@example.org").await);
        assert_eq!(ana.edits(&carl, &owner).await, Err(AppError::ReauthenticationRequired), "giving");
        assert_eq!(ana.edits(&ben, &editor()).await, Err(AppError::ReauthenticationRequired), "taking");
        assert_eq!(ana.removes(&ben).await, Err(AppError::ReauthenticationRequired));
        let added: Result<NextPage, _> = ana.call("login-methods/add", &[("account", "acme"), ("preset", "openid")]).await;
        assert_eq!(added, Err(AppError::ReauthenticationRequired));
        assert_eq!(ana.row("ben@example.org").await, ben, "nothing has changed");

        ana.invites("dora@example.org", &editor()).await.unwrap();
        ana.edits(&carl, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.removes(&ana.row("carl@example.org").await).await.unwrap();

        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.edits(&ben, &editor()).await.unwrap();
        ana.invites("emil@example.org", &owner).await.unwrap();
        // A pending owner is an owner to be.
        world.advance(Span::minutes(11));
        let emil = ana.row("emil@example.org").await;
        assert_eq!(ana.removes(&emil).await, Err(AppError::ReauthenticationRequired));
        assert_eq!(ana.edits(&emil, &editor()).await, Err(AppError::ReauthenticationRequired));
    }

    async fn az_16_an_owner_to_be_gets_another_way_in_after_a_fresh_sign_in_and_others_invited_at_once(world: World) {
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        ana.invites("zoe@example.org", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        ana.invites("eve@example.org", &editor()).await.unwrap();
        world.advance(Span::minutes(11));
        let (zoe, eve) = (ana.row("zoe@example.org").await, ana.row("eve@example.org").await);
        assert_eq!(ana.changes_login_method(&zoe, &method, "00u-zoe").await, Err(AppError::ReauthenticationRequired));
        ana.changes_login_method(&eve, &method, "00u-eve").await.unwrap();
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.changes_login_method(&zoe, &method, "00u-zoe").await.unwrap();
    }

    async fn inv_10_a_password_does_not_join_where_the_provider_is_asked_for(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in("ben@example.org", &editor()).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        let method = beta.sets_up(&provider, "Beta SSO", json!({ "sub": "00u-ana" })).await;
        beta.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert_eq!(ben.joins(&id).await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(beta.row("ben@example.org").await.state, ShownState::Invited);
    }
}
