//! Webhooks: who sets them up, what they are told, and that what they are told arrives (LT-10, OA-15).

use crate::support::{
    Browser, PASSWORD, Program, World, both_databases, holds,
    receiver::{Receiver, SILENCE},
};
use app::{
    api::{
        login_methods::Notice,
        webhooks::{WebhookSecret, WebhooksView},
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        policy::Refusal,
        role::{BuiltInRole, Grant},
        time::Span,
        webhook::{DeliveryFault, DeliveryState, MAX_WEBHOOKS, WebhookStatus, told_events},
    },
    error::AppError,
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use server::service::keep_delivering_webhooks;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const ANA: &str = "ana@example.org";
const BEN: &str = "ben@example.org";
/// An address that nothing is sent to: nobody delivers in these stories.
const ELSEWHERE: &str = "https://hooks.example.org/roster?token=of-theirs";

async fn delivers(world: &World) -> usize {
    world.services.deliver_webhooks().await.unwrap()
}

/// The mails that say that a webhook was switched off, by their recipients.
async fn told_of_stopping(world: &World) -> Vec<String> {
    world.texts("SELECT recipient FROM outbox WHERE kind = 'webhook_stopped' ORDER BY id").await
}

async fn signs_in_again(world: &World, email: &str) -> Browser {
    let browser = world.browser();
    browser.sign_in(email, PASSWORD).await.unwrap();
    browser
}

async fn status(browser: &Browser, webhook: &WebhookSecret) -> WebhookStatus {
    browser.webhook(webhook).await.webhook.status
}

#[test]
fn lt_10_the_guide_names_every_event_and_no_other() {
    let guide = include_str!("../../../docs/webhooks.md");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let named: Vec<_> = rows.map(|(name, _)| name).filter(|name| name.contains('.')).collect();
    let told: BTreeSet<_> = told_events().map(|(_, name)| name).chain([app::domain::webhook::TEST_EVENT]).collect();
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), told);
    assert_eq!(named.len(), told.len(), "each once");
}

