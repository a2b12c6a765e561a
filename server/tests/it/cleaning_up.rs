//! The daily clean-up: each kind goes when it is due and not before, and what others still need stays (CF-08, R21, R39).

use crate::support::{PASSWORD, World, both_databases};
use app::{
    api::invitations::Invited,
    domain::{
        list::{ListQuery, StateFilter},
        member::ShownState,
        name::Slug,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

impl World {
    /// Lets the time pass, and then the clean-up run.
    async fn cleans_up_after(&self, span: Span) {
        self.advance(span);
        assert!(self.services.clean_up_if_due(&CancellationToken::new()).await.unwrap(), "it is due");
    }
}

const SESSIONS: &str = "SELECT COUNT(*) FROM sessions";
const PROOFS: &str = "SELECT COUNT(*) FROM session_proofs";
const MINUTE: Span = Span::minutes(1);
const MINUTE_LESS: Span = Span::minutes(-1);

both_databases! {
    async fn cf_08_the_clean_up_runs_once_a_day_however_many_instances_there_are(world: World) {
        let (stop, second) = (CancellationToken::new(), world.configured(|_| {}));
        assert!(world.services.clean_up_if_due(&stop).await.unwrap());
        assert!(!second.services.clean_up_if_due(&stop).await.unwrap());
        world.advance(Span::hours(23));
        assert!(!world.services.clean_up_if_due(&stop).await.unwrap());
        world.advance(Span::hours(1));
        assert!(second.services.clean_up_if_due(&stop).await.unwrap());
        assert!(!world.services.clean_up_if_due(&stop).await.unwrap());
    }

    async fn cf_08_sessions_go_when_they_open_nothing_any_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.cleans_up_after(Span::days(7) + MINUTE_LESS).await;
        assert!(ana.me().await.is_some());
        let idle = world.browser();
        idle.sign_in("ana@example.org", PASSWORD).await.unwrap();
        for _ in 0..3 {
            world.cleans_up_after(Span::days(6)).await;
            ana.me().await.expect("in use");
        }
        assert_eq!(world.count(SESSIONS).await, 1, "the idle one is gone");
        assert!(idle.me().await.is_none());
        world.cleans_up_after(Span::days(5) + MINUTE + MINUTE).await;
        assert_eq!((world.count(SESSIONS).await, world.count(PROOFS).await), (0, 0), "30 days are the longest");
    }

    async fn cf_08_buckets_and_used_tokens_go_and_a_full_bucket_stays_full(world: World) {
        let world = world.configured(|config| {
            config.limits.sign_in_user_burst = 1;
            config.limits.sign_in_user_per_s = 0.000_012;
        });
        world.owner("ana@example.org").await;
        let stranger = world.browser();
        assert_eq!(stranger.sign_in("ana@example.org", "wrong").await, Err(AppError::WrongCredentials));
        let tokens = "SELECT COUNT(*) FROM one_time_tokens";
        assert_eq!(world.count(tokens).await, 1, "the set-up link");
        world.cleans_up_after(Span::hours(12)).await;
        assert_eq!(world.count(tokens).await, 1);
        assert!(matches!(stranger.sign_in("ana@example.org", "wrong").await, Err(AppError::RateLimited { .. })));
        world.cleans_up_after(Span::hours(24)).await;
        assert_eq!(world.count(tokens).await, 0);
        let buckets = "SELECT COUNT(*) FROM rate_buckets WHERE key <> 'job:clean-up'";
        assert!(world.count(buckets).await > 0);
        world.cleans_up_after(Span::days(33)).await;
        assert_eq!(world.count(buckets).await, 0);
    }

    async fn cf_08_mails_lose_their_address_after_30_days_and_their_row_after_90(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let (named, rows) = ("SELECT COUNT(*) FROM outbox WHERE recipient <> ''", "SELECT COUNT(*) FROM outbox");
        let (events, said) = ("SELECT COUNT(*) FROM delivery_events", "SELECT COUNT(*) FROM delivery_events WHERE answer IS NOT NULL");
        // What is delivered later is settled later.
        world.deliver(2).await;
        for _ in 0..2_400 {
            if world.count("SELECT COUNT(*) FROM outbox WHERE state = 'queued'").await == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        world.cleans_up_after(Span::days(30) + MINUTE_LESS).await;
        assert!(world.count(named).await > 0 && world.count(events).await > 0);
        world.cleans_up_after(Span::days(1)).await;
        assert_eq!((world.count(named).await, world.count(said).await), (0, 0));
        assert!(world.count(rows).await > 0 && world.count(events).await > 0);
        assert_eq!(world.services.show_outbox().await.unwrap().len(), 0);
        world.cleans_up_after(Span::days(60)).await;
        assert_eq!((world.count(rows).await, world.count(events).await), (0, 0));
        drop(ben);
    }

    async fn cf_08_a_mail_that_waits_is_kept(world: World) {
        let world = world.configured(|config| config.limits.mails_per_account_day = 1);
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        ana.invites("eve@example.org", &viewer()).await.unwrap();
        world.cleans_up_after(Span::days(29)).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE recipient <> ''").await, 2);
    }

    async fn r21_an_expired_invitation_is_listed_for_90_days_and_its_link_tells_so(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let link = world.link_to("ben@example.org", 0).await;
        ben.opens_link(&link).await;
        world.cleans_up_after(Span::days(7 + 90) + MINUTE_LESS).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Expired);
        world.cleans_up_after(Span::days(1)).await;
        let page = ana.list(&ListQuery { state: Some(StateFilter::In(ShownState::Expired)), ..ListQuery::default() }).await.unwrap();
        assert_eq!(page.rows.len(), 0);
        for table in [
            "SELECT COUNT(*) FROM invitations",
            "SELECT COUNT(*) FROM invitation_tokens",
            "SELECT COUNT(*) FROM outbox WHERE kind = 'invitation'",
            "SELECT COUNT(*) FROM members WHERE email_key = 'ben@example.org'",
        ] {
            assert_eq!(world.count(table).await, 0, "{table}");
        }
        let again = ana.invites("ben@example.org", &viewer()).await.unwrap();
        assert!(matches!(again, Invited::Done { .. }), "{again:?}");
        let view = ben.follow(&link).await;
        assert_eq!(view.status, axum::http::StatusCode::OK, "a link that is forgotten is an unknown one");
    }

    async fn r21_an_invitation_sent_again_counts_from_then(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        world.advance(Span::days(90));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.resends(&ana.row("ben@example.org").await).await.unwrap();
        world.cleans_up_after(Span::days(10)).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Expired);
    }

    async fn r39_a_removed_member_can_be_restored_for_90_days_and_is_then_forgotten(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in("ben@example.org", &viewer()).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        world.cleans_up_after(Span::days(90) + MINUTE_LESS).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let before = ana.invites("ben@example.org", &viewer()).await.unwrap();
        assert!(matches!(before, Invited::RemovedBefore { .. }), "{before:?}");
        world.cleans_up_after(Span::days(1)).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 1, "nobody names him: the row is gone");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2, "the login is the person's own");
        assert!(matches!(ana.invites("ben@example.org", &viewer()).await.unwrap(), Invited::Done { .. }));
        let chain = world.services.check_audit(&Slug::parse("acme").unwrap()).await.unwrap().unwrap();
        assert!(chain.events.len() > 3, "audit events stay");
        assert!(world.count("SELECT COUNT(*) FROM audit_details WHERE target = 'ben@example.org'").await > 0, "the log keeps its names");
    }

    async fn r39_the_name_of_a_removed_member_stays_where_others_rows_say_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        adam.brings_in("ben@example.org", &viewer()).await;
        adam.brings_in("eve@example.org", &viewer()).await;
        adam.removes(&adam.row("eve@example.org").await).await.unwrap();
        ana.removes(&ana.row("adam@example.org").await).await.unwrap();
        world.advance(Span::days(60));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        world.cleans_up_after(Span::days(31)).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();

        let ben = ana.row("ben@example.org").await;
        let details = serde_json::to_string(&ana.shows(ben.id).await.unwrap()).unwrap();
        assert!(details.contains("\"adam\"") || details.contains("adam"), "who invited him: {details}");
        for state in [None, Some(StateFilter::In(ShownState::Removed))] {
            let page = ana.list(&ListQuery { state, ..ListQuery::default() }).await.unwrap();
            assert!(page.rows.iter().all(|row| !row.email.contains("adam") && !row.email.is_empty()), "{:?}", page.rows);
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE purged_at IS NOT NULL AND name <> '' AND email = '' AND user_id IS NULL").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE email_key LIKE '%adam%'").await, 0);
        // Adam comes back as somebody new.
        assert!(matches!(ana.invites("adam@example.org", &viewer()).await.unwrap(), Invited::Done { .. }));
        world.cleans_up_after(Span::days(2)).await;
        assert_eq!(ana.row("adam@example.org").await.state, ShownState::Invited);
    }

    async fn cf_08_ways_to_providers_flashes_and_retired_configurations_go_and_what_is_live_stays(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let (attempts, flashes) = ("SELECT COUNT(*) FROM oauth_attempts", "SELECT COUNT(*) FROM flashes");
        let stages = "SELECT stage FROM login_method_configurations ORDER BY stage";
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await;
        ana.presses(&format!("/a/acme/settings/login-methods/{method}/test")).await;
        let wrong = [("account", "acme"), ("form[email]", "not an address"), ("form[role]", "viewer")];
        ana.submits("/a/acme/settings/users/new", "users/invite", &wrong).await;
        assert_eq!(world.texts(stages).await, ["live", "retired"]);
        assert!(world.count(attempts).await > 0 && world.count(flashes).await > 0);
        world.cleans_up_after(Span::minutes(14)).await;
        assert!(world.count(attempts).await > 0 && world.count(flashes).await > 0, "a quarter of an hour");
        assert_eq!(world.texts(stages).await, ["live", "retired"]);
        world.cleans_up_after(Span::days(1) + MINUTE).await;
        assert_eq!((world.count(attempts).await, world.count(flashes).await), (0, 0));
        assert_eq!(world.texts(stages).await, ["live"]);
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await;
        assert!(world.browser().get("/login/acme").await.body.contains("Acme SSO"), "still offered");
    }

    async fn cf_08_a_decision_goes_when_its_time_is_over_and_an_open_one_stays(world: World) {
        let world = world.configured(|config| config.retention.decisions_days = 3);
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let decisions = "SELECT COUNT(*) FROM decisions";
        for who in ["ben", "eve"] {
            let email = format!("{who}@example.org");
            ana.invites_by(&method, &email, &format!("00u-{who}"), &viewer()).await.unwrap();
            let theirs = world.browser();
            let id = theirs.opens_link(&world.link_to(&email, 0).await).await;
            theirs.arrives(&provider, &method, &id, json!({ "sub": "00u-somebody" })).await;
        }
        assert_eq!(world.count(decisions).await, 2);
        ana.decides(&ana.row("ben@example.org").await, "reject").await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        world.cleans_up_after(Span::days(3) + MINUTE_LESS).await;
        assert_eq!(world.count(decisions).await, 2);
        world.cleans_up_after(Span::days(1)).await;
        assert_eq!(world.count(decisions).await, 1, "what was decided is gone");
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert!(ana.row("eve@example.org").await.awaits_decision);
    }

    async fn cf_08_what_is_in_use_is_as_it_was_after_a_year_of_clean_ups(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        for _ in 0..12 {
            world.cleans_up_after(Span::days(30) + MINUTE).await;
        }
        assert!(ben.me().await.is_none());
        ben.sign_in("ben@example.org", PASSWORD).await.unwrap();
        assert_eq!(ben.home().await.unwrap().grant, Grant::of(BuiltInRole::Editor));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.list(&ListQuery::default()).await.unwrap().rows.len(), 2);
        let row = ana.row("ben@example.org").await;
        ana.shows(row.id).await.unwrap();
        ana.removes(&row).await.unwrap();
    }

    async fn se_04_what_a_session_proved_ends_with_its_age_however_often_one_signs_in_by_something_else(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let kim = ana.on("beta").brings_in_as("kim@example.org", BuiltInRole::Viewer).await;
        let claims = json!({ "sub": "00u-kim", "email": "kim@example.org" });
        ana.invites_by(&method, "kim@example.org", "00u-kim", &viewer()).await.unwrap();
        let id = kim.opens_link(&world.link_to("kim@example.org", 1).await).await;
        let arrived = kim.arrives(&provider, &method, &id, claims.clone()).await;
        kim.joins_by(&id, &arrived, "Kim").await.unwrap();
        let acme = kim.on("acme");
        assert!(kim.home().await.is_ok() && acme.home().await.is_ok(), "one session for both");
        for _ in 0..5 {
            world.advance(Span::days(6) + MINUTE_LESS);
            kim.signs_in_by(&provider, &method, claims.clone()).await;
            assert!(kim.home().await.is_ok() && acme.home().await.is_ok());
        }
        world.advance(Span::minutes(6));
        kim.signs_in_by(&provider, &method, claims.clone()).await;
        assert!(acme.home().await.is_ok(), "proved just now");
        assert!(kim.home().await.is_err(), "the password was proved 30 days ago");
    }
}
