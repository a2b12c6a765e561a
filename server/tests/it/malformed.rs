//! Requests that nobody's browser makes: 20,000 mutated ones to every server function, page and plain route, signed in as an owner, as a
//! viewer and as nobody (IN-10, F17). Whatever is sent, the answer is no 5xx, and so no panic: the panic layer answers one with 500.
//!
//! `FUZZ_ROUNDS` makes them more, `FUZZ_SEED` other ones. A failure names the seed and the request.

use crate::support::{Browser, PASSWORD, World, both_databases};
use app::domain::{
    role::{BuiltInRole, Grant},
    time::Span,
};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, Uri},
};
use server::http::{PAGES, PLAIN_ROUTES};
use std::fmt::Write;

const ROUNDS: u64 = 20_000;
/// Requests between two looks at the clock: an hour passes, so that limits of failed tries do not hide what lies behind them, and whoever
/// was signed out signs in again.
const BATCH: u64 = 500;
const SEED: u64 = 0x5eed;
/// Functions that hash or measure a password answer 503 when more wait for a core than can have one (PW-07). That is what they are to do.
const HASHES: [&str; 4] = ["session/sign-in", "session/measure-password", "invitation/sign-up", "setup/set-up"];

/// Pseudo-random numbers by SplitMix64: the same ones for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Texts that something below may fail on.
fn odd_text(dice: &mut Dice) -> Vec<u8> {
    let whole: &[&[u8]] = &[
        b"",
        b" ",
        b"\0",
        b"a\0b",
        b"\r\n",
        b"a\r\nSet-Cookie: x=y",
        b"\x7f",
        b"\x1b[2J",
        b"\xff\xfe",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"%",
        b"%00",
        b"%zz",
        b"%25",
        b"_%\\",
        b"'",
        b"\"; DROP TABLE members; --",
        b"$1",
        b"{{7*7}}",
        b"../../etc/passwd",
        b"//evil.example",
        b"/\\evil.example",
        b"javascript:alert(1)",
        b"-1",
        b"0",
        b"1e999",
        b"9223372036854775807",
        b"9223372036854775808",
        b"NaN",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"00000000-0000-0000-0000-000000000000",
        b"ffffffff-ffff-ffff-ffff-ffffffffffff",
        b"acme",
        b"owner",
        b"viewer",
        b"on",
        b"openid",
        "\u{202e}\u{2066}\u{feff}\u{200d}".as_bytes(),
        "\u{1F468}\u{200D}\u{1F469}".as_bytes(),
        "\u{130}\u{df}\u{fb01}".as_bytes(),
        "a@\u{fc}.example".as_bytes(),
        b"a@b",
        b"\"a b\"@example.org",
        b"@",
        b"ana@example.org",
        b"users.read",
        b"2026-02-30T25:61:61Z",
        b"en",
        b"xx-YY",
    ];
    match dice.below(12) {
        0 => dice
            .of(&[b"x", b"%", b"_", b"\xff", b"[", "ä".as_bytes()][..])
            .repeat(dice.of(&[&300usize, &5_000, &60_000]).to_owned()),
        1 => (0..dice.below(40)).map(|_| dice.next().to_le_bytes()[0]).collect(),
        _ => whole[dice.below(whole.len())].to_vec(),
    }
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    })
}

/// What is there to be named.
struct Known {
    ids: Vec<String>,
    token: String,
}

impl Known {
    fn id(&self, dice: &mut Dice) -> &str {
        &self.ids[dice.below(self.ids.len())]
    }

    /// The fields of a function, as a page would send them, or nearly.
    fn fields(&self, dice: &mut Dice) -> Vec<(Vec<u8>, Vec<u8>)> {
        const NAMES: &[&str] = &[
            "account",
            "member",
            "invitation",
            "method",
            "decision",
            "outcome",
            "on",
            "preset",
            "path",
            "search",
            "after",
            "next",
            "attempt",
            "form[member]",
            "form[version]",
            "form[role]",
            "form[extras][]",
            "form[extras][0]",
            "form[email]",
            "form[name]",
            "form[first_name]",
            "form[last_name]",
            "form[password]",
            "form[invitation]",
            "form[attempt]",
            "form[code]",
            "form[method]",
            "form[identifier]",
            "form[language]",
            "form[lifetime]",
            "form[again]",
            "form[confirmation]",
            "form[sponsored]",
            "form[account_name]",
            "form[slug]",
            "form[next]",
            "form[account]",
            "form[preset]",
            "form[issuer]",
            "form[client_id]",
            "form[client_secret]",
            "form[scopes]",
            "form[parameters]",
            "form[claim]",
            "form[confirmed]",
            "query[search]",
            "query[role]",
            "query[state]",
            "query[sort]",
            "query[after]",
        ];
        let mut fields = vec![(b"account".to_vec(), b"acme".to_vec())];
        for _ in 0..2 + dice.below(9) {
            let name = dice.of(NAMES);
            let value = match dice.below(3) {
                0 => self.id(dice).as_bytes().to_vec(),
                1 => dice
                    .of(&["acme", "viewer", "1", "ben@example.org", "on", "keep", "Ben", "openid"][..])
                    .as_bytes()
                    .to_vec(),
                _ => odd_text(dice),
            };
            fields.push((name.as_bytes().to_vec(), value));
        }
        fields
    }
}

