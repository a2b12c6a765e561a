//! API keys: who makes them, what they open, and when they are dead (LT-01, LT-02, R37).

use crate::support::{
    Program, attempt_in, both_databases, holds,
    provider::{Provider, Twist},
};
use app::{
    api::{
        api_keys::ApiKeyState,
        login_methods::{NextPage, Notice},
    },
    domain::{
        api_key::MAX_API_KEYS,
        fields::{Field, FieldErrors, Problem},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

const ALL_OF_ADMIN: &[&str] = &["users.read", "users.invite", "users.edit", "users.remove", "audit.read"];

fn dead() -> (u16, String) {
    (401, "invalid_api_key".to_owned())
}

async fn asks(program: &Program) -> u16 {
    program.gets("/accounts").await.status.as_u16()
}

both_databases! {
    async fn lt_01_a_key_is_shown_once_and_kept_as_a_hash(world: World) {
        let ana = world.owner("ana@example.org").await;
        let made = ana.makes_key("Deploy server", &["users.read", "bots.read"], "30").await.unwrap();
        let program = Program::new(&world, &made.key);
        let reply = program.gets("/accounts").await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let account = &reply.json()["accounts"][0];
        assert_eq!((&account["slug"], &account["api_key"]["name"]), (&json!("acme"), &json!("Deploy server")));
        assert_eq!(account["api_key"]["permissions"], json!(["bots.read", "users.read"]));
        assert_eq!(account["api_key"]["expires_at"], "2026-06-03T09:00:00Z");

        let line = ana.key("Deploy server").await;
        assert_eq!((line.state, line.owner.as_str(), line.last_used), (ApiKeyState::Live, "Ana Owner", Some(world.now())));
        assert!(made.key.starts_with(&line.hint) && line.hint.len() < 12);
        assert!(made.try_at.ends_with("/api/v1/accounts"));
        let dump = world.dump().await;
        assert!(holds(&dump, &line.hint) && !holds(&dump, &made.key), "the database does not have it");
        let page = ana.get("/a/acme/settings/api-keys").await.body;
        assert!(page.contains("Deploy server") && !page.contains(&made.key));
    }

    async fn lt_01_use_is_noted_at_most_every_five_minutes(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("CI", &["users.read"]).await;
        assert_eq!(ana.key("CI").await.last_used, None);
        let first = world.now();
        for minutes in [0, 4] {
            world.advance(Span::minutes(minutes));
            assert_eq!(asks(&program).await, 200);
            assert_eq!(ana.key("CI").await.last_used, Some(first), "after {minutes} minutes");
        }
        world.advance(Span::minutes(1));
        assert_eq!(asks(&program).await, 200);
        assert_eq!(ana.key("CI").await.last_used, Some(world.now()));
        let active = "SELECT last_active_at FROM members";
        let before = world.count(active).await;
        world.advance(Span::minutes(10));
        assert_eq!(program.gets("/members").await.status, StatusCode::OK);
        assert_eq!(world.count(active).await, before, "a program is no activity of the person");
    }

    async fn lt_01_a_key_can_do_what_both_it_and_its_maker_can_do_now(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let program = ben.equips("CI", &["users.read", "users.invite"]).await;
        assert_eq!(program.gets("/members").await.status, StatusCode::OK);
        assert_eq!(program.gets("/audit-events").await.problem(), (403, "missing_permission".to_owned()), "was not given");

        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Viewer).with("users.invite")).await.unwrap();
        let refused = program.gets("/members").await;
        assert_eq!(refused.problem(), (403, "missing_permission".to_owned()), "with the next request");
        assert_eq!(refused.json()["missing_permissions"], json!(["users.read"]));
        let line = ana.key("CI").await;
        assert_eq!((line.permissions.len(), line.effective.len()), (2, 1));
        let offer = json!({ "email": "eve@example.org", "role": "editor" });
        let refused = program.posts("/invitations", &offer).await;
        assert_eq!(refused.problem(), (403, "missing_permission".to_owned()), "more than it holds");

        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        assert_eq!(program.gets("/members").await.status, StatusCode::OK, "what came back, came back");
    }

    async fn lt_01_r37_r41_a_key_dies_with_its_makers_membership_and_with_a_suspension(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let earlier = ben.equips("Earlier", &["users.read"]).await;
        assert_eq!(asks(&earlier).await, 200);
        world.advance(Span::minutes(1));
        ana.suspends(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(earlier.gets("/members").await.problem(), dead());
        assert_eq!(ana.key("Earlier").await.state, ApiKeyState::OwnerGone);
        ana.reactivates(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(earlier.gets("/members").await.problem(), dead(), "whoever comes back makes new keys");
        assert_eq!(ana.key("Earlier").await.state, ApiKeyState::OwnerGone);
        let program = ben.equips("CI", &["users.read"]).await;
        assert_eq!(asks(&program).await, 200);

        world.advance(Span::minutes(1));
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(program.gets("/members").await.problem(), dead());
        assert_eq!(ana.key("CI").await.state, ApiKeyState::OwnerGone);
        let row = ana.row("ben@example.org").await.id.to_string();
        ana.call_in::<Value>("users/undo-removal", &[("member", &row)]).await.unwrap();
        assert_eq!(program.gets("/members").await.problem(), dead(), "as the sessions of before");

        // INV-12: whoever joins again begins anew.
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        world.advance(Span::minutes(1));
        ana.invites_with("ben@example.org", &Grant::of(BuiltInRole::Admin), &[("form[again]", "fresh")]).await.unwrap();
        // Two mails between were about the keys.
        let id = ben.opens_link(&world.link_to("ben@example.org", 3).await).await;
        ben.joins(&id).await.unwrap();
        let ben = world.browser();
        ben.sign_in("ben@example.org", crate::support::PASSWORD).await.unwrap();
        assert_eq!(program.gets("/members").await.problem(), dead());

        // R37: unless an owner takes it over.
        let refused = AppError::Refused(Refusal::OnlyOwnersChangeAccount);
        assert_eq!(ben.takes_key_over("CI").await, Err(refused));
        world.advance(Span::minutes(11));
        assert_eq!(ana.takes_key_over("CI").await, Err(AppError::ReauthenticationRequired));
        let ana = world.browser();
        ana.sign_in("ana@example.org", crate::support::PASSWORD).await.unwrap();
        ana.takes_key_over("CI").await.unwrap();
        assert_eq!(asks(&program).await, 200);
        let line = ana.key("CI").await;
        assert_eq!((line.state, line.owner.as_str()), (ApiKeyState::Live, "Ana Owner"));
        let taken = world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'api_key_taken_over'").await;
        assert_eq!(taken, 1);
    }

    async fn lt_01_a_key_expires_and_is_revoked_at_once_on_every_instance(world: World) {
        let ana = world.owner("ana@example.org").await;
        let short = Program::new(&world, &ana.makes_key("Short", &["users.read"], "1").await.unwrap().key);
        let endless = Program::new(&world, &ana.makes_key("Endless", &["users.read"], "never").await.unwrap().key);
        let usual = ana.equips("Usual", &["users.read"]).await;
        world.advance(Span::days(1));
        assert_eq!((asks(&short).await, asks(&usual).await), (401, 200));
        world.advance(Span::days(89));
        assert_eq!((asks(&usual).await, asks(&endless).await), (401, 200));

        let ana = world.browser();
        ana.sign_in("ana@example.org", crate::support::PASSWORD).await.unwrap();
        assert_eq!(ana.key("Usual").await.state, ApiKeyState::Expired);
        let elsewhere = endless.at(&world.configured(|_| {}));
        assert_eq!(asks(&elsewhere).await, 200);
        // Whoever may make keys may revoke every one, and be it an owner's: it may have leaked.
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ben.revokes_key("Endless").await.unwrap();
        assert_eq!((asks(&endless).await, asks(&elsewhere).await), (401, 401));
        let gone = ben.lists_keys().await.unwrap().keys.iter().all(|key| key.name != "Endless");
        assert!(gone);
        assert_eq!(world.count("SELECT COUNT(*) FROM api_key_permissions").await, 2, "of the two others");
        let id = uuid::Uuid::now_v7().to_string();
        let again: NextPage = ben.call_in("api-keys/revoke", &[("key", &id)]).await.unwrap();
        assert_eq!(again.notice, Some(Notice::ApiKeyGone));

        // What expired is kept for a while, and then cleaned up.
        let stop = tokio_util::sync::CancellationToken::new();
        assert!(world.services.clean_up_if_due(&stop).await.unwrap());
        assert_eq!(world.count("SELECT COUNT(*) FROM api_keys").await, 2);
        world.advance(Span::days(90));
        assert!(world.services.clean_up_if_due(&stop).await.unwrap());
        assert_eq!(world.count("SELECT COUNT(*) FROM api_keys").await, 0);
    }

    async fn lt_02_a_key_is_made_by_a_person_who_signed_in_recently_for_that_person(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let wrong = |field, problem| AppError::Invalid(FieldErrors::one(field, problem));
        assert_eq!(ben.makes_key("", &["users.read"], "").await.unwrap_err(), wrong(Field::Name, Problem::Required));
        let required = wrong(Field::Permissions, Problem::NoneChosen);
        assert_eq!(ben.makes_key("CI", &[], "").await.unwrap_err(), required);
        let unknown = wrong(Field::Permissions, Problem::NotOffered);
        assert_eq!(ben.makes_key("CI", &["no.such"], "").await.unwrap_err(), unknown);
        let range = wrong(Field::Lifetime, Problem::NotBetween { least: 1, most: 366 });
        assert_eq!(ben.makes_key("CI", &["users.read"], "0").await.unwrap_err(), range);
        let beyond = ben.makes_key("CI", &["users.read", "billing.manage"], "").await.unwrap_err();
        assert!(matches!(beyond, AppError::Refused(Refusal::AboveYourOwn { .. })), "{beyond:?}");

        let program = ben.equips("CI", ALL_OF_ADMIN).await;
        assert_eq!(ana.key("CI").await.member, ana.row("ben@example.org").await.id);
        world.advance(Span::minutes(11));
        assert_eq!(ben.makes_key("Later", &["users.read"], "").await.unwrap_err(), AppError::ReauthenticationRequired);
        assert!(!ben.lists_keys().await.unwrap().recently_authenticated);
        ben.revokes_key("CI").await.unwrap();
        assert_eq!(asks(&program).await, 401);
    }

    async fn lt_01_an_account_has_a_hundred_keys_at_most(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..MAX_API_KEYS {
            ana.makes_key(&format!("Key {n}"), &["users.read"], "").await.unwrap();
        }
        let refused = ana.makes_key("One more", &["users.read"], "").await.unwrap_err();
        assert_eq!(refused, AppError::Refused(Refusal::TooManyApiKeys { most: MAX_API_KEYS }));
    }

    async fn lt_01_nothing_but_the_header_is_a_key_and_no_cookie_counts(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let key = ben.makes_key("CI", &["bots.read"], "").await.unwrap().key;
        let status = async |headers: &[(&str, &str)], path: &str| {
            let request = headers.iter().fold(Request::builder().uri(path), |request, (name, value)| request.header(*name, *value));
            ana.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
        };
        let bearer = format!("Bearer {key}");
        assert_eq!(status(&[], "/api/v1/members").await, 401, "the session of an owner");
        assert_eq!(status(&[("sec-fetch-site", "same-origin")], "/api/v1/members").await, 401);
        assert_eq!(status(&[("authorization", &bearer)], "/api/v1/members").await, 403, "the key, and not the owner's session");
        assert_eq!(status(&[("authorization", &bearer), ("authorization", &bearer)], "/api/v1/accounts").await, 401);
        assert_eq!(status(&[], &format!("/api/v1/accounts?access_token={key}")).await, 401);
        assert_eq!(asks(&Program::new(&world, "roster_000000000000000000000000000000000000")).await, 401);
        assert_eq!(asks(&Program::new(&world, &key.replace("roster_", "Roster_"))).await, 401);
        // A key opens nothing but the API.
        assert_eq!(status(&[("authorization", &bearer)], "/a/acme/settings/users.csv").await, 200, "by the session alone");
        let stranger = world.browser();
        let request = Request::builder().uri("/a/acme/settings/users.csv").header("authorization", &bearer);
        assert_eq!(stranger.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
    }

    async fn lt_09_a_key_made_without_a_required_second_factor_opens_nothing(world: World) {
        let ana = world.owner("ana@example.org").await;
        let before = ana.equips("Before", &["users.read"]).await;
        ana.adds_app().await.unwrap();
        let with = ana.equips("With", &["users.read"]).await;
        let requires = [("account", "acme"), ("form[of]", "everybody"), ("form[grace_days]", "0")];
        ana.call::<Value>("security/require-second-factor", &requires).await.unwrap();
        assert_eq!(before.gets("/members").await.problem(), (403, "second_factor_required".to_owned()));
        assert_eq!(with.gets("/members").await.status, StatusCode::OK);
        ana.takes_key_over("Before").await.unwrap();
        assert_eq!(before.gets("/members").await.status, StatusCode::OK, "taken over in a session with one");
    }

    async fn lt_01_r46_a_key_dies_with_the_link_by_which_its_maker_signed_in(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let admin = Grant::of(BuiltInRole::Admin);
        let ben = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", ben, &admin).await;
        let program = theirs.equips("CI", &["users.read"]).await;
        assert_eq!(asks(&program).await, 200);
        world.advance(Span::minutes(1));
        ana.changes_login_method(&ana.row("ben@example.org").await, &method, "00u-new").await.unwrap();
        assert_eq!(program.gets("/members").await.problem(), dead(), "as the sessions of before");
        assert_eq!(ana.key("CI").await.state, ApiKeyState::LoginChanged);
        let new = json!({ "sub": "00u-new", "email": "ben@example.org" });
        theirs.signs_in_by(&provider, &method, new).await;
        assert!(theirs.home().await.is_ok());
        assert_eq!(asks(&program).await, 401, "whoever is linked now did not make it");
        let other = theirs.equips("New", &["users.read"]).await;
        assert_eq!(asks(&other).await, 200);
        let page = ana.get("/a/acme/settings/api-keys").await.body;
        assert!(page.contains("signs in differently since"), "{page}");
        ana.takes_key_over("CI").await.unwrap();
        assert_eq!(asks(&program).await, 200);

        // Nor does a key outlive another login method of its maker, or a suspension of the method.
        let dora = ana.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        let hers = dora.equips("Dora's", &["users.read"]).await;
        ana.changes_login_method(&ana.row("dora@example.org").await, &method, "00u-dora").await.unwrap();
        assert_eq!(asks(&hers).await, 401);
        assert_eq!(ana.key("Dora's").await.state, ApiKeyState::LoginChanged);
        let switch = async |on: &str| ana.call_in::<NextPage>("login-methods/switch", &[("method", &method), ("on", on)]).await.unwrap();
        switch("off").await;
        assert_eq!((asks(&other).await, asks(&program).await), (401, 200));
        assert_eq!(ana.key("New").await.state, ApiKeyState::Resting);
        switch("on").await;
        assert_eq!(asks(&other).await, 200);
    }

    async fn lt_01_r45_a_key_dies_when_its_makers_provider_means_other_people(world: World) {
        let (provider, other) = (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&provider, &other]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        let ben = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", ben.clone(), &Grant::of(BuiltInRole::Admin)).await;
        let program = theirs.equips("CI", &["users.read"]).await;
        world.advance(Span::minutes(1));
        ana.saves(&method, "Acme SSO", &other.configuration()).await;
        let page = ana.tests(&other, &method, json!({ "sub": "00u-ana" })).await.body;
        assert_eq!(asks(&program).await, 200, "not live before somebody confirms");
        let fields = [("form[method]", &*method), ("form[attempt]", attempt_in(&page)), ("form[confirmed]", "yes")];
        ana.call_in::<NextPage>("login-methods/make-live", &fields).await.unwrap();
        assert_eq!(program.gets("/members").await.problem(), dead());
        ana.changes_login_method(&ana.row("ben@example.org").await, &method, "00u-ben").await.unwrap();
        theirs.signs_in_by(&other, &method, ben).await;
        assert!(theirs.home().await.is_ok());
        assert_eq!(asks(&program).await, 401, "the other provider's Ben may be somebody else");
        assert_eq!(ana.key("CI").await.state, ApiKeyState::LoginChanged);
    }

    async fn lt_09_a_key_proves_no_second_factor_that_its_maker_could_not_prove_now(world: World) {
        let (_, provider, ana, method) = world.with_acme_sso().await;
        let admin = Grant::of(BuiltInRole::Admin);
        let claims = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let theirs = ana.brings_in_by(&provider, &method, "ben@example.org", claims.clone(), &admin).await;
        let dora = ana.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        ana.adds_app().await.unwrap();
        dora.adds_app().await.unwrap();
        let values = async |values: &str| {
            let fields = [("form[method]", &*method), ("form[values]", values)];
            ana.call_in::<NextPage>("security/accept-provider-factors", &fields).await.unwrap()
        };
        let requires = [("form[of]", "everybody"), ("form[grace_days]", "0")];
        ana.call_in::<Value>("security/require-second-factor", &requires).await.unwrap();
        values("mfa").await;
        provider.twist(Twist::claim("amr", json!(["mfa"])));
        theirs.signs_in_by(&provider, &method, claims.clone()).await;
        let by_provider = theirs.equips("Ben's", &["users.read"]).await;
        let by_app = dora.equips("Dora's", &["users.read"]).await;
        assert_eq!((asks(&by_provider).await, asks(&by_app).await), (200, 200));

        // The provider's word is not taken any more, and another word of it is another proof.
        let shut = (403, "second_factor_required".to_owned());
        values("phr").await;
        assert_eq!(by_provider.gets("/members").await.problem(), shut);
        assert_eq!(ana.key("Ben's").await.state, ApiKeyState::NeedsSecondFactor);
        provider.twist(Twist::claim("amr", json!(["phr"])));
        theirs.signs_in_by(&provider, &method, claims).await;
        assert!(theirs.home().await.is_ok());
        assert_eq!(by_provider.gets("/members").await.problem(), shut);
        // The app is gone.
        let app = dora.factors().await.unwrap().factors[0].id;
        dora.removes_factor(app).await.unwrap();
        assert_eq!(by_app.gets("/members").await.problem(), shut);
        assert_eq!(ana.key("Dora's").await.state, ApiKeyState::NeedsSecondFactor);
        ana.takes_key_over("Dora's").await.unwrap();
        assert_eq!(asks(&by_app).await, 200);
    }

    async fn lt_01_r37_a_key_rests_while_its_makers_login_is_about_to_be_deleted_and_dies_with_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let program = ben.equips("CI", &["users.read"]).await;
        let form = [("form[confirmation]", "ben@example.org"), ("form[present_password]", crate::support::PASSWORD)];
        ben.call::<Value>("me/delete", &form).await.unwrap();
        assert_eq!(program.gets("/members").await.problem(), dead());
        assert_eq!(ana.key("CI").await.state, ApiKeyState::Resting);
        ben.call::<Value>("me/keep", &[]).await.unwrap();
        assert_eq!(asks(&program).await, 200, "he thought again");
        ben.call::<Value>("me/delete", &form).await.unwrap();
        world.advance(Span::days(15));
        let stop = tokio_util::sync::CancellationToken::new();
        assert!(world.services.clean_up_if_due(&stop).await.unwrap());
        assert_eq!(asks(&program).await, 401);
        let ana = world.browser();
        ana.sign_in("ana@example.org", crate::support::PASSWORD).await.unwrap();
        assert_eq!(ana.key("CI").await.state, ApiKeyState::OwnerGone);
    }

    async fn r37_r64_a_removal_says_which_keys_die_with_it_and_a_suspension_which_rest(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ben.equips("Deploy", &["users.read"]).await;
        ben.makes_key("Short", &["users.read"], "1").await.unwrap();
        let program = ana.equips("CI", &["users.read"]).await;
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let row = ana.row("ben@example.org").await;
        assert_eq!(ana.plans_removal(&row).await.unwrap().keys, ["Short", "Deploy"]);
        world.advance(Span::days(1));
        assert_eq!(ana.plans_removal(&row).await.unwrap().keys, ["Deploy"], "what has expired is dead already");
        let dialog = ana.get(&format!("/a/acme/settings/users/{}/remove", row.id)).await.body;
        assert!(dialog.contains("stop working for good, even if you undo this: Deploy."), "{dialog}");
        assert!(dialog.contains("These API keys stop for good: Deploy."), "{dialog}");
        let page = ana.get(&format!("/a/acme/settings/users/{}", row.id)).await.body;
        assert!(page.contains("<dt>API keys") && page.contains("<dd>Deploy"), "{page}");
        let told = program.gets(&format!("/members/{}", row.id)).await.json();
        assert_eq!((&told["api_keys"], &told["sponsored_invitations"]), (&json!(["Deploy"]), &json!([])));
        let hers = program.gets(&format!("/members/{}", ana.row("ana@example.org").await.id)).await.json();
        assert_eq!((&hers["api_keys"], &hers["sponsored_invitations"]), (&json!(["CI"]), &json!(["eve@example.org"])));
        let none = ana.get(&format!("/a/acme/settings/users/{}/remove", ana.row("eve@example.org").await.id)).await.body;
        assert!(!none.contains("API keys stop"), "{none}");
        ana.removes(&row).await.unwrap();
        assert_eq!(ana.plans_removal(&ana.row("ben@example.org").await).await.unwrap().keys, [""; 0]);
    }

    async fn se_07_whoever_makes_a_key_is_told_and_so_is_whose_it_was(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let made = ben.makes_key("CI", &["users.read"], "").await.unwrap();
        let mail = world.mail_to("ben@example.org", 1).await;
        assert_eq!(mail.header("subject").as_deref(), Some("A new API key for Acme"));
        let text = mail.part("text/plain");
        assert!(text.contains("/a/acme/settings/api-keys") && !text.contains(&made.key), "{text}");
        ana.takes_key_over("CI").await.unwrap();
        let told = world.mail_to("ben@example.org", 2).await.header("subject");
        assert_eq!(told.as_deref(), Some("Your API key for Acme was taken over"));
        // Nobody is told what they did themselves, and nothing of an account that they have left.
        ana.takes_key_over("CI").await.unwrap();
        ben.equips("Second", &["users.read"]).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        ana.takes_key_over("Second").await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'api_key_taken_over'").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'api_key_made'").await, 2);
    }

    async fn lg_01_taking_a_key_over_is_recorded_about_whose_it_was(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ben.equips("CI", &["users.read"]).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        ana.takes_key_over("CI").await.unwrap();
        let event = "SELECT d.actor || ' ' || d.target || ' ' || e.data FROM audit_events e
                       JOIN audit_details d ON d.account_id = e.account_id AND d.seq = e.seq
                       JOIN members m ON m.id = e.target_id WHERE e.kind = 'api_key_taken_over'";
        let events = world.texts(event).await;
        assert!(matches!(&events[..], [one] if one.starts_with("Ana Owner ben@example.org {") && one.contains("CI")), "{events:?}");
    }

    async fn lt_01_keys_are_made_and_revoked_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let page = "/a/acme/settings/api-keys";
        let empty = ana.get(page).await.body;
        assert!(empty.contains("No API keys yet"), "{empty}");
        let fields = [
            ("account", "acme"),
            ("form[name]", "<b>CI</b>"),
            ("form[permissions][]", "users.read"),
            ("form[lifetime]", "90"),
        ];
        let made = ana.submits(page, "api-keys/make", &fields).await.body;
        let key = made.split("roster_").nth(1).unwrap_or_else(|| panic!("shown: {made}")).split(['"', '<', '&']).next().unwrap();
        let program = Program::new(&world, &format!("roster_{key}"));
        assert_eq!(asks(&program).await, 200);
        assert!(made.contains("curl") && !made.contains("<b>CI"), "an example to try it by");
        assert!(!ana.get(page).await.body.contains(key), "shown once");

        let long = "Kept text ".repeat(7);
        let wrong = ana.submits(page, "api-keys/make", &[("account", "acme"), ("form[name]", &long)]).await.body;
        assert!(wrong.contains(&long) && wrong.contains("aria-invalid=\"true\""), "what was typed is there: {wrong}");
        let id = ana.key("<b>CI</b>").await.id.to_string();
        let revoked = ana.submits(page, "api-keys/revoke", &[("account", "acme"), ("key", &id)]).await.body;
        assert!(revoked.contains("The API key was revoked."), "{revoked}");
        assert_eq!(asks(&program).await, 401);
    }
}
