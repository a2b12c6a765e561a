//! The roles of an account's own: making, changing and deleting them, and what that does to those who have them.

use crate::support::{Browser, Fields, World, both_databases};
use app::{
    api::{
        audit::AuditPage,
        invitations::Invited,
        joining::InvitationView,
        members::RemovalUndone,
        own_login::OwnInvitation,
        roles::{RoleCreated, RoleDeleted, RoleEdited, RoleView, RolesView},
    },
    domain::{
        audit::Event,
        fields::{Field, FieldErrors, Problem},
        list::{Count, ListQuery},
        permission::{Gate, PermissionKey, Permissions},
        policy::{Refusal, Source, Verdict},
        role::{BuiltInRole, Grant, RoleKey},
        role_edit::MAX_OWN_ROLES,
    },
    error::AppError,
};
use axum::http::StatusCode;

fn set(keys: &[&str]) -> Permissions {
    keys.iter().map(|key| PermissionKey::new(*key)).collect()
}

fn invalid<T>(field: Field, problem: Problem) -> Result<T, AppError> {
    Err(FieldErrors::one(field, problem).into())
}

fn having(role: &RoleKey) -> Grant {
    Grant { role: role.clone(), extras: Permissions::new() }
}

async fn makes(browser: &Browser, name: &str, permissions: &[&str]) -> Result<RoleKey, AppError> {
    let mut fields = vec![("form[name]", name)];
    fields.extend(permissions.iter().map(|key| ("form[permissions][]", *key)));
    browser.call_in::<RoleCreated>("roles/create", &fields).await.map(|created| created.role)
}

async fn shows(browser: &Browser, role: &RoleKey) -> Result<RoleView, AppError> {
    browser.call_in("roles/show", &[("role", role.as_str())]).await
}

async fn lists(browser: &Browser, permission: &str) -> Result<RolesView, AppError> {
    browser.call_in("roles/list", &[("permission", permission)]).await
}

/// Saves a role as changed from what was shown; an empty name leaves it as it is.
async fn saves(
    browser: &Browser,
    shown: &RoleView,
    name: &str,
    keys: &[&str],
    more: Fields<'_>,
) -> Result<RoleEdited, AppError> {
    let version = shown.version.to_string();
    let name = if name.is_empty() { shown.role.name.as_deref().unwrap_or_default() } else { name };
    let mut fields = vec![("form[role]", shown.role.key.as_str()), ("form[version]", &version), ("form[name]", name)];
    fields.extend(keys.iter().map(|key| ("form[permissions][]", *key)));
    fields.extend_from_slice(more);
    browser.call_in("roles/edit", &fields).await
}

/// The same from what is shown now.
async fn changes(browser: &Browser, role: &RoleKey, permissions: &[&str]) -> Result<RoleEdited, AppError> {
    let shown = shows(browser, role).await.unwrap();
    saves(browser, &shown, "", permissions, &[]).await
}

async fn deletes(browser: &Browser, role: &RoleKey) -> Result<RoleDeleted, AppError> {
    browser.call_in("roles/delete", &[("form[role]", role.as_str())]).await
}

async fn undoes_removal(browser: &Browser, email: &str) -> Result<RemovalUndone, AppError> {
    let member = browser.row(email).await.id.to_string();
    browser.call_in("users/undo-removal", &[("member", &member)]).await
}

async fn events(browser: &Browser) -> Vec<Event> {
    let page: AuditPage = browser.call_in("audit/list", &[]).await.unwrap();
    page.lines
        .into_iter()
        .filter_map(|line| line.event)
        .filter(|event| event.kind().key().starts_with("role_"))
        .collect()
}