/// A form's body with something wrong about it, more often than not.
fn body(known: &Known, dice: &mut Dice) -> Vec<u8> {
    let mut fields = known.fields(dice);
    for _ in 0..dice.below(3) {
        let at = dice.below(fields.len());
        match dice.below(6) {
            0 => fields[at].1 = odd_text(dice),
            1 => fields[at].0 = odd_text(dice),
            2 => fields[at].0.extend_from_slice(dice.of(&[
                &b"[]"[..],
                b"[",
                b"]",
                b"[x]",
                b"[0][0][0]",
                b"[9999999999]",
            ])),
            3 => fields.push(fields[at].clone()),
            4 => drop(fields.remove(at)),
            _ => fields[at].0 = [b"form", &b"[a]".repeat(dice.below(200))[..]].concat(),
        }
        if fields.is_empty() {
            return odd_text(dice);
        }
    }
    let raw = dice.one_in(10);
    let pairs = fields.iter().map(|(name, value)| {
        if raw {
            return [&name[..], b"=", value].concat();
        }
        format!("{}={}", encoded(name).replace("%5B", "[").replace("%5D", "]"), encoded(value)).into_bytes()
    });
    let mut body = pairs.collect::<Vec<_>>().join(&b'&');
    if dice.one_in(20) {
        let at = dice.below(body.len().max(1)).min(body.len());
        body.truncate(at);
    }
    body
}

/// A path with its placeholders filled, rightly or not, and a query.
fn address(template: &str, known: &Known, dice: &mut Dice) -> String {
    let mut address = String::new();
    for part in template.split('/').skip(1) {
        address.push('/');
        let rightly = !dice.one_in(3);
        match part {
            "{slug}" if rightly => address.push_str("acme"),
            "{token}" if rightly => address.push_str(&known.token),
            "{tag}" if rightly => address.push_str("de"),
            part if part.starts_with('{') && rightly => address.push_str(known.id(dice)),
            part if part.starts_with('{') => address.push_str(&encoded(&odd_text(dice))),
            part => address.push_str(part),
        }
    }
    if dice.one_in(2) {
        const NAMES: &[&str] = &[
            "q",
            "role",
            "state",
            "sort",
            "after",
            "next",
            "account",
            "problem",
            "flash",
            "attempt",
            "invitation",
            "code",
            "error",
            "iss",
            "__err",
            "__path",
            "x",
        ];
        for n in 0..1 + dice.below(3) {
            let name = dice.of(NAMES);
            let value = if dice.one_in(3) { known.id(dice).to_owned() } else { encoded(&odd_text(dice)) };
            write!(address, "{}{name}={value}", if n == 0 { '?' } else { '&' }).unwrap();
        }
    }
    address
}

