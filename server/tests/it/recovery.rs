//! Forgotten passwords: what is answered to whom, what a link is worth, and what choosing a new password ends.

use crate::support::{Browser, PASSWORD, World, both_databases, holds};
use app::{
    api::recovery::{PasswordResetAsked, PasswordResetView},
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::ShownState,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::http::StatusCode;
use serde_json::json;

const NEW_PASSWORD: &str = "an entirely different passphrase";
const ASK: &str = "recovery/ask-for-password-reset";
const RESET: &str = "recovery/reset-password";

async fn asks(world: &World, email: &str) -> Result<PasswordResetAsked, AppError> {
    world.browser().call(ASK, &[("form[email]", email)]).await
}

async fn view(browser: &Browser) -> PasswordResetView {
    browser.call("recovery/view-password-reset", &[]).await.unwrap()
}

async fn resets(browser: &Browser) -> Result<String, AppError> {
    browser.call(RESET, &[("form[password]", NEW_PASSWORD)]).await
}

/// A browser that has opened the link in the `nth` mail to an address.
async fn opened(world: &World, email: &str, nth: usize) -> Browser {
    let browser = world.browser();
    let answer = browser.get(&world.reset_link_to(email, nth).await).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/reset-password"));
    browser
}

both_databases! {
    async fn pw_10_a_mailed_link_sets_a_new_password_once(world: World) {
        world.owner("ana@example.org").await;
        assert_eq!(asks(&world, " Ana@Example.org ").await, Ok(PasswordResetAsked::Mailed { email: "Ana@Example.org".to_owned() }));
        let ana = opened(&world, "ana@example.org", 0).await;
        assert!(matches!(view(&ana).await, PasswordResetView::Open { email, .. } if email == "ana@example.org"));
        let same_link = opened(&world, "ana@example.org", 0).await;

        assert_eq!(resets(&ana).await, Ok("/login?notice=password-changed".to_owned()));
        assert_eq!(world.browser().sign_in("ana@example.org", PASSWORD).await, Err(AppError::WrongCredentials));
        assert_eq!(world.browser().sign_in("ana@example.org", NEW_PASSWORD).await, Ok("/a/acme".to_owned()));
        assert_eq!(view(&same_link).await, PasswordResetView::Ended);
        assert_eq!(resets(&same_link).await, Err(AppError::OpenTheLinkAgain));
    }

    async fn pw_08_se_09_choosing_a_new_password_signs_nobody_in_and_ends_every_session(world: World) {
        let ana = world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        let elsewhere = opened(&world, "ana@example.org", 0).await;
        assert!(elsewhere.me().await.is_none(), "SE-09: the link begins no session");
        resets(&elsewhere).await.unwrap();
        assert!(elsewhere.me().await.is_none(), "nor does the new password");
        assert!(ana.me().await.is_none(), "SE-07: the earlier sessions are over");
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 0);
    }

    async fn se_07_the_person_is_told_of_the_new_password(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        resets(&opened(&world, "ana@example.org", 0).await).await.unwrap();
        let told = world.mail_to("ana@example.org", 1).await.part("text/plain");
        assert!(told.contains("was changed") && told.contains("/forgot-password"), "{told}");
        assert_eq!(world.texts("SELECT kind FROM user_events WHERE kind <> 'signed_in'").await, ["password_reset"]);
    }

    async fn pw_10_the_newest_link_ends_the_earlier_ones(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        let first = opened(&world, "ana@example.org", 0).await;
        asks(&world, "ana@example.org").await.unwrap();
        assert_eq!(view(&first).await, PasswordResetView::Ended);
        assert!(matches!(view(&opened(&world, "ana@example.org", 1).await).await, PasswordResetView::Open { .. }));
    }

    async fn pw_10_a_link_ends_after_an_hour(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        let ana = opened(&world, "ana@example.org", 0).await;
        world.advance(Span::minutes(59));
        assert!(matches!(view(&ana).await, PasswordResetView::Open { .. }));
        world.advance(Span::minutes(1));
        assert_eq!(resets(&ana).await, Err(AppError::OpenTheLinkAgain));
    }

    async fn pw_10_of_many_uses_of_a_link_at_once_one_wins(world: World) {
        world.owner("ana@example.org").await;
        let world = world.configured(|config| config.limits.sign_in_burst = 100);
        asks(&world, "ana@example.org").await.unwrap();
        let ana = opened(&world, "ana@example.org", 0).await;
        let uses = (0..8).map(|n| {
            let browser = ana.clone();
            async move {
                let password = format!("{NEW_PASSWORD} number {n}");
                let answer = browser.call::<String>(RESET, &[("form[password]", &password)]).await;
                answer.is_ok().then_some(password)
            }
        });
        let winners: Vec<_> = futures::future::join_all(uses).await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        world.browser().sign_in("ana@example.org", &winners[0]).await.unwrap();
    }

    async fn inv_06_opening_a_reset_link_changes_nothing(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        let link = world.reset_link_to("ana@example.org", 0).await;
        world.stops_mailing().await;
        let before = world.rows().await;
        for _ in 0..20 {
            let scanner = world.browser();
            let answer = scanner.get(&link).await;
            assert_eq!(answer.headers["referrer-policy"], "no-referrer");
            let page = scanner.get("/reset-password").await;
            assert!(!page.body.contains(link.trim_start_matches("/r/")), "INV-07: the token is in no page");
        }
        assert_eq!(world.rows().await, before);
        resets(&opened(&world, "ana@example.org", 0).await).await.unwrap();
    }

    async fn inv_02_the_database_holds_no_reset_token_in_clear(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        let link = world.reset_link_to("ana@example.org", 0).await;
        assert!(!holds(&world.dump().await, link.trim_start_matches("/r/")));
    }

    async fn en_02_asking_for_a_new_password_does_the_same_for_every_address(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let world = world.configured(|config| config.limits.recovery_burst = 100);
        ana.brings_in_by(&provider, &method, "eva@example.org", json!({"sub": "e-1", "email": "eva@example.org"}), &Grant::of(BuiltInRole::Viewer)).await;
        world.stops_mailing().await;
        let mut seen = Vec::new();
        for email in ["ana@example.org", "eva@example.org", "bob@example.org"] {
            let before = written(&world).await;
            let answer = world.browser().post(ASK, &[("form[email]", email)]).await;
            let after = written(&world).await;
            let rows: Vec<i64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
            seen.push((answer.status, answer.body.replace(email, "…"), rows));
        }
        assert_eq!(seen[0].2, [1, 1, 0], "a link, a mail, no event");
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:?}");
    }

    async fn en_02_an_address_that_nobody_signs_in_with_gets_no_mail(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "nobody@example.org").await.unwrap();
        asks(&world, "ana@example.org").await.unwrap();
        world.mail_to("ana@example.org", 0).await;
        world.stops_mailing().await;
        assert!(world.mail.mails().iter().all(|mail| mail.to == ["ana@example.org"]));
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE state = 'dropped'").await, 1);
    }

    async fn pw_10_who_has_no_password_is_told_where_to_sign_in(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        ana.brings_in_by(&provider, &method, "eva@example.org", json!({"sub": "e-1", "email": "eva@example.org"}), &Grant::of(BuiltInRole::Viewer)).await;
        let before = world.mail.mails().iter().filter(|mail| mail.to == ["eva@example.org"]).count();
        asks(&world, "eva@example.org").await.unwrap();
        let mail = world.mail_to("eva@example.org", before).await.part("text/plain");
        assert!(mail.contains("/login/acme") && !mail.contains("/r/"), "{mail}");
    }

    async fn en_04_links_are_limited_by_client_and_by_mailbox(world: World) {
        let world = world.configured(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
        world.owner("ana@example.org").await;
        let from = |ip: &str| {
            let browser = world.browser();
            browser.comes_from(ip);
            browser
        };
        let ask = async |browser: &Browser, email: &str| browser.post(ASK, &[("form[email]", email)]).await.status;
        let stranger = from("203.0.113.7");
        for n in 0..3 {
            assert_eq!(ask(&stranger, &format!("n{n}@example.org")).await, StatusCode::OK);
        }
        assert_eq!(ask(&stranger, "n3@example.org").await, StatusCode::TOO_MANY_REQUESTS);
        for n in 0..3 {
            assert_eq!(ask(&from(&format!("203.0.113.{}", 20 + n)), "ana@example.org").await, StatusCode::OK);
        }
        assert_eq!(ask(&from("203.0.113.30"), "ana+tag@example.org").await, StatusCode::TOO_MANY_REQUESTS, "EN-05");
    }

    async fn r13_a_reset_by_mail_of_a_login_that_proved_no_mailbox_holds_its_memberships(world: World) {
        let mailless = world.without_mail_server();
        let ana = world.owner("ana@example.org").await.at(&mailless);
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let ben = mailless.browser();
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();

        asks(&world, "ben@example.org").await.unwrap();
        resets(&opened(&world, "ben@example.org", 0).await).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Suspended, "the account decides anew");
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 0);
    }

    async fn pw_10_without_a_mail_server_the_operator_hands_a_link_over(world: World) {
        world.owner("ana@example.org").await;
        let world = world.without_mail_server();
        assert_eq!(asks(&world, "ana@example.org").await, Ok(PasswordResetAsked::NoMailServer));
        let email = app::domain::email::Email::parse("ana@example.org").unwrap();
        let link = world.services.password_reset_link(&email).await.unwrap().unwrap();
        let ana = world.browser();
        ana.get(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        resets(&ana).await.unwrap();
        world.browser().sign_in("ana@example.org", NEW_PASSWORD).await.unwrap();
        let nobody = app::domain::email::Email::parse("nobody@example.org").unwrap();
        assert_eq!(world.services.password_reset_link(&nobody).await.unwrap(), None);
    }

    async fn pw_05_a_poor_password_is_refused_at_its_field_and_the_link_lives_on(world: World) {
        world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        let ana = opened(&world, "ana@example.org", 0).await;
        let answer = ana.call::<String>(RESET, &[("form[password]", "short")]).await;
        let too_short = Problem::TooShort { least: 15 };
        assert_eq!(answer, Err(AppError::Invalid(FieldErrors::one(Field::Password, too_short))));
        assert!(matches!(ana.call::<String>(RESET, &[("form[password]", "passwordpassword")]).await, Err(AppError::Invalid(_))));
        resets(&ana).await.unwrap();
    }

    async fn az_09_no_account_sees_the_mails_of_a_login(world: World) {
        let ana = world.owner("ana@example.org").await;
        asks(&world, "ana@example.org").await.unwrap();
        world.mail_to("ana@example.org", 0).await;
        let outbox: serde_json::Value = ana.call("outbox/list", &[("account", "acme")]).await.unwrap();
        assert_eq!(outbox["mails"], json!([]));
    }

    async fn br_14_a_forgotten_password_is_replaced_without_scripting(world: World) {
        world.owner("ana@example.org").await;
        let browser = world.browser();
        let page = browser.get("/login/acme?next=%2Fa%2Facme%2Fsettings%2Fusers").await.body;
        let way = "/forgot-password?next=%2Flogin%2Facme%3Fnext%3D%252Fa%252Facme%252Fsettings%252Fusers";
        assert!(page.contains(way), "{page}");
        let next = "/login/acme?next=%2Fa%2Facme%2Fsettings%2Fusers";
        let fields = [("form[email]", "ana@example.org"), ("form[next]", next)];
        let page = browser.submits("/forgot-password", ASK, &fields).await.body;
        assert!(page.contains("If there’s a login with ana@example.org"), "{page}");
        browser.get(&world.reset_link_to("ana@example.org", 0).await).await;
        let page = browser.submits("/reset-password", RESET, &[("form[password]", "short")]).await.body;
        assert!(page.contains("aria-invalid=\"true\""), "{page}");
        let location = browser.is_sent_on(Some("/reset-password"), RESET, &[("form[password]", NEW_PASSWORD)]).await;
        assert_eq!(location, format!("{next}&notice=password-changed"));
        assert!(browser.get(&location).await.body.contains("Your password was changed"));
    }
}

/// How many links, mails and events of logins there are.
async fn written(world: &World) -> [i64; 3] {
    [
        world.count("SELECT COUNT(*) FROM password_resets").await,
        world.count("SELECT COUNT(*) FROM outbox").await,
        world.count("SELECT COUNT(*) FROM user_events").await,
    ]
}
