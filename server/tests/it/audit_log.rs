//! Settings → Audit: who reads what of an account's events, by which filters, and as a file.

use crate::support::{Browser, both_databases};
use app::{
    api::audit::AuditPage,
    domain::{
        audit::{AuditActorName, Event, EventKind},
        permission::Gate,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use axum::http::StatusCode;

async fn events(of: &Browser, query: &[(&str, &str)]) -> Result<AuditPage, AppError> {
    let named: Vec<_> = query.iter().map(|(name, value)| (format!("query[{name}]"), *value)).collect();
    let mut fields = vec![("account", "acme")];
    fields.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    of.call("audit/list", &fields).await
}

fn kinds(page: &AuditPage) -> Vec<&str> {
    page.lines.iter().map(|line| line.kind.as_str()).collect()
}

both_databases! {
    async fn r60_the_log_says_who_did_what_to_whom_newest_first(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let page = events(&ana, &[]).await.unwrap();
        assert_eq!(kinds(&page), ["edited", "joined", "invited", "account_opened"]);
        let edited = &page.lines[0];
        assert_eq!((&edited.actor, edited.target.as_deref()), (&AuditActorName::Named("Ana Owner".to_owned()), Some("ben@example.org")));
        let (before, after) = (Grant::of(BuiltInRole::Viewer), Grant::of(BuiltInRole::Editor));
        assert_eq!(edited.event, Some(Event::Edited { before, after }));
        assert!(edited.ip.is_some());
        let html = ana.get("/a/acme/settings/audit").await.body;
        assert!(html.contains("Viewer → Editor") && html.contains("Role or permissions changed"), "{html}");
    }

    async fn r60_events_are_found_by_person_kind_and_day(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        world.advance(Span::days(2));
        ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let of = async |query: &[(&str, &str)]| {
            let page = events(&ana, query).await.unwrap();
            page.lines.into_iter().map(|line| line.kind).collect::<Vec<_>>()
        };
        assert_eq!(of(&[("person", " Ben@Example.org")]).await, ["joined", "invited"], "what concerns Ben, and what Ben did");
        assert_eq!(of(&[("kind", "invited")]).await, ["invited", "invited"]);
        assert_eq!(of(&[("person", "ben@example.org"), ("kind", "invited")]).await, ["invited"]);
        assert_eq!(of(&[("until", "2026-05-05")]).await, ["joined", "invited", "account_opened"]);
        assert_eq!(of(&[("from", "2026-05-06")]).await, ["invited"]);
        assert_eq!(of(&[("from", "2026-05-04"), ("until", "2026-05-04"), ("kind", "joined")]).await, ["joined"]);
        assert_eq!(of(&[("kind", "no-such-kind"), ("from", "yesterday")]).await.len(), 4, "what is unknown is passed over");
        let unknown = events(&ana, &[("person", "nobody@example.org")]).await.unwrap();
        assert!(unknown.unknown_person && unknown.lines.is_empty());
        let page = ana.get("/a/acme/settings/audit?person=nobody%40example.org").await.body;
        assert!(page.contains("No one with the email address nobody@example.org"), "{page}");
    }

    async fn r60_pages_of_the_log_follow_each_other_without_gap(world: World) {
        let world = world.configured(|config| config.limits.mails_per_inviter_hour = 1000);
        let ana = world.owner("ana@example.org").await;
        for n in 0..60 {
            ana.invites(&format!("n{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        let first = events(&ana, &[]).await.unwrap();
        assert_eq!(first.lines.len(), 50);
        let next = first.next.unwrap().to_string();
        let second = events(&ana, &[("before", &next)]).await.unwrap();
        assert_eq!((second.lines.len(), second.next), (11, None));
        let seqs: Vec<_> = first.lines.iter().chain(&second.lines).map(|line| line.seq).collect();
        assert_eq!(seqs, (1..=61).rev().collect::<Vec<_>>());
        let page = ana.get("/a/acme/settings/audit").await.body;
        assert!(page.contains(&format!("/a/acme/settings/audit?before={next}")), "{page}");
    }

    async fn lt_11_an_account_reads_its_own_events_alone_and_only_with_the_right(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let refused = AppError::Refused(Refusal::Needs { gate: Gate::AuditRead });
        assert_eq!(events(&ben, &[]).await, Err(refused));
        assert_eq!(ben.get("/a/acme/settings/audit/events.csv").await.status, StatusCode::FORBIDDEN);
        let beta: AuditPage = ana.call("audit/list", &[("account", "beta")]).await.unwrap();
        assert_eq!(kinds(&beta), ["account_opened"]);
    }

    async fn in_07_the_log_is_exported_as_files(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let csv = ana.get("/a/acme/settings/audit/events.csv?kind=invited").await;
        assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"acme-events.csv\"");
        let lines: Vec<_> = csv.body.lines().collect();
        let [heading, invited] = lines.as_slice() else { panic!("{}", csv.body) };
        assert!(heading.starts_with("\"seq\","), "{heading}");
        assert!(invited.contains("\"Invited\",\"Viewer\",\"ben@example.org\",\"Ana Owner\""), "{invited}");

        let jsonl = ana.get("/a/acme/settings/audit/events.jsonl").await;
        let lines: Vec<serde_json::Value> = jsonl.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["joined", "invited", "account_opened"]);
        assert_eq!(lines[1]["event"]["grant"]["role"], "viewer");
        assert_eq!(ana.get("/a/acme/settings/audit/passwords.txt").await.status, StatusCode::NOT_FOUND);
    }

    async fn r60_a_long_log_is_exported_whole(world: World) {
        let world = world.configured(|config| config.limits.mails_per_inviter_hour = 10_000);
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let mut row = ana.row("ben@example.org").await;
        for n in 0..520 {
            let role = if n % 2 == 0 { BuiltInRole::Editor } else { BuiltInRole::Viewer };
            ana.edits(&row, &Grant::of(role)).await.unwrap();
            row.version += 1;
        }
        let body = ana.get("/a/acme/settings/audit/events.jsonl").await.body;
        assert_eq!(body.lines().count(), 522);
    }
}

#[test]
fn every_kind_of_event_has_words_in_every_language() {
    use app::{domain::language::Language, i18n::event_kind_name};
    for language in Language::ALL {
        let mut words: Vec<_> = EventKind::ALL.iter().map(|&kind| event_kind_name(language.into(), kind)).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), EventKind::ALL.len(), "{language:?}");
    }
}
