//! Setting a provider up and testing it, through the real router and with a real provider.

use crate::support::{
    PASSWORD, both_databases,
    provider::{CLIENT_SECRET, Provider},
};
use app::{
    domain::{oauth::ConfigurationForm, time::Span},
    error::AppError,
};
use serde_json::json;
use url::Url;

both_databases! {
    async fn oa_23_a_test_that_passes_makes_the_draft_live_and_shows_the_claims_to_its_browser_alone(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.configured(|config| config.oauth = provider.settings());
        let ana = world.owner("ana@example.org").await;
        let page: String = ana.call("login-methods/add", &[("account", "acme"), ("preset", "openid")]).await.unwrap();
        let method = page.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
        let ways = ana.get("/login/acme").await.body;
        assert!(!ways.contains("/oauth/"), "nothing is offered before a test has passed");

        let saved = ConfigurationForm::from(("Acme SSO", &provider.configuration()));
        let fields = [
            ("account", "acme"),
            ("form[method]", method.as_str()),
            ("form[preset]", "openid"),
            ("form[name]", "Acme SSO"),
            ("form[issuer]", saved.issuer.as_str()),
            ("form[client_id]", saved.client_id.as_str()),
            ("form[client_secret]", CLIENT_SECRET),
            ("form[client_authentication]", saved.client_authentication.as_str()),
            ("form[scopes]", saved.scopes.as_str()),
            ("form[identifier]", "sub"),
            ("form[email]", "email"),
        ];
        let page: String = ana.call("login-methods/save", &fields).await.unwrap();
        let shown = ana.get(&page).await.body;
        assert!(shown.contains("Saved as a draft"), "{shown}");
        assert!(!shown.contains(CLIENT_SECRET), "OA-17: the secret is write-only");

        provider.signs_in_as(json!({ "sub": "00u-ana", "email": "ana@example.org", "email_verified": true }));
        let begun = ana.get(&format!("/a/acme/settings/login-methods/{method}/test")).await;
        let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
        let back = format!("{}?{}", back.path(), back.query().unwrap());
        let tested = ana.get(&back).await.location().to_owned();
        let shown = ana.get(&tested).await.body;
        assert!(shown.contains("this set-up is live") && shown.contains("00u-ana"), "{shown}");
        assert!(ana.get("/login/acme").await.body.contains(&format!("/oauth/{method}/start")));

        // OA-03: the same return again, and the same return in another browser, are no return.
        let again = ana.get(&back).await;
        assert_eq!(again.location(), "/login/acme?problem=attempt");
        let stranger = world.browser();
        assert_eq!(stranger.get(&back).await.location(), "/login/acme?problem=attempt");
        assert!(!stranger.get(&tested).await.body.contains("00u-ana"));

        // OA-08: whom the provider names is a stranger here, whatever the address, until an admin or an invitation names them.
        let begun = stranger.get(&format!("/oauth/{method}/start")).await;
        let back = Url::parse(&provider.visit(begun.location()).await).unwrap();
        let refused = stranger.get(&format!("{}?{}", back.path(), back.query().unwrap())).await;
        assert_eq!(refused.location(), "/login/acme?problem=not-a-member");
        assert!(stranger.me().await.is_none());
    }

    async fn oa_23_who_does_not_come_back_from_a_test_reads_why(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        let page = format!("/a/acme/settings/login-methods/{method}");
        assert!(!ana.get(&page).await.body.contains("no-return"));

        let begun = ana.get(&format!("{page}/test")).await;
        assert!(begun.location().starts_with(provider.issuer()));
        let shown = ana.get(&page).await.body;
        assert!(shown.contains("did not come back") && shown.contains("#no-return"), "{shown}");

        // A new draft is another matter, and who did come back did.
        ana.saves(&method, "Acme SSO", &provider.configuration()).await;
        assert!(!ana.get(&page).await.body.contains("did not come back"));
        ana.tests(&provider, &method, json!({ "sub": "00u-ana" })).await;
        assert!(!ana.get(&page).await.body.contains("did not come back"));
    }

    async fn oa_15_an_account_has_roster_ask_servers_of_its_choice_so_often_and_no_more(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]).configured(|config| config.limits.provider_tries_per_account_hour = 2);
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        let saves = || async { ana.saves(&method, "Acme SSO", &provider.configuration()).await };
        saves().await;
        saves().await;
        let asked = provider.asked().len();
        let refused: Result<String, AppError> = ana
            .call("login-methods/save", &[("account", "acme"), ("form[method]", &method), ("form[preset]", "openid"), ("form[name]", "x"),
                                          ("form[issuer]", provider.issuer()), ("form[client_id]", "x"), ("form[client_secret]", "x"),
                                          ("form[client_authentication]", "basic"), ("form[scopes]", "openid"), ("form[identifier]", "sub")])
            .await;
        assert!(matches!(refused, Err(AppError::RateLimited { .. })), "{refused:?}");
        assert_eq!(provider.asked().len(), asked, "nothing more was asked");
        world.advance(Span::minutes(31));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        saves().await;
        assert!(provider.asked().len() > asked);
    }
}
