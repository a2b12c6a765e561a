//! Two accounts on one server, of which one means harm: its own provider says whatever it likes, and gains nothing next door (OA-05, OA-08,
//! OA-11, OA-12, INV-10).

use crate::support::{Answer, Browser, World, attempt_in, both_databases, provider::Provider};
use app::{
    api::login_methods::NextPage,
    api::{
        accounts::MyAccounts,
        joining::{Joined, Standing},
    },
    domain::{
        name::Slug,
        permission::Gate,
        policy::Refusal,
        role::{BuiltInRole, Grant},
    },
    error::AppError,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Acme, where Ana and Dora sign in by a password and Ben by an honest provider; and Beta, whose owner Mallory runs a provider of her own.
struct Street {
    world: World,
    honest: Provider,
    hostile: Provider,
    ana: Browser,
    mallory: Browser,
    acme_method: String,
    beta_method: String,
}

fn editor() -> Grant {
    Grant::of(BuiltInRole::Editor)
}

fn ben() -> Value {
    json!({ "sub": "00u-ben", "email": "ben@example.org", "email_verified": true })
}

impl Street {
    async fn of(world: &World) -> Self {
        let (honest, hostile) =
            (Provider::openid(world.clock.clone()).await, Provider::openid(world.clock.clone()).await);
        let world = world.with_providers(&[&honest, &hostile]);
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        let acme_method = ana.sets_up(&honest, "Acme SSO", json!({ "sub": "00u-ana" })).await;
        ana.brings_in_by(&honest, &acme_method, "ben@example.org", ben(), &editor()).await;

        world.services.create_account("Beta", "beta", "mallory@evil.example").await.unwrap();
        let mallory = world.browser().on("beta");
        let id = mallory.opens_link(&world.link_to("mallory@evil.example", 0).await).await;
        mallory.signs_up(&id, "mallory@evil.example").await.unwrap();
        let beta_method = mallory.sets_up(&hostile, "Beta SSO", json!({ "sub": "m" })).await;
        Self { world, honest, hostile, ana, mallory, acme_method, beta_method }
    }

    /// All that Acme and its people are, but for who is signed in.
    async fn acme(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "SELECT m.email_key || m.state || m.role_key || COALESCE(l.name, '-') || COALESCE(m.identifier, '-') || m.version
               FROM members m JOIN login_methods l ON l.id = m.login_method_id JOIN accounts a ON a.id = m.account_id
              WHERE a.slug = 'acme' ORDER BY 1",
            "SELECT i.identifier || COALESCE(i.email, '-') || u.email_key
               FROM identities i JOIN users u ON u.id = i.user_id JOIN accounts a ON a.id = i.account_id WHERE a.slug = 'acme' ORDER BY 1",
            "SELECT c.stage || c.configuration
               FROM login_method_configurations c JOIN accounts a ON a.id = c.account_id WHERE a.slug = 'acme' ORDER BY 1",
            "SELECT e.kind || e.data FROM audit_events e JOIN accounts a ON a.id = e.account_id WHERE a.slug = 'acme' ORDER BY 1",
            "SELECT i.state || m.email_key
               FROM invitations i JOIN members m ON m.id = i.member_id JOIN accounts a ON a.id = i.account_id WHERE a.slug = 'acme' ORDER BY 1",
            "SELECT u.email_key || u.name || COALESCE(CAST(u.email_verified_at AS TEXT), '-') FROM users u
              WHERE u.id IN (SELECT m.user_id FROM members m JOIN accounts a ON a.id = m.account_id WHERE a.slug = 'acme') ORDER BY 1",
            "SELECT c.phc FROM password_credentials c ORDER BY 1",
        ] {
            all.extend(self.world.texts(sql).await);
        }
        all
    }

    /// Mallory in a browser of her own, through her provider, as whoever she says.
    async fn goes_as(&self, browser: &Browser, claims: Value) -> Answer {
        browser.signs_in_by(&self.hostile, &self.beta_method, claims).await
    }
}

async fn accounts_of(browser: &Browser) -> MyAccounts {
    browser.call("accounts/list", &[]).await.unwrap()
}

