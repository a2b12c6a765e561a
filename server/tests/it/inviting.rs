//! Inviting, inviting again, sending again, handing over a link.

use crate::support::{Browser, PASSWORD, both_databases, holds};
use app::{
    api::{
        invitations::{Invited, InvitedOne, LookedUpOne, Standing},
        joining::{InvitationView, Joined},
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        member::{MailState, ShownState},
        name::Slug,
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPerson},
        people_table::write_table,
        permission::PermissionKey,
        policy::{Refusal, Verdict},
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};

both_databases! {
    async fn r01_one_address_is_one_row_however_it_is_typed(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("Ben@Bücher.example", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let again = ana.invites(" ben@xn--bcher-kva.EXAMPLE ", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(matches!(again, Invited::AlreadyInvited { .. }), "{again:?}");
        assert_eq!(ana.row("Ben@Bücher.example").await.email, "Ben@bücher.example");
        assert_eq!(world.deliver(1).await[0].to, ["ben@xn--bcher-kva.example"]);
        assert!(matches!(ana.invites("ben+news@bücher.example", &Grant::of(BuiltInRole::Viewer)).await, Ok(Invited::Done { .. })));
    }

    async fn r02_inviting_an_active_member_changes_nothing(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        let mails = world.count("SELECT COUNT(*) FROM outbox").await;
        let outcome = ana.invites("BEN@example.org", &Grant::of(BuiltInRole::Admin)).await.unwrap();
        assert!(matches!(&outcome, Invited::AlreadyMember { role, .. } if role.as_str() == "editor"), "{outcome:?}");
        assert_eq!(ana.row("ben@example.org").await.grant, Grant::of(BuiltInRole::Editor));
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox").await, mails);
    }

    async fn r04_a_removed_member_is_invited_again_with_the_old_role_or_a_fresh_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        let before = Grant::of(BuiltInRole::Editor).with("analytics.export");
        let ben = ana.brings_in("ben@example.org", &before).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();

        let viewer = Grant::of(BuiltInRole::Viewer);
        let outcome = ana.invites("Ben@Example.org", &viewer).await.unwrap();
        let Invited::RemovedBefore { previous, restore, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((previous, restore), (before.clone(), Verdict::Yes));
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Removed, "asking changes nothing");

        ana.invites_with("ben@example.org", &viewer, &[("form[again]", "restore")]).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.grant, before);
        // A mail that waits while its invitation is withdrawn is never sent.
        world.mail_to("ben@example.org", 1).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        ana.invites_with("ben@example.org", &viewer, &[("form[again]", "fresh")]).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.grant, viewer);

        // The first mail invited, the second told Ana, the third and fourth invited again.
        let link = world.link_to("ben@example.org", 2).await;
        let id = ben.opens_link(&link).await;
        assert_eq!(ben.joins(&id).await, Ok(Joined::In { slug: slug("acme"), goes_on: None }));
        assert_eq!(ben.home().await.unwrap().grant, viewer);
    }

    async fn r54_several_people_are_invited_at_once_each_by_themselves(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("member@example.org", BuiltInRole::Editor).await;
        ana.brings_in_as("gone@example.org", BuiltInRole::Editor).await;
        ana.removes(&ana.row("gone@example.org").await).await.unwrap();
        ana.invites("waiting@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let several = async |browser: &Browser, addresses: &str, role: &str| {
            let fields = [("form[method]", method.as_str()), ("form[people]", addresses), ("form[role]", role), ("form[extras][]", "analytics.export")];
            browser.call_in::<Vec<InvitedOne>>("users/invite-several", &fields).await
        };
        let pasted = "Ben Example <ben@example.org>, cleo@example.org\nnot an address; MEMBER@example.org\ngone@example.org waiting@example.org\nben@example.org";
        let results = several(&ana, pasted, "viewer").await.unwrap();
        let words: Vec<_> = results.iter().map(|one| match &one.result {
            Ok(Invited::Done { .. }) => "invited",
            Ok(Invited::AlreadyMember { .. }) => "member",
            Ok(Invited::AlreadyInvited { .. }) => "waiting",
            Ok(Invited::RemovedBefore { .. }) => "gone",
            Ok(Invited::Suspended { .. }) => "suspended",
            Err(AppError::Invalid(_)) => "no address",
            Err(other) => panic!("{other:?}"),
        }).collect();
        assert_eq!(words, ["invited", "invited", "no address", "member", "gone", "waiting"]);
        assert_eq!(results[2].typed, "not an address");
        let ben = ana.row("ben@example.org").await;
        assert_eq!((ben.name.as_deref(), &ben.grant), (Some("Ben Example"), &Grant::of(BuiltInRole::Viewer).with("analytics.export")));
        world.link_to("cleo@example.org", 0).await;
        // Once more makes no duplicates.
        let again = several(&ana, pasted, "viewer").await.unwrap();
        assert!(matches!(&again[0].result, Ok(Invited::AlreadyInvited { .. })));
        let wrong = |problem| Err(FieldErrors::one(Field::People, problem).into());
        assert_eq!(several(&ana, " ,\n ", "viewer").await, wrong(Problem::Required));
        let many = (0..51).map(|n| format!("n{n}@example.org\n")).collect::<String>();
        assert_eq!(several(&ana, &many, "viewer").await, wrong(Problem::TooMany { most: 50 }));
        assert!(several(&ana, "x@example.org", "king").await.is_err(), "the role is looked at before anybody is invited");
        let dan = ana.brings_in_as("dan@example.org", BuiltInRole::Admin).await;
        let refused = several(&dan, "y@example.org\nz@example.org", "owner").await;
        assert!(matches!(refused, Err(AppError::Refused(_))), "R30: {refused:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE email_key IN ('x@example.org', 'y@example.org', 'z@example.org')").await, 0);
    }

    async fn r54_a_table_says_of_each_person_what_they_get(world: World) {
        let (_world, _provider, ana, sso) = world.with_acme_sso().await;
        let method = password_method(&ana).await;
        let table = "E-Mail;Vorname;Nachname;Rolle;Berechtigungen;Anmeldemethode;Benutzerkennung\r\n\
                     ben@example.org;Ben;Example;Redaktion;Export analytics, billing.manage;;\r\n\
                     cleo@example.org;;;;;;\r\n\
                     dora@example.org;;;analyst;;acme sso;00u-dora\r\n\
                     emil@example.org;;;King;;;\r\n\
                     finn@example.org;;;viewer;fly;;\r\n\
                     gil@example.org;;;viewer;;No such method;\r\n";
        let fields = [("form[method]", method.as_str()), ("form[people]", table), ("form[role]", "viewer"), ("form[extras][]", "analytics.export")];
        let results: Vec<InvitedOne> = ana.call_in("users/invite-several", &fields).await.unwrap();
        let wrong: Vec<_> = results.iter().filter_map(|one| {
            let error = one.result.as_ref().err()?;
            Some((one.typed.as_str(), error.fields().unwrap().all().map(|(field, _)| field).collect::<Vec<_>>()))
        }).collect();
        assert_eq!(wrong, [("emil@example.org", vec![Field::Role]), ("finn@example.org", vec![Field::Extras]), ("gil@example.org", vec![Field::LoginMethod])]);
        let ben = ana.row("ben@example.org").await;
        assert_eq!(ben.name.as_deref(), Some("Ben Example"));
        assert_eq!(ben.grant, Grant::of(BuiltInRole::Editor).with("analytics.export").with("billing.manage"));
        let cleo = ana.row("cleo@example.org").await;
        assert_eq!(cleo.grant, Grant::of(BuiltInRole::Viewer).with("analytics.export"), "what was chosen for those of whom nothing is said");
        let dora = ana.row("dora@example.org").await;
        assert_eq!((dora.grant, dora.method.id.to_string()), (Grant::of(BuiltInRole::Analyst), sso));
    }

    async fn r54_people_are_looked_up_before_they_are_invited_and_nothing_is_written(world: World) {
        let ana = world.owner("ana@example.org").await;
        let dan = ana.brings_in_as("dan@example.org", BuiltInRole::Admin).await;
        ana.brings_in_as("member@example.org", BuiltInRole::Editor).await;
        ana.brings_in("gone@example.org", &Grant::of(BuiltInRole::Editor).with("billing.manage")).await;
        ana.removes(&ana.row("gone@example.org").await).await.unwrap();
        ana.brings_in_as("away@example.org", BuiltInRole::Editor).await;
        ana.suspends(&ana.row("away@example.org").await).await.unwrap();
        ana.invites("waiting@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.invites("declined@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let invitee = world.browser();
        let id = invitee.opens_link(&world.link_to("declined@example.org", 0).await).await;
        invitee.declines(&id).await.unwrap();
        // Somebody who has a user in another account is as new as anybody (R7).
        ana.opens_account("Beta", "beta").await.unwrap();
        ana.on("beta").brings_in_as("elsewhere@example.org", BuiltInRole::Viewer).await;
        // What the mail worker is about to write is written by now.
        world.stops_mailing().await;
        let before = world.rows().await;

        let method = password_method(&ana).await;
        let table = "email,role\nnew@example.org,\nelsewhere@example.org,\nmember@example.org,\nwaiting@example.org,\naway@example.org,\n\
                     gone@example.org,\ndeclined@example.org,\nnobody,\nboss@example.org,owner\nking@example.org,king\n";
        let fields = [("form[method]", method.as_str()), ("form[people]", table), ("form[role]", "viewer")];
        let looked_up: Vec<LookedUpOne> = dan.call_in("users/look-up-several", &fields).await.unwrap();
        let standings: Vec<_> = looked_up.into_iter().map(|one| one.standing).collect();
        let previous = Grant::of(BuiltInRole::Editor).with("billing.manage");
        let missing = [PermissionKey::new("billing.manage")].into();
        assert_eq!(standings, [
            Ok(Standing::New),
            Ok(Standing::New),
            Ok(Standing::Member),
            Ok(Standing::Invited),
            Ok(Standing::Suspended),
            Ok(Standing::RemovedBefore { previous, restore: Verdict::No(Refusal::AboveYourOwn { missing }) }),
            Ok(Standing::New),
            Err(FieldErrors::one(Field::Email, Problem::NotAnEmail).into()),
            Err(AppError::Refused(Refusal::OnlyOwnersMakeOwners)),
            Err(FieldErrors::one(Field::Role, Problem::NotOffered).into()),
        ]);
        assert_eq!(world.rows().await, before, "nothing was written");
    }

    async fn r04_several_who_were_removed_return_with_what_they_had_or_afresh(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = password_method(&ana).await;
        for (email, again, expected) in [
            ("ben@example.org", "restore", Grant::of(BuiltInRole::Editor).with("billing.manage")),
            ("cleo@example.org", "fresh", Grant::of(BuiltInRole::Viewer)),
        ] {
            ana.brings_in(email, &Grant::of(BuiltInRole::Editor).with("billing.manage")).await;
            ana.removes(&ana.row(email).await).await.unwrap();
            let fields = [("form[method]", method.as_str()), ("form[people]", email), ("form[role]", "viewer"), ("form[again]", again)];
            let results: Vec<InvitedOne> = ana.call_in("users/invite-several", &fields).await.unwrap();
            assert!(matches!(&results[0].result, Ok(Invited::Done { .. })), "{results:?}");
            assert_eq!(ana.row(email).await.grant, expected);
        }
    }

    /// Ten thousand, if `UPLOAD_PEOPLE` says so.
    async fn f13_many_people_are_invited_in_parts_and_again_makes_no_duplicates(world: World) {
        let many: usize = std::env::var("UPLOAD_PEOPLE").ok().and_then(|many| many.parse().ok()).unwrap_or(400);
        let world = world.configured(|config| config.limits.mails_per_account_day = 20_000);
        let ana = world.owner("ana@example.org").await;
        let method = password_method(&ana).await;
        let people: Vec<_> = (0..many).map(|n| PastedPerson { email: format!("n{n}@example.org"), ..PastedPerson::default() }).collect();
        let begun = std::time::Instant::now();
        for again in [false, true] {
            for part in people.chunks(MAX_PEOPLE_AT_ONCE) {
                let table = write_table(part);
                let fields = [("form[method]", method.as_str()), ("form[people]", table.as_str()), ("form[role]", "viewer")];
                let results: Vec<InvitedOne> = ana.call_in("users/invite-several", &fields).await.unwrap();
                let expected = |one: &InvitedOne| match &one.result {
                    Ok(Invited::Done { .. }) => !again,
                    Ok(Invited::AlreadyInvited { .. }) => again,
                    other => panic!("{other:?}"),
                };
                assert!(results.len() == part.len() && results.iter().all(expected), "{results:?}");
            }
        }
        println!("{many} people twice in {:?}", begun.elapsed());
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'invited'").await, many as i64);
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'invitation'").await, many as i64);
    }

    async fn br_14_several_people_are_invited_without_scripting(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let page = "/a/acme/settings/users/new/several";
        let fields = [("account", "acme"), ("form[method]", method.as_str()), ("form[people]", "ben@example.org\nnobody"), ("form[role]", "viewer")];
        let shown = ana.submits(page, "users/invite-several", &fields).await.body;
        assert!(shown.contains("1 of 2 people were invited.") && shown.contains("nobody"), "{shown}");
        let empty = [("account", "acme"), ("form[method]", method.as_str()), ("form[people]", " "), ("form[role]", "viewer")];
        let shown = ana.submits(page, "users/invite-several", &empty).await.body;
        assert!(shown.contains("form-people-problem") && shown.contains("aria-invalid=\"true\""), "{shown}");
    }

    async fn r04_restoring_needs_the_right_to_give_what_is_restored(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("billing.manage")).await;
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let viewer = Grant::of(BuiltInRole::Viewer);
        let outcome = adam.invites("ben@example.org", &viewer).await.unwrap();
        assert!(matches!(&outcome, Invited::RemovedBefore { restore: Verdict::No(_), .. }), "{outcome:?}");
        let refused = adam.invites_with("ben@example.org", &viewer, &[("form[again]", "restore")]).await;
        assert!(matches!(refused, Err(AppError::Refused(Refusal::AboveYourOwn { .. }))), "{refused:?}");
        adam.invites_with("ben@example.org", &viewer, &[("form[again]", "fresh")]).await.unwrap();
    }

    async fn r05_a_second_invitation_while_one_is_pending_names_the_first(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let since = world.now();
        world.advance(Span::hours(1));
        let outcome = ana.invites("ben@example.org", &Grant::of(BuiltInRole::Admin)).await.unwrap();
        let Invited::AlreadyInvited { since: named, by, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((named, by.as_deref()), (since, Some("Ana Owner")));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, 1);
    }

    async fn inv_14_twenty_parallel_invitations_make_one_row_and_one_mail(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let ana = ana.clone();
            tasks.spawn(async move { ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await });
        }
        let outcomes: Vec<_> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Invited::Done { .. })).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Invited::AlreadyInvited { .. })).count(), 19);
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE kind = 'invitation'").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'invited'").await, 1);
    }

    async fn r07_inv_18_the_answer_does_not_tell_whether_the_address_has_a_user(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("known@example.org", BuiltInRole::Viewer).await;
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.on("beta");
        let viewer = Grant::of(BuiltInRole::Viewer);
        let shape = |outcome: Invited| match outcome {
            Invited::Done { mail, .. } => format!("{mail:?}"),
            other => panic!("{other:?}"),
        };
        let known = shape(beta.invites("known@example.org", &viewer).await.unwrap());
        let stranger = shape(beta.invites("stranger@example.org", &viewer).await.unwrap());
        assert_eq!(known, stranger);
        let words = |mail: &crate::mail_server::Received| {
            mail.part("text/plain").lines().filter(|line| !line.contains("/i/")).map(str::to_owned).collect::<Vec<_>>()
        };
        let (to_known, to_stranger) = (world.mail_to("known@example.org", 1).await, world.mail_to("stranger@example.org", 0).await);
        assert_eq!(words(&to_known), words(&to_stranger), "the mail tells no more than the answer");
    }

    async fn inv_15_r30_nobody_invites_to_what_he_could_not_give(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        let owner = adam.invites("ben@example.org", &Grant::of(BuiltInRole::Owner)).await;
        assert_eq!(owner, Err(AppError::Refused(Refusal::OnlyOwnersMakeOwners)));
        let extra = adam.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("billing.manage")).await;
        assert!(matches!(extra, Err(AppError::Refused(Refusal::AboveYourOwn { .. }))), "{extra:?}");
        let viewer = ana.brings_in_as("vera@example.org", BuiltInRole::Viewer).await;
        assert!(viewer.list(&Default::default()).await.is_err());
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE email_key = 'ben@example.org'").await, 0);
    }

    async fn what_is_wrong_with_the_invitation_is_said_at_each_field(world: World) {
        let ana = world.owner("ana@example.org").await;
        let fields = [("account", "acme"), ("form[method]", "x"), ("form[email]", "ben"), ("form[role]", "nonsense"), ("form[lifetime]", "5"), ("form[language]", "xx")];
        let Err(AppError::Invalid(errors)) = ana.call::<Invited>("users/invite", &fields).await else { panic!() };
        for (field, problem) in [
            (Field::LoginMethod, Problem::NotOffered),
            (Field::Email, Problem::NotAnEmail),
            (Field::Role, Problem::NotOffered),
            (Field::Lifetime, Problem::NotOffered),
            (Field::Language, Problem::NotOffered),
        ] {
            assert_eq!(errors.of(field), Some(problem), "{field:?}");
        }
    }

    async fn in_03_a_name_is_kept_as_it_is_spelled_and_refused_when_nothing_of_it_shows(world: World) {
        let ana = world.owner("ana@example.org").await;
        let grant = Grant::of(BuiltInRole::Viewer);
        for (n, name) in ["علی\u{200C}رضا", "ශ\u{0DCA}\u{200D}රී", "Ana 🏳\u{FE0F}\u{200D}🌈", "Zoé"].into_iter().enumerate() {
            let email = format!("kept{n}@example.org");
            let typed = name.replace('é', "e\u{301}");
            ana.invites_with(&email, &grant, &[("form[first_name]", &typed)]).await.unwrap();
            assert_eq!(ana.row(&email).await.name.as_deref(), Some(name));
        }
        for nothing in ["\u{3164}", "\u{2800}", "\u{AD}", "\u{E0041}", "\u{301}", "\u{FE0F}", "A\u{200D}na", "Ana\u{202E}"] {
            let fields = [("form[first_name]", nothing)];
            let Err(AppError::Invalid(errors)) = ana.invites_with("ben@example.org", &grant, &fields).await else {
                panic!("{nothing:?} is a name")
            };
            assert_eq!(errors.of(Field::FirstName), Some(Problem::NotAName), "{nothing:?}");
        }
    }

    async fn in_01_what_is_stored_shown_and_mailed_holds_no_invisible_character(world: World) {
        let ana = world.owner("ana@example.org").await;
        let pasted = "mailto:\u{200B}Be\u{2060}n@exam\u{AD}ple.org\u{202C};";
        ana.invites(pasted, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.email, "Ben@example.org");
        assert_eq!(world.texts("SELECT email FROM members WHERE state = 'invited'").await, ["Ben@example.org"]);
        assert_eq!(world.deliver(1).await[0].to, ["ben@example.org"]);
    }

    async fn r21_an_invitation_lives_as_long_as_chosen_and_stays_in_the_list(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites_with("ben@example.org", &Grant::of(BuiltInRole::Viewer), &[("form[lifetime]", "1")]).await.unwrap();
        ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        world.advance(Span::hours(1));
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Expired);
        assert_eq!(ana.row("cleo@example.org").await.expires, Some(world.now() - Span::hours(1) + Span::days(7)));
        let expired = app::domain::list::ListQuery { state: Some(app::domain::list::StateFilter::In(ShownState::Expired)), ..Default::default() };
        assert_eq!(ana.list(&expired).await.unwrap().rows.len(), 1);
    }

    async fn r23_inv_11_sending_again_makes_a_new_link_and_kills_the_old_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        let grant = Grant::of(BuiltInRole::Editor).with("audit.read");
        ana.invites("ben@example.org", &grant).await.unwrap();
        let old = world.link_to("ben@example.org", 0).await;
        let row = ana.row("ben@example.org").await;
        assert!(matches!(ana.resends(&row).await, Err(AppError::RateLimited { retry_after_s: 300 })));
        world.advance(Span::days(8));
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        ana.resends(&row).await.unwrap();
        let new = world.link_to("ben@example.org", 1).await;
        assert_ne!(old, new);
        let row = ana.row("ben@example.org").await;
        assert_eq!((row.state, row.expires, &row.grant), (ShownState::Invited, Some(world.now() + Span::days(7)), &grant));

        let ben = world.browser();
        let id = ben.opens_link(&old).await;
        assert!(matches!(ben.views(&id).await, InvitationView::Replaced { .. }));
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Err(AppError::OpenTheLinkAgain));
        let id = ben.opens_link(&new).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ben.home().await.unwrap().grant, grant);
    }

    async fn inv_11_sending_again_kills_a_copied_link_too(world: World) {
        let ana = world.owner("ana@example.org").await;
        for world in [world.clone(), world.without_mail_server()] {
            let ana = ana.at(&world);
            let mails = world.services.config.smtp.is_some();
            let email = if mails { "ben@example.org" } else { "bea@example.org" };
            ana.invites(email, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            let row = ana.row(email).await;
            let copied = ana.copies_link(&row).await.unwrap().url;
            world.advance(Span::minutes(5));
            ana.resends(&row).await.unwrap();
            let ben = world.browser();
            let id = ben.opens_link(&copied).await;
            let account = "Acme".to_owned();
            let expected = if mails {
                InvitationView::Replaced { account, at: world.now() }
            } else {
                InvitationView::LinkEnded(account)
            };
            assert_eq!(ben.views(&id).await, expected);
            let late = ben.signs_up_with(&id, email, PASSWORD, &[("form[code]", "00000000")]).await;
            assert_eq!(late, Err(AppError::OpenTheLinkAgain));
            assert_ne!(ana.copies_link(&row).await.unwrap().url, copied);
        }
    }

    async fn r23_an_invitation_is_sent_again_five_times_a_day_at_most(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let row = ana.row("ben@example.org").await;
        for _ in 0..5 {
            world.advance(Span::minutes(5));
            ana.resends(&row).await.unwrap();
        }
        world.advance(Span::minutes(5));
        assert!(matches!(ana.resends(&row).await, Err(AppError::RateLimited { .. })));
        world.advance(Span::hours(5));
        ana.resends(&row).await.unwrap();
    }

    async fn r52_inv_19_what_is_over_a_limit_stays_queued_until_a_named_time(world: World) {
        let ana = world.owner("ana@example.org").await;
        let narrow = world.configured(|config| config.limits.mails_per_inviter_hour = 2);
        let ana = ana.at(&narrow);
        let viewer = Grant::of(BuiltInRole::Viewer);
        for email in ["a@example.org", "b@example.org"] {
            let outcome = ana.invites(email, &viewer).await.unwrap();
            assert!(matches!(outcome, Invited::Done { mail: MailState::Queued { until: None }, .. }), "{outcome:?}");
        }
        let outcome = ana.invites("c@example.org", &viewer).await.unwrap();
        let later = world.now() + Span::minutes(30);
        assert!(matches!(outcome, Invited::Done { mail: MailState::Queued { until: Some(until) }, .. } if until == later), "{outcome:?}");
        let row = ana.row("c@example.org").await;
        assert_eq!(row.mail, Some(MailState::Queued { until: Some(later) }));
        ana.copies_link(&row).await.unwrap();
        assert_eq!(world.deliver(2).await.len(), 2);
    }

    async fn copy_link_gives_the_same_link_each_time_and_never_the_mailed_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let mailed = world.link_to("ben@example.org", 0).await;
        let row = ana.row("ben@example.org").await;
        let (first, second) = (ana.copies_link(&row).await.unwrap(), ana.copies_link(&row).await.unwrap());
        assert_eq!(first.url, second.url);
        assert!(first.url.starts_with("http://127.0.0.1:3000/i/") && !first.url.ends_with(&mailed));
    }

    async fn r30_links_and_mails_of_invitations_above_ones_own_are_out_of_reach(world: World) {
        let ana = world.owner("ana@example.org").await;
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        ana.invites("olga@example.org", &Grant::of(BuiltInRole::Owner)).await.unwrap();
        let row = adam.row("olga@example.org").await;
        world.advance(Span::hours(1));
        assert!(matches!(adam.copies_link(&row).await, Err(AppError::Refused(_))));
        assert!(matches!(adam.resends(&row).await, Err(AppError::Refused(_))));
        assert!(matches!(adam.removes(&row).await, Err(AppError::Refused(_))));
        assert!(matches!(adam.edits(&row, &Grant::of(BuiltInRole::Viewer)).await, Err(AppError::Refused(_))));
    }

    async fn r61_without_a_mail_server_the_row_says_so_and_the_copied_link_works(world: World) {
        let ana = world.owner("ana@example.org").await;
        let bare = world.without_mail_server();
        let ana = ana.at(&bare);
        let outcome = ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(matches!(&outcome, Invited::Done { mail: MailState::NoMailServer, .. }), "{outcome:?}");
        let row = ana.row("ben@example.org").await;
        assert_eq!(row.mail, Some(MailState::NoMailServer));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitation_tokens").await, 0, "no mailed token is made");
        let ben = bare.browser();
        let id = ben.opens_link(&ana.copies_link(&row).await.unwrap().url).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.vouched_by.as_deref(), Some("Ana Owner"));
        assert_eq!(world.count("SELECT COUNT(*) FROM users WHERE email_verified_at IS NULL").await, 1);
    }

    async fn r60_every_change_is_one_event_in_an_unbroken_chain(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        ana.edits(&row, &Grant::of(BuiltInRole::Editor)).await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let kinds = world.texts("SELECT kind FROM audit_events ORDER BY seq").await;
        assert_eq!(kinds, ["account_opened", "invited", "joined", "edited", "removed"]);
        let data = world.texts("SELECT data FROM audit_events").await.join(" ");
        assert!(!data.contains("example.org") && !data.contains("Ana"), "names and addresses stay out of the chain: {data}");
        let events = world.services.check_audit(&slug("acme")).await.unwrap().unwrap().events;
        assert!(events.iter().all(|event| event.in_chain));
    }

    async fn inv_02_r10_no_token_stands_in_the_database_in_clear(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let mailed = world.mail_to("ben@example.org", 0).await.token();
        let copied = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let copied = copied.rsplit('/').next().unwrap().to_owned();
        let dump = world.dump().await;
        assert!(holds(&dump, "ben@example.org"), "what stands in the database is found");
        assert!(!holds(&dump, &mailed) && !holds(&dump, &copied));
        assert_eq!(world.count("SELECT COUNT(*) FROM invitation_tokens WHERE LENGTH(hash) = 32 AND LENGTH(sealed) > 43").await, 2);
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM invitation_tokens WHERE sealed IS NOT NULL").await, 0, "erased when they die");
    }

    async fn br_14_a_form_that_comes_back_without_scripting_holds_what_was_typed_and_no_password(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = ana.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string();
        let page = "/a/acme/settings/users/new";
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[email]", "ben at example.org"), ("form[role]", "analyst"),
            ("form[extras][]", "bots.edit"), ("form[language]", "de"), ("form[lifetime]", "24"),
        ];
        let shown = ana.submits(page, "users/invite", &fields).await.body;
        assert!(shown.contains("This isn’t an email address"), "{shown}");
        assert!(shown.contains("value=\"ben at example.org\""), "{shown}");
        for chosen in ["value=\"analyst\" selected", "value=\"de\" selected", "value=\"24\" selected"] {
            assert!(shown.contains(chosen), "{chosen}: {shown}");
        }
        let extra = shown.split("value=\"bots.edit\"").nth(1).unwrap().split('>').next().unwrap();
        assert!(extra.contains("checked"), "{extra}");

        let shown = ana.submits("/login", "session/sign-in", &[("form[email]", "eve@example.org"), ("form[password]", "a mistyped password")]).await;
        assert!(shown.body.contains("value=\"eve@example.org\"") && !shown.body.contains("a mistyped password"));
    }
}

fn slug(raw: &str) -> Slug {
    Slug::parse(raw).unwrap()
}

/// The id of the account's Email & password.
async fn password_method(of: &Browser) -> String {
    of.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string()
}
