//! The invited person's side: opening the link, signing up, joining, declining.

use crate::support::{PASSWORD, both_databases};
use app::{
    api::{
        invitations::Invited,
        joining::{AskAs, InvitationView, Joined, NewLink, Standing},
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::{MailState, ShownState},
        name::Slug,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::{AppError, BadRequest},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use std::time::Duration;

fn in_acme() -> Result<Joined, AppError> {
    Ok(Joined::In { slug: Slug::parse("acme").unwrap(), goes_on: None })
}

/// Fifty at once are a crowd to a slow machine, and some are told that it is busy (PW-07, F7). A person tries again.
async fn patiently<F: Future<Output = Result<Joined, AppError>>>(join: impl Fn() -> F) -> Result<Joined, AppError> {
    loop {
        match join().await {
            Err(AppError::Unavailable) => tokio::time::sleep(Duration::from_millis(200)).await,
            outcome => return outcome,
        }
    }
}

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

both_databases! {
    async fn r08_inv_06_opening_a_link_changes_nothing(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        // The mail server has it before the row says so.
        let before = loop {
            let row = ana.row("ben@example.org").await;
            if matches!(row.mail, Some(MailState::Accepted { .. })) {
                break row;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        };
        for n in 0..20 {
            let scanner = world.browser();
            let method = if n % 2 == 0 { Method::HEAD } else { Method::GET };
            let request = Request::builder().method(method).uri(&link).body(Body::empty()).unwrap();
            let answer = scanner.send(request).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            scanner.get(answer.location()).await;
        }
        assert_eq!(ana.row("ben@example.org").await, before);
        let ben = world.browser();
        let id = ben.opens_link(&link).await;
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, in_acme());
    }

    async fn inv_07_the_link_is_exchanged_for_a_cookie_and_the_token_shows_nowhere(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let token = world.mail_to("ben@example.org", 0).await.token();
        let ben = world.browser();
        let answer = ben.get(&format!("/i/{token}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(!answer.location().contains(&token));
        let page = ben.get(answer.location()).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.body.contains(&token));
        assert!(page.body.contains("ben@example.org"), "the live sign-up form names the address");
    }

    async fn inv_08_r11_signing_up_takes_the_address_from_the_invitation(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let standing = ben.views_open(&id).await.standing;
        assert!(matches!(&standing, Standing::SignUp { email, needs_code: false, .. } if email == "ben@example.org"), "{standing:?}");
        let other = ben.signs_up(&id, "eve@example.org").await;
        assert_eq!(other, Err(AppError::Invalid(FieldErrors::one(Field::Email, Problem::NotTheInvitedAddress))));
        assert_eq!(ben.signs_up(&id, " Ben@Example.org").await, in_acme());
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_key = 'ben@example.org' AND email_verified_at IS NOT NULL").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2);
    }

    async fn inv_03_nothing_in_the_request_changes_what_is_granted(world: World) {
        let ana = world.owner("ana@example.org").await;
        let grant = viewer().with("bots.edit");
        ana.invites("ben@example.org", &grant).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        for more in [("form[role]", "owner"), ("form[extras][]", "billing.manage"), ("form[account]", "beta"), ("form[method]", "x")] {
            let answer = ben.signs_up_with(&id, "ben@example.org", PASSWORD, &[more]).await;
            assert_eq!(answer, Err(AppError::BadRequest(BadRequest::Malformed)), "{more:?} is refused");
        }
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        let home = ben.home().await.unwrap();
        assert_eq!((home.grant, home.effective.is_owner), (grant, false));
    }

    async fn r09_the_link_alone_makes_no_membership(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer()).await.unwrap();
        let stranger = world.browser();
        let id = stranger.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert_eq!(stranger.joins(&id).await, Err(AppError::Unauthenticated));
        let sign_up = stranger.signs_up(&id, "ben@example.org").await;
        assert_eq!(sign_up, Err(AppError::Invalid(FieldErrors::one(Field::Email, Problem::SignInInstead))));
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'active'").await, 3);
    }

    async fn inv_04_a_link_is_dead_the_moment_it_ends(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        world.advance(Span::days(7));
        assert!(matches!(ben.views(&id).await, InvitationView::Expired { .. }));
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 1);
    }

    async fn inv_05_fifty_accepts_of_one_link_make_one_user_and_one_membership(world: World) {
        // All fifty come from one address.
        let world = world.configured(|config| {
            config.limits.sign_in_burst = 100;
            config.limits.sign_in_user_burst = 100;
        });
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..50 {
            let browser = world.browser();
            let id = browser.opens_link(&link).await;
            // Most are other people with the same link and other passwords.
            let password = if n % 5 == 0 { PASSWORD.to_owned() } else { format!("{PASSWORD} number {n}") };
            tasks.spawn(async move {
                let sign_up = || browser.signs_up_with(&id, "ben@example.org", &password, &[]);
                (patiently(sign_up).await, browser)
            });
        }
        let outcomes = tasks.join_all().await;
        let winners = outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).count();
        assert!((1..=10).contains(&winners), "the winner, and those with the winner's credentials: {winners}");
        for (outcome, browser) in &outcomes {
            match outcome {
                Ok(_) => assert!(browser.home().await.is_ok()),
                Err(error) => assert_eq!(*error, AppError::OpenTheLinkAgain),
            }
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_key = 'ben@example.org'").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'active'").await, 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'joined'").await, 1);
    }

    async fn inv_05_fifty_joins_of_one_signed_in_user_all_succeed_with_one_membership(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer()).await.unwrap();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        let token = ben.cookie("invite").unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (tab, id) = (world.browser(), id.clone());
            tab.set_cookie("roster_session_3000", &ben.cookie("session").unwrap());
            tab.set_cookie("roster_invite_3000", &token);
            tasks.spawn(async move { patiently(|| tab.joins(&id)).await });
        }
        for outcome in tasks.join_all().await {
            assert_eq!(outcome, Ok(Joined::In { slug: Slug::parse("beta").unwrap(), goes_on: None }));
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'joined'").await, 2);
    }

    async fn r12_a_copied_link_asks_for_a_mailed_code(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let ben = world.browser();
        let id = ben.opens_link(&link).await;
        let standing = ben.views_open(&id).await.standing;
        assert!(matches!(standing, Standing::SignUp { needs_code: true, or_sign_in: true, .. }), "{standing:?}");
        let without = ben.signs_up(&id, "ben@example.org").await;
        assert_eq!(without, Err(AppError::Invalid(FieldErrors::one(Field::Code, Problem::Required))));
        ben.asks_for_code(&id).await.unwrap();
        let text = world.mail_to("ben@example.org", 1).await.part("text/plain");
        let code = text.lines().map(|line| line.replace(' ', "")).find(|line| line.len() == 8 && line.parse::<u32>().is_ok());
        let code = code.expect("a code of eight digits");
        let wrong = ben.signs_up_with(&id, "ben@example.org", PASSWORD, &[("form[code]", "00000000")]).await;
        assert_eq!(wrong, Err(AppError::Invalid(FieldErrors::one(Field::Code, Problem::WrongCode))));
        assert_eq!(ben.signs_up_with(&id, "ben@example.org", PASSWORD, &[("form[code]", &code)]).await, in_acme());
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 0);
    }

    async fn r58_wrong_codes_are_throttled_and_harm_nothing(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url).await;
        let mut limited = false;
        for n in 0..12 {
            let code = format!("{n:08}");
            let outcome = ben.signs_up_with(&id, "ben@example.org", PASSWORD, &[("form[code]", &code)]).await;
            limited |= matches!(outcome, Err(AppError::RateLimited { .. }));
        }
        assert!(limited);
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Invited);
    }

    async fn r12_r13_who_joined_by_a_copied_link_is_vouched_for_until_the_mailbox_is_proved(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        let ana_bare = ana.at(&bare);
        ana_bare.invites("ben@example.org", &viewer()).await.unwrap();
        let eve = bare.browser();
        let id = eve.opens_link(&ana_bare.copies_link(&ana_bare.row("ben@example.org").await).await.unwrap().url).await;
        eve.signs_up_with(&id, "ben@example.org", "eve had the link before ben", &[]).await.unwrap();

        // Another account invites the mailbox by mail: its owner proves it, and the earlier login makes way.
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser().on("beta");
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        assert!(matches!(ben.views_open(&id).await.standing, Standing::SignUp { .. }));
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert!(eve.me().await.is_none(), "the earlier sessions are gone");
        assert!(world.browser().sign_in("ben@example.org", "eve had the link before ben").await.is_err());
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Suspended, "the earlier membership waits for its admins");
    }

    async fn r03_inviting_a_suspended_member_leads_to_the_row_and_changes_nothing(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        ana.at(&bare).invites("ben@example.org", &viewer()).await.unwrap();
        let eve = bare.browser();
        let copied = ana.at(&bare).copies_link(&ana.row("ben@example.org").await).await.unwrap();
        let id = eve.opens_link(&copied.url).await;
        eve.signs_up(&id, "ben@example.org").await.unwrap();
        // Another account proves the mailbox, which suspends what was joined before.
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser().on("beta");
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();

        let row = ana.row("ben@example.org").await;
        assert_eq!(row.state, ShownState::Suspended);
        let before = world.count("SELECT COUNT(*) FROM invitations").await;
        let again = ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        assert_eq!(again, Invited::Suspended { member: row.id });
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, before);
        assert_eq!(ana.row("ben@example.org").await.grant, viewer());
    }

    // Unlike the stranger of R13, who takes the sign-up path: this person knows the present password and has the mailed link, and so has
    // proved to be both the user there is and the owner of the mailbox. There is nobody to make way for.
    async fn r12_r13_who_signs_in_and_has_the_mailed_link_keeps_everything(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        ana.at(&bare).invites("ben@example.org", &viewer()).await.unwrap();
        let ben = bare.browser();
        let id = ben.opens_link(&ana.at(&bare).copies_link(&ana.row("ben@example.org").await).await.unwrap().url).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();

        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let elsewhere = world.browser();
        let id = elsewhere.opens_link(&link).await;
        let standing = elsewhere.views_open(&id).await.standing;
        assert!(matches!(standing, Standing::SignUp { or_sign_in: true, needs_code: false, .. }), "{standing:?}");

        let ben = ben.at(&world);
        ben.opens_link(&link).await;
        assert_eq!(ben.views_open(&id).await.standing, Standing::Join("ben@example.org".to_owned()));
        assert_eq!(ben.joins(&id).await, Ok(Joined::In { slug: Slug::parse("beta").unwrap(), goes_on: None }));
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 0);
        assert_eq!(ben.me().await.unwrap().accounts.len(), 2, "the session and the earlier membership are kept");
        assert_eq!(ana.on("beta").row("ben@example.org").await.vouched_by, None);
        world.browser().sign_in("ben@example.org", PASSWORD).await.unwrap();
    }

    async fn inv_09_a_copied_link_proves_no_mailbox_to_somebody_signed_in(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await;
        ana.at(&bare).invites("ben@example.org", &viewer()).await.unwrap();
        let ben = bare.browser();
        let id = ben.opens_link(&ana.at(&bare).copies_link(&ana.row("ben@example.org").await).await.unwrap().url).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").invites("ben@example.org", &viewer()).await.unwrap();
        let row = ana.on("beta").row("ben@example.org").await;
        let ben = ben.at(&world);
        let id = ben.opens_link(&ana.on("beta").copies_link(&row).await.unwrap().url).await;
        assert_eq!(ben.joins(&id).await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 1);
    }

    async fn r12_who_joins_another_account_by_a_copied_link_is_vouched_for_there_too(world: World) {
        let bare = world.without_mail_server();
        let ana = world.owner("ana@example.org").await.at(&bare);
        ana.opens_account("Beta", "beta").await.unwrap();
        let ben = bare.browser();
        for account in ["acme", "beta"] {
            let ana = ana.on(account);
            ana.invites("ben@example.org", &viewer()).await.unwrap();
            let row = ana.row("ben@example.org").await;
            let id = ben.opens_link(&ana.copies_link(&row).await.unwrap().url).await;
            match account {
                "acme" => drop(ben.signs_up(&id, "ben@example.org").await.unwrap()),
                _ => drop(ben.joins(&id).await.unwrap()),
            }
            assert_eq!(ana.row("ben@example.org").await.vouched_by.as_deref(), Some("Ana Owner"), "{account}");
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL AND name = 'ben'").await, 1);
    }

    async fn r14_inv_09_somebody_else_signed_in_is_told_so_and_nothing_happens(world: World) {
        let ana = world.owner("ana@example.org").await;
        let cleo = ana.brings_in_as("cleo@example.org", BuiltInRole::Viewer).await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let id = cleo.opens_link(&link).await;
        let standing = cleo.views_open(&id).await.standing;
        let (email, invited) = ("cleo@example.org".to_owned(), "ben@example.org".to_owned());
        assert_eq!(standing, Standing::SomebodyElse { email, invited, ask_as: AskAs::Member });
        assert_eq!(cleo.joins(&id).await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(cleo.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Invited);
        cleo.sign_out().await;
        assert!(matches!(cleo.views_open(&id).await.standing, Standing::SignUp { .. }), "sign out and continue");
    }

    async fn r15_r16_an_existing_user_joins_with_the_present_login(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let grant = Grant::of(BuiltInRole::Agent).with("audit.read");
        ana.on("beta").invites("Ben@example.org", &grant).await.unwrap();
        let link = world.link_to("ben@example.org", 1).await;

        let other_browser = world.browser();
        let id = other_browser.opens_link(&link).await;
        assert_eq!(other_browser.views_open(&id).await.standing, Standing::SignIn);

        let id = ben.opens_link(&link).await;
        let open = ben.views_open(&id).await;
        assert_eq!(open.standing, Standing::Join("ben@example.org".to_owned()));
        assert_eq!((open.account.as_str(), open.role.as_str()), ("Beta", "agent"));
        assert_eq!(open.inviter.map(|inviter| (inviter.name, inviter.email)), Some(("Ana Owner".to_owned(), "ana@example.org".to_owned())));
        assert!(ben.on("beta").home().await.is_err(), "opening joins nothing");
        ben.joins(&id).await.unwrap();
        assert_eq!(ben.on("beta").home().await.unwrap().grant, grant);
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM password_credentials").await, 2);
    }

    async fn r18_a_link_opened_after_it_was_used_says_so(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let ben = world.browser();
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        ben.opens_link(&link).await;
        let acme = Some(Slug::parse("acme").unwrap());
        assert_eq!(ben.views(&id).await, InvitationView::Used { account: "Acme".to_owned(), mine: acme });
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, in_acme(), "the second click finds its work done");
        let other = world.browser();
        let answer = other.follow(&link).await;
        assert_eq!(answer.status, StatusCode::OK, "never an error page");
        assert_eq!(other.views(&id).await, InvitationView::Used { account: "Acme".to_owned(), mine: None });
    }

    async fn r19_two_tabs_both_end_in_the_account(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let (first, second) = tokio::join!(ben.signs_up(&id, "ben@example.org"), ben.signs_up(&id, "ben@example.org"));
        assert_eq!((first, second), (in_acme(), in_acme()));
        assert!(ben.home().await.is_ok());
    }

    async fn r19_a_tab_that_is_sent_after_another_has_joined_ends_in_the_account_too(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        ana.invites("carl@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        // The cookie of the invitation went with joining.
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, in_acme());
        assert_eq!(ben.joins(&id).await, in_acme());
        let mine = InvitationView::Used { account: "Acme".to_owned(), mine: Some(Slug::parse("acme").unwrap()) };
        assert_eq!(ben.views(&id).await, mine);
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'active'").await, 2);

        let carl = world.browser();
        let carls = carl.opens_link(&world.link_to("carl@example.org", 0).await).await;
        carl.signs_up(&carls, "carl@example.org").await.unwrap();
        assert_eq!(carl.joins(&id).await, Err(AppError::OpenTheLinkAgain), "somebody else's invitation");
        assert_eq!(carl.views(&id).await, InvitationView::Unknown);
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert!(ben.joins(&id).await.is_err(), "no longer a member");
    }

    async fn r19_en_04_a_second_click_counts_for_a_minute_and_is_no_way_to_try_passwords(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let link = world.link_to("ben@example.org", 0).await;
        let ben = world.browser();
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();

        let again = world.browser();
        again.opens_link(&link).await;
        assert_eq!(again.signs_up(&id, "ben@example.org").await, in_acme(), "the second click of the same person");
        let thief = world.browser();
        thief.opens_link(&link).await;
        let mut refused = 0;
        for n in 0..21 {
            let guess = format!("not the password, number {n}");
            match thief.signs_up_with(&id, "ben@example.org", &guess, &[]).await {
                Err(AppError::OpenTheLinkAgain) => refused += 1,
                Err(AppError::RateLimited { .. }) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(refused, 20, "as many as sign-ins may fail");
        assert!(matches!(thief.sign_in("ben@example.org", "x").await, Err(AppError::RateLimited { .. })), "from the same buckets");

        world.advance(Span::minutes(2));
        let late = world.browser();
        late.opens_link(&link).await;
        assert_eq!(late.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain), "the right password, too late");
        assert!(late.me().await.is_none());
    }

    async fn r20_an_expired_link_lets_the_person_ask_once_a_day(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites_with("ben@example.org", &viewer(), &[("form[lifetime]", "1")]).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        world.advance(Span::hours(2));
        assert!(matches!(ben.views(&id).await, InvitationView::Expired { may_ask: true, .. }));
        assert_eq!(ben.asks_for_new_link(&id).await, Ok(NewLink::Asked));
        assert_eq!(ben.asks_for_new_link(&id).await, Ok(NewLink::AskedBefore));
        assert_eq!(ana.row("ben@example.org").await.asked, Some(world.now()), "the list says so");
        assert!(ana.get("/a/acme/settings/users").await.body.contains("Asked for a new link"));
        let mail = world.mail_to("ana@example.org", 0).await;
        assert!(mail.part("text/plain").contains("ben@example.org"));
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE recipient = 'ben@example.org'").await, 1, "no link to whoever asks");
        world.advance(Span::days(1));
        assert_eq!(ben.asks_for_new_link(&id).await, Ok(NewLink::Asked));
        ana.resends(&ana.row("ben@example.org").await).await.unwrap();
        world.advance(Span::hours(2));
        assert_eq!(ana.row("ben@example.org").await.asked, None, "not for the link that came after");
    }

    async fn r22_a_withdrawn_link_says_so_and_the_address_can_be_invited_at_once(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(ben.views(&id).await, InvitationView::Withdrawn("Acme".to_owned()));
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
        ana.invites_with("ben@example.org", &viewer(), &[("form[again]", "fresh")]).await.unwrap();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, in_acme());
    }

    async fn r24_the_last_saved_role_is_the_one_that_is_joined_with(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let editor = Grant::of(BuiltInRole::Editor).with("audit.read");
        ana.edits(&ana.row("ben@example.org").await, &editor).await.unwrap();
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ben.home().await.unwrap().grant, editor);
    }

    async fn r29_inv_15_an_invitation_whose_sponsor_lost_the_right_is_held(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        adam.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ana.edits(&ana.row("adam@example.org").await, &viewer()).await.unwrap();
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Ok(Joined::AwaitingApproval));
        assert_eq!(ben.views(&id).await, InvitationView::AwaitingApproval("Acme".to_owned()));
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::AwaitingApproval);
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_key = 'ben@example.org'").await, 0);
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));

        // Who could approve is told once, and does so by sending it again; who could not is not told.
        let told = world.texts("SELECT recipient FROM outbox WHERE kind = 'held'").await;
        assert_eq!(told, ["ana@example.org"]);
        let mail = world.mail_to("ana@example.org", 1).await;
        assert_eq!(mail.header("Subject").as_deref(), Some("Someone is waiting for your approval to join Acme"));
        assert!(mail.part("text/plain").contains("ben@example.org"));
        world.advance(Span::minutes(5));
        ana.resends(&ana.row("ben@example.org").await).await.unwrap();
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, in_acme());
    }

    async fn r29_an_offer_that_an_owner_raised_is_answered_for_by_the_owner(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        adam.invites("ben@example.org", &viewer()).await.unwrap();
        let more = viewer().with("billing.manage");
        ana.edits(&ana.row("ben@example.org").await, &more).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, in_acme());
        assert_eq!(ben.home().await.unwrap().grant, more);
    }

    async fn r63_r20_who_declines_is_shown_so_can_ask_for_a_new_link_and_be_invited_again(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ben.declines(&id).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Declined);
        assert!(world.mail_to("ana@example.org", 0).await.part("text/plain").contains("ben@example.org"), "the sponsor is told");
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
        // Whoever thinks again asks for a new link, once a day.
        assert!(ben.get(&format!("/invitation/{id}")).await.body.contains("Ask for a new link"));
        assert_eq!(ben.asks_for_new_link(&id).await, Ok(NewLink::Asked));
        assert_eq!(ben.asks_for_new_link(&id).await, Ok(NewLink::AskedBefore));
        assert!(matches!(ben.views(&id).await, InvitationView::Declined { may_ask: Some(false), .. }));
        assert!(ana.get("/a/acme/settings/users").await.body.contains("Asked for a new link"));
        assert!(world.mail_to("ana@example.org", 1).await.part("text/plain").contains("asked for a new one"));
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Invited);
        assert_eq!(ben.views(&id).await, InvitationView::Withdrawn("Acme".to_owned()), "the offer that was turned down is over");
        let id = ben.opens_link(&world.link_to("ben@example.org", 1).await).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ben.home().await.unwrap().grant, Grant::of(BuiltInRole::Editor));
    }

    async fn inv_13_invitations_of_one_address_in_two_accounts_are_independent(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        beta.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(beta.row("ben@example.org").await.state, ShownState::Invited);
    }

    async fn r06_a_link_joins_its_own_account_alone_and_the_others_wait(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let to_acme = world.link_to("ben@example.org", 0).await;
        beta.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let to_beta = world.link_to("ben@example.org", 1).await;
        let ben = world.browser();
        let id = ben.opens_link(&to_acme).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Active);
        assert_eq!(beta.row("ben@example.org").await.state, ShownState::Invited, "by hand, with its own link");
        assert_eq!(ben.on("beta").home().await, Err(AppError::NotFound));
        let id = ben.opens_link(&to_beta).await;
        ben.joins(&id).await.unwrap();
        assert_eq!(ben.on("beta").home().await.unwrap().grant, Grant::of(BuiltInRole::Editor));
        assert_eq!(ben.home().await.unwrap().grant, viewer(), "each account gave its own");
    }

    async fn r57_whoever_has_no_living_invitation_gets_no_user(world: World) {
        let ana = world.owner("ana@example.org").await;
        for email in ["gone@example.org", "late@example.org", "live@example.org"] {
            ana.invites(email, &viewer()).await.unwrap();
        }
        let (gone, late, live) = (world.browser(), world.browser(), world.browser());
        let gone_id = gone.opens_link(&world.link_to("gone@example.org", 0).await).await;
        let late_id = late.opens_link(&world.link_to("late@example.org", 0).await).await;
        let live_link = world.link_to("live@example.org", 0).await;
        let live_id = live.opens_link(&live_link).await;
        ana.removes(&ana.row("gone@example.org").await).await.unwrap();

        let users = world.count("SELECT COUNT(*) FROM users").await;
        let stranger = world.browser();
        assert!(stranger.signs_up(&live_id, "live@example.org").await.is_err(), "the id without the link's cookie");
        assert!(stranger.signs_up(&uuid::Uuid::now_v7().to_string(), "eve@example.org").await.is_err());
        assert!(stranger.set_up("Eve", "eve", "eve@example.org").await.is_err(), "Roster is set up");
        assert!(gone.signs_up(&gone_id, "gone@example.org").await.is_err(), "withdrawn");
        assert_eq!(live.signs_up(&live_id, "live@example.org").await, in_acme(), "invited people always can");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, users + 1);
        world.advance(Span::days(8));
        assert!(late.signs_up(&late_id, "late@example.org").await.is_err(), "expired");
        assert_eq!(world.count("SELECT COUNT(*) FROM users").await, users + 1);
    }

    async fn inv_17_unknown_and_malformed_links_give_one_neutral_page(world: World) {
        world.owner("ana@example.org").await;
        let mut pages = Vec::new();
        for link in ["/i/x", "/i/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/i/%00", "/i/..%2f..%2fetc"] {
            let browser = world.browser();
            let answer = browser.get(link).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{link}");
            assert_eq!(answer.location(), "/invitation/unknown", "{link}");
            let page = browser.get(answer.location()).await;
            assert_eq!(page.status, StatusCode::OK);
            pages.push(browser.views("").await);
        }
        pages.dedup();
        assert_eq!(pages, [InvitationView::Unknown]);
    }

    async fn inv_20_links_name_the_configured_address_whatever_the_request_says(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let row = ana.row("ben@example.org").await;
        let body = format!("account=acme&member={}", row.id);
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/users/copy-link")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "host=evil.example")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .unwrap();
        let link: app::api::invitations::Link = ana.send(request).await.read().unwrap();
        assert!(link.url.starts_with("http://127.0.0.1:3000/i/"), "{}", link.url);
    }

    async fn inv_22_a_form_without_the_links_cookie_is_refused(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        ana.invites("cleo@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        assert_eq!(world.browser().signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
        let cleo = world.browser();
        cleo.opens_link(&world.link_to("cleo@example.org", 0).await).await;
        assert_eq!(cleo.views(&id).await, InvitationView::OpenTheLinkAgain);
        assert_eq!(cleo.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
    }
}
