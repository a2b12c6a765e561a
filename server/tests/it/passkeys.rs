//! Passkeys: registering them, signing in with and without the password, and answers that are wrong in one way (LT-07 to LT-09, AZ-16).

use crate::support::{
    Browser, PASSWORD, both_databases,
    passkeys::{Algorithm, Passkey, Twist, asked, owner_at_host},
};
use app::{
    api::second_factors::{PasskeyChallenge, SecondFactorAdded, SecondStepView},
    domain::{policy::Refusal, role::BuiltInRole, second_factor::SecondFactorKind, time::Span},
    error::AppError,
};
use serde_json::json;

const ANA: &str = "ana@example.org";
const REFUSED: AppError = AppError::PasskeyRefused;

/// One wrong thing, by its name.
fn wrongs() -> Vec<(&'static str, Twist)> {
    let twist = Twist::default;
    vec![
        ("another origin", Twist { origin: Some("https://evil.example".to_owned()), ..twist() }),
        ("another port", Twist { origin: Some("http://localhost:3001".to_owned()), ..twist() }),
        ("another scheme", Twist { origin: Some("https://localhost:3000".to_owned()), ..twist() }),
        ("another relying party", Twist { rp_id: Some("evil.example".to_owned()), ..twist() }),
        ("another challenge", Twist { challenge: Some("AAAAAAAAAAAAAAAAAAAAAA".to_owned()), ..twist() }),
        ("within a page of another site", Twist { cross_origin: true, ..twist() }),
        ("nobody there", Twist { absent: true, ..twist() }),
    ]
}

