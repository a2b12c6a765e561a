//! Signing in and out, and what a session is.

use crate::support::{PASSWORD, both_databases, no_longer_in_acme};
use app::{
    domain::{role::BuiltInRole, time::Span},
    error::AppError,
};
use axum::http::StatusCode;
use server::storage::Tx;

both_databases! {
    async fn signing_in_leads_to_the_only_account_or_to_the_chooser(world: World) {
        let ana = world.owner("ana@example.org").await;
        let browser = world.browser();
        assert_eq!(browser.sign_in(" ANA@example.org ", PASSWORD).await, Ok("/a/acme".to_owned()));
        ana.opens_account("Beta", "beta").await.unwrap();
        assert_eq!(world.browser().sign_in("ana@example.org", PASSWORD).await, Ok("/accounts".to_owned()));
        let fields = [("form[email]", "ana@example.org"), ("form[password]", PASSWORD), ("form[account]", "beta")];
        assert_eq!(world.browser().call::<String>("session/sign-in", &fields).await, Ok("/a/beta".to_owned()));
    }

    async fn br_08_signing_in_goes_on_to_paths_of_our_own_alone(world: World) {
        world.owner("ana@example.org").await;
        for (next, expected) in [("/a/acme/settings/users?q=x", "/a/acme/settings/users?q=x"), ("//evil.example", "/a/acme"), ("https://evil.example", "/a/acme")] {
            let fields = [("form[email]", "ana@example.org"), ("form[password]", PASSWORD), ("form[next]", next)];
            assert_eq!(world.browser().call::<String>("session/sign-in", &fields).await, Ok(expected.to_owned()));
        }
    }

    async fn en_01_every_failed_sign_in_gets_the_same_answer(world: World) {
        world.owner("ana@example.org").await;
        let over_long = "x".repeat(300);
        let mut answers = Vec::new();
        for (email, password) in [
            ("ana@example.org", "wrong password entirely"),
            ("nobody@example.org", "wrong password entirely"),
            ("ana@example.org", over_long.as_str()),
            ("not an address", "wrong password entirely"),
            ("", ""),
        ] {
            let answer = world.browser().post("session/sign-in", &[("form[email]", email), ("form[password]", password)]).await;
            answers.push((answer.status, answer.body));
        }
        assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
    }

    async fn en_04_failed_sign_ins_are_limited_and_successes_are_not(world: World) {
        world.owner("ana@example.org").await;
        for _ in 0..25 {
            world.browser().sign_in("ana@example.org", PASSWORD).await.unwrap();
        }
        for _ in 0..20 {
            assert_eq!(world.browser().sign_in("ana@example.org", "wrong password entirely").await, Err(AppError::WrongCredentials));
        }
        let answer = world.browser().post("session/sign-in", &[("form[email]", "ana@example.org"), ("form[password]", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers.contains_key("retry-after"));
        world.advance(Span::minutes(5));
        world.browser().sign_in("ana@example.org", PASSWORD).await.unwrap();
    }

    async fn en_09_fifty_wrong_sign_ins_at_once_count_fifty(world: World) {
        world.owner("ana@example.org").await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let browser = world.browser();
            tasks.spawn(async move { browser.sign_in("ana@example.org", "wrong password entirely").await });
        }
        let outcomes = tasks.join_all().await;
        // A slow machine may be too busy to hash all that were let through (PW-07); they count all the same.
        let limited = outcomes.iter().filter(|outcome| matches!(outcome, Err(AppError::RateLimited { .. }))).count();
        assert_eq!(limited, 30, "no more than the limit are let through to be hashed: {outcomes:?}");
        assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    }

    async fn en_06_failures_from_elsewhere_do_not_lock_a_known_browser_out(world: World) {
        world.owner("ana@example.org").await;
        let known = world.browser();
        known.sign_in("ana@example.org", PASSWORD).await.unwrap();
        known.sign_out().await;
        // Other addresses try, each below its own limit.
        let world = world.configured(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
        let elsewhere = world.browser();
        for n in 0..40 {
            elsewhere.comes_from(&format!("203.0.113.{n}"));
            let _ = elsewhere.sign_in("ana@example.org", "wrong password entirely").await;
        }
        elsewhere.comes_from("203.0.113.99");
        assert!(matches!(elsewhere.sign_in("ana@example.org", PASSWORD).await, Err(AppError::RateLimited { .. })));
        known.at(&world).sign_in("ana@example.org", PASSWORD).await.unwrap();
    }

    async fn se_05_a_session_that_was_signed_out_is_dead_on_the_server(world: World) {
        let ana = world.owner("ana@example.org").await;
        let thief = world.browser();
        let cookie = ana.cookie("session").unwrap();
        thief.set_cookie("roster_session_3000", &cookie);
        assert!(thief.me().await.is_some());
        ana.sign_out().await;
        assert!(ana.cookie("session").is_none());
        thief.set_cookie("roster_session_3000", &cookie);
        assert!(thief.me().await.is_none());
    }

    async fn se_01_a_session_id_is_stored_hashed(world: World) {
        let ana = world.owner("ana@example.org").await;
        let cookie = ana.cookie("session").unwrap();
        assert!(cookie.len() >= 43);
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE LENGTH(hash) = 32").await, 1);
    }

    async fn se_02_signing_in_again_ends_the_browsers_earlier_session(world: World) {
        let ana = world.owner("ana@example.org").await;
        let before = ana.cookie("session").unwrap();
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_ne!(ana.cookie("session").unwrap(), before);
        let thief = world.browser();
        thief.set_cookie("roster_session_3000", &before);
        assert!(thief.me().await.is_none());
    }

    async fn se_04_a_session_ends_when_idle_and_in_any_case_in_the_end(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.advance(Span::days(7) + Span::seconds(1));
        assert!(ana.me().await.is_none());

        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        for _ in 0..4 {
            world.advance(Span::days(6));
            assert!(ana.me().await.is_some(), "used every six days");
        }
        world.advance(Span::days(6) + Span::seconds(1));
        assert!(ana.me().await.is_none(), "thirty days are the most");
    }

    async fn f05_f07_a_note_that_cannot_be_written_keeps_nobody_from_reading(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.advance(Span::minutes(10));
        let mut other = world.services.database.begin_write().await.unwrap();
        match &mut other {
            // SQLite has one writer anyway.
            Tx::Sqlite(_) => {}
            Tx::Postgres(tx) => {
                sqlx::query("UPDATE sessions SET last_seen_at = last_seen_at").execute(&mut **tx).await.unwrap();
                sqlx::query("UPDATE members SET last_active_at = last_active_at").execute(&mut **tx).await.unwrap();
            }
        }
        assert!(ana.me().await.is_some());
        assert!(ana.list(&Default::default()).await.is_ok());
        other.commit().await.unwrap();
        ana.list(&Default::default()).await.unwrap();
        for latest in ["SELECT MAX(last_seen_at) FROM sessions", "SELECT MAX(last_active_at) FROM members"] {
            assert_eq!(world.count(latest).await, world.now().0, "noted when it can be");
        }
    }

    async fn se_11_the_oldest_of_too_many_sessions_ends(world: World) {
        let ana = world.owner("ana@example.org").await;
        for _ in 0..20 {
            world.advance(Span::seconds(1));
            world.browser().sign_in("ana@example.org", PASSWORD).await.unwrap();
        }
        assert!(ana.me().await.is_none());
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 20);
    }

    async fn se_12_answers_with_anybodys_data_are_not_stored(world: World) {
        let ana = world.owner("ana@example.org").await;
        for answer in [ana.get("/a/acme/settings/users").await, ana.post("session/whoami", &[]).await] {
            assert_eq!(answer.headers["cache-control"], "no-store");
        }
    }

    async fn se_10_every_way_of_signing_in_checks_that_the_member_is_active(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        let row = ana.row("ben@example.org").await;
        ana.removes(&row).await.unwrap();
        let again = world.browser();
        assert_eq!(again.sign_in("ben@example.org", PASSWORD).await, Ok("/accounts".to_owned()));
        assert_eq!(again.home().await, Err(no_longer_in_acme()));
        assert_eq!(ben.home().await, Err(no_longer_in_acme()));
    }
}
