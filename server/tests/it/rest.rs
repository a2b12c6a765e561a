//! The REST API: each operation, and that it does what the pages do and no more.

use crate::support::{Browser, Program, Reply, both_databases};
use app::domain::{
    member::ShownState,
    role::{BuiltInRole, Grant},
    time::Span,
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use server::http::rest::{API_OPERATIONS, ApiOperation, Needs};
use std::collections::BTreeSet;

/// Everything that the API asks for.
const ALL: &[&str] = &["users.read", "users.invite", "users.edit", "users.remove", "audit.read"];
/// What Viewer holds, besides.
const ALL_AND_VIEWER: &[&str] = &[
    "users.read",
    "users.invite",
    "users.edit",
    "users.remove",
    "audit.read",
    "bots.read",
    "conversations.read",
    "analytics.read",
];

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn viewer(email: &str) -> Value {
    json!({ "email": email, "role": "viewer" })
}

async fn id_of(owner: &Browser, email: &str) -> String {
    owner.row(email).await.id.to_string()
}

/// Sends an operation about this member, with a body and headers that are in order.
async fn performs(program: &Program, operation: &ApiOperation, id: &str) -> Reply {
    performs_with(program, operation, id, &[]).await
}

/// The same, with more headers.
pub async fn performs_with(program: &Program, operation: &ApiOperation, id: &str, more: &[(&str, &str)]) -> Reply {
    let body = match operation.path {
        "/members/{id}" if operation.method == Method::PATCH => Some(json!({ "role": "viewer" })),
        "/invitations" => Some(viewer("somebody@example.org")),
        "/invitations/batch" => Some(json!({ "invitations": [viewer("somebody@example.org")] })),
        "/check" => Some(json!({ "member": id, "permission": "bots.read" })),
        "/check/batch" => Some(json!({ "checks": [{ "member": id, "permission": "bots.read" }] })),
        _ => None,
    };
    let path = operation.path.replace("{id}", id);
    let headers = [&[("if-match", "*")], more].concat();
    program.sends(operation.method.clone(), &path, &headers, body.as_ref()).await
}

both_databases! {
    async fn az_01_every_operation_needs_what_its_table_says(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let (active, invited) = (id_of(&ana, "ben@example.org").await, id_of(&ana, "eve@example.org").await);
        let about = |operation: &ApiOperation| if operation.path.contains("/invitation") { &invited } else { &active };
        world.stops_mailing().await;
        let before = world.rows().await;
        let nobody = Program::new(&world, "none");
        for operation in &API_OPERATIONS {
            let what = format!("{} {}", operation.method, operation.path);
            assert_eq!(performs(&nobody, operation, about(operation)).await.problem(), refused(401, "invalid_api_key"), "{what}");
        }
        assert_eq!(world.rows().await, before, "nothing was changed");

        for operation in &API_OPERATIONS {
            let Needs::Permissions(needed) = operation.needs else { continue };
            let what = format!("{} {}", operation.method, operation.path);
            for missing in needed.iter().map(|gate| gate.key()) {
                let others: Vec<_> = ALL_AND_VIEWER.iter().copied().filter(|key| *key != missing).collect();
                let reply = performs(&ana.equips(&what, &others).await, operation, about(operation)).await;
                assert_eq!(reply.problem(), refused(403, "missing_permission"), "{what} without {missing}");
                assert_eq!(reply.json()["missing_permissions"], json!([missing]), "{what}");
            }
        }
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Active);
        assert_eq!(ana.row("eve@example.org").await.state, ShownState::Invited);
        assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 3, "nobody was invited");

        // With what it needs, and what is given away, each goes as far as the row allows.
        for operation in &API_OPERATIONS {
            let needed = match operation.needs {
                Needs::AnyKey => vec!["analytics.export"],
                Needs::Permissions(needed) => needed.iter().map(|gate| gate.key()).collect(),
            };
            let held: BTreeSet<_> = needed.into_iter().chain(["bots.read", "conversations.read", "analytics.read"]).collect();
            let held: Vec<_> = held.into_iter().collect();
            let what = format!("{} {}", operation.method, operation.path);
            let reply = performs(&ana.equips(&what, &held).await, operation, about(operation)).await;
            assert!(![401, 403, 405, 500].contains(&reply.status.as_u16()), "{what}: {} {}", reply.status, reply.body);
        }
    }

    async fn az_05_r37_no_operation_answers_a_key_that_is_dead_or_rests(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut dead = vec![Program::new(&world, &ana.makes_key("Expired", ALL_AND_VIEWER, "1").await.unwrap().key)];
        world.advance(Span::days(1));
        let ana = world.browser();
        ana.sign_in("ana@example.org", crate::support::PASSWORD).await.unwrap();
        dead.push(ana.equips("Revoked", ALL_AND_VIEWER).await);
        ana.revokes_key("Revoked").await.unwrap();
        for email in ["suspended@example.org", "removed@example.org"] {
            let theirs = ana.brings_in_as(email, BuiltInRole::Admin).await;
            dead.push(theirs.equips(email, ALL_AND_VIEWER).await);
        }
        ana.suspends(&ana.row("suspended@example.org").await).await.unwrap();
        ana.removes(&ana.row("removed@example.org").await).await.unwrap();
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let id = id_of(&ana, "eve@example.org").await;
        world.stops_mailing().await;
        let before = world.rows().await;
        for operation in &API_OPERATIONS {
            for (number, program) in dead.iter().enumerate() {
                let reply = performs(program, operation, &id).await;
                let what = format!("{} {} by {number}", operation.method, operation.path);
                assert_eq!(reply.problem(), refused(401, "invalid_api_key"), "{what}");
            }
        }
        assert_eq!(world.rows().await, before, "nothing was changed");
    }

    async fn az_03_what_is_another_accounts_is_not_found(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = id_of(&ana, "ben@example.org").await;
        let bea = ana.on("beta");
        bea.opens_account("Beta", "beta").await.unwrap();
        let program = bea.equips("Beta", ALL_AND_VIEWER).await;
        let account = program.gets("/accounts").await.json();
        assert_eq!((account["accounts"].as_array().unwrap().len(), &account["accounts"][0]["slug"]), (1, &json!("beta")));
        let before = world.count("SELECT COUNT(*) FROM audit_events").await;
        for operation in API_OPERATIONS.iter().filter(|operation| operation.path.contains("{id}")) {
            for id in [ben.as_str(), &uuid::Uuid::now_v7().to_string(), "no-id", "%00"] {
                let reply = performs(&program, operation, id).await;
                let what = format!("{} {} {id}", operation.method, operation.path);
                let expected = if id == "%00" { refused(400, "malformed") } else { refused(404, "not_found") };
                assert_eq!(reply.problem(), expected, "{what}");
            }
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events").await, before, "nothing was changed");
        let check = program.posts("/check", &json!({ "member": ben, "permission": "bots.read" })).await.json();
        assert_eq!(check, json!({ "allowed": false, "reason": "unknown", "member": null }));
    }

    async fn r24_r66_a_member_is_read_and_changed_by_version(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("analytics.export")).await;
        let program = ana.equips("CI", &[ALL_AND_VIEWER, &["analytics.export", "bots.edit", "bots.publish"]].concat()).await;
        let path = format!("/members/{}", id_of(&ana, "ben@example.org").await);
        let read = program.gets(&path).await;
        let member = read.json();
        assert_eq!((&member["role"], &member["extras"]), (&json!("viewer"), &json!(["analytics.export"])));
        assert_eq!((&member["status"], &member["has_second_factor"]), (&json!("active"), &json!(false)));
        let etag = read.header("etag").to_owned();
        assert_eq!(etag, format!("\"{}\"", member["version"]));

        let none = program.sends(Method::PATCH, &path, &[], Some(&json!({ "role": "editor" }))).await;
        assert_eq!(none.problem(), refused(428, "precondition_required"));
        let changed = program.patches(&path, &etag, &json!({ "role": "editor" })).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
        assert_eq!((&changed.json()["role"], &changed.json()["extras"]), (&json!("editor"), &json!(["analytics.export"])));
        assert_ne!(changed.header("etag"), etag);
        assert_eq!(program.patches(&path, &etag, &json!({ "role": "viewer" })).await.problem(), refused(412, "changed_meanwhile"));
        let suspended = program.sends(Method::POST, &format!("{path}/suspend"), &[("if-match", &etag)], None).await;
        assert_eq!(suspended.problem(), refused(412, "changed_meanwhile"));
        let same = program.patches(&path, changed.header("etag"), &json!({})).await;
        assert_eq!((same.status, same.header("etag")), (StatusCode::OK, changed.header("etag")));
        let without = program.patches(&path, "*", &json!({ "extras": [] })).await;
        assert_eq!(without.json()["extras"], json!([]));

        let wrong = program.patches(&path, "*", &json!({ "role": "king" })).await;
        assert_eq!(wrong.problem(), refused(422, "invalid"));
        assert_eq!((&wrong.json()["errors"][0]["pointer"], &wrong.json()["errors"][0]["code"]), (&json!("/role"), &json!("not_offered")));
        let beyond = program.patches(&path, "*", &json!({ "role": "admin" })).await;
        assert_eq!(beyond.problem(), refused(403, "missing_permission"), "no more than the key holds");
        let owners = program.patches(&path, "*", &json!({ "role": "owner" })).await;
        assert_eq!(owners.problem(), refused(403, "owners_only"), "a key is no owner");
    }

    async fn r30_az_16_a_key_of_an_owner_touches_no_owner(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let everything: Vec<_> = ana.lists_keys().await.unwrap().facts.my.permissions.iter().map(ToString::to_string).collect();
        let everything: Vec<_> = everything.iter().map(String::as_str).collect();
        let program = ana.equips("All", &everything).await;
        let path = format!("/members/{}", id_of(&ana, "olga@example.org").await);
        assert_eq!(program.deletes(&path).await.problem(), refused(403, "owners_only"));
        assert_eq!(program.asks(&format!("{path}/suspend")).await.problem(), refused(403, "owners_only"));
        assert_eq!(program.patches(&path, "*", &json!({ "role": "viewer" })).await.problem(), refused(403, "owners_only"));
        let offer = json!({ "email": "eve@example.org", "role": "owner" });
        assert_eq!(program.posts("/invitations", &offer).await.problem(), refused(403, "owners_only"));
        // Nor does it lift, lower or remove the one for whom it acts.
        let own = format!("/members/{}", id_of(&ana, "ana@example.org").await);
        assert_eq!(program.deletes(&own).await.problem(), refused(403, "refused"));
        assert_eq!(program.patches(&own, "*", &json!({ "role": "viewer" })).await.problem(), refused(422, "invalid"));
        let admin = program.posts("/invitations", &json!({ "email": "eve@example.org", "role": "admin" })).await;
        assert_eq!(admin.status, StatusCode::CREATED, "what the key holds, it gives: {}", admin.body);
    }

    async fn r36_r41_members_are_suspended_reactivated_and_removed(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let path = format!("/members/{}", id_of(&ana, "ben@example.org").await);
        assert_eq!(program.asks(&format!("{path}/reactivate")).await.problem(), refused(409, "wrong_status"));
        assert_eq!(program.asks(&format!("{path}/suspend")).await.status, StatusCode::NO_CONTENT);
        assert!(ben.home().await.is_err());
        assert_eq!(program.asks(&format!("{path}/suspend")).await.problem(), refused(409, "wrong_status"));
        assert_eq!(program.asks(&format!("{path}/reactivate")).await.status, StatusCode::NO_CONTENT);
        assert!(ben.home().await.is_ok());
        assert_eq!(program.deletes(&format!("{path}/invitation")).await.problem(), refused(409, "wrong_status"));
        assert_eq!(program.deletes(&path).await.status, StatusCode::NO_CONTENT);
        assert!(ben.home().await.is_err());
        assert_eq!(program.deletes(&format!("{path}?sponsored=revoke")).await.status, StatusCode::NO_CONTENT, "once more");
        assert_eq!(program.patches(&path, "*", &json!({ "role": "viewer" })).await.problem(), refused(404, "not_found"));
        assert_eq!(program.gets(&path).await.json()["status"], "removed");
    }

    async fn r01_r23_people_are_invited_and_their_invitations_sent_again_handed_over_and_withdrawn(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let invited = program.posts("/invitations", &json!({
            "email": "Ben@Example.org", "role": "viewer", "first_name": "Ben", "language": "de", "lifetime_hours": 24,
        })).await;
        assert_eq!(invited.status, StatusCode::CREATED, "{}", invited.body);
        let member = invited.json()["member"].as_str().unwrap().to_owned();
        assert_eq!((&invited.json()["email"], &invited.json()["mail"]), (&json!("Ben@Example.org"), &json!("queued")));
        let row = ana.row("ben@example.org").await;
        assert_eq!((row.id.to_string(), row.expires), (member.clone(), Some(world.now() + Span::days(1))));
        let link = world.link_to("ben@example.org", 0).await;

        let again = program.posts("/invitations", &viewer("ben@example.org")).await;
        assert_eq!(again.problem(), refused(409, "already_invited"));
        assert_eq!(again.json()["member"], json!(member));
        let resend = format!("/members/{member}/invitation/resend");
        assert_eq!(program.asks(&resend).await.problem(), refused(429, "rate_limited"), "too soon");
        world.advance(Span::minutes(5));
        let resent = program.asks(&resend).await;
        assert_eq!(resent.status, StatusCode::OK, "{}", resent.body);
        assert_ne!(world.link_to("ben@example.org", 1).await, link);
        let copied = program.asks(&format!("/members/{member}/invitation/link")).await.json();
        assert_eq!(copied, program.asks(&format!("/members/{member}/invitation/link")).await.json(), "the same each time");
        let theirs = world.browser();
        let id = theirs.opens_link(copied["url"].as_str().unwrap()).await;
        theirs.views_open(&id).await;
        assert_eq!(program.deletes(&format!("/members/{member}/invitation")).await.status, StatusCode::NO_CONTENT);
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Removed);
        assert_eq!(program.posts("/invitations", &viewer("ben@example.org")).await.problem(), refused(409, "removed_before"));
        let fresh = json!({ "email": "ben@example.org", "role": "viewer", "if_removed": "fresh" });
        assert_eq!(program.posts("/invitations", &fresh).await.status, StatusCode::CREATED);
        let wrong = program.posts("/invitations", &json!({ "email": "no address", "role": "king", "lifetime_hours": 5 })).await.json();
        let wrong: BTreeSet<_> = wrong["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(wrong, BTreeSet::from(["/email", "/role", "/lifetime_hours"]));
    }

    async fn r54_several_are_invited_each_by_themselves(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let people = json!({ "invitations": [
            viewer("one@example.org"), viewer("ben@example.org"), viewer("not an address"), viewer("one@example.org"),
            { "email": "two@example.org", "role": "admin" }, viewer("three@example.org"),
        ] });
        let results = program.posts("/invitations/batch", &people).await.json()["results"].clone();
        let codes: Vec<_> = results.as_array().unwrap().iter().map(|one| one["problem"]["code"].as_str()).collect();
        let expected = [None, Some("already_member"), Some("invalid"), Some("already_invited"), Some("missing_permission"), None];
        assert_eq!(codes, expected);
        assert_eq!(results[2]["problem"]["errors"][0]["pointer"], "/invitations/2/email");
        assert_eq!(results[5]["invitation"]["email"], "three@example.org");
        assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 4);
        for many in [0, 101] {
            let people: Vec<_> = (0..many).map(|n| viewer(&format!("n{n}@example.org"))).collect();
            let refusal = program.posts("/invitations/batch", &json!({ "invitations": people })).await;
            assert_eq!(refusal.problem(), refused(422, "invalid"), "{many}");
        }
    }

    async fn in_12_lists_go_on_by_cursors_and_show_nobody_twice(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..7 {
            ana.invites(&format!("n{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        let program = ana.equips("CI", ALL).await;
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for _ in 0..10 {
            let page = program.gets(&format!("/members?limit=3&sort=-invited{cursor}")).await.json();
            seen.extend(page["members"].as_array().unwrap().iter().map(|member| member["email"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.len(), 8);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 8);
        let found = program.gets("/members?search=n3&status=invited&role=viewer&with_extras=false").await.json();
        assert_eq!(found["members"].as_array().unwrap().len(), 1);
        for wrong in ["limit=0", "limit=201", "limit=-1", "limit=x", "cursor=AAAA", "no=1", "search=a&search=b", "status=gone", &format!("search={}", "a".repeat(101))] {
            assert_eq!(program.gets(&format!("/members?{wrong}")).await.problem(), refused(400, "malformed"), "{wrong}");
        }
        // A cursor belongs to its list.
        assert_eq!(program.gets(&format!("/members?limit=3{cursor}")).await.problem(), refused(400, "malformed"));

        let mut events = Vec::new();
        let mut cursor = String::new();
        for _ in 0..10 {
            let page = program.gets(&format!("/audit-events?limit=4{cursor}")).await.json();
            events.extend(page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()));
            let Some(next) = page["next"].as_i64() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(events, (1..=9).rev().collect::<Vec<_>>());
        let invited = program.gets("/audit-events?kind=invited&person=n3@example.org&from=2026-05-04&until=2026-05-04").await.json();
        assert_eq!(invited["events"].as_array().unwrap().len(), 1);
        for wrong in ["kind=nothing", "from=yesterday", "cursor=0x1"] {
            assert_eq!(program.gets(&format!("/audit-events?{wrong}")).await.problem(), refused(400, "malformed"), "{wrong}");
        }
    }

    async fn lt_01_what_a_key_changes_stands_in_the_audit_log_with_its_name(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("Deploy <server>", ALL_AND_VIEWER).await;
        program.posts("/invitations", &viewer("ben@example.org")).await;
        let event = program.gets("/audit-events?kind=invited").await.json()["events"][0].clone();
        let by = json!({ "kind": "api_key", "name": "Ana Owner", "api_key": "Deploy <server>" });
        assert_eq!((&event["actor"], &event["target"]), (&by, &json!("ben@example.org")));
        assert_eq!((&event["data"]["grant"]["role"], &event["at"]), (&json!("viewer"), &json!("2026-05-04T09:00:00Z")));
        let page = ana.get("/a/acme/settings/audit").await.body;
        assert!(page.contains("Ana Owner by the API key “Deploy &lt;server&gt;”"), "{page}");
        let file = ana.presses("/a/acme/settings/audit/events.csv").await.body;
        assert!(file.contains("Ana Owner by the API key “Deploy <server>”"), "{file}");
        // The name is in the chain.
        let slug = app::domain::name::Slug::parse("acme").unwrap();
        let fault = async || world.services.check_audit(&slug).await.unwrap().unwrap().fault();
        assert_eq!(fault().await, None);
        world.changes("UPDATE audit_details SET key_name = 'Another' WHERE key_name IS NOT NULL").await;
        assert!(fault().await.is_some());
    }

    async fn lt_09_r27_a_platform_is_told_no_about_whoever_could_not_get_in(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let claims = json!({ "sub": "00u-ben", "email": "ben@example.org" });
        ana.brings_in_by(&provider, &method, "ben@example.org", claims, &Grant::of(BuiltInRole::Editor)).await;
        ana.brings_in_as("carl@example.org", BuiltInRole::Editor).await;
        ana.adds_app().await.unwrap();
        let program = ana.equips("Platform", &["users.read"]).await;
        let asked = async |email: &str| {
            let body = json!({ "email": email, "permission": "bots.edit" });
            let answer = program.posts("/check", &body).await.json();
            (answer["allowed"].as_bool().unwrap(), answer["reason"].as_str().map(str::to_owned))
        };
        let no = |reason: &str| (false, Some(reason.to_owned()));
        assert_eq!((asked("ben@example.org").await, asked("carl@example.org").await), ((true, None), (true, None)));
        ana.call_in::<Value>("login-methods/switch", &[("method", &method), ("on", "off")]).await.unwrap();
        assert_eq!((asked("ben@example.org").await, asked("carl@example.org").await), (no("login_method_off"), (true, None)));
        ana.call_in::<Value>("login-methods/switch", &[("method", &method), ("on", "on")]).await.unwrap();
        // Required from a week on, by which time nobody gets in without one.
        ana.call_in::<Value>("security/require-second-factor", &[("form[of]", "everybody"), ("form[grace_days]", "7")]).await.unwrap();
        assert_eq!(asked("carl@example.org").await, (true, None));
        world.advance(Span::days(7));
        assert_eq!((asked("ben@example.org").await, asked("carl@example.org").await), (no("second_factor_required"), no("second_factor_required")));
        assert_eq!(asked("ana@example.org").await, (true, None), "she has one");
    }

    async fn a_platform_asks_whether_somebody_may_do_something(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let program = ana.equips("Platform", &["users.read"]).await;
        let ben = id_of(&ana, "ben@example.org").await;
        let asked = program.posts("/check/batch", &json!({ "checks": [
            { "email": "Ben@Example.org", "permission": "bots.edit" },
            { "member": ben, "permission": "billing.manage" },
            { "email": "eve@example.org", "permission": "bots.edit" },
            { "email": "nobody@example.org", "permission": "bots.edit" },
            { "email": "ana@example.org", "permission": "billing.manage" },
        ] })).await.json();
        let answers: Vec<_> = asked["results"].as_array().unwrap().iter().map(|one| (one["allowed"].as_bool().unwrap(), one["reason"].as_str())).collect();
        let expected = [(true, None), (false, Some("lacking")), (false, Some("not_active")), (false, Some("unknown")), (true, None)];
        assert_eq!(answers, expected);
        // What an admin changes counts with the next question.
        let one = json!({ "member": ben, "permission": "bots.edit" });
        assert_eq!(program.posts("/check", &one).await.json()["allowed"], true);
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(program.posts("/check", &one).await.json()["allowed"], false);
        for (wrong, pointer) in [
            (json!({ "permission": "bots.edit" }), "/member"),
            (json!({ "member": ben, "email": "ben@example.org", "permission": "bots.edit" }), "/member"),
            (json!({ "member": ben, "permission": "no.such" }), "/permission"),
            (json!({ "email": "nobody", "permission": "bots.edit" }), "/email"),
        ] {
            let reply = program.posts("/check", &wrong).await;
            assert_eq!(reply.problem(), refused(422, "invalid"), "{wrong}");
            assert_eq!(reply.json()["errors"][0]["pointer"], pointer);
        }
        let second = program.posts("/check/batch", &json!({ "checks": [one, { "member": ben, "permission": "no.such" }] })).await;
        assert_eq!(second.json()["errors"][0]["pointer"], "/checks/1/permission");
    }

    async fn r43_r44_decisions_are_taken_by_programs(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let methods = program.gets("/login-methods").await.json();
        let named: BTreeSet<_> = methods["login_methods"].as_array().unwrap().iter().map(|method| method["kind"].as_str().unwrap()).collect();
        assert_eq!(named, BTreeSet::from(["oauth", "password"]));
        assert!(!methods.to_string().contains(crate::support::provider::CLIENT_ID), "no set-up");
        for (email, outcome) in [("ben@example.org", "approve"), ("eve@example.org", "reject")] {
            let offer = json!({ "email": email, "role": "viewer", "login_method": method, "identifier": format!("00u-{email}") });
            assert_eq!(program.posts("/invitations", &offer).await.status, StatusCode::CREATED);
            let theirs = world.browser();
            let id = theirs.opens_link(&world.link_to(email, 0).await).await;
            theirs.arrives(&provider, &method, &id, json!({ "sub": format!("other-{email}"), "email": email })).await;
            let open = program.gets("/decisions?limit=1").await.json();
            assert_eq!((open["decisions"].as_array().unwrap().len(), &open["next"]), (1, &Value::Null));
            let decision = &open["decisions"][0];
            assert_eq!((&decision["identifier"], &decision["member"]), (&json!(format!("other-{email}")), &json!(id_of(&ana, email).await)));
            let path = format!("/decisions/{}/{outcome}", decision["id"].as_str().unwrap());
            assert_eq!(program.asks(&path).await.status, StatusCode::NO_CONTENT);
            assert_eq!(program.asks(&path).await.problem(), refused(404, "not_found"), "once");
            assert!(!ana.row(email).await.awaits_decision);
        }
        let roles = program.gets("/roles").await.json();
        assert_eq!(roles["roles"].as_array().unwrap().len(), 6);
        assert_eq!((&roles["roles"][0]["key"], &roles["roles"][0]["built_in"]), (&json!("owner"), &json!(true)));
    }

    async fn a_request_with_an_idempotency_key_is_done_once(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let send = async |program: &Program, name: &str, body: Value| program.sends(Method::POST, "/invitations", &[("idempotency-key", name)], Some(&body)).await;
        let first = send(&program, "one", viewer("ben@example.org")).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (StatusCode::CREATED, ""));
        let again = send(&program, "one", viewer("ben@example.org")).await;
        assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (StatusCode::CREATED, "true", &first.body));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(send(&program, "one", viewer("eve@example.org")).await.problem(), refused(422, "idempotency_key_reused"));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, 1);
        // The names are the key's own, and what failed can be sent again.
        let other = ana.equips("Other", ALL_AND_VIEWER).await;
        assert_eq!(send(&other, "one", viewer("ben@example.org")).await.problem(), refused(409, "already_invited"));
        assert_eq!(send(&other, "one", viewer("carl@example.org")).await.status, StatusCode::CREATED);
        for wrong in ["", "a b", &"x".repeat(256)] {
            assert_eq!(send(&program, wrong, viewer("dora@example.org")).await.problem(), refused(400, "malformed"), "{wrong:?}");
        }
        // While the first is under way, the second waits; what was broken off is free after a while.
        world.changes("UPDATE api_answers SET status = NULL, body = NULL").await;
        let busy = send(&program, "one", viewer("ben@example.org")).await;
        assert_eq!((busy.problem(), busy.header("retry-after")), (refused(409, "request_under_way"), "1"));
        world.advance(Span::minutes(3));
        assert_eq!(send(&program, "one", viewer("ben@example.org")).await.problem(), refused(409, "already_invited"));
        // A day later the name is free.
        assert_eq!(send(&program, "two", viewer("dora@example.org")).await.status, StatusCode::CREATED);
        world.advance(Span::days(1));
        assert_eq!(send(&program, "two", viewer("fred@example.org")).await.status, StatusCode::CREATED);
        let link = format!("/members/{}/invitation/link", id_of(&ana, "fred@example.org").await);
        let copied = program.sends(Method::POST, &link, &[("idempotency-key", "link")], None).await;
        let token = copied.json()["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        assert!(!crate::support::holds(&world.dump().await, &token), "no link is kept in clear");
    }

    async fn a_request_is_done_to_its_end_though_the_client_goes_away(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let (body, headers) = (viewer("ben@example.org"), [("idempotency-key", "one")]);
        let mut request = Box::pin(program.sends(Method::POST, "/invitations", &headers, Some(&body)));
        while world.count("SELECT COUNT(*) FROM api_answers").await == 0 {
            assert!(futures::poll!(&mut request).is_pending(), "not answered before it is claimed");
        }
        drop(request);
        let mut again = program.sends(Method::POST, "/invitations", &headers, Some(&body)).await;
        for _ in 0..1000 {
            if again.status != StatusCode::CONFLICT {
                break;
            }
            assert_eq!(again.problem(), refused(409, "request_under_way"));
            again = program.sends(Method::POST, "/invitations", &headers, Some(&body)).await;
        }
        assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::CREATED, "true"));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, 1);
    }

    async fn lt_01_an_answer_is_given_again_only_to_whoever_could_still_ask(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        let program = ben.equips("CI", ALL_AND_VIEWER).await;
        let (headers, body) = ([("idempotency-key", "one")], viewer("eve@example.org"));
        let send = async || program.sends(Method::POST, "/invitations", &headers, Some(&body)).await;
        assert_eq!(send().await.status, StatusCode::CREATED);
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(send().await.problem(), refused(403, "missing_permission"));
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        assert_eq!(send().await.header("idempotency-replayed"), "true");
        ana.suspends(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(send().await.problem(), refused(401, "invalid_api_key"));
    }

    async fn r66_a_request_meant_for_another_version_is_another_request(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let path = format!("/members/{}/suspend", id_of(&ana, "ben@example.org").await);
        let send = async |if_match: &str| program.sends(Method::POST, &path, &[("idempotency-key", "one"), ("if-match", if_match)], None).await;
        assert_eq!(send("*").await.status, StatusCode::NO_CONTENT);
        let again = send("*").await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::NO_CONTENT, "true"));
        assert_eq!(send("\"1\"").await.problem(), refused(422, "idempotency_key_reused"));
    }

    async fn cf_08_a_key_keeps_so_many_answers_and_those_of_questions_not_at_all(world: World) {
        let world = world.configured(|config| config.limits.api_answers = 2);
        let ana = world.owner("ana@example.org").await;
        let (program, other) = (ana.equips("CI", ALL_AND_VIEWER).await, ana.equips("Other", ALL_AND_VIEWER).await);
        let ask = json!({ "email": "ana@example.org", "permission": "bots.read" });
        for _ in 0..3 {
            let asked = program.sends(Method::POST, "/check", &[("idempotency-key", "one")], Some(&ask)).await;
            assert_eq!((asked.status, asked.header("idempotency-replayed")), (StatusCode::OK, ""));
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM api_answers").await, 0);
        let send = async |program: &Program, name: &str| {
            let email = format!("{name}@example.org");
            program.sends(Method::POST, "/invitations", &[("idempotency-key", name)], Some(&viewer(&email))).await
        };
        assert_eq!(send(&program, "one").await.status, StatusCode::CREATED);
        world.advance(Span::hours(1));
        assert_eq!(send(&program, "two").await.status, StatusCode::CREATED);
        let full = send(&program, "three").await;
        assert_eq!((full.problem(), full.header("retry-after")), (refused(429, "rate_limited"), "82800"));
        assert_eq!(send(&program, "two").await.header("idempotency-replayed"), "true", "nothing that was promised is dropped");
        assert_eq!(send(&other, "three").await.status, StatusCode::CREATED, "each key has its own");
        let plain = program.posts("/invitations", &viewer("four@example.org")).await;
        assert_eq!(plain.status, StatusCode::CREATED);
        world.advance(Span::hours(23));
        assert_eq!(send(&program, "five").await.status, StatusCode::CREATED);
        // What is a day old is cleaned up, and nothing else.
        let stop = tokio_util::sync::CancellationToken::new();
        assert!(world.services.clean_up_if_due(&stop).await.unwrap());
        assert_eq!(world.texts("SELECT idempotency_key FROM api_answers ORDER BY 1").await, ["five", "three", "two"]);
    }

    async fn of_many_at_once_with_one_idempotency_key_one_is_done(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let body = viewer("ben@example.org");
        let replies = futures::future::join_all((0..10).map(|_| program.sends(Method::POST, "/invitations", &[("idempotency-key", "one")], Some(&body)))).await;
        let done = replies.iter().filter(|reply| reply.status == StatusCode::CREATED && reply.header("idempotency-replayed").is_empty()).count();
        assert_eq!(done, 1, "{replies:?}");
        for reply in &replies {
            assert!(reply.status == StatusCode::CREATED || reply.problem() == refused(409, "request_under_way"), "{reply:?}");
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, 1);
    }

    async fn en_08_each_key_has_a_bucket_and_every_answer_says_what_is_left(world: World) {
        let world = world.configured(|config| {
            config.limits.api_burst = 3;
            config.limits.api_per_s = 0.5;
        });
        let ana = world.owner("ana@example.org").await;
        let (program, other) = (ana.equips("CI", ALL).await, ana.equips("Other", ALL).await);
        for left in [2, 1, 0] {
            let reply = program.gets("/accounts").await;
            assert_eq!((reply.status, reply.header("ratelimit-policy")), (StatusCode::OK, "\"key\";q=3;w=6"));
            assert_eq!(reply.header("ratelimit"), format!("\"key\";r={left};t={}", (3 - left) * 2));
        }
        let over = program.gets("/accounts").await;
        assert_eq!((over.problem(), over.header("retry-after")), (refused(429, "rate_limited"), "2"));
        assert_eq!(over.header("ratelimit"), "\"key\";r=0;t=6");
        assert_eq!(other.gets("/accounts").await.status, StatusCode::OK, "a bucket of its own");
        assert_eq!(program.at(&world.configured(|_| {})).gets("/accounts").await.status.as_u16(), 429, "on every instance");
        world.advance(Span::seconds(2));
        assert_eq!(program.gets("/accounts").await.status, StatusCode::OK);
        assert_eq!(program.gets("/accounts").await.status.as_u16(), 429);
        assert_eq!(program.gets("/members/none").await.status.as_u16(), 429, "whatever is asked");
    }

    async fn in_09_what_cannot_be_read_is_refused_in_the_apis_own_form(world: World) {
        let ana = world.owner("ana@example.org").await;
        let program = ana.equips("CI", ALL_AND_VIEWER).await;
        let bearer = format!("Bearer {}", program.key);
        let raw = async |method: Method, path: &str, kind: Option<&str>, body: String| {
            let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, &bearer).header(header::ACCEPT, "text/html");
            if let Some(kind) = kind {
                request = request.header(header::CONTENT_TYPE, kind);
            }
            let answer = world.browser().send(request.body(Body::from(body)).unwrap()).await;
            crate::support::Reply { status: answer.status, headers: answer.headers, body: answer.body }.problem()
        };
        let json = Some("application/json");
        let post = async |body: &str| raw(Method::POST, "/api/v1/invitations", json, body.to_owned()).await;
        assert_eq!(post("{").await, refused(400, "malformed"));
        assert_eq!(post("[1, 2]").await, refused(422, "invalid"));
        assert_eq!(post(r#"{"email":"a@example.org","role":"viewer","more":1}"#).await, refused(422, "invalid"));
        assert_eq!(post(r#"{"email":"a@example.org","email":"b@example.org","role":"viewer"}"#).await, refused(422, "invalid"));
        assert_eq!(post(r#"{"email":5,"role":"viewer"}"#).await, refused(422, "invalid"));
        assert_eq!(post(r#"{"email":"a\u0000@example.org","role":"viewer"}"#).await, refused(400, "malformed"));
        assert_eq!(post(&format!("{}1{}", "[".repeat(500), "]".repeat(500))).await.0 / 100, 4);
        assert_eq!(post(&format!("\"{}\"", "a".repeat(70_000))).await, refused(413, "body_too_large"));
        for kind in [None, Some("application/x-www-form-urlencoded"), Some("text/plain")] {
            assert_eq!(raw(Method::POST, "/api/v1/check", kind, "{}".to_owned()).await, refused(415, "wrong_content_type"), "{kind:?}");
        }
        for (method, path, expected) in [
            (Method::GET, "/api/v1/nothing", refused(404, "not_found")),
            (Method::GET, "/api/v1", refused(404, "not_found")),
            (Method::GET, "/api/v1/", refused(404, "not_found")),
            (Method::PUT, "/api/v1/members", refused(405, "method_not_allowed")),
            (Method::POST, "/api/v1/docs", refused(405, "method_not_allowed")),
            (Method::OPTIONS, "/api/v1/members", refused(405, "method_not_allowed")),
            (Method::GET, "/api/v1/members?search=%00", refused(400, "malformed")),
        ] {
            assert_eq!(raw(method, path, None, String::new()).await, expected, "{path}");
        }
        let long = format!("/api/v1/members?search={}", "a".repeat(9000));
        assert_eq!(raw(Method::GET, &long, None, String::new()).await, refused(414, "address_too_long"));
        assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 1);
    }

    async fn br_01_the_document_and_its_page_are_everybodys_and_load_nothing_from_elsewhere(world: World) {
        let reader = world.browser();
        let document = reader.get("/api/v1/openapi.json").await;
        assert_eq!((document.status, document.headers[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "application/json; charset=utf-8"));
        let document: Value = serde_json::from_str(&document.body).unwrap();
        assert_eq!((&document["openapi"], document["paths"].as_object().unwrap().is_empty()), (&json!("3.1.0"), false));
        let page = reader.get("/api/v1/docs").await;
        assert_eq!(page.status, StatusCode::OK);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
        assert!(!page.body.contains("<script") && !page.body.contains("src=\"http"), "{}", page.body);
        assert!(page.body.contains("POST /api/v1/invitations") && page.body.contains("id=\"already_invited\""), "{}", page.body);
        assert!(!page.headers.contains_key("access-control-allow-origin"));
    }
}
