//! Settings → Audit: who had access at one moment, rebuilt from the account's events, and how that compares with the tables.

use crate::support::{Browser, World, both_databases};
use app::{
    api::{
        audit::{AccessPage, PersonThen},
        invitations::Link,
        login_methods::NextPage,
        members::RemovalUndone,
    },
    domain::{
        member::{MemberRow, ShownState},
        role::{BuiltInRole, Grant},
        time::{Span, Timestamp},
    },
    error::AppError,
};
use axum::http::StatusCode;
use server::{config::AccountCreation, storage::Database};

/// Who had access at the end of this minute after 2026-05-04 09:00, or now.
async fn then(of: &Browser, minute: Option<i64>) -> AccessPage {
    let time = minute.map(|minute| format!("{:02}:{:02}", 9 + minute / 60, minute % 60)).unwrap_or_default();
    let day = if minute.is_some() { "2026-05-04" } else { "" };
    of.call_in("audit/access", &[("query[day]", day), ("query[time]", &time)]).await.unwrap()
}

fn line(state: &str, person: &PersonThen) -> String {
    let extras: Vec<_> = person.grant.extras.iter().map(ToString::to_string).collect();
    format!("{}|{state}|{}|{}", person.email.as_deref().unwrap(), person.grant.role, extras.join(","))
}

/// The answer in the form of [`in_tables`].
fn rebuilt(page: &AccessPage) -> Vec<String> {
    assert_eq!((page.active.len() as u64, page.suspended.len() as u64), (page.active_count, page.suspended_count));
    let active = page.active.iter().map(|person| line("active", person));
    let mut lines: Vec<_> = active.chain(page.suspended.iter().map(|person| line("suspended", person))).collect();
    lines.sort();
    lines
}

/// Who is active or suspended in Acme, with role and extras, as the tables have it.
async fn in_tables(world: &World) -> Vec<String> {
    let sql = "SELECT m.email_key || '|' || m.state || '|' || m.role_key || '|' || COALESCE(
                      (SELECT string_agg(p.permission, ',') FROM member_permissions p WHERE p.member_id = m.id), '')
                 FROM members m JOIN accounts a ON a.id = m.account_id
                WHERE a.slug = 'acme' AND m.state IN ('active', 'suspended')";
    let mut lines: Vec<_> = world.texts(sql).await.iter().map(|line| sorted_extras(line)).collect();
    lines.sort();
    lines
}

fn sorted_extras(line: &str) -> String {
    let (person, extras) = line.rsplit_once('|').unwrap();
    let mut extras: Vec<_> = extras.split(',').collect();
    extras.sort_unstable();
    format!("{person}|{}", extras.join(","))
}

/// Numbers that look random and are the same each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn grant(&mut self) -> Grant {
        let roles =
            [BuiltInRole::Viewer, BuiltInRole::Agent, BuiltInRole::Editor, BuiltInRole::Admin, BuiltInRole::Owner];
        let grant = Grant::of(roles[self.roll(5) as usize]);
        match self.roll(3) {
            0 => grant.with("billing.manage"),
            1 => grant.with("billing.manage").with("login_methods.manage"),
            _ => grant,
        }
    }
}

/// Somebody of the town, with a browser of their own, and whether they have a login by now.
struct Somebody {
    email: String,
    browser: Browser,
    has_login: bool,
}

impl Somebody {
    /// Takes an open invitation up by its copied link, or declines it.
    async fn answers(&mut self, ana: &Browser, accepts: bool) {
        let row = ana.row(&self.email).await;
        let Ok(Link { url, .. }) = ana.copies_link(&row).await else { return };
        let id = self.browser.opens_link(&url).await;
        if !accepts {
            self.browser.declines(&id).await.unwrap();
        } else if self.has_login {
            let _ = self.browser.joins(&id).await;
        } else {
            self.browser.signs_up(&id, &self.email).await.unwrap();
            self.has_login = true;
        }
    }
}

