//! Handing an account over: an owner offers it to another member, who accepts or declines (R34).

use crate::support::{Browser, PASSWORD, World, both_databases};
use app::{
    api::{
        account_settings::AccountSettingsView,
        login_methods::{NextPage, Notice},
        own_login::ProfileSaved,
        ownership::OwnershipOffer,
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::ShownState,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};

const SETTINGS: &str = "/a/acme/settings/account";

async fn offers(owner: &Browser, email: &str) -> Result<Option<Notice>, AppError> {
    Ok(owner.call_in::<NextPage>("ownership/offer", &[("form[email]", email)]).await?.notice)
}

async fn answers(browser: &Browser, how: &str, offer: &str) -> Result<Option<Notice>, AppError> {
    Ok(browser.call_in::<NextPage>(&format!("ownership/{how}"), &[("offer", offer)]).await?.notice)
}

/// The offers that a member sees on the Overview.
async fn offered(browser: &Browser) -> Vec<OwnershipOffer> {
    browser.home().await.unwrap().ownership.offers
}

/// The offer that an owner sees in the settings.
async fn open_offer(owner: &Browser) -> Option<OwnershipOffer> {
    owner.call_in::<AccountSettingsView>("account-settings/show", &[]).await.unwrap().offer
}

async fn role(browser: &Browser) -> String {
    browser.home().await.unwrap().grant.role.to_string()
}

/// The offer of Ana to Ben, who was an editor.
async fn ana_offers_ben(world: &World) -> (Browser, Browser, String) {
    let ana = world.owner("ana@example.org").await;
    let ben = ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Editor).with("billing.manage")).await;
    assert_eq!(offers(&ana, " Ben@Example.org ").await, Ok(Some(Notice::OwnershipOffered)));
    let offer = offered(&ben).await[0].id.to_string();
    (ana, ben, offer)
}

async fn events(world: &World) -> Vec<String> {
    world.texts("SELECT kind FROM audit_events WHERE kind LIKE 'ownership%' OR kind = 'edited' ORDER BY seq").await
}

