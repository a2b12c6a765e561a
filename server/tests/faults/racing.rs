//! Two instances on one database, in each other's way (F12). Each race is run again and again; after each round, what both were told and what
//! stands in the tables is what some order one after the other would have made, and what must always hold does.

use crate::{
    rounds,
    support::{Browser, World, both_databases},
};
use app::{
    api::{
        invitations::Invited,
        joining::Joined,
        members::{Edited, Removed},
    },
    domain::role::{BuiltInRole, Grant},
    error::AppError,
};
use server::storage::Database;
use sqlx::ConnectOptions;

/// How many rounds of a race there are.
fn races() -> usize {
    rounds(60, 10_000)
}

/// What must be nothing on either database, whatever happens: the invariants.
pub const INVARIANTS: [(&str, &str); 7] = [
    (
        "each account has an owner who can sign in",
        "SELECT COUNT(*) FROM accounts a WHERE NOT EXISTS (
             SELECT 1 FROM members m JOIN password_credentials p ON p.user_id = m.user_id
              WHERE m.account_id = a.id AND m.state = 'active' AND m.role_key = 'owner')",
    ),
    (
        "an invitation that was answered or withdrawn makes no member, and a member has no invitation",
        "SELECT COUNT(*) FROM members m JOIN invitations i ON i.id = m.invitation_id
          WHERE (m.state = 'invited') <> (i.state = 'pending')",
    ),
    (
        "one membership for each person",
        "SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE user_id IS NOT NULL GROUP BY account_id, user_id HAVING COUNT(*) > 1) x",
    ),
    (
        "one pending invitation for each address",
        "SELECT COUNT(*) FROM (SELECT 1 FROM invitations WHERE state IN ('pending', 'held') GROUP BY account_id, email_key HAVING COUNT(*) > 1) x",
    ),
    (
        "one audit event for each invitation",
        "SELECT (SELECT COUNT(*) FROM invitations) - (SELECT COUNT(*) FROM audit_events WHERE kind = 'invited')",
    ),
    (
        "one audit event for each joining",
        "SELECT (SELECT COUNT(*) FROM invitations WHERE state = 'accepted') - (SELECT COUNT(*) FROM audit_events WHERE kind = 'joined')",
    ),
    (
        "one mail for each invitation",
        "SELECT (SELECT COUNT(*) FROM outbox WHERE kind = 'invitation') - (SELECT COUNT(*) FROM invitations)",
    ),
];

async fn invariants_hold(world: &World, after: &str) {
    for (what, wrong) in INVARIANTS {
        assert_eq!(world.count(wrong).await, 0, "{what}; {after}");
    }
}

/// Two instances of this world, without limits in the way; each with connections of its own.
async fn two_instances(world: &World) -> (World, World) {
    let one = world.configured(|config| {
        let limits = &mut config.limits;
        (limits.mails_per_account_day, limits.mails_per_inviter_hour) = (1_000_000, 1_000_000);
        (limits.mails_per_server_day, limits.mails_per_recipient_day) = (1_000_000, 1_000_000);
        limits.mails_per_account_recipient_day = 1_000_000;
    });
    let url = match &world.services.database {
        Database::Sqlite { file, .. } => format!("sqlite:{}", file.display()),
        Database::Postgres { pool, .. } => pool.connect_options().to_url_lossy().to_string(),
    };
    let other = one.on_database(Database::connect(&url).await.unwrap());
    (one, other)
}

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

/// Ben, who was in the account once, at both instances, with a session of its own at each.
async fn ben_at(ana: &Browser, one: &World, other: &World) -> (Browser, Browser) {
    let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
    let elsewhere = other.browser();
    elsewhere.sign_in("ben@example.org", crate::support::PASSWORD).await.unwrap();
    (ben.at(one), elsewhere)
}

/// Removes Ben and invites him anew; his link. One mailbox gets so many mails of one account in a day, whatever is set: here days pass between rounds.
async fn invited_again(ana: &Browser) -> String {
    ana.world().changes("DELETE FROM rate_buckets").await;
    ana.removes(&ana.row("ben@example.org").await).await.unwrap();
    ana.invites_with("ben@example.org", &viewer(), &[("form[again]", "fresh")]).await.unwrap();
    ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url
}

