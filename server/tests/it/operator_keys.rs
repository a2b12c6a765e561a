//! Keys of the host's operator, which act in every account and belong to nobody there (LT-01).

use crate::{
    rest::performs_with as performs,
    support::{Program, Reply, World, both_databases},
};
use app::domain::{member::ShownState, role::BuiltInRole, time::Span};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use server::{
    http::rest::{API_OPERATIONS, ByOperator, Needs},
    service::OperatorKeyAdded,
};
use std::collections::BTreeSet;

/// What Viewer and Agent hold, and what programs need.
const ALL: &[&str] = &[
    "users.read",
    "users.invite",
    "users.edit",
    "users.remove",
    "audit.read",
    "bots.read",
    "conversations.read",
    "conversations.reply",
    "analytics.read",
];

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A program with a key of the operator.
async fn equips(world: &World, name: &str, permissions: &[&str]) -> Program {
    let permissions: Vec<_> = permissions.iter().map(ToString::to_string).collect();
    match world.services.add_operator_key(name, &permissions, "").await.unwrap() {
        OperatorKeyAdded::Done(key) => Program::new(world, key.reveal()),
        other => panic!("{other:?}"),
    }
}

/// The id of the account with this slug.
async fn account(program: &Program, slug: &str) -> String {
    let accounts = program.gets("/accounts").await.json()["accounts"].clone();
    let found = accounts.as_array().unwrap().iter().find(|account| account["slug"] == slug);
    found.unwrap_or_else(|| panic!("{accounts}"))["id"].as_str().unwrap().to_owned()
}

async fn sends(program: &Program, account: &str, method: Method, path: &str, body: Option<&Value>) -> Reply {
    program.sends(method, path, &[("roster-account", account)], body).await
}