both_databases! {
    async fn r28_a_role_is_deleted_once_nobody_has_it(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Support lead", &["users.read", "conversations.read"]).await.unwrap();
        ana.brings_in("ben@example.org", &having(&role)).await;
        ana.brings_in("cleo@example.org", &having(&role)).await;
        ana.suspends(&ana.row("cleo@example.org").await).await.unwrap();
        ana.invites("dora@example.org", &having(&role)).await.unwrap();
        for (left, email) in [(3, "ben@example.org"), (2, "cleo@example.org"), (1, "dora@example.org")] {
            let people = Count::Exactly(left);
            assert_eq!(shows(&ana, &role).await.unwrap().people, people);
            assert_eq!(deletes(&ana, &role).await, Err(AppError::Refused(Refusal::RoleInUse { people })));
            ana.removes(&ana.row(email).await).await.unwrap();
        }
        assert_eq!(deletes(&ana, &role).await, Ok(RoleDeleted::Done { name: "Support lead".to_owned() }));
        assert_eq!(deletes(&ana, &role).await, Ok(RoleDeleted::AlreadyDeleted));
        assert_eq!(shows(&ana, &role).await, Err(AppError::NotFound));
        assert_eq!(changes_blindly(&ana, &role).await, Err(AppError::NotFound));

        let page = ana.list(&ListQuery::default()).await.unwrap();
        assert!(page.facts.roles.find(&role).is_none(), "it is offered nowhere");
        assert_eq!(page.facts.roles.own_name(&role), Some("Support lead"), "and still has its name");
        assert_eq!(ana.row("ben@example.org").await.grant, having(&role), "whoever was removed with it");
        assert_eq!(world.count("SELECT COUNT(*) FROM role_permissions").await, 0);
        assert_eq!(makes(&ana, "Support lead", &[]).await.map(|new| new != role), Ok(true), "the name is free again, the key is not");
    }

    async fn r28_r04_a_deleted_role_comes_back_with_nobody(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Support lead", &["users.read"]).await.unwrap();
        ana.brings_in("ben@example.org", &having(&role).with("bots.edit")).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        deletes(&ana, &role).await.unwrap();
        let gone = AppError::Refused(Refusal::RoleGone);
        assert_eq!(undoes_removal(&ana, "ben@example.org").await, Err(gone.clone()), "R64");
        let viewer = Grant::of(BuiltInRole::Viewer);
        let offered = ana.invites("ben@example.org", &viewer).await.unwrap();
        assert!(matches!(&offered, Invited::RemovedBefore { restore: Verdict::No(Refusal::RoleGone), .. }), "{offered:?}");
        assert_eq!(ana.invites_with("ben@example.org", &viewer, &[("form[again]", "restore")]).await, Err(gone));
        assert_eq!(ana.row("ben@example.org").await.grant.role, role, "nothing was changed");

        assert_eq!(ana.invites("eve@example.org", &having(&role)).await, invalid(Field::Role, Problem::NotOffered));
        ana.brings_in_as("cleo@example.org", BuiltInRole::Viewer).await;
        let cleo = ana.row("cleo@example.org").await;
        assert_eq!(ana.edits(&cleo, &having(&role)).await, invalid(Field::Role, Problem::NotOffered));
        ana.invites_with("ben@example.org", &viewer, &[("form[again]", "fresh")]).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.grant, viewer);
    }

    async fn r28_a_role_is_not_deleted_while_it_is_given(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let held_by_nobody = "SELECT COUNT(*) FROM members m JOIN roles r ON r.account_id = m.account_id AND r.key = m.role_key
                               WHERE r.removed_at IS NOT NULL AND m.state <> 'removed'";
        for round in 0..20 {
            let role = makes(&ana, &format!("Role {round}"), &["bots.read"]).await.unwrap();
            let ben = ana.row("ben@example.org").await;
            let other = ana.clone();
            let grant = having(&role);
            let (deleted, given) = tokio::join!(deletes(&ana, &role), other.edits(&ben, &grant));
            assert!(deleted.is_ok() != given.is_ok(), "round {round}: {deleted:?} {given:?}");
            assert_eq!(world.count(held_by_nobody).await, 0, "round {round}");
        }
    }

    async fn r30_roles_are_made_and_changed_within_ones_own_permissions(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let missing = set(&["billing.manage"]);
        let above = AppError::Refused(Refusal::AboveYourOwn { missing: missing.clone() });
        assert_eq!(makes(&adam, "Bills", &["bots.read", "billing.manage"]).await, Err(above.clone()));
        let all: Vec<_> = shows(&adam, &BuiltInRole::Owner.role()).await.unwrap().role.permissions.into_iter().collect();
        let all: Vec<_> = all.iter().map(PermissionKey::as_str).collect();
        let copied = makes(&adam, "Second owner", &all).await;
        assert!(matches!(copied, Err(AppError::Refused(Refusal::AboveYourOwn { .. }))), "a copy is no way around: {copied:?}");

        let within = makes(&adam, "Writers", &["bots.read", "bots.edit"]).await.unwrap();
        assert_eq!(changes(&adam, &within, &["billing.manage"]).await, Err(above));
        changes(&adam, &within, &["bots.read"]).await.unwrap();
        let beyond = makes(&ana, "Bills", &["billing.manage"]).await.unwrap();
        let refusal = AppError::Refused(Refusal::RoleHoldsMore { missing });
        assert_eq!(changes(&adam, &beyond, &[]).await, Err(refusal.clone()));
        let shown = shows(&adam, &beyond).await.unwrap();
        assert_eq!(saves(&adam, &shown, "Invoices", &["billing.manage"], &[]).await, Err(refusal.clone()), "not even its name");
        assert_eq!(deletes(&adam, &beyond).await, Err(refusal));
        changes(&ana, &beyond, &["billing.manage", "login_methods.manage"]).await.unwrap();
        deletes(&ana, &beyond).await.unwrap();
        deletes(&adam, &within).await.unwrap();
    }

    async fn r30_what_is_taken_from_somebody_is_not_given_on_in_a_role(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let narrow = Grant::of(BuiltInRole::Viewer).with("roles.manage").with("users.read");
        for round in 0..10 {
            let row = ana.row("adam@example.org").await;
            let name = format!("Role {round}");
            let (taken, made) = tokio::join!(ana.edits(&row, &narrow), makes(&adam, &name, &["bots.publish"]));
            taken.unwrap();
            // It was made before or not at all.
            let order = events_about_adam(&world).await;
            match made {
                Ok(_) => assert_eq!(order.first().map(String::as_str), Some("edited"), "round {round}: {order:?}"),
                Err(error) => assert!(matches!(error, AppError::Refused(Refusal::AboveYourOwn { .. })), "{error:?}"),
            }
            ana.edits(&ana.row("adam@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        }
    }

    async fn r30_built_in_roles_are_nobodys_to_change(world: World) {
        let ana = world.owner("ana@example.org").await;
        let viewer = BuiltInRole::Viewer.role();
        assert_eq!(changes_blindly(&ana, &viewer).await, Err(AppError::NotFound));
        assert_eq!(deletes(&ana, &viewer).await, Err(AppError::NotFound));
        assert_eq!(shows(&ana, &viewer).await.unwrap().version, 0);
    }

    async fn r31_ones_own_role_only_loses_and_that_is_confirmed(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Keepers", &["users.read", "roles.manage", "bots.read", "bots.edit"]).await.unwrap();
        let ben = ana.brings_in("ben@example.org", &having(&role).with("analytics.read")).await;
        let shown = shows(&ben, &role).await.unwrap();
        let more = ["users.read", "roles.manage", "bots.read", "bots.edit", "analytics.read"];
        let gained = set(&["analytics.read"]);
        let raised = saves(&ben, &shown, "", &more, &[("form[confirmation]", "acme")]).await;
        assert_eq!(raised, Err(AppError::Refused(Refusal::NoSelfPromotion { gained })), "although Ben has it as an extra");
        let less = ["users.read", "roles.manage", "bots.read"];
        assert_eq!(saves(&ben, &shown, "", &less, &[]).await, invalid(Field::Confirmation, Problem::NotConfirmed));
        saves(&ben, &shown, "", &less, &[("form[confirmation]", "acme")]).await.unwrap();
        assert!(!ben.home().await.unwrap().effective.permissions.contains(&PermissionKey::new("bots.edit")));
        // Nor by another role: what Ben lacks he gives to nobody.
        assert!(matches!(makes(&ben, "More", &["bots.edit"]).await, Err(AppError::Refused(Refusal::AboveYourOwn { .. }))));
    }

    async fn r35_az_06_a_changed_role_counts_with_the_next_request_of_every_instance(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Front desk", &["users.read", "users.invite"]).await.unwrap();
        let ben = ana.brings_in("ben@example.org", &having(&role)).await;
        let second = world.configured(|_| {});
        assert!(ben.at(&second).list(&ListQuery::default()).await.is_ok());
        changes(&ana, &role, &["bots.read"]).await.unwrap();
        assert!(matches!(ben.at(&second).list(&ListQuery::default()).await, Err(AppError::Refused(Refusal::Needs { .. }))));
        changes(&ana, &role, &["bots.read", "users.read"]).await.unwrap();
        assert!(ben.at(&second).list(&ListQuery::default()).await.is_ok());
    }

    async fn r35_r29_links_beyond_what_a_changed_role_allows_are_dead(world: World) {
        let ana = world.owner("ana@example.org").await;
        let desk = makes(&ana, "Front desk", &["users.read", "users.invite", "bots.read"]).await.unwrap();
        let guest = makes(&ana, "Guest", &["bots.read"]).await.unwrap();
        let ben = ana.brings_in("ben@example.org", &having(&desk)).await;
        for email in ["cleo@example.org", "dora@example.org"] {
            ben.invites(email, &having(&guest)).await.unwrap();
        }
        let links = [
            ben.copies_link(&ben.row("cleo@example.org").await).await.unwrap().url,
            ana.copies_link(&ana.row("dora@example.org").await).await.unwrap().url,
        ];
        let is_alive = async |link: &str| {
            let browser = world.browser();
            let id = browser.opens_link(link).await;
            matches!(browser.views(&id).await, InvitationView::Open(_))
        };
        changes(&ana, &guest, &["bots.read"]).await.unwrap();
        assert!(is_alive(&links[0]).await && is_alive(&links[1]).await, "nothing changed");
        changes(&ana, &guest, &["bots.read", "bots.edit"]).await.unwrap();
        assert!(!is_alive(&links[0]).await, "Ben may not give what it offers now");
        assert!(is_alive(&links[1]).await, "Ana may");

        changes(&ana, &guest, &["bots.read"]).await.unwrap();
        let renewed = ben.copies_link(&ben.row("cleo@example.org").await).await.unwrap().url;
        assert!(is_alive(&renewed).await);
        changes(&ana, &desk, &["users.read", "users.invite"]).await.unwrap();
        assert!(!is_alive(&renewed).await, "Ben's role was narrowed");
        assert!(is_alive(&links[1]).await);
    }

    async fn r66_the_second_of_two_saves_is_refused(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let role = makes(&ana, "Writers", &["bots.read"]).await.unwrap();
        let shown = shows(&ana, &role).await.unwrap();
        let saved = saves(&ana, &shown, "Authors", &["bots.read", "bots.edit"], &[]).await;
        assert_eq!(saved, Ok(RoleEdited::Done { name: "Authors".to_owned() }));
        let second = saves(&adam, &shown, "", &["analytics.read"], &[]).await;
        assert_eq!(second, Err(AppError::ChangedMeanwhile { by: Some("Ana Owner".to_owned()), at: world.now() }));
        let now = shows(&adam, &role).await.unwrap();
        assert_eq!((now.version, now.role.name.as_deref()), (shown.version + 1, Some("Authors")));
        assert_eq!(now.role.permissions, set(&["bots.read", "bots.edit"]), "nothing was overwritten");
        assert_eq!(saves(&adam, &now, "", &["bots.edit", "bots.read"], &[]).await, Ok(RoleEdited::Unchanged));
        assert_eq!(shows(&adam, &role).await.unwrap().version, now.version);
    }

    async fn az_03_a_role_of_another_account_is_no_role(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Writers", &["bots.read"]).await.unwrap();
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        assert_eq!(shows(&beta, &role).await, Err(AppError::NotFound));
        assert_eq!(changes_blindly(&beta, &role).await, Err(AppError::NotFound));
        assert_eq!(deletes(&beta, &role).await, Err(AppError::NotFound));
        assert!(lists(&beta, "").await.unwrap().facts.roles.own().next().is_none());
        assert_eq!(beta.invites("ben@example.org", &having(&role)).await, invalid(Field::Role, Problem::NotOffered));
        makes(&beta, "Writers", &["bots.edit"]).await.unwrap();
        assert_eq!(shows(&ana, &role).await.unwrap().role.permissions, set(&["bots.read"]), "the same name elsewhere");
    }

    async fn roles_are_read_with_one_permission_and_changed_with_another(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Writers", &["bots.read"]).await.unwrap();
        let reader = ana.brings_in("rita@example.org", &Grant::of(BuiltInRole::Viewer).with("users.read").with("users.edit")).await;
        assert!(lists(&reader, "bots.read").await.is_ok() && shows(&reader, &role).await.is_ok());
        let needs = AppError::Refused(Refusal::Needs { gate: Gate::RolesManage });
        assert_eq!(makes(&reader, "More", &[]).await, Err(needs.clone()));
        assert_eq!(changes(&reader, &role, &[]).await, Err(needs.clone()));
        assert_eq!(deletes(&reader, &role).await, Err(needs));
    }

    async fn in_03_the_name_of_a_role_is_its_own_in_every_language(world: World) {
        let ana = world.owner("ana@example.org").await;
        let wrong = |problem| Err(FieldErrors::one(Field::RoleName, problem).into());
        assert_eq!(makes(&ana, "  ", &[]).await, wrong(Problem::Required));
        assert_eq!(makes(&ana, "\u{202E}Admin", &[]).await, wrong(Problem::NotAName));
        assert_eq!(makes(&ana, &"x".repeat(61), &[]).await, wrong(Problem::TooLong { most: 60 }));
        assert_eq!(makes(&ana, &"x".repeat(101), &[]).await, wrong(Problem::TooLong { most: 60 }));
        for built_in in ["Owner", "ADMIN", "Ｖｉｅｗｅｒ", "Inhaber", "nur  ansehen", "redaktion", "Support"] {
            assert_eq!(makes(&ana, built_in, &[]).await, wrong(Problem::Taken), "{built_in}");
        }
        let long = "x".repeat(60);
        makes(&ana, &long, &[]).await.unwrap();
        let role = makes(&ana, "  Équipe   Süd ", &[]).await.unwrap();
        let shown = shows(&ana, &role).await.unwrap();
        assert_eq!(shown.role.name.as_deref(), Some("Équipe Süd"));
        assert_eq!(makes(&ana, "equipe sud", &[]).await, wrong(Problem::Taken));
        assert_eq!(saves(&ana, &shown, &long, &[], &[]).await, invalid(Field::RoleName, Problem::Taken));
        saves(&ana, &shown, "ÉQUIPE SÜD", &[], &[]).await.unwrap();
        assert_eq!(makes(&ana, "Nonsense", &["bots.fly"]).await, invalid(Field::Permissions, Problem::NotOffered));
    }

    async fn an_account_has_fifty_roles_of_its_own_and_no_more(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut last = None;
        for n in 0..MAX_OWN_ROLES {
            last = Some(makes(&ana, &format!("Role {n}"), &[]).await.unwrap());
        }
        let most = MAX_OWN_ROLES;
        assert_eq!(makes(&ana, "One more", &[]).await, Err(AppError::Refused(Refusal::TooManyRoles { most })));
        deletes(&ana, &last.unwrap()).await.unwrap();
        makes(&ana, "One more", &[]).await.unwrap();
    }

    async fn the_names_of_deleted_roles_are_kept_within_bounds(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Support lead", &[]).await.unwrap();
        ana.brings_in("ben@example.org", &having(&role)).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        deletes(&ana, &role).await.unwrap();
        // Later ones that nobody had.
        world.changes("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
                       INSERT INTO roles (account_id, key, name, removed_at) SELECT a.id, 'old' || i, 'Old', 2000000000000 + i FROM n, accounts a").await;
        let last = makes(&ana, "Last", &[]).await.unwrap();
        deletes(&ana, &last).await.unwrap();
        let former = lists(&ana, "").await.unwrap().facts.roles.former;
        assert_eq!(former.len(), 201, "two hundred, and the one that a removed member had");
        assert!(former.contains_key(&role) && former.contains_key(&RoleKey::new("old300")) && !former.contains_key(&RoleKey::new("old1")));
    }

    async fn a_permission_that_the_catalogue_dropped_is_inert_in_a_role_and_stays(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let role = makes(&ana, "Writers", &["bots.read"]).await.unwrap();
        world.changes("INSERT INTO role_permissions (account_id, role_key, permission)
                       SELECT account_id, key, 'ships.steer' FROM roles WHERE name IS NOT NULL").await;
        assert_eq!(shows(&adam, &role).await.unwrap().role.permissions, set(&["bots.read"]));
        changes(&adam, &role, &["bots.edit"]).await.unwrap();
        adam.invites("ben@example.org", &having(&role)).await.unwrap();
        assert_eq!(world.texts("SELECT permission FROM role_permissions ORDER BY permission").await, ["bots.edit", "ships.steer"]);
    }

    async fn r65_whoever_can_do_something_is_named_with_where_it_comes_from(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Writers", &["bots.read", "bots.publish"]).await.unwrap();
        ana.brings_in("ben@example.org", &having(&role)).await;
        ana.brings_in("cleo@example.org", &Grant::of(BuiltInRole::Viewer).with("bots.publish")).await;
        ana.brings_in_as("dora@example.org", BuiltInRole::Viewer).await;
        ana.brings_in("emil@example.org", &having(&role)).await;
        ana.suspends(&ana.row("emil@example.org").await).await.unwrap();
        ana.invites("finn@example.org", &having(&role)).await.unwrap();
        let view = lists(&ana, "bots.publish").await.unwrap();
        let who_can = view.who_can.unwrap();
        let people: Vec<_> = who_can.people.iter().map(|one| (one.email.as_str(), one.source)).collect();
        let expected = [("ana@example.org", Source::Owner), ("ben@example.org", Source::Role), ("cleo@example.org", Source::Extra)];
        assert_eq!((people, who_can.more), (expected.to_vec(), false));
        let of = |key: &RoleKey| view.people.iter().find(|(role, _)| role == key).map(|(_, people)| *people);
        assert_eq!(of(&role), Some(Count::Exactly(3)), "active, suspended and invited");
        assert_eq!(of(&BuiltInRole::Owner.role()), Some(Count::Exactly(1)));
        assert_eq!(of(&BuiltInRole::Agent.role()), Some(Count::Exactly(0)));
        for nothing in ["", "bots.fly"] {
            assert_eq!(lists(&ana, nothing).await.unwrap().who_can, None, "{nothing}");
        }
    }

    async fn r65_of_many_who_can_do_something_fifty_are_named(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..60 {
            ana.invites(&format!("p{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        world.changes("UPDATE members SET state = 'active' WHERE state = 'invited'").await;
        let who_can = lists(&ana, "bots.read").await.unwrap().who_can.unwrap();
        assert_eq!((who_can.people.len(), who_can.more), (50, true));
    }

    async fn r60_what_happens_to_roles_is_recorded_with_before_and_after(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Writers", &["bots.read"]).await.unwrap();
        let shown = shows(&ana, &role).await.unwrap();
        saves(&ana, &shown, "Authors", &["bots.edit"], &[]).await.unwrap();
        deletes(&ana, &role).await.unwrap();
        let expected = [
            Event::RoleDeleted { role: role.clone(), name: "Authors".to_owned(), permissions: set(&["bots.edit"]) },
            Event::RoleChanged { role: role.clone(), gained: set(&["bots.edit"]), lost: set(&["bots.read"]) },
            Event::RoleRenamed { role: role.clone(), before: "Writers".to_owned(), after: "Authors".to_owned() },
            Event::RoleCreated { role, name: "Writers".to_owned(), permissions: set(&["bots.read"]) },
        ];
        assert_eq!(events(&ana).await, expected);
        let file = ana.presses("/a/acme/settings/audit/events.csv").await.body;
        assert!(file.contains("Role deleted") && file.contains("Writers → Authors"), "{file}");
    }

    async fn r30_nobody_takes_by_a_role_from_a_person_who_holds_what_they_lack(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let role = makes(&ana, "Writers", &["bots.read", "bots.edit"]).await.unwrap();
        ana.brings_in("bea@example.org", &having(&role).with("billing.manage")).await;
        let shown = shows(&adam, &role).await.unwrap();
        let refused = saves(&adam, &shown, "Writers", &["bots.read"], &[]).await;
        let missing = set(&["billing.manage"]);
        assert_eq!(refused, Err(AppError::Refused(Refusal::RolePeopleHoldMore { missing })));
        saves(&adam, &shown, "Writers", &["bots.read", "bots.edit", "bots.publish"], &[]).await.unwrap();
        let shown = shows(&ana, &role).await.unwrap();
        saves(&ana, &shown, "Writers", &["bots.read"], &[]).await.unwrap();
    }

    async fn lt_09_a_copy_of_a_role_is_no_way_around_a_second_factor_and_a_deleted_one_is_not_named(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.adds_app().await.unwrap();
        let first = makes(&ana, "First", &["bots.read"]).await.unwrap();
        let requires = [("account", "acme"), ("form[of]", "roles"), ("form[roles][]", first.as_str()), ("form[grace_days]", "7")];
        ana.call::<serde_json::Value>("security/require-second-factor", &requires).await.unwrap();
        let named = "SELECT COUNT(*) FROM second_factor_roles";
        let copy = makes(&ana, "Copy", &["bots.read"]).await.unwrap();
        assert_eq!(world.count(named).await, 2, "the copy as well");
        deletes(&ana, &first).await.unwrap();
        assert_eq!(world.count(named).await, 1);
        deletes(&ana, &copy).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM second_factor_requirements").await, 0, "it was required of nobody else");
        let kinds = world.texts("SELECT kind FROM audit_events ORDER BY seq").await;
        assert_eq!(kinds.last().map(String::as_str), Some("second_factor_not_required"));
    }

    async fn a_role_of_the_accounts_own_is_called_by_its_name_everywhere(world: World) {
        let ana = world.owner("ana@example.org").await;
        let role = makes(&ana, "Support lead", &["users.read"]).await.unwrap();
        let secret = makes(&ana, "Secret plans", &[]).await.unwrap();
        let ben = ana.brings_in("ben@example.org", &having(&role)).await;
        assert_eq!(ben.me().await.unwrap().accounts[0].role_name.as_deref(), Some("Support lead"));
        for page in ["/accounts", "/me/accounts", "/a/acme", "/a/acme/settings/users"] {
            let shown = ben.get(page).await;
            assert_eq!((shown.status, shown.body.contains("Support lead")), (StatusCode::OK, true), "{page}");
        }
        for file in ["users.csv", "audit/access.csv"] {
            let file = ana.presses(&format!("/a/acme/settings/{file}")).await.body;
            assert!(file.contains("Support lead") && file.contains("\"owner\"") && !file.contains(role.as_str()), "{file}");
        }

        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        let guest = makes(&beta, "Guest of honour", &[]).await.unwrap();
        beta.invites("ben@example.org", &having(&guest)).await.unwrap();
        let offered: Vec<OwnInvitation> = ben.call("me/invitations", &[]).await.unwrap();
        assert_eq!(offered[0].role_name.as_deref(), Some("Guest of honour"));
        // Whoever holds a link hears of what it offers alone.
        ana.invites("cleo@example.org", &having(&role)).await.unwrap();
        let cleo = world.browser();
        let id = cleo.opens_link(&world.link_to("cleo@example.org", 0).await).await;
        let open = cleo.views_open(&id).await;
        assert_eq!((open.roles.own_name(&role), open.roles.own_name(&secret)), (Some("Support lead"), None));
    }

    async fn roles_are_made_changed_and_deleted_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let (list, new) = ("/a/acme/settings/roles", "/a/acme/settings/roles/new?from=editor");
        let shown = ana.get(new).await.body;
        assert!(shown.contains("value=\"Copy of Editor\"") && shown.contains("action=\"/api/roles/create\""), "{shown}");
        let account = ("account", "acme");
        let fields = [account, ("form[name]", "Viewer"), ("form[permissions][]", "bots.publish")];
        let refused = ana.submits(new, "roles/create", &fields).await.body;
        assert!(refused.contains("This is already taken.") && refused.contains("value=\"Viewer\""), "{refused}");
        let chosen = |body: &str, key: &str| {
            let at = body.find(&format!("value=\"{key}\"")).unwrap();
            let (start, end) = (body[..at].rfind('<').unwrap(), at + body[at..].find('>').unwrap());
            body[start..end].contains(" checked")
        };
        assert!(chosen(&refused, "bots.publish") && !chosen(&refused, "bots.edit"), "what was chosen is kept");

        let fields = [account, ("form[name]", "Bots & more"), ("form[permissions][]", "bots.publish")];
        let made = ana.submits(new, "roles/create", &fields).await.body;
        assert!(made.contains("The role Bots &amp; more was created."), "{made}");
        let role = lists(&ana, "").await.unwrap().facts.roles.own().next().unwrap().key.clone();
        let page = format!("{list}/{role}");
        let fields = [account, ("form[role]", role.as_str()), ("form[version]", "1"), ("form[name]", "Bots"), ("form[permissions][]", "bots.edit")];
        let saved = ana.submits(&page, "roles/edit", &fields).await.body;
        assert!(saved.contains("The role Bots was saved."), "{saved}");
        let late = ana.submits(&page, "roles/edit", &fields).await.body;
        assert!(late.contains("Ana Owner changed this in the meantime.") && late.contains("name=\"form[version]\" value=\"2\""), "{late}");
        let unchanged = [account, ("form[role]", role.as_str()), ("form[version]", "2"), ("form[name]", "Bots"), ("form[permissions][]", "bots.edit")];
        let unchanged = ana.submits(&page, "roles/edit", &unchanged).await.body;
        assert!(unchanged.contains("nothing to save"), "{unchanged}");

        let asked = ana.get(&format!("{list}?permission=bots.edit")).await.body;
        assert!(asked.contains("One active member has the permission"), "{asked}");
        ana.brings_in("ben@example.org", &having(&role)).await;
        let used = ana.get(&page).await.body;
        assert!(used.contains("One person has this role.") && used.contains(&format!("settings/users?role={role}")), "{used}");
        assert!(!used.contains("roles/delete\""), "{used}");
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let deleted = ana.submits(&page, "roles/delete", &[account, ("form[role]", role.as_str())]).await.body;
        assert!(deleted.contains("The role Bots was deleted."), "{deleted}");
        assert_eq!(ana.get(&page).await.status, StatusCode::NOT_FOUND);
        let removed = ana.get(&format!("/a/acme/settings/users?state=removed&role={role}")).await.body;
        assert!(removed.contains("ben@example.org") && removed.contains(">Bots<"), "{removed}");
    }

    async fn r30_pages_of_roles_say_beforehand_what_is_refused(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let rita = ana.brings_in("rita@example.org", &Grant::of(BuiltInRole::Viewer).with("users.read")).await;
        let beyond = makes(&ana, "Bills", &["billing.manage"]).await.unwrap();
        let page = format!("/a/acme/settings/roles/{beyond}");
        let shown = adam.get(&page).await.body;
        assert!(shown.contains("This role has permissions that you don’t have: Manage billing.") && !shown.contains("/api/roles/"), "{shown}");
        let copy = adam.get(&format!("/a/acme/settings/roles/new?from={beyond}")).await.body;
        assert!(copy.contains("/api/roles/create") && copy.contains("greyed-out permissions"), "{copy}");
        assert!(adam.get("/a/acme/settings/roles/viewer").await.body.contains("can’t be changed"));
        for page in ["/a/acme/settings/roles", "/a/acme/settings/roles/new", &page] {
            let shown = rita.get(page).await;
            let offers = ["/api/roles/", "roles/new?from"].iter().any(|what| shown.body.contains(what));
            assert_eq!((shown.status, offers), (StatusCode::OK, false), "{page}");
        }
    }
}

/// Posts a change of a role without having seen it.
async fn changes_blindly(browser: &Browser, role: &RoleKey) -> Result<RoleEdited, AppError> {
    let fields = [("form[role]", role.as_str()), ("form[version]", "0"), ("form[name]", "Another name")];
    browser.call_in("roles/edit", &fields).await
}

/// What happened last: changes of Adam's grant, and roles that were made.
async fn events_about_adam(world: &World) -> Vec<String> {
    world
        .texts("SELECT kind FROM audit_events WHERE kind IN ('edited', 'role_created') ORDER BY seq DESC LIMIT 2")
        .await
}
