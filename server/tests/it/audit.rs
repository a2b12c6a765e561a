//! The chain of audit events: what is noticed of changes made behind it (R60, LT-11).

use crate::support::{World, both_databases};
use app::domain::{
    name::Slug,
    role::{BuiltInRole, Grant},
};
use server::storage::audit::ChainFault;

async fn fault(world: &World, slug: &str) -> Option<ChainFault> {
    world.services.check_audit(&Slug::parse(slug).unwrap()).await.unwrap().unwrap().fault()
}

/// Acme with five events.
async fn acme(world: &World) {
    let ana = world.owner("ana@example.org").await;
    for n in 0..4 {
        ana.invites(&format!("n{n}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
    }
    assert_eq!(fault(world, "acme").await, None);
}

both_databases! {
    async fn r60_lt_11_events_that_were_cut_off_at_the_end_are_missed(world: World) {
        acme(&world).await;
        world.changes("DELETE FROM audit_details WHERE seq > 2").await;
        world.changes("DELETE FROM audit_events WHERE seq > 2").await;
        assert_eq!(fault(&world, "acme").await, Some(ChainFault::CutOff { there: 2, counted: 5 }));
        world.changes("DELETE FROM audit_details").await;
        world.changes("DELETE FROM audit_events").await;
        assert_eq!(fault(&world, "acme").await, Some(ChainFault::CutOff { there: 0, counted: 5 }));
    }

    async fn r60_lt_11_an_event_that_is_gone_or_changed_in_the_middle_is_missed(world: World) {
        acme(&world).await;
        world.changes("UPDATE audit_events SET kind = 'removed' WHERE seq = 4").await;
        assert_eq!(fault(&world, "acme").await, Some(ChainFault::Changed(4)));
        world.changes("DELETE FROM audit_details WHERE seq = 3").await;
        world.changes("DELETE FROM audit_events WHERE seq = 3").await;
        assert_eq!(fault(&world, "acme").await, Some(ChainFault::Changed(4)));
    }

    async fn r60_lt_11_events_of_another_account_do_not_fit(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        // Both have one event. Each gets that of the other, with its head.
        world.changes("DELETE FROM audit_details").await;
        let swapped = "UPDATE audit_events SET account_id = (SELECT a.id FROM accounts a WHERE a.id <> audit_events.account_id), seq = 2";
        world.changes(swapped).await;
        world.changes("UPDATE audit_events SET seq = 1").await;
        world.changes("UPDATE accounts SET audit_hash = (SELECT e.hash FROM audit_events e WHERE e.account_id = accounts.id)").await;
        assert_eq!(fault(&world, "acme").await, Some(ChainFault::Changed(1)));
        assert_eq!(fault(&world, "beta").await, Some(ChainFault::Changed(1)));
    }

    async fn r60_lt_11_what_was_erased_of_persons_leaves_the_chain_whole(world: World) {
        acme(&world).await;
        world.changes("DELETE FROM audit_details WHERE seq = 3").await;
        assert_eq!(fault(&world, "acme").await, None);
    }
}
