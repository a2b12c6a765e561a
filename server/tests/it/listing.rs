//! The Users list: search, filters, order, pages.

use crate::support::{Browser, PASSWORD, World, both_databases};
use app::{
    api::{invitations::Invited, roles::RoleCreated},
    domain::{
        email::Email,
        list::{Count, Cursor, ListQuery, Sort, StateFilter},
        member::{Attention, MemberRow, ShownState},
        permission::Permissions,
        role::{BuiltInRole, Grant, RoleKey},
        time::{Span, Timestamp},
    },
};
use server::{service::KeysRewritten, storage::Database};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

fn emails(page: &app::api::members::UsersPage) -> Vec<&str> {
    page.rows.iter().map(|row| row.email.as_str()).collect()
}

async fn last_active(world: &World, email: &str, at: Timestamp) {
    let sql = "UPDATE members SET last_active_at = $1 WHERE email_key = $2";
    match &world.services.database {
        Database::Sqlite { writer, .. } => drop(sqlx::query(sql).bind(at.0).bind(email).execute(writer).await.unwrap()),
        Database::Postgres { pool, .. } => drop(sqlx::query(sql).bind(at.0).bind(email).execute(pool).await.unwrap()),
    }
}

async fn invites_named(ana: &Browser, email: &str, name: &str) {
    ana.invites_with(email, &Grant::of(BuiltInRole::Viewer), &[("form[first_name]", name)]).await.unwrap();
}

/// All rows of a small account, removed ones included.
async fn everybody(ana: &Browser) -> Vec<MemberRow> {
    let mut rows = ana.list(&ListQuery::default()).await.unwrap().rows;
    let removed = ListQuery { state: Some(StateFilter::In(ShownState::Removed)), ..Default::default() };
    rows.extend(ana.list(&removed).await.unwrap().rows);
    rows
}

/// The labels of all pages in this order.
async fn labels(ana: &Browser, sort: Sort) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = ana.list(&ListQuery { sort, after, ..Default::default() }).await.unwrap();
        all.extend(page.rows.iter().map(|row| row.label().to_owned()));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

async fn found(ana: &Browser, search: &str) -> Vec<String> {
    let page = ana.list(&ListQuery { search: search.to_owned(), ..Default::default() }).await.unwrap();
    assert_eq!(page.count, Count::Exactly(page.rows.len() as u64), "{search}");
    page.rows.iter().map(|row| row.email.clone()).collect()
}

/// Addresses that are the same as `local@domain`, others, and none at all.
fn vectors(local: &str, domain: &str) -> Vec<String> {
    let ascii = idna::domain_to_ascii(domain).unwrap();
    let plain = format!("{local}@{domain}");
    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd(plain.as_str()).collect();
    vec![
        plain.to_uppercase().replace("STRASSE", "STRAßE"),
        decomposed,
        format!("{local}@{ascii}"),
        format!("{}@{}", local.to_uppercase(), ascii.to_uppercase()),
        format!(" {plain}\u{A0}"),
        format!("\u{200B}{plain}"),
        format!("{local}\u{2060}@{domain}\u{FEFF}"),
        format!("\u{202A}{plain}\u{202C}"),
        format!("{local}@\u{AD}{domain}"),
        format!("mailto:{plain}"),
        format!("{plain};"),
        format!("{plain}."),
        format!("{local}+tag@{domain}"),
        format!("{local}.x@{domain}"),
        format!("{local}@{}", domain.replace('a', "\u{430}")),
        format!("{local}@{}", domain.replace('ß', "ss")),
        format!("{local}@{}", domain.replace('ü', "u")),
        format!("{}@{domain}", local.replace('k', "\u{212A}")),
        format!("{}@{domain}", local.replace('i', "\u{131}")),
        format!("{}@{domain}", local.replace('s', "\u{17F}")),
        format!("Kim <{plain}>"),
        format!("{plain},{plain}"),
        format!("{local}@{domain}\0"),
        plain,
    ]
}