both_databases! {
    async fn f12_of_two_who_accept_one_invitation_at_two_instances_there_is_one_membership(world: World) {
        let (one, other) = two_instances(&world).await;
        let ana = world.owner("ana@example.org").await.at(&one);
        let (ben, elsewhere) = ben_at(&ana, &one, &other).await;
        for round in 0..races() {
            let link = invited_again(&ana).await;
            let id = ben.opens_link(&link).await;
            elsewhere.opens_link(&link).await;
            let joined = one.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'joined'").await;
            let outcomes = tokio::join!(ben.joins(&id), elsewhere.joins(&id));
            let after = format!("round {round}: {outcomes:?}");
            let is_in = |outcome: &Result<Joined, AppError>| matches!(outcome, Ok(Joined::In { .. }));
            assert!(is_in(&outcomes.0) || is_in(&outcomes.1), "{after}");
            assert_eq!(one.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'joined'").await, joined + 1, "{after}");
            assert!(ben.home().await.is_ok() && elsewhere.home().await.is_ok(), "{after}");
            invariants_hold(&one, &after).await;
        }
        other.services.database.close().await;
    }

    async fn f12_an_invitation_is_accepted_or_withdrawn_and_never_both(world: World) {
        let (one, other) = two_instances(&world).await;
        let ana = world.owner("ana@example.org").await.at(&one);
        let (_, ben) = ben_at(&ana, &one, &other).await;
        let mut joined = 0;
        for round in 0..races() {
            let link = invited_again(&ana).await;
            let id = ben.opens_link(&link).await;
            let row = ana.row("ben@example.org").await;
            let (accepted, withdrawn) = tokio::join!(ben.joins(&id), ana.removes(&row));
            let after = format!("round {round}: {accepted:?} {withdrawn:?}");
            let is_in = matches!(accepted, Ok(Joined::In { .. }));
            joined += usize::from(is_in);
            // Accepted first: withdrawing is refused, as the row is another one now. Withdrawn first: accepting is.
            assert_ne!(is_in, matches!(withdrawn, Ok(Removed::Done { .. })), "{after}");
            assert_eq!(ben.home().await.is_ok(), is_in, "{after}");
            invariants_hold(&one, &after).await;
            if !is_in {
                ana.invites_with("ben@example.org", &viewer(), &[("form[again]", "fresh")]).await.unwrap();
            }
        }
        println!("{joined} of {} were accepted first", races());
        other.services.database.close().await;
    }

    async fn f12_a_member_is_edited_or_removed_and_the_second_is_told(world: World) {
        let (one, other) = two_instances(&world).await;
        let ana = world.owner("ana@example.org").await.at(&one);
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await.at(&other);
        for round in 0..races() {
            let email = format!("n{round}@example.org");
            ana.invites(&email, &viewer()).await.unwrap();
            let row = ana.row(&email).await;
            let edit = async { ana.edits(&row, &Grant::of(BuiltInRole::Editor)).await };
            let (edited, removed) = tokio::join!(edit, adam.removes(&row));
            let after = format!("round {round}: {edited:?} {removed:?}");
            let is_edited = matches!(edited, Ok(Edited::Done { .. }));
            let is_removed = matches!(removed, Ok(Removed::Done { .. }));
            assert_ne!(is_edited, is_removed, "{after}");
            let row = ana.row(&email).await;
            assert_eq!(row.removed.is_some(), is_removed, "{after}");
            assert_eq!(row.grant == Grant::of(BuiltInRole::Editor), is_edited, "{after}");
            if is_edited {
                adam.removes(&row).await.unwrap();
            }
            invariants_hold(&one, &after).await;
        }
        other.services.database.close().await;
    }

    async fn f12_of_two_owners_who_demote_each_other_at_two_instances_one_stays(world: World) {
        let (one, other) = two_instances(&world).await;
        let ana = world.owner("ana@example.org").await.at(&one);
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await.at(&other);
        for round in 0..races() {
            let (row_of_ana, row_of_olga) = (ana.row("ana@example.org").await, ana.row("olga@example.org").await);
            let admin = Grant::of(BuiltInRole::Admin);
            let (by_ana, by_olga) = tokio::join!(ana.edits(&row_of_olga, &admin), olga.edits(&row_of_ana, &admin));
            let after = format!("round {round}: {by_ana:?} {by_olga:?}");
            assert_ne!(by_ana.is_ok(), by_olga.is_ok(), "{after}");
            invariants_hold(&one, &after).await;
            let (left, demoted) = if by_ana.is_ok() { (&ana, "olga@example.org") } else { (&olga, "ana@example.org") };
            left.edits(&left.row(demoted).await, &Grant::of(BuiltInRole::Owner)).await.unwrap();
        }
        other.services.database.close().await;
    }

    async fn f12_one_address_is_invited_once_by_two_instances(world: World) {
        let (one, other) = two_instances(&world).await;
        let ana = world.owner("ana@example.org").await.at(&one);
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await.at(&other);
        for round in 0..races() {
            let email = format!("n{round}@example.org");
            let grant = viewer();
            let outcomes = tokio::join!(ana.invites(&email, &grant), adam.invites(&email, &grant));
            let after = format!("round {round}: {outcomes:?}");
            let invited = |outcome: &Result<Invited, AppError>| match outcome {
                Ok(Invited::Done { .. }) => true,
                Ok(Invited::AlreadyInvited { .. }) => false,
                _ => panic!("{after}"),
            };
            assert_ne!(invited(&outcomes.0), invited(&outcomes.1), "{after}");
            invariants_hold(&one, &after).await;
        }
        other.services.database.close().await;
    }

    async fn f12_a_link_of_one_use_is_used_at_one_of_two_instances(world: World) {
        let (one, other) = two_instances(&world).await;
        let ana = world.owner("ana@example.org").await.at(&one);
        // Each of these hashes passwords, which takes its time.
        for round in 0..races().div_ceil(15) {
            let email = format!("n{round}@example.org");
            ana.invites(&email, &viewer()).await.unwrap();
            let link = one.link_to(&email, 0).await;
            let (here, there) = (one.browser(), other.browser());
            let id = here.opens_link(&link).await;
            there.opens_link(&link).await;
            // With the same password, it would be a second click (R19).
            let another = there.signs_up_with(&id, &email, "nine yellow trams turn west", &[]);
            let outcomes = tokio::join!(here.signs_up(&id, &email), another);
            let after = format!("round {round}: {outcomes:?}");
            let is_in = |outcome: &Result<Joined, AppError>| matches!(outcome, Ok(Joined::In { .. }));
            assert_ne!(is_in(&outcomes.0), is_in(&outcomes.1), "{after}");
            assert_eq!(one.count("SELECT COUNT(*) FROM users").await, 2 + i64::try_from(round).unwrap(), "{after}");
            invariants_hold(&one, &after).await;
        }
        other.services.database.close().await;
    }
}
