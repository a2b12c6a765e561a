//! Whatever ends somebody's access ends what platforms hold, and the platforms hear of it at once (OP-06, OP-07).

use crate::support::{
    Browser, PASSWORD, both_databases,
    platform::{Listener, client, later},
    provider::Provider,
};
use app::{
    api::own_login::{OthersEnded, PasswordChanged},
    domain::{
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use server::{config::Client, service::keep_telling_platforms};
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

const ANA: &str = "ana@example.org";
const BEN: &str = "ben@example.org";
/// Well below the five seconds after which the worker looks by itself; on a calm machine it takes some hundredths of a second.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What ends somebody's access to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Removed,
    Suspended,
    Leaves,
    SignsOut,
    SignsOutByThePlatform,
    SignsOutEverywhereElse,
    EndsThatSession,
    ChangesThePassword,
    ResetsThePassword,
    LoginMethodIsAnother,
    LoginMethodIsSwitchedOff,
    SecondFactorIsRequired,
}

impl End {
    const ALL: [Self; 12] = [
        Self::Removed,
        Self::Suspended,
        Self::Leaves,
        Self::SignsOut,
        Self::SignsOutByThePlatform,
        Self::SignsOutEverywhereElse,
        Self::EndsThatSession,
        Self::ChangesThePassword,
        Self::ResetsThePassword,
        Self::LoginMethodIsAnother,
        Self::LoginMethodIsSwitchedOff,
        Self::SecondFactorIsRequired,
    ];
}

/// Requires a second factor of everybody, from so many days on.
async fn requires_second_factor(ana: &Browser, grace_days: &str) {
    let requires = [("account", "acme"), ("form[of]", "everybody"), ("form[grace_days]", grace_days)];
    ana.call::<Value>("security/require-second-factor", &requires).await.unwrap();
}

both_databases! {
    async fn op_06_op_07_whatever_ends_somebodys_access_ends_it_at_the_platform_and_is_told(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let listener = Listener::answering(&["200 OK"]).await;
        let told = Client { backchannel_logout_uri: Some(listener.url.clone()), ..client("bots") };
        let world = world.configured(|config| {
            config.oauth = listener.settings_beside(provider.ca_pem());
            config.client = vec![told.clone()];
        });
        let ana = world.owner(ANA).await;
        let sso = ana.sets_up(&provider, "Acme SSO", json!({ "sub": "00u-ana", "email": ANA })).await;
        ana.adds_app().await.unwrap();
        let bots = world.platform(told);
        for (n, end) in End::ALL.into_iter().enumerate() {
            let email = format!("p{n}@example.org");
            let grant = Grant::of(BuiltInRole::Editor);
            let person = match end {
                End::LoginMethodIsSwitchedOff => {
                    let claims = json!({ "sub": format!("00u-{n}"), "email": email });
                    ana.brings_in_by(&provider, &sso, &email, claims, &grant).await
                }
                _ => ana.brings_in(&email, &grant).await,
            };
            // Somebody else's goes on.
            let witness = ana.brings_in(&format!("w{n}@example.org"), &grant).await;
            let (tokens, of_witness) = (bots.signs_in(&person).await, bots.signs_in(&witness).await);
            let claims = bots.reads(&tokens.id_token).await;
            let heard = listener.count();
            later(&world);
            let elsewhere = world.browser();
            match end {
                End::Removed => {
                    ana.removes(&ana.row(&email).await).await.unwrap();
                }
                End::Suspended => {
                    ana.suspends(&ana.row(&email).await).await.unwrap();
                }
                End::Leaves => person.leaves().await.unwrap(),
                End::SignsOut => person.sign_out().await,
                End::SignsOutByThePlatform => {
                    person.get(&format!("/oidc/logout?id_token_hint={}", tokens.id_token)).await;
                }
                End::SignsOutEverywhereElse => {
                    elsewhere.sign_in(&email, PASSWORD).await.unwrap();
                    let ended: OthersEnded = elsewhere.call("me/end-other-sessions", &[]).await.unwrap();
                    assert_eq!(ended, OthersEnded { ended: 1 });
                }
                End::EndsThatSession => {
                    elsewhere.sign_in(&email, PASSWORD).await.unwrap();
                    let sessions: Value = elsewhere.call("me/sessions", &[]).await.unwrap();
                    let other = sessions["sessions"].as_array().unwrap().iter().find(|session| session["present"] == false);
                    let id = other.unwrap_or_else(|| panic!("{sessions}"))["id"].as_str().unwrap();
                    elsewhere.call::<()>("me/end-session", &[("session", id)]).await.unwrap();
                }
                End::ChangesThePassword => {
                    elsewhere.sign_in(&email, PASSWORD).await.unwrap();
                    let fields = [
                        ("form[present_password]", PASSWORD),
                        ("form[password]", "eleven quiet herons wade home"),
                        ("form[sign_out_others]", "on"),
                    ];
                    elsewhere.call::<PasswordChanged>("me/change-password", &fields).await.unwrap();
                }
                End::ResetsThePassword => {
                    elsewhere.call::<Value>("recovery/ask-for-password-reset", &[("form[email]", &email)]).await.unwrap();
                    elsewhere.get(&world.reset_link_to(&email, 1).await).await;
                    let new = [("form[password]", "eleven quiet herons wade home")];
                    elsewhere.call::<Value>("recovery/reset-password", &new).await.unwrap();
                }
                End::LoginMethodIsAnother => {
                    ana.changes_login_method(&ana.row(&email).await, &sso, "00u-other").await.unwrap();
                }
                End::LoginMethodIsSwitchedOff => {
                    ana.post("login-methods/switch", &[("account", "acme"), ("method", sso.as_str()), ("on", "off")]).await;
                }
                End::SecondFactorIsRequired => requires_second_factor(&ana, "0").await,
            }
            let of_everybody = end == End::SecondFactorIsRequired;
            let ended = if of_everybody { 2 } else { 1 };
            let waiting = "SELECT COUNT(*) FROM platform_sign_ins WHERE ended AND told_at IS NULL";
            assert_eq!(world.count(waiting).await, ended, "{end:?}: in the same transaction");
            world.services.tell_platforms().await.unwrap();
            assert_eq!(world.count(waiting).await, 0, "{end:?}");
            let mut told = Vec::new();
            let tokens_told = listener.heard.lock().unwrap()[heard..].to_vec();
            for token in &tokens_told {
                told.push(bots.reads(token).await["sid"].clone());
            }
            assert!(i64::try_from(told.len()) == Ok(ended) && told.contains(&claims["sid"]), "{end:?}: {told:?}");
            bots.has_lost(&tokens).await;
            assert_eq!(bots.introspects(&of_witness.access).await["active"], !of_everybody, "{end:?}");
            witness.sign_out().await;
            world.services.tell_platforms().await.unwrap();
        }
    }

    async fn op_07_the_day_from_which_on_a_second_factor_is_required_ends_what_proved_none(world: World) {
        let listener = Listener::answering(&["200 OK"]).await;
        let told = Client { backchannel_logout_uri: Some(listener.url.clone()), ..client("bots") };
        let world = world.configured(|config| {
            config.oauth = listener.settings();
            config.client = vec![told.clone()];
        });
        let ana = world.owner(ANA).await;
        let app = ana.adds_app().await.unwrap();
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let bots = world.platform(told);
        requires_second_factor(&ana, "1").await;
        let tokens = bots.signs_in(&ben).await;
        world.advance(Span::hours(23));
        world.services.tell_platforms().await.unwrap();
        assert_eq!(bots.asks_for_user_info(&bots.tokens_in(&bots.refreshes(&tokens.refresh).await).access).await.status, StatusCode::OK);
        let proved = world.browser();
        proved.signs_in_with(ANA, &app).await.unwrap();
        let of_ana = bots.signs_in(&proved).await;
        world.advance(Span::hours(1));
        assert_eq!(listener.count(), 0);
        world.services.tell_platforms().await.unwrap();
        assert_eq!(listener.count(), 1);
        let claims = bots.reads(&tokens.id_token).await;
        assert_eq!(bots.reads(&listener.last()).await["sid"], claims["sid"]);
        assert_eq!(bots.refreshes(&of_ana.refresh).await.status, StatusCode::OK, "who proved one stays");
    }

    async fn op_06_op_07_a_removal_while_tokens_are_out_refuses_the_next_call_and_is_told_at_once(world: World) {
        let listener = Listener::answering(&["200 OK"]).await;
        let told = Client { backchannel_logout_uri: Some(listener.url.clone()), ..client("bots") };
        let world = world.configured(|config| {
            config.oauth = listener.settings();
            config.client = vec![told.clone()];
        });
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let bots = world.platform(told);
        let tokens = bots.signs_in(&ben).await;
        let claims = bots.reads(&tokens.id_token).await;
        assert_eq!(bots.introspects(&tokens.access).await["active"], true);
        let stop = CancellationToken::new();
        let worker = tokio::spawn(keep_telling_platforms(world.services.clone(), stop.clone()));

        let row = ana.row(BEN).await;
        ana.removes(&row).await.unwrap();
        let is_told = tokio::spawn({
            let count = listener.heard.clone();
            async move {
                while count.lock().unwrap().is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
        bots.has_lost(&tokens).await;
        timeout(AT_ONCE, is_told).await.expect("told at once").unwrap();
        assert_eq!(bots.reads(&listener.last()).await["sid"], claims["sid"]);
        stop.cancel();
        timeout(AT_ONCE, worker).await.expect("it stops at once").unwrap();
    }

    async fn op_07_a_platform_that_does_not_answer_delays_no_other_and_no_stop(world: World) {
        // It takes connections, and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://localhost:{}/ended", silent.local_addr().unwrap().port());
        let dead = Client { backchannel_logout_uri: Some(address), ..client("dead") };
        let listener = Listener::answering(&["200 OK"]).await;
        let told = Client { backchannel_logout_uri: Some(listener.url.clone()), ..client("bots") };
        let world = world.configured(|config| {
            config.oauth = listener.settings();
            config.client = vec![dead.clone(), told.clone()];
        });
        let ana = world.owner(ANA).await;
        let (dead, bots) = (world.platform(dead), world.platform(told));
        for _ in 0..20 {
            dead.signs_in(&ana).await;
        }
        for _ in 0..3 {
            bots.signs_in(&ana).await;
        }
        let stop = CancellationToken::new();
        let worker = tokio::spawn(keep_telling_platforms(world.services.clone(), stop.clone()));
        ana.sign_out().await;
        timeout(AT_ONCE, listener.hears(3)).await.expect("the others are told at once");
        assert_eq!(world.count("SELECT COUNT(*) FROM platform_sign_ins WHERE client_id = 'dead' AND told_at IS NULL").await, 20);
        stop.cancel();
        timeout(AT_ONCE, worker).await.expect("it stops while requests are on their way").unwrap();
    }
}
