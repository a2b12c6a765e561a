//! The set-up link, the first account, and accounts after it.

use crate::support::{PASSWORD, both_databases};
use app::{
    api::setup::SetUpView,
    domain::{
        fields::{Field, FieldErrors, Problem},
        role::{BuiltInRole, Grant},
    },
    error::AppError,
};
use axum::http::StatusCode;

both_databases! {
    async fn cf_01_the_set_up_link_makes_the_first_account_once(world: World) {
        let browser = world.browser();
        assert!(matches!(browser.call::<SetUpView>("setup/view", &[]).await, Ok(SetUpView::NeedsLink { .. })));
        assert_eq!(browser.set_up("Acme", "acme", "ana@example.org").await, Err(AppError::OpenTheLinkAgain));

        let link = world.services.setup_link().await.unwrap().unwrap();
        let answer = browser.get(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/setup"));
        assert_eq!(browser.call::<SetUpView>("setup/view", &[]).await, Ok(SetUpView::Open));

        let path = browser.set_up("Müller & Söhne", "", "Ana@Example.org").await.unwrap();
        assert_eq!(path, "/a/mueller-soehne/settings/users");
        let me = browser.me().await.unwrap();
        assert_eq!((me.email.as_str(), me.accounts[0].grant.clone()), ("Ana@Example.org", Grant::of(BuiltInRole::Owner)));

        assert_eq!(world.services.setup_link().await.unwrap(), None);
        let late = world.browser();
        late.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        assert_eq!(late.call::<SetUpView>("setup/view", &[]).await, Ok(SetUpView::Done));
        assert_eq!(late.set_up("Other", "other", "eve@example.org").await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(world.count("SELECT COUNT(*) FROM accounts").await, 1);
    }

    async fn cf_01_fifty_browsers_with_the_set_up_link_make_one_account(world: World) {
        let link = world.services.setup_link().await.unwrap().unwrap();
        let mut browsers = tokio::task::JoinSet::new();
        for n in 0..50 {
            let browser = world.browser();
            browser.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
            browsers.spawn(async move { browser.set_up("Acme", &format!("acme-{n}"), &format!("p{n}@example.org")).await });
        }
        let made = browsers.join_all().await.into_iter().filter(Result::is_ok).count();
        assert_eq!(made, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM accounts").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 1);
    }

    async fn a_newer_set_up_link_ends_the_older_one(world: World) {
        let old = world.services.setup_link().await.unwrap().unwrap();
        world.services.setup_link().await.unwrap().unwrap();
        let browser = world.browser();
        browser.follow(old.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        assert!(matches!(browser.call::<SetUpView>("setup/view", &[]).await, Ok(SetUpView::NeedsLink { .. })));
    }

    async fn what_is_wrong_with_the_set_up_form_is_said_at_each_field(world: World) {
        let browser = world.browser();
        let link = world.services.setup_link().await.unwrap().unwrap();
        browser.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        let fields = [("form[account_name]", " "), ("form[slug]", "No Slug"), ("form[email]", "ana"), ("form[password]", "short")];
        let Err(AppError::Invalid(errors)) = browser.call::<String>("setup/set-up", &fields).await else { panic!() };
        assert_eq!(errors.of(Field::AccountName), Some(Problem::Required));
        assert_eq!(errors.of(Field::Slug), Some(Problem::NotASlug));
        assert_eq!(errors.of(Field::Name), Some(Problem::Required));
        assert_eq!(errors.of(Field::Email), Some(Problem::NotAnEmail));
        assert_eq!(errors.of(Field::Password), Some(Problem::TooShort { least: 15 }));
        assert_eq!(world.count("SELECT COUNT(*) FROM accounts").await, 0);
    }

    async fn an_account_url_that_was_left_empty_has_no_problem_of_its_own(world: World) {
        let browser = world.browser();
        let link = world.services.setup_link().await.unwrap().unwrap();
        browser.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        let Err(AppError::Invalid(errors)) = browser.call::<String>("setup/set-up", &[("form[slug]", "")]).await else { panic!() };
        assert_eq!((errors.of(Field::AccountName), errors.of(Field::Slug)), (Some(Problem::Required), None));
        // No address can be made from this name.
        let fields = [("form[account_name]", "東京"), ("form[slug]", "")];
        let Err(AppError::Invalid(errors)) = browser.call::<String>("setup/set-up", &fields).await else { panic!() };
        assert_eq!((errors.of(Field::AccountName), errors.of(Field::Slug)), (None, Some(Problem::Required)));
    }

    async fn owners_open_another_account_and_others_do_not(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        assert_eq!(ana.me().await.unwrap().accounts.len(), 2);
        let taken = AppError::Invalid(FieldErrors::one(Field::Slug, Problem::Taken));
        assert_eq!(ana.opens_account("Acme again", "acme").await, Err(taken));
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        assert!(matches!(ben.opens_account("Gamma", "gamma").await, Err(AppError::Refused(_))));
    }

    async fn the_operator_makes_an_account_whose_owner_joins_by_the_link(world: World) {
        let created = world.services.create_account("Beta", "beta", "bea@example.org").await.unwrap();
        let bea = world.browser().on("beta");
        let id = bea.opens_link(&world.link_to("bea@example.org", 0).await).await;
        assert_eq!(bea.views_open(&id).await.inviter, None);
        bea.signs_up(&id, "bea@example.org").await.unwrap();
        assert!(bea.home().await.unwrap().effective.is_owner);
        assert_eq!(created.slug, "beta");
    }

    async fn pw_04_no_mix_of_characters_is_asked_for_and_password_managers_work(world: World) {
        let browser = world.browser();
        for password in ["all lower case words here", "четырнадцать слонов идут", "2718281845 of 31415926", "😀 emoji are characters too"] {
            let fields = [("form[password]", password)];
            let strength = browser.call::<app::domain::password::Strength>("session/measure-password", &fields).await.unwrap();
            assert_eq!(strength.problem, None, "{password}");
        }
        let login = browser.get("/login").await.body;
        assert!(login.contains("autocomplete=\"current-password\"") && login.contains("autocomplete=\"username\""));
        let link = world.services.setup_link().await.unwrap().unwrap();
        let set_up = browser.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await.body;
        assert!(set_up.contains("autocomplete=\"new-password\""));
        // What is too long is said and not cut off: the browser takes twice what is allowed.
        let most = format!("maxlength=\"{}\"", 2 * app::domain::password::MAX_CHARS);
        assert!(set_up.contains(&most) && !set_up.contains("onpaste"), "{set_up}");
    }

    async fn pw_05_a_password_of_the_persons_own_words_is_refused(world: World) {
        let browser = world.browser();
        let measure = |password: &'static str| {
            let browser = browser.clone();
            async move {
                let fields = [("form[password]", password), ("form[own_words][]", "kowalska@acmewidgets.example")];
                browser.call::<app::domain::password::Strength>("session/measure-password", &fields).await.unwrap()
            }
        };
        assert_eq!(measure("kowalskaacmewidgets1").await.problem, Some(Problem::FromYourWords));
        assert_eq!(measure("passwordpassword").await.problem, Some(Problem::TooCommon));
        assert_eq!(measure("123456789012345").await.problem, Some(Problem::TooCommon));
        let good = measure(PASSWORD).await;
        assert_eq!((good.problem, good.score), (None, 4));
    }
}