both_databases! {
    async fn oa_08_what_a_hostile_provider_says_of_people_next_door_makes_it_nobody(world: World) {
        let street = Street::of(&world).await;
        let before = street.acme().await;
        for (sub, email) in [
            ("00u-ben", "ben@example.org"),
            ("00u-ana", "ana@example.org"),
            ("ana@example.org", "ana@example.org"),
            ("dora@example.org", "dora@example.org"),
        ] {
            let stranger = street.world.browser();
            let claims = json!({ "sub": sub, "email": email, "email_verified": true });
            let refused = street.goes_as(&stranger, claims).await;
            assert_eq!(refused.location(), "/login/beta?problem=not-a-member", "{sub}");
            assert!(stranger.me().await.is_none());
        }
        assert_eq!(street.acme().await, before);
    }

    async fn oa_12_an_identity_at_one_account_opens_that_account_and_nothing_of_the_person(world: World) {
        let street = Street::of(&world).await;
        // Ben trusts Mallory's invitation, and joins Beta through her provider.
        let theirs = json!({ "sub": "x-ben", "email": "ben@example.org" });
        street.mallory.invites_by(&street.beta_method, "ben@example.org", "x-ben", &editor()).await.unwrap();
        let ben = street.world.browser();
        let id = ben.opens_link(&street.world.link_to("ben@example.org", 1).await).await;
        let arrived = ben.arrives(&street.hostile, &street.beta_method, &id, theirs.clone()).await;
        assert_eq!(ben.joins_by(&id, &arrived, "").await, Ok(Joined::In { slug: Slug::parse("beta").unwrap(), goes_on: None }));
        let before = street.acme().await;

        // From then on her provider can be Ben at Beta. That is all it can be.
        let false_ben = street.world.browser();
        assert_eq!(street.goes_as(&false_ben, theirs).await.location(), "/a/beta");
        assert_eq!(false_ben.on("beta").home().await.unwrap().name, "Beta");
        assert_eq!(false_ben.on("acme").home().await.unwrap_err(), AppError::Unauthenticated);
        assert_eq!(false_ben.on("acme").list(&Default::default()).await.unwrap_err(), AppError::Unauthenticated);
        let mine = accounts_of(&false_ben).await;
        let slugs: BTreeSet<_> = mine.accounts.iter().map(|account| account.slug.as_str()).collect();
        assert_eq!((slugs, mine.may_open), (BTreeSet::from(["beta"]), false), "of the others it does not even hear");
        let opened = false_ben.opens_account("Mine", "mine").await;
        assert!(matches!(opened, Err(AppError::Refused(_))), "{opened:?}");

        // INV-10: not by a link that leads to Ben's other accounts either, whichever way they let people in.
        street.ana.opens_account("Gamma", "gamma").await.unwrap();
        let gamma = street.ana.on("gamma");
        gamma.invites("ben@example.org", &editor()).await.unwrap();
        let copied = gamma.copies_link(&gamma.row("ben@example.org").await).await.unwrap().url;
        let id = false_ben.opens_link(&copied).await;
        assert_eq!(false_ben.joins(&id).await, Err(AppError::OpenTheLinkAgain));
        assert!(!matches!(false_ben.views_open(&id).await.standing, Standing::Join(_)));
        assert_eq!(false_ben.on("gamma").home().await.unwrap_err(), AppError::NotFound);
        assert_eq!(street.acme().await, before);
    }

    async fn oa_11_a_copied_link_and_a_hostile_provider_link_nothing_to_anybody(world: World) {
        let street = Street::of(&world).await;
        let before = street.acme().await;
        for who in ["ana", "ben", "dora"] {
            let (email, sub) = (format!("{who}@example.org"), format!("x-{who}"));
            street.mallory.invites_by(&street.beta_method, &email, &sub, &editor()).await.unwrap();
            let row = street.mallory.row(&email).await;
            let claims = json!({ "sub": sub, "email": email, "email_verified": true });
            // With a mail server a code goes to the invited address. Without one, Mallory's word is good for her own account alone.
            for (world, has_mail) in [(street.world.clone(), true), (street.world.without_mail_server(), false)] {
                let browser = world.browser();
                let id = browser.opens_link(&street.mallory.at(&world).copies_link(&row).await.unwrap().url).await;
                let arrived = browser.arrives(&street.hostile, &street.beta_method, &id, claims.clone()).await;
                let joined = browser.joins_by(&id, &arrived, "Mallory").await;
                match has_mail {
                    true => assert!(matches!(joined, Err(AppError::Invalid(_))), "{who}: {joined:?}"),
                    false => assert_eq!(joined, Ok(Joined::SignInFirst), "{who}"),
                }
                assert!(browser.me().await.is_none());
            }
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM identities").await, 1, "Ben's at Acme");
        assert_eq!(street.acme().await, before);
    }

    async fn oa_05_codes_and_states_of_one_account_are_worth_nothing_at_another(world: World) {
        let street = Street::of(&world).await;
        let before = street.acme().await;
        let (acme, beta) = (&street.acme_method, &street.beta_method);
        let browser = street.world.browser();
        let begun = async |method: &str| browser.presses(&format!("/oauth/{method}/start")).await.location().to_owned();
        let of = |url: &str, name: &str| {
            let url = url::Url::parse(url).unwrap();
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap()
        };

        street.hostile.signs_in_as(ben());
        let back = street.hostile.visit(&begun(beta).await).await;
        let (code, state) = (of(&back, "code"), of(&back, "state"));
        let asked = street.honest.asked().len();
        let crossed = browser.get(&format!("/oauth/{acme}/callback?code={code}&state={state}")).await;
        assert_eq!(crossed.location(), "/login/acme?problem=attempt", "a state is good for its own method");
        // A state of Acme's with a code of the hostile provider's, which names itself as it should: not Acme's provider.
        let state = of(&begun(acme).await, "state");
        let iss = street.hostile.issuer();
        let mixed = browser.get(&format!("/oauth/{acme}/callback?code={code}&state={state}&iss={iss}")).await;
        assert_eq!(mixed.location(), "/login/acme?problem=response-issuer");
        assert_eq!(street.honest.asked().len(), asked, "no code of theirs was brought to the honest provider");
        assert!(browser.me().await.is_none());
        assert_eq!(street.acme().await, before);
    }

    async fn az_03_a_login_method_of_another_account_is_none(world: World) {
        let street = Street::of(&world).await;
        let before = street.acme().await;
        let (mallory, acme) = (&street.mallory, &*street.acme_method);
        for function in ["login-methods/drop-draft", "login-methods/switch", "login-methods/remove"] {
            let fields = [("account", "beta"), ("method", acme), ("on", "off")];
            let fields = if function.ends_with("switch") { &fields[..] } else { &fields[..2] };
            let refused: Result<NextPage, _> = mallory.call(function, fields).await;
            assert_eq!(refused, Err(AppError::NotFound), "{function}");
        }
        for function in ["login-methods/make-live", "login-methods/use-for-me"] {
            let tested = mallory.tests(&street.hostile, &street.beta_method, json!({ "sub": "m" })).await;
            let attempt = attempt_in(&tested.body);
            let fields = [("account", "beta"), ("form[method]", acme), ("form[attempt]", attempt)];
            let shown = mallory.submits("/a/beta/settings/login-methods", function, &fields).await;
            assert!(!shown.body.contains("Acme SSO"), "{function}: {}", shown.body);
        }
        let begun = mallory.presses(&format!("/a/beta/settings/login-methods/{acme}/test")).await;
        assert_eq!(begun.status, 404);
        assert_eq!(mallory.get(&format!("/a/beta/settings/login-methods/{acme}")).await.status, 404);
        let refused = mallory.invites_by(acme, "eve@example.org", "x", &editor()).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
        assert_eq!(street.acme().await, before);
    }

    async fn inv_10_what_an_invitation_demands_is_proved_by_nothing_else(world: World) {
        let street = Street::of(&world).await;
        let (ana, acme) = (&street.ana, &*street.acme_method);
        // By the provider: no password opens it, new or old, and no other method of the account.
        ana.invites_by(acme, "emil@example.org", "00u-emil", &editor()).await.unwrap();
        let emil = street.world.browser();
        let id = emil.opens_link(&street.world.link_to("emil@example.org", 0).await).await;
        let signed_up = emil.signs_up(&id, "emil@example.org").await;
        assert_eq!(signed_up, Err(AppError::OpenTheLinkAgain));
        assert_eq!(emil.joins(&id).await, Err(AppError::Unauthenticated));
        let other = ana.sets_up(&street.honest, "Acme Two", json!({ "sub": "00u-ana" })).await;
        let elsewhere = emil.presses(&format!("/oauth/{other}/start?invitation={id}")).await;
        assert_eq!(elsewhere.location(), format!("/invitation/{id}"));

        // By a password: no provider opens it.
        ana.invites("fay@example.org", &editor()).await.unwrap();
        let fay = street.world.browser();
        let id = fay.opens_link(&street.world.link_to("fay@example.org", 0).await).await;
        let elsewhere = fay.presses(&format!("/oauth/{acme}/start?invitation={id}")).await;
        assert_eq!(elsewhere.location(), format!("/invitation/{id}"));
        let none = uuid::Uuid::now_v7();
        let nowhere = fay.presses(&format!("/oauth/{acme}/start?invitation={none}")).await;
        assert_eq!(nowhere.location(), format!("/invitation/{none}"), "nor an invitation that there is not");
        assert_eq!(world.count("SELECT COUNT(*) FROM decisions").await, 0, "and nobody has anything to decide");
        assert!(matches!(fay.views_open(&id).await.standing, Standing::SignUp { .. }));
    }

    async fn inv_10_who_has_no_password_and_is_invited_by_one_sets_it_from_the_mail_alone(world: World) {
        let street = Street::of(&world).await;
        street.ana.opens_account("Gamma", "gamma").await.unwrap();
        let gamma = street.ana.on("gamma");
        gamma.invites("ben@example.org", &editor()).await.unwrap();
        let copied = gamma.copies_link(&gamma.row("ben@example.org").await).await.unwrap().url;
        let held_by_ana = street.world.browser();
        let id = held_by_ana.opens_link(&copied).await;
        let refused = held_by_ana.signs_up(&id, "ben@example.org").await;
        assert!(refused.is_err(), "without the mailed code: {refused:?}");

        let theirs = street.world.browser();
        let mailed = street.world.link_to("ben@example.org", 1).await;
        let id = theirs.opens_link(&mailed).await;
        assert!(matches!(theirs.views_open(&id).await.standing, Standing::SignUp { or_sign_in: false, .. }));
        assert_eq!(theirs.signs_up(&id, "ben@example.org").await, Ok(Joined::In { slug: Slug::parse("gamma").unwrap(), goes_on: None }));
        assert_eq!(theirs.on("gamma").home().await.unwrap().name, "Gamma");
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated, "Acme still lets Ben in by its provider");
    }

    async fn oa_12_the_other_account_is_opened_by_its_own_way_in_the_same_browser(world: World) {
        let street = Street::of(&world).await;
        street.ana.opens_account("Gamma", "gamma").await.unwrap();
        let gamma = street.ana.on("gamma");
        let by_gamma = gamma.sets_up(&street.honest, "Gamma SSO", json!({ "sub": "00u-ana" })).await;
        gamma.invites_by(&by_gamma, "ben@example.org", "00u-ben", &editor()).await.unwrap();
        let mailed = street.world.link_to("ben@example.org", 1).await;
        let theirs = street.world.browser();
        theirs.signs_in_by(&street.honest, &street.acme_method, ben()).await;
        let id = theirs.opens_link(&mailed).await;
        let standing = theirs.views_open(&id).await.standing;
        let proved = "the mailed link proves the mailbox, and there is no password to prove";
        assert!(matches!(standing, Standing::ToProvider { .. }), "{proved}: {standing:?}");
        let arrived = theirs.arrives(&street.honest, &by_gamma, &id, ben()).await;
        assert_eq!(theirs.joins_by(&id, &arrived, "").await, Ok(Joined::In { slug: Slug::parse("gamma").unwrap(), goes_on: None }));

        // The same provider, and yet: each account's own client and door.
        assert_eq!(theirs.home().await.unwrap().name, "Acme");
        assert_eq!(theirs.on("gamma").home().await.unwrap().name, "Gamma");
        theirs.sign_out().await;
        theirs.signs_in_by(&street.honest, &by_gamma, ben()).await;
        assert_eq!(theirs.home().await.unwrap_err(), AppError::Unauthenticated);
        theirs.signs_in_by(&street.honest, &street.acme_method, ben()).await;
        assert_eq!(theirs.home().await.unwrap().name, "Acme");
        assert_eq!(theirs.on("gamma").home().await.unwrap().name, "Gamma", "what was proved before stays proved");
    }

    async fn oa_12_who_came_by_the_provider_does_nothing_that_reaches_further(world: World) {
        let street = Street::of(&world).await;
        let theirs = street.world.browser();
        theirs.signs_in_by(&street.honest, &street.acme_method, ben()).await;
        let refused = theirs.opens_account("Mine", "mine").await;
        assert_eq!(refused, Err(Refusal::Needs { gate: Gate::UsersInvite }.into()));
        assert!(!accounts_of(&theirs).await.may_open);
    }
}