both_databases! {
    async fn in_07_the_rows_of_a_view_are_exported_as_a_file(world: World) {
        let world = world.configured(|config| config.limits.mails_per_inviter_hour = 10_000);
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("analytics.export")).await;
        invites_named(&ana, "eve@example.org", "=cmd()").await;
        for n in 0..60 {
            ana.invites(&format!("p{n:02}@example.org"), &Grant::of(BuiltInRole::Editor)).await.unwrap();
        }
        let file = ana.get("/a/acme/settings/users.csv").await;
        assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(file.headers["content-disposition"], "attachment; filename=\"acme-users.csv\"");
        let lines: Vec<_> = file.body.lines().collect();
        assert_eq!(lines.len(), 1 + 63, "more than one page of the list");
        assert!(lines[0].starts_with("\"email\",\"name\",\"role\",\"permissions\","), "{}", lines[0]);
        assert!(file.body.contains("\"'=cmd()\""), "no formula: {}", file.body);

        let file = ana.get("/a/acme/settings/users.csv?q=ben&state=active").await;
        let lines: Vec<_> = file.body.lines().collect();
        let [_, line] = lines.as_slice() else { panic!("{}", file.body) };
        assert!(line.contains("\"viewer\",\"analytics.export\",\"password\",\"active\""), "{line}");
        assert!(line.contains("2026-05-04T09:0"), "in UTC: {line}");
        // A viewer sees no list, and gets no file.
        assert_eq!(ben.get("/a/acme/settings/users.csv").await.status, axum::http::StatusCode::FORBIDDEN);
        // A link that is opened writes nothing (BR-05).
        let before = world.rows().await;
        ana.get("/a/acme/settings/users.csv").await;
        assert_eq!(world.rows().await.get("audit_events"), before.get("audit_events"));
    }

    async fn names_stand_in_human_order_over_the_pages(world: World) {
        let ana = world.owner("zz@example.org").await;
        for (n, name) in ["Zora", "Ägidius", "Adam", "Élodie", "Łukasz", "Ömer", "Otto", "de Boer"].into_iter().enumerate() {
            invites_named(&ana, &format!("p{n}@example.org"), name).await;
        }
        let right = ["Adam", "Ägidius", "Ana Owner", "de Boer", "Élodie", "Łukasz", "Ömer", "Otto", "Zora"];
        assert_eq!(labels(&ana, Sort::NameUp).await, right);
        for n in 0..60 {
            invites_named(&ana, &format!("q{n}@example.org"), &format!("{}mil {n:02}", ["Ä", "É", "Ł", "Ö", "o", "z"][n % 6])).await;
        }
        let up = labels(&ana, Sort::NameUp).await;
        let mut down = labels(&ana, Sort::NameDown).await;
        down.reverse();
        assert_eq!(up, down);
        assert_eq!(up.iter().collect::<BTreeSet<_>>().len(), 69);
        let mut sorted = up.clone();
        sorted.sort_by(|one, other| server::collation::compare(one, other));
        assert_eq!(up, sorted);
    }

    async fn a_search_finds_each_word_whatever_its_case_accents_or_width(world: World) {
        let ana = world.owner("ana@example.org").await;
        invites_named(&ana, "ana.silva@bücher.example", "Ana María Silva").await;
        invites_named(&ana, "ben@xn--bcher-kva.example", "Łukasz Ägidius").await;
        assert_eq!(found(&ana, "silva ana").await, ["ana.silva@bücher.example"]);
        assert_eq!(found(&ana, "SILVA, maria").await, ["ana.silva@bücher.example"]);
        assert_eq!(found(&ana, "silva lukasz").await, [""; 0]);
        assert_eq!(found(&ana, "agidius").await, ["ben@bücher.example"], "shown in the letters of the domain");
        assert_eq!(found(&ana, "ＬＵＫＡＳＺ").await, ["ben@bücher.example"]);
        for domain in ["bücher", "BÜCHER", "bücher.example", "xn--bcher", "xn--bcher-kva.example"] {
            assert_eq!(found(&ana, domain).await.len(), 2, "{domain}");
        }
        assert_eq!(found(&ana, "ana.silva@bücher").await.len(), 1);
        assert_eq!(found(&ana, "a b c d e f g h i j k l m n o p").await.len(), 0, "more words than are looked for");
    }

    async fn nobody_comes_twice_because_the_last_of_a_page_was_active(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let hour = |n: i64| world.now() - Span::hours(n);
        last_active(&world, "ana@example.org", hour(0)).await;
        for n in 0..70 {
            let email = format!("p{n:02}@example.org");
            ana.invites(&email, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            last_active(&world, &email, hour(2 * (n + 1))).await;
        }
        // The 50th, after the owner and 48 others.
        last_active(&world, "ben@example.org", hour(2 * 48 + 1)).await;
        for sort in [Sort::LastActiveDown, Sort::LastActiveUp] {
            let all: Vec<String> = labels(&ana, sort).await;
            assert_eq!(all.len(), 72);
            let first = ana.list(&ListQuery { sort, ..Default::default() }).await.unwrap();
            let seen = emails(&first);
            if sort == Sort::LastActiveDown {
                assert_eq!(seen[49], "ben@example.org");
                ben.home().await.unwrap();
                assert_eq!(ana.row("ben@example.org").await.last_active, Some(world.now()), "he is at the top now");
            }
            let second = ana.list(&ListQuery { sort, after: first.next.clone(), ..Default::default() }).await.unwrap();
            let next = emails(&second);
            assert!(!next.iter().any(|email| seen.contains(email)), "{sort:?}: {next:?}");
            assert_eq!(seen.len() + next.len(), 72, "{sort:?}: nobody is left out");
            // And the first page once more, as Back shows it.
            assert_eq!(ana.list(&ListQuery { sort, ..Default::default() }).await.unwrap().rows.len(), 50);
        }
        // Whoever the page ended with may be gone: the page after goes on at the same place.
        let first = ana.list(&ListQuery::default()).await.unwrap();
        let last = first.rows.last().unwrap().clone();
        let before = ana.list(&ListQuery { after: first.next.clone(), ..Default::default() }).await.unwrap();
        ana.removes(&last).await.unwrap();
        let after = ana.list(&ListQuery { after: first.next.clone(), ..Default::default() }).await.unwrap();
        assert_eq!(emails(&before), emails(&after));
    }

    async fn in_12_a_cursor_that_leads_nowhere_shows_the_first_page(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..60 {
            ana.invites(&format!("p{n:02}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        let first = ana.list(&ListQuery::default()).await.unwrap();
        let next = first.next.clone().unwrap();
        assert!(!next.as_str().contains("p49") && next.as_str().len() <= 300);
        let by = |sort, after: &Cursor| ListQuery { sort, after: Some(after.clone()), ..Default::default() };
        assert_eq!(ana.list(&by(Sort::NameUp, &next)).await.unwrap().rows.len(), 11);
        let of_other_order = ana.list(&by(Sort::InvitedDown, &next)).await.unwrap();
        assert_eq!(of_other_order.rows.len(), 50);
        let forged = next.as_str().replace(|c: char| c.is_ascii_digit(), "x");
        for text in [forged.as_str(), "0", "01890000-0000-7000-8000-000000000000", &"A".repeat(300)] {
            let page = ana.list(&by(Sort::NameUp, &Cursor::new(text.to_owned()).unwrap())).await.unwrap();
            assert_eq!(emails(&page), emails(&first), "{text}");
        }
        // Of an account, it leads nowhere in another.
        ana.opens_account("Beta", "beta").await.unwrap();
        let beta = ana.post("users/list", &[("account", "beta"), ("query[after]", next.as_str())]).await;
        assert_eq!(beta.status, 200);
        for bad in ["a b", "\0", "../x", &"A".repeat(5000)] {
            let answer = ana.post("users/list", &[("account", "acme"), ("query[after]", bad)]).await;
            assert_eq!(answer.status, 400, "{bad:?}");
        }
        for bad in ["%00", "a%20b", "%ff", &"A".repeat(5000)] {
            let answer = ana.get(&format!("/a/acme/settings/users?after={bad}")).await;
            assert!(answer.status == 200 || answer.status == 400, "{bad:?}: {}", answer.status);
        }
    }

    async fn rows_without_keys_are_listed_and_found_until_the_job_has_come_to_them(world: World) {
        let ana = world.owner("ana@example.org").await;
        for (n, name) in ["Zora", "Ägidius", "Adam", "Ömer", "Otto"].into_iter().enumerate() {
            invites_named(&ana, &format!("p{n}@example.org"), name).await;
        }
        invites_named(&ana, "ben@bücher.example", "Zoé Alt").await;
        let keyed = world.texts("SELECT search_key FROM members ORDER BY search_key").await;
        // As an older release leaves them.
        world.changes("UPDATE members SET name_sort = substr(name_sort, 1, 0), search_key = ''").await;
        world.changes("UPDATE members SET email = 'ben@xn--bcher-kva.example', name = 'Zoe\u{301} Alt' WHERE name_key = 'zoé alt'").await;
        assert_eq!(labels(&ana, Sort::NameUp).await.len(), 7);
        assert_eq!(found(&ana, "adam").await, ["p2@example.org"]);
        assert_eq!(found(&ana, "example.org ADA").await, ["p2@example.org"]);
        assert_eq!(found(&ana, "xn--bcher").await, ["ben@bücher.example"], "shown as it will be stored");

        let stop = CancellationToken::new();
        assert_eq!(world.services.rewrite_keys(&stop).await.unwrap(), KeysRewritten::Done { rows: 7 });
        assert_eq!(world.services.rewrite_keys(&stop).await.unwrap(), KeysRewritten::Done { rows: 0 });
        assert_eq!(world.texts("SELECT search_key FROM members ORDER BY search_key").await, keyed);
        assert_eq!(world.texts("SELECT email FROM members WHERE name = 'Zoé Alt'").await, ["ben@bücher.example"]);
        assert_eq!(labels(&ana, Sort::NameUp).await, ["Adam", "Ägidius", "Ana Owner", "Ömer", "Otto", "Zoé Alt", "Zora"]);
        assert_eq!(found(&ana, "agidius").await, ["p1@example.org"]);
    }

    async fn one_instance_at_a_time_writes_keys_and_another_goes_on_where_it_died(world: World) {
        world.owner("ana@example.org").await;
        world.changes("UPDATE members SET name_sort = substr(name_sort, 1, 0), search_key = ''").await;
        let held = world.now() + Span::minutes(2);
        assert_eq!(held.0, world.now().0 + 120_000);
        world.changes("INSERT INTO job_leases (job, leased_until) VALUES ('members.keys', 1777885320000)").await;
        let stop = CancellationToken::new();
        assert_eq!(world.services.rewrite_keys(&stop).await.unwrap(), KeysRewritten::Elsewhere);
        world.advance(Span::minutes(3));
        assert_eq!(world.services.rewrite_keys(&stop).await.unwrap(), KeysRewritten::Done { rows: 1 });
        // One that is told to stop gives the work back.
        stop.cancel();
        assert_eq!(world.services.rewrite_keys(&stop).await.unwrap(), KeysRewritten::Done { rows: 0 });
        assert_eq!(world.count("SELECT COUNT(*) FROM job_leases WHERE leased_until = 0").await, 1);
    }

    async fn in_02_both_databases_agree_on_which_addresses_are_one(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut known = BTreeSet::from(["ana@example.org".to_owned()]);
        let mut tried = 0;
        for local in ["kim", "i.s", "strasse", "o'kay-1", "ski"] {
            for domain in ["example.org", "bücher.example", "straße.example", "mañana.example", "παράδειγμα.example"] {
                for address in vectors(local, domain) {
                    tried += 1;
                    let invited = ana.invites(&address, &Grant::of(BuiltInRole::Viewer)).await;
                    match Email::parse(&address) {
                        Err(_) => assert!(invited.is_err(), "{address:?}"),
                        Ok(email) if known.insert(email.key().to_owned()) => {
                            assert!(matches!(invited, Ok(Invited::Done { .. })), "{address:?}: {invited:?}");
                        }
                        Ok(_) => assert!(matches!(invited, Ok(Invited::AlreadyInvited { .. })), "{address:?}: {invited:?}"),
                    }
                }
            }
        }
        assert!(tried >= 500, "{tried}");
        let stored: BTreeSet<String> = world.texts("SELECT email_key FROM members").await.into_iter().collect();
        assert_eq!(stored, known);
    }

    async fn the_list_is_searched_filtered_and_sorted(world: World) {
        let ana = world.owner("ana@example.org").await;
        assert!(ana.list(&ListQuery::default()).await.unwrap().alone);
        ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        world.advance(Span::minutes(1));
        for (email, role) in [("zoe@example.org", BuiltInRole::Viewer), ("cleo_x@example.org", BuiltInRole::Viewer), ("cleoyx@example.org", BuiltInRole::Agent)] {
            ana.invites(email, &Grant::of(role)).await.unwrap();
        }
        let page = |query: ListQuery| { let ana = ana.clone(); async move { ana.list(&query).await.unwrap() } };
        let all = page(ListQuery::default()).await;
        assert_eq!(emails(&all), ["ana@example.org", "ben@example.org", "cleo_x@example.org", "cleoyx@example.org", "zoe@example.org"]);
        assert_eq!((all.count, all.alone), (Count::Exactly(5), false));
        let found = page(ListQuery { search: "CLEO_".to_owned(), ..Default::default() }).await;
        assert_eq!(emails(&found), ["cleo_x@example.org"], "an underscore means itself");
        let viewers = page(ListQuery { role: Some(RoleKey::new("viewer")), ..Default::default() }).await;
        assert_eq!(emails(&viewers), ["cleo_x@example.org", "zoe@example.org"]);
        let invited = page(ListQuery { state: Some(StateFilter::In(ShownState::Invited)), sort: Sort::NameDown, ..Default::default() }).await;
        assert_eq!(emails(&invited), ["zoe@example.org", "cleoyx@example.org", "cleo_x@example.org"]);
        let latest = page(ListQuery { sort: Sort::LastActiveDown, ..Default::default() }).await;
        assert_eq!(latest.rows.len(), 5);
        assert!(latest.rows[0].last_active.is_some() && latest.rows[4].last_active.is_none());
        let nothing = page(ListQuery { search: "%".to_owned(), ..Default::default() }).await;
        assert_eq!((nothing.rows.len(), nothing.count), (0, Count::Exactly(0)));
    }

    async fn pages_of_fifty_follow_one_another_without_gap_or_repetition(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..119 {
            ana.invites(&format!("p{n:03}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        for sort in Sort::ALL {
            let mut pages = Vec::new();
            let mut after = None;
            loop {
                let page = ana.list(&ListQuery { sort, after, ..Default::default() }).await.unwrap();
                assert_eq!(page.skipped, Some(50 * pages.len() as u64), "{sort:?}");
                after = page.next.clone();
                pages.push(page);
                if after.is_none() {
                    break;
                }
            }
            let seen: BTreeSet<_> = pages.iter().flat_map(emails).collect();
            assert_eq!((pages.len(), seen.len()), (3, 120), "{sort:?}");
            assert_eq!(pages.iter().map(|page| page.rows.len()).sum::<usize>(), 120, "{sort:?}");
            // And back: each page is the same from either side.
            assert_eq!(pages[0].previous, None);
            for n in [2, 1] {
                let before = pages[n].previous.clone();
                let page = ana.list(&ListQuery { sort, before, ..Default::default() }).await.unwrap();
                assert_eq!(emails(&page), emails(&pages[n - 1]), "{sort:?}");
                assert_eq!(page.skipped, Some(50 * (n as u64 - 1)), "{sort:?}");
                assert_eq!(page.previous.is_some(), n == 2, "{sort:?}");
                let after = page.next;
                let on = ana.list(&ListQuery { sort, after, ..Default::default() }).await.unwrap();
                assert_eq!(emails(&on), emails(&pages[n]), "{sort:?}");
            }
        }
    }

    async fn a_page_before_the_first_one_is_the_first_one_whole(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..60 {
            ana.invites(&format!("p{n:03}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        let first = ana.list(&ListQuery::default()).await.unwrap();
        let second = ana.list(&ListQuery { after: first.next, ..Default::default() }).await.unwrap();
        // Some of the first page go meanwhile.
        for email in ["p000@example.org", "p001@example.org", "p002@example.org"] {
            ana.removes(&ana.row(email).await).await.unwrap();
        }
        let back = ana.list(&ListQuery { before: second.previous, ..Default::default() }).await.unwrap();
        assert_eq!((back.rows.len(), back.skipped, back.previous), (50, Some(0), None));
        assert_eq!(back.rows[0].email, "ana@example.org");
    }

    async fn the_list_is_narrowed_down_to_a_login_method_and_to_extras(world: World) {
        let (_, provider, ana, method) = world.with_acme_sso().await;
        let viewer = Grant::of(BuiltInRole::Viewer);
        ana.invites("ben@example.org", &viewer.clone().with("analytics.export")).await.unwrap();
        ana.invites_by(&method, "cleo@example.org", "00u-cleo", &viewer).await.unwrap();
        let by_provider = ListQuery { method: method.parse().ok(), ..ListQuery::default() };
        assert_eq!(emails(&ana.list(&by_provider).await.unwrap()), ["cleo@example.org"]);
        let with_extras = ListQuery { with_extras: true, ..ListQuery::default() };
        let page = ana.list(&with_extras).await.unwrap();
        assert_eq!((emails(&page), page.count), (vec!["ben@example.org"], Count::Exactly(1)));
        let neither = ListQuery { with_extras: true, ..by_provider };
        assert!(ana.list(&neither).await.unwrap().rows.is_empty());
        drop(provider);
    }

    async fn each_tab_counts_the_rows_that_it_shows_and_attention_is_one_question(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let viewer = Grant::of(BuiltInRole::Viewer);
        ana.brings_in_as("active@example.org", BuiltInRole::Viewer).await;
        ana.brings_in_as("suspended@example.org", BuiltInRole::Viewer).await;
        ana.suspends(&ana.row("suspended@example.org").await).await.unwrap();
        ana.brings_in_as("removed@example.org", BuiltInRole::Viewer).await;
        ana.removes(&ana.row("removed@example.org").await).await.unwrap();
        for name in ["invited", "expired", "declined", "held", "bounced", "unanswered", "waiting"] {
            ana.invites(&format!("{name}@example.org"), &viewer).await.unwrap();
        }
        for name in ["decision", "nameless", "sso"] {
            ana.invites_by(&method, &format!("{name}@example.org"), name, &viewer).await.unwrap();
        }
        for sql in [
            "UPDATE invitations SET expires_at = 1 WHERE id = (SELECT invitation_id FROM members WHERE email_key = 'expired@example.org')",
            "UPDATE invitations SET state = 'declined' WHERE id = (SELECT invitation_id FROM members WHERE email_key = 'declined@example.org')",
            "UPDATE invitations SET state = 'held' WHERE id = (SELECT invitation_id FROM members WHERE email_key = 'held@example.org')",
            "UPDATE outbox SET state = 'refused', done_at = 5, last_answer = '550' WHERE recipient = 'bounced@example.org'",
            "UPDATE outbox SET state = 'refused', done_at = 5, unanswered_at = 5 WHERE recipient = 'unanswered@example.org'",
            "UPDATE outbox SET state = 'accepted', done_at = 5 WHERE recipient = 'invited@example.org'",
            "UPDATE members SET identifier = NULL WHERE email_key = 'nameless@example.org'",
        ] {
            assert_eq!(world.changes(sql).await, 1, "{sql}");
        }
        let another = world.browser();
        let id = another.opens_link(&world.link_to("decision@example.org", 0).await).await;
        another.arrives(&provider, &method, &id, serde_json::json!({ "sub": "another", "email": "else@example.org" })).await;

        let everybody = ana.list(&ListQuery::default()).await.unwrap();
        let counts = everybody.counts.clone().unwrap();
        assert_eq!(everybody.rows.len() as u64, counts.of(None));
        let waits: Vec<_> = everybody.rows.iter().filter(|row| row.needs_attention()).map(|row| &*row.email).collect();
        let expected = ["bounced", "decision", "declined", "expired", "held", "nameless", "unanswered"];
        assert_eq!(waits, expected.map(|name| format!("{name}@example.org")));
        let filters = ShownState::ALL.into_iter().map(StateFilter::In).chain([StateFilter::NeedsAttention]);
        for state in filters {
            let page = ana.list(&ListQuery { state: Some(state), ..Default::default() }).await.unwrap();
            let fits = |row: &MemberRow| match state {
                StateFilter::In(shown) => row.state == shown,
                StateFilter::NeedsAttention => row.needs_attention(),
            };
            assert!(!page.rows.is_empty() && page.rows.iter().all(fits), "{state:?}");
            assert_eq!(page.count, Count::Exactly(page.rows.len() as u64), "{state:?}");
            assert_eq!(page.counts.unwrap(), counts, "{state:?}: a tab does not change the others");
            assert_eq!(counts.of(Some(state)), page.rows.len() as u64, "{state:?}");
        }
        // The front page counts the same, for whoever may see users.
        let home = ana.home().await.unwrap();
        assert_eq!(home.people, Some(counts.clone()));
        // It names the first of those who wait, and why.
        let waiting: Vec<_> = home.waiting.iter().map(|one| (&*one.label, one.attention)).collect();
        let first = [
            ("bounced@example.org", Attention::MailBounced),
            ("decision@example.org", Attention::Decision),
            ("declined@example.org", Attention::Declined),
            ("expired@example.org", Attention::Expired),
            ("held@example.org", Attention::AwaitsApproval),
        ];
        assert_eq!(waiting, first);
        let viewer = world.browser();
        viewer.sign_in("active@example.org", PASSWORD).await.unwrap();
        let home = viewer.home().await.unwrap();
        assert_eq!((home.people, home.waiting), (None, Vec::new()));
        // A method that is switched off shuts its people out (R27).
        world.changes("UPDATE login_methods SET enabled = FALSE WHERE kind = 'oauth'").await;
        let attention = ListQuery { state: Some(StateFilter::NeedsAttention), ..Default::default() };
        let page = ana.list(&attention).await.unwrap();
        assert!(page.rows.iter().all(|row| row.needs_attention()) && emails(&page).contains(&"sso@example.org"));
        assert_eq!(page.rows.len(), waits.len() + 1);
    }

    async fn the_list_is_sorted_by_role_and_by_status_and_each_group_by_name(world: World) {
        let ana = world.owner("zora@example.org").await;
        let mut own = Vec::new();
        for name in ["Helpers", "care"] {
            let fields = [("form[name]", name), ("form[permissions][]", "bots.read")];
            let made: RoleCreated = ana.call_in("roles/create", &fields).await.unwrap();
            own.push(Grant { role: made.role, extras: Permissions::new() });
        }
        for (n, role) in [BuiltInRole::Viewer, BuiltInRole::Admin, BuiltInRole::Editor].into_iter().enumerate() {
            for m in 0..25 {
                ana.invites(&format!("p{n}{m:02}@example.org"), &Grant::of(role)).await.unwrap();
            }
        }
        ana.invites("hel@example.org", &own[0]).await.unwrap();
        ana.invites("car@example.org", &own[1]).await.unwrap();
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.suspends(&ana.row("ben@example.org").await).await.unwrap();
        drop(ben);

        let roles = ana.list(&ListQuery::default()).await.unwrap().facts.roles;
        let rank = |row: &MemberRow| roles.roles.iter().position(|role| role.key == row.grant.role);
        let state = |row: &MemberRow| ShownState::ALL.iter().position(|state| *state == row.state);
        for sort in [Sort::RoleUp, Sort::RoleDown, Sort::StatusUp, Sort::StatusDown] {
            let (mut rows, mut pages, mut after) = (Vec::new(), Vec::new(), None);
            loop {
                let page = ana.list(&ListQuery { sort, after, ..Default::default() }).await.unwrap();
                assert_eq!(page.skipped, Some(rows.len() as u64), "{sort:?}");
                rows.extend(page.rows.clone());
                after = page.next.clone();
                pages.push(page);
                if after.is_none() {
                    break;
                }
            }
            assert_eq!((rows.len(), pages.len()), (79, 2), "{sort:?}");
            if matches!(sort, Sort::RoleDown | Sort::StatusDown) {
                rows.reverse();
            }
            let by_role = matches!(sort, Sort::RoleUp | Sort::RoleDown);
            let key = |row: &MemberRow| (if by_role { rank(row) } else { state(row) }, row.email.clone());
            assert!(rows.windows(2).all(|two| key(&two[0]) < key(&two[1])), "{sort:?}: {:?}", rows.iter().map(key).collect::<Vec<_>>());
            let before = pages[1].previous.clone();
            let back = ana.list(&ListQuery { sort, before, ..Default::default() }).await.unwrap();
            assert_eq!(emails(&back), emails(&pages[0]), "{sort:?}");
        }
        let last = ana.list(&ListQuery { sort: Sort::RoleDown, ..Default::default() }).await.unwrap();
        assert_eq!(emails(&last)[..2], ["hel@example.org", "car@example.org"], "own roles come after the built-in ones, by name");
        // Within a filter, and beside one of the same.
        let editors = ListQuery { role: Some(RoleKey::new("editor")), sort: Sort::RoleUp, ..Default::default() };
        assert_eq!(ana.list(&editors).await.unwrap().rows.len(), 25);
        let suspended = ListQuery { state: Some(StateFilter::In(ShownState::Suspended)), sort: Sort::StatusDown, ..Default::default() };
        assert_eq!(emails(&ana.list(&suspended).await.unwrap()), ["ben@example.org"]);
    }

    async fn in_07_those_whose_mail_came_to_nothing_are_found_and_exported(world: World) {
        let ana = world.owner("ana@example.org").await;
        for name in ["bounced", "gone", "fine", "again"] {
            ana.invites(&format!("{name}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        world.changes("UPDATE outbox SET state = 'refused', done_at = 5, last_answer = '550' WHERE recipient <> 'fine@example.org'").await;
        let trouble = ListQuery { mail_trouble: true, ..Default::default() };
        let found = ana.list(&trouble).await.unwrap();
        assert_eq!(emails(&found), ["again@example.org", "bounced@example.org", "gone@example.org"]);
        assert!(found.rows.iter().all(|row| row.mail.as_ref().is_some_and(|mail| mail.has_failed())));
        assert_eq!(found.count, Count::Exactly(3));
        // Another mail is on its way, or nobody is invited any more.
        world.advance(Span::minutes(10));
        ana.resends(&ana.row("again@example.org").await).await.unwrap();
        ana.removes(&ana.row("gone@example.org").await).await.unwrap();
        let found = ana.list(&trouble).await.unwrap();
        assert_eq!((emails(&found), found.count), (vec!["bounced@example.org"], Count::Exactly(1)));
        let counts = found.counts.unwrap();
        assert_eq!((counts.of(None), counts.of(Some(StateFilter::NeedsAttention))), (1, 1));
        let file = ana.get("/a/acme/settings/users.csv?mail=trouble").await;
        assert_eq!(file.body.lines().count(), 2, "{}", file.body);
        assert!(file.body.contains("bounced@example.org"));
    }

    async fn r21_an_invitation_is_shown_counted_and_found_as_expired_from_its_millisecond_on(world: World) {
        let ana = world.owner("ana@example.org").await;
        for n in 0..3 {
            ana.invites(&format!("p{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
            world.advance(Span::minutes(1));
        }
        let expires = ana.row("p1@example.org").await.expires.unwrap();
        let of = |state| ListQuery { state: Some(state), ..Default::default() };
        let expect = async |expired: &[&str], open: &[&str]| {
            // A week is the life of a session, too.
            ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
            for sort in Sort::ALL {
                let page = ana.list(&ListQuery { sort, ..of(StateFilter::In(ShownState::Expired)) }).await.unwrap();
                let mut found = emails(&page);
                found.sort_unstable();
                assert_eq!(found, expired, "{sort:?}");
            }
            let attention = ana.list(&of(StateFilter::NeedsAttention)).await.unwrap();
            assert_eq!((emails(&attention), attention.count), (expired.to_vec(), Count::Exactly(expired.len() as u64)));
            assert_eq!(emails(&ana.list(&of(StateFilter::In(ShownState::Invited))).await.unwrap()), open);
            let counts = ana.home().await.unwrap().people.unwrap();
            assert_eq!(counts.of(Some(StateFilter::In(ShownState::Expired))), expired.len() as u64);
        };
        world.advance(expires - Span(1) - world.now());
        expect(&["p0@example.org"], &["p1@example.org", "p2@example.org"]).await;
        world.advance(Span(1));
        expect(&["p0@example.org", "p1@example.org"], &["p2@example.org"]).await;
        // Sent again, it is open again.
        ana.resends(&ana.row("p0@example.org").await).await.unwrap();
        expect(&["p1@example.org"], &["p0@example.org", "p2@example.org"]).await;
    }

    async fn whatever_was_done_filters_and_numbers_say_what_the_rows_say(world: World) {
        let (world, provider, ana, method) = world.with_acme_sso().await;
        let world = world.configured(|config| config.limits.mails_per_inviter_hour = 10_000);
        // A fixed sequence that wanders over all operations; `rows_say_what_tables_say` looks at the tables once more.
        let mut seed = 2_463_534_242_u32;
        let mut draw = move |most: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed % most
        };
        for step in 0..80 {
            let email = format!("p{}@example.org", draw(12));
            let known = everybody(&ana).await.into_iter().find(|row| row.email == email);
            let mut grant = Grant::of([BuiltInRole::Viewer, BuiltInRole::Editor, BuiltInRole::Admin][draw(3) as usize]);
            if draw(3) == 0 {
                grant = grant.with("analytics.export");
            }
            // What is refused changes nothing, which is looked at as well.
            match (known, draw(9)) {
                (None, 0..=2) => drop(ana.invites(&email, &grant).await.unwrap()),
                (None, 3..=5) => drop(ana.brings_in(&email, &grant).await),
                (None, _) => drop(ana.invites_by(&method, &email, &email, &grant).await.unwrap()),
                (Some(row), 0) => drop(ana.removes(&row).await),
                (Some(row), 1) => drop(ana.edits(&row, &grant).await),
                (Some(row), 2) => drop(ana.suspends(&row).await),
                (Some(row), 3) => drop(ana.resends(&row).await),
                (Some(row), 4) => drop(ana.invites(&row.email, &grant).await),
                (Some(_), 5) => drop(world.changes("UPDATE members SET identifier = NULL WHERE role_key = 'viewer'").await),
                (Some(_), 6) => drop(world.changes("UPDATE login_methods SET enabled = NOT enabled WHERE kind = 'oauth'").await),
                (Some(_), 7) => drop(world.changes("UPDATE outbox SET state = 'refused', done_at = 5 WHERE kind = 'invitation'").await),
                (Some(_), _) => {
                    world.advance(Span::hours(i64::from(draw(60))));
                    ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
                }
            }
            if step % 8 == 7 {
                world.rows_say_what_tables_say().await;
                let counts = ana.list(&ListQuery::default()).await.unwrap().counts.unwrap();
                let all = everybody(&ana).await;
                for filter in ShownState::ALL.into_iter().map(StateFilter::In).chain([StateFilter::NeedsAttention]) {
                    let fits = |row: &&MemberRow| match filter {
                        StateFilter::In(state) => row.state == state,
                        StateFilter::NeedsAttention => row.needs_attention(),
                    };
                    let mut expected: Vec<_> = all.iter().filter(fits).map(|row| row.email.clone()).collect();
                    for sort in [Sort::NameUp, Sort::StatusDown, Sort::RoleUp] {
                        let page = ana.list(&ListQuery { state: Some(filter), sort, ..Default::default() }).await.unwrap();
                        let mut found: Vec<_> = page.rows.iter().map(|row| row.email.clone()).collect();
                        found.sort();
                        expected.sort();
                        assert_eq!(found, expected, "{step}: {filter:?} {sort:?}");
                        assert_eq!(page.count, Count::Exactly(found.len() as u64), "{step}: {filter:?}");
                        assert_eq!(counts.of(Some(filter)), found.len() as u64, "{step}: {filter:?}");
                    }
                }
            }
        }
        drop(provider);
    }

    async fn last_activity_is_this_accounts_and_written_at_most_every_five_minutes(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let joined = world.now();
        world.advance(Span::minutes(4));
        ben.home().await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.last_active, Some(joined));
        world.advance(Span::minutes(1));
        ben.home().await.unwrap();
        assert_eq!(ana.row("ben@example.org").await.last_active, Some(world.now()));
    }
}