both_databases! {
    async fn r34_an_accepted_offer_exchanges_the_two_roles_at_once(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        assert_eq!((role(&ana).await.as_str(), role(&ben).await.as_str()), ("owner", "editor"), "nothing changes yet");
        let seen = offered(&ben).await;
        assert_eq!((seen[0].name.as_deref(), seen[0].email.as_str()), (Some("Ana Owner"), "ana@example.org"));
        assert_eq!(seen[0].expires, world.now() + Span::days(7));
        assert_eq!(open_offer(&ana).await.unwrap().email, "ben@example.org");
        let told = world.mail_about("ben@example.org", "offered ownership of Acme").await.part("text/plain");
        assert!(told.contains("Ana Owner (ana@example.org) wants to hand Acme over to you") && told.contains("/a/acme\n"), "{told}");
        let told = world.mail_about("ana@example.org", "You offered ownership").await.part("text/plain");
        assert!(told.contains("(ben@example.org)") && told.contains(SETTINGS), "{told}");

        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OwnershipAccepted)));
        assert_eq!(ben.home().await.unwrap().grant, Grant::of(BuiltInRole::Owner));
        assert_eq!(ana.home().await.unwrap().grant, Grant::of(BuiltInRole::Admin));
        let told = world.mail_about("ben@example.org", "You’re now an owner of Acme").await.part("text/plain");
        assert!(told.contains("accepted the offer of Ana Owner (ana@example.org)"), "{told}");
        let told = world.mail_about("ana@example.org", "Your offer of ownership").await.part("text/plain");
        assert!(told.contains("(ben@example.org) accepted your offer"), "{told}");
        assert_eq!(events(&world).await, ["ownership_offered", "ownership_accepted", "edited", "edited"]);
        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OfferGone)));
        assert!(ana.list(&Default::default()).await.is_ok(), "the session of the former owner goes on");
    }

    async fn r34_both_are_told_in_their_own_language(world: World) {
        let (_, ben, offer) = {
            let ana = world.owner("ana@example.org").await;
            let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
            let german = [("form[name]", "Ben"), ("form[language]", "de")];
            ben.call::<ProfileSaved>("me/change-profile", &german).await.unwrap();
            offers(&ana, "ben@example.org").await.unwrap();
            let offer = offered(&ben).await[0].id.to_string();
            (ana, ben, offer)
        };
        world.mail_about("ben@example.org", "Sie sollen Acme übernehmen").await;
        world.mail_about("ana@example.org", "You offered ownership of Acme").await;
        answers(&ben, "accept", &offer).await.unwrap();
        world.mail_about("ben@example.org", "Sie sind jetzt Inhaber von Acme").await;
        world.mail_about("ana@example.org", "Your offer of ownership of Acme was accepted").await;
    }

    async fn r34_only_an_active_member_who_can_sign_in_and_is_no_owner_is_offered_it(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let ben = serde_json::json!({ "sub": "00u-ben" });
        ana.brings_in_by(&provider, &method, "ben@example.org", ben, &Grant::of(BuiltInRole::Editor)).await;
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        ana.brings_in_as("sid@example.org", BuiltInRole::Editor).await;
        ana.suspends(&ana.row("sid@example.org").await).await.unwrap();
        ana.invites("ines@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        ana.call::<NextPage>("login-methods/switch", &[("account", "acme"), ("method", &*method), ("on", "off")]).await.unwrap();
        for (email, problem) in [
            ("ben@example.org", Problem::CannotSignIn),
            ("ana@example.org", Problem::OwnerAlready),
            ("olga@example.org", Problem::OwnerAlready),
            ("sid@example.org", Problem::NotAnActiveMember),
            ("ines@example.org", Problem::NotAnActiveMember),
            ("nobody@example.org", Problem::NotAnActiveMember),
            ("", Problem::Required),
        ] {
            assert_eq!(offers(&ana, email).await, Err(FieldErrors::one(Field::Email, problem).into()), "{email}");
        }
        assert_eq!(events(&world).await, Vec::<String>::new());
    }

    async fn r33_r34_somebody_who_lost_every_way_in_does_not_become_the_owner(world: World) {
        let (_, ben, offer) = ana_offers_ben(&world).await;
        // Ben's session is still good, and his password is gone.
        world.changes("DELETE FROM password_credentials WHERE user_id IN (SELECT id FROM users WHERE email_key = 'ben@example.org')").await;
        let refused = answers(&ben, "accept", &offer).await;
        assert_eq!(refused, Err(AppError::Refused(app::domain::policy::Refusal::LastOwner)));
        assert_eq!(role(&ben).await, "editor");
    }

    async fn az_16_r34_offering_and_accepting_ask_for_a_recent_sign_in(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        world.advance(Span::hours(1));
        assert_eq!(answers(&ben, "accept", &offer).await, Err(AppError::ReauthenticationRequired));
        let html = ben.get("/a/acme").await.body;
        assert!(html.contains("Accept ownership") && html.contains("/a/acme/reauthenticate?next="), "{html}");
        assert_eq!(answers(&ana, "withdraw", &offer).await, Ok(Some(Notice::OwnershipWithdrawn)));
        assert_eq!(offers(&ana, "ben@example.org").await, Err(AppError::ReauthenticationRequired));
        assert_eq!(events(&world).await, ["ownership_offered", "ownership_withdrawn"]);
    }

    async fn r34_an_owner_has_one_open_offer_which_can_be_withdrawn_or_declined(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        let cid = ana.brings_in_as("cid@example.org", BuiltInRole::Viewer).await;
        assert_eq!(offers(&ana, "cid@example.org").await, Ok(Some(Notice::OfferOpen)));
        assert_eq!(answers(&cid, "accept", &offer).await, Ok(Some(Notice::OfferGone)), "an offer to somebody else");
        assert_eq!(answers(&cid, "decline", &offer).await, Ok(Some(Notice::OfferGone)));
        assert_eq!(answers(&ana, "withdraw", &offer).await, Ok(Some(Notice::OwnershipWithdrawn)));
        assert_eq!(answers(&ana, "withdraw", &offer).await, Ok(Some(Notice::OfferGone)));
        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OfferGone)));
        assert_eq!(offers(&ana, "cid@example.org").await, Ok(Some(Notice::OwnershipOffered)));
        let second = offered(&cid).await[0].id.to_string();
        assert_eq!(answers(&cid, "decline", &second).await, Ok(Some(Notice::OwnershipDeclined)));
        assert_eq!((offered(&cid).await, open_offer(&ana).await), (vec![], None));
        assert_eq!(role(&cid).await, "viewer");
        let expected = ["ownership_offered", "ownership_withdrawn", "ownership_offered", "ownership_declined"];
        assert_eq!(events(&world).await, expected);
    }

    async fn r34_an_offer_expires_after_seven_days_and_another_can_be_made(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        world.advance(Span::days(7));
        for (browser, email) in [(&ana, "ana@example.org"), (&ben, "ben@example.org")] {
            browser.sign_in(email, PASSWORD).await.unwrap();
        }
        assert_eq!(offered(&ben).await, vec![]);
        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OfferGone)));
        assert_eq!(offers(&ana, "ben@example.org").await, Ok(Some(Notice::OwnershipOffered)));
    }

    async fn r34_an_offer_is_off_once_one_of_the_two_is_no_longer_what_they_were(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        for (email, what) in [
            ("suspended@example.org", "suspended"),
            ("edited@example.org", "edited"),
            ("removed@example.org", "removed"),
            ("left@example.org", "left"),
            ("granted@example.org", "granted"),
        ] {
            let editor = Grant::of(BuiltInRole::Editor);
            let heir = ana.brings_in(email, &editor).await;
            assert_eq!(offers(&ana, email).await, Ok(Some(Notice::OwnershipOffered)), "{what}");
            let row = async || ana.row(email).await;
            match what {
                "suspended" => {
                    olga.suspends(&row().await).await.unwrap();
                    olga.reactivates(&row().await).await.unwrap();
                }
                "edited" => {
                    olga.edits(&row().await, &Grant::of(BuiltInRole::Agent)).await.unwrap();
                    olga.edits(&row().await, &editor).await.unwrap();
                }
                "removed" => drop(olga.removes(&row().await).await.unwrap()),
                "left" => heir.leaves().await.unwrap(),
                _ => {
                    world.services.grant_owner("acme", email, false).await.unwrap();
                    olga.edits(&row().await, &editor).await.unwrap();
                }
            }
            assert_eq!(open_offer(&ana).await, None, "{what}: nor does it stand again");
        }
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        offers(&ana, "ben@example.org").await.unwrap();
        let offer = offered(&ben).await[0].id.to_string();
        // The other way round.
        olga.suspends(&ana.row("ana@example.org").await).await.unwrap();
        olga.reactivates(&olga.row("ana@example.org").await).await.unwrap();
        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OfferGone)), "nor of an owner who was suspended");
    }

    async fn r34_r46_an_offer_ends_when_the_heir_signs_in_with_something_else(world: World) {
        let (_world, provider, ana, sso) = world.with_acme_sso().await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        offers(&ana, "ben@example.org").await.unwrap();
        assert!(open_offer(&ana).await.is_some());
        let row = ana.row("ben@example.org").await;
        ana.changes_login_method(&row, &sso, "00u-somebody").await.unwrap();
        assert_eq!(open_offer(&ana).await, None, "whoever comes by it may be somebody else");
        drop((ben, provider));
    }

    async fn pw_10_r34_what_was_offered_ends_when_the_login_is_taken_back(world: World) {
        let (_ana, ben, offer) = ana_offers_ben(&world).await;
        // Whoever is at Ana's computer made the offer; she takes her login back.
        let owner = world.browser();
        owner.call::<serde_json::Value>("recovery/ask-for-password-reset", &[("form[email]", "ana@example.org")]).await.unwrap();
        let mails = world.count("SELECT COUNT(*) FROM outbox WHERE recipient = 'ana@example.org'").await;
        owner.follow(&world.reset_link_to("ana@example.org", mails as usize - 1).await).await;
        let reset = [("form[password]", "another eighteen green kettles")];
        owner.call::<serde_json::Value>("recovery/reset-password", &reset).await.unwrap();
        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OfferGone)));
    }

    async fn r13_r34_nobody_is_offered_it_whose_mailbox_was_never_proved(world: World) {
        let silent = world.without_mail_server();
        let ana = silent.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let ben = silent.browser();
        let id = ben.opens_link(&link).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        let refused = offers(&ana, "ben@example.org").await;
        assert_eq!(refused, Err(FieldErrors::one(Field::Email, Problem::MailboxNotProved).into()));
    }

    async fn r34_another_name_leaves_an_offer_as_it_is(world: World) {
        let (_, ben, offer) = ana_offers_ben(&world).await;
        ben.call::<ProfileSaved>("me/change-profile", &[("form[name]", "Benjamin"), ("form[language]", "en")]).await.unwrap();
        assert_eq!(answers(&ben, "accept", &offer).await, Ok(Some(Notice::OwnershipAccepted)));
    }

    async fn r29_r34_links_beyond_the_rights_of_the_former_owner_are_dead(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        ana.invites("olga@example.org", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        let link = ana.copies_link(&ana.row("olga@example.org").await).await.unwrap().url;
        answers(&ben, "accept", &offer).await.unwrap();
        let olga = world.browser();
        let id = olga.opens_link(&link).await;
        assert!(olga.signs_up(&id, "olga@example.org").await.is_err(), "Ana can no longer make owners");
    }

    async fn inv_19_r34_an_owner_makes_ten_offers_a_day(world: World) {
        let (ana, _, first) = ana_offers_ben(&world).await;
        answers(&ana, "withdraw", &first).await.unwrap();
        for _ in 1..10 {
            offers(&ana, "ben@example.org").await.unwrap();
            let offer = open_offer(&ana).await.unwrap().id.to_string();
            answers(&ana, "withdraw", &offer).await.unwrap();
        }
        let refused = offers(&ana, "ben@example.org").await;
        assert!(matches!(refused, Err(AppError::RateLimited { .. })), "{refused:?}");
        assert_eq!(open_offer(&ana).await, None);
    }

    async fn r34_of_two_offers_to_the_same_person_one_is_accepted(world: World) {
        let (_, ben, first) = ana_offers_ben(&world).await;
        let ana = world.browser();
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        offers(&olga, "ben@example.org").await.unwrap();
        let second = offered(&ben).await.iter().map(|offer| offer.id.to_string()).find(|id| *id != first).unwrap();
        let (one, other) = tokio::join!(answers(&ben, "accept", &first), answers(&ben, "accept", &second));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!([&one, &other].contains(&&Some(Notice::OwnershipAccepted)), "{one:?} {other:?}");
        assert!([&one, &other].contains(&&Some(Notice::OfferGone)), "{one:?} {other:?}");
        let mut owners = world.texts("SELECT email_key FROM members WHERE role_key = 'owner' ORDER BY email_key").await;
        owners.retain(|email| email != "ben@example.org");
        assert_eq!(owners.len(), 1, "one of the two is an admin now: {owners:?}");
    }

    async fn r34_two_accepts_of_one_offer_at_once_count_once(world: World) {
        let (_, ben, offer) = ana_offers_ben(&world).await;
        let second = world.configured(|_| {});
        let elsewhere = ben.at(&second);
        let (one, other) = tokio::join!(answers(&ben, "accept", &offer), answers(&elsewhere, "accept", &offer));
        let mut got = [one.unwrap(), other.unwrap()].map(|notice| format!("{notice:?}"));
        got.sort();
        assert_eq!(got, ["Some(OfferGone)", "Some(OwnershipAccepted)"]);
        assert_eq!(events(&world).await, ["ownership_offered", "ownership_accepted", "edited", "edited"]);
    }

    async fn r33_r34_accepting_against_a_withdrawal_or_a_removal_leaves_one_owner(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        let (accepted, withdrawn) = tokio::join!(answers(&ben, "accept", &offer), answers(&ana, "withdraw", &offer));
        match accepted {
            Ok(Some(Notice::OwnershipAccepted)) => {
                assert!(matches!(withdrawn, Err(AppError::Refused(_))), "an admin by now: {withdrawn:?}");
            }
            other => {
                assert_eq!((other, withdrawn), (Ok(Some(Notice::OfferGone)), Ok(Some(Notice::OwnershipWithdrawn))));
                offers(&ana, "ben@example.org").await.unwrap();
                let offer = offered(&ben).await[0].id.to_string();
                let row = ana.row("ben@example.org").await;
                let (accepted, removed) = tokio::join!(answers(&ben, "accept", &offer), ana.removes(&row));
                assert!(accepted.is_ok() != removed.is_ok(), "{accepted:?} {removed:?}");
            }
        }
        let owners = world.count("SELECT COUNT(*) FROM members WHERE role_key = 'owner' AND state = 'active'").await;
        assert_eq!(owners, 1);
    }

    async fn r33_r34_accepting_against_a_removal_leaves_one_owner(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        let row = ana.row("ben@example.org").await;
        let (accepted, removed) = tokio::join!(answers(&ben, "accept", &offer), ana.removes(&row));
        assert!(accepted.is_ok() != removed.is_ok(), "{accepted:?} {removed:?}");
        let owners = world.texts("SELECT email_key FROM members WHERE role_key = 'owner' AND state = 'active'").await;
        assert_eq!(owners, [if accepted.is_ok() { "ben@example.org" } else { "ana@example.org" }]);
        assert_eq!(ana.row("ben@example.org").await.state, if accepted.is_ok() { ShownState::Active } else { ShownState::Removed });
    }

    async fn r34_a_mail_of_an_offer_that_was_withdrawn_says_nothing_any_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        world.stops_mailing().await;
        offers(&ana, "ben@example.org").await.unwrap();
        let offer = offered(&ben).await[0].id.to_string();
        answers(&ana, "withdraw", &offer).await.unwrap();
        ana.invites("cid@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        world.mail_to("cid@example.org", 0).await;
        world.stops_mailing().await;
        let states = world.texts("SELECT state FROM outbox WHERE kind LIKE 'ownership%'").await;
        assert_eq!(states, ["dropped", "dropped"]);
    }

    async fn r34_the_owner_is_told_that_the_offer_was_declined(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        answers(&ben, "decline", &offer).await.unwrap();
        let told = world.mail_about("ana@example.org", "Your offer of ownership of Acme was declined").await.part("text/plain");
        assert!(told.contains("(ben@example.org) declined your offer") && told.contains(SETTINGS), "{told}");
        drop(ana);
    }

    async fn r34_each_mail_is_about_its_own_offer_however_soon_the_next_follows(world: World) {
        let (ana, ben, first) = ana_offers_ben(&world).await;
        world.stops_mailing().await;
        answers(&ben, "decline", &first).await.unwrap();
        // In the same millisecond, by the clock of the story.
        let cid = ana.brings_in_as("cid@example.org", BuiltInRole::Viewer).await;
        world.stops_mailing().await;
        offers(&ana, "cid@example.org").await.unwrap();
        let declined = world.mail_about("ana@example.org", "was declined").await.part("text/plain");
        assert!(declined.contains("(ben@example.org)"), "{declined}");
        let made = world.mail_about("cid@example.org", "offered ownership of Acme").await.part("text/plain");
        assert!(made.contains("Ana Owner"), "{made}");
        drop(cid);
    }

    async fn r34_nobody_whose_login_is_going_to_be_deleted_is_offered_it_or_accepts_it(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        let leaves = [("form[confirmation]", "ben@example.org"), ("form[present_password]", PASSWORD)];
        ben.call::<serde_json::Value>("me/delete", &leaves).await.unwrap();
        let refused = answers(&ben, "accept", &offer).await;
        assert_eq!(refused, Err(AppError::Refused(app::domain::policy::Refusal::OwnLoginDeleted)));
        answers(&ana, "withdraw", &offer).await.unwrap();
        let refused = offers(&ana, "ben@example.org").await;
        assert_eq!(refused, Err(FieldErrors::one(Field::Email, Problem::LoginDeleted).into()));
        ben.call::<serde_json::Value>("me/keep", &[]).await.unwrap();
        assert_eq!(offers(&ana, "ben@example.org").await, Ok(Some(Notice::OwnershipOffered)));
    }

    async fn cf_08_r34_an_offer_is_forgotten_a_month_after_it_ended(world: World) {
        let (ana, ben, offer) = ana_offers_ben(&world).await;
        answers(&ben, "decline", &offer).await.unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        let left = "SELECT COUNT(*) FROM ownership_offers";
        for (days, expected) in [(29, 1), (2, 0)] {
            world.advance(Span::days(days));
            world.services.clean_up_if_due(&stop).await.unwrap();
            assert_eq!(world.count(left).await, expected);
        }
        drop(ana);
    }

    async fn br_14_r34_ownership_is_handed_over_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let to = |email| [("account", "acme"), ("form[email]", email)];
        let page = ana.submits(SETTINGS, "ownership/offer", &to("nobody@example.org")).await.body;
        assert!(page.contains("No active member of this account has this address.") && page.contains("value=\"nobody@example.org\""), "{page}");
        let page = ana.submits(SETTINGS, "ownership/offer", &to("ben@example.org")).await.body;
        assert!(page.contains("Ownership offered.") && page.contains("action=\"/api/ownership/withdraw\""), "{page}");
        let offer = offered(&ben).await[0].id.to_string();
        let answer = [("account", "acme"), ("offer", offer.as_str())];
        let page = ben.get("/a/acme").await.body;
        for form in ["action=\"/api/ownership/accept\"", "action=\"/api/ownership/decline\"", "Ana Owner (ana@example.org) wants to hand Acme over to you"] {
            assert!(page.contains(form), "{form}: {page}");
        }
        let page = ben.submits("/a/acme", "ownership/accept", &answer).await.body;
        assert!(page.contains("You’re now an owner of this account.") && !page.contains("action=\"/api/ownership/accept\""), "{page}");
        let page = ben.submits("/a/acme", "ownership/decline", &answer).await.body;
        assert!(page.contains("This offer is no longer valid"), "{page}");
    }
}