impl Somebody {
    /// Becomes the owner in Ana's place by her offer, or declines it. Ana is an owner again by an offer in return.
    async fn takes_over(&self, ana: &Browser, accepts: bool) {
        let offered: Result<NextPage, _> = ana.call_in("ownership/offer", &[("form[email]", &self.email)]).await;
        if offered.is_err() {
            return;
        }
        answers_offer(&self.browser, if accepts { "accept" } else { "decline" }).await;
        if accepts
            && self.browser.call_in::<NextPage>("ownership/offer", &[("form[email]", "ana@example.org")]).await.is_ok()
        {
            answers_offer(ana, "accept").await;
        }
    }
}

async fn undoes_removal(ana: &Browser, row: &MemberRow) {
    let _ = ana.call_in::<RemovalUndone>("users/undo-removal", &[("member", &row.id.to_string())]).await;
}

async fn answers_offer(browser: &Browser, how: &str) {
    let Ok(home) = browser.home().await else { return };
    if let Some(offer) = home.ownership.offers.first() {
        let offer = offer.id.to_string();
        browser.call_in::<NextPage>(&format!("ownership/{how}"), &[("offer", &offer)]).await.unwrap();
    }
}

/// One thing that happens; what is not possible now is refused, and changes nothing.
async fn something_happens(world: &World, ana: &Browser, somebody: &mut Somebody, dice: &mut Dice) {
    let email = somebody.email.clone();
    let what = dice.roll(18);
    if what < 3 {
        let again = [("form[again]", if dice.roll(2) == 0 { "fresh" } else { "restore" })];
        let _ = ana.invites_with(&email, &dice.grant(), &again).await;
        return;
    }
    let everybody = world
        .texts("SELECT m.email_key FROM members m JOIN accounts a ON a.id = m.account_id WHERE a.slug = 'acme'")
        .await;
    if !everybody.contains(&email) {
        let _ = ana.invites(&email, &dice.grant()).await;
        return;
    }
    let row = ana.row(&email).await;
    match what {
        3..=5 => somebody.answers(ana, dice.roll(5) > 0).await,
        6 | 7 => drop(ana.edits(&row, &dice.grant()).await),
        8 => drop(ana.suspends(&row).await),
        9 | 14 => drop(ana.reactivates(&row).await),
        10 => {
            drop(ana.removes_with(&row, if dice.roll(2) == 0 { "keep" } else { "revoke" }).await);
            if dice.roll(2) == 0 {
                undoes_removal(ana, &row).await;
            }
        }
        11 | 15 => undoes_removal(ana, &row).await,
        16 | 17 => {
            // People come by copied links here, and ownership is offered to proved mailboxes alone (R13).
            world.changes("UPDATE users SET email_verified_at = created_at WHERE email_verified_at IS NULL").await;
            somebody.takes_over(ana, dice.roll(3) > 0).await;
        }
        12 if dice.roll(2) == 0 => drop(somebody.browser.leaves().await),
        12 => drop(world.services.grant_owner("acme", &email, false).await.unwrap()),
        _ => {
            // Whoever may invite leaves invitations behind.
            let _ = somebody.browser.invites(&format!("guest-of-{email}"), &dice.grant()).await;
        }
    }
}

async fn what_was_rebuilt_is_what_was(world: World, seed: u64) {
    let world = world.without_mail_server().configured(|config| {
        config.accounts.create = AccountCreation::Everyone;
        config.sessions.step_up_minutes = 10_000;
    });
    let ana = world.owner("ana@example.org").await;
    ana.opens_account("Beta", "beta").await.unwrap();
    let mut town: Vec<_> = ["ben", "cid", "dora"]
        .map(|name| Somebody { email: format!("{name}@example.org"), browser: world.browser(), has_login: false })
        .into();
    let mut dice = Dice(seed);
    let mut recorded = Vec::new();
    for _ in 0..360 {
        let who = dice.roll(3) as usize;
        something_happens(&world, &ana, &mut town[who], &mut dice).await;
        recorded.push(in_tables(&world).await);
        world.advance(Span::minutes(1));
    }
    let now = then(&ana, None).await;
    assert_eq!(rebuilt(&now), in_tables(&world).await, "seed {seed}: now");
    let week = now.weeks.last().unwrap();
    assert_eq!(u64::from(week.active), now.active_count, "seed {seed}: this week");
    let invited = world.count("SELECT COUNT(*) FROM audit_events e JOIN accounts a ON a.id = e.account_id WHERE a.slug = 'acme' AND e.kind = 'invited'").await;
    assert_eq!(i64::from(week.invited), invited, "seed {seed}: this week");
    let kinds = world.texts("SELECT DISTINCT kind FROM audit_events").await;
    for (minute, there) in (0..).zip(&recorded) {
        assert_eq!(&rebuilt(&then(&ana, Some(minute)).await), there, "seed {seed}: minute {minute}; {kinds:?}");
    }
    // Everything happened that changes who has access, but for what other tests look at.
    for kind in [
        "invited",
        "joined",
        "declined",
        "edited",
        "suspended",
        "reactivated",
        "removed",
        "removal_undone",
        "left",
        "owner_granted",
        "ownership_accepted",
        "ownership_declined",
        "invitation_withdrawn",
    ] {
        assert!(kinds.iter().any(|there| there == kind), "seed {seed}: nobody was {kind}: {kinds:?}");
    }
    let beta: AccessPage = ana.call("audit/access", &[("account", "beta")]).await.unwrap();
    assert_eq!(rebuilt(&beta), ["ana@example.org|active|owner|"], "nothing of Acme");
}

