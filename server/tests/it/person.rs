//! The page of one person: what it says in each state, to whom, and what it keeps to itself.

use crate::support::{Browser, PASSWORD, both_databases};
use app::{
    api::person::PersonPage,
    domain::{
        ids::MemberId,
        invitation::InvitationState,
        member::{MailState, ShownState},
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::http::StatusCode;
use server::config::AccountCreation;

async fn known(of: &Browser, member: MemberId) -> Result<PersonPage, AppError> {
    known_before(of, member, "").await
}

async fn known_before(of: &Browser, member: MemberId, before: &str) -> Result<PersonPage, AppError> {
    of.call_in("users/person", &[("member", &member.to_string()), ("before", before)]).await
}

async fn page(of: &Browser, member: MemberId) -> String {
    let answer = of.get(&format!("/a/acme/settings/users/{member}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

fn kinds(page: &PersonPage) -> Vec<&str> {
    page.history.iter().flat_map(|history| &history.lines).map(|line| line.kind.as_str()).collect()
}

/// Viewer, with the right to see who is in the account.
fn reader() -> Grant {
    Grant::of(BuiltInRole::Viewer).with("users.read")
}

both_databases! {
    async fn r65_the_page_of_a_person_says_where_each_permission_comes_from(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Editor).with("analytics.export")).await;
        let ben = ana.row("ben@example.org").await.id;
        let html = page(&ana, ben).await;
        let one = |label: &str, source: &str| {
            let after = html.split(label).nth(1).unwrap_or_else(|| panic!("{label}: {html}"));
            assert!(after.chars().take(160).collect::<String>().contains(source), "{label}: {after:.160}");
        };
        one("Edit bots", "in Editor");
        one("Export analytics", "extra");
        assert!(html.contains("Role: Editor") && !html.contains("Manage billing"), "{html}");
        let own = page(&ana, ana.row("ana@example.org").await.id).await;
        assert!(own.contains("as owner") && !own.contains("in Owner"), "{own}");
    }

    async fn r65_a_permission_that_is_no_longer_known_is_said_to_have_no_effect(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Editor).with("analytics.export")).await;
        world.changes("UPDATE member_permissions SET permission = 'reports.read'").await;
        let html = page(&ana, ana.row("ben@example.org").await.id).await;
        assert!(html.contains("no longer exist and have no effect") && html.contains("reports.read"), "{html}");
    }

    async fn r62_the_page_of_a_person_tells_of_every_invitation_and_its_mails(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = ana.row("ben@example.org").await.id;
        world.advance(Span::hours(1));
        ana.resends(&ana.row("ben@example.org").await).await.unwrap();
        let refused = "UPDATE outbox SET state = 'refused', done_at = next_at, last_answer = '550 5.1.1 No such user' WHERE kind = 'invitation'";
        world.changes(refused).await;
        let told = known(&ana, ben).await.unwrap();
        assert_eq!(told.row.state, ShownState::Invited);
        let [invitation] = told.invitations.as_slice() else { panic!("{:?}", told.invitations) };
        assert_eq!((invitation.state, invitation.resends, invitation.is_expired), (InvitationState::Pending, 1, false));
        assert_eq!(invitation.sponsor.as_deref(), Some("Ana Owner"));
        assert_eq!(told.mails.len(), 2, "both mails");
        assert!(told.mails.iter().all(|mail| mail.to == "ben@example.org" && mail.readable));
        assert!(matches!(&told.mails[0].state, MailState::Refused { answer, .. } if answer == "550 5.1.1 No such user"));
        let html = page(&ana, ben).await;
        assert!(html.contains("550 5.1.1 No such user") && html.contains("Sent again once"), "{html}");
        let mail = format!("/a/acme/settings/outbox/{}", told.mails[0].id);
        assert!(html.contains(&mail), "{html}");

        // Who sees the list without inviting reads what became of the mails, and not their text.
        let cid = ana.brings_in("cid@example.org", &reader()).await;
        let html = page(&cid, ben).await;
        assert!(html.contains("550 5.1.1 No such user") && !html.contains(&mail), "{html}");
        // The session stays for somebody who comes now and then.
        world.advance(Span::days(5));
        assert!(!known(&ana, ben).await.unwrap().invitations[0].is_expired);
        world.advance(Span::days(5));
        assert!(known(&ana, ben).await.unwrap().invitations[0].is_expired);
    }

    async fn r60_the_history_of_a_person_is_what_they_did_and_what_was_done_to_them(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ben.invites("cid@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.invites("dora@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let id = ana.row("ben@example.org").await.id;
        assert_eq!(kinds(&known(&ana, id).await.unwrap()), ["invited", "joined", "invited"]);
        ana.suspends(&ana.row("ben@example.org").await).await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let gone = known(&ana, id).await.unwrap();
        assert_eq!(gone.row.state, ShownState::Removed);
        assert_eq!(gone.row.removed.as_ref().and_then(|event| event.by.as_deref()), Some("Ana Owner"));
        assert_eq!(kinds(&gone), ["removed", "suspended", "invited", "joined", "invited"]);
        let html = page(&ana, id).await;
        assert!(html.contains("None of it applies now") && html.contains("Invite again"), "{html}");
    }

    async fn r60_who_may_not_read_the_audit_log_is_told_who_can(world: World) {
        let ana = world.owner("ana@example.org").await;
        let cid = ana.brings_in("cid@example.org", &reader()).await;
        let id = ana.row("ana@example.org").await.id;
        assert_eq!(known(&cid, id).await.unwrap().history, None);
        let html = page(&cid, id).await;
        assert!(html.contains("is shown to people with the permission"), "{html}");
        assert!(!html.contains("Account created"), "{html}");
    }

    async fn r60_pages_of_a_persons_history_follow_each_other_without_gap(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let mut row = ana.row("ben@example.org").await;
        for n in 0..60 {
            let role = if n % 2 == 0 { BuiltInRole::Editor } else { BuiltInRole::Viewer };
            ana.edits(&row, &Grant::of(role)).await.unwrap();
            row.version += 1;
        }
        let first = known(&ana, row.id).await.unwrap().history.unwrap();
        assert_eq!(first.lines.len(), 50);
        let next = first.next.unwrap().to_string();
        let second = known_before(&ana, row.id, &next).await.unwrap().history.unwrap();
        assert_eq!((second.lines.len(), second.next), (12, None));
        let seqs: Vec<_> = first.lines.iter().chain(&second.lines).map(|line| line.seq).collect();
        assert_eq!(seqs, (2..=63).rev().collect::<Vec<_>>());
        let html = page(&ana, row.id).await;
        assert!(html.contains(&format!("before_event={next}#history")), "{html}");
        let older = ana.get(&format!("/a/acme/settings/users/{}?before_event={next}", row.id)).await.body;
        assert!(older.contains("Newest events") && older.contains("Joined"), "{older}");
    }

    async fn r49_the_page_of_a_person_tells_nothing_of_their_login_or_other_accounts(world: World) {
        let world = world.configured(|config| {
            config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
            config.accounts.create = AccountCreation::Everyone;
        });
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let before = known(&ana, ana.row("ben@example.org").await.id).await.unwrap();
        world.advance(Span::hours(1));
        // Ben signs in elsewhere, and has an account of his own.
        let elsewhere = world.browser();
        elsewhere.comes_from("203.0.113.77");
        elsewhere.sign_in("ben@example.org", PASSWORD).await.unwrap();
        elsewhere.opens_account("Benland", "benland").await.unwrap();
        let id = ana.row("ben@example.org").await.id;
        assert_eq!(known(&ana, id).await.unwrap(), before, "nothing of it is seen here");
        let html = page(&ana, id).await;
        for elsewhere in ["203.0.113.77", "enland", "me/end-session"] {
            assert!(!html.contains(elsewhere), "{elsewhere}: {html}");
        }
        // What Ben does here is.
        world.advance(Span::hours(1));
        ben.home().await.unwrap();
        assert_eq!(known(&ana, id).await.unwrap().row.last_active, Some(world.now()));
    }

    async fn az_03_a_person_of_another_account_is_nobody(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = |path: String| format!("/a/beta/settings/users/{path}");
        let id = ana.row("ana@example.org").await.id;
        let unknown = ana.get("/a/acme/settings/no-such-page").await;
        for path in [beta(id.to_string()), beta(uuid::Uuid::now_v7().to_string()), beta("nobody".to_owned())] {
            let answer = ana.get(&path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(!answer.body.contains("Last activity here"), "{path}");
        }
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        let stray: Result<PersonPage, _> = ana.call("users/person", &[("account", "beta"), ("member", &id.to_string())]).await;
        assert_eq!(stray, Err(AppError::NotFound));
    }

    async fn in_13_names_and_answers_of_mail_servers_are_text_on_the_page(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let id = ana.row("ben@example.org").await.id;
        world.changes("UPDATE members SET name = '<b id=x>Ben</b>' WHERE email_key = 'ben@example.org'").await;
        world.changes("UPDATE outbox SET state = 'refused', done_at = next_at, last_answer = '550 <i id=y>' WHERE kind = 'invitation'").await;
        let html = page(&ana, id).await;
        assert!(!html.contains("<b id=x>") && !html.contains("<i id=y>"), "{html}");
        assert!(html.contains("&lt;b id=x&gt;Ben"), "{html}");
    }

    async fn the_list_links_to_people_and_their_page_leads_back_to_the_same_view(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let id = ana.row("ben@example.org").await.id;
        let list = ana.get("/a/acme/settings/users?q=ben&role=viewer").await.body;
        let href = format!("/a/acme/settings/users/{id}?q=ben&amp;role=viewer");
        assert!(list.contains(&href), "{list}");
        let html = ana.get(&href.replace("&amp;", "&")).await.body;
        for link in ["/a/acme/settings/users?q=ben", &format!("/a/acme/settings/users/{id}/edit?q=ben"), &format!("/a/acme/settings/users/{id}/remove?q=ben")] {
            assert!(html.contains(link), "{link}: {html}");
        }
        assert!(html.contains("/api/users/resend"), "a form that works without scripting");
    }
}
