//! Login methods switched off and on, and an account that is run on a provider alone (R27, R33, OA-19, AZ-07).

use crate::support::{Browser, PASSWORD, World, attempt_in, both_databases, provider::Provider};
use app::{
    api::joining::{Joined, Standing},
    api::login_methods::{NextPage, Notice},
    domain::{
        member::ShownState,
        name::Slug,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use serde_json::{Value, json};

fn editor() -> Grant {
    Grant::of(BuiltInRole::Editor)
}

fn ana() -> Value {
    json!({ "sub": "00u-ana", "email": "ana@example.org" })
}

fn ben() -> Value {
    json!({ "sub": "00u-ben", "email": "ben@example.org" })
}

impl Browser {
    async fn switches(&self, method: &str, on: bool) -> Result<NextPage, AppError> {
        let fields = [("account", self.account.as_str()), ("method", method), ("on", if on { "on" } else { "off" })];
        self.call("login-methods/switch", &fields).await
    }

    /// Signs in by the method that the test just proved, from now on.
    async fn makes_it_hers(&self, provider: &Provider, method: &str, claims: Value) {
        let page = self.tests(provider, method, claims).await.body;
        let attempt = attempt_in(&page);
        let fields = [("account", self.account.as_str()), ("form[method]", method), ("form[attempt]", attempt)];
        let list = format!("/a/{}/settings/login-methods", self.account);
        assert!(
            self.submits(&list, "login-methods/use-for-me", &fields).await.body.contains("From now on, you sign in")
        );
    }

    async fn password_method(&self) -> String {
        self.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string()
    }
}

async fn set_out(world: &World, provider: &Provider, start: &str, claims: Value) -> (Browser, String) {
    let browser = world.browser();
    provider.signs_in_as(claims);
    let back = provider.visit(browser.presses(start).await.location()).await;
    let back = url::Url::parse(&back).unwrap();
    (browser, format!("{}?{}", back.path(), back.query().unwrap()))
}

both_databases! {
    async fn oa_19_switching_off_ends_sessions_and_every_way_that_is_under_way(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        let theirs = owner.brings_in_by(&provider, &method, "ben@example.org", ben(), &editor()).await;
        let (at_the_provider, back) = set_out(&world, &provider, &format!("/oauth/{method}/start"), ben()).await;

        owner.switches(&method, false).await.unwrap();
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated, "at once");
        assert_eq!(at_the_provider.get(&back).await.location(), "/login/acme?problem=attempt");
        assert!(at_the_provider.me().await.is_none());
        assert_eq!(world.browser().presses(&format!("/oauth/{method}/start")).await.location(), "/login/acme?problem=off");
        assert!(!world.browser().get("/login/acme").await.body.contains("/oauth/"));
        assert!(owner.list(&Default::default()).await.unwrap().facts.methods.iter().all(|known| known.id.to_string() != method));

        owner.switches(&method, true).await.unwrap();
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated, "what was proved before is forgotten");
        assert_eq!(theirs.signs_in_by(&provider, &method, ben()).await.location(), "/a/acme");
        assert_eq!(theirs.home().await.unwrap().name, "Acme");
    }

    async fn r45_who_is_at_the_provider_while_it_is_set_up_anew_begins_again(world: World) {
        let (provider, other) = (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&provider, &other]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let joining = world.browser();
        let id = joining.opens_link(&link).await;
        let arrived = joining.arrives(&provider, &method, &id, ben()).await;
        let (signing_in, back) = set_out(&world, &provider, &format!("/oauth/{method}/start"), ben()).await;

        // Another provider in place of the first, by whose identifiers people are invited anew.
        owner.saves(&method, "Acme SSO", &other.configuration()).await;
        let page = owner.tests(&other, &method, ana()).await.body;
        let attempt = attempt_in(&page);
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt), ("form[confirmed]", "yes")];
        owner.call::<NextPage>("login-methods/make-live", &fields).await.unwrap();
        owner.changes_login_method(&owner.row("ben@example.org").await, &method, "00u-ben").await.unwrap();

        assert!(signing_in.get(&back).await.location().starts_with("/login/acme?problem="));
        assert!(signing_in.me().await.is_none());
        let id = joining.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert_eq!(joining.joins_by(&id, &arrived, "Ben").await, Err(AppError::OpenTheLinkAgain));
        let arrived = joining.arrives(&other, &method, &id, ben()).await;
        assert!(joining.joins_by(&id, &arrived, "Ben").await.is_ok());
    }

    async fn r27_invitations_by_a_method_that_is_off_wait_and_say_so(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.invites_by(&method, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        owner.invites_by(&method, "carl@example.org", "00u-carl", &editor()).await.unwrap();
        let theirs = world.browser();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;

        let page = owner.get("/a/acme/settings/login-methods").await.body;
        assert!(page.contains("Members who sign in with this: 0. Invitations for it: 2."), "warned beforehand: {page}");
        owner.switches(&method, false).await.unwrap();
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(theirs.views_open(&id).await.standing, Standing::MethodOff);
        assert!(theirs.get(&format!("/invitation/{id}")).await.body.contains("This invitation is on hold"));
        let list = owner.get("/a/acme/settings/users").await.body;
        assert!(list.matches("method is off").count() >= 2, "at each of the rows: {list}");

        owner.switches(&method, true).await.unwrap();
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "Ben").await, Ok(Joined::In { slug: Slug::parse("acme").unwrap(), goes_on: None }));
    }

    async fn r27_inv_10_nobody_joins_by_a_password_while_passwords_are_off(world: World) {
        let (world, provider, owner, method) = world.with_acme_sso().await;
        owner.opens_account("Beta", "beta").await.unwrap();
        let carl = owner.on("beta").brings_in("carl@example.org", &editor()).await.on("acme");
        owner.invites("carl@example.org", &editor()).await.unwrap();
        let id = carl.opens_link(&world.link_to("carl@example.org", 1).await).await;
        let password = owner.password_method().await;
        owner.makes_it_hers(&provider, &method, ana()).await;
        owner.switches(&password, false).await.unwrap();
        assert_eq!(carl.joins(&id).await, Err(AppError::OpenTheLinkAgain));
        owner.switches(&password, true).await.unwrap();
        carl.joins(&id).await.unwrap();
    }

    async fn r33_an_account_is_run_on_a_provider_alone_and_never_without_an_owner_who_can_sign_in(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let owner = world.owner("ana@example.org").await;
        let password = owner.password_method().await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;

        // Not while nobody who owns the account is known at the provider.
        let refused = owner.switches(&password, false).await.unwrap();
        assert_eq!(refused.notice, Some(Notice::LastOwner));
        owner.makes_it_hers(&provider, &method, ana()).await;
        owner.switches(&password, false).await.unwrap();
        let list = "/a/acme/settings/login-methods";
        let refused = owner.submits(list, "login-methods/switch", &[("account", "acme"), ("method", &*method), ("on", "off")]).await;
        assert!(refused.body.contains("No owner could sign in"), "nor the only method that is left: {}", refused.body);

        // Her password is a login still, but none of Acme's.
        owner.sign_out().await;
        assert!(!world.browser().get("/login/acme").await.body.contains("type=\"password\""));
        owner.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(owner.home().await.unwrap_err(), AppError::Unauthenticated);
        assert_eq!(owner.signs_in_by(&provider, &method, ana()).await.location(), "/a/acme");

        // Everything that an account is about, by the provider alone.
        assert!(owner.invites("eve@example.org", &editor()).await.is_err(), "nothing else is offered");
        let theirs = owner.brings_in_by(&provider, &method, "ben@example.org", ben(), &editor()).await;
        let row = owner.row("ben@example.org").await;
        owner.edits(&row, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        assert_eq!(theirs.home().await.unwrap().grant, Grant::of(BuiltInRole::Admin));
        owner.removes(&owner.row("ben@example.org").await).await.unwrap();
        assert!(matches!(theirs.home().await, Err(AppError::NoLongerAMember { .. })));
        let refused = theirs.signs_in_by(&provider, &method, ben()).await;
        assert_eq!(refused.location(), "/login/acme?problem=not-a-member");

        // Invited again, Ben joins again, as anew.
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[email]", "ben@example.org"), ("form[identifier]", "00u-ben"),
            ("form[role]", "editor"), ("form[again]", "fresh"),
        ];
        owner.call::<app::api::invitations::Invited>("users/invite", &fields).await.unwrap();
        let id = theirs.opens_link(&world.link_to("ben@example.org", 2).await).await;
        let arrived = theirs.arrives(&provider, &method, &id, ben()).await;
        assert!(matches!(theirs.joins_by(&id, &arrived, "").await, Ok(Joined::In { .. })));
        assert_eq!(owner.row("ben@example.org").await.state, ShownState::Active);

        // AZ-16: what is most dangerous asks for the provider once more, not for a password.
        world.advance(Span::minutes(11));
        assert_eq!(owner.switches(&password, true).await, Err(AppError::ReauthenticationRequired));
        owner.signs_in_by(&provider, &method, ana()).await;
        owner.switches(&password, true).await.unwrap();
    }

    async fn az_07_two_owners_who_switch_each_others_way_in_off_at_once_do_not_both_succeed(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]).configured(|config| config.limits.sign_in_burst = 100_000);
        let by_password = world.owner("ana@example.org").await;
        let password = by_password.password_method().await;
        let method = by_password.sets_up(&provider, "Acme SSO", ana()).await;
        let owner = Grant::of(BuiltInRole::Owner);
        let by_provider = by_password.brings_in_by(&provider, &method, "olga@example.org", json!({ "sub": "00u-olga" }), &owner).await;
        let rounds = std::env::var("RACE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
        for round in 0..rounds {
            let (one, other) = tokio::join!(by_password.switches(&method, false), by_provider.switches(&password, false));
            let left = world.count("SELECT COUNT(*) FROM login_methods WHERE enabled").await;
            assert_eq!(left, 1, "round {round}: {one:?} {other:?}");
            // Whoever is left lets the other in again.
            let (winner, off) = if by_password.home().await.is_ok() { (&by_password, &method) } else { (&by_provider, &password) };
            winner.switches(off, true).await.unwrap();
            match off == &method {
                true => drop(by_provider.signs_in_by(&provider, &method, json!({ "sub": "00u-olga" })).await),
                false => drop(by_password.sign_in("ana@example.org", PASSWORD).await.unwrap()),
            }
        }
    }

    async fn r33_nobody_moves_into_a_method_that_is_off(world: World) {
        let (_, provider, owner, method) = world.with_acme_sso().await;
        owner.switches(&method, false).await.unwrap();
        let page = owner.tests(&provider, &method, ana()).await.body;
        assert!(!page.contains("Use this method for my own sign-in"), "{page}");
        let attempt = attempt_in(&page);
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt)];
        owner.call::<NextPage>("login-methods/use-for-me", &fields).await.unwrap();
        assert_eq!(owner.home().await.unwrap().name, "Acme", "still in");
    }

    async fn r33_no_owner_loses_the_only_way_in_because_a_method_means_other_people_now(world: World) {
        let (provider, other) = (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&provider, &other]);
        let owner = world.owner("ana@example.org").await;
        let method = owner.sets_up(&provider, "Acme SSO", ana()).await;
        owner.makes_it_hers(&provider, &method, ana()).await;
        // Somebody who is no owner looks after login methods.
        let manager = owner.brings_in("dora@example.org", &Grant::of(BuiltInRole::Admin).with("login_methods.manage")).await;
        manager.saves(&method, "Acme SSO", &other.configuration()).await;
        let page = manager.tests(&other, &method, json!({ "sub": "00u-dora" })).await.body;
        let attempt = attempt_in(&page);
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[attempt]", attempt), ("form[confirmed]", "yes")];
        let next: NextPage = manager.call("login-methods/make-live", &fields).await.unwrap();
        assert_eq!(next.notice, Some(Notice::LastOwner));
        assert_eq!(owner.home().await.unwrap().name, "Acme");
        assert_eq!(world.browser().signs_in_by(&provider, &method, ana()).await.location(), "/a/acme");
    }
}
