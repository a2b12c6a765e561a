//! What people change of their own login, and that nobody else does.

use crate::support::{Browser, Fields, PASSWORD, World, both_databases};
use app::{
    api::address::{AddressChangeView, AddressChanged, AddressRestored},
    api::invitations::Invited,
    api::joining::Joined,
    api::own_login::{
        AddressChangeAsked, DeletionAsked, OthersEnded, OwnActivity, OwnInvitation, OwnLogin, OwnSession, OwnSessions,
        PasswordChanged, ProfileSaved,
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        language::Language,
        member::ShownState,
        name::Slug,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
        user_event::UserEvent,
    },
    error::AppError,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

const NEW_PASSWORD: &str = "eleven quiet herons wade home";

async fn saves(browser: &Browser, name: &str, language: &str) -> Result<ProfileSaved, AppError> {
    browser.call("me/change-profile", &[("form[name]", name), ("form[language]", language)]).await
}

async fn changes_password(
    browser: &Browser,
    present: &str,
    new: &str,
    more: Fields<'_>,
) -> Result<PasswordChanged, AppError> {
    let mut fields = vec![("form[present_password]", present), ("form[password]", new)];
    fields.extend_from_slice(more);
    browser.call("me/change-password", &fields).await
}

async fn sessions(browser: &Browser) -> Vec<OwnSession> {
    browser.call::<OwnSessions>("me/sessions", &[]).await.unwrap().sessions
}

async fn invitations(browser: &Browser) -> Vec<OwnInvitation> {
    browser.call("me/invitations", &[]).await.unwrap()
}

async fn activity(browser: &Browser, before: &str) -> OwnActivity {
    browser.call("me/activity", &[("before", before)]).await.unwrap()
}

async fn asks_for_address(browser: &Browser, email: &str, password: &str) -> Result<AddressChangeAsked, AppError> {
    let fields = [("form[email]", email), ("form[present_password]", password)];
    browser.call("me/ask-for-address-change", &fields).await
}

/// Opens the link of a change of address that the `nth` mail to an address holds.
async fn opens_address_link(browser: &Browser, email: &str, nth: usize) {
    let token = browser.world().mail_to(email, nth).await.token_after("/e/");
    assert_eq!(browser.get(&format!("/e/{token}")).await.location(), "/address");
}

async fn address_view(browser: &Browser) -> AddressChangeView {
    browser.call("address/view", &[]).await.unwrap()
}

async fn deletes(browser: &Browser, confirmation: &str, password: &str) -> Result<DeletionAsked, AppError> {
    browser.call("me/delete", &[("form[confirmation]", confirmation), ("form[present_password]", password)]).await
}

/// Cleans up as the server does once a day.
async fn cleans_up(world: &World) {
    world.advance(Span::days(1));
    assert!(world.services.clean_up_if_due(&CancellationToken::new()).await.unwrap(), "it is due");
}

async fn own(browser: &Browser) -> OwnLogin {
    browser.call("me/show", &[]).await.unwrap()
}

both_databases! {
    async fn r48_r50_a_new_name_is_shown_in_every_account_and_frozen_where_one_is_no_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        for (name, slug) in [("Beta", "beta"), ("Gamma", "gamma")] {
            ana.opens_account(name, slug).await.unwrap();
        }
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        for (nth, slug) in ["beta", "gamma"].into_iter().enumerate() {
            ana.on(slug).invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            let id = ben.opens_link(&world.link_to("ben@example.org", nth + 1).await).await;
            ben.joins(&id).await.unwrap();
        }
        let gamma = ana.on("gamma");
        gamma.removes(&gamma.row("ben@example.org").await).await.unwrap();

        let saved = saves(&ben, "  Bénédict  Ruß ", "de").await.unwrap();
        assert_eq!(saved, ProfileSaved { name: "Bénédict Ruß".to_owned(), other_page: true });
        for slug in ["acme", "beta"] {
            let row = ana.on(slug).row("ben@example.org").await;
            assert_eq!(row.name.as_deref(), Some("Bénédict Ruß"), "{slug}");
        }
        assert_eq!(gamma.row("ben@example.org").await.name.as_deref(), Some("ben"), "what was removed is frozen");
        let found = ana.list(&app::domain::list::ListQuery { search: "benedict russ".to_owned(), ..Default::default() }).await.unwrap();
        assert_eq!(found.rows.len(), 1, "the list finds the new name");
        let events = world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'name_changed'").await;
        assert_eq!(events, 2, "one in each account");
        for slug in ["acme", "beta", "gamma"] {
            assert_eq!(world.services.check_audit(&Slug::parse(slug).unwrap()).await.unwrap().unwrap().fault(), None);
        }
        assert_eq!(own(&ben).await.name, "Bénédict Ruß");
        assert_eq!(ben.me().await.unwrap().name, "Bénédict Ruß");

        saves(&ben, "Bénédict Ruß", "de").await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'name_changed'").await, events, "the same name is no change");
    }

    async fn r50_the_language_of_the_profile_is_that_of_pages_and_may_be_left_to_the_browser(world: World) {
        let ana = world.owner("ana@example.org").await;
        assert_eq!(own(&ana).await.language, Some(Language::En));
        saves(&ana, "Ana", "de").await.unwrap();
        assert!(ana.get("/me").await.body.contains("Ihr Zugang"));
        // In another browser, which has chosen nothing, as well.
        let other = world.browser();
        other.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert!(other.get("/me").await.body.contains("Ihr Zugang"));
        let saved = saves(&ana, "Ana", "").await.unwrap();
        assert!(saved.other_page);
        assert_eq!(own(&ana).await.language, None);
        assert!(ana.get("/me").await.body.contains("Your login"));
        assert_eq!(saves(&ana, "Ana", "tlh").await, Err(FieldErrors::one(Field::Language, Problem::NotOffered).into()));
        assert_eq!(saves(&ana, "\u{202E}", "").await, Err(FieldErrors::one(Field::Name, Problem::NotAName).into()));
    }

    async fn br_14_the_profile_is_saved_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let page = ana.submits("/me", "me/change-profile", &[("form[name]", ""), ("form[language]", "de")]).await.body;
        assert!(page.contains("Please fill in this field") && page.contains("value=\"de\" selected"), "{page}");
        let page = ana.submits("/me", "me/change-profile", &[("form[name]", "Ana María"), ("form[language]", "en")]).await.body;
        assert!(page.contains("Profile saved") && page.contains("value=\"Ana María\""), "{page}");
        assert!(page.contains("aria-current=\"page\""), "{page}");
    }

    async fn r49_az_09_a_session_by_an_accounts_provider_changes_nothing_of_the_person(world: World) {
        let (_world, provider, ana, method) = world.with_acme_sso().await;
        let claims = json!({ "sub": "00u-ben", "email": "ben@example.org", "email_verified": true });
        let ben = ana.brings_in_by(&provider, &method, "ben@example.org", claims, &Grant::of(BuiltInRole::Viewer)).await;
        let login = own(&ben).await;
        assert!(!login.may_change);
        assert_eq!(saves(&ben, "Benedict", "de").await, Err(Refusal::OwnPasswordNeeded.into()));
        let page = ben.get("/me").await.body;
        assert!(page.contains("ben@example.org") && page.contains("Sign in with your password"), "{page}");
        assert!(!page.contains("me/change-profile"), "{page}");
        assert_eq!(own(&ben).await, login);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'name_changed'").await, 0);
    }

    async fn pw_08_se_07_a_password_is_changed_with_the_present_one_and_the_other_browsers_are_signed_out(world: World) {
        let ana = world.owner("ana@example.org").await;
        let (elsewhere, old_cookie) = (world.browser(), ana.cookie("session").unwrap());
        elsewhere.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(
            changes_password(&ana, "not the present password", NEW_PASSWORD, &[]).await,
            Err(FieldErrors::one(Field::PresentPassword, Problem::WrongPassword).into())
        );
        assert_eq!(changes_password(&ana, PASSWORD, "short", &[]).await, Err(FieldErrors::one(Field::Password, Problem::TooShort { least: 15 }).into()));
        let own_words = changes_password(&ana, PASSWORD, "owner acme example 7", &[]).await;
        assert_eq!(own_words, Err(FieldErrors::one(Field::Password, Problem::FromYourWords).into()));
        assert!(elsewhere.me().await.is_some());

        let changed = changes_password(&ana, PASSWORD, NEW_PASSWORD, &[("form[sign_out_others]", "on")]).await.unwrap();
        assert_eq!(changed, PasswordChanged { ended: 1 });
        assert!(ana.me().await.is_some() && elsewhere.me().await.is_none());
        // SE-02: by another cookie.
        assert_ne!(ana.cookie("session").unwrap(), old_cookie);
        let thief = world.browser();
        thief.set_cookie("roster_session_3000", &old_cookie);
        assert!(thief.me().await.is_none());
        assert_eq!(elsewhere.sign_in("ana@example.org", PASSWORD).await, Err(AppError::WrongCredentials));
        elsewhere.sign_in("ana@example.org", NEW_PASSWORD).await.unwrap();
        let mail = world.mail_to("ana@example.org", 0).await;
        assert!(mail.header("Subject").unwrap().contains("password"), "{mail:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM user_events WHERE kind = 'password_changed'").await, 1);

        let changed = changes_password(&ana, NEW_PASSWORD, PASSWORD, &[]).await.unwrap();
        assert_eq!(changed, PasswordChanged { ended: 0 });
        assert!(elsewhere.me().await.is_some(), "who does not ask for it keeps them");
    }

    async fn pw_08_en_04_the_present_password_is_guessed_no_more_often_than_at_signing_in(world: World) {
        let ana = world.owner("ana@example.org").await;
        for _ in 0..20 {
            changes_password(&ana, "not the present password", NEW_PASSWORD, &[]).await.unwrap_err();
        }
        let limited = changes_password(&ana, PASSWORD, NEW_PASSWORD, &[]).await;
        assert!(matches!(limited, Err(AppError::RateLimited { .. })), "{limited:?}");
    }

    async fn br_14_a_password_is_changed_without_scripting_and_comes_back_on_no_page(world: World) {
        let ana = world.owner("ana@example.org").await;
        let wrong = [("form[present_password]", "a mistyped password"), ("form[password]", NEW_PASSWORD)];
        let page = ana.submits("/me/sign-in", "me/change-password", &wrong).await.body;
        assert!(page.contains("isn’t your current password"), "{page}");
        assert!(!page.contains("a mistyped password") && !page.contains(NEW_PASSWORD), "{page}");
        let right = [("form[present_password]", PASSWORD), ("form[password]", NEW_PASSWORD), ("form[sign_out_others]", "on")];
        let page = ana.submits("/me/sign-in", "me/change-password", &right).await.body;
        assert!(page.contains("Password changed"), "{page}");
    }

    async fn se_08_people_see_and_end_their_own_sessions(world: World) {
        let ana = world.owner("ana@example.org").await;
        let (second, third) = (world.browser(), world.browser());
        for browser in [&second, &third] {
            world.advance(Span::minutes(6));
            browser.sign_in("ana@example.org", PASSWORD).await.unwrap();
        }
        world.advance(Span::minutes(6));
        let seen = sessions(&ana).await;
        assert_eq!(seen.len(), 3);
        assert!(seen[0].present && seen[0].last_used == world.now(), "the latest used comes first: {seen:?}");
        assert!(seen.iter().skip(1).all(|session| !session.present && session.ip == "127.0.0.1"), "{seen:?}");
        let of_second = sessions(&second).await.into_iter().find(|session| session.present).unwrap().id.to_string();
        ana.call::<()>("me/end-session", &[("session", &of_second)]).await.unwrap();
        assert!(second.me().await.is_none() && third.me().await.is_some());
        assert_eq!(ana.call::<()>("me/end-session", &[("session", &of_second)]).await, Err(AppError::NotFound));

        assert_eq!(ana.call("me/end-other-sessions", &[]).await, Ok(OthersEnded { ended: 1 }));
        assert!(third.me().await.is_none() && ana.me().await.is_some());
        let events = world.texts("SELECT kind FROM user_events WHERE kind LIKE '%ended' ORDER BY id").await;
        assert_eq!(events, ["session_ended", "other_sessions_ended"]);

        world.browser().sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(sessions(&ana).await.len(), 2);
        world.advance(Span::days(8));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(sessions(&ana).await.len(), 1, "what was idle too long is no session any more");
    }

    async fn se_08_az_03_nobody_ends_anybody_elses_session(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let of_ana = sessions(&ana).await.remove(0).id.to_string();
        assert_eq!(ben.call::<()>("me/end-session", &[("session", &of_ana)]).await, Err(AppError::NotFound));
        let random = uuid::Uuid::now_v7().to_string();
        assert_eq!(ben.call::<()>("me/end-session", &[("session", &random)]).await, Err(AppError::NotFound));
        ben.call::<OthersEnded>("me/end-other-sessions", &[]).await.unwrap();
        assert!(ana.me().await.is_some());
        assert!(sessions(&ben).await.iter().all(|session| session.id.to_string() != of_ana));
    }

    async fn se_08_br_14_sessions_are_ended_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let other = world.browser();
        other.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let id = sessions(&other).await.into_iter().find(|session| session.present).unwrap().id.to_string();
        let page = ana.get("/me/sessions").await.body;
        assert!(page.contains("This browser") && page.contains(&id), "{page}");
        let page = ana.submits("/me/sessions", "me/end-session", &[("session", &id)]).await.body;
        assert!(page.contains("That browser was signed out") && !page.contains(&format!("value=\"{id}\"")), "{page}");
        other.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let page = ana.submits("/me/sessions", "me/end-other-sessions", &[]).await.body;
        assert!(page.contains("The other browser was signed out"), "{page}");
    }

    async fn se_08_r49_a_session_by_a_provider_sees_itself_alone_and_ends_nothing(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let first = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.changes_login_method(&ana.row("ben@example.org").await, &method, "00u-ben").await.unwrap();
        let own = world.browser();
        own.sign_in("ben@example.org", PASSWORD).await.unwrap();
        let by_provider = world.browser();
        by_provider.signs_in_by(&provider, &method, json!({ "sub": "00u-ben", "email": "ben@example.org" })).await;
        assert!(by_provider.me().await.is_some());
        let seen = sessions(&by_provider).await;
        assert!(seen.len() == 1 && seen[0].present, "{seen:?}");
        let of_own = sessions(&own).await.into_iter().find(|session| session.present).unwrap().id.to_string();
        let refused = AppError::from(Refusal::OwnPasswordNeeded);
        assert_eq!(by_provider.call::<()>("me/end-session", &[("session", &of_own)]).await, Err(refused.clone()));
        assert_eq!(by_provider.call::<OthersEnded>("me/end-other-sessions", &[]).await, Err(refused.clone()));
        assert_eq!(changes_password(&by_provider, PASSWORD, NEW_PASSWORD, &[]).await, Err(refused));
        assert!(own.me().await.is_some() && first.me().await.is_some());
        assert_eq!(activity(&by_provider, "").await.events, [], "nor where the person was");
        assert_eq!(sessions(&own).await.len(), 3, "one's own password sees them all");
    }

    async fn r06_further_invitations_are_listed_after_signing_in_and_each_is_answered_by_hand(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        for (name, slug) in [("Beta", "beta"), ("Gamma", "gamma"), ("Delta", "delta")] {
            ana.opens_account(name, slug).await.unwrap();
            world.advance(Span::seconds(1));
            ana.on(slug).invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        }
        let page = ben.get("/accounts").await.body;
        assert!(page.contains("3 more invitations"), "{page}");
        let open = invitations(&ben).await;
        assert_eq!(open.iter().map(|open| open.account.as_str()).collect::<Vec<_>>(), ["Delta", "Gamma", "Beta"]);
        assert!(open.iter().all(|open| open.by_password && open.inviter.as_ref().unwrap().email == "ana@example.org"));

        let [delta, gamma, beta] = [0, 1, 2].map(|nth: usize| open[nth].id.to_string());
        let joined: Joined = ben.call("me/join", &[("invitation", &beta)]).await.unwrap();
        assert_eq!(joined, Joined::In { slug: Slug::parse("beta").unwrap(), goes_on: None });
        assert_eq!(ben.on("beta").home().await.unwrap().grant, Grant::of(BuiltInRole::Editor));
        assert_eq!(ben.on("gamma").home().await.unwrap_err(), AppError::NotFound, "the others stay as they are");
        assert_eq!(ben.call("me/decline", &[("invitation", &gamma)]).await, Ok("Gamma".to_owned()));
        assert_eq!(ana.on("gamma").row("ben@example.org").await.state, ShownState::Declined);
        for over in [&beta, &gamma] {
            assert_eq!(ben.call::<Joined>("me/join", &[("invitation", over)]).await, Err(AppError::NotFound));
        }
        assert_eq!(invitations(&ben).await.len(), 1);
        let page = ben.submits("/me/accounts", "me/decline", &[("invitation", &delta)]).await.body;
        assert!(page.contains("You declined the invitation to Delta") && page.contains("No open invitations"), "{page}");
        for slug in ["beta", "gamma", "delta"] {
            assert_eq!(world.services.check_audit(&Slug::parse(slug).unwrap()).await.unwrap().unwrap().fault(), None);
        }
    }

    async fn r06_az_03_nobody_answers_an_invitation_to_another_address(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let id = world.browser().opens_link(&world.link_to("eve@example.org", 0).await).await;
        assert_eq!(invitations(&ben).await, []);
        assert_eq!(ben.call::<Joined>("me/join", &[("invitation", &id)]).await, Err(AppError::NotFound));
        assert_eq!(ben.call::<String>("me/decline", &[("invitation", &id)]).await, Err(AppError::NotFound));
        assert_eq!(ana.row("eve@example.org").await.state, ShownState::Invited);
    }

    async fn r06_r12_who_never_proved_the_mailbox_hears_of_no_other_invitation(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let mailless = world.without_mail_server();
        ana.at(&mailless).invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = ana.at(&mailless).copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let ben = mailless.browser();
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        ana.on("beta").invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(invitations(&ben).await, [], "vouched for in one account alone");
    }

    async fn r32_r33_accounts_are_left_from_the_list_but_not_by_their_last_owner(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        let page = ben.get("/me/accounts").await.body;
        assert!(page.contains("Acme") && page.contains("Your role: Editor") && page.contains("Yes, leave Acme"), "{page}");
        let page = ana.submits("/me/accounts", "accounts/leave", &[("account", "acme")]).await.body;
        assert!(page.contains("needs at least one owner"), "{page}");
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        world.advance(Span::minutes(11));
        let page = ana.submits("/me/accounts", "accounts/leave", &[("account", "acme")]).await.body;
        assert!(page.contains("/a/acme/reauthenticate?next="), "{page}");
        ben.leaves().await.unwrap();
        assert!(ben.get("/me/accounts").await.body.contains("You’re not a member of any account"));
    }

    async fn the_own_log_tells_what_happened_to_the_login_and_nobody_elses(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        changes_password(&ana, PASSWORD, NEW_PASSWORD, &[]).await.unwrap();
        let other = world.browser();
        other.sign_in("ana@example.org", NEW_PASSWORD).await.unwrap();
        ana.call::<OthersEnded>("me/end-other-sessions", &[]).await.unwrap();
        let events = activity(&ana, "").await;
        assert!(matches!(
            events.events.iter().map(|event| &event.event).collect::<Vec<_>>()[..],
            [
                UserEvent::OtherSessionsEnded { ended: 1 },
                UserEvent::SignedIn { own_password: true, .. },
                UserEvent::PasswordChanged,
                UserEvent::SignedIn { own_password: true, .. },
            ]
        ), "{events:?}");
        assert!(events.events.iter().all(|event| event.ip.as_deref() == Some("127.0.0.1")));
        assert_eq!(activity(&ben, "").await.events.len(), 1, "Ben's own sign-up");
        let page = ana.get("/me/activity").await.body;
        for words in ["All other browsers signed out (1)", "Password changed", "Signed in with your password", "from 127.0.0.1"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        for _ in 0..50 {
            world.browser().sign_in("ana@example.org", NEW_PASSWORD).await.unwrap();
        }
        // There were too many sessions; the oldest have ended.
        ana.sign_in("ana@example.org", NEW_PASSWORD).await.unwrap();
        let first = activity(&ana, "").await;
        assert_eq!(first.events.len(), 50);
        let rest = activity(&ana, &first.next.unwrap().to_string()).await;
        assert_eq!((rest.events.len(), rest.next), (5, None));
        assert!(ana.get(&format!("/me/activity?before={}", first.next.unwrap())).await.body.contains("Password changed"));
    }

    async fn r48_pw_11_another_address_is_confirmed_there_and_copied_everywhere(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.on("beta").invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let (wrong, same) = (asks_for_address(&ben, "benedict@example.org", "not the present password").await, asks_for_address(&ben, "BEN@example.org", PASSWORD).await);
        assert_eq!(wrong, Err(FieldErrors::one(Field::PresentPassword, Problem::WrongPassword).into()));
        assert_eq!(same, Err(FieldErrors::one(Field::Email, Problem::Taken).into()));

        let asked = asks_for_address(&ben, "Benedict@example.org", PASSWORD).await.unwrap();
        assert!(matches!(asked, AddressChangeAsked::Mailed { ref email, .. } if email == "Benedict@example.org"), "{asked:?}");
        assert_eq!(own(&ben).await.awaited_email.unwrap().0, "Benedict@example.org");
        assert_eq!(ana.row("ben@example.org").await.email, "ben@example.org", "nothing changes before");

        // On another device, where nobody is signed in.
        let phone = world.browser();
        opens_address_link(&phone, "benedict@example.org", 0).await;
        assert!(matches!(address_view(&phone).await, AddressChangeView::Confirm { .. }));
        assert_eq!(phone.call("address/confirm", &[]).await, Ok(AddressChanged::Done { email: "Benedict@example.org".to_owned() }));
        assert!(phone.me().await.is_none(), "SE-09: a link signs nobody in");
        assert_eq!(address_view(&phone).await, AddressChangeView::Ended);
        let row = ana.row("benedict@example.org").await;
        assert_eq!((row.email.as_str(), row.name.as_deref()), ("Benedict@example.org", Some("ben")));
        assert_eq!(ben.me().await.unwrap().email, "Benedict@example.org", "the session goes on");
        assert_eq!(own(&ben).await.awaited_email, None);
        world.browser().sign_in("benedict@example.org", PASSWORD).await.unwrap();
        assert_eq!(world.browser().sign_in("ben@example.org", PASSWORD).await, Err(AppError::WrongCredentials));
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'email_changed'").await, 1);
        assert_eq!(world.services.check_audit(&Slug::parse("acme").unwrap()).await.unwrap().unwrap().fault(), None);
        assert_eq!(invitations(&ben).await, [], "open invitations stay with the address that was invited");
        let beta = ana.on("beta").row("ben@example.org").await;
        assert_eq!(beta.state, ShownState::Invited);
        assert!(activity(&ben, "").await.events.iter().any(|event| event.event == UserEvent::AddressChanged));
    }

    async fn r48_whoever_invited_the_old_address_is_told_the_new_one_if_the_person_wants_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let mails = async || world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'invitee_moved'").await;
        let moves = async |to: &str, tell: &str| {
            let fields = [("form[email]", to), ("form[present_password]", PASSWORD), ("form[tell_inviters]", tell)];
            ben.call::<AddressChangeAsked>("me/ask-for-address-change", &fields).await.unwrap();
            opens_address_link(&ben, to, 0).await;
            ben.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        };
        ana.on("beta").invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        moves("ben@new.example.org", "on").await;
        assert_eq!(mails().await, 1);
        // After the note that Ben joined.
        let mail = world.mail_to("ana@example.org", 1).await;
        let text = mail.part("text/plain");
        assert!(text.contains("ben@new.example.org") && text.contains("/a/beta/settings/users"), "{text}");
        // The invitation stays with the address that it was sent to.
        assert_eq!(ana.on("beta").row("ben@example.org").await.email, "ben@example.org");

        ana.on("beta").invites("ben@new.example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        moves("ben@third.example.org", "").await;
        assert_eq!(mails().await, 1, "Ben did not want it");
    }

    async fn r48_pw_11_a_change_of_address_that_is_taken_back_takes_the_factors_of_a_thief_along(world: World) {
        world.owner("ana@example.org").await.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let ben = world.browser();
        ben.sign_in("ben@example.org", PASSWORD).await.unwrap();
        ben.adds_app().await.unwrap();
        world.advance(Span::minutes(1));
        asks_for_address(&ben, "thief@evil.example", PASSWORD).await.unwrap();
        opens_address_link(&ben, "thief@evil.example", 0).await;
        ben.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        ben.adds_app().await.unwrap();
        ben.makes_recovery_codes().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM second_factors").await, 2);
        let owner = world.browser();
        // After the invitation and the mail about the first app.
        opens_address_link(&owner, "ben@example.org", 2).await;
        owner.call::<AddressRestored>("address/undo", &[]).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM second_factors").await, 1, "the one of before stays");
        assert_eq!(world.count("SELECT COUNT(*) FROM recovery_codes").await, 0, "the thief's");
        let kinds = world.texts("SELECT kind FROM user_events ORDER BY at, id").await;
        assert!(kinds.contains(&"second_factors_taken_back".to_owned()), "{kinds:?}");
    }

    async fn r48_pw_11_the_old_address_takes_the_change_back_within_a_day_whatever_happened_since(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        // A thief with Ben's session and password.
        let thief = world.browser();
        thief.sign_in("ben@example.org", PASSWORD).await.unwrap();
        asks_for_address(&thief, "thief@evil.example", PASSWORD).await.unwrap();
        opens_address_link(&thief, "thief@evil.example", 0).await;
        thief.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        changes_password(&thief, PASSWORD, NEW_PASSWORD, &[("form[sign_out_others]", "on")]).await.unwrap();
        asks_for_address(&thief, "thief2@evil.example", NEW_PASSWORD).await.unwrap();
        opens_address_link(&thief, "thief2@evil.example", 0).await;
        thief.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        assert!(ben.me().await.is_none());

        // The first mail to Ben was the invitation.
        opens_address_link(&ben, "ben@example.org", 1).await;
        assert!(matches!(address_view(&ben).await, AddressChangeView::Undo { .. }));
        assert_eq!(ben.call("address/undo", &[]).await, Ok(AddressRestored::Done { email: "ben@example.org".to_owned() }));
        assert!(thief.me().await.is_none(), "every session ends");
        assert_eq!(ana.row("ben@example.org").await.email, "ben@example.org");
        assert_eq!(thief.sign_in("thief2@evil.example", NEW_PASSWORD).await, Err(AppError::WrongCredentials));
        // The thief's own notice takes nothing back.
        let notice = world.mail_to("thief@evil.example", 2).await.token_after("/e/");
        thief.get(&format!("/e/{notice}")).await;
        assert_eq!(address_view(&thief).await, AddressChangeView::Ended);
        assert_eq!(thief.call::<AddressRestored>("address/undo", &[]).await, Err(AppError::OpenTheLinkAgain));
    }

    async fn pw_11_the_links_of_a_change_of_address_end_in_time_and_with_the_password(world: World) {
        let ana = world.owner("ana@example.org").await;
        let phone = world.browser();
        asks_for_address(&ana, "one@example.org", PASSWORD).await.unwrap();
        opens_address_link(&phone, "one@example.org", 0).await;
        changes_password(&ana, PASSWORD, NEW_PASSWORD, &[]).await.unwrap();
        assert_eq!(phone.call::<AddressChanged>("address/confirm", &[]).await, Err(AppError::OpenTheLinkAgain), "the password changed");

        world.advance(Span::seconds(1));
        asks_for_address(&ana, "two@example.org", NEW_PASSWORD).await.unwrap();
        opens_address_link(&phone, "two@example.org", 0).await;
        world.advance(Span::hours(24));
        assert_eq!(address_view(&phone).await, AddressChangeView::Ended, "a day has passed");

        ana.sign_in("ana@example.org", NEW_PASSWORD).await.unwrap();
        asks_for_address(&ana, "three@example.org", NEW_PASSWORD).await.unwrap();
        opens_address_link(&phone, "three@example.org", 0).await;
        asks_for_address(&ana, "four@example.org", NEW_PASSWORD).await.unwrap();
        assert_eq!(address_view(&phone).await, AddressChangeView::Ended, "a later change replaces it");
        opens_address_link(&phone, "four@example.org", 0).await;
        ana.call::<()>("me/drop-address-change", &[]).await.unwrap();
        assert_eq!(address_view(&phone).await, AddressChangeView::Ended, "dropped");

        asks_for_address(&ana, "five@example.org", NEW_PASSWORD).await.unwrap();
        opens_address_link(&phone, "five@example.org", 0).await;
        phone.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        let notice = world.mail_to("ana@example.org", 1).await.token_after("/e/");
        phone.get(&format!("/e/{notice}")).await;
        world.advance(Span::hours(24));
        assert_eq!(phone.call::<AddressRestored>("address/undo", &[]).await, Err(AppError::OpenTheLinkAgain), "too late to take it back");
    }

    async fn en_02_whether_an_address_has_a_login_is_told_to_its_owner_alone(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let (taken, free) = (asks_for_address(&ana, "ben@example.org", PASSWORD).await.unwrap(), asks_for_address(&ana, "free@example.org", PASSWORD).await.unwrap());
        let until = |asked: &AddressChangeAsked| match asked { AddressChangeAsked::Mailed { until, .. } => *until, other => panic!("{other:?}") };
        assert_eq!(until(&taken), until(&free));
        asks_for_address(&ana, "ben@example.org", PASSWORD).await.unwrap();
        let ben = world.browser();
        let token = world.mail_to("ben@example.org", 2).await.token_after("/e/");
        ben.get(&format!("/e/{token}")).await;
        assert_eq!(ben.call("address/confirm", &[]).await, Ok(AddressChanged::Taken { email: "ben@example.org".to_owned() }));
        assert_eq!(ana.me().await.unwrap().email, "ana@example.org");
        for _ in 0..2 {
            asks_for_address(&ana, "other@example.org", PASSWORD).await.unwrap();
        }
        let limited = asks_for_address(&ana, "more@example.org", PASSWORD).await;
        assert!(matches!(limited, Err(AppError::RateLimited { .. })), "{limited:?}");
    }

    async fn pw_10_what_was_mailed_to_the_old_address_opens_the_login_no_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mailbox = world.browser();
        mailbox.call::<serde_json::Value>("recovery/ask-for-password-reset", &[("form[email]", "ana@example.org")]).await.unwrap();
        let reset = world.mail_to("ana@example.org", 0).await.token_after("/r/");
        asks_for_address(&ana, "new@example.org", PASSWORD).await.unwrap();
        opens_address_link(&ana, "new@example.org", 0).await;
        ana.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        mailbox.get(&format!("/r/{reset}")).await;
        let refused = mailbox.call::<String>("recovery/reset-password", &[("form[password]", NEW_PASSWORD)]).await;
        assert_eq!(refused, Err(AppError::OpenTheLinkAgain));
    }

    async fn pw_11_without_a_mail_server_no_address_is_changed(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mailless = world.without_mail_server();
        assert_eq!(asks_for_address(&ana.at(&mailless), "new@example.org", PASSWORD).await, Ok(AddressChangeAsked::NoMailServer));
        let page = ana.at(&mailless).submits("/me", "me/ask-for-address-change", &[("form[email]", "new@example.org"), ("form[present_password]", PASSWORD)]).await.body;
        assert!(page.contains("has no mail server"), "{page}");
    }

    async fn br_14_an_address_is_changed_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let form = [("form[email]", "new@example.org"), ("form[present_password]", PASSWORD)];
        let page = ana.submits("/me", "me/ask-for-address-change", &form).await.body;
        assert!(page.contains("A link is on its way to new@example.org") && page.contains("is waiting to be confirmed"), "{page}");
        let link = ana.get(&format!("/e/{}", world.mail_to("new@example.org", 0).await.token_after("/e/"))).await;
        assert_eq!((link.location(), &link.headers["referrer-policy"]), ("/address", &"no-referrer".parse().unwrap()));
        let page = ana.get("/address").await.body;
        assert!(page.contains("Yes, use new@example.org"), "{page}");
        let page = ana.submits("/address", "address/confirm", &[]).await.body;
        assert!(page.contains("Your address was changed"), "{page}");
        let old = world.browser();
        old.get(&format!("/e/{}", world.mail_to("ana@example.org", 0).await.token_after("/e/"))).await;
        assert!(old.get("/address").await.body.contains("Your address becomes ana@example.org again"));
        let page = old.submits("/address", "address/undo", &[]).await.body;
        assert!(page.contains("The change was undone") && page.contains("/forgot-password"), "{page}");
        assert!(world.browser().get("/address").await.body.contains("no longer valid"));
    }

    async fn times_are_written_in_the_zone_that_the_person_chose(world: World) {
        let ana = world.owner("ana@example.org").await;
        let page = ana.get("/me/sessions").await.body;
        assert!(page.contains("2026-05-04 09:00 UTC") && !page.contains("data-time-zone"), "{page}");
        let choose = |zone| [("form[name]", "Ana"), ("form[language]", "en"), ("form[time_zone]", zone), ("form[theme]", "")];
        let saved: ProfileSaved = ana.call("me/change-profile", &choose("Asia/Tokyo")).await.unwrap();
        assert!(saved.other_page);
        let page = ana.get("/me/sessions").await.body;
        assert!(page.contains("2026-05-04 18:00 Asia/Tokyo") && page.contains("<html lang=\"en\" data-time-zone=\"Asia/Tokyo\""), "{page}");
        assert!(ana.get("/me").await.body.contains("value=\"Asia/Tokyo\" selected"));
        let refused = ana.call::<ProfileSaved>("me/change-profile", &choose("Mars/Olympus")).await;
        assert_eq!(refused, Err(FieldErrors::one(Field::TimeZone, Problem::NotOffered).into()));

        world.browser().call::<serde_json::Value>("recovery/ask-for-password-reset", &[("form[email]", "ana@example.org")]).await.unwrap();
        let mail = world.mail_to("ana@example.org", 0).await.part("text/plain");
        assert!(mail.contains("4 May 2026, 19:00 Asia/Tokyo"), "{mail}");
        // R7: an invitation reads the same whoever has the address.
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        let invited = world.mail_to("ben@example.org", 0).await.part("text/plain");
        assert!(invited.contains("UTC") && !invited.contains("Tokyo"), "{invited}");
    }

    async fn a_theme_is_chosen_for_every_browser_and_kept_in_this_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        assert!(ana.get("/me").await.body.contains("content=\"light dark\""));
        let choose = |theme| [("form[name]", "Ana Owner"), ("form[language]", "en"), ("form[theme]", theme)];
        let saved: ProfileSaved = ana.call("me/change-profile", &choose("dark")).await.unwrap();
        assert!(saved.other_page);
        let is_dark = |page: String| page.contains("data-theme=\"dark\"") && page.contains("name=\"color-scheme\" content=\"dark\"");
        assert!(is_dark(ana.get("/me").await.body));
        let other = world.browser();
        assert!(!is_dark(other.get("/login").await.body));
        other.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert!(is_dark(other.get("/me").await.body), "it is the person's, wherever they sign in");
        ana.sign_out().await;
        assert!(is_dark(ana.get("/login").await.body), "and stays in the browser that chose it");
        let refused = other.call::<ProfileSaved>("me/change-profile", &choose("sepia")).await;
        assert_eq!(refused, Err(FieldErrors::one(Field::Theme, Problem::NotOffered).into()));
        let saved: ProfileSaved = other.call("me/change-profile", &choose("")).await.unwrap();
        assert!(saved.other_page && !is_dark(other.get("/me").await.body));
        let saved: ProfileSaved = other.call("me/change-profile", &choose("")).await.unwrap();
        assert!(!saved.other_page);
    }

    async fn cf_08_r33_a_login_is_deleted_after_two_weeks_and_no_account_loses_its_last_owner(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        ben.opens_account("Beta", "beta").await.unwrap();
        ben.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.opens_account("Gamma", "gamma").await.unwrap();
        ana.on("gamma").invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let wrong = deletes(&ben, "ben", PASSWORD).await;
        assert_eq!(wrong, Err(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed).into()));
        let wrong = deletes(&ben, "ben@example.org", "not the present password").await;
        assert_eq!(wrong, Err(FieldErrors::one(Field::PresentPassword, Problem::WrongPassword).into()));
        let DeletionAsked::LastOwnerOf { accounts } = deletes(&ben, "ben@example.org", PASSWORD).await.unwrap() else { panic!() };
        assert_eq!(accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["Beta"]);
        ben.on("beta").brings_in_as("bea@example.org", BuiltInRole::Owner).await;

        let elsewhere = world.browser();
        elsewhere.sign_in("ben@example.org", PASSWORD).await.unwrap();
        let asked = deletes(&ben, " Ben@Example.org ", PASSWORD).await.unwrap();
        let day = world.now() + Span::days(14);
        assert_eq!(asked, DeletionAsked::At { at: day });
        assert!(elsewhere.me().await.is_none() && ben.me().await.unwrap().delete_at == Some(day));
        for page in ["/me/delete", "/accounts", "/a/acme"] {
            let body = ben.get(page).await.body;
            assert!(body.contains("Your login is scheduled for deletion") && body.contains("Keep my login"), "{page}: {body}");
        }
        let told = world.mail_to("ben@example.org", 3).await.part("text/plain");
        assert!(told.contains("18 May 2026") && told.contains("/me/delete"), "{told}");
        cleans_up(&world).await;
        assert!(ben.me().await.is_some(), "there is time to think again");

        world.advance(Span::days(14));
        cleans_up(&world).await;
        assert!(ben.me().await.is_none());
        assert_eq!(world.browser().sign_in("ben@example.org", PASSWORD).await, Err(AppError::WrongCredentials));
        for table in ["password_credentials", "sessions", "user_events"] {
            let left = world.texts(match table {
                "password_credentials" => "SELECT u.email_key FROM password_credentials c JOIN users u ON u.id = c.user_id WHERE u.email = ''",
                "sessions" => "SELECT u.email_key FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ''",
                _ => "SELECT u.email_key FROM user_events e JOIN users u ON u.id = e.user_id WHERE u.email = ''",
            });
            assert_eq!(left.await, Vec::<String>::new(), "{table}");
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_key LIKE 'ben%' OR name LIKE 'ben%'").await, 0);
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let tombstone = ana.row("ben@example.org").await;
        assert_eq!((tombstone.state, tombstone.name.as_deref()), (ShownState::Removed, Some("ben")), "accounts keep who was there");
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'left'").await, 2);
        for slug in ["acme", "beta", "gamma"] {
            assert_eq!(world.services.check_audit(&Slug::parse(slug).unwrap()).await.unwrap().unwrap().fault(), None);
        }

        // AZ-15: whoever owns the address later is somebody new.
        let invited = ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(matches!(invited, Invited::Done { .. }), "not restored: {invited:?}");
        let heir = world.browser();
        let id = heir.opens_link(&world.link_to("ben@example.org", 4).await).await;
        heir.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(heir.home().await.unwrap().grant, Grant::of(BuiltInRole::Viewer));
        assert_eq!(activity(&heir, "").await.events.len(), 1);
    }

    async fn cf_08_a_login_is_kept_by_whoever_thinks_again(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let form = [("form[confirmation]", "ben@example.org"), ("form[present_password]", PASSWORD)];
        let page = ben.submits("/me/delete", "me/delete", &form).await.body;
        assert!(page.contains("Your login is scheduled for deletion after"), "{page}");
        let again = world.browser();
        again.sign_in("ben@example.org", PASSWORD).await.unwrap();
        let page = again.submits("/me/delete", "me/keep", &[]).await.body;
        assert!(page.contains("Your login stays") && !page.contains("scheduled for deletion"), "{page}");
        world.advance(Span::days(15));
        cleans_up(&world).await;
        again.sign_in("ben@example.org", PASSWORD).await.unwrap();
        again.home().await.unwrap();
    }

    async fn cf_08_r33_a_login_that_became_the_last_owner_meanwhile_stays_until_there_is_another(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Owner).await;
        deletes(&ana, "ana@example.org", PASSWORD).await.unwrap();
        ben.leaves().await.unwrap();
        world.advance(Span::days(15));
        cleans_up(&world).await;
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        world.advance(Span::days(1));
        cleans_up(&world).await;
        assert_eq!(ana.sign_in("ana@example.org", PASSWORD).await, Err(AppError::WrongCredentials));
    }

    async fn r48_az_15_an_address_that_was_given_up_is_invited_for_whoever_has_it_now(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        asks_for_address(&ben, "moved@example.org", PASSWORD).await.unwrap();
        opens_address_link(&ben, "moved@example.org", 0).await;
        ben.call::<AddressChanged>("address/confirm", &[]).await.unwrap();
        let invited = ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(matches!(invited, Invited::Done { .. }), "{invited:?}");
        let heir = world.browser();
        let mails = world.mail_to("ben@example.org", 2).await;
        let id = heir.opens_link(&format!("/i/{}", mails.token())).await;
        heir.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(heir.home().await.unwrap().grant, Grant::of(BuiltInRole::Viewer));
    }
}
