//! The Users list: search, filters, order, pages.

use crate::support::both_databases;
use app::domain::{
    list::{Count, ListQuery, Sort},
    member::ShownState,
    role::{BuiltInRole, Grant, RoleKey},
    time::Span,
};

fn emails(page: &app::api::members::UsersPage) -> Vec<&str> {
    page.rows.iter().map(|row| row.email.as_str()).collect()
}

both_databases! {
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
        let invited = page(ListQuery { state: Some(ShownState::Invited), sort: Sort::NameDown, ..Default::default() }).await;
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
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let page = ana.list(&ListQuery { sort, after, ..Default::default() }).await.unwrap();
                assert!(page.rows.len() <= 50);
                seen.extend(page.rows.iter().map(|row| row.email.clone()));
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen.len(), 120, "{sort:?}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 120, "{sort:?}");
        }
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
