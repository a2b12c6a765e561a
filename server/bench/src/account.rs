//! An account with so many members, as if it had been used for long. The account and its owner are made by the server; the rest is written by SQL.

use crate::{
    Result,
    client::{Call, Client},
    processes::Roster,
    store::{Pool, Store},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

pub const SLUG: &str = "acme";
pub const PASSWORD: &str = "seventeen purple otters sing";
/// Somebody else who signs in by the same password.
pub const ANOTHER: &str = "p4@example.org";
/// How many wait to join.
const GUESTS: usize = 1_000;
/// How many rows go into one statement.
const ROWS: usize = 250;

/// Somebody who has a login and an invitation.
pub struct Guest {
    pub invitation: Uuid,
    pub cookie: String,
}

pub struct Account {
    pub owner: String,
    pub admin: String,
    /// The hash of the owner's session.
    pub hash_of_session: Vec<u8>,
    pub password_method: Uuid,
    pub rare_method: Uuid,
    /// Active viewers, whose rows are at their first version.
    pub viewers: Vec<Uuid>,
    pub guests: Vec<Guest>,
}

/// Makes the account by the link that a new server shows; answers the owner's cookie.
pub async fn set_up(roster: &mut Roster) -> Result<String> {
    let greeting = roster.greeting()?;
    let (_, token) = greeting.trim().split_once("/s/").ok_or("no link in the greeting")?;
    let mut client = Client::connect(roster.port).await?;
    let opened = client.get(&format!("/s/{token}"), "").await?;
    let fields = vec![
        ("form[account_name]", "Acme".to_owned()),
        ("form[slug]", SLUG.to_owned()),
        ("form[name]", "Ana".to_owned()),
        ("form[email]", "ana@example.org".to_owned()),
        ("form[password]", PASSWORD.to_owned()),
    ];
    let call = Call::Function { name: "setup/set-up", fields, cookie: opened.cookies };
    Ok(client.call(&call).await?.expect_ok("set-up")?.cookies)
}

impl Account {
    pub async fn fill(store: &Store, port: u16, owner: String, members: usize) -> Result<Self> {
        let pool = store.connect().await?;
        for sql in people(&pool, members) {
            pool.run(sql).await?;
        }
        let method = |kind| format!("SELECT id FROM login_methods WHERE kind = '{kind}'");
        let first = async |sql: String| {
            let found = pool.ids(sql).await?;
            found.first().copied().ok_or_else(|| crate::Error::from("an empty account"))
        };
        let password_method = first(method("password")).await?;
        let rare_method = first(method("oauth")).await?;
        let guests = write_guests(&pool, port).await?;
        let admin =
            write_session(&pool, port, "(SELECT u.id FROM users u WHERE u.email_key = 'p101@example.org')").await?;
        if let Pool::Postgres(_) = pool {
            pool.run("VACUUM ANALYZE".to_owned()).await?;
        }
        let viewers = "SELECT id FROM members WHERE state = 'active' AND role_key = 'viewer' AND email_key LIKE 'p%' ORDER BY id LIMIT 4000";
        let viewers = pool.ids(viewers.to_owned()).await?;
        pool.close().await;
        let session = format!("roster_session_{port}=");
        let token = owner.split("; ").find_map(|cookie| cookie.strip_prefix(&session)).ok_or("no session")?;
        let hash_of_session = hash(token);
        Ok(Self { owner, admin, hash_of_session, password_method, rare_method, viewers, guests })
    }
}

/// Of twenty people one was removed, one is suspended and two are invited; of five one is an editor, of a hundred one an admin; a few have a
/// login method and a role that hardly anybody has.
fn people(pool: &Pool, members: usize) -> Vec<String> {
    let (id, key, now) = (pool.random_id(), pool.bytes_of("'person ' || n.i"), now());
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {members})");
    vec![
        format!(
            "INSERT INTO login_methods (id, account_id, kind, name, enabled, created_at, first_sign_in)
             SELECT {id}, account_id, 'oauth', 'SSO', TRUE, 1, TRUE FROM members WHERE email_key = 'ana@example.org'"
        ),
        format!(
            "INSERT INTO members (id, account_id, email, email_key, name, name_key, state, role_key, login_method_id, identifier, invited_at,
                                  joined_at, last_active_at, version, changed_at, name_sort, search_key)
             {numbers}
             SELECT {id}, a.account_id, 'p' || n.i || '@example.org', 'p' || n.i || '@example.org', 'Person ' || n.i, 'person ' || n.i,
                    CASE n.i % 20 WHEN 0 THEN 'removed' WHEN 10 THEN 'suspended' WHEN 2 THEN 'invited' WHEN 3 THEN 'invited' ELSE 'active' END,
                    CASE WHEN n.i % 500 = 7 THEN 'analyst' WHEN n.i % 5 = 0 THEN 'editor' WHEN n.i % 100 = 1 THEN 'admin' ELSE 'viewer' END,
                    CASE WHEN n.i % 500 = 9 THEN o.id ELSE a.login_method_id END, 'p' || n.i,
                    {now} - n.i * 60000, {now} - n.i * 60000, {now} - n.i * 1000, 1, {now}, {key}, 'person ' || n.i || ' p' || n.i || '@example.org'
               FROM n, members a, login_methods o WHERE a.email_key = 'ana@example.org' AND o.kind = 'oauth'"
        ),
        format!(
            "INSERT INTO invitations (id, account_id, member_id, email_key, state, sponsor_id, language, lifetime_ms, created_at, expires_at, resends)
             SELECT {id}, m.account_id, m.id, m.email_key,
                    CASE WHEN m.email_key LIKE 'p%002@%' THEN 'held' WHEN m.email_key LIKE 'p%3@%' THEN 'declined' ELSE 'pending' END,
                    a.id, 'en', 604800000, {now}, {now} + 604800000, 0
               FROM members m, members a WHERE m.state = 'invited' AND a.email_key = 'ana@example.org'"
        ),
        "UPDATE members SET invitation_id = (SELECT i.id FROM invitations i WHERE i.member_id = members.id) WHERE state = 'invited'".to_owned(),
        format!(
            "INSERT INTO users (id, email, email_key, name, email_verified_at, created_at)
             SELECT m.id, m.email, m.email_key, m.name, {now}, {now} FROM members m WHERE m.state = 'active' AND m.user_id IS NULL"
        ),
        "UPDATE members SET user_id = id WHERE state = 'active' AND user_id IS NULL".to_owned(),
        "INSERT INTO member_permissions (account_id, member_id, permission)
         SELECT account_id, id, 'analytics.export' FROM members WHERE email_key LIKE 'p%7@%'"
            .to_owned(),
        "UPDATE members SET has_extras = TRUE WHERE email_key LIKE 'p%7@%'".to_owned(),
        format!(
            "INSERT INTO password_credentials (user_id, phc, changed_at)
             SELECT u.id, c.phc, {now} FROM users u, password_credentials c WHERE u.email_key = '{ANOTHER}'"
        ),
    ]
}