fn request(functions: &[String], routes: &[String], known: &Known, dice: &mut Dice) -> Option<(String, Request<Body>)> {
    let by_function = !dice.one_in(8);
    let address = if by_function {
        functions[dice.below(functions.len())].clone()
    } else {
        address(&routes[dice.below(routes.len())], known, dice)
    };
    let method = match (by_function, dice.below(20)) {
        (_, 0) => dice.of(&["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH", "post", "X"][..]),
        (_, 1) => dice.of(&["GET", "POST"][..]),
        (true, _) => "POST",
        (false, _) => "GET",
    };
    let body = if by_function { body(known, dice) } else { Vec::new() };
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = address.parse::<Uri>().ok()?;
    let headers = request.headers_mut();
    let site = if dice.one_in(30) { odd_text(dice) } else { b"same-origin".to_vec() };
    let kind = if dice.one_in(30) { odd_text(dice) } else { b"application/x-www-form-urlencoded".to_vec() };
    let accept: &[u8] = dice.of(&[&b"application/json"[..], b"text/html", b"*/*"]);
    let mut sent = vec![("sec-fetch-site", site), ("content-type", kind), ("accept", accept.to_vec())];
    if dice.one_in(4) {
        sent.push((
            "referer",
            dice.of(&[
                &b"http://127.0.0.1:3000/a/acme/settings/users"[..],
                b"http://127.0.0.1:3000/login?__err=x",
                b"x",
            ])
            .to_vec(),
        ));
    }
    if dice.one_in(6) {
        let name = dice.of(&[
            "accept",
            "accept-language",
            "accept-encoding",
            "cookie",
            "referer",
            "origin",
            "user-agent",
            "x-forwarded-for",
            "if-none-match",
            "host",
            "x-forwarded-host",
            "content-type",
            "transfer-encoding",
            "range",
        ][..]);
        let value = if name == "cookie" {
            [
                dice.of(&[
                    &b"roster_session_3000="[..],
                    b"roster_oauth_3000=",
                    b"roster_invite_3000=",
                    b"roster_lang=",
                ]),
                &odd_text(dice)[..],
            ]
            .concat()
        } else {
            odd_text(dice)
        };
        sent.push((name, value));
    }
    for (name, value) in sent {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let told = format!(
        "{method} {address} {headers:?} {}",
        String::from_utf8_lossy(&body).chars().take(2_000).collect::<String>()
    );
    Some((told, request))
}

/// Sends one batch as one person; what went wrong.
async fn send_batch(
    browser: Browser,
    seed: u64,
    requests: u64,
    functions: Vec<String>,
    routes: Vec<String>,
    known: Known,
) -> Vec<String> {
    let mut dice = Dice(seed);
    let mut wrong = Vec::new();
    for _ in 0..requests {
        let Some((told, request)) = request(&functions, &routes, &known, &mut dice) else { continue };
        let hashes = HASHES.iter().any(|function| request.uri().path().ends_with(function));
        let answer = browser.send(request).await;
        if answer.status.is_server_error() && !(hashes && answer.status == 503) {
            wrong.push(format!(
                "{} by seed {seed}: {told}\n{}",
                answer.status,
                answer.body.chars().take(300).collect::<String>()
            ));
        }
    }
    wrong
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn known(world: &World, ana: &Browser, method: &str) -> Known {
    ana.invites("cleo@example.org", &Grant::of(BuiltInRole::Viewer)).await.unwrap();
    let mut ids = vec![method.to_owned(), uuid::Uuid::nil().to_string()];
    for email in ["ana@example.org", "ben@example.org", "cleo@example.org"] {
        ids.push(ana.row(email).await.id.to_string());
    }
    let link = world.link_to("cleo@example.org", 0).await;
    ids.push(world.browser().opens_link(&link).await);
    let mails: serde_json::Value = ana.call("outbox/list", &[("account", "acme")]).await.unwrap();
    ids.extend(mails["mails"].as_array().unwrap().iter().map(|mail| mail["id"].as_str().unwrap().to_owned()));
    Known { ids, token: link.rsplit('/').next().unwrap().to_owned() }
}

both_databases! {
    async fn in_10_f17_twenty_thousand_malformed_requests_end_in_no_5xx_and_no_panic(world: World) {
        let (world, _provider, ana, method) = world.with_acme_sso().await;
        ana.brings_in_as("ben@example.org", BuiltInRole::Viewer).await;
        let Known { ids, token } = known(&world, &ana, &method).await;
        let functions: Vec<String> = server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
        let routes: Vec<String> = PAGES
            .iter()
            .map(|page| page.path().to_owned())
            .chain(PLAIN_ROUTES.iter().map(|route| route.path.to_owned()))
            .chain(["/no/such/page".to_owned(), "/pkg/roster.css".to_owned(), "/{id}".to_owned()])
            .collect();
        let (rounds, seed) = (number("FUZZ_ROUNDS", ROUNDS), number("FUZZ_SEED", SEED));
        for batch in 0..rounds.div_ceil(BATCH) {
            world.advance(Span::hours(1));
            let mut people = vec![world.browser()];
            for email in ["ana@example.org", "ben@example.org"] {
                let browser = world.browser();
                // Somebody may have removed Ben meanwhile, as a right form says.
                let _ = browser.sign_in(email, PASSWORD).await;
                people.push(browser);
            }
            let sent = people.into_iter().enumerate().map(|(n, browser)| {
                let known = Known { ids: ids.clone(), token: token.clone() };
                let seed = seed.wrapping_mul(1_000_003).wrapping_add(batch * 3 + n as u64);
                tokio::spawn(send_batch(browser, seed, BATCH.div_ceil(3), functions.clone(), routes.clone(), known))
            });
            for one in sent.collect::<Vec<_>>() {
                let wrong = one.await.unwrap();
                assert!(wrong.is_empty(), "FUZZ_SEED={seed}, {} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
            }
        }
        assert_eq!(world.browser().get("/readyz").await.status, 200);
    }
}
