//! Forms that the browser itself sends: what came of them, the choices that are left and what was typed are on the page that follows (BR-14).

use crate::support::{Browser, PASSWORD, both_databases, holds};
use app::domain::{
    role::{BuiltInRole, Grant},
    time::Span,
};
use axum::http::StatusCode;

const LIST: &str = "/a/acme/settings/users";
const NEW: &str = "/a/acme/settings/users/new";

/// The id of the login method that everybody is invited by here.
async fn method(of: &Browser) -> String {
    of.list(&Default::default()).await.unwrap().facts.methods[0].id.to_string()
}

/// Sends the form for inviting somebody, with more fields, and answers the page that follows.
async fn invites(ana: &Browser, email: &str, more: &[(&str, &str)]) -> String {
    let method = method(ana).await;
    let mut fields =
        vec![("account", "acme"), ("form[method]", &*method), ("form[email]", email), ("form[role]", "viewer")];
    fields.extend_from_slice(more);
    ana.submits(NEW, "users/invite", &fields).await.body
}

/// A page that brings an answer back in its address, and how the address reads without.
fn id_in(location: &str) -> &str {
    location.split("flash=").nth(1).unwrap_or_else(|| panic!("nothing is carried to {location}"))
}

/// The page, its form, what else it sends, the field, and how many characters that takes.
type LimitedField<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, usize);