/// More people who joined Acme than are read or shown at a time.
const fn crowd(database: &Database) -> &'static str {
    match database {
        Database::Sqlite { .. } => {
            "INSERT INTO audit_events (account_id, seq, at, target_id, kind, data, details, hash)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
             SELECT a.id, 1000 + n.i, a.created_at, randomblob(16), 'joined',
                    '{\"kind\":\"joined\",\"invitation\":\"018f6f2e-7c1a-7000-8000-000000000000\",\"grant\":{\"role\":\"viewer\",\"extras\":[]}}', x'00', x'00'
               FROM accounts a, n"
        }
        Database::Postgres { .. } => {
            "INSERT INTO audit_events (account_id, seq, at, target_id, kind, data, details, hash)
             SELECT a.id, 1000 + i, a.created_at, gen_random_uuid(), 'joined',
                    '{\"kind\":\"joined\",\"invitation\":\"018f6f2e-7c1a-7000-8000-000000000000\",\"grant\":{\"role\":\"viewer\",\"extras\":[]}}', '\\x00', '\\x00'
               FROM accounts a, generate_series(1, 4500) i"
        }
    }
}

both_databases! {
    async fn r60_who_had_access_is_rebuilt_from_the_events_as_the_tables_had_it(world: World) {
        what_was_rebuilt_is_what_was(world, 0x9e37_79b9_7f4a_7c15).await;
    }

    async fn r60_who_had_access_is_rebuilt_after_other_things_happened_too(world: World) {
        what_was_rebuilt_is_what_was(world, 20_260_504).await;
    }

    async fn r60_a_replaced_login_has_no_access_from_that_moment_on(world: World) {
        // R13: a copied link without a mail server proves no mailbox; the owner of the mailbox comes later.
        let ana = world.without_mail_server().owner("ana@example.org").await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let link = ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url;
        let thief = world.without_mail_server().browser();
        let id = thief.opens_link(&link).await;
        thief.signs_up(&id, "ben@example.org").await.unwrap();
        world.services.create_account("Gamma", "gamma", "ben@example.org").await.unwrap();
        let ben = world.browser().on("gamma");
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        ben.signs_up(&id, "ben@example.org").await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Suspended);
        assert_eq!(rebuilt(&then(&ana, None).await), in_tables(&world).await);
    }

    async fn r60_the_past_stays_as_it_was(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("analytics.export")).await;
        world.advance(Span::days(1));
        ana.edits(&ana.row("ben@example.org").await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        world.advance(Span::days(1));
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        let on = async |day: &str| {
            let page: AccessPage = ana.call_in("audit/access", &[("query[day]", day)]).await.unwrap();
            rebuilt(&page).into_iter().filter(|line| line.starts_with("ben")).collect::<Vec<_>>()
        };
        assert_eq!(on("2026-05-03").await, Vec::<String>::new());
        assert_eq!(on("2026-05-04").await, ["ben@example.org|active|viewer|analytics.export"]);
        assert_eq!(on("2026-05-05").await, ["ben@example.org|active|admin|"]);
        assert_eq!(on("2026-05-06").await, Vec::<String>::new());
        assert_eq!(on("").await, Vec::<String>::new());
        let html = ana.get("/a/acme/settings/audit/access?day=2026-05-04").await.body;
        assert!(html.contains("2026-05-04 23:59 UTC: 2 with access, 0 suspended."), "{html}");
        assert!(html.contains("Viewer") && html.contains("Export analytics"), "{html}");
        let early = ana.get("/a/acme/settings/audit/access?day=2026-05-04&time=08:00").await.body;
        assert!(early.contains("No one had access then."), "{early}");
    }

    async fn r60_the_last_twelve_months_are_told_week_by_week(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.advance(Span::days(6));
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.invites("cid@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        world.advance(Span::days(1));
        ana.invites("dora@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        // Whatever moment is asked about.
        for day in ["", "2026-05-05"] {
            let page: AccessPage = ana.call_in("audit/access", &[("query[day]", day)]).await.unwrap();
            let weeks: Vec<_> = page.weeks.iter().rev().take(3).map(|week| (week.active, week.invited)).collect();
            assert_eq!(weeks, [(1, 1), (2, 2), (0, 0)], "{day}");
        }
        let html = ana.get("/a/acme/settings/audit/access").await.body;
        assert!(html.contains("People with access: 1 now, at most 2") && html.contains("Invitations by week: 3 in total"), "{html}");
        assert!(html.contains("<svg viewBox=\"0 0 520 100\"") && html.contains(">2026-05-11<"), "{html}");
    }

    async fn r60_whoever_was_deleted_meanwhile_is_named_by_the_address_of_that_time(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        world.advance(Span::minutes(5));
        ana.removes(&ana.row("ben@example.org").await).await.unwrap();
        world.changes("UPDATE members SET purged_at = 1 WHERE email_key = 'ben@example.org'").await;
        let page = then(&ana, Some(1)).await;
        let ben = page.active.iter().find(|person| person.email.as_deref() == Some("ben@example.org")).unwrap();
        assert_eq!((ben.row, ben.name.as_deref(), ben.since), (None, None, Timestamp(1_777_885_200_000)));
        world.changes("UPDATE audit_details SET target = NULL").await;
        let html = ana.get("/a/acme/settings/audit/access?day=2026-05-04&time=09:01").await.body;
        assert!(html.contains("Deleted person"), "{html}");
    }

    async fn r60_of_very_many_people_the_page_shows_the_first_and_the_file_all(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.changes(crowd(&world.services.database)).await;
        let page = then(&ana, None).await;
        assert_eq!((page.active_count, page.active.len(), page.suspended_count), (4_501, 1_000, 0));
        let html = ana.get("/a/acme/settings/audit/access").await.body;
        assert!(html.contains("The first 1000 people are shown. The CSV file has all 4501."), "{html:.500}");
        assert_eq!(ana.get("/a/acme/settings/audit/access.csv").await.body.lines().count(), 4_502);
    }

    async fn in_07_who_had_access_is_exported_as_a_file(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("analytics.export")).await;
        world.changes("UPDATE members SET name = '=1+1' WHERE email_key = 'ben@example.org'").await;
        let csv = ana.get("/a/acme/settings/audit/access.csv").await;
        assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"acme-access.csv\"");
        let lines: Vec<_> = csv.body.lines().collect();
        let at = "\"2026-05-04T09:00:00Z\"";
        let [heading, first, second] = lines.as_slice() else { panic!("{}", csv.body) };
        assert_eq!(*heading, "\"as_of\",\"name\",\"email\",\"status\",\"role\",\"permissions\",\"since\"");
        assert_eq!(*first, format!("{at},\"'=1+1\",\"ben@example.org\",\"active\",\"viewer\",\"analytics.export\",{at}"));
        assert_eq!(*second, format!("{at},\"Ana Owner\",\"ana@example.org\",\"active\",\"owner\",\"\",{at}"));
        assert_eq!(ben.get("/a/acme/settings/audit/access.csv").await.status, StatusCode::FORBIDDEN);
        let refused: Result<AccessPage, _> = ben.call_in("audit/access", &[]).await;
        assert!(matches!(refused, Err(AppError::Refused(_))), "{refused:?}");
    }
}
