//! “Not you? Never again”: whoever has the mailbox decides whether an account may invite it once more (R51).

use crate::support::{Browser, PASSWORD, World, both_databases, holds};
use app::{
    api::{
        invitations::InvitedOne,
        joining::{InvitationView, RefusalView},
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::ShownState,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use server::secrets::Token;
use tokio_util::sync::CancellationToken;

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

fn refused<T>() -> Result<T, AppError> {
    Err(FieldErrors::one(Field::Email, Problem::WantsNoInvitations).into())
}

async fn refuses(browser: &Browser, invitation: &str) -> Result<(), AppError> {
    browser.call("invitation/refuse-further", &[("invitation", invitation)]).await
}

async fn allows(browser: &Browser, invitation: &str) -> Result<(), AppError> {
    browser.call("invitation/allow-further", &[("invitation", invitation)]).await
}

async fn refusal(browser: &Browser, invitation: &str) -> Option<RefusalView> {
    browser.call("invitation/view-refusal", &[("invitation", invitation)]).await.unwrap()
}

/// Ben has opened the mail of his invitation, and is not signed in.
async fn ben_is_invited(world: &World) -> (Browser, Browser, String) {
    let ana = world.owner("ana@example.org").await;
    ana.invites("ben@example.org", &viewer()).await.unwrap();
    let ben = world.browser();
    let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
    (ana, ben, id)
}

both_databases! {
    async fn r51_whoever_has_the_mailbox_is_not_invited_to_the_account_again(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        let text = world.mail_to("ben@example.org", 0).await.part("text/plain");
        assert!(text.contains("If you never want to be invited to this account again"), "{text}");
        assert_eq!(refusal(&ben, &id).await.map(|view| (view.account, view.refused)), Some(("Acme".to_owned(), false)));
        refuses(&ben, &id).await.unwrap();
        assert!(refusal(&ben, &id).await.unwrap().refused);
        assert!(matches!(ben.views(&id).await, InvitationView::Declined { may_ask: None, .. }), "the open one is declined");
        world.mail_to("ana@example.org", 0).await;
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Declined);

        assert_eq!(ana.invites("Ben@example.org", &viewer()).await.map(drop), refused());
        world.advance(Span::minutes(6));
        let row = ana.row("ben@example.org").await;
        assert_eq!(ana.resends(&row).await.map(drop), Err(AppError::Refused(Refusal::WantsNoInvitations)));
        assert!(ana.invites("cid@example.org", &viewer()).await.is_ok(), "others can be invited");
        let kinds = world.texts("SELECT kind FROM audit_events WHERE kind LIKE 'invitations%' ORDER BY seq").await;
        assert_eq!(kinds, ["invitations_refused"]);
    }

    async fn r51_r54_of_several_the_one_who_refused_is_told_apart(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        refuses(&ben, &id).await.unwrap();
        let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let people = ("form[people]", "ben@example.org\ncid@example.org");
        let form = [("form[method]", method.as_str()), people, ("form[role]", "viewer")];
        let results: Vec<InvitedOne> = ana.call_in("users/invite-several", &form).await.unwrap();
        assert_eq!(results[0].result.clone().map(drop), refused());
        assert!(results[1].result.is_ok(), "{results:?}");
    }

    async fn r51_it_can_be_taken_back_by_the_same_link(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        refuses(&ben, &id).await.unwrap();
        refuses(&ben, &id).await.unwrap();
        allows(&ben, &id).await.unwrap();
        allows(&ben, &id).await.unwrap();
        assert!(!refusal(&ben, &id).await.unwrap().refused);
        assert!(ana.invites("ben@example.org", &viewer()).await.is_ok());
        let kinds = world.texts("SELECT kind FROM audit_events WHERE kind LIKE 'invitations%' ORDER BY seq").await;
        assert_eq!(kinds, ["invitations_refused", "invitations_allowed"]);
    }

    async fn r51_an_earlier_link_of_the_same_invitation_declines_it_too(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        world.advance(Span::minutes(6));
        ana.resends(&ana.row("ben@example.org").await).await.unwrap();
        let newer = world.link_to("ben@example.org", 1).await;
        refuses(&ben, &id).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Declined, "nothing more is to come");
        let browser = world.browser();
        let id = browser.opens_link(&newer).await;
        assert!(matches!(browser.views(&id).await, InvitationView::Declined { may_ask: None, .. }));
    }

    async fn r12_r51_a_copied_link_refuses_nothing(world: World) {
        let (ana, _, _) = ben_is_invited(&world).await;
        let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let stranger = world.browser();
        let id = stranger.opens_link(&link).await;
        assert_eq!(refusal(&stranger, &id).await, None);
        assert_eq!(refuses(&stranger, &id).await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(allows(&stranger, &id).await, Err(AppError::OpenTheLinkAgain));
        let nobody = world.browser();
        assert_eq!(refuses(&nobody, &id).await, Err(AppError::OpenTheLinkAgain));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitation_refusals").await, 0);
    }

    async fn r25_r51_a_link_speaks_for_the_address_that_it_was_mailed_to(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        let row = ana.row("ben@example.org").await;
        let (member, version) = (row.id.to_string(), row.version.to_string());
        let form = [("form[member]", member.as_str()), ("form[version]", version.as_str()), ("form[role]", "viewer"), ("form[email]", "bea@example.org")];
        ana.call_in::<serde_json::Value>("users/edit", &form).await.unwrap();
        assert_eq!(world.texts("SELECT email_key FROM invitations").await, ["bea@example.org"], "nor is it offered to him any more");
        refuses(&ben, &id).await.unwrap();
        assert_eq!(ana.row("bea@example.org").await.state, ShownState::Invited, "hers is none of his business");
        world.advance(Span::minutes(6));
        assert!(ana.resends(&ana.row("bea@example.org").await).await.is_ok());
        assert_eq!(ana.invites("ben@example.org", &viewer()).await.map(drop), refused());
    }

    async fn r51_another_account_can_invite_and_the_database_holds_no_address(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        refuses(&ben, &id).await.unwrap();
        let beta = ana.opens_account("Beta", "beta").await.unwrap();
        assert!(ana.on(beta.slug.as_str()).invites("ben@example.org", &viewer()).await.is_ok());
        let rows = world.rows().await["invitation_refusals"].join(" ");
        assert!(!rows.is_empty() && !holds(rows.as_bytes(), "ben"), "{rows}");
    }

    async fn r51_an_invitation_that_was_accepted_stays_so(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        refuses(&ben, &id).await.unwrap();
        assert!(ben.home().await.is_ok() && ana.row("ben@example.org").await.state == ShownState::Active);
    }

    async fn r33_r51_the_hosts_operator_can_still_give_access_back(world: World) {
        let (_, ben, id) = ben_is_invited(&world).await;
        refuses(&ben, &id).await.unwrap();
        assert!(world.services.grant_owner("acme", "ben@example.org", false).await.is_ok());
    }

    async fn cf_08_r51_a_refusal_is_taken_back_by_its_link_when_the_invitation_is_long_gone(world: World) {
        let (ana, ben, id) = ben_is_invited(&world).await;
        let link = world.link_to("ben@example.org", 0).await;
        refuses(&ben, &id).await.unwrap();
        let page = ben.get(&format!("/invitation/{id}")).await.body;
        assert!(page.contains("You can undo this at any time with the link you just used"), "{page}");
        for _ in 0..2 {
            world.advance(Span::days(100));
            assert!(world.services.clean_up_if_due(&CancellationToken::new()).await.unwrap());
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM invitation_tokens").await, 0);
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        assert_eq!(ana.invites("ben@example.org", &viewer()).await.map(drop), refused(), "it still holds");

        // Years later, in another browser; whoever has no such link takes nothing back.
        let stranger = world.browser();
        assert_eq!(allows(&stranger, "unknown").await, Err(AppError::OpenTheLinkAgain));
        let ben = world.browser();
        assert_eq!(ben.opens_link(&link).await, "unknown");
        assert_eq!(ben.views("unknown").await, InvitationView::Refused("Acme".to_owned()));
        let view = refusal(&ben, "unknown").await.unwrap();
        assert_eq!((view.id, view.account.as_str(), view.refused), (None, "Acme", true));
        let html = ben.get("/invitation/unknown").await.body;
        assert!(html.contains("You asked not to be invited again") && html.contains("action=\"/api/invitation/allow-further\""), "{html}");
        let html = ben.submits("/invitation/unknown", "invitation/allow-further", &[("invitation", "unknown")]).await.body;
        assert!(html.contains("You can be invited again"), "{html}");
        assert!(!ben.get("/invitation/unknown").await.body.contains("allow-further"), "nothing is left of the link");
        assert_eq!(allows(&ben, "unknown").await, Err(AppError::OpenTheLinkAgain));
        assert!(ana.invites("ben@example.org", &viewer()).await.is_ok());
        let kinds = world.texts("SELECT kind FROM audit_events WHERE kind LIKE 'invitations%' ORDER BY seq").await;
        assert_eq!(kinds, ["invitations_refused", "invitations_allowed"]);
    }

    async fn inv_19_a_mind_is_changed_ten_times_a_day(world: World) {
        let (_, ben, id) = ben_is_invited(&world).await;
        for _ in 0..5 {
            refuses(&ben, &id).await.unwrap();
            allows(&ben, &id).await.unwrap();
        }
        assert!(matches!(refuses(&ben, &id).await, Err(AppError::RateLimited { .. })));
    }

    async fn br_14_r51_it_is_refused_and_taken_back_without_scripting(world: World) {
        let (_, ben, id) = ben_is_invited(&world).await;
        let page = format!("/invitation/{id}");
        let html = ben.get(&page).await.body;
        assert!(html.contains("Not you? Never again") && html.contains("action=\"/api/invitation/refuse-further\""), "{html}");
        let html = ben.submits(&page, "invitation/refuse-further", &[("invitation", id.as_str())]).await.body;
        assert!(html.contains("Acme cannot invite this address any more.") && html.contains("action=\"/api/invitation/allow-further\""), "{html}");
        let html = ben.submits(&page, "invitation/allow-further", &[("invitation", id.as_str())]).await.body;
        assert!(html.contains("Never invite me again"), "{html}");
        // A link that is no link of ours offers nothing.
        let stranger = world.browser();
        let unknown = stranger.get(&format!("/i/{}", Token::new().reveal())).await;
        assert!(!stranger.get(unknown.location()).await.body.contains("Never invite me again"));
    }
}