both_databases! {
    async fn lt_08_a_passkey_of_each_algorithm_signs_in_with_the_password_and_alone(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let mut passkey = ana.adds_passkey(algorithm).await.unwrap();
            world.advance(Span::minutes(1));
            let browser = world.browser();
            assert_eq!(browser.sign_in(ANA, PASSWORD).await.unwrap(), "/second-factor", "{algorithm:?}");
            let waiting = SecondStepView::Waiting { email: ANA.to_owned(), app: false, passkey: true };
            assert_eq!(browser.second_step().await, waiting);
            assert_eq!(browser.signs_in_with_passkey(ANA, &mut passkey).await.unwrap(), "/a/acme", "{algorithm:?}");
            assert!(browser.home().await.is_ok());

            let alone = world.browser();
            assert_eq!(alone.signs_in_by_passkey(&mut passkey).await.unwrap(), "/a/acme", "{algorithm:?}");
            assert!(alone.home().await.is_ok());
            let factors = alone.factors().await.unwrap();
            let used = factors.factors.last().unwrap();
            assert_eq!((used.kind, used.last_used), (SecondFactorKind::Passkey, Some(world.now())));
            assert!(factors.may_change && factors.recently_authenticated, "it stands for the password too");
        }
        assert_eq!(ana.factors().await.unwrap().recovery_codes_left, 10);
    }

    async fn lt_08_what_is_asked_of_a_browser(world: World) {
        let (_, ana) = owner_at_host(&world, ANA).await;
        let challenge: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
        let options = asked(&challenge);
        assert_eq!(options["rp"]["id"], json!("localhost"));
        assert_eq!(options["user"]["name"], json!(ANA));
        assert_eq!(options["attestation"], json!("none"));
        assert_eq!(options["authenticatorSelection"]["residentKey"], json!("preferred"));
        assert_eq!(options["authenticatorSelection"]["userVerification"], json!("preferred"));
        assert_eq!(options["timeout"], json!(300_000));
        let algorithms: Vec<_> =
            options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| one["alg"].as_i64().unwrap()).collect();
        assert_eq!(algorithms, [-8, -7, -257]);
        assert_eq!(options["excludeCredentials"], json!([]));
        ana.adds_passkey(Algorithm::Es256).await.unwrap();
        let challenge: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
        assert_eq!(asked(&challenge)["excludeCredentials"].as_array().unwrap().len(), 1);

        let alone: PasskeyChallenge = ana.call("session/begin-passkey-sign-in", &[]).await.unwrap();
        assert_eq!(asked(&alone)["userVerification"], json!("required"));
        assert_eq!(asked(&alone)["allowCredentials"], json!([]), "it tells nothing of anybody (EN-01)");
    }

    async fn lt_08_a_new_passkey_that_is_wrong_in_one_way_is_not_added(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let mut more = wrongs();
        more.push(("an answer to another question", Twist { kind: Some("webauthn.get"), ..Twist::default() }));
        for (what, twist) in more {
            let challenge: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
            let options = asked(&challenge);
            let mut passkey = Passkey::made(&options, Algorithm::Es256);
            passkey.twist = twist;
            let answer = passkey.registration(&options);
            let added = ana.answers::<SecondFactorAdded>("second-factors/add-passkey", &challenge, &answer).await;
            assert_eq!(added.err(), Some(REFUSED), "{what}");
            // The challenge is used up, though the answer was wrong.
            passkey.twist = Twist::default();
            let answer = passkey.registration(&options);
            let added = ana.answers::<SecondFactorAdded>("second-factors/add-passkey", &challenge, &answer).await;
            assert_eq!(added.err(), Some(REFUSED), "{what}, then right");
        }
        assert!(ana.factors().await.unwrap().factors.is_empty());

        let challenge: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
        for junk in ["", "{}", "null", "[]", "{\"id\":\"AA\"}"] {
            let added = ana.answers::<SecondFactorAdded>("second-factors/add-passkey", &challenge, junk).await;
            assert_eq!(added.err(), Some(REFUSED), "{junk}");
        }
        // In another session, after its time, and twice.
        let challenge: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
        let options = asked(&challenge);
        let passkey = Passkey::made(&options, Algorithm::Es256);
        let answer = passkey.registration(&options);
        let adds = async |browser: &Browser, challenge: &PasskeyChallenge, answer: &str| {
            browser.answers::<SecondFactorAdded>("second-factors/add-passkey", challenge, answer).await.err()
        };
        let elsewhere = world.browser();
        elsewhere.sign_in(ANA, PASSWORD).await.unwrap();
        assert_eq!(adds(&elsewhere, &challenge, &answer).await, Some(REFUSED));
        assert_eq!(adds(&ana, &challenge, &answer).await, None, "the other session did not use it up");
        assert_eq!(adds(&ana, &challenge, &answer).await, Some(REFUSED), "replayed");
        let late: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
        let options = asked(&late);
        let answer = Passkey::made(&options, Algorithm::Es256).registration(&options);
        world.advance(Span::minutes(5) + Span::seconds(1));
        assert_eq!(adds(&ana, &late, &answer).await, Some(REFUSED), "late");
        // Somebody else's.
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let taken: PasskeyChallenge = ben.call("second-factors/begin-passkey", &[]).await.unwrap();
        let options = asked(&taken);
        let mut copy = Passkey::made(&options, Algorithm::Es256);
        copy.twist.id = Some(passkey.id.clone());
        assert_eq!(adds(&ben, &taken, &copy.registration(&options)).await, Some(REFUSED), "the id of Ana's");
    }

    async fn lt_08_a_sign_in_that_is_wrong_in_one_way_begins_no_session(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let mut passkey = ana.adds_passkey(Algorithm::Es256).await.unwrap();
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let bens = ben.adds_passkey(Algorithm::Es256).await.unwrap();
        let sessions = world.count("SELECT COUNT(*) FROM sessions").await;
        let mut more = wrongs();
        more.extend([
            ("an answer to another question", Twist { kind: Some("webauthn.create"), ..Twist::default() }),
            ("a broken signature", Twist { flips_signature: true, ..Twist::default() }),
            ("another passkey's id", Twist { id: Some(bens.id.clone()), ..Twist::default() }),
            ("a passkey that nobody has", Twist { id: Some(vec![7; 32]), ..Twist::default() }),
            ("another user", Twist { user: Some(vec![7; 16]), ..Twist::default() }),
        ]);
        for (what, twist) in more {
            passkey.twist = twist;
            let browser = world.browser();
            assert_eq!(browser.signs_in_by_passkey(&mut passkey).await, Err(REFUSED), "{what}");
            assert_eq!(browser.signs_in_with_passkey(ANA, &mut passkey).await, Err(REFUSED), "{what}, after the password");
            assert!(browser.me().await.is_none(), "{what}");
            world.advance(Span::minutes(1));
        }
        // LT-08: alone it counts only if the authenticator verified its user; after the password it is enough to be there.
        passkey.twist = Twist { unverified: true, ..Twist::default() };
        assert_eq!(world.browser().signs_in_by_passkey(&mut passkey).await, Err(REFUSED));
        assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, sessions);
        world.browser().signs_in_with_passkey(ANA, &mut passkey).await.unwrap();
    }

    async fn lt_08_a_challenge_is_good_once_for_one_purpose_and_one_browser(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let mut passkey = ana.adds_passkey(Algorithm::Es256).await.unwrap();
        let browser = world.browser();
        browser.sign_in(ANA, PASSWORD).await.unwrap();
        let step: PasskeyChallenge = browser.call("session/begin-passkey-step", &[]).await.unwrap();
        let answer = passkey.assertion(&asked(&step));
        // Elsewhere, and for something else.
        let elsewhere = world.browser();
        elsewhere.sign_in(ANA, PASSWORD).await.unwrap();
        assert_eq!(elsewhere.answers::<String>("session/finish-by-passkey", &step, &answer).await, Err(REFUSED));
        assert_eq!(world.browser().answers::<String>("session/finish-by-passkey", &step, &answer).await, Err(AppError::Unauthenticated));
        assert_eq!(browser.answers::<String>("session/sign-in-by-passkey", &step, &answer).await, Err(REFUSED));
        assert_eq!(browser.answers::<String>("session/finish-by-passkey", &step, &answer).await.unwrap(), "/a/acme");
        // Replayed.
        passkey.counter += 1;
        let alone: PasskeyChallenge = world.browser().call("session/begin-passkey-sign-in", &[]).await.unwrap();
        let answer = passkey.assertion(&asked(&alone));
        world.browser().answers::<String>("session/sign-in-by-passkey", &alone, &answer).await.unwrap();
        assert_eq!(world.browser().answers::<String>("session/sign-in-by-passkey", &alone, &answer).await, Err(REFUSED));
        passkey.counter += 1;
        let answer = passkey.assertion(&asked(&alone));
        assert_eq!(world.browser().answers::<String>("session/sign-in-by-passkey", &alone, &answer).await, Err(REFUSED));
        // After its time.
        let late: PasskeyChallenge = world.browser().call("session/begin-passkey-sign-in", &[]).await.unwrap();
        let answer = passkey.assertion(&asked(&late));
        world.advance(Span::minutes(5) + Span::seconds(1));
        assert_eq!(world.browser().answers::<String>("session/sign-in-by-passkey", &late, &answer).await, Err(REFUSED));
    }

    async fn lt_08_of_twenty_uses_of_one_answer_at_once_one_counts(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let passkey = ana.adds_passkey(Algorithm::EdDsa).await.unwrap();
        let alone: PasskeyChallenge = world.browser().call("session/begin-passkey-sign-in", &[]).await.unwrap();
        let answer = passkey.assertion(&asked(&alone));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (browser, alone, answer) = (world.browser(), alone.clone(), answer.clone());
            tasks.spawn(async move { browser.answers::<String>("session/sign-in-by-passkey", &alone, &answer).await });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    }

    async fn lt_08_a_copied_passkey_is_refused_and_its_user_is_told(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let mut passkey = ana.adds_passkey(Algorithm::Es256).await.unwrap();
        world.browser().signs_in_by_passkey(&mut passkey).await.unwrap();
        passkey.counter -= 1;
        assert_eq!(world.browser().signs_in_by_passkey(&mut passkey).await, Err(REFUSED), "the same counter again");
        passkey.counter = 1;
        assert_eq!(world.browser().signs_in_with_passkey(ANA, &mut passkey).await, Err(REFUSED), "an earlier one");
        passkey.counter = 0;
        assert_eq!(world.browser().signs_in_by_passkey(&mut passkey).await, Err(REFUSED), "none any more");
        let told = world.texts("SELECT kind FROM user_events WHERE kind = 'passkey_copied'").await;
        assert_eq!(told.len(), 3);
        let mail = world.mail_to(ANA, 1).await;
        assert!(mail.header("Subject").unwrap().contains("passkey"), "{mail:?}");
        passkey.counter = 9;
        world.browser().signs_in_by_passkey(&mut passkey).await.unwrap();
    }

    async fn lt_08_an_authenticator_that_does_not_count_is_taken(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let challenge: PasskeyChallenge = ana.call("second-factors/begin-passkey", &[]).await.unwrap();
        let options = asked(&challenge);
        let mut passkey = Passkey::made(&options, Algorithm::Es256);
        passkey.counter = 0;
        let answer = passkey.registration(&options);
        ana.answers::<SecondFactorAdded>("second-factors/add-passkey", &challenge, &answer).await.unwrap();
        for _ in 0..2 {
            passkey.counter = 0;
            world.browser().signs_in_by_passkey(&mut passkey).await.unwrap();
        }
    }

    async fn lt_09_a_browser_is_remembered_after_a_passkey_as_after_a_code(world: World) {
        let (_, ana) = owner_at_host(&world, ANA).await;
        let mut passkey = ana.adds_passkey(Algorithm::Es256).await.unwrap();
        ana.sign_out().await;
        for (remember, leads) in [("", "/second-factor"), ("on", "/a/acme")] {
            ana.sign_in(ANA, PASSWORD).await.unwrap();
            let challenge: PasskeyChallenge = ana.call("session/begin-passkey-step", &[]).await.unwrap();
            let (id, answer) = (challenge.id.to_string(), passkey.assertion(&asked(&challenge)));
            passkey.counter += 1;
            let fields = [("form[challenge]", id.as_str()), ("form[credential]", &answer), ("form[remember]", remember)];
            let _: String = ana.call("session/finish-by-passkey", &fields).await.unwrap();
            ana.sign_out().await;
            assert_eq!(ana.sign_in(ANA, PASSWORD).await.unwrap(), leads);
        }
        // It is no second factor for what is most dangerous, nor for adding another.
        assert_eq!(ana.adds_passkey(Algorithm::Es256).await.err(), Some(AppError::ReauthenticationRequired));
    }

    async fn az_16_a_passkey_reauthenticates_in_its_session(world: World) {
        let (world, ana) = owner_at_host(&world, ANA).await;
        let mut passkey = ana.adds_passkey(Algorithm::Es256).await.unwrap();
        world.advance(Span::minutes(11));
        let factor = ana.factors().await.unwrap().factors[0].id;
        assert_eq!(ana.removes_factor(factor).await, Err(AppError::ReauthenticationRequired));
        let before = ana.cookie("session").unwrap();
        let (begin, finish) = ("me/begin-passkey-reauthentication", "me/reauthenticate-by-passkey");
        passkey.twist.flips_signature = true;
        assert_eq!(ana.uses_passkey(begin, finish, &mut passkey).await, Err(REFUSED));
        passkey.twist = Twist::default();
        assert_eq!(ana.uses_passkey(begin, finish, &mut passkey).await.unwrap(), "/me/sign-in");
        assert_ne!(ana.cookie("session").unwrap(), before, "SE-02");
        ana.removes_factor(factor).await.unwrap();
        assert_eq!(world.browser().signs_in_by_passkey(&mut passkey).await, Err(REFUSED), "it is removed");
        assert_eq!(world.browser().sign_in(ANA, PASSWORD).await.unwrap(), "/a/acme");
    }

    async fn r49_oa_12_a_session_of_an_accounts_provider_adds_no_passkey(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let named = world.with_host_name();
        let claims = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        let grant = app::domain::role::Grant::of(BuiltInRole::Editor);
        let ben = ana.brings_in_by(&provider, &method, "ben@example.org", claims, &grant).await.at(&named);
        let refused = AppError::from(Refusal::OwnPasswordNeeded);
        assert_eq!(ben.adds_passkey(Algorithm::Es256).await.err(), Some(refused));
    }

    async fn lt_08_a_roster_without_a_host_name_has_no_passkeys(world: World) {
        let ana = world.owner(ANA).await;
        assert!(!ana.factors().await.unwrap().passkeys);
        assert_eq!(ana.adds_passkey(Algorithm::Es256).await.err(), Some(AppError::NotFound));
        let page = world.browser().get("/login").await.body;
        assert!(!page.contains("Sign in with a passkey"), "{page}");
        let page = world.with_host_name().browser().get("/login").await.body;
        assert!(page.contains("Sign in with a passkey") && page.contains("Passkeys need JavaScript"), "{page}");
    }
}
