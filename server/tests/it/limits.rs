//! Limits: what comes back with time, what a mail counts for, and what is refused.

use crate::support::both_databases;
use app::{
    api::invitations::Invited,
    domain::{
        member::{MailState, ShownState},
        role::{BuiltInRole, Grant},
        time::Span,
    },
    error::AppError,
};
use server::storage::rate_buckets::{self, Limit};

fn viewer() -> Grant {
    Grant::of(BuiltInRole::Viewer)
}

fn waits(outcome: &Invited) -> bool {
    matches!(outcome, Invited::Done { mail: MailState::Queued { until: Some(_) }, .. })
}

both_databases! {
    async fn en_04_however_close_together_the_tries_are_what_comes_back_is_not_lost(world: World) {
        // How many at once and in a day, milliseconds between tries, tries.
        for (burst, per_day, step, tries) in [(3, 288, 100, 6_100), (3, 288, 299, 2_050), (5, 5, 16_000, 3_000), (2, 86_400, 7, 1_500)] {
            let mut tx = world.services.database.begin_write().await.unwrap();
            let limit = Limit { burst, per_day };
            let key = format!("test:{per_day}:{step}");
            let (mut now, mut taken) = (world.now(), 0);
            for _ in 0..tries {
                taken += i64::from(rate_buckets::take(&mut tx, &key, limit, now).await.unwrap().is_ok());
                now = now + Span(step);
            }
            let back = (tries - 1) * step * per_day / 86_400_000;
            let expected = i64::from(burst) + back;
            assert!((expected - 1..=expected).contains(&taken), "{per_day} a day, every {step} ms: {taken} of {expected}");
        }
    }

    async fn en_04_whoever_comes_back_when_told_finds_room(world: World) {
        let mut tx = world.services.database.begin_write().await.unwrap();
        for per_day in [1, 5, 7, 288, 86_399, 1_000_003] {
            let (limit, key) = (Limit { burst: 1, per_day }, format!("test:{per_day}"));
            let mut now = world.now();
            rate_buckets::take(&mut tx, &key, limit, now).await.unwrap().unwrap();
            for _ in 0..5 {
                now = now + rate_buckets::take(&mut tx, &key, limit, now).await.unwrap().unwrap_err();
                assert_eq!(rate_buckets::take(&mut tx, &key, limit, now).await.unwrap(), Ok(()), "{per_day}");
            }
        }
    }

    async fn r52_inv_19_one_account_does_not_use_up_what_a_recipient_may_get_from_others(world: World) {
        let ana = world.owner("ana@example.org").await;
        world.services.create_account("Beta", "beta", "bea@example.org").await.unwrap();
        let bea = world.browser().on("beta");
        let id = bea.opens_link(&world.link_to("bea@example.org", 0).await).await;
        bea.signs_up(&id, "bea@example.org").await.unwrap();
        let mut refused = None;
        for n in 0..40 {
            let email = "ben@example.org";
            match ana.invites_with(email, &viewer(), &[("form[again]", "fresh")]).await {
                Ok(outcome) => {
                    assert_eq!(waits(&outcome), n >= 4, "{n}: {outcome:?}");
                    ana.removes(&ana.row(email).await).await.unwrap();
                }
                Err(error) => {
                    refused = Some((n, error));
                    break;
                }
            }
        }
        // Four at once; then four a day, for the seven days that an invitation lives.
        let (n, error) = refused.expect("it does not go on for ever");
        assert_eq!((n, &error), (31, &AppError::RateLimited { retry_after_s: 1 }));
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox WHERE recipient = 'ben@example.org'").await, 31);
        let other = bea.invites("ben@example.org", &viewer()).await.unwrap();
        assert!(!waits(&other), "{other:?}");
        world.advance(Span::hours(6));
        assert!(waits(&ana.invites_with("ben@example.org", &viewer(), &[("form[again]", "fresh")]).await.unwrap()));
    }

    async fn r01_r52_addresses_with_tags_are_recipients_of_their_own_to_whoever_invites(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut waiting = Vec::new();
        for n in 0..60 {
            let outcome = ana.invites(&format!("qa+{n}@example.org"), &viewer()).await.unwrap();
            if waits(&outcome) {
                waiting.push(n);
            }
        }
        // One mailbox is still not flooded by means of its tags.
        assert_eq!(waiting, (50..60).collect::<Vec<_>>());
        assert!(!waits(&ana.invites("cleo@example.org", &viewer()).await.unwrap()), "others do not wait for it");
    }

    async fn r12_r52_who_was_handed_a_link_because_its_mail_waits_gets_a_code_at_once(world: World) {
        let ana = world.owner("ana@example.org").await;
        let narrow = world.configured(|config| {
            config.limits.mails_per_account_day = 1;
            config.limits.mails_per_account_recipient_day = 1;
        });
        let ana = ana.at(&narrow);
        ana.invites("first@example.org", &viewer()).await.unwrap();
        assert!(waits(&ana.invites("ben@example.org", &viewer()).await.unwrap()));
        let ben = narrow.browser();
        let id = ben.opens_link(&ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url).await;
        ben.asks_for_code(&id).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox o WHERE kind = 'code' AND next_at = created_at").await, 1);
    }

    async fn r52_inv_19_what_could_not_go_before_its_end_is_refused_and_nothing_is_written(world: World) {
        let ana = world.owner("ana@example.org").await;
        let narrow = world.configured(|config| config.limits.mails_per_account_day = 1);
        let ana = ana.at(&narrow);
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let hour = [("form[lifetime]", "1")];
        let refused = ana.invites_with("ben+2@example.org", &viewer(), &hour).await;
        assert_eq!(refused, Err(AppError::RateLimited { retry_after_s: 23 * 3600 }));
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'invited'").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM invitations").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM outbox").await, 1);
        ana.copies_link(&ana.row("ben@example.org").await).await.unwrap();
        world.advance(Span::hours(23) + Span::seconds(1));
        assert!(waits(&ana.invites_with("ben+2@example.org", &viewer(), &hour).await.unwrap()), "when it was told");

        let bare = narrow.without_mail_server();
        let outcome = ana.at(&bare).invites_with("ben+3@example.org", &viewer(), &hour).await.unwrap();
        assert!(matches!(outcome, Invited::Done { mail: MailState::NoMailServer, .. }), "no mail, no limit: {outcome:?}");
    }

    async fn r52_inv_19_sending_again_is_refused_too_and_leaves_the_link_that_there_is(world: World) {
        let ana = world.owner("ana@example.org").await;
        let narrow = world.configured(|config| config.limits.mails_per_account_recipient_day = 1);
        let ana = ana.at(&narrow);
        ana.invites_with("ben@example.org", &viewer(), &[("form[lifetime]", "24")]).await.unwrap();
        let row = ana.row("ben@example.org").await;
        world.advance(Span::minutes(5));
        ana.resends(&row).await.unwrap();
        let link = ana.copies_link(&row).await.unwrap().url;
        world.advance(Span::minutes(5));
        assert!(matches!(ana.resends(&row).await, Err(AppError::RateLimited { .. })));
        assert_eq!(ana.copies_link(&row).await.unwrap().url, link);
        assert_eq!(ana.row("ben@example.org").await.state, ShownState::Invited);
    }

    async fn en_05_inv_19_codes_have_limits_of_their_own_by_invitation_account_and_mailbox(world: World) {
        let ana = world.owner("ana@example.org").await;
        let mut asked = 0;
        let mut last = Ok(());
        for tag in ["a", "b", "c", "d"] {
            let email = format!("ben+{tag}@example.org");
            ana.invites(&email, &viewer()).await.unwrap();
            let ben = world.browser();
            let id = ben.opens_link(&ana.copies_link(&ana.row(&email).await).await.unwrap().url).await;
            for _ in 0..3 {
                last = ben.asks_for_code(&id).await.map(|_| ());
                asked += i32::from(last.is_ok());
            }
            if asked == 9 {
                // The invitation's own limit, which has room again after five minutes.
                assert_eq!(ben.asks_for_code(&id).await, Err(AppError::RateLimited { retry_after_s: 300 }));
            }
        }
        // Whoever holds links of one account brings ten at once to a mailbox, whatever its tags; then one in an hour.
        assert_eq!((asked, last), (10, Err(AppError::RateLimited { retry_after_s: 3600 })));
        assert!(!waits(&ana.invites("ben@example.org", &viewer()).await.unwrap()), "codes take nothing from the mails of admins");

        ana.opens_account("Beta", "beta").await.unwrap();
        let ana = ana.on("beta");
        ana.invites("ben@example.org", &viewer()).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&ana.copies_link(&ana.row("ben@example.org").await).await.unwrap().url).await;
        ben.asks_for_code(&id).await.expect("another account has codes of its own");
    }

    async fn inv_19_accounts_of_one_user_are_limited_and_share_the_users_limits(world: World) {
        let world = world.configured(|config| {
            config.limits.accounts_per_user_day = 5;
            config.limits.mails_per_inviter_hour = 9;
        });
        let ana = world.owner("ana@example.org").await;
        for n in 0..5 {
            ana.opens_account("More", &format!("more-{n}")).await.unwrap();
        }
        assert!(matches!(ana.opens_account("More", "more-5").await, Err(AppError::RateLimited { .. })));

        // Four to one recipient in a day, from all the accounts of one inviter; the fifth waits for nobody else.
        let mut at_once = 0;
        for n in 0..5 {
            let outcome = ana.on(&format!("more-{n}")).invites("victim@example.org", &viewer()).await.unwrap();
            at_once += i32::from(!waits(&outcome));
        }
        assert_eq!(at_once, 4);
        // Nine mails in an hour, in all accounts together.
        let mut sent = 5;
        while !waits(&ana.on("more-0").invites(&format!("n{sent}@example.org"), &viewer()).await.unwrap()) {
            sent += 1;
        }
        assert_eq!(sent, 9);
    }

    async fn inv_19_no_account_is_kept_waiting_for_more_than_a_day_by_what_others_send_to_the_same_recipient(world: World) {
        let mut tx = world.services.database.begin_write().await.unwrap();
        let (limit, day) = (Limit::per_day(5), Span::days(1));
        for n in 0..200 {
            let wait = rate_buckets::reserve_within(&mut tx, "mail:to:x", limit, day, world.now()).await.unwrap();
            assert!(wait <= day, "{n}: {wait:?}");
        }
        // A day later there is room again, and not after the forty days that two hundred would take.
        let later = world.now() + Span::days(2);
        assert_eq!(rate_buckets::take(&mut tx, "mail:to:x", limit, later).await.unwrap(), Ok(()));
    }

    async fn inv_19_the_server_sends_so_many_in_a_day_whoever_invites(world: World) {
        let world = world.configured(|config| config.limits.mails_per_server_day = 2);
        let ana = world.owner("ana@example.org").await;
        ana.opens_account("Beta", "beta").await.unwrap();
        assert!(!waits(&ana.invites("a@example.org", &viewer()).await.unwrap()));
        assert!(!waits(&ana.on("beta").invites("b@example.org", &viewer()).await.unwrap()));
        assert!(waits(&ana.invites("c@example.org", &viewer()).await.unwrap()));
    }
}
