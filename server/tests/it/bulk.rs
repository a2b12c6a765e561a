//! One thing done to several people: those selected in the list, or everybody whom its view matches.

use crate::support::{Browser, PASSWORD, World, both_databases};
use app::{
    api::{
        invitations::InvitedOne,
        members::{BulkOutcome, BulkResult, Removed, Selection, Suspended},
    },
    domain::{
        bulk::{LeftOut, MAX_CHANGED_AT_ONCE, MAX_SELECTED_AT_ONCE, Selected},
        fields::{Field, FieldErrors, Problem},
        list::Cursor,
        member::ShownState,
        pasted_people::MAX_PEOPLE_AT_ONCE,
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::{AppError, BadRequest},
};

/// Invites so many as viewers.
async fn invites_many(ana: &Browser, many: usize) {
    let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
    let people: Vec<_> = (0..many).map(|n| format!("guest{n}@example.org")).collect();
    for part in people.chunks(MAX_PEOPLE_AT_ONCE) {
        let part = part.join("\n");
        let fields = [("form[method]", method.as_str()), ("form[people]", part.as_str()), ("form[role]", "viewer")];
        let results: Vec<InvitedOne> = ana.call_in("users/invite-several", &fields).await.unwrap();
        assert!(results.iter().all(|one| one.result.is_ok()), "{results:?}");
    }
}

/// Everybody whom a search matches, and how many answers it took.
async fn selects(browser: &Browser, search: &str) -> Result<(Vec<Selected>, usize), AppError> {
    let (mut all, mut from, mut answers) = (Vec::new(), None::<Cursor>, 0);
    loop {
        let mut fields = vec![("query[search]", search), ("query[sort]", "last_active_down")];
        fields.extend(from.as_ref().map(|from| ("from", from.as_str())));
        let Selection { people, next } = browser.call_in("users/select-matching", &fields).await?;
        answers += 1;
        assert!(people.len() <= MAX_SELECTED_AT_ONCE);
        all.extend(people);
        match next {
            Some(next) => from = Some(next),
            None => return Ok((all, answers)),
        }
    }
}

/// Does something to these people, in one request.
async fn changes(browser: &Browser, people: &[Selected], action: &[(&str, &str)]) -> Result<Vec<BulkResult>, AppError> {
    let members: Vec<_> = people.iter().map(|one| format!("{}.{}", one.id, one.version)).collect();
    let mut fields = action.to_vec();
    fields.extend(members.iter().map(|member| ("form[members][]", member.as_str())));
    browser.call_in("users/change-several", &fields).await
}

fn many_mails(world: &World) -> World {
    world.configured(|config| config.limits.mails_per_account_day = 20_000)
}

both_databases! {
    async fn r66_r33_a_bulk_action_does_to_each_what_it_does_to_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        for name in ["ben", "carl", "dora"] {
            ana.brings_in(&format!("{name}@example.org"), &Grant::of(BuiltInRole::Editor).with("analytics.export")).await;
        }
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let several = async |browser: &Browser, action: &str, role: &str, emails: &[&str]| {
            let mut members = Vec::new();
            for email in emails {
                let row = ana.row(email).await;
                members.push(format!("{}.{}", row.id, row.version));
            }
            let mut fields = vec![("form[action]", action), ("form[role]", role)];
            fields.extend(members.iter().map(|member| ("form[members][]", member.as_str())));
            browser.call_in::<Vec<BulkResult>>("users/change-several", &fields).await
        };
        let outcomes = |results: Vec<BulkResult>| -> Vec<_> {
            results.into_iter().map(|one| (one.label, one.result.is_ok())).collect()
        };
        // Role: extras stay; what is refused for one does not keep the others.
        let results = several(&ana, "role", "viewer", &["ben@example.org", "ana@example.org", "eve@example.org"]).await.unwrap();
        let label = |label: &str| Some(label.to_owned());
        assert_eq!(outcomes(results), [(label("ben"), true), (label("Ana Owner"), false), (label("eve@example.org"), true)]);
        assert_eq!(ana.row("ben@example.org").await.grant, Grant::of(BuiltInRole::Viewer).with("analytics.export"));
        assert!(ana.row("ana@example.org").await.grant.makes_owner(), "R33");
        // Suspending somebody who is only invited says so.
        let results = several(&ana, "suspend", "", &["carl@example.org", "eve@example.org"]).await.unwrap();
        assert!(matches!(&results[1].result, Ok(BulkOutcome::Suspended(Suspended::NotActive))), "{results:?}");
        assert_eq!(ana.row("carl@example.org").await.state, ShownState::Suspended);
        world.advance(Span::minutes(10));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let results = several(&ana, "resend", "", &["eve@example.org"]).await.unwrap();
        assert!(matches!(&results[0].result, Ok(BulkOutcome::Resent(_))), "{results:?}");
        // R66: a row that was changed since is left as it is.
        let stale = ana.row("dora@example.org").await;
        ana.edits(&stale, &Grant::of(BuiltInRole::Agent)).await.unwrap();
        let members = format!("{}.{}", stale.id, stale.version);
        let fields = [("form[action]", "remove"), ("form[members][]", members.as_str())];
        let results: Vec<BulkResult> = ana.call_in("users/change-several", &fields).await.unwrap();
        assert!(matches!(&results[0].result, Err(AppError::ChangedMeanwhile { .. })), "{results:?}");
        let results = several(&ana, "remove", "", &["dora@example.org", "ben@example.org", "eve@example.org"]).await.unwrap();
        assert!(results.iter().all(|one| matches!(one.result, Ok(BulkOutcome::Removed(Removed::Done { .. })))), "{results:?}");
        // Whoever lacks the permission does nothing to anybody; neither does a form that no page makes.
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Viewer).await;
        for action in ["role", "resend", "suspend", "remove"] {
            let refused = several(&adam, action, "viewer", &["carl@example.org"]).await;
            assert!(matches!(refused, Err(AppError::Refused(Refusal::Needs { .. }))), "{action}: {refused:?}");
        }
        for (action, role) in [("nothing", ""), ("", "")] {
            assert_eq!(several(&ana, action, role, &["carl@example.org"]).await, Err(BadRequest::Malformed.into()));
        }
        assert_eq!(several(&ana, "remove", "", &[]).await, Err(BadRequest::Malformed.into()));
        let needed = Err(FieldErrors::one(Field::Role, Problem::Required).into());
        assert_eq!(several(&ana, "role", "", &["carl@example.org"]).await, needed);
    }

    async fn r66_whoever_was_erased_meanwhile_is_left_out_with_a_result_and_the_others_go_on(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.brings_in("carl@example.org", &Grant::of(BuiltInRole::Viewer)).await;
        let ben = Selected::from(&ana.row("ben@example.org").await);
        // The invitation expired and was kept long enough, while the page of those who were selected stood open.
        world.advance(Span::days(100));
        assert!(world.services.clean_up_if_due(&tokio_util::sync::CancellationToken::new()).await.unwrap());
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let carl = Selected::from(&ana.row("carl@example.org").await);
        let stranger = Selected { id: app::domain::ids::MemberId(uuid::Uuid::from_u128(7)), ..ben.clone() };
        let results = changes(&ana, &[ben, stranger, carl], &[("form[action]", "role"), ("form[role]", "editor")]).await.unwrap();
        let gone = BulkResult { label: None, result: Ok(BulkOutcome::LeftOut(LeftOut::Gone)) };
        assert_eq!(results, [gone.clone(), gone, BulkResult { label: Some("carl".to_owned()), result: Ok(BulkOutcome::Edited) }]);
        assert_eq!(ana.row("carl@example.org").await.grant, Grant::of(BuiltInRole::Editor));
    }

    async fn br_14_a_bulk_action_works_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.invites("carl@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let (ben, carl) = (ana.row("ben@example.org").await, ana.row("carl@example.org").await);
        let page = format!("/a/acme/settings/users/several?do=remove&member={}&member={}", ben.id, carl.id);
        let asked = ana.get(&page).await.body;
        assert!(asked.contains("2 of these people lose access to Acme immediately"), "{asked}");
        let (one, other) = (format!("{}.{}", ben.id, ben.version), format!("{}.{}", carl.id, carl.version));
        let fields = [("account", "acme"), ("form[action]", "remove"), ("form[members][]", one.as_str()), ("form[members][]", other.as_str())];
        let shown = ana.submits(&page, "users/change-several", &fields).await.body;
        assert!(shown.contains("Done for 2 of 2 people."), "{shown}");
        let nobody = ana.get("/a/acme/settings/users/several?do=remove").await.body;
        assert!(nobody.contains("No one is selected."), "{nobody}");
    }

    async fn r66_everybody_who_matches_is_selected_and_changed_in_parts_and_nobody_else(world: World) {
        let world = many_mails(&world);
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("other@example.org", BuiltInRole::Editor).await;
        let many = MAX_SELECTED_AT_ONCE + 60;
        invites_many(&ana, many).await;
        let (people, answers) = selects(&ana, "guest").await.unwrap();
        assert_eq!((people.len(), answers), (many, 2));
        assert!(people.iter().all(|one| one.email.starts_with("guest") && one.state == ShownState::Invited));
        let different: std::collections::BTreeSet<_> = people.iter().map(|one| one.id).collect();
        assert_eq!(different.len(), many, "each once");

        // Who came later matches too, and is not touched; who changed meanwhile is left as they are.
        ana.invites("guest-later@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let changed = ana.row(&people[0].email).await;
        ana.edits(&changed, &Grant::of(BuiltInRole::Agent)).await.unwrap();
        let action = [("form[action]", "role"), ("form[role]", "analyst")];
        let mut results = Vec::new();
        for part in people.chunks(MAX_CHANGED_AT_ONCE) {
            results.extend(changes(&ana, part, &action).await.unwrap());
        }
        assert!(matches!(results[0].result, Err(AppError::ChangedMeanwhile { .. })), "{:?}", results[0]);
        assert!(results[1..].iter().all(|one| one.result == Ok(BulkOutcome::Edited)), "{results:?}");
        let roles = world.texts("SELECT role_key || ' ' || COUNT(*) FROM members GROUP BY role_key ORDER BY role_key").await;
        assert_eq!(roles, ["agent 1", &format!("analyst {}", many - 1), "editor 1", "owner 1", "viewer 1"]);

        // A part whose answer was lost is sent again, and changes nothing twice.
        let events = world.count("SELECT COUNT(*) FROM audit_events").await;
        let again = changes(&ana, &people[1..1 + MAX_CHANGED_AT_ONCE], &action).await.unwrap();
        assert!(again.iter().all(|one| one.result == Ok(BulkOutcome::Unchanged)), "{again:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events").await, events);
        let too_many = changes(&ana, &people[..=MAX_CHANGED_AT_ONCE], &action).await;
        assert_eq!(too_many, Err(BadRequest::Malformed.into()));
    }

    async fn az_01_only_who_may_read_the_list_selects_from_it_and_no_cursor_is_made_up(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        assert!(matches!(selects(&ben, "").await, Err(AppError::Refused(Refusal::Needs { .. }))));
        let made_up: Result<Selection, _> = ana.call_in("users/select-matching", &[("from", "c2VhbGVk")]).await;
        assert_eq!(made_up, Err(BadRequest::Malformed.into()));
        let long = "x".repeat(101);
        assert_eq!(selects(&ana, &long).await, Err(BadRequest::Malformed.into()));
    }

    async fn r30_a_permission_is_given_to_several_and_taken_from_them(world: World) {
        let ana = world.owner("ana@example.org").await;
        let dan = ana.brings_in_as("dan@example.org", BuiltInRole::Admin).await;
        ana.brings_in("has-it@example.org", &Grant::of(BuiltInRole::Viewer).with("analytics.export")).await;
        ana.brings_in_as("by-role@example.org", BuiltInRole::Analyst).await;
        ana.invites("plain@example.org", &Grant::of(BuiltInRole::Viewer).with("bots.edit")).await.unwrap();
        let (people, _) = selects(&dan, "").await.unwrap();
        let changed = async |action: &str, permission: &str| {
            let action = [("form[action]", action), ("form[permission]", permission)];
            let (people, _) = selects(&ana, "").await.unwrap();
            let results = changes(&dan, &people, &action).await?;
            Ok::<_, AppError>(people.into_iter().map(|one| one.email).zip(results.into_iter().map(|one| one.result)).collect::<std::collections::BTreeMap<_, _>>())
        };
        let given = changed("give", "analytics.export").await.unwrap();
        assert_eq!(given["plain@example.org"], Ok(BulkOutcome::Edited));
        assert_eq!(given["has-it@example.org"], Ok(BulkOutcome::LeftOut(LeftOut::HasExtra)));
        for email in ["ana@example.org", "by-role@example.org", "dan@example.org"] {
            assert_eq!(given[email], Ok(BulkOutcome::LeftOut(LeftOut::HasByRole)), "{email}");
        }
        let plain = Grant::of(BuiltInRole::Viewer).with("bots.edit");
        assert_eq!(ana.row("plain@example.org").await.grant, plain.clone().with("analytics.export"));
        let recorded = world.texts("SELECT kind FROM audit_events ORDER BY seq DESC LIMIT 1").await;
        assert_eq!(recorded, ["edited"], "as for one");

        let taken = changed("take", "analytics.export").await.unwrap();
        assert_eq!(taken["plain@example.org"], Ok(BulkOutcome::Edited));
        assert_eq!(taken["has-it@example.org"], Ok(BulkOutcome::Edited));
        assert_eq!(taken["by-role@example.org"], Ok(BulkOutcome::LeftOut(LeftOut::HasByRole)));
        assert_eq!(ana.row("plain@example.org").await.grant, plain, "the other extra stays");
        assert_eq!(ana.row("by-role@example.org").await.grant, Grant::of(BuiltInRole::Analyst));
        let again = changed("take", "analytics.export").await.unwrap();
        assert_eq!(again["plain@example.org"], Ok(BulkOutcome::LeftOut(LeftOut::HasNot)));

        // Nobody gives what they lack, and nobody touches somebody of higher rank.
        let above = changed("give", "billing.manage").await.unwrap();
        assert!(matches!(above["plain@example.org"], Err(AppError::Refused(Refusal::AboveYourOwn { .. }))), "{above:?}");
        assert_eq!(ana.row("plain@example.org").await.grant, plain);
        let wrong = |problem| Err(FieldErrors::one(Field::Extras, problem).into());
        assert_eq!(changed("give", "").await, wrong(Problem::Required));
        assert_eq!(changed("take", "no.such").await, wrong(Problem::NotOffered));
        // R66: a row that is another by now is left as it is.
        let stale = changes(&dan, &people, &[("form[action]", "give"), ("form[permission]", "analytics.export")]).await.unwrap();
        let of = |email: &str| people.iter().position(|one| one.email == email).map(|at| &stale[at].result).unwrap();
        assert!(matches!(of("plain@example.org"), Err(AppError::ChangedMeanwhile { .. })), "{stale:?}");
    }

    async fn br_14_everybody_who_matches_is_shown_and_changed_without_scripting(world: World) {
        let world = many_mails(&world);
        let ana = world.owner("ana@example.org").await;
        invites_many(&ana, 103).await;
        let listed = ana.get("/a/acme/settings/users").await.body;
        assert!(listed.contains("Select all 104 people"), "{listed:.3000}");
        assert!(ana.get("/a/acme/settings/users?q=guest").await.body.contains("Select all 103 that match"));
        assert!(!ana.get("/a/acme/settings/users?q=guest10").await.body.contains("that match"), "all of them are on the page");
        let page = "/a/acme/settings/users/several?do=role&all=yes";
        let asked = ana.get(page).await.body;
        assert!(asked.contains("Give 103 of these people another role.") && asked.contains("1 person is left out. You change your own"), "{asked}");
        assert!(asked.contains("This is done for the first 100 people only."), "{asked}");
        let members: Vec<_> = asked.split("name=\"form[members][]\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(members.len(), MAX_CHANGED_AT_ONCE);
        let mut fields = vec![("account", "acme"), ("form[action]", "role"), ("form[role]", "analyst")];
        fields.extend(members.iter().map(|member| ("form[members][]", *member)));
        let shown = ana.submits(page, "users/change-several", &fields).await.body;
        assert!(shown.contains("Done for 100 of 100 people."), "{shown}");
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE role_key = 'analyst'").await, 100);

        // A permission is chosen on the same page, and one that is missing is asked for at its field.
        let page = "/a/acme/settings/users/several?do=give&all=yes&q=guest10";
        let asked = ana.get(page).await.body;
        assert!(asked.contains("Choose a permission to see what changes for whom.") && !asked.contains("the first 100"), "{asked}");
        let member = asked.split("name=\"form[members][]\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let fields = [("account", "acme"), ("form[action]", "take"), ("form[members][]", member)];
        let shown = ana.submits(page, "users/change-several", &fields).await.body;
        assert!(shown.contains("form-permission-problem") && shown.contains("aria-invalid=\"true\""), "{shown}");
    }
}
