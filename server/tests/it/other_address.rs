//! Who opens an invitation while signed in with another address asks to be invited by it, and an admin decides (R14).

use crate::support::{Browser, PASSWORD, World, both_databases};
use app::{
    api::{
        joining::{AskAs, InvitationView, Standing},
        login_methods::Notice,
        own_login::OwnInvitation,
    },
    domain::{
        list::{ListQuery, StateFilter},
        member::{MemberRow, ShownState},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};

fn offer() -> Grant {
    Grant::of(BuiltInRole::Editor).with("audit.read")
}

async fn asks(browser: &Browser, invitation: &str) -> Result<AskAs, AppError> {
    browser.call("invitation/ask-as", &[("invitation", invitation)]).await
}

async fn ask_as(browser: &Browser, invitation: &str) -> AskAs {
    match browser.views_open(invitation).await.standing {
        Standing::SomebodyElse { ask_as, .. } => ask_as,
        standing => panic!("{standing:?}"),
    }
}

/// Cleo belongs to Beta alone, and has opened the invitation of cleo@work.example to Acme in her browser.
async fn cleo_opens_another_invitation(world: &World) -> (Browser, Browser, String) {
    let ana = world.owner("ana@example.org").await;
    ana.opens_account("Beta", "beta").await.unwrap();
    let cleo = ana.on("beta").brings_in_as("cleo@example.org", BuiltInRole::Viewer).await;
    ana.invites("cleo@work.example", &offer()).await.unwrap();
    let id = cleo.opens_link(&world.link_to("cleo@work.example", 0).await).await;
    (ana, cleo, id)
}

fn is_waiting(row: &MemberRow) -> bool {
    row.awaits_decision && row.asked_as_another && row.needs_attention()
}

both_databases! {
    async fn r14_who_is_signed_in_as_another_asks_and_is_invited_in_place_of_the_first_address(world: World) {
        let (ana, cleo, id) = cleo_opens_another_invitation(&world).await;
        let standing = cleo.views_open(&id).await.standing;
        let (email, invited) = ("cleo@example.org".to_owned(), "cleo@work.example".to_owned());
        assert_eq!(standing, Standing::SomebodyElse { email, invited, ask_as: AskAs::Possible });
        assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Asked));

        // Nothing has changed: the link, and whose account it is.
        assert_eq!(ask_as(&cleo, &id).await, AskAs::Asked);
        let stranger = world.browser();
        stranger.opens_link(&world.link_to("cleo@work.example", 0).await).await;
        assert!(matches!(stranger.views_open(&id).await.standing, Standing::SignUp { .. }), "the token is untouched");
        assert!(cleo.on("acme").home().await.is_err() && cleo.me().await.unwrap().email == "cleo@example.org");

        let row = ana.row("cleo@work.example").await;
        assert!(is_waiting(&row));
        let waiting = ListQuery { state: Some(StateFilter::NeedsAttention), ..ListQuery::default() };
        assert_eq!(ana.list(&waiting).await.unwrap().rows.len(), 1);
        let list = ana.get("/a/acme/settings/users").await.body;
        assert!(list.contains("Asks to be invited at another address"), "{list}");
        // After the one about Beta.
        let mail = world.mail_to("ana@example.org", 1).await.part("text/plain");
        assert!(mail.contains("signed in as cleo@example.org") && mail.contains(&format!("/decisions/{}", row.id)), "{mail}");
        let page = ana.get(&format!("/a/acme/settings/decisions/{}", row.id)).await.body;
        assert!(page.contains("Invite cleo@example.org instead") && page.contains("cleo@work.example"), "{page}");

        assert_eq!(ana.decides(&row, "use").await.unwrap().notice, Some(Notice::RequestGranted));
        let invited = ana.row("cleo@example.org").await;
        assert_eq!((invited.state, &invited.grant, invited.awaits_decision), (ShownState::Invited, &offer(), false));
        assert!(ana.list(&ListQuery::default()).await.unwrap().rows.iter().all(|row| row.email != "cleo@work.example"));
        let kinds = "SELECT kind FROM audit_events WHERE account_id = (SELECT id FROM accounts WHERE slug = 'acme') ORDER BY seq";
        assert_eq!(world.texts(kinds).await[2..], ["other_address_asked", "invitation_withdrawn", "invited", "decided"]);

        // The old link leads nobody in any more, and tells the one who asked where to go on.
        let view = InvitationView::InvitedAs { account: "Acme".to_owned(), email: "cleo@example.org".to_owned() };
        assert_eq!(cleo.views(&id).await, view);
        assert_eq!(stranger.views(&id).await, InvitationView::Withdrawn("Acme".to_owned()));
        let own: Vec<OwnInvitation> = cleo.call("me/invitations", &[]).await.unwrap();
        assert_eq!(own.len(), 1);
        let id = cleo.opens_link(&world.link_to("cleo@example.org", 1).await).await;
        cleo.joins(&id).await.unwrap();
        assert_eq!(ana.row("cleo@example.org").await.grant, offer());
    }

    async fn r14_a_request_is_refused_in_words_and_made_once(world: World) {
        let (ana, cleo, id) = cleo_opens_another_invitation(&world).await;
        assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Asked));
        assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Asked), "once for each invitation");
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'decision'").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'other_address_asked'").await, 1);
        let tokens = world.texts("SELECT COUNT(*) || ' ' || COUNT(dead_at) FROM invitation_tokens").await;

        let row = ana.row("cleo@work.example").await;
        assert_eq!(ana.decides(&row, "reject").await.unwrap().notice, Some(Notice::RequestRefused));
        let row = ana.row("cleo@work.example").await;
        assert_eq!((row.state, row.awaits_decision), (ShownState::Invited, false));
        assert_eq!(world.texts("SELECT COUNT(*) || ' ' || COUNT(dead_at) FROM invitation_tokens").await, tokens, "the link stays");
        let page = cleo.get(&format!("/invitation/{id}")).await.body;
        assert!(page.contains("and refused") && !page.contains("invitation/ask-as"), "{page}");
        assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Refused));
        assert!(!ana.row("cleo@work.example").await.awaits_decision);
    }

    async fn r14_r30_who_may_not_grant_what_is_offered_does_not_decide(world: World) {
        let ana = world.owner("ana@example.org").await;
        let admin = ana.brings_in_as("dora@example.org", BuiltInRole::Admin).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let cleo = ana.on("beta").brings_in_as("cleo@example.org", BuiltInRole::Viewer).await;
        ana.invites("cleo@work.example", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        let id = cleo.opens_link(&world.link_to("cleo@work.example", 0).await).await;
        asks(&cleo, &id).await.unwrap();
        let row = ana.row("cleo@work.example").await;
        assert_eq!(admin.decides(&row, "use").await, Err(Refusal::OnlyOwnersMakeOwners.into()));
        world.advance(Span::minutes(11));
        assert_eq!(ana.decides(&row, "use").await, Err(AppError::ReauthenticationRequired));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.decides(&row, "use").await.unwrap().notice, Some(Notice::RequestGranted));
    }

    async fn r14_only_an_address_that_is_known_and_has_no_entry_of_its_own_is_asked_for(world: World) {
        let (ana, cleo, id) = cleo_opens_another_invitation(&world).await;
        let nobody = world.browser();
        nobody.opens_link(&world.link_to("cleo@work.example", 0).await).await;
        assert_eq!(asks(&nobody, &id).await, Err(AppError::Unauthenticated));
        assert_eq!(asks(&world.browser(), &id).await, Err(AppError::Unauthenticated));

        // A member of the account; somebody who has an invitation already.
        let dora = ana.brings_in_as("dora@example.org", BuiltInRole::Viewer).await;
        dora.opens_link(&world.link_to("cleo@work.example", 0).await).await;
        assert_eq!(asks(&dora, &id).await, Ok(AskAs::Member));
        let id_of_cleo = id.clone();
        ana.invites("cleo@example.org", &offer()).await.unwrap();
        assert_eq!(asks(&cleo, &id_of_cleo).await, Ok(AskAs::Impossible));
        assert_eq!(world.count("SELECT COUNT(*) FROM decisions").await, 0);

        // Invited while the request waited: the admin is told, and the request stays.
        let row = ana.row("cleo@example.org").await;
        ana.removes(&row).await.unwrap();
        assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Asked), "who was removed asks: an admin decides (R39)");
        let row = ana.row("cleo@work.example").await;
        let fields = [
            ("account", "acme"), ("form[method]", &*row.method.id.to_string()), ("form[email]", "cleo@example.org"),
            ("form[role]", "viewer"), ("form[again]", "fresh"),
        ].map(|(name, value)| (name, value.to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ana.call::<app::api::invitations::Invited>("users/invite", &fields).await.unwrap();
        assert_eq!(ana.decides(&row, "use").await.unwrap().notice, Some(Notice::RequestInTheList));
        assert!(is_waiting(&ana.row("cleo@work.example").await));

        // An address that no mail has proved is nobody's.
        world.changes("UPDATE users SET email_verified_at = NULL WHERE email_key = 'cleo@example.org'").await;
        assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Impossible));
    }

    async fn br_14_r14_it_is_asked_for_without_scripting(world: World) {
        let (_, cleo, id) = cleo_opens_another_invitation(&world).await;
        let page = format!("/invitation/{id}");
        let html = cleo.get(&page).await.body;
        for said in ["This invitation is for cleo@work.example", "signed in as cleo@example.org", "Ask to be invited as cleo@example.org"] {
            assert!(html.contains(said), "{said}: {html}");
        }
        let html = cleo.submits(&page, "invitation/ask-as", &[("invitation", id.as_str())]).await.body;
        assert!(html.contains("The admins of Acme have been asked") && !html.contains("action=\"/api/invitation/ask-as\""), "{html}");
    }

    async fn inv_19_a_user_asks_ten_times_a_day(world: World) {
        let (ana, cleo, _) = cleo_opens_another_invitation(&world).await;
        for number in 0..11 {
            let email = format!("cleo-{number}@work.example");
            ana.invites(&email, &offer()).await.unwrap();
            let id = cleo.opens_link(&world.link_to(&email, 0).await).await;
            match number {
                10 => assert!(matches!(asks(&cleo, &id).await, Err(AppError::RateLimited { .. }))),
                _ => assert_eq!(asks(&cleo, &id).await, Ok(AskAs::Asked)),
            }
        }
    }
}