both_databases! {
    async fn lt_10_a_removal_reaches_the_receiver_at_once_signed_and_as_the_api_shows_it(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        let made = ana.adds_webhook(&receiver.url("/hook?key=1"), &["member.removed"]).await.unwrap();
        let stop = CancellationToken::new();
        let worker = tokio::spawn(keep_delivering_webhooks(world.services.clone(), stop.clone()));
        // It has looked, and waits for its next look or for a commit.
        sleep(Duration::from_millis(300)).await;

        ana.edits(&ana.row(BEN).await, &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let began = Instant::now();
        ana.removes(&ana.row(BEN).await).await.unwrap();
        let messages = receiver.wait_for("/hook?key=1", 1).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        // What the receiver answered is written down a moment after it has the message.
        for _ in 0..200 {
            if ana.deliveries(&made).await[0].state != DeliveryState::Queued {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
        worker.await.unwrap();

        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!(message.signed_by(&made.secret), 1);
        assert_eq!(message.header("content-type"), "application/json");
        assert_eq!(message.header("webhook-timestamp"), "1777885200");
        assert!(message.body.starts_with(r#"{"type":"member.removed","timestamp":"2026-05-04T09:00:00Z","data":{"#));
        let data = &message.json()["data"];
        let events = Program::new(&world, &ana.makes_key("CI", &["users.read", "audit.read"], "").await.unwrap().key);
        let of_api = events.gets("/audit-events?kind=removed").await.json()["events"][0].clone();
        assert_eq!((&data["account"]["slug"], &data["audit_event"]), (&json!("acme"), &of_api["seq"]));
        assert_eq!((&data["actor"]["kind"], &data["actor"]["name"]), (&of_api["actor"]["kind"], &json!("Ana Owner")));
        assert_eq!(data["actor"]["id"], json!(ana.row(ANA).await.id));
        assert_eq!(data["details"], of_api["data"]);
        let mut member = events.gets("/members?status=removed").await.json()["members"][0].clone();
        member.as_object_mut().unwrap().remove("mail");
        assert_eq!(data["member"], member, "what the API shows, as the removal left it");

        let line = &ana.deliveries(&made).await[0];
        assert_eq!((line.state, line.attempts, line.id.to_string().as_str()), (DeliveryState::Delivered, 1, message.id()));
        assert_eq!((line.payload.as_str(), line.last.as_ref().unwrap().status), (message.body.as_str(), Some(204)));
    }

    async fn lt_10_what_the_api_shows_of_somebody_invited_is_told_too(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let held = ["users.read", "users.invite", "bots.read", "conversations.read", "analytics.read", "analytics.export"];
        let api = Program::new(&world, &ana.makes_key("CI", &held, "").await.unwrap().key);
        ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        let offer = json!({ "email": "Eve@Example.org", "role": "viewer", "extras": ["analytics.export"] });
        assert_eq!(api.posts("/invitations", &offer).await.status, StatusCode::CREATED);
        delivers(&world).await;
        let told = receiver.messages().into_iter().map(|message| message.json()).find(|told| told["type"] == "invitation.created").unwrap();
        let mut member = api.gets("/members?status=invited").await.json()["members"][0].clone();
        member.as_object_mut().unwrap().remove("mail");
        assert_eq!(told["data"]["member"], member);
        assert_eq!((&told["data"]["actor"]["kind"], &told["data"]["actor"]["api_key"]), (&json!("api_key"), &json!("CI")));
        let link = world.link_to("eve@example.org", 0).await;
        let token = link.rsplit('/').next().unwrap();
        assert!(receiver.messages().iter().all(|message| !message.body.contains(token)), "never a link");
    }

    async fn lt_10_what_is_not_taken_is_sent_again_as_the_same_message(world: World) {
        let receiver = Receiver::answering(|_, number| match number {
            0 => "500 Internal Server Error",
            1 => "429 Too Many Requests",
            _ => "200 OK",
        }).await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let made = ana.adds_webhook(&receiver.url("/"), &["webhook.test"]).await;
        assert_eq!(made, Err(FieldErrors::one(Field::WebhookEvents, Problem::NotOffered).into()), "it is sent by hand alone");
        let made = ana.adds_webhook(&receiver.url("/"), &["member.left"]).await.unwrap();
        assert_eq!(ana.does_to_webhook("test", &made, &[]).await, Ok(Some(Notice::WebhookTested)));
        for (pause, count) in [(0, 1), (4, 1), (1, 2), (4, 2), (1, 3), (3600, 3)] {
            world.advance(Span::seconds(pause));
            delivers(&world).await;
            assert_eq!(receiver.messages().len(), count, "{pause} seconds later");
            let failing = ana.webhook(&made).await.webhook.failing_since.is_some();
            assert_eq!(failing, count < 3);
        }
        let messages = receiver.messages();
        let ids: BTreeSet<_> = messages.iter().map(|message| (message.id().to_owned(), message.body.clone())).collect();
        assert_eq!((ids.len(), messages[0].event().as_str()), (1, "webhook.test"));
        let times: Vec<_> = messages.iter().map(|message| message.header("webhook-timestamp")).collect();
        assert_eq!(times, ["1777885200", "1777885205", "1777885210"]);
        assert!(messages.iter().all(|message| message.signed_by(&made.secret) == 1));
        let line = ana.deliveries(&made).await.remove(0);
        assert_eq!((line.state, line.attempts, line.next), (DeliveryState::Delivered, 3, None));
        let last = line.last.unwrap();
        assert_eq!((last.status, last.answer.as_str(), last.fault), (Some(200), "heard", None));

        // Redelivered, it is the same message, which the receiver knows by its id.
        let id = line.id.to_string();
        assert_eq!(ana.does_to_webhook("redeliver", &made, &[("delivery", &id)]).await, Ok(Some(Notice::Redelivered)));
        delivers(&world).await;
        let again = receiver.messages().pop().unwrap();
        assert_eq!((again.id(), &again.body), (id.as_str(), &messages[0].body));
        assert_eq!(receiver.messages().len(), 4);
        let none = uuid::Uuid::now_v7().to_string();
        assert_eq!(ana.does_to_webhook("redeliver", &made, &[("delivery", &none)]).await, Ok(Some(Notice::DeliveryGone)));
    }

    async fn lt_10_a_delivery_of_an_instance_that_died_is_taken_over(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let made = ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.does_to_webhook("test", &made, &[]).await.unwrap();
        // What an instance leaves that claimed it and died.
        world.changes("UPDATE webhook_deliveries SET attempts = attempts + 1, lease_until = next_at + 30000").await;
        assert_eq!(delivers(&world).await, 0, "it is another's");
        world.advance(Span::seconds(31));
        assert_eq!(delivers(&world).await, 1);
        assert_eq!(receiver.messages().len(), 1);
        assert_eq!(ana.deliveries(&made).await[0].attempts, 2);
    }

    async fn lt_10_two_instances_deliver_each_message_once(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let made = ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        for _ in 0..20 {
            ana.does_to_webhook("test", &made, &[]).await.unwrap();
        }
        let other = receiver.reached_by(&world);
        let (one, two) = tokio::join!(delivers(&world), delivers(&other));
        assert_eq!(one + two, 20);
        let ids: BTreeSet<_> = receiver.messages().iter().map(|message| message.id().to_owned()).collect();
        assert_eq!((ids.len(), receiver.messages().len()), (20, 20));
    }

    async fn lt_10_a_replaced_secret_signs_for_a_day_more(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let made = ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        let dump = world.dump().await;
        assert!(holds(&dump, &receiver.url("/")) && !holds(&dump, &made.secret[6..]), "sealed");
        let page = ana.get(&format!("/a/acme/settings/webhooks/{}", made.webhook)).await.body;
        assert!(page.contains(&receiver.url("/")) && !page.contains("whsec_"));

        let id = made.webhook.to_string();
        let second: WebhookSecret = ana.call_in("webhooks/rotate-secret", &[("webhook", &id)]).await.unwrap();
        assert_eq!(second.earlier_until, Some(world.now() + Span::hours(24)));
        let signed = async |secrets: [&WebhookSecret; 3]| {
            let ana = signs_in_again(&world, ANA).await;
            ana.does_to_webhook("test", &made, &[]).await.unwrap();
            delivers(&world).await;
            let message = receiver.messages().pop().unwrap();
            (secrets.map(|secret| message.signed_by(&secret.secret)), message.header("webhook-signature").split(' ').count())
        };
        assert_eq!(signed([&made, &second, &second]).await, ([1, 1, 1], 2));
        // Replaced once more, the first is ended at once: it may have leaked.
        let third: WebhookSecret = ana.call_in("webhooks/rotate-secret", &[("webhook", &id)]).await.unwrap();
        assert_eq!(signed([&made, &second, &third]).await, ([0, 1, 1], 2));
        world.advance(Span::hours(24));
        assert_eq!(signed([&made, &second, &third]).await, ([0, 0, 1], 1));
        assert!(world.services.clean_up_if_due(&CancellationToken::new()).await.unwrap());
        assert_eq!(world.count("SELECT COUNT(*) FROM webhook_secrets").await, 1);
    }

    async fn lt_10_oa_15_nothing_is_sent_into_the_operators_own_network_and_no_redirect_is_followed(world: World) {
        let receiver = Receiver::answering(|_, _| "302 Found\r\nLocation: /elsewhere").await;
        let closed = receiver.configured(&world, Vec::new());
        let ana = closed.owner(ANA).await;
        let refused = Err(FieldErrors::one(Field::WebhookUrl, Problem::NotAPublicAddress).into());
        for inside in ["https://127.0.0.1/", "https://10.0.0.8/hook", "https://[::1]/", "https://169.254.169.254/latest", "https://2130706433/"] {
            assert_eq!(ana.adds_webhook(inside, &[]).await, refused, "{inside}");
        }
        let wrong = Err(FieldErrors::one(Field::WebhookUrl, Problem::NotAnHttpsUrl).into());
        for other in ["http://hooks.example.org/", "https://user:word@hooks.example.org/", "file:///etc/passwd"] {
            assert_eq!(ana.adds_webhook(other, &[]).await, wrong, "{other}");
        }
        // A name is looked at when it is resolved, at each attempt: wherever it leads by then.
        let made = ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.does_to_webhook("test", &made, &[]).await.unwrap();
        delivers(&closed).await;
        let last = ana.deliveries(&made).await[0].last.clone().unwrap();
        assert_eq!((last.fault, last.status, receiver.messages().len()), (Some(DeliveryFault::AddressRefused), None, 0));

        let open = receiver.reached_by(&closed);
        open.advance(Span::seconds(5));
        delivers(&open).await;
        let last = ana.deliveries(&made).await[0].last.clone().unwrap();
        assert_eq!((last.fault, last.status), (Some(DeliveryFault::Redirected), Some(302)));
        assert_eq!(receiver.messages().iter().map(|message| message.path.as_str()).collect::<Vec<_>>(), ["/"]);
    }

    async fn lt_10_a_webhook_that_fails_for_days_is_switched_off_with_a_mail(world: World) {
        let receiver = Receiver::answering(|_, _| "503 Service Unavailable").await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Admin).await;
        let made = ben.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.does_to_webhook("test", &made, &[]).await.unwrap();
        let mut hours = 0;
        while world.texts("SELECT status FROM webhooks").await == ["on"] {
            assert!(hours <= 72, "{hours} hours");
            delivers(&world).await;
            world.advance(Span::hours(1));
            hours += 1;
        }
        assert!((60..=72).contains(&hours), "{hours} hours");
        let ana = signs_in_again(&world, ANA).await;
        assert_eq!(status(&ana, &made).await, WebhookStatus::Failing);
        let attempts = receiver.messages().len();
        assert!((12..30).contains(&attempts), "{attempts} attempts");
        assert_eq!(told_of_stopping(&world).await, [BEN], "one person, who answers for it");
        let mail = world.mail_to(BEN, 1).await;
        let subject = mail.header("Subject").unwrap();
        assert!(subject.contains("webhook of Acme was switched off"), "{subject}");
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events WHERE kind = 'webhook_stopped'").await, 1);

        // It is told of nothing, now or later.
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(ana.does_to_webhook("test", &made, &[]).await, Ok(Some(Notice::WebhookOff)));
        world.advance(Span::days(1));
        assert_eq!(delivers(&world).await, 0);
        let ana = signs_in_again(&world, ANA).await;
        assert_eq!(ana.does_to_webhook("switch", &made, &[("on", "on")]).await, Ok(Some(Notice::WebhookSwitchedOn)));
        let view = ana.webhook(&made).await.webhook;
        assert_eq!((view.status, view.failing_since, view.owner.as_deref()), (WebhookStatus::On, None, Some("Ana Owner")));
        assert!(ana.deliveries(&made).await.iter().all(|line| line.state != DeliveryState::Queued), "nothing waited");
    }

    async fn lt_10_an_address_that_is_gone_for_good_is_not_tried_again(world: World) {
        let receiver = Receiver::answering(|_, _| "410 Gone").await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let made = ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.does_to_webhook("test", &made, &[]).await.unwrap();
        delivers(&world).await;
        assert_eq!(status(&ana, &made).await, WebhookStatus::Gone);
        let line = ana.deliveries(&made).await.remove(0);
        assert_eq!((line.state, line.last.unwrap().fault), (DeliveryState::Failed, Some(DeliveryFault::Gone)));
        assert_eq!(told_of_stopping(&world).await, [ANA]);
    }

    async fn lt_10_a_webhook_stops_when_who_answers_for_it_cannot_manage_webhooks_any_more(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Admin).await;
        let made = ben.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.events(), ["invitation.created"]);
        // One of what it takes is enough to lose.
        let without_log = Grant::of(BuiltInRole::Viewer).with("users.read").with("webhooks.manage");
        ana.edits(&ana.row(BEN).await, &without_log).await.unwrap();
        ana.invites("fay@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.events(), ["invitation.created", "member.changed"], "what ended it is the last");
        assert_eq!(status(&ana, &made).await, WebhookStatus::Ownerless);
        assert_eq!(told_of_stopping(&world).await, [ANA]);
        ana.edits(&ana.row(BEN).await, &Grant::of(BuiltInRole::Admin)).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.messages().len(), 2, "what comes back brings no webhook back");
    }

    async fn lt_10_a_webhook_stops_with_the_access_of_who_answers_for_it(world: World) {
        let receiver = Receiver::answering(|_, number| if number < 2 { "500 No" } else { "200 OK" }).await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in_as(BEN, BuiltInRole::Admin).await;
        let made = ben.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.events(), ["invitation.created"], "tried, and waits");
        world.advance(Span::minutes(1));
        ana.removes(&ana.row(BEN).await).await.unwrap();
        ana.invites("fay@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.events(), ["invitation.created", "member.removed"], "what ended their access is the last");
        world.advance(Span::minutes(1));
        delivers(&world).await;
        assert_eq!(receiver.events()[2..], ["member.removed"], "and arrives");
        let view = ana.webhook(&made).await;
        let states: Vec<_> = view.deliveries.iter().map(|line| (line.event.as_str(), line.state)).collect();
        assert_eq!(states, [("member.removed", DeliveryState::Delivered), ("invitation.created", DeliveryState::Dropped)]);
        assert_eq!((view.webhook.status, told_of_stopping(&world).await), (WebhookStatus::Ownerless, vec![ANA.to_owned()]));

        // Access that comes back brings no webhook back; whoever switches it on answers for it.
        let row = ana.row(BEN).await.id.to_string();
        ana.call_in::<Value>("users/undo-removal", &[("member", &row)]).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.messages().len(), 3);
        ana.does_to_webhook("switch", &made, &[("on", "on")]).await.unwrap();
        ana.removes(&ana.row(BEN).await).await.unwrap();
        delivers(&world).await;
        assert_eq!(receiver.events()[3..], ["member.removed"]);
        assert_eq!(status(&ana, &made).await, WebhookStatus::On);
    }

    async fn lt_10_a_webhook_that_is_removed_or_switched_off_while_deliveries_are_out_is_sent_nothing_more(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let (removed, off) = (
            ana.adds_webhook(&receiver.url("/removed"), &[]).await.unwrap(),
            ana.adds_webhook(&receiver.url("/off"), &[]).await.unwrap(),
        );
        ana.invites("eve@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'queued'").await, 2);
        assert_eq!(ana.does_to_webhook("remove", &removed, &[]).await, Ok(Some(Notice::WebhookRemoved)));
        assert_eq!(ana.does_to_webhook("switch", &off, &[("on", "off")]).await, Ok(Some(Notice::WebhookSwitchedOff)));
        assert_eq!(delivers(&world).await, 0);
        assert_eq!(ana.deliveries(&off).await[0].state, DeliveryState::Dropped);
        for table in ["webhook_deliveries", "webhook_secrets"] {
            let of_removed = world.texts(match table {
                "webhook_deliveries" => "SELECT event FROM webhook_deliveries",
                _ => "SELECT 'a secret' FROM webhook_secrets",
            }).await;
            assert_eq!(of_removed.len(), 1, "{table}: the other's");
        }
        assert_eq!(ana.does_to_webhook("remove", &removed, &[]).await, Ok(Some(Notice::WebhookGone)));
        assert!(receiver.messages().is_empty());
    }

    async fn lt_10_change_and_deliveries_come_true_together_or_not_at_all(world: World) {
        let ana = world.owner(ANA).await;
        ana.brings_in_as(BEN, BuiltInRole::Editor).await;
        ana.adds_webhook(ELSEWHERE, &[]).await.unwrap();
        let events = world.count("SELECT COUNT(*) FROM audit_events").await;
        // The last thing that the transaction writes cannot be written.
        world.changes("ALTER TABLE webhook_deliveries RENAME TO out_of_reach").await;
        assert!(ana.removes(&ana.row(BEN).await).await.is_err());
        world.changes("ALTER TABLE out_of_reach RENAME TO webhook_deliveries").await;
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_events").await, events);
        assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE state = 'active'").await, 2, "Ben is there still");
        // And what is rolled back before that is told to nobody.
        let again = [("form[member]", ana.row(ANA).await.id.to_string()), ("form[version]", "1".to_owned())];
        let again: Vec<_> = again.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert!(ana.call_in::<Value>("users/remove", &again).await.is_err(), "the last owner");
        assert_eq!(world.count("SELECT COUNT(*) FROM webhook_deliveries").await, 0);
        ana.removes(&ana.row(BEN).await).await.unwrap();
        assert_eq!(world.texts("SELECT event FROM webhook_deliveries").await, ["member.removed"]);
    }

    async fn lt_10_a_slow_receiver_delays_no_other_and_stopping_gives_back_what_is_under_way(world: World) {
        let receiver = Receiver::answering(|message, _| if message.path == "/slow" { SILENCE } else { "200 OK" }).await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let slow = ana.adds_webhook(&receiver.url("/slow"), &["account.changed"]).await.unwrap();
        let quick = ana.adds_webhook(&receiver.url("/quick"), &["account.changed"]).await.unwrap();
        for _ in 0..30 {
            ana.does_to_webhook("test", &slow, &[]).await.unwrap();
        }
        let stop = CancellationToken::new();
        let worker = tokio::spawn(keep_delivering_webhooks(world.services.clone(), stop.clone()));
        receiver.wait_for("/slow", 4).await;
        let began = Instant::now();
        ana.does_to_webhook("test", &quick, &[]).await.unwrap();
        receiver.wait_for("/quick", 1).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(receiver.messages().iter().filter(|message| message.path == "/slow").count(), 4, "four at a time");
        stop.cancel();
        timeout(Duration::from_secs(8), worker).await.expect("before the receiver's time is over").unwrap();
        let leased = "SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'queued' AND lease_until IS NOT NULL";
        assert_eq!(world.count(leased).await, 0);
    }

    async fn lt_10_webhooks_are_set_up_by_whoever_may_read_what_they_tell(world: World) {
        let ana = world.owner(ANA).await;
        let ben = ana.brings_in("ben@example.org", &Grant::of(BuiltInRole::Viewer).with("webhooks.manage").with("users.read")).await;
        let refused = ben.call_in::<WebhooksView>("webhooks/list", &[]).await;
        assert!(matches!(refused, Err(AppError::Refused(Refusal::Needs { gate })) if gate.key() == "audit.read"), "{refused:?}");
        let made = ana.adds_webhook(ELSEWHERE, &["member.removed"]).await.unwrap();
        assert_eq!(ana.deliveries(&made).await, [], "of no other event");
        let kept = world.texts("SELECT data FROM audit_events WHERE kind LIKE 'webhook%'").await;
        assert!(kept.len() == 1 && kept[0].contains("hooks.example.org") && !kept[0].contains("of-theirs"), "{kept:?}");
        for _ in 1..MAX_WEBHOOKS {
            ana.adds_webhook(ELSEWHERE, &[]).await.unwrap();
        }
        let many = AppError::Refused(Refusal::TooManyWebhooks { most: MAX_WEBHOOKS });
        assert_eq!(ana.adds_webhook(ELSEWHERE, &[]).await, Err(many));

        world.advance(Span::minutes(11));
        let change = [("form[url]", "https://other.example.org/"), ("form[told]", "all")];
        let late = Err(AppError::ReauthenticationRequired);
        assert_eq!(ana.does_to_webhook("change", &made, &change).await, late);
        assert_eq!(ana.does_to_webhook("switch", &made, &[("on", "on")]).await, late);
        assert_eq!(ana.adds_webhook(ELSEWHERE, &[]).await, Err(AppError::ReauthenticationRequired));
        assert_eq!(ana.does_to_webhook("switch", &made, &[("on", "off")]).await, Ok(Some(Notice::WebhookSwitchedOff)));
        let ana = signs_in_again(&world, ANA).await;
        assert_eq!(ana.does_to_webhook("change", &made, &change).await, Ok(Some(Notice::WebhookSaved)));
        assert_eq!(ana.webhook(&made).await.webhook.url, "https://other.example.org/");
        // Another account's owner finds nothing.
        world.services.create_account("Beta", "beta", "bea@example.org").await.unwrap();
        let bea = world.browser().on("beta");
        let link = bea.opens_link(&world.link_to("bea@example.org", 0).await).await;
        bea.signs_up(&link, "bea@example.org").await.unwrap();
        for function in ["remove", "test"] {
            assert_eq!(bea.does_to_webhook(function, &made, &[]).await, Ok(Some(Notice::WebhookGone)), "{function}");
        }
        let id = made.webhook.to_string();
        assert_eq!(bea.call_in::<Value>("webhooks/show", &[("webhook", &id)]).await, Err(AppError::NotFound));
    }

    async fn lt_10_cf_08_deliveries_are_kept_for_thirty_days_and_go_with_their_account(world: World) {
        let receiver = Receiver::polite().await;
        let world = receiver.reached_by(&world);
        let ana = world.owner(ANA).await;
        let made = ana.adds_webhook(&receiver.url("/"), &[]).await.unwrap();
        ana.does_to_webhook("test", &made, &[]).await.unwrap();
        delivers(&world).await;
        let stop = CancellationToken::new();
        for (days, left) in [(29, 1), (1, 0)] {
            world.advance(Span::days(days));
            assert!(world.services.clean_up_if_due(&stop).await.unwrap());
            assert_eq!(world.count("SELECT COUNT(*) FROM webhook_deliveries").await, left, "{days}");
        }
        let ana = signs_in_again(&world, ANA).await;
        ana.does_to_webhook("test", &made, &[]).await.unwrap();
        ana.call_in::<Value>("account-settings/delete", &[("form[confirmation]", "Acme")]).await.unwrap();
        world.advance(Span::days(15));
        assert!(world.services.clean_up_if_due(&stop).await.unwrap());
        let left = "SELECT (SELECT COUNT(*) FROM webhooks) + (SELECT COUNT(*) FROM webhook_secrets) + (SELECT COUNT(*) FROM webhook_deliveries)";
        assert_eq!(world.count(left).await, 0);
        assert_eq!(delivers(&world).await, 0);
        assert_eq!(receiver.messages().len(), 1, "nobody is told of an account that is gone");
    }

    async fn lt_10_webhooks_work_without_scripting(world: World) {
        let ana = world.owner(ANA).await;
        let list = "/a/acme/settings/webhooks";
        let empty = ana.get(list).await.body;
        assert!(empty.contains("No webhooks yet") && empty.contains("/settings/webhooks/new"), "{empty}");
        let new = format!("{list}/new");
        let fields = [("account", "acme"), ("form[url]", "http://hooks.example.org/"), ("form[told]", "some"), ("form[events][]", "member.left")];
        let page = ana.submits(&new, "webhooks/add", &fields).await.body;
        assert!(page.contains("value=\"http://hooks.example.org/\"") && page.contains("aria-invalid=\"true\""), "{page}");
        let fields = [("account", "acme"), ("form[url]", ELSEWHERE), ("form[told]", "some"), ("form[events][]", "member.left")];
        let page = ana.submits(&new, "webhooks/add", &fields).await.body;
        assert!(page.contains("whsec_") && page.contains("shown only this once"), "{page}");
        let page = ana.get(list).await.body;
        assert!(page.contains("hooks.example.org") && page.contains("Events: 1") && !page.contains("whsec_"), "{page}");
        let view: WebhooksView = ana.call_in("webhooks/list", &[]).await.unwrap();
        let id = view.webhooks[0].id.to_string();
        let one = format!("{list}/{id}");
        let page = ana.submits(&one, "webhooks/test", &[("account", "acme"), ("webhook", &id)]).await.body;
        assert!(page.contains("A test event is on its way") && page.contains("webhook.test"), "{page}");
        let page = ana.submits(&one, "webhooks/rotate-secret", &[("account", "acme"), ("webhook", &id)]).await.body;
        assert!(page.contains("The secret was replaced.") && page.contains("whsec_"), "{page}");
        let page = ana.submits(&one, "webhooks/remove", &[("account", "acme"), ("webhook", &id)]).await.body;
        assert!(page.contains("The webhook was removed.") && page.contains("No webhooks yet"), "{page}");
    }
}