/// People with a login, a session, and an invitation that was mailed to them.
async fn write_guests(pool: &Pool, port: u16) -> Result<Vec<Guest>> {
    let (mut guests, now) = (Vec::new(), now());
    for first in (0..GUESTS).step_by(ROWS) {
        let (mut users, mut sessions, mut proofs, mut members, mut invitations, mut links, mut tokens) =
            (vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
        for n in first..first + ROWS {
            let new = || pool.id(Uuid::now_v7());
            let (user, session, member, link, invitation) = (new(), new(), new(), new(), Uuid::now_v7());
            let (token, presented) = (token(), token());
            let (token_hash, link_hash, invitation_id) =
                (pool.bytes(&hash(&token)), pool.bytes(&hash(&presented)), pool.id(invitation));
            let email = format!("'guest{n}@example.org'");
            users.push(format!("({user}, {email}, {email}, 'Guest {n}', {now}, {now})"));
            sessions.push(format!("({session}, {token_hash}, {user}, {now}, {now}, '', '127.0.0.1')"));
            proofs.push(format!("({session}, 'password', {now})"));
            let key = pool.bytes_of(&email);
            members.push(format!(
                "({member}, (SELECT id FROM accounts), {email}, {email}, {email}, 'invited', 'viewer',
                  (SELECT id FROM login_methods WHERE kind = 'password'), {now}, 1, {now}, {key}, {email})"
            ));
            invitations.push(format!(
                "({invitation_id}, (SELECT id FROM accounts), {member}, {email}, 'pending',
                  (SELECT id FROM members WHERE email_key = 'ana@example.org'), 'en', 604800000, {now}, {now} + 604800000, 0)"
            ));
            links.push(member);
            tokens.push(format!("({link}, (SELECT id FROM accounts), {invitation_id}, 'mailed', {link_hash}, {now})"));
            guests.push(Guest {
                invitation,
                cookie: format!("roster_session_{port}={token}; roster_invite_{port}={presented}"),
            });
        }
        for (table, rows) in [
            ("users (id, email, email_key, name, email_verified_at, created_at)", users),
            ("sessions (id, hash, user_id, created_at, last_seen_at, user_agent, ip)", sessions),
            ("session_proofs (session_id, kind, proved_at)", proofs),
            (
                "members (id, account_id, email, email_key, name_key, state, role_key, login_method_id, invited_at, version, changed_at,
                          name_sort, search_key)",
                members,
            ),
            (
                "invitations (id, account_id, member_id, email_key, state, sponsor_id, language, lifetime_ms, created_at, expires_at, resends)",
                invitations,
            ),
            ("invitation_tokens (id, account_id, invitation_id, channel, hash, created_at)", tokens),
        ] {
            pool.run(format!("INSERT INTO {table} VALUES {}", rows.join(", "))).await?;
        }
        let links = links.join(", ");
        pool.run(format!(
            "UPDATE members SET invitation_id = (SELECT i.id FROM invitations i WHERE i.member_id = members.id) WHERE id IN ({links})"
        ))
        .await?;
    }
    Ok(guests)
}

/// A session of a user, by their password; answers its cookie.
async fn write_session(pool: &Pool, port: u16, user: &str) -> Result<String> {
    let (id, token, now) = (pool.id(Uuid::now_v7()), token(), now());
    let hash = pool.bytes(&hash(&token));
    pool.run(format!(
        "INSERT INTO sessions (id, hash, user_id, created_at, last_seen_at, user_agent, ip)
         VALUES ({id}, {hash}, {user}, {now}, {now}, '', '127.0.0.1')"
    ))
    .await?;
    pool.run(format!("INSERT INTO session_proofs (session_id, kind, proved_at) VALUES ({id}, 'password', {now})"))
        .await?;
    Ok(format!("roster_session_{port}={token}"))
}

/// A token as Roster makes them; no secret, here.
fn token() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(Uuid::now_v7().as_bytes()))
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}
