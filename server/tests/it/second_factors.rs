//! Second factors: apps and recovery codes, the second step of signing in, and the ways around it that there are not (LT-07, LT-09, SE-02,
//! SE-07, AZ-16, R49, CF-03, EN-06).

use crate::support::{Browser, PASSWORD, World, both_databases, factors::App, hex, holds, provider::Twist};
use app::{
    api::{
        login_methods::NextPage,
        second_factors::{SecondFactorAdded, SecondStepView},
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::http::StatusCode;
use serde_json::json;
use std::collections::BTreeSet;

const ANA: &str = "ana@example.org";
const STEP: Span = Span::seconds(30);

fn wrong(field: Field) -> AppError {
    FieldErrors::one(field, Problem::WrongCode).into()
}

/// Ana, who owns Acme and has just added an app.
async fn ana_with_app(world: &World) -> (Browser, App) {
    let ana = world.owner(ANA).await;
    let app = ana.adds_app().await.unwrap();
    world.advance(STEP);
    (ana, app)
}

/// The path of the link to choose a new password, among the mails to Ana.
async fn reset_link(world: &World) -> String {
    for nth in 0.. {
        let mail = world.mail_to(ANA, nth).await;
        if mail.part("text/plain").contains("/r/") {
            return format!("/r/{}", mail.token_after("/r/"));
        }
    }
    unreachable!("there is always a next mail, or the wait for it ends the test")
}

/// A browser in which Ana is remembered, signed out.
async fn remembered(world: &World, app: &App) -> Browser {
    let browser = world.browser();
    browser.sign_in(ANA, PASSWORD).await.unwrap();
    browser.types_code_and_is_remembered(&app.shows(world)).await.unwrap();
    world.advance(STEP);
    browser.sign_out().await;
    browser
}

both_databases! {
    async fn lt_09_a_remembered_browser_signs_in_by_the_password_alone_for_30_days(world: World) {
        let (_, app) = ana_with_app(&world).await;
        let browser = remembered(&world, &app).await;
        assert_eq!(browser.sign_in(ANA, PASSWORD).await.unwrap(), "/a/acme");
        browser.sign_out().await;
        assert_eq!(world.browser().sign_in(ANA, PASSWORD).await.unwrap(), "/second-factor", "another browser is not");
        let cookie = browser.cookie("remembered").unwrap();
        assert!(!holds(&world.dump().await, &cookie), "it is stored hashed");
        world.advance(Span::days(30));
        assert_eq!(browser.sign_in(ANA, PASSWORD).await.unwrap(), "/second-factor");
    }

    async fn lt_09_a_remembered_browser_is_remembered_for_its_user_alone(world: World) {
        let (ana, app) = ana_with_app(&world).await;
        let browser = remembered(&world, &app).await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ben.adds_app().await.unwrap();
        assert_eq!(browser.sign_in("ben@example.org", PASSWORD).await.unwrap(), "/second-factor");
    }

    async fn lt_09_a_remembered_browser_is_no_proof_where_a_fresh_one_is_asked_for(world: World) {
        let (_, app) = ana_with_app(&world).await;
        let browser = remembered(&world, &app).await;
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        let factor = browser.factors().await.unwrap();
        assert!(!factor.recently_authenticated);
        assert_eq!(browser.removes_factor(factor.factors[0].id).await, Err(AppError::ReauthenticationRequired));
        assert_eq!(browser.begins_app().await.err(), Some(AppError::ReauthenticationRequired));
        // Nor for what asks for the password once more.
        let present = ("form[present_password]", PASSWORD);
        for (function, fields) in [
            ("me/change-password", [present, ("form[password]", "an entirely different passphrase")]),
            ("me/ask-for-address-change", [present, ("form[email]", "ana@elsewhere.example.org")]),
            ("me/delete", [present, ("form[confirmation]", ANA)]),
        ] {
            let answer = browser.call::<serde_json::Value>(function, &fields).await;
            assert_eq!(answer.err(), Some(AppError::ReauthenticationRequired), "{function}");
        }
        // AZ-16: nor for what is most dangerous in an account.
        let method = browser.call::<NextPage>("login-methods/add", &[("account", "acme"), ("preset", "google")]).await;
        assert_eq!(method.err(), Some(AppError::ReauthenticationRequired));
        // The password once more leads to the second step; a code is the proof.
        assert_eq!(browser.confirms_by("form[password]", PASSWORD).await.unwrap(), "/second-factor");
        browser.confirms_by("form[code]", &app.shows(&world)).await.unwrap();
        assert!(browser.factors().await.unwrap().recently_authenticated);
        assert!(browser.call::<NextPage>("login-methods/add", &[("account", "acme"), ("preset", "google")]).await.is_ok());
    }

    async fn lt_09_pw_08_a_new_password_by_a_link_leaves_the_second_factor_as_it_was(world: World) {
        let (_, app) = ana_with_app(&world).await;
        let known = remembered(&world, &app).await;
        known.call::<serde_json::Value>("recovery/ask-for-password-reset", &[("form[email]", ANA)]).await.unwrap();
        known.get(&reset_link(&world).await).await;
        let password = "an entirely different passphrase";
        known.call::<String>("recovery/reset-password", &[("form[password]", password)]).await.unwrap();
        assert!(known.me().await.is_none());
        for browser in [&known, &world.browser()] {
            assert_eq!(browser.sign_in(ANA, password).await.unwrap(), "/second-factor", "remembered or not");
            assert!(browser.me().await.is_none());
        }
        assert_eq!(known.types_code(&app.shows(&world)).await.unwrap(), "/a/acme");
    }

    async fn lt_09_a_remembered_browser_is_forgotten_by_hand_and_with_every_change_of_credentials(world: World) {
        let (ana, app) = ana_with_app(&world).await;
        let browser = remembered(&world, &app).await;
        let listed = ana.factors().await.unwrap().remembered;
        assert_eq!(listed.len(), 1);
        ana.call::<()>("second-factors/forget-browser", &[("browser", &listed[0].id.to_string())]).await.unwrap();
        assert_eq!(browser.sign_in(ANA, PASSWORD).await.unwrap(), "/second-factor");

        let again = remembered(&world, &app).await;
        assert_eq!(again.sign_in(ANA, PASSWORD).await.unwrap(), "/a/acme");
        ana.adds_app().await.unwrap();
        assert_eq!(again.sign_in(ANA, PASSWORD).await.unwrap(), "/second-factor", "another factor");

        world.advance(STEP);
        let once_more = remembered(&world, &app).await;
        world.services.reset_factors(ANA).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM remembered_browsers").await, 0);
        drop(once_more);
    }

    async fn lt_09_a_right_password_signs_nobody_in_who_has_a_second_factor(world: World) {
        let (_, app) = ana_with_app(&world).await;
        let browser = world.browser();
        assert_eq!(browser.second_step().await, SecondStepView::Ended);
        assert_eq!(browser.sign_in(ANA, "certainly the wrong one").await, Err(AppError::WrongCredentials));
        assert_eq!(browser.second_step().await, SecondStepView::Ended);

        assert_eq!(browser.sign_in(ANA, PASSWORD).await.unwrap(), "/second-factor");
        assert!(browser.cookie("session").is_none() && browser.cookie("known").is_none());
        assert_eq!(browser.second_step().await, SecondStepView::Waiting { email: ANA.to_owned(), app: true, passkey: false });
        assert!(browser.me().await.is_none());
        assert_eq!(browser.home().await, Err(AppError::Unauthenticated));
        // What waits is no session, wherever its cookie is put.
        let waits = browser.cookie("second_factor").unwrap();
        let thief = world.browser();
        thief.set_cookie("roster_session_3000", &waits);
        assert!(thief.me().await.is_none());
        assert!(!holds(&world.dump().await, &waits));

        assert_eq!(browser.types_code("000000").await, Err(wrong(Field::Code)));
        assert!(browser.me().await.is_none());
        assert_eq!(browser.types_code(&app.shows(&world)).await.unwrap(), "/a/acme");
        assert_eq!(browser.me().await.unwrap().email, ANA);
        assert!(browser.cookie("second_factor").is_none() && browser.cookie("known").is_some());
        // The step is over: its cookie leads nowhere any more.
        let again = world.browser();
        again.set_cookie("roster_second_factor_3000", &waits);
        world.advance(STEP);
        assert_eq!(again.types_code(&app.shows(&world)).await, Err(AppError::Unauthenticated));
    }

    async fn signing_in_goes_on_to_where_it_was_to_lead_after_the_second_step(world: World) {
        let (ana, app) = ana_with_app(&world).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        for (account, next, leads) in [
            ("", "", "/accounts"),
            ("beta", "", "/a/beta"),
            ("", "/a/acme/settings/users?q=x", "/a/acme/settings/users?q=x"),
            ("", "//evil.example", "/accounts"),
            ("acme", "/second-factor", "/a/acme"),
        ] {
            let browser = world.browser();
            let fields = [("form[email]", ANA), ("form[password]", PASSWORD), ("form[account]", account), ("form[next]", next)];
            assert_eq!(browser.call::<String>("session/sign-in", &fields).await.unwrap(), "/second-factor");
            assert_eq!(browser.types_code(&app.shows(&world)).await.unwrap(), leads, "{account} {next}");
            world.advance(STEP);
        }
    }

    async fn lt_07_each_code_works_once_and_none_before_it(world: World) {
        let ana = world.owner(ANA).await;
        let app = ana.adds_app().await.unwrap();
        let signs_in = async |code: &str| {
            let browser = world.browser();
            browser.sign_in(ANA, PASSWORD).await.unwrap();
            browser.types_code(code).await
        };
        assert_eq!(signs_in(&app.shows(&world)).await, Err(wrong(Field::Code)), "it confirmed the app");
        signs_in(&app.showed(&world, 1)).await.unwrap();
        assert_eq!(signs_in(&app.showed(&world, 1)).await, Err(wrong(Field::Code)));
        world.advance(Span::minutes(30));
        signs_in(&app.showed(&world, -1)).await.unwrap();
        assert_eq!(signs_in(&app.showed(&world, 2)).await, Err(wrong(Field::Code)), "a minute ahead");
        signs_in(&app.showed(&world, 1)).await.unwrap();
        assert_eq!(signs_in(&app.shows(&world)).await, Err(wrong(Field::Code)), "a later one was used");
    }

    async fn lt_07_of_fifty_uses_of_one_code_at_once_one_counts(world: World) {
        let (_, app) = ana_with_app(&world).await;
        let browser = world.browser();
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        let waits = browser.cookie("second_factor").unwrap();
        let before = world.count("SELECT COUNT(*) FROM sessions").await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (browser, code) = (world.browser(), app.shows(&world));
            browser.set_cookie("roster_second_factor_3000", &waits);
            tasks.spawn(async move { browser.types_code(&code).await });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, before + 1);
    }

    async fn lt_07_five_tries_in_five_minutes_and_nobody_is_locked_out(world: World) {
        let (ana, app) = ana_with_app(&world).await;
        ana.sign_out().await;
        let known = world.browser();
        known.signs_in_with(ANA, &app).await.unwrap();
        known.sign_out().await;
        world.advance(STEP);
        let stranger = world.browser();
        stranger.sign_in(ANA, PASSWORD).await.unwrap();
        for _ in 0..5 {
            assert_eq!(stranger.types_code("000000").await, Err(wrong(Field::Code)));
        }
        let refused = stranger.types_code(&app.shows(&world)).await;
        assert!(matches!(refused, Err(AppError::RateLimited { retry_after_s: 200..=300 })), "{refused:?}");
        assert!(matches!(stranger.types_recovery_code(&app.codes[0]).await, Err(AppError::RateLimited { .. })));
        // Signing in again, or from elsewhere, gives no further tries.
        let elsewhere = world.browser();
        elsewhere.sign_in(ANA, PASSWORD).await.unwrap();
        assert!(matches!(elsewhere.types_code("000000").await, Err(AppError::RateLimited { .. })));
        // EN-06: the browser that Ana signed in with before does not wait for the stranger.
        known.signs_in_with(ANA, &app).await.unwrap();
        world.advance(Span::minutes(5));
        stranger.types_code(&app.shows(&world)).await.unwrap();
    }

    async fn en_09_of_fifty_wrong_codes_at_once_five_are_looked_at(world: World) {
        ana_with_app(&world).await;
        let browser = world.browser();
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let browser = browser.clone();
            tasks.spawn(async move { browser.types_code("000000").await });
        }
        let outcomes = tasks.join_all().await;
        let looked_at = outcomes.iter().filter(|outcome| **outcome == Err(wrong(Field::Code))).count();
        assert_eq!(looked_at, 5, "{outcomes:?}");
    }

    async fn lt_07_a_recovery_code_stands_in_once(world: World) {
        let (_, app) = ana_with_app(&world).await;
        assert_eq!(app.codes.len(), 10);
        assert_eq!(app.codes.iter().collect::<BTreeSet<_>>().len(), 10);
        let dump = world.dump().await;
        for code in &app.codes {
            let plain = code.replace('-', "");
            assert!(!holds(&dump, code) && !holds(&dump, &plain), "{code}");
        }
        let browser = world.browser();
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        assert_eq!(browser.types_recovery_code("0000-0000-0000-0000").await, Err(wrong(Field::RecoveryCode)));
        browser.types_recovery_code(&app.codes[3].to_uppercase().replace('-', " ")).await.unwrap();
        assert_eq!(browser.factors().await.unwrap().recovery_codes_left, 9);
        let mail = world.mail_to(ANA, 1).await;
        assert!(mail.header("Subject").unwrap().contains("recovery code"), "{mail:?}");

        let again = world.browser();
        again.sign_in(ANA, PASSWORD).await.unwrap();
        assert_eq!(again.types_recovery_code(&app.codes[3]).await, Err(wrong(Field::RecoveryCode)));
        // New ones replace them all.
        let new = browser.makes_recovery_codes().await.unwrap().codes;
        assert_eq!(again.types_recovery_code(&app.codes[4]).await, Err(wrong(Field::RecoveryCode)));
        again.types_recovery_code(&new[4]).await.unwrap();
        // They go with the last factor (6.5.5).
        let factor = browser.factors().await.unwrap().factors[0].id;
        browser.removes_factor(factor).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM recovery_codes").await, 0);
        assert_eq!(world.browser().sign_in(ANA, PASSWORD).await.unwrap(), "/a/acme");
    }

    async fn cf_03_a_stolen_database_holds_no_seed(world: World) {
        let ana = world.owner(ANA).await;
        let (id, shown) = ana.begins_app().await.unwrap();
        assert!(shown.qr.starts_with("data:image/svg+xml;base64,") && shown.url.contains(&shown.seed));
        let app = App::with_seed(&shown.seed);
        let fields = [("form[factor]", id.as_str()), ("form[code]", &app.shows(&world)), ("form[name]", "My phone")];
        ana.call::<SecondFactorAdded>("second-factors/confirm-totp", &fields).await.unwrap();
        let dump = world.dump().await;
        let bytes = totp_rs::Secret::try_from_base32(&shown.seed).unwrap();
        let has_bytes = dump.windows(20).any(|window| window == bytes.as_bytes());
        assert!(!has_bytes && !holds(&dump, &hex(bytes.as_bytes())) && !holds(&dump, &shown.seed));
        // Once it counts, nobody sees it again.
        let seen: Result<app::api::second_factors::TotpView, _> = ana.call("second-factors/show-totp", &[("factor", &id)]).await;
        assert_eq!(seen, Err(AppError::NotFound));
        let listed = ana.factors().await.unwrap();
        assert_eq!((listed.factors[0].name.as_str(), listed.factors[0].last_used), ("My phone", None));
    }

    async fn an_app_counts_once_a_code_confirmed_it_and_not_before(world: World) {
        let ana = world.owner(ANA).await;
        let (id, shown) = ana.begins_app().await.unwrap();
        let app = App::with_seed(&shown.seed);
        let confirms = async |id: &str, code: &str| {
            ana.call::<SecondFactorAdded>("second-factors/confirm-totp", &[("form[factor]", id), ("form[code]", code)]).await
        };
        assert_eq!(confirms(&id, "000000").await, Err(wrong(Field::Code)));
        assert_eq!(confirms(&id, "").await, Err(FieldErrors::one(Field::Code, Problem::Required).into()));
        assert!(ana.factors().await.unwrap().factors.is_empty());
        assert_eq!(world.browser().sign_in(ANA, PASSWORD).await.unwrap(), "/a/acme");
        // Beginning anew replaces it; nobody else confirms it; it does not wait for ever.
        let (newer, shown) = ana.begins_app().await.unwrap();
        assert_eq!(confirms(&id, &app.shows(&world)).await, Err(AppError::NotFound));
        let app = App::with_seed(&shown.seed);
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let fields = [("form[factor]", newer.as_str()), ("form[code]", &app.shows(&world))];
        assert_eq!(ben.call::<SecondFactorAdded>("second-factors/confirm-totp", &fields).await, Err(AppError::NotFound));
        world.advance(Span::minutes(31));
        ana.confirms_by("form[password]", PASSWORD).await.unwrap();
        assert_eq!(confirms(&newer, &app.shows(&world)).await, Err(AppError::NotFound));
        let second = ana.adds_app().await.unwrap();
        assert_eq!(second.codes.len(), 10);
        // A second one beside it: either does, and the recovery codes stay.
        let third = ana.adds_app().await.unwrap();
        assert!(third.codes.is_empty());
        world.advance(STEP);
        world.browser().signs_in_with(ANA, &second).await.unwrap();
        world.browser().signs_in_with(ANA, &third).await.unwrap();
    }

    async fn se_02_se_07_adding_and_removing_a_factor_renews_the_session_ends_the_others_and_is_told(world: World) {
        let ana = world.owner(ANA).await;
        let elsewhere = world.browser();
        elsewhere.sign_in(ANA, PASSWORD).await.unwrap();
        let before = ana.cookie("session").unwrap();
        let app = ana.adds_app().await.unwrap();
        assert_ne!(ana.cookie("session").unwrap(), before);
        let thief = world.browser();
        thief.set_cookie("roster_session_3000", &before);
        assert!(thief.me().await.is_none() && elsewhere.me().await.is_none() && ana.me().await.is_some());
        let mail = world.mail_to(ANA, 0).await;
        assert!(mail.header("Subject").unwrap().contains("second factor"), "{mail:?}");

        world.advance(STEP);
        elsewhere.signs_in_with(ANA, &app).await.unwrap();
        let waits = world.browser();
        waits.sign_in(ANA, PASSWORD).await.unwrap();
        let factor = ana.factors().await.unwrap().factors[0].id;
        ana.removes_factor(factor).await.unwrap();
        assert_eq!(ana.removes_factor(factor).await, Err(AppError::NotFound));
        assert!(elsewhere.me().await.is_none() && ana.me().await.is_some());
        assert_eq!(waits.second_step().await, SecondStepView::Ended);
        let mail = world.mail_to(ANA, 1).await;
        assert!(mail.header("Subject").unwrap().contains("second factor"), "{mail:?}");
        let kinds = world.texts("SELECT kind FROM user_events WHERE kind LIKE 'second%' ORDER BY id").await;
        assert_eq!(kinds, ["second_factor_added", "second_factor_removed"]);
    }

    async fn az_16_changes_of_factors_ask_for_a_proof_of_the_last_minutes(world: World) {
        let ana = world.owner(ANA).await;
        world.advance(Span::minutes(11));
        assert_eq!(ana.begins_app().await.err(), Some(AppError::ReauthenticationRequired));
        assert!(!ana.factors().await.unwrap().recently_authenticated);
        assert_eq!(ana.confirms_by("form[password]", "certainly the wrong one").await, Err(AppError::WrongCredentials));
        let before = ana.cookie("session").unwrap();
        assert_eq!(ana.confirms_by("form[password]", PASSWORD).await.unwrap(), "/me/sign-in");
        assert_ne!(ana.cookie("session").unwrap(), before, "SE-02");
        let app = ana.adds_app().await.unwrap();

        world.advance(Span::minutes(11));
        let factor = ana.factors().await.unwrap().factors[0].id;
        assert_eq!(ana.removes_factor(factor).await, Err(AppError::ReauthenticationRequired));
        assert_eq!(ana.makes_recovery_codes().await, Err(AppError::ReauthenticationRequired));
        // Any factor does; a recovery code is for a lost phone, and not for this.
        assert_eq!(ana.confirms_by("form[code]", "000000").await, Err(wrong(Field::Code)));
        assert_eq!(ana.confirms_by("form[code]", &app.codes[0]).await, Err(wrong(Field::Code)));
        ana.confirms_by("form[code]", &app.shows(&world)).await.unwrap();
        ana.makes_recovery_codes().await.unwrap();
        world.advance(Span::minutes(11));
        ana.confirms_by("form[password]", PASSWORD).await.unwrap();
        ana.removes_factor(factor).await.unwrap();
    }

    async fn r49_oa_12_a_session_of_an_accounts_provider_changes_no_factor(world: World) {
        let (_world, provider, ana, method) = world.with_acme_sso().await;
        let claims = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let ben = ana.brings_in_by(&provider, &method, "ben@example.org", claims, &Grant::of(BuiltInRole::Editor)).await;
        let refused = AppError::from(Refusal::OwnPasswordNeeded);
        assert!(!ben.factors().await.unwrap().may_change);
        assert_eq!(ben.begins_app().await.err(), Some(refused.clone()));
        assert_eq!(ben.makes_recovery_codes().await, Err(refused.clone()));
        assert_eq!(ben.confirms_by("form[password]", PASSWORD).await, Err(refused));
    }

    async fn lt_09_no_way_in_avoids_the_second_factor(world: World) {
        // Olga owns Acme, where she signs in by a provider that cannot prove a recent sign-in. She has a password and an app.
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let app = olga.adds_app().await.unwrap();
        let row = ana.row("olga@example.org").await;
        ana.changes_login_method(&row, &method, "00u-olga").await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("olga@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        olga.sign_out().await;
        let claims = json!({ "sub": "00u-olga", "email": "olga@example.org" });
        let reaches_all = async |browser: &Browser| browser.opens_account("Gamma", "gamma").await.is_ok();

        for way in ["password", "password of a signed-in browser", "provider", "provider, then the password", "second click of signing up", "a link from an invitation"] {
            let browser = world.browser();
            match way {
                "password" => {
                    assert_eq!(browser.sign_in("olga@example.org", PASSWORD).await.unwrap(), "/second-factor", "{way}");
                }
                "password of a signed-in browser" => {
                    browser.sign_in(ANA, PASSWORD).await.unwrap();
                    assert_eq!(browser.sign_in("olga@example.org", PASSWORD).await.unwrap(), "/second-factor", "{way}");
                    assert_eq!(browser.me().await.unwrap().email, ANA, "still whose it was");
                    continue;
                }
                "provider" => {
                    browser.signs_in_by(&provider, &method, claims.clone()).await;
                    browser.home().await.unwrap();
                }
                "provider, then the password" => {
                    provider.twist(Twist::without_claim("auth_time"));
                    for _ in 0..2 {
                        browser.goes_through(&provider, &format!("/oauth/{method}/start?next=/a/acme"), claims.clone()).await;
                    }
                    world.advance(Span::minutes(11));
                    let fields = [("account", "acme"), ("form[password]", PASSWORD), ("form[next]", "/a/acme/settings/users")];
                    let asked: NextPage = browser.call("reauthentication/password", &fields).await.unwrap();
                    assert_eq!(asked.path, "/second-factor", "{way}");
                    let adds = async || browser.call::<NextPage>("login-methods/add", &[("account", "acme"), ("preset", "openid")]).await;
                    assert_eq!(adds().await, Err(AppError::ReauthenticationRequired), "{way}");
                    assert!(!reaches_all(&browser).await, "{way}");
                    assert_eq!(browser.types_code(&app.shows(&world)).await.unwrap(), "/a/acme/settings/users");
                    adds().await.unwrap();
                    assert!(reaches_all(&browser).await, "{way}: with both");
                    continue;
                }
                "second click of signing up" => {
                    // Within a minute of joining, the same form signs in again, and not past a factor that was added meanwhile.
                    ana.invites("new@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
                    let link = world.link_to("new@example.org", 0).await;
                    let (first, second) = (world.browser(), world.browser());
                    let id = first.opens_link(&link).await;
                    second.opens_link(&link).await;
                    first.signs_up(&id, "new@example.org").await.unwrap();
                    first.adds_app().await.unwrap();
                    assert_eq!(second.signs_up(&id, "new@example.org").await, Err(AppError::OpenTheLinkAgain), "{way}");
                    assert!(second.me().await.is_none(), "{way}");
                    continue;
                }
                _ => {
                    let id = browser.opens_link(&world.link_to("olga@example.org", 2).await).await;
                    assert!(browser.signs_up(&id, "olga@example.org").await.is_err(), "{way}");
                    assert_eq!(browser.joins(&id).await.err(), Some(AppError::Unauthenticated), "{way}");
                }
            }
            assert!(!reaches_all(&browser).await, "{way}");
            assert!(browser.begins_app().await.is_err(), "{way}");
        }
    }

    async fn lt_09_a_sign_in_that_waits_ends_with_its_time_and_with_its_password(world: World) {
        let (ana, app) = ana_with_app(&world).await;
        let browser = world.browser();
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        // Nobody else goes on with it.
        assert_eq!(world.browser().types_code(&app.shows(&world)).await, Err(AppError::Unauthenticated));
        world.advance(Span::minutes(10) + Span::seconds(1));
        assert_eq!(browser.second_step().await, SecondStepView::Ended);
        assert_eq!(browser.types_code(&app.shows(&world)).await, Err(AppError::Unauthenticated));

        browser.sign_in(ANA, PASSWORD).await.unwrap();
        let user = ana.world().services.database.begin_write().await.unwrap();
        drop(user);
        let mut tx = world.services.database.begin_write().await.unwrap();
        let id = server::storage::users::find_by_email(&mut tx, ANA).await.unwrap().unwrap().id;
        server::storage::users::set_password(&mut tx, id, "$argon2id$another", world.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(browser.types_code(&app.shows(&world)).await, Err(AppError::Unauthenticated));
    }

    async fn r49_the_operator_alone_resets_lost_factors_and_the_user_is_told(world: World) {
        let (ana, app) = ana_with_app(&world).await;
        assert_eq!(world.services.reset_factors("nobody@example.org").await, Err(AppError::NotFound));
        let waits = world.browser();
        waits.sign_in(ANA, PASSWORD).await.unwrap();
        assert_eq!(world.services.reset_factors(" ANA@example.org ").await, Ok(1));
        assert!(ana.me().await.is_none());
        assert_eq!(waits.types_code(&app.shows(&world)).await, Err(AppError::Unauthenticated));
        assert_eq!(world.browser().sign_in(ANA, PASSWORD).await.unwrap(), "/a/acme");
        assert_eq!(world.services.reset_factors(ANA).await, Ok(0));
        let mail = world.mail_to(ANA, 1).await;
        assert!(mail.part("text/plain").contains("whoever runs"), "{mail:?}");
        let told = world.texts("SELECT kind FROM user_events WHERE ip IS NULL").await;
        assert_eq!(told, ["second_factors_reset"]);
    }

    async fn br_14_the_second_step_and_setting_up_work_without_scripting(world: World) {
        let ana = world.owner(ANA).await;
        let page = ana.get("/me/sign-in").await.body;
        assert!(page.contains("You don’t have a second factor yet") && page.contains("Set up an authenticator app"), "{page}");
        let set_up = ana.is_sent_on(Some("/me/sign-in"), "second-factors/begin-totp", &[]).await;
        let page = ana.get(&set_up).await.body;
        assert!(page.contains("src=\"data:image/svg+xml;base64,"), "{page}");
        let seed = page.split("class=\"seed\">").nth(1).unwrap().split('<').next().unwrap();
        let app = App::with_seed(seed);
        let factor = set_up.rsplit('/').next().unwrap();
        let confirms = async |code: &str| {
            let fields = [("form[factor]", factor), ("form[code]", code), ("form[name]", "Phone")];
            ana.submits(&set_up, "second-factors/confirm-totp", &fields).await.body
        };
        let wrong = confirms("000000").await;
        assert!(wrong.contains("This code is wrong or has expired") && wrong.contains("value=\"Phone\""), "{wrong}");
        let added = confirms(&app.shows(&world)).await;
        let codes: Vec<_> = added.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert!(codes.len() == 10 && added.contains("data:text/plain"), "{added}");
        let page = ana.get("/me/sign-in").await.body;
        assert!(page.contains("Phone") && page.contains("10 of 10"), "{page}");
        assert!(!codes.iter().any(|code| page.contains(code)), "shown once");

        world.advance(STEP);
        let browser = world.browser();
        let fields = [("form[email]", ANA), ("form[password]", PASSWORD)];
        let page = browser.submits("/login", "session/sign-in", &fields).await.body;
        assert!(page.contains("Code from your app") && page.contains(ANA), "{page}");
        let page = browser.submits_second_step(&[("form[code]", "000000")]).await.body;
        assert!(page.contains("This code is wrong or has expired"), "{page}");
        let location = browser.is_sent_on(Some("/second-factor"), "session/finish-sign-in", &[("form[code]", &app.shows(&world))]).await;
        assert_eq!(location, "/a/acme");
        assert_eq!(browser.get("/a/acme").await.status, StatusCode::OK);
        // A sign-in that is gone is no error of the form.
        let page = browser.submits_second_step(&[("form[code]", "000000")]).await.body;
        assert!(page.contains("This sign-in took too long"), "{page}");

        world.advance(Span::minutes(11));
        let page = browser.get("/me/sign-in").await.body;
        assert!(page.contains("/me/reauthenticate?next=") && !page.contains("second-factors/begin-totp"), "{page}");
        let leads = browser.is_sent_on(Some("/me/reauthenticate"), "me/reauthenticate", &[("form[code]", &app.shows(&world))]).await;
        assert_eq!(leads, "/me/sign-in");
        let id = browser.factors().await.unwrap().factors[0].id.to_string();
        let page = browser.submits("/me/sign-in", "second-factors/remove", &[("factor", &id)]).await.body;
        assert!(page.contains("The second factor was removed") && page.contains("You don’t have a second factor yet"), "{page}");
    }
}
