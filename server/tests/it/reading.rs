//! A GET reads (BR-05): every page and plain route is opened by everybody, and the database is as it was.

use crate::support::{Browser, both_databases};
use app::domain::role::{BuiltInRole, Grant};
use axum::{body::Body, http::Request};
use server::http::{PAGES, PLAIN_ROUTES};

/// The ways to a provider: a press of ours sets out, which has to be written down. From anywhere else they write nothing either.
const SETS_OUT: [&str; 2] = ["/oauth/{method}/start", "/a/{slug}/settings/login-methods/{method}/test"];

async fn opens(browser: &Browser, path: &str, pressed: bool) {
    let answer = if pressed { browser.presses(path).await } else { browser.get(path).await };
    assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
    let head = Request::head(path).header("accept", "text/html").body(Body::empty()).unwrap();
    browser.send(head).await;
}

both_databases! {
    async fn br_05_no_page_and_no_plain_route_writes_anything_when_it_is_opened(world: World) {
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let link = world.link_to("cleo@example.org", 0).await;
        let cleo = world.browser();
        let invitation = cleo.opens_link(&link).await;
        let row = ana.row("cleo@example.org").await.id.to_string();
        let mails: serde_json::Value = ana.call("outbox/list", &[("account", "acme")]).await.unwrap();
        let mails: Vec<_> = mails["mails"].as_array().unwrap().iter().map(|mail| mail["id"].as_str().unwrap().to_owned()).collect();
        assert!(!mails.is_empty(), "{mails:?}");

        let paths = PAGES.iter().map(|page| page.path().to_owned()).chain(PLAIN_ROUTES.iter().map(|route| route.path.to_owned()));
        let mut opened = Vec::new();
        for path in paths {
            for id in [&row, &method, &invitation] {
                for mail in &mails {
                    let concrete = path
                        .replace("{slug}", "acme")
                        .replace("{token}", link.rsplit('/').next().unwrap())
                        .replace("{tag}", "de")
                        .replace("{method}", &method)
                        .replace("{mail}", mail)
                        .replace("{id}", id);
                    opened.push((concrete, SETS_OUT.contains(&path.as_str())));
                }
            }
        }
        opened.push(("/a/acme/settings/users?q=ben&role=viewer&sort=-active".to_owned(), false));
        opened.push((format!("/oauth/{method}/callback?state=x&code=y"), false));
        opened.sort();
        opened.dedup();
        // It is to say whether the database can be written to, and finds out by writing a row of its own.
        opened.retain(|(path, _)| path != "/readyz");
        // What the mail worker is about to write is written by now.
        world.stops_mailing().await;

        // Whoever asks first for the keys of tokens has the first one made.
        world.browser().get("/oidc/jwks.json").await;
        let before = world.rows().await;
        for (path, sets_out) in &opened {
            for browser in [&ana, &ben, &cleo, &world.browser()] {
                opens(browser, path, false).await;
                if !sets_out {
                    opens(browser, path, true).await;
                }
            }
            let after = world.rows().await;
            for (table, rows) in &before {
                assert_eq!(rows, &after[table], "GET {path} wrote into {table}");
            }
        }
        // The same look notices what is written.
        ana.copies_link(&ana.row("cleo@example.org").await).await.unwrap();
        assert_ne!(before, world.rows().await);
    }
}