both_databases! {
    async fn br_14_every_change_of_the_users_list_is_confirmed_on_the_list(world: World) {
        let ana = world.owner("ana@example.org").await;
        let page = invites(&ana, "ben@example.org", &[]).await;
        assert!(page.contains("Invitation sent to ben@example.org") && page.contains("users-table"), "{page}");

        let row = ana.row("ben@example.org").await;
        let (id, version) = (row.id.to_string(), row.version.to_string());
        let edit = format!("{LIST}/{id}/edit?q=ben");
        let fields = |role| [("account", "acme"), ("form[member]", &*id), ("form[version]", &*version), ("form[role]", role)];
        let page = ana.submits(&edit, "users/edit", &fields("viewer")).await.body;
        assert!(page.contains("nothing to save") && page.contains("dialog-title"), "still in the dialog: {page}");
        let location = ana.is_sent_on(Some(&edit), "users/edit", &fields("editor")).await;
        assert!(location.starts_with(&format!("{LIST}?q=ben&flash=")), "back to the list as it was: {location}");
        let page = ana.get(&location).await.body;
        assert!(page.contains("Changes to ben@example.org saved"), "{page}");

        let member = [("account", "acme"), ("member", &*id)];
        world.advance(Span::minutes(6));
        let page = ana.submits(LIST, "users/resend", &member).await.body;
        assert!(page.contains("Invitation sent to ben@example.org again"), "{page}");
        let page = ana.submits(LIST, "users/resend", &member).await.body;
        assert!(page.contains("Too many attempts"), "{page}");

        let page = ana.submits(LIST, "users/copy-link", &member).await.body;
        let link = ana.copies_link(&row).await.unwrap().url;
        assert!(page.contains("Invitation link for ben@example.org") && page.contains(&format!("value=\"{link}\"")), "{page}");
        assert!(page.contains("<dialog") && page.contains(" open"), "{page}");
        assert!(!holds(&world.dump().await, link.rsplit('/').next().unwrap()), "it is carried sealed");

        let version = ana.row("ben@example.org").await.version.to_string();
        let remove = [("account", "acme"), ("form[member]", &*id), ("form[version]", &*version)];
        let page = ana.submits(&format!("{LIST}/{id}/remove"), "users/remove", &remove).await.body;
        assert!(page.contains("Invitation to ben@example.org withdrawn"), "{page}");
        let page = ana.submits(&format!("{LIST}/{id}/remove"), "users/remove", &remove).await.body;
        assert!(page.contains("Someone else has already removed"), "{page}");
    }

    async fn br_14_r04_who_was_removed_is_asked_about_and_restored_or_starts_fresh(world: World) {
        let ana = world.owner("ana@example.org").await;
        for (name, again, role) in [("ben", "restore", BuiltInRole::Analyst), ("cleo", "fresh", BuiltInRole::Viewer)] {
            let email = format!("{name}@example.org");
            ana.invites(&email, &Grant::of(BuiltInRole::Analyst)).await.unwrap();
            ana.removes(&ana.row(&email).await).await.unwrap();
            let page = invites(&ana, &email, &[("form[lifetime]", "24")]).await;
            assert!(page.contains(&format!("{email} used to be a member")), "{page}");
            assert!(page.contains(&format!("value=\"{email}\"")) && page.contains("value=\"24\" selected"), "{page}");
            for choice in ["fresh", "restore"] {
                let button = page.split("<button").find(|button| button.contains(&format!("value=\"{choice}\""))).unwrap();
                let button = button.split('>').next().unwrap();
                assert!(button.contains("name=\"form[again]\"") && button.contains("type=\"submit\""), "{button}");
            }
            let page = invites(&ana, &email, &[("form[again]", again)]).await;
            assert!(page.contains(&format!("Invitation sent to {email}")), "{page}");
            assert_eq!(ana.row(&email).await.grant, Grant::of(role), "{again}");
        }
    }

    async fn br_14_r02_r05_who_is_a_member_or_invited_is_named_beside_the_form(world: World) {
        let ana = world.owner("ana@example.org").await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Editor).await;
        let page = invites(&ana, "Ben@Example.org", &[("form[extras][]", "bots.edit")]).await;
        assert!(page.contains("Ben@Example.org is already a member (Editor)"), "{page}");
        let extra = page.split("value=\"bots.edit\"").nth(1).unwrap().split('>').next().unwrap();
        assert!(extra.contains("checked"), "what was chosen stays: {extra}");

        ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let page = invites(&ana, "cleo@example.org", &[]).await;
        assert!(page.contains("cleo@example.org has already been invited"), "{page}");
        let button = page.split("<button").find(|button| button.contains("form=\"resend-form\"")).unwrap();
        let member = ana.row("cleo@example.org").await.id.to_string();
        assert!(button.contains(&format!("name=\"member\" value=\"{member}\"")), "{button}");
        assert!(page.contains("<form id=\"resend-form\" method=\"post\" action=\"/api/users/resend\""), "{page}");
        let again = [("account", "acme"), ("member", &*member)];
        let page = ana.submits(NEW, "users/resend", &again).await.body;
        assert!(page.contains("Too many attempts"), "{page}");
        world.advance(Span::minutes(6));
        let page = ana.submits(NEW, "users/resend", &again).await.body;
        assert!(page.contains("Invitation sent to cleo@example.org again"), "{page}");
    }

    async fn br_14_r61_without_a_mail_server_the_link_is_handed_over_from_the_page(world: World) {
        world.owner("ana@example.org").await;
        let mailless = world.without_mail_server();
        let ana = mailless.browser();
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let page = invites(&ana, "ben@example.org", &[]).await;
        assert!(page.contains("ben@example.org is invited, but no email was sent"), "{page}");
        let row = ana.row("ben@example.org").await;
        let forms = page.matches("action=\"/api/users/copy-link\"").count();
        assert_eq!(forms, 2, "one by the note and one in the row: {page}");
        let page = ana.submits(LIST, "users/copy-link", &[("account", "acme"), ("member", &row.id.to_string())]).await.body;
        assert!(page.contains(&ana.copies_link(&row).await.unwrap().url), "{page}");
    }

    async fn br_14_who_leaves_is_told_so_and_who_is_too_late_sees_what_is_there(world: World) {
        let ana = world.owner("ana@example.org").await;
        let ben = ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let row = ana.row("ben@example.org").await;
        ana.edits(&row, &Grant::of(BuiltInRole::Agent)).await.unwrap();
        let (id, stale) = (row.id.to_string(), row.version.to_string());
        let fields = [
            ("account", "acme"), ("form[member]", &*id), ("form[version]", &*stale), ("form[role]", "analyst"),
            ("form[extras][]", "bots.edit"),
        ];
        let page = ana.submits(&format!("{LIST}/{id}/edit"), "users/edit", &fields).await.body;
        assert!(page.contains("changed this in the meantime") && page.contains("Your choices are kept below"), "{page}");
        let version = ana.row("ben@example.org").await.version;
        assert!(page.contains(&format!("name=\"form[version]\" value=\"{version}\"")), "{page}");
        assert!(page.contains("value=\"analyst\" selected"), "{page}");

        let page = ben.submits("/a/acme", "accounts/leave", &[("account", "acme")]).await.body;
        assert!(page.contains("You left Acme"), "{page}");
    }

    async fn br_14_what_strangers_type_comes_back_without_secrets_and_without_a_row(world: World) {
        let ana = world.owner("ana@example.org").await;
        let stranger = world.browser();
        let wrong = [("form[email]", "eve@example.org"), ("form[password]", "a mistyped password")];
        let page = stranger.submits("/login", "session/sign-in", &wrong).await.body;
        assert!(page.contains("Wrong email or password") && page.contains("value=\"eve@example.org\""), "{page}");
        assert!(!page.contains("a mistyped password"), "{page}");

        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let ben = world.browser();
        let id = ben.opens_link(&world.link_to("ben@example.org", 0).await).await;
        let form = [
            ("form[invitation]", &*id), ("form[email]", "ben@example.org"), ("form[name]", "Benedetta Ruß"),
            ("form[password]", "short-secret"), ("form[code]", "12345678"),
        ];
        let page = ben.submits(&format!("/invitation/{id}"), "invitation/sign-up", &form).await.body;
        assert!(page.contains("At least 15 characters") && page.contains("value=\"Benedetta Ruß\""), "{page}");
        assert!(!page.contains("short-secret") && !page.contains("12345678"), "{page}");
        assert_eq!(world.count("SELECT COUNT(*) FROM flashes").await, 0, "strangers write nothing");
    }

    async fn br_14_in_03_what_is_too_long_is_said_at_its_field_and_comes_back_whole(world: World) {
        let (_world, _provider, ana, method) = world.with_acme_sso().await;
        let slug = ("account", "acme");
        let (of_method, openid) = (("form[method]", &*method), ("form[preset]", "openid"));
        let fields: &[LimitedField<'_>] = &[
            (NEW, "users/invite", &[slug, ("form[role]", "viewer"), of_method], "form[email]", 254),
            (NEW, "users/invite", &[slug, ("form[role]", "viewer"), of_method, ("form[email]", "b@example.org")], "form[identifier]", 255),
            ("/a/acme/settings/roles/new", "roles/create", &[slug, ("form[permissions][]", "users.read")], "form[name]", 60),
            ("/a/acme/settings/api-keys", "api-keys/make", &[slug, ("form[lifetime]", "30")], "form[name]", 60),
            ("/a/acme/settings/webhooks/new", "webhooks/add", &[slug, ("form[told]", "all")], "form[url]", 1000),
            ("/a/acme/settings/webhooks/new", "webhooks/add", &[slug, ("form[told]", "all"), ("form[url]", "https://hooks.example.org/")], "form[description]", 60),
            (&format!("/a/acme/settings/login-methods/{method}"), "login-methods/save", &[slug, of_method, openid], "form[name]", 100),
            (&format!("/a/acme/settings/login-methods/{method}"), "login-methods/save", &[slug, of_method, openid, ("form[name]", "X")], "form[client_id]", 2000),
            (&format!("/a/acme/settings/login-methods/{method}"), "login-methods/save", &[slug, of_method, openid, ("form[name]", "X")], "form[parameters]", 2000),
            (&format!("/a/acme/settings/login-methods/{method}"), "login-methods/save", &[slug, of_method, openid, ("form[name]", "X")], "form[identifier]", 200),
            ("/me", "me/change-profile", &[("form[language]", "en")], "form[name]", 100),
            ("/accounts", "accounts/open", &[("form[slug]", "")], "form[account_name]", 100),
        ];
        for (page, function, others, field, most) in fields {
            // Two bytes each in UTF-8, and six in a form.
            let begin = if *field == "form[url]" { "https://hooks.example.org/" } else { "" };
            let typed = format!("{begin}{}", "ß".repeat(most + 1 - begin.len()));
            let mut form = others.to_vec();
            form.push((field, &typed));
            let body = ana.submits(page, function, &form).await.body;
            assert!(body.contains(&format!("At most {most} characters.")), "{function} {field}: {body}");
            assert!(body.contains(&typed), "{function} {field}: what was typed is there");
        }
        // As long as a form may be: fifty people in a table, each with all that can be said of them.
        let people = (0..51).map(|n| format!("{n}@example.org,{},{}", "First".repeat(20), "Last".repeat(25)));
        let table = format!("email,first name,last name\n{}", people.collect::<Vec<_>>().join("\n"));
        let form = [slug, ("form[role]", "viewer"), ("form[people]", &*table)];
        let body = ana.submits("/a/acme/settings/users/new/several", "users/invite-several", &form).await.body;
        assert!(body.contains("At most 50 at once.") && body.contains("50@example.org"), "{body}");
    }

    async fn in_03_every_field_of_text_takes_more_than_its_limit_and_not_much_more(world: World) {
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        ana.invites("ben@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        let row = ana.row("ben@example.org").await.id.to_string();
        let (stranger, invited) = (world.browser(), world.browser());
        let invitation = format!("/invitation/{}", invited.opens_link(&world.link_to("ben@example.org", 0).await).await);
        let mut pages = vec![(&stranger, "/login".to_owned()), (&stranger, "/forgot-password".to_owned()), (&invited, invitation)];
        for page in server::http::PAGES.iter().map(|route| route.path()) {
            let id = if page.contains("login-methods") { &*method } else if page.contains("roles") { "viewer" } else { &*row };
            pages.push((&ana, page.replace("{slug}", "acme").replace("{id}", id)));
        }
        let mut seen = 0;
        for (browser, page) in pages {
            let html = browser.get(&page).await.body;
            let tags = html.split('<').filter(|tag| tag.starts_with("input ") || tag.starts_with("textarea "));
            for tag in tags.filter_map(|tag| tag.split('>').next()) {
                let kind = |kind: &str| tag.contains(&format!("type=\"{kind}\""));
                let is_text = tag.starts_with("textarea") || ["text", "email", "password", "search"].into_iter().any(kind);
                // Addresses are as many as a form may have.
                if is_text && !tag.contains("readonly") && !tag.contains("form[people]") && !tag.contains("form-people") {
                    assert!(tag.contains("maxlength=\""), "{page}: {tag}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 40, "{seen} fields");
    }

    async fn br_14_what_was_typed_outlives_that_the_session_ends(world: World) {
        let ana = world.owner("ana@example.org").await;
        let method = method(&ana).await;
        world.advance(Span::hours(24 * 31));
        let fields = [
            ("account", "acme"), ("form[method]", &*method), ("form[email]", "ben@example.org"), ("form[role]", "analyst"),
        ];
        let location = ana.is_sent_on(Some(NEW), "users/invite", &fields).await;
        let to_sign_in = ana.get(&location).await;
        assert!(to_sign_in.location().starts_with("/login/acme?next="), "{}", to_sign_in.location());
        ana.sign_in("ana@example.org", PASSWORD).await.unwrap();
        let page = ana.get(&location).await.body;
        assert!(page.contains("value=\"ben@example.org\"") && page.contains("value=\"analyst\" selected"), "{page}");
        assert!(!page.contains("You’ve been signed out"), "{page}");
    }

    async fn br_14_a_flash_is_its_session_s_or_its_browser_s_own_and_lives_for_a_quarter_of_an_hour(world: World) {
        let ana = world.owner("ana@example.org").await;
        let olga = ana.brings_in_as("olga@example.org", BuiltInRole::Owner).await;
        let method = method(&ana).await;
        let fields = [("account", "acme"), ("form[method]", &*method), ("form[email]", "not an address"), ("form[role]", "viewer")];
        let location = ana.is_sent_on(Some(NEW), "users/invite", &fields).await;
        assert!(ana.get(&location).await.body.contains("value=\"not an address\""));
        assert!(!olga.get(&location).await.body.contains("not an address"), "another session");
        world.advance(Span::minutes(16));
        assert!(!ana.get(&location).await.body.contains("not an address"), "too late");

        let sign_in = [("form[email]", "eve@example.org"), ("form[password]", "a mistyped password")];
        let stranger = world.browser();
        let location = stranger.is_sent_on(Some("/login"), "session/sign-in", &sign_in).await;
        assert!(stranger.cookie("flash").is_some_and(|cookie| !cookie.contains("eve")));
        assert!(!world.browser().get(&location).await.body.contains("eve@example.org"), "another browser");
        let other = format!("/login?flash={}", uuid::Uuid::now_v7());
        assert!(!stranger.get(&other).await.body.contains("eve@example.org"), "another address");
        let location = stranger.is_sent_on(Some("/login"), "session/sign-in", &sign_in).await;
        world.advance(Span::minutes(16));
        assert!(!stranger.get(&location).await.body.contains("eve@example.org"), "too late");
        let location = stranger.is_sent_on(Some("/login"), "session/sign-in", &sign_in).await;
        assert!(stranger.get(&location).await.body.contains("eve@example.org"));
        assert_eq!(stranger.cookie("flash"), None, "shown, and forgotten");
    }

    async fn br_08_an_error_stands_in_no_address_and_none_in_an_address_is_believed(world: World) {
        let ana = world.owner("ana@example.org").await;
        let location = ana.is_sent_on(Some("/login?next=/accounts&__err=x&__path=y"), "session/sign-in", &[]).await;
        assert_eq!(location.split("&flash=").next(), Some("/login?next=/accounts"), "{location}");
        let forged = serde_json::json!({ "no_longer_a_member": { "account": "call 0800 000000" } }).to_string();
        for engine in [&base64::engine::general_purpose::STANDARD, &base64::engine::general_purpose::URL_SAFE] {
            let error = base64::Engine::encode(engine, &forged);
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("__path", "/api/session/sign-in"), ("__err", &error)])
                .finish();
            let answer = world.browser().get(&format!("/login?{query}")).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(!answer.body.contains("0800"), "{}", answer.body);
        }
    }

    async fn br_14_a_form_whose_page_is_not_named_comes_back_to_its_own(world: World) {
        let ana = world.owner("ana@example.org").await;
        let (method, row) = (method(&ana).await, ana.row("ana@example.org").await.id.to_string());
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], String);
        let cases: [Case<'_>; 4] = [
            ("session/sign-in", &[("form[email]", "a"), ("form[account]", "acme")], "/login/acme".to_owned()),
            ("users/invite", &[("account", "acme"), ("form[method]", &method), ("form[email]", "a")], NEW.to_owned()),
            ("users/edit", &[("account", "acme"), ("form[member]", &row)], format!("{LIST}/{row}/edit")),
            ("users/resend", &[("account", "acme"), ("member", &row)], LIST.to_owned()),
        ];
        for (function, fields, page) in cases {
            let location = ana.is_sent_on(None, function, fields).await;
            assert_eq!(location.split("?flash=").next(), Some(&*page), "{function}");
            assert_eq!(id_in(&location).len(), 36);
            assert!(ana.get(&location).await.body.contains("note-bad") || function == "users/edit", "{function}");
        }
        for forged in ["//evil.example", "https://evil.example/x", "..\\evil"] {
            let location = ana.is_sent_on(None, "users/invite", &[("account", forged)]).await;
            assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
        }
    }

    async fn a_session_keeps_no_more_flashes_than_somebody_looks_at(world: World) {
        let ana = world.owner("ana@example.org").await;
        for _ in 0..25 {
            ana.is_sent_on(Some(NEW), "users/invite", &[("account", "acme"), ("form[email]", "x")]).await;
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM flashes").await, 20);
    }
}
