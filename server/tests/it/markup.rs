//! Text that a person, an account, a provider or the address bar brings is text on every page that the server makes, and never markup
//! (IN-13). The same is seen in a browser, with the mail server's words, in `end2end/tests/markup.spec.ts`.

use crate::support::{Answer, Browser, PASSWORD, both_databases, provider::Provider};
use app::domain::role::{BuiltInRole, Grant};
use serde_json::{Value, json};

/// Closes every element in which the text of a page may stand, and opens one of its own.
const TEXT: &str = "</title></textarea></script></style><b id=x>\"'&lt;";

/// How often a tag stands in a page; what was escaped is no tag.
fn count(page: &str, tag: &str) -> usize {
    page.to_ascii_lowercase().matches(tag).count()
}

/// Nothing in this page was made by the text.
fn holds_text_alone(place: &str, page: &Answer) {
    let html = &page.body;
    assert_eq!(count(html, "<b id=x"), 0, "{place}: an element was made by a text: {html}");
    assert_eq!(count(html, "http-equiv"), 0, "{place}: the page may be left: {html}");
    for element in ["title", "textarea", "script", "style"] {
        let (opened, closed) = (count(html, &format!("<{element}")), count(html, &format!("</{element}")));
        assert_eq!(opened, closed, "{place}: <{element}> is closed by a text: {html}");
    }
    assert!(count(html, "<title>") <= 1, "{place}: more than one title: {html}");
    for form in html.split("<form").skip(1) {
        let tag = form.split('>').next().unwrap();
        if let Some(action) = tag.split("action=\"").nth(1) {
            assert!(action.starts_with('/') && !action.starts_with("//"), "{place}: a foreign form: {tag}");
        }
    }
}

/// The text as a part of an address.
fn in_address(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn opens(browser: &Browser, places: &[String]) {
    for place in places {
        holds_text_alone(place, &browser.follow(place).await);
    }
}

/// A page shows the text, so that the test would notice if it were no longer there to be escaped.
async fn shows(browser: &Browser, place: &str) {
    let page = browser.get(place).await;
    holds_text_alone(place, &page);
    assert!(page.body.contains("&lt;/title&gt;"), "{place} does not show the text: {}", page.body);
}

both_databases! {
    async fn in_13_what_stands_in_the_address_bar_makes_no_element(world: World) {
        let ana = world.owner("ana@example.org").await;
        let stranger = world.browser();
        let text = in_address(TEXT);
        let places: Vec<_> = [
            "/{}", "/login/{}", "/login?account={}", "/login?next=/{}", "/login?problem={}", "/setup?x={}", "/i/{}", "/s/{}", "/language/{}",
            "/invitation/{}", "/accounts?flash={}", "/a/{}", "/a/{}/settings/users", "/a/acme/settings/users?q={}",
            "/a/acme/settings/users?role={}&state={}&sort={}&after={}", "/a/acme/settings/users/{}/edit", "/a/acme/settings/users/{}/remove",
            "/a/acme/settings/users/new?flash={}", "/a/acme/settings/outbox?after={}", "/a/acme/settings/outbox/{}", "/a/acme/settings/login-methods/{}",
            "/a/acme/settings/login-methods?flash={}", "/a/acme/settings/decisions/{}", "/oauth/{}/start", "/oauth/{}/callback?error={}&state={}",
        ]
        .iter()
        .map(|place| place.replace("{}", &text))
        .collect();
        opens(&stranger, &places).await;
        opens(&ana, &places).await;
    }

    async fn in_13_names_of_accounts_people_and_methods_make_no_element(world: World) {
        let provider = Provider::openid(world.clock.clone()).await;
        let world = world.with_providers(&[&provider]);
        let ana = world.browser();
        let link = world.services.setup_link().await.unwrap().expect("no account yet");
        ana.follow(link.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
        ana.set_up(TEXT, "acme", "ana@example.org").await.unwrap();

        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let sign_up = ben.get(&format!("/invitation/{id}")).await;
        holds_text_alone("sign-up", &sign_up);
        let fields = [
            ("form[invitation]", id.as_str()),
            ("form[email]", "ben@example.org"),
            ("form[name]", TEXT),
            ("form[password]", PASSWORD),
        ];
        ben.call::<Value>("invitation/sign-up", &fields).await.unwrap();

        let method = ana.adds_method().await;
        ana.saves(&method, TEXT, &provider.configuration()).await;
        let claims = json!({ "sub": TEXT, "email": "ana@example.org", "given_name": TEXT, "family_name": TEXT, "note": TEXT });
        let tested = ana.tests(&provider, &method, claims).await;
        holds_text_alone("a test of a method", &tested);
        assert!(tested.body.contains("&lt;/title&gt;"), "the test shows the claims: {}", tested.body);

        let row = ana.row("ben@example.org").await;
        shows(&ben, "/a/acme").await;
        shows(&ben, "/accounts").await;
        shows(&ana, "/a/acme/settings/users").await;
        shows(&ana, &format!("/a/acme/settings/users/{}/edit", row.id)).await;
        shows(&ana, &format!("/a/acme/settings/users/{}/remove", row.id)).await;
        shows(&ana, "/a/acme/settings/login-methods").await;
        shows(&ana, &format!("/a/acme/settings/login-methods/{method}")).await;
        shows(&world.browser(), "/login/acme").await;
    }

    async fn in_13_what_is_typed_into_a_form_comes_back_as_text(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = ana.adds_method().await;
        let page = format!("/a/acme/settings/login-methods/{method}");
        let parameters = format!("x={TEXT}");
        let fields = [
            ("account", "acme"),
            ("form[method]", method.as_str()),
            ("form[preset]", "openid"),
            ("form[name]", TEXT),
            ("form[issuer]", TEXT),
            ("form[client_id]", TEXT),
            ("form[identifier]", TEXT),
            ("form[scopes]", TEXT),
            ("form[parameters]", parameters.as_str()),
        ];
        let refused = ana.submits(&page, "login-methods/save", &fields).await;
        holds_text_alone("a refused draft", &refused);
        assert!(refused.body.contains("x=&lt;/title&gt;&lt;/textarea&gt;"), "the text area keeps the text: {}", refused.body);

        let typed = [("account", "acme"), ("form[email]", TEXT), ("form[role]", TEXT), ("form[method]", TEXT)];
        holds_text_alone("a refused invitation", &ana.submits("/a/acme/settings/users/new", "users/invite", &typed).await);
        let typed = [("form[account_name]", "x"), ("form[slug]", TEXT)];
        holds_text_alone("a refused account", &ana.submits("/accounts", "accounts/open", &typed).await);
        let typed = [("form[email]", TEXT), ("form[password]", TEXT), ("form[account]", TEXT), ("form[next]", TEXT)];
        holds_text_alone("a refused sign-in", &world.browser().submits("/login", "session/sign-in", &typed).await);
    }
}