both_databases! {
    async fn lt_01_a_key_of_the_operator_lists_all_accounts_and_acts_in_the_one_that_is_named(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.opens_account("Gamma", "gamma").await.unwrap();
        let program = equips(&world, "Directory", &["users.read"]).await;
        let first = program.gets("/accounts?limit=2").await.json();
        assert_eq!((first["accounts"].as_array().unwrap().len(), first["next"].is_string()), (2, true), "{first}");
        let rest = program.gets(&format!("/accounts?limit=2&cursor={}", first["next"].as_str().unwrap())).await.json();
        let slugs: BTreeSet<_> = [&first, &rest]
            .iter()
            .flat_map(|page| page["accounts"].as_array().unwrap())
            .map(|account| account["slug"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!((slugs, &rest["next"]), (BTreeSet::from(["acme", "beta", "gamma"].map(str::to_owned)), &Value::Null));
        assert_eq!(first["accounts"][0]["api_key"]["permissions"], json!(["users.read"]));

        let beta = account(&program, "beta").await;
        let members = sends(&program, &beta, Method::GET, "/members", None).await.json();
        assert_eq!(members["members"].as_array().unwrap().len(), 1, "{members}");
        // It says in which account, by an id that exists, once.
        assert_eq!(program.gets("/members").await.problem(), refused(400, "malformed"));
        for wrong in ["beta", "", "x"] {
            assert_eq!(sends(&program, wrong, Method::GET, "/members", None).await.problem(), refused(400, "malformed"));
        }
        let unknown = "019dece0-0000-7000-8000-000000000000";
        assert_eq!(sends(&program, unknown, Method::GET, "/members", None).await.problem(), refused(404, "not_found"));
        let twice = [("roster-account", beta.as_str()), ("roster-account", beta.as_str())];
        assert_eq!(program.sends(Method::GET, "/members", &twice, None).await.problem(), refused(400, "malformed"));
        assert_eq!(sends(&program, &beta, Method::GET, "/accounts", None).await.problem(), refused(400, "malformed"));

        // A member's key has its own account, and no header leads it into another.
        let own = ana.equips("Own", &["users.read"]).await;
        let acme = account(&program, "acme").await;
        assert_eq!(sends(&own, &acme, Method::GET, "/members", None).await.status, StatusCode::OK);
        assert_eq!(sends(&own, &beta, Method::GET, "/members", None).await.problem(), refused(404, "not_found"));
    }

    async fn az_01_each_operation_answers_a_key_of_the_operator_as_its_table_says(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let id = ana.row("ben@example.org").await.id.to_string();
        let all = equips(&world, "All", ALL).await;
        let acme = account(&all, "acme").await;
        for operation in API_OPERATIONS.iter().filter(|operation| operation.by_operator == ByOperator::Refused) {
            for headers in [vec![("roster-account", acme.as_str())], vec![]] {
                let reply = performs(&all, operation, &id, &headers).await;
                assert_eq!(reply.problem(), refused(403, "members_only"), "{} {}", operation.method, operation.path);
            }
        }
        for operation in API_OPERATIONS.iter().filter(|operation| operation.by_operator == ByOperator::InAccount) {
            let Needs::Permissions(needed) = operation.needs else { panic!("{} needs nothing", operation.path) };
            for missing in needed.iter().map(|gate| gate.key()) {
                let what = format!("{} {} without {missing}", operation.method, operation.path);
                let others: Vec<_> = ALL.iter().copied().filter(|key| *key != missing).collect();
                let program = equips(&world, &what, &others).await;
                let reply = performs(&program, operation, &id, &[("roster-account", &acme)]).await;
                assert_eq!(reply.problem(), refused(403, "missing_permission"), "{what}");
            }
        }
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Active);
        for operation in API_OPERATIONS.iter().filter(|operation| operation.by_operator == ByOperator::InAccount) {
            let reply = performs(&all, operation, &id, &[("roster-account", &acme)]).await;
            assert!(![401, 403, 405, 500].contains(&reply.status.as_u16()), "{}: {} {}", operation.path, reply.status, reply.body);
        }
    }

    async fn lt_01_r36_r41_the_operators_program_suspends_and_removes_and_the_log_says_so(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let id = ana.row("ben@example.org").await.id.to_string();
        let program = equips(&world, "Leavers", ALL).await;
        let acme = account(&program, "acme").await;
        let asks = async |method: Method, path: &str| sends(&program, &acme, method, path, None).await;
        let path = format!("/members/{id}");

        assert_eq!(asks(Method::POST, &format!("{path}/suspend")).await.status, StatusCode::NO_CONTENT);
        assert!(ben.home().await.is_err());
        assert_eq!(asks(Method::POST, &format!("{path}/reactivate")).await.status, StatusCode::NO_CONTENT);
        assert!(ben.home().await.is_ok());
        assert_eq!(asks(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
        assert!(ben.home().await.is_err());
        assert_eq!(asks(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT, "once more");

        let events = asks(Method::GET, "/audit-events?kind=removed").await.json()["events"].clone();
        let by = json!({ "kind": "operator", "name": null, "api_key": "Leavers" });
        assert_eq!((&events[0]["actor"], &events[0]["target"]), (&by, &json!("ben@example.org")));
        let page = ana.get("/a/acme/settings/audit").await.body;
        assert!(page.contains("operator by the API key “Leavers”"), "{page}");
        let slug = app::domain::name::Slug::parse("acme").unwrap();
        assert_eq!(world.services.check_audit(&slug).await.unwrap().unwrap().fault(), None);
        // Somebody of the account can take it back.
        ana.call_in::<Value>("users/undo-removal", &[("member", &id)]).await.unwrap();
        assert!(ana.row("ben@example.org").await.state == ShownState::Active);
    }

    async fn r30_r33_a_key_of_the_operator_touches_no_owner_and_nobody_above_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let program = equips(&world, "Leavers", ALL).await;
        let acme = account(&program, "acme").await;
        for (email, code) in [("olga@example.org", "owners_only"), ("adam@example.org", "missing_permission")] {
            let path = format!("/members/{}", ana.row(email).await.id);
            for (method, path) in [(Method::DELETE, path.clone()), (Method::POST, format!("{path}/suspend"))] {
                let reply = sends(&program, &acme, method, &path, None).await;
                assert_eq!(reply.problem(), refused(403, code), "{email} {path}");
            }
        }
        assert_eq!(ana.row("olga@example.org").await.state, ShownState::Active);
    }

    async fn lt_01_r29_invitations_of_whom_the_operators_program_removes_go_to_a_successor(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Admin).await;
        ben.invites("eve@example.org", &app::domain::role::Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let id = ana.row("ben@example.org").await.id.to_string();
        let admin: Vec<_> = ben.lists_keys().await.unwrap().facts.my.permissions.iter().map(ToString::to_string).collect();
        let admin: Vec<_> = admin.iter().map(String::as_str).collect();
        let program = equips(&world, "Leavers", &admin).await;
        let acme = account(&program, "acme").await;
        assert_eq!(sends(&program, &acme, Method::DELETE, &format!("/members/{id}"), None).await.status, StatusCode::NO_CONTENT);
        assert_eq!(ana.row("eve@example.org").await.state, ShownState::Invited, "somebody else answers for it");
    }

    async fn lt_01_a_key_of_the_operator_is_revoked_and_expires_at_once(world: World) {
        world.owner("ana@example.org").await;
        let revoked = equips(&world, "Revoked", &["users.read"]).await;
        let acme = account(&revoked, "acme").await;
        let again = world.services.add_operator_key("Revoked", &["users.read".to_owned()], "").await.unwrap();
        assert!(matches!(again, OperatorKeyAdded::NameTaken));
        let unknown = world.services.add_operator_key("Other", &["users.red".to_owned()], "").await.unwrap();
        assert!(matches!(unknown, OperatorKeyAdded::UnknownPermission(_)));
        assert!(world.services.add_operator_key("Other", &[], "").await.is_err());
        assert_eq!(sends(&revoked, &acme, Method::GET, "/members", None).await.status, StatusCode::OK);
        world.services.revoke_operator_key("Revoked").await.unwrap();
        assert!(world.services.revoke_operator_key("Revoked").await.is_err());
        let expired = equips(&world, "Expired", &["users.read"]).await;
        assert_eq!(sends(&expired, &acme, Method::GET, "/members", None).await.status, StatusCode::OK);
        world.advance(Span::days(90));
        for dead in [&revoked, &expired] {
            assert_eq!(sends(dead, &acme, Method::GET, "/members", None).await.problem(), refused(401, "invalid_api_key"));
            assert_eq!(dead.gets("/accounts").await.problem(), refused(401, "invalid_api_key"));
        }
    }
}
