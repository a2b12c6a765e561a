//! Accounts that require a second factor of their members: who may require one and when, what counts, and the ways around it that there are
//! not (LT-09, R33, R40, R49, R60, OA-12, AZ-16, LT-07, SE-02).

use crate::support::{
    Browser, PASSWORD, World, attempt_in, both_databases,
    factors::App,
    passkeys::{Algorithm, asked, owner_at_host},
    provider::{Endpoint, Provider, Twist},
};
use app::{
    api::{
        login_methods::{NextPage, ReauthenticationView},
        required_factor::{RequiredFactorStep, RequiredFactorView},
        second_factors::PasskeyChallenge,
        security::SecurityView,
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        permission::{Gate, PermissionKey},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        second_factor::RequiredOf,
        time::Span,
    },
    error::AppError,
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

const ANA: &str = "ana@example.org";
const BEN: &str = "ben@example.org";
const STEP: Span = Span::seconds(30);

impl Browser {
    async fn security(&self) -> Result<SecurityView, AppError> {
        self.call_in("security/show", &[]).await
    }

    async fn requires(&self, of: &str, roles: &[&str], grace_days: &str) -> Result<NextPage, AppError> {
        let mut fields = vec![("form[of]", of), ("form[grace_days]", grace_days)];
        fields.extend(roles.iter().map(|role| ("form[roles][]", *role)));
        self.call_in("security/require-second-factor", &fields).await
    }

    async fn accepts(&self, method: &str, values: &str) -> Result<NextPage, AppError> {
        let fields = [("form[method]", method), ("form[values]", values)];
        self.call_in("security/accept-provider-factors", &fields).await
    }

    async fn required(&self) -> RequiredFactorView {
        self.call_in("required-factor/view", &[]).await.unwrap()
    }

    async fn proves(&self, field: &str, code: &str) -> Result<String, AppError> {
        self.call_in("required-factor/prove", &[(field, code)]).await
    }

    /// Begins to set an app up for the account: its id, and the app.
    async fn begins_account_app(&self) -> Result<(String, App), AppError> {
        let page: String = self.call_in("required-factor/begin-app", &[]).await?;
        let id = app_in(&page);
        let view: RequiredFactorView = self.call_in("required-factor/view", &[("begun", &id)]).await?;
        let RequiredFactorStep::SetUpAccount { begun: Some(begun), .. } = view.step else { panic!("{view:?}") };
        Ok((id, App::with_seed(&begun.totp.seed)))
    }

    async fn adds_account_app(&self) -> Result<App, AppError> {
        let (id, app) = self.begins_account_app().await?;
        let code = app.shows(self.world());
        let _: String =
            self.call_in("required-factor/confirm-app", &[("form[factor]", &id), ("form[code]", &code)]).await?;
        Ok(app)
    }
}

/// The app that a page sets up, by its address.
fn app_in(page: &str) -> String {
    let url = Url::parse("http://roster.example").unwrap().join(page).unwrap();
    let app = url.query_pairs().find(|(name, _)| name == "app");
    app.expect("an app").1.into_owned()
}

/// Acme, whose owner Ana has an app, requires a second factor of everybody at once.
async fn acme_requires(world: &World) -> (Browser, App) {
    let ana = world.owner(ANA).await;
    let app = ana.adds_app().await.unwrap();
    world.advance(STEP);
    ana.requires("everybody", &[], "0").await.unwrap();
    (ana, app)
}

/// The same, with a provider by which Ben signs in.
async fn acme_with_provider(world: &World) -> (World, Provider, Browser, String, Browser) {
    let (world, provider, ana, method) = world.with_acme_sso().await;
    let ben = ana.brings_in_by(&provider, &method, BEN, ben_claims(), &Grant::of(BuiltInRole::Editor)).await;
    ana.adds_app().await.unwrap();
    world.advance(STEP);
    ana.requires("everybody", &[], "0").await.unwrap();
    (world, provider, ana, method, ben)
}

fn ben_claims() -> Value {
    json!({ "sub": "00u-ben", "email": BEN })
}

/// Whatever of Acme a session can reach: every answer.
async fn reaches(browser: &Browser) -> Vec<Result<Value, AppError>> {
    let mut answers = Vec::new();
    for function in ["accounts/home", "users/list", "outbox/list", "audit/list", "login-methods/list", "security/show"]
    {
        answers.push(browser.call::<Value>(function, &[("account", "acme")]).await);
    }
    let invite = [("account", "acme"), ("form[email]", "x@example.org"), ("form[role]", "viewer")];
    answers.push(browser.call("users/invite", &invite).await);
    answers.push(browser.call("accounts/leave", &[("account", "acme")]).await);
    answers.push(browser.call("login-methods/add", &[("account", "acme"), ("preset", "openid")]).await);
    let off = [("account", "acme"), ("form[of]", "nobody")];
    answers.push(browser.call("security/require-second-factor", &off).await);
    answers
}

async fn expect_shut(browser: &Browser, way: &str) {
    for (number, answer) in reaches(browser).await.into_iter().enumerate() {
        assert_eq!(answer, Err(AppError::SecondFactorRequired), "{way}: {number}");
    }
    let page = browser.get("/a/acme/settings/users?q=x").await;
    assert_eq!(page.location(), "/a/acme/second-factor?next=%2Fa%2Facme%2Fsettings%2Fusers%3Fq%3Dx", "{way}");
    let export = browser.get("/a/acme/settings/audit/events.csv").await;
    assert_eq!(export.status, StatusCode::FORBIDDEN, "{way}");
}

both_databases! {
    async fn lt_09_r33_a_second_factor_is_required_only_once_an_owner_has_one(world: World) {
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        ben.adds_app().await.unwrap();
        let refused = AppError::from(Refusal::NoOwnerReady);
        assert_eq!(ana.requires("everybody", &[], "0").await, Err(refused.clone()), "only a viewer has one");
        assert_eq!(ana.requires("roles", &["viewer"], "30").await, Err(refused));
        assert_eq!(ana.security().await.unwrap().requirement, None);
        ana.adds_app().await.unwrap();
        ana.requires("everybody", &[], "0").await.unwrap();
        let view = ana.security().await.unwrap();
        assert!(view.in_force && view.requirement.unwrap().required_of == RequiredOf::Everybody);
        let ready: Vec<_> = view.readiness.iter().map(|line| (line.role.as_str(), line.members, line.ready)).collect();
        assert_eq!(ready, [("owner", 1, 1), ("viewer", 1, 1)]);
    }

    async fn lt_09_az_16_who_manages_login_methods_requires_it_after_a_recent_authentication(world: World) {
        let ana = world.owner(ANA).await;
        ana.adds_app().await.unwrap();
        let admin = ana.brings_in_as("carla@example.org", BuiltInRole::Admin).await;
        let needs = AppError::from(Refusal::Needs { gate: Gate::LoginMethodsManage });
        assert_eq!(admin.security().await.err(), Some(needs.clone()));
        assert_eq!(admin.requires("everybody", &[], "0").await, Err(needs));
        world.advance(Span::minutes(11));
        assert_eq!(ana.requires("everybody", &[], "0").await, Err(AppError::ReauthenticationRequired));
        assert!(!ana.security().await.unwrap().recently_authenticated);
        ana.confirms_by("form[password]", PASSWORD).await.unwrap();
        let wrong = |field, problem| Err(FieldErrors::one(field, problem).into());
        let days = Problem::NotBetween { least: 0, most: 30 };
        assert_eq!(ana.requires("some", &[], "0").await, wrong(Field::RequiredOf, Problem::NotOffered));
        assert_eq!(ana.requires("roles", &[], "0").await, wrong(Field::RequiredRoles, Problem::NoneChosen));
        assert_eq!(ana.requires("roles", &["king"], "0").await, wrong(Field::RequiredRoles, Problem::NotOffered));
        for typed in ["", "31", "-1", "1.5", "soon"] {
            assert_eq!(ana.requires("everybody", &[], typed).await, wrong(Field::GraceDays, days), "{typed}");
        }
        ana.requires("roles", &["owner", "admin"], " 30 ").await.unwrap();
        // R60: and says so in the audit log.
        ana.requires("nobody", &[], "").await.unwrap();
        let kinds = world.texts("SELECT kind FROM audit_events WHERE kind LIKE 'second%' ORDER BY seq").await;
        assert_eq!(kinds, ["second_factor_required", "second_factor_not_required"]);
    }

    async fn lt_09_an_account_that_requires_a_second_factor_has_no_way_around(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let app = ana.adds_app().await.unwrap();
        world.advance(STEP);
        let ben = ana.brings_in_as(BEN, BuiltInRole::Owner).await;
        let carl = ana.brings_in_as("carl@example.org", BuiltInRole::Owner).await;
        let carls = carl.adds_app().await.unwrap();
        world.advance(STEP);
        let remembered = world.browser();
        remembered.sign_in("carl@example.org", PASSWORD).await.unwrap();
        remembered.types_code_and_is_remembered(&carls.shows(&world)).await.unwrap();
        world.advance(STEP);
        remembered.sign_out().await;
        let dan = json!({ "sub": "00u-dan", "email": "dan@example.org" });
        let owner = Grant::of(BuiltInRole::Owner);
        let by_provider = ana.brings_in_by(&provider, &method, "dan@example.org", dan.clone(), &owner).await;
        ana.invites("eve@example.org", &owner).await.unwrap();
        ana.opens_account("Other", "other").await.unwrap();
        let fay = ana.on("other").brings_in_as("fay@example.org", BuiltInRole::Viewer).await;
        ana.invites("fay@example.org", &owner).await.unwrap();
        ana.requires("everybody", &[], "0").await.unwrap();
        ana.home().await.unwrap();

        for way in [
            "a session of before",
            "the password",
            "a remembered browser",
            "a new password by a link",
            "a provider",
            "a provider, reauthenticated",
            "an invitation",
            "an invitation, with a login of before",
            "owner by the host's operator",
            "second factors removed by the host's operator",
        ] {
            let browser = world.browser();
            match way {
                "a session of before" => {
                    expect_shut(&ben, way).await;
                    expect_shut(&by_provider, way).await;
                    continue;
                }
                "the password" => {
                    let leads = browser.sign_in(BEN, PASSWORD).await.unwrap();
                    assert_eq!(browser.get(&leads).await.location(), "/a/acme/second-factor?next=%2Fa%2Facme", "{way}");
                }
                "a remembered browser" => {
                    assert_eq!(remembered.sign_in("carl@example.org", PASSWORD).await.unwrap(), "/a/acme");
                    expect_shut(&remembered, way).await;
                    remembered.proves("form[code]", &carls.shows(&world)).await.unwrap();
                    remembered.home().await.unwrap();
                    continue;
                }
                "a new password by a link" => {
                    browser.call::<Value>("recovery/ask-for-password-reset", &[("form[email]", BEN)]).await.unwrap();
                    browser.get(&world.reset_link_to(BEN, 1).await).await;
                    let password = "an entirely different passphrase";
                    browser.call::<String>("recovery/reset-password", &[("form[password]", password)]).await.unwrap();
                    browser.sign_in(BEN, password).await.unwrap();
                }
                "a provider" => {
                    browser.signs_in_by(&provider, &method, dan.clone()).await;
                }
                "a provider, reauthenticated" => {
                    browser.signs_in_by(&provider, &method, dan.clone()).await;
                    browser.goes_through(&provider, &format!("/oauth/{method}/start?next=/a/acme"), dan.clone()).await;
                }
                "an invitation" => {
                    let id = browser.opens_link(&world.link_to("eve@example.org", 0).await).await;
                    browser.signs_up(&id, "eve@example.org").await.unwrap();
                }
                "an invitation, with a login of before" => {
                    let id = fay.opens_link(&world.link_to("fay@example.org", 1).await).await;
                    fay.joins(&id).await.unwrap();
                    expect_shut(&fay, way).await;
                    continue;
                }
                "owner by the host's operator" => {
                    world.services.grant_owner("acme", "eve@example.org", false).await.unwrap();
                    browser.sign_in("eve@example.org", PASSWORD).await.unwrap();
                }
                _ => {
                    world.services.reset_factors(ANA).await.unwrap();
                    browser.sign_in(ANA, PASSWORD).await.unwrap();
                    expect_shut(&browser, way).await;
                    // Nobody is locked out (R33): one is set up, and the account opens.
                    assert_eq!(browser.required().await.step, RequiredFactorStep::SetUpLogin);
                    browser.adds_app().await.unwrap();
                    browser.home().await.unwrap();
                    continue;
                }
            }
            expect_shut(&browser, way).await;
        }
        drop(app);
    }

    async fn lt_09_whoever_has_a_password_sets_one_up_for_the_login_and_gets_in(world: World) {
        let (ana, _) = acme_requires(&world).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        assert_eq!(ben.required().await.step, RequiredFactorStep::SetUpLogin);
        assert_eq!(ben.begins_account_app().await.err(), Some(AppError::NotFound), "not for the account alone");
        let requiring = ben.factors().await.unwrap().requiring;
        assert!(requiring.len() == 1 && requiring[0].slug.as_str() == "acme" && requiring[0].in_force);
        ben.adds_app().await.unwrap();
        ben.home().await.unwrap();
        assert!(matches!(ben.required().await.step, RequiredFactorStep::GoOn { app: None }));
        // The factor goes, and with it the way in.
        let factor = ben.factors().await.unwrap().factors[0].id;
        ben.removes_factor(factor).await.unwrap();
        ben.sign_out().await;
        ben.sign_in(BEN, PASSWORD).await.unwrap();
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
    }

    async fn lt_09_it_is_required_of_the_chosen_roles_alone_as_they_are_now(world: World) {
        let ana = world.owner(ANA).await;
        ana.adds_app().await.unwrap();
        world.advance(STEP);
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        ana.requires("roles", &["admin", "owner"], "0").await.unwrap();
        ben.home().await.unwrap();
        assert_eq!(ben.required().await.starts, None);
        ana.edits(&ana.row(BEN).await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        ana.edits(&ana.row(BEN).await, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        ben.home().await.unwrap();
    }

    async fn lt_09_members_have_the_days_that_they_were_given_and_are_reminded(world: World) {
        let ana = world.owner(ANA).await;
        ana.adds_app().await.unwrap();
        world.advance(STEP);
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        let stop = CancellationToken::new();
        let remind = async || world.services.remind_of_second_factors(&stop).await.unwrap();
        assert_eq!(remind().await, 0, "nothing is required");
        ana.requires("everybody", &[], "10").await.unwrap();
        assert_eq!(remind().await, 1, "Ben, and not Ana, who is ready");
        assert_eq!(remind().await, 0, "once");
        let mail = world.mail_to(BEN, 1).await;
        let text = mail.part("text/plain");
        assert!(text.contains("/a/acme/second-factor") && text.contains("requires a second factor"), "{text}");

        let starts = ana.security().await.unwrap().requirement.unwrap().starts;
        assert_eq!(ben.home().await.unwrap().second_factor_from, Some(starts));
        let view = ben.required().await;
        assert!(!view.in_force && view.starts == Some(starts));
        assert_eq!(ana.home().await.unwrap().second_factor_from, None, "Ana has one");
        for (days, reminded) in [(2, 0), (1, 1), (5, 0), (1, 1)] {
            world.advance(Span::days(days));
            assert_eq!(remind().await, reminded, "{days} days later");
        }
        ben.sign_out().await;
        ben.sign_in(BEN, PASSWORD).await.unwrap();
        ben.home().await.unwrap();
        world.advance(Span::days(1) + Span::seconds(1));
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        assert_eq!(remind().await, 0, "Ben is led to it now");
    }

    async fn lt_09_of_two_instances_one_reminds(world: World) {
        let ana = world.owner(ANA).await;
        ana.adds_app().await.unwrap();
        ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        ana.requires("everybody", &[], "10").await.unwrap();
        let other = world.configured(|_| {});
        let stop = CancellationToken::new();
        let reminded = tokio::join!(
            world.services.remind_of_second_factors(&stop),
            other.services.remind_of_second_factors(&stop),
        );
        assert_eq!(reminded.0.unwrap() + reminded.1.unwrap(), 1);
        let mails = world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'second_factor_required'").await;
        assert_eq!(mails, 1);
    }

    async fn lt_09_saving_once_more_neither_puts_the_beginning_off_nor_reminds_again(world: World) {
        let ana = world.owner(ANA).await;
        ana.adds_app().await.unwrap();
        ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        let stop = CancellationToken::new();
        ana.requires("everybody", &[], "10").await.unwrap();
        assert_eq!(world.services.remind_of_second_factors(&stop).await.unwrap(), 1);
        let before = ana.security().await.unwrap();
        world.advance(Span::minutes(5));
        ana.requires("everybody", &[], &before.days_left.to_string()).await.unwrap();
        assert_eq!(ana.security().await.unwrap().requirement, before.requirement);
        assert_eq!(world.services.remind_of_second_factors(&stop).await.unwrap(), 0);
        let events = world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'second_factor_required'").await;
        assert_eq!(events, 1, "nothing was changed");
        // Of others, from the same moment on.
        ana.requires("roles", &["viewer"], "10").await.unwrap();
        let starts = |view: SecurityView| view.requirement.unwrap().starts;
        assert_eq!(starts(ana.security().await.unwrap()), starts(before));
    }

    async fn lt_09_lt_07_a_wrong_code_counts_and_a_right_one_works_once(world: World) {
        let (_, app) = acme_requires(&world).await;
        let browser = world.browser();
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        browser.types_code_and_is_remembered(&app.shows(&world)).await.unwrap();
        let used = app.shows(&world);
        browser.sign_out().await;
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        assert_eq!(browser.required().await.step, RequiredFactorStep::Prove { app: true, passkey: false, recovery: true });
        let wrong = |field| Err(AppError::from(FieldErrors::one(field, Problem::WrongCode)));
        assert_eq!(browser.proves("form[code]", &used).await, wrong(Field::Code), "it signed in");
        assert_eq!(browser.proves("form[recovery_code]", "0000").await, wrong(Field::RecoveryCode));
        let empty = Err(FieldErrors::one(Field::Code, Problem::Required).into());
        assert_eq!(browser.proves("form[code]", " ").await, empty);
        world.advance(STEP);
        let before = browser.cookie("session").unwrap();
        let fields = [("account", "acme"), ("form[code]", &app.shows(&world)), ("form[next]", "/a/acme/settings/users")];
        assert_eq!(browser.call::<String>("required-factor/prove", &fields).await.unwrap(), "/a/acme/settings/users");
        assert_ne!(browser.cookie("session").unwrap(), before, "SE-02");
        browser.home().await.unwrap();
        // A recovery code stands in, and the person is told.
        browser.sign_out().await;
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        for foreign in ["//evil.example", "https://evil.example", "/a/acme/second-factor"] {
            world.advance(STEP);
            let fields = [("account", "acme"), ("form[code]", &app.shows(&world)), ("form[next]", foreign)];
            assert_eq!(browser.call::<String>("required-factor/prove", &fields).await.unwrap(), "/a/acme", "{foreign}");
        }
        browser.sign_out().await;
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        browser.proves("form[recovery_code]", &app.codes[0]).await.unwrap();
        browser.home().await.unwrap();
        let used = world.texts("SELECT kind FROM user_events WHERE kind = 'recovery_code_used'").await;
        assert_eq!(used.len(), 1);
    }

    async fn az_16_lt_09_any_second_factor_reauthenticates_in_an_account(world: World) {
        let ana = world.owner(ANA).await;
        let app = ana.adds_app().await.unwrap();
        world.advance(Span::minutes(11));
        let adds = async |browser: &Browser| {
            browser.call_in::<NextPage>("login-methods/add", &[("preset", "openid")]).await.map(|_| ())
        };
        assert_eq!(adds(&ana).await, Err(AppError::ReauthenticationRequired));
        let view: ReauthenticationView = ana.call_in("reauthentication/show", &[]).await.unwrap();
        assert!(view.app && !view.passkey);
        ana.proves("form[code]", &app.shows(&world)).await.unwrap();
        assert_eq!(adds(&ana).await, Ok(()));
        world.advance(Span::minutes(11));
        assert_eq!(adds(&ana).await, Err(AppError::ReauthenticationRequired), "for ten minutes");
    }

    async fn oa_12_az_16_a_second_factor_beside_another_accounts_provider_is_no_password(world: World) {
        // Ben has a password and an app, and comes by Acme's provider: Beta, which takes the password, stays shut.
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let app = ben.adds_app().await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites(BEN, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let id = ben.opens_link(&world.link_to(BEN, 2).await).await;
        ben.joins(&id).await.unwrap();
        ana.changes_login_method(&ana.row(BEN).await, &method, "00u-ben").await.unwrap();
        world.advance(STEP);
        let by_provider = world.browser();
        by_provider.signs_in_by(&provider, &method, ben_claims()).await;
        by_provider.proves("form[code]", &app.shows(&world)).await.unwrap();
        by_provider.home().await.unwrap();
        assert_eq!(by_provider.on("beta").home().await.err(), Some(AppError::Unauthenticated));
        assert!(!by_provider.factors().await.unwrap().may_change, "R49");
    }

    async fn lt_09_lt_08_a_passkey_opens_the_account_as_well(world: World) {
        let (_, ana) = owner_at_host(&world, ANA).await;
        let mut passkey = ana.adds_passkey(Algorithm::Es256).await.unwrap();
        ana.requires("everybody", &[], "0").await.unwrap();
        ana.sign_out().await;
        ana.signs_in_by_passkey(&mut passkey).await.unwrap();
        ana.home().await.unwrap();
    }

    async fn oa_12_lt_09_whom_a_provider_alone_vouches_for_sets_an_app_up_for_that_account(world: World) {
        let (world, provider, ana, method, ben) = acme_with_provider(&world).await;
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        let view = ben.required().await;
        assert_eq!(view.step, RequiredFactorStep::SetUpAccount { begun: None, may_set_up: true });
        let (id, app) = ben.begins_account_app().await.unwrap();
        let confirm = async |code: &str| {
            ben.call_in::<String>("required-factor/confirm-app", &[("form[factor]", &id), ("form[code]", code)]).await
        };
        let wrong: AppError = FieldErrors::one(Field::Code, Problem::WrongCode).into();
        assert_eq!(confirm("000000").await, Err(wrong));
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired), "it counts for nothing yet");
        assert_eq!(confirm(&app.shows(&world)).await.unwrap(), "/a/acme");
        ben.home().await.unwrap();
        assert!(matches!(ben.required().await.step, RequiredFactorStep::GoOn { app: Some(_) }));
        // It is none of the login, and no other account's.
        assert!(ben.factors().await.unwrap().factors.is_empty());
        assert_eq!(ana.security().await.unwrap().readiness.iter().map(|line| line.ready).sum::<u64>(), 2);
        assert!(ana.shows(ana.row(BEN).await.id).await.unwrap().second_factor == Some(true));

        // A new session asks for its code, and sets no other one up.
        world.advance(STEP);
        let again = world.browser();
        again.signs_in_by(&provider, &method, ben_claims()).await;
        assert_eq!(again.required().await.step, RequiredFactorStep::Prove { app: true, passkey: false, recovery: false });
        assert_eq!(again.begins_account_app().await.err(), Some(AppError::NotFound));
        again.proves("form[code]", &app.shows(&world)).await.unwrap();
        again.home().await.unwrap();
    }

    async fn oa_12_a_factor_that_is_added_to_the_login_later_does_not_stand_in_for_the_accounts_app(world: World) {
        // Ben has a password as well, which opens another account.
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        ana.changes_login_method(&ana.row(BEN).await, &method, "00u-ben").await.unwrap();
        ana.adds_app().await.unwrap();
        ana.requires("everybody", &[], "0").await.unwrap();
        let by_provider = world.browser();
        by_provider.signs_in_by(&provider, &method, ben_claims()).await;
        let of_account = by_provider.adds_account_app().await.unwrap();
        by_provider.home().await.unwrap();
        // Whoever has the password adds an app of their own, and goes in by the provider.
        let of_login = ben.adds_app().await.unwrap();
        world.advance(STEP);
        let hostile = world.browser();
        hostile.signs_in_with(BEN, &of_login).await.unwrap();
        hostile.goes_through(&provider, &format!("/oauth/{method}/start?next=/a/acme"), ben_claims()).await;
        world.advance(STEP);
        assert_eq!(hostile.home().await.err(), Some(AppError::SecondFactorRequired));
        let asked = RequiredFactorStep::Prove { app: true, passkey: false, recovery: false };
        assert_eq!(hostile.required().await.step, asked);
        let wrong = Err(FieldErrors::one(Field::Code, Problem::WrongCode).into());
        assert_eq!(hostile.proves("form[code]", &of_login.shows(&world)).await, wrong);
        // Ben himself, whose other sessions ended with the new factor, gives the account's app up, and the login's counts.
        by_provider.signs_in_by(&provider, &method, ben_claims()).await;
        by_provider.proves("form[code]", &of_account.shows(&world)).await.unwrap();
        let RequiredFactorStep::GoOn { app: Some(app) } = by_provider.required().await.step else { panic!("an app") };
        let _: String = by_provider.call_in("required-factor/remove-app", &[("factor", &app.id.to_string())]).await.unwrap();
        let asked = RequiredFactorStep::Prove { app: true, passkey: false, recovery: true };
        assert_eq!(by_provider.required().await.step, asked);
        world.advance(STEP);
        by_provider.proves("form[code]", &of_login.shows(&world)).await.unwrap();
        by_provider.home().await.unwrap();
    }

    async fn se_07_the_mail_about_an_accounts_app_names_the_account_and_leads_there(world: World) {
        let (world, _, _, _, ben) = acme_with_provider(&world).await;
        ben.adds_account_app().await.unwrap();
        let mail = world.mail_to(BEN, 1).await;
        assert_eq!(mail.header("Subject").unwrap(), "An authenticator app was added for Acme");
        let text = mail.part("text/plain");
        assert!(text.contains("/a/acme/second-factor") && text.contains("Tell an owner of Acme"), "{text}");
        assert!(!text.contains("password"), "Ben has none: {text}");
        let RequiredFactorStep::GoOn { app: Some(app) } = ben.required().await.step else { panic!("an app") };
        let _: String = ben.call_in("required-factor/remove-app", &[("factor", &app.id.to_string())]).await.unwrap();
        let mail = world.mail_to(BEN, 2).await;
        assert_eq!(mail.header("Subject").unwrap(), "The authenticator app for Acme was removed");
    }

    async fn en_04_apps_for_an_account_are_added_five_times_a_day(world: World) {
        let (_, _, _, _, ben) = acme_with_provider(&world).await;
        for _ in 0..5 {
            ben.adds_account_app().await.unwrap();
            let RequiredFactorStep::GoOn { app: Some(app) } = ben.required().await.step else { panic!("an app") };
            let factor = app.id.to_string();
            let _: String = ben.call_in("required-factor/remove-app", &[("factor", &factor)]).await.unwrap();
        }
        assert!(matches!(ben.adds_account_app().await, Err(AppError::RateLimited { .. })));
    }

    async fn lt_08_en_04_passkeys_are_asked_for_where_the_login_or_the_account_asks(world: World) {
        // Ben has a password and a passkey, and comes by Acme's provider.
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let named = world.with_host_name();
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await.at(&named);
        ben.sign_in(BEN, PASSWORD).await.unwrap();
        let passkey = ben.adds_passkey(Algorithm::Es256).await.unwrap();
        ana.changes_login_method(&ana.row(BEN).await, &method, "00u-ben").await.unwrap();
        ana.adds_app().await.unwrap();
        ana.requires("everybody", &[], "0").await.unwrap();
        let by_provider = world.browser();
        by_provider.signs_in_by(&provider, &method, ben_claims()).await;
        let by_provider = by_provider.at(&named);
        let begin = "me/begin-passkey-reauthentication";
        let own = by_provider.call::<PasskeyChallenge>(begin, &[]).await;
        assert_eq!(own.err(), Some(Refusal::OwnPasswordNeeded.into()), "R49: nothing of the login is changed by it");
        let elsewhere = by_provider.call::<PasskeyChallenge>(begin, &[("account", "other")]).await;
        assert_eq!(elsewhere.err(), Some(AppError::NotFound));
        // LT-09: the passkey opens the account, beside what the provider proved.
        assert_eq!(by_provider.home().await.err(), Some(AppError::SecondFactorRequired));
        let challenge: PasskeyChallenge = by_provider.call(begin, &[("account", "acme")]).await.unwrap();
        let answer = passkey.assertion(&asked(&challenge));
        by_provider.answers::<String>("me/reauthenticate-by-passkey", &challenge, &answer).await.unwrap();
        by_provider.home().await.unwrap();
        let mut last = Ok(());
        for _ in 0..100 {
            last = by_provider.call::<PasskeyChallenge>(begin, &[("account", "acme")]).await.map(drop);
        }
        assert!(matches!(last, Err(AppError::RateLimited { .. })), "{last:?}");
    }

    async fn az_16_lt_09_a_first_app_is_set_up_in_a_session_that_has_just_begun_or_proved_itself_anew(world: World) {
        let (world, provider, _, method, _) = acme_with_provider(&world).await;
        provider.twist(Twist::without_claim("auth_time"));
        let ben = world.browser();
        ben.signs_in_by(&provider, &method, ben_claims()).await;
        let may_set_up = async || match ben.required().await.step {
            RequiredFactorStep::SetUpAccount { may_set_up, .. } => may_set_up,
            other => panic!("{other:?}"),
        };
        assert!(may_set_up().await, "the provider says nothing of when, but it was just now");
        world.advance(Span::minutes(11));
        assert!(!may_set_up().await);
        assert_eq!(ben.begins_account_app().await.err(), Some(AppError::ReauthenticationRequired));
        assert_eq!(ben.get("/a/acme/reauthenticate").await.status, StatusCode::OK, "the way to do so is open");
        provider.straighten();
        ben.goes_through(&provider, &format!("/oauth/{method}/start?next=/a/acme"), ben_claims()).await;
        assert!(may_set_up().await);
        ben.adds_account_app().await.unwrap();
    }

    async fn r49_en_06_an_accounts_provider_keeps_nobody_from_signing_in_with_the_password(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let app = ben.adds_app().await.unwrap();
        ana.changes_login_method(&ana.row(BEN).await, &method, "00u-ben").await.unwrap();
        world.advance(STEP);
        // Whoever runs the provider is Ben there.
        let hostile = world.browser();
        hostile.signs_in_by(&provider, &method, ben_claims()).await;
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(hostile.proves("form[code]", "000000").await);
        }
        assert!(matches!(answers.last(), Some(Err(AppError::RateLimited { .. }))), "{answers:?}");
        let browser = world.browser();
        assert_eq!(browser.signs_in_with(BEN, &app).await.unwrap(), "/accounts");
    }

    async fn az_16_setting_an_app_up_is_no_reauthentication_and_none_is_set_up_unasked(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let dan = json!({ "sub": "00u-dan", "email": "dan@example.org" });
        let owner = Grant::of(BuiltInRole::Owner);
        ana.brings_in_by(&provider, &method, "dan@example.org", dan.clone(), &owner).await;
        provider.twist(Twist::claim("auth_time", json!(0)));
        let browser = world.browser();
        browser.signs_in_by(&provider, &method, dan).await;
        assert_eq!(browser.begins_account_app().await.err(), Some(AppError::NotFound), "nothing is required");
        ana.adds_app().await.unwrap();
        ana.requires("everybody", &[], "0").await.unwrap();
        browser.adds_account_app().await.unwrap();
        browser.home().await.unwrap();
        let adds = browser.call_in::<NextPage>("login-methods/add", &[("preset", "openid")]).await;
        assert_eq!(adds.err(), Some(AppError::ReauthenticationRequired));
    }

    async fn oa_12_a_second_factor_for_one_account_opens_no_other(world: World) {
        let (world, provider, ana, method, ben) = acme_with_provider(&world).await;
        ben.adds_account_app().await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        let other = beta.sets_up(&provider, "Beta SSO", json!({ "sub": "00u-ana", "email": ANA })).await;
        beta.invites_by(&other, BEN, "00u-ben", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let in_beta = ben.on("beta");
        let id = in_beta.opens_link(&world.link_to(BEN, 2).await).await;
        let arrived = in_beta.arrives(&provider, &other, &id, ben_claims()).await;
        in_beta.joins_by(&id, &arrived, "Ben").await.unwrap();
        in_beta.home().await.unwrap();
        beta.requires("everybody", &[], "0").await.unwrap();
        ben.home().await.unwrap();
        assert_eq!(in_beta.home().await.err(), Some(AppError::SecondFactorRequired), "Acme's app does not count there");
        assert!(matches!(in_beta.required().await.step, RequiredFactorStep::SetUpAccount { .. }));
        drop(method);
    }

    async fn oa_12_lt_09_an_app_for_an_account_is_removed_by_its_person_and_ends_with_the_membership(world: World) {
        let (world, provider, ana, method, ben) = acme_with_provider(&world).await;
        let app = ben.adds_account_app().await.unwrap();
        let remove = async |browser: &Browser| {
            let RequiredFactorStep::GoOn { app: Some(app) } = browser.required().await.step else { panic!("an app") };
            browser.call_in::<String>("required-factor/remove-app", &[("factor", &app.id.to_string())]).await
        };
        world.advance(Span::minutes(11));
        assert_eq!(remove(&ben).await, Err(AppError::ReauthenticationRequired), "AZ-16");
        ben.goes_through(&provider, &format!("/oauth/{method}/start?next=/a/acme"), ben_claims()).await;
        assert_eq!(remove(&ben).await.unwrap(), "/a/acme/second-factor");
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired), "the proof went with it");
        ben.adds_account_app().await.unwrap();
        drop(app);
        // R40: trust does not come back with the person.
        ana.removes(&ana.row(BEN).await).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM second_factors WHERE account_id IS NOT NULL").await, 0);
    }

    async fn lt_09_a_providers_word_counts_only_by_the_values_that_were_chosen(world: World) {
        let (world, provider, ana, method, ben) = acme_with_provider(&world).await;
        let signs_in = async || {
            let browser = world.browser();
            browser.signs_in_by(&provider, &method, ben_claims()).await;
            browser.home().await.map(|_| ())
        };
        let shut = Err(AppError::SecondFactorRequired);
        provider.twist(Twist::claim("amr", json!(["pwd", "mfa"])));
        assert_eq!(signs_in().await, shut, "nothing was chosen");
        assert_eq!(ana.accepts(&method, "mfa, otp").await.unwrap().path, "/a/acme/settings/security");
        let view = ana.security().await.unwrap();
        assert_eq!(view.providers[0].accepted, ["mfa", "otp"]);
        assert_eq!(signs_in().await, Ok(()));
        assert_eq!(ana.security().await.unwrap().readiness.iter().map(|line| line.ready).sum::<u64>(), 2, "Ben is ready");
        // What is not signed, of another kind or only similar does not count.
        for claim in [json!(["pwd"]), json!("MFA"), json!(["mfa2"]), json!({ "mfa": true }), json!(7), json!([["mfa"]]), json!(null)] {
            provider.straighten();
            provider.twist(Twist::claim("amr", claim.clone()));
            assert_eq!(signs_in().await, shut, "{claim}");
        }
        provider.straighten();
        provider.twist(Twist::json(Endpoint::UserInfo, |answer| drop(answer.insert("amr".to_owned(), json!(["mfa"])))));
        assert_eq!(signs_in().await, shut, "unsigned");
        provider.straighten();
        provider.twist(Twist::claim("acr", json!("otp")));
        assert_eq!(signs_in().await, Ok(()), "acr as well");

        // Other values: what counted before is forgotten, in every session.
        let known = world.browser();
        known.signs_in_by(&provider, &method, ben_claims()).await;
        known.home().await.unwrap();
        ana.accepts(&method, "phr").await.unwrap();
        assert_eq!(known.home().await.err(), Some(AppError::SecondFactorRequired));
        ana.accepts(&method, "").await.unwrap();
        assert!(ana.security().await.unwrap().providers[0].accepted.is_empty());
        let events = world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'provider_factors_changed'").await;
        assert_eq!(events, 3);
        drop(ben);
    }

    async fn oa_11_lt_09_another_provider_is_not_taken_at_its_predecessors_word(world: World) {
        let (world, provider, ana, method, ben) = acme_with_provider(&world).await;
        ana.accepts(&method, "mfa").await.unwrap();
        assert_eq!(ana.security().await.unwrap().providers[0].accepted, ["mfa"]);
        let other = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider, &other]);
        let ana = ana.at(&world);
        ana.saves(&method, "Acme SSO", &other.configuration()).await;
        let page = ana.tests(&other, &method, json!({ "sub": "00u-ana", "email": ANA })).await.body;
        let attempt = attempt_in(&page);
        let fields = [("form[method]", &*method), ("form[attempt]", attempt), ("form[confirmed]", "yes")];
        let _: NextPage = ana.call_in("login-methods/make-live", &fields).await.unwrap();
        assert!(ana.security().await.unwrap().providers[0].accepted.is_empty());
        drop(ben);
    }

    async fn lt_09_the_last_test_of_a_provider_says_what_it_brings(world: World) {
        let (_, provider, ana, method) = world.with_acme_sso().await;
        assert_eq!(ana.security().await.unwrap().providers[0].tested, Some(Vec::new()), "the provider says nothing");
        provider.twist(Twist::claim("amr", json!(["pwd", "hwk"])));
        ana.tests(&provider, &method, json!({ "sub": "00u-ana", "email": ANA })).await;
        assert_eq!(ana.security().await.unwrap().providers[0].tested, Some(vec!["pwd".to_owned(), "hwk".to_owned()]));
        let long = "x".repeat(201);
        assert!(matches!(ana.accepts(&method, &long).await, Err(AppError::Invalid(_))));
        assert_eq!(ana.accepts("not-a-method", "mfa").await, Err(AppError::NotFound));
    }

    async fn r49_lt_09_who_manages_users_sees_that_somebody_has_a_second_factor_and_cannot_reset_it(world: World) {
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let seen = async |email| ana.shows(ana.row(email).await.id).await.unwrap().second_factor;
        assert_eq!((seen(BEN).await, seen("eve@example.org").await), (Some(false), None));
        ben.adds_app().await.unwrap();
        assert_eq!(seen(BEN).await, Some(true));
        let factor = ben.factors().await.unwrap().factors[0].id;
        assert!(ana.removes_factor(factor).await.is_err());
    }

    async fn r49_lt_09_who_manages_users_cannot_remove_somebodys_app_for_the_account(world: World) {
        let (_, _, ana, _, ben) = acme_with_provider(&world).await;
        ben.adds_account_app().await.unwrap();
        let RequiredFactorStep::GoOn { app: Some(app) } = ben.required().await.step else { panic!("an app") };
        let fields = [("factor", &*app.id.to_string())];
        assert_eq!(ana.call_in::<String>("required-factor/remove-app", &fields).await, Err(AppError::NotFound));
        ben.home().await.unwrap();
    }

    async fn lt_09_with_scripting_off_the_account_leads_to_a_second_factor_and_back(world: World) {
        let (_, _, _, _, ben) = acme_with_provider(&world).await;
        let page = ben.get("/a/acme/second-factor").await;
        assert!(page.body.contains("Set up an authenticator app"), "{}", page.body);
        let fields = [("account", "acme"), ("next", "/a/acme")];
        let begun = ben.is_sent_on(Some("/a/acme/second-factor"), "required-factor/begin-app", &fields).await;
        let shown = ben.get(&begun).await;
        assert!(shown.body.contains("data:image/svg+xml"), "{}", shown.body);
        let id = app_in(&begun);
        let seed = shown.body.split("class=\"seed\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let code = App::with_seed(&seed).shows(&ben.world().clone());
        let fields = [("account", "acme"), ("form[factor]", id.as_str()), ("form[code]", code.as_str()), ("form[next]", "/a/acme")];
        assert_eq!(ben.is_sent_on(Some(&begun), "required-factor/confirm-app", &fields).await, "/a/acme");
        assert_eq!(ben.get("/a/acme").await.status, StatusCode::OK);
    }

    async fn r24_lt_09_who_is_invited_with_extras_sees_them_before_setting_a_factor_up_and_has_exactly_them_after(world: World) {
        let (ana, _) = acme_requires(&world).await;
        let offer = Grant::of(BuiltInRole::Viewer).with("analytics.export").with("audit.read");
        ana.invites(BEN, &offer).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to(BEN, 0).await).await;
        let open = ben.views_open(&id).await;
        let offered = open.permissions.clone();
        assert!(offered.contains(&PermissionKey::new("analytics.export")) && offered.contains(&PermissionKey::new("audit.read")));
        let page = ben.get(&format!("/invitation/{id}")).await.body;
        for said in ["Viewer", "Export analytics"] {
            assert!(page.contains(said), "{said}: {page}");
        }

        // Joined, and kept out until there is a factor; what was offered stands there once more.
        ben.signs_up(&id, BEN).await.unwrap();
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        let offer_page = ben.get("/a/acme/second-factor").await.body;
        for said in ["Viewer", "Export analytics"] {
            assert!(offer_page.contains(said), "{said}: {offer_page}");
        }
        assert_eq!(ana.row(BEN).await.grant, offer);
        // Edited while the person has none: what was last saved counts (R24), and the requirement stays.
        let edited = Grant::of(BuiltInRole::Viewer).with("audit.read");
        ana.edits(&ana.row(BEN).await, &edited).await.unwrap();
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        ben.adds_app().await.unwrap();
        assert!(ben.home().await.is_ok());
        assert_eq!(ana.row(BEN).await.grant, edited);
        let audit: Result<Value, AppError> = ben.call_in("audit/list", &[]).await;
        assert!(audit.is_ok(), "{audit:?}");
        let export = ben.get("/a/acme/settings/users").await.body;
        assert!(!export.contains("users/invite"), "and nothing more");
    }

    async fn r24_lt_09_extras_and_role_that_are_edited_before_joining_are_what_is_held_after_the_factor(world: World) {
        let (ana, _) = acme_requires(&world).await;
        ana.requires("roles", &["editor"], "0").await.unwrap();
        let ben = ana.brings_in_as(BEN, BuiltInRole::Viewer).await;
        assert!(ben.home().await.is_ok(), "it is required of editors alone");
        // An extra asks for nothing more; another role does, at once, and takes nothing away.
        let extra = Grant::of(BuiltInRole::Viewer).with("audit.read");
        ana.edits(&ana.row(BEN).await, &extra).await.unwrap();
        assert!(ben.home().await.is_ok());
        let wanted = Grant::of(BuiltInRole::Editor).with("audit.read");
        ana.edits(&ana.row(BEN).await, &wanted).await.unwrap();
        assert_eq!(ben.home().await.err(), Some(AppError::SecondFactorRequired));
        let offered = ben.get("/a/acme/second-factor").await.body;
        assert!(offered.contains("Editor"), "{offered}");
        ben.adds_app().await.unwrap();
        assert!(ben.home().await.is_ok());
        assert_eq!(ana.row(BEN).await.grant, wanted);
    }
}
