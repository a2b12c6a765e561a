//! From the outbox to the mail server: what is written with an invitation arrives, once, whatever the mail server does meanwhile.

use crate::{
    mail_server::{MailServer, Reply},
    support::{Browser, World, both_databases},
};
use app::{
    api::{
        invitations::{Invited, Resent},
        joining::{InvitationView, Joined},
        outbox::OutboxPage,
    },
    domain::{
        ids::MemberId,
        member::{MailState, MemberRow},
        role::{BuiltInRole, Grant},
        time::Span,
    },
};
use server::{
    mail::{smtp::SetUpError, worker},
    storage::outbox::{self, FinalState},
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A world with a mail server of the test's own, and Ana, who owns Acme and invites.
struct Office {
    world: World,
    ana: Browser,
    stop: CancellationToken,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Office {
    async fn of(world: &World, server: &MailServer) -> Self {
        Self::at(world, server.address).await
    }

    async fn at(world: &World, address: SocketAddr) -> Self {
        let world = world.configured(|config| {
            if let Some(smtp) = &mut config.smtp {
                smtp.host = address.ip().to_string();
                smtp.port = Some(address.port());
            }
        });
        Self { ana: world.owner("ana@example.org").await, world, stop: CancellationToken::new() }
    }

    async fn without_mail_server(world: &World) -> Self {
        let world = world.without_mail_server();
        Self { ana: world.owner("ana@example.org").await, world, stop: CancellationToken::new() }
    }

    /// Invites somebody, and answers the row.
    async fn invite(&self, email: &str) -> MemberId {
        match self.ana.invites(email, &Grant::of(BuiltInRole::Viewer)).await.unwrap() {
            Invited::Done { member, .. } => member,
            other => panic!("{other:?}"),
        }
    }

    async fn row(&self, member: MemberId) -> MemberRow {
        self.ana.shows(member).await.unwrap().row
    }

    async fn mail_of(&self, member: MemberId) -> MailState {
        self.row(member).await.mail.expect("an invited row has a mail")
    }

    /// Waits until a row's mail is as wanted.
    async fn until(&self, member: MemberId, wanted: impl Fn(&MailState) -> bool) -> MailState {
        let mut last = None;
        for _ in 0..800 {
            let state = self.mail_of(member).await;
            if wanted(&state) {
                return state;
            }
            last = Some(state);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the mail is still {last:?}");
    }

    /// Does this token open an invitation?
    async fn opens(&self, token: &str) -> bool {
        let ben = self.world.browser();
        let id = ben.opens_link(&format!("/i/{token}")).await;
        matches!(ben.views(&id).await, InvitationView::Open(_))
    }

    async fn outbox(&self) -> OutboxPage {
        self.ana.call("outbox/list", &[("account", "acme")]).await.unwrap()
    }

    /// Moves the clock on, and spares the test the wait until the worker looks at it.
    fn advance(&self, span: Span) {
        self.world.advance(span);
        self.world.services.database.wake_mail_worker();
    }

    /// Starts a worker, as one instance would.
    fn start_worker(&self) -> JoinHandle<Result<(), SetUpError>> {
        tokio::spawn(worker::run(self.world.services.clone(), self.stop.clone()))
    }
}

/// A script that says `answer` to each recipient of this name and is polite about others.
fn about(name: &'static str, answer: &'static str) -> impl Fn(&str) -> Option<Reply> + Send + Sync + 'static {
    move |line: &str| line.starts_with(&format!("RCPT TO:<{name}@")).then(|| Reply::Say(answer.to_owned()))
}

both_databases! {
    /// The commit wakes the worker if a mail was queued in it, whatever queued it, and only then.
    async fn r62_a_commit_that_queued_a_mail_wakes_the_worker(world: World) {
        let ana = world.owner("ana@example.org").await;
        assert!(!world.woke_worker(), "no mail yet");
        let adam = ana.brings_in_as("adam@example.org", BuiltInRole::Admin).await;
        adam.invites("ben@example.org", &Grant::of(BuiltInRole::Editor)).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        world.stops_mailing().await;
        world.woke_worker();

        ana.edits(&ana.row("adam@example.org").await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(world.woke_worker(), "R35");
        ana.suspends(&ana.row("adam@example.org").await).await.unwrap();
        assert!(!world.woke_worker(), "nobody is told of a suspension");
        assert_eq!(ben.signs_up(&id, "ben@example.org").await, Ok(Joined::AwaitingApproval));
        assert!(world.woke_worker(), "an admin is told of who waits");
        ana.invites("cid@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(world.woke_worker(), "an invitation");
        ana.invites("cid@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert!(!world.woke_worker(), "invited already");
    }

    /// An invitation arrives as one mail with a link that opens it, and the row says who took it when.
    async fn r62_an_invitation_arrives_and_its_row_says_so(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        let ben = office.invite("Ben@Example.org").await;
        assert_eq!(office.mail_of(ben).await, MailState::Queued { until: None });
        let _worker = office.start_worker();
        let [mail] = &server.wait_for(1).await[..] else { panic!("one mail") };
        assert_eq!(mail.to, ["ben@example.org"]);
        assert_eq!(mail.header("From").unwrap(), "Roster <roster@example.org>");
        assert_eq!(mail.header("Auto-Submitted").unwrap(), "auto-generated");
        assert!(mail.part("text/plain").contains("Ana Owner (ana@example.org) invited you to Acme."));
        let MailState::Accepted { at } = office.until(ben, |state| matches!(state, MailState::Accepted { .. })).await else {
            panic!()
        };
        assert_eq!(at, office.world.now());
        assert!(office.opens(&mail.token()).await, "the mailed link is the invitation's");
    }

    /// Without a mail server nothing is called sent, and nothing is sent later.
    async fn r61_without_a_mail_server_mails_stay_where_they_are(world: World) {
        let office = Office::without_mail_server(&world).await;
        let ben = office.invite("ben@example.org").await;
        assert_eq!(office.mail_of(ben).await, MailState::NoMailServer);
        office.start_worker().await.unwrap().unwrap();
        office.advance(Span::days(1));
        assert_eq!(office.mail_of(ben).await, MailState::NoMailServer);
    }

    /// The mail in the outbox page holds a link that works, and never the mailed one.
    async fn r12_the_outbox_shows_the_copied_link_never_the_mailed_one(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        let ben = office.invite("ben@example.org").await;
        let _worker = office.start_worker();
        let mailed = server.wait_for(1).await[0].token();
        let page = office.outbox().await;
        let [line] = &page.mails[..] else { panic!("one mail") };
        assert_eq!((line.member, line.to.as_str(), line.subject.as_str()), (ben, "ben@example.org", "You’re invited to Acme"));
        assert!(line.readable && page.next.is_none());
        let shown = office.ana.get(&app::paths::mail("acme", line.id)).await;
        assert_eq!(shown.status, 200);
        // Looking makes no link, and answers for none.
        assert!(!shown.body.contains(&mailed) && !shown.body.contains("/i/") && shown.body.contains("Copy link"), "{}", shown.body);
        assert_eq!(office.world.count("SELECT COUNT(*) FROM invitation_tokens WHERE channel = 'copied'").await, 0);
        let copied = office.ana.copies_link(&office.row(ben).await).await.unwrap().url;
        let shown = office.ana.get(&app::paths::mail("acme", line.id)).await;
        assert!(shown.body.contains(&copied) && !shown.body.contains(&mailed), "{}", shown.body);
        let services = &office.world.services;
        let operators = services.show_outbox_mail(line.id).await.unwrap();
        assert!(!operators.text.contains(&mailed) && !operators.text.contains("/i/"), "{}", operators.text);
        assert_eq!(services.show_outbox().await.unwrap().len(), 1);
    }

    /// Down for two hours: everything waits, at ever longer pauses, and arrives once after recovery, under the Message-ID it was written with.
    async fn f2_a_mail_server_that_is_down_for_two_hours_loses_nothing(world: World) {
        let gone = MailServer::polite().await;
        let address = gone.address;
        drop(gone);
        let office = Office::at(&world, address).await;
        let mut members = Vec::new();
        for name in ["ben", "cleo", "dan"] {
            members.push(office.invite(&format!("{name}@example.org")).await);
        }
        let _worker = office.start_worker();
        let start = office.world.now();
        let mut pauses = Vec::new();
        for member in &members {
            office.until(*member, |state| matches!(state, MailState::Deferred { .. })).await;
        }
        while office.world.now() - start < Span::hours(2) {
            let now = office.world.now();
            let state = office.until(members[0], |state| matches!(state, MailState::Deferred { next, .. } if *next > now)).await;
            let MailState::Deferred { next, answer } = state else { panic!() };
            assert!(answer.contains("refused"), "{answer}");
            pauses.push((next - now).0 / 1000);
            for member in &members {
                office.until(*member, |state| matches!(state, MailState::Deferred { next, .. } if *next > now)).await;
            }
            office.advance(next - now);
        }
        assert_eq!(pauses[..10], [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560]);
        assert!(pauses[10..].iter().all(|pause| *pause == 3600), "{pauses:?}");
        // A jump of the clock past a lease while a delivery is under way would be another test.
        let now = office.world.now();
        for member in &members {
            office.until(*member, |state| matches!(state, MailState::Deferred { next, .. } if *next > now)).await;
        }
        let server = MailServer::at(address).await;
        office.advance(Span::hours(1));
        server.wait_for(3).await;
        for member in &members {
            office.until(*member, |state| matches!(state, MailState::Accepted { .. })).await;
        }
        assert_eq!(server.mails().len(), 3);
    }

    /// After 48 hours trying ends, and the row says what was said last.
    async fn f2_after_48_hours_the_row_says_what_was_said_last(world: World) {
        let server = MailServer::scripted(about("ben", "451 4.7.1 Come back later")).await;
        let office = Office::of(&world, &server).await;
        let ben = office.invite("ben@example.org").await;
        let _worker = office.start_worker();
        let start = office.world.now();
        let last = loop {
            let now = office.world.now();
            let state = office
                .until(ben, |state| match state {
                    MailState::Deferred { next, .. } => *next > now,
                    MailState::Refused { .. } => true,
                    MailState::Queued { .. }
                    | MailState::NoMailServer
                    | MailState::Accepted { .. }
                    | MailState::Unanswered { .. } => false,
                })
                .await;
            match state {
                MailState::Deferred { next, .. } => office.advance(next - now),
                other => break other,
            }
        };
        let MailState::Refused { at, answer } = last else { panic!("{last:?}") };
        assert_eq!(answer, "451 4.7.1 Come back later");
        assert!(at - start > Span::hours(46) && at - start <= Span::hours(48), "{:?}", at - start);
    }

    /// 4xx is tried again and arrives; 5xx is final on the first try, in the server's words; neither keeps others waiting.
    async fn f4_one_bad_recipient_never_blocks_others(world: World) {
        let tries = AtomicU32::new(0);
        let server = MailServer::scripted(move |line: &str| {
            if line.starts_with("RCPT TO:<bad@") {
                Reply::say("550 5.1.1 No such user")
            } else if line.starts_with("RCPT TO:<grey@") && tries.fetch_add(1, Ordering::SeqCst) == 0 {
                Reply::say("451 4.7.1 Greylisted")
            } else if line.starts_with("RCPT TO:<busy@") {
                Reply::say("421 4.3.2 Too busy")
            } else {
                None
            }
        })
        .await;
        let office = Office::of(&world, &server).await;
        let [bad, grey, busy, good] = [
            office.invite("bad@example.org").await,
            office.invite("grey@example.org").await,
            office.invite("busy@example.org").await,
            office.invite("good@example.org").await,
        ];
        let _worker = office.start_worker();
        office.until(good, |state| matches!(state, MailState::Accepted { .. })).await;
        let refused = office.until(bad, |state| matches!(state, MailState::Refused { .. })).await;
        let MailState::Refused { answer, .. } = refused else { panic!() };
        assert_eq!(answer, "550 5.1.1 No such user");
        for (member, said) in [(grey, "451 4.7.1 Greylisted"), (busy, "421 4.3.2 Too busy")] {
            let deferred = office.until(member, |state| matches!(state, MailState::Deferred { .. })).await;
            let next = office.world.now() + Span::seconds(5);
            assert_eq!(deferred, MailState::Deferred { next, answer: said.to_owned() });
        }
        office.advance(Span::seconds(5));
        office.until(grey, |state| matches!(state, MailState::Accepted { .. })).await;
        office.advance(Span::hours(1));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let tried = server.lines().iter().filter(|line| line.starts_with("RCPT TO:<bad@")).count();
        assert_eq!(tried, 1, "5xx is final");
    }

    /// Four at a time, and a recipient whose server falls silent costs one place among them.
    async fn f3_four_mails_go_at_a_time_and_a_silent_one_does_not_stop_the_others(world: World) {
        let server = MailServer::scripted(|line: &str| match line {
            "." => Some(Reply::Late(Duration::from_millis(300), "250 taken".to_owned())),
            line if line.starts_with("RCPT TO:<silent@") => Some(Reply::Stall),
            _ => None,
        })
        .await;
        let office = Office::of(&world, &server).await;
        office.invite("silent@example.org").await;
        for n in 0..12 {
            office.invite(&format!("p{n}@example.org")).await;
        }
        let before = Instant::now();
        let _worker = office.start_worker();
        server.wait_for(12).await;
        let step = Duration::from_secs(u64::from(office.world.services.config.mail.timeout_s));
        assert!(before.elapsed() < step, "nobody waited for the silent one: {:?}", before.elapsed());
        assert!(server.most_at_once() >= 4, "{} at once", server.most_at_once());
    }

    /// A process that dies with a lease in hand loses nothing: the next one sends the same mail when the lease has run out.
    async fn f1_a_dead_processs_mail_is_taken_up_again_with_the_same_link_and_message_id(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        let ben = office.invite("ben@example.org").await;
        let now = office.world.now();
        let mut tx = office.world.services.database.begin_write().await.unwrap();
        let claimed = outbox::claim_due(&mut tx, now, now + Span::minutes(2), 10).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claimed.len(), 1);
        let _worker = office.start_worker();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(server.mails().is_empty(), "the lease is another's");
        office.advance(Span::minutes(2));
        let mail = server.wait_for(1).await.remove(0);
        assert_eq!(mail.header("Message-ID").unwrap(), format!("<{}@[127.0.0.1]>", claimed[0].id));
        office.until(ben, |state| matches!(state, MailState::Accepted { .. })).await;

        // The dead one wakes up after all: what it has to say does not count any more.
        let mut tx = office.world.services.database.begin_write().await.unwrap();
        assert!(!outbox::finish(&mut tx, &claimed[0], FinalState::Refused, Some("late"), now).await.unwrap());
        tx.commit().await.unwrap();
        assert!(matches!(office.mail_of(ben).await, MailState::Accepted { .. }));
    }

    /// A connection that breaks after the text was sent: the row says that the mail may have arrived. It goes once more, as a copy that can
    /// be known as one: same link, same Message-ID.
    async fn f1_an_answer_that_is_lost_makes_a_second_copy_at_most(world: World) {
        let texts = AtomicU32::new(0);
        let server = MailServer::scripted(move |line: &str| {
            (line == "." && texts.fetch_add(1, Ordering::SeqCst) == 0).then_some(Reply::HangUp)
        })
        .await;
        let office = Office::of(&world, &server).await;
        let ben = office.invite("ben@example.org").await;
        let _worker = office.start_worker();
        let state = office.until(ben, |state| matches!(state, MailState::Unanswered { .. })).await;
        let (at, answer) = (office.world.now(), "the mail server closed the connection".to_owned());
        assert_eq!(state, MailState::Unanswered { at, next: Some(at + Span::minutes(5)), answer });
        assert_eq!(office.outbox().await.mails[0].state, state);
        office.advance(Span::minutes(5));
        office.until(ben, |state| matches!(state, MailState::Accepted { .. })).await;
        let texts: Vec<_> = server.lost().into_iter().chain(server.mails()).collect();
        assert_eq!(texts.len(), 2);
        assert_eq!(texts[0].token(), texts[1].token());
        assert_eq!(texts[0].header("Message-ID"), texts[1].header("Message-ID"));
    }

    /// A mail server that never answers gets two copies, whatever happens between them; the row goes on saying that one may have arrived.
    async fn f1_r62_a_mail_that_is_never_answered_is_not_sent_a_third_time(world: World) {
        let tries = AtomicU32::new(0);
        let server = MailServer::scripted(move |line: &str| match line {
            "." => Some(Reply::HangUp),
            // Between both, it is busy once: that is no answer to the first copy.
            line if line.starts_with("RCPT") && tries.fetch_add(1, Ordering::SeqCst) == 1 => Reply::say("451 Busy"),
            _ => None,
        })
        .await;
        let office = Office::of(&world, &server).await;
        let ben = office.invite("ben@example.org").await;
        let _worker = office.start_worker();
        let first = office.world.now();
        office.until(ben, |state| matches!(state, MailState::Unanswered { .. })).await;
        office.advance(Span::minutes(5));
        let busy = |state: &MailState| matches!(state, MailState::Unanswered { answer, .. } if answer == "451 Busy");
        let MailState::Unanswered { at, next: Some(next), .. } = office.until(ben, busy).await else { panic!() };
        assert_eq!(at, first);
        office.advance(next - office.world.now());
        office.until(ben, |state| matches!(state, MailState::Unanswered { next: None, .. })).await;
        office.advance(Span::hours(1));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(server.lost().len(), 2);
        assert!(matches!(office.mail_of(ben).await, MailState::Unanswered { next: None, .. }));
    }

    /// A process that dies while it waits for the answer: the row said beforehand that the mail may have arrived. One copy follows when the
    /// lease has run out, and if its process dies too, none.
    async fn f1_a_process_that_dies_before_the_answer_makes_a_second_copy_at_most(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        let database = &office.world.services.database;
        let (ben, cleo) = (office.invite("ben@example.org").await, office.invite("cleo@example.org").await);
        for (turn, most) in [(0, 10), (1, 1)] {
            let now = office.world.now();
            let mut tx = database.begin_write().await.unwrap();
            let claimed = outbox::claim_due(&mut tx, now, now + Span::minutes(2), most).await.unwrap();
            assert_eq!(claimed.len(), 2 - turn);
            for mail in &claimed {
                assert!(outbox::hand_over(&mut tx, mail, now + Span::minutes(12), now).await.unwrap());
            }
            tx.commit().await.unwrap();
            assert_eq!(office.mail_of(ben).await, MailState::Queued { until: None }, "an answer is awaited");
            office.advance(Span::minutes(1));
            if turn == 0 {
                let next = Some(now + Span::minutes(12));
                let state = MailState::Unanswered { at: now, next, answer: String::new() };
                assert_eq!((office.mail_of(ben).await, office.mail_of(cleo).await), (state.clone(), state));
            }
            office.advance(Span::minutes(11));
        }
        let _worker = office.start_worker();
        // One of them was handed over twice by now, the other once.
        server.wait_for(1).await;
        let settled = |state: &MailState| matches!(state, MailState::Accepted { .. } | MailState::Unanswered { next: None, .. });
        let states = [office.until(ben, settled).await, office.until(cleo, settled).await];
        assert_eq!(states.iter().filter(|state| matches!(state, MailState::Accepted { .. })).count(), 1, "{states:?}");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(server.mails().len(), 1);
    }

    /// Who lost the lease before the text went does not send it.
    async fn f1_nothing_is_handed_over_under_a_lease_that_is_anothers(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        office.invite("ben@example.org").await;
        let now = office.world.now();
        let mut tx = office.world.services.database.begin_write().await.unwrap();
        let first = outbox::claim_due(&mut tx, now, now + Span::minutes(2), 1).await.unwrap().remove(0);
        let later = now + Span::minutes(2);
        let second = outbox::claim_due(&mut tx, later, later + Span::minutes(2), 1).await.unwrap().remove(0);
        assert!(!outbox::hand_over(&mut tx, &first, later, later).await.unwrap());
        assert!(outbox::hand_over(&mut tx, &second, later, later).await.unwrap());
        assert!(outbox::finish(&mut tx, &second, FinalState::Accepted, Some("250"), later).await.unwrap());
        assert!(!outbox::hand_over(&mut tx, &second, later, later).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// A mail server that takes minutes to look into mails keeps nobody else waiting, and gets each of them once.
    async fn f3_mails_flow_while_others_wait_for_their_answers(world: World) {
        let texts = AtomicU32::new(0);
        let server = MailServer::scripted(move |line: &str| {
            (line == "." && texts.fetch_add(1, Ordering::SeqCst) < 6).then_some(Reply::Stall)
        })
        .await;
        let mut office = Office::of(&world, &server).await;
        office.world = office.world.configured(|config| (config.mail.workers, config.mail.timeout_s) = (2, 1));
        let mut members = Vec::new();
        for n in 0..10 {
            members.push(office.invite(&format!("p{n}@example.org")).await);
        }
        let _worker = office.start_worker();
        assert_eq!(server.wait_for(4).await.len(), 4);
        assert_eq!(server.lost().len(), 6);
        for member in members {
            office.until(member, |state| matches!(state, MailState::Accepted { .. } | MailState::Queued { .. })).await;
        }
        assert!(server.most_at_once() >= 7, "{} at once", server.most_at_once());
    }

    /// An answer that takes longer than the operator lets it is no answer; what came late does not count, and does no harm.
    async fn f3_an_answer_that_comes_too_late_leaves_it_open(world: World) {
        let texts = AtomicU32::new(0);
        let server = MailServer::scripted(move |line: &str| {
            let late = || Reply::Late(Duration::from_secs(3), "250 late".to_owned());
            (line == "." && texts.fetch_add(1, Ordering::SeqCst) == 0).then(late)
        })
        .await;
        let mut office = Office::of(&world, &server).await;
        office.world = office.world.configured(|config| (config.mail.timeout_s, config.mail.answer_timeout_s) = (1, 1));
        let ben = office.invite("ben@example.org").await;
        let _worker = office.start_worker();
        let state = office.until(ben, |state| matches!(state, MailState::Unanswered { .. })).await;
        assert!(matches!(&state, MailState::Unanswered { answer, .. } if answer == "no answer within 1 s"), "{state:?}");
    }

    /// Limits may put a mail off for days, and so may a Roster that is not running: its 48 hours begin with its first try.
    async fn f2_r52_a_mail_that_was_put_off_for_days_has_its_48_hours(world: World) {
        let server = MailServer::scripted(about("ben", "451 4.7.1 Greylisted")).await;
        let mut office = Office::of(&world, &server).await;
        office.world = office.world.configured(|config| config.limits.mails_per_account_day = 1);
        office.ana = office.ana.at(&office.world);
        for n in 0..3 {
            office.invite(&format!("p{n}@example.org")).await;
        }
        let ben = office.invite("ben@example.org").await;
        let until = office.world.now() + Span::hours(72);
        assert_eq!(office.mail_of(ben).await, MailState::Queued { until: Some(until) });
        office.advance(Span::hours(73));
        let _worker = office.start_worker();
        office.until(ben, |state| matches!(state, MailState::Deferred { .. })).await;
        office.advance(Span::hours(47));
        let now = office.world.now();
        office.until(ben, |state| matches!(state, MailState::Deferred { next, .. } if *next > now)).await;
        office.advance(Span::hours(1));
        office.until(ben, |state| matches!(state, MailState::Refused { .. })).await;
    }

    /// Two workers, as of two instances, on one outbox: each mail goes once.
    async fn f1_two_workers_send_each_mail_once(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        for n in 0..30 {
            office.invite(&format!("p{n}@example.org")).await;
        }
        let _workers = [office.start_worker(), office.start_worker(), office.start_worker()];
        server.wait_for(30).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let mut counts: HashMap<String, usize> = HashMap::new();
        for mail in server.mails() {
            *counts.entry(mail.to[0].clone()).or_default() += 1;
        }
        assert_eq!(counts.len(), 30);
        assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    }

    /// Stopping gives back what was not begun, at once and untried; the next process sends it without waiting for a lease.
    async fn a_graceful_stop_gives_leases_back(world: World) {
        let silent = MailServer::scripted(|line: &str| line.starts_with("RCPT").then_some(Reply::Stall)).await;
        let office = Office::of(&world, &silent).await;
        let ben = office.invite("ben@example.org").await;
        let worker = office.start_worker();
        while !silent.lines().iter().any(|line| line.starts_with("RCPT")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let before = Instant::now();
        office.stop.cancel();
        worker.await.unwrap().unwrap();
        let step = Duration::from_secs(u64::from(office.world.services.config.mail.timeout_s));
        assert!(before.elapsed() < step, "it does not wait for the silent server: {:?}", before.elapsed());
        assert_eq!(office.mail_of(ben).await, MailState::Queued { until: None });
        let now = office.world.now();
        let mut tx = office.world.services.database.begin_write().await.unwrap();
        let claimed = outbox::claim_due(&mut tx, now, now + Span::minutes(2), 10).await.unwrap();
        assert_eq!(claimed.iter().map(|mail| mail.attempts).collect::<Vec<_>>(), [1]);
    }

    /// A mail that waits while its invitation is withdrawn or sent again is never sent; what goes is the newest link.
    async fn r22_r23_a_mail_with_nothing_to_say_any_more_is_dropped(world: World) {
        let server = MailServer::polite().await;
        let office = Office::of(&world, &server).await;
        let gone = office.invite("gone@example.org").await;
        let ben = office.invite("ben@example.org").await;
        office.ana.removes(&office.row(gone).await).await.unwrap();
        office.advance(Span::hours(1));
        let _: Resent = office.ana.resends(&office.row(ben).await).await.unwrap();
        let _worker = office.start_worker();
        let mail = server.wait_for(1).await.remove(0);
        assert_eq!(mail.to, ["ben@example.org"]);
        assert!(office.opens(&mail.token()).await);
        office.until(ben, |state| matches!(state, MailState::Accepted { .. })).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(server.mails().len(), 1);
    }

    /// While the mail server is away, nobody who invites waits for it.
    async fn f2_inviting_is_quick_while_the_mail_server_is_silent(world: World) {
        let server = MailServer::scripted(|line: &str| (line == "CONNECT").then_some(Reply::Stall)).await;
        let office = Office::of(&world, &server).await;
        let times = async |name: &str| {
            let mut times = Vec::new();
            for n in 0..20 {
                let before = Instant::now();
                office.invite(&format!("{name}{n}@example.org")).await;
                times.push(before.elapsed());
            }
            times.sort();
            times
        };
        // What this machine takes when nobody sends at all; slow ones take more than 300 ms for that alone.
        let alone = times("a").await;
        let _worker = office.start_worker();
        let beside = times("b").await;
        assert!(beside[18] < Duration::from_millis(300).max(alone[18] * 3), "{alone:?} {beside:?}");
    }
}
