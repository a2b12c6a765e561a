//! What the Users list asks of the databases costs the same in an account of any size: their plans say so.

use crate::support::{Kind, World, both_databases};
use app::domain::{
    list::{ListQuery, Sort, StateFilter},
    role::{BuiltInRole, Grant},
};
use server::storage::{Database, all_statements};
use sqlx::{AssertSqlSafe, Executor, Row};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tracing::{
    Event, Metadata,
    span::{Attributes, Id, Record},
};

/// The plan of a statement whatever its values are, as one text.
async fn plan(world: &World, sql: &str) -> String {
    match &world.services.database {
        Database::Sqlite { writer, .. } => {
            let explained = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps = writer.fetch_all(sqlx::query(explained)).await.unwrap();
            steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect()
        }
        Database::Postgres { pool, .. } => {
            let mut connection = pool.acquire().await.unwrap();
            let most = (1..=30).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or_default();
            let values = vec!["NULL"; most].join(", ");
            let run = if most == 0 {
                "EXPLAIN EXECUTE planned".to_owned()
            } else {
                format!("EXPLAIN EXECUTE planned({values})")
            };
            connection.execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
            connection.execute(AssertSqlSafe(format!("PREPARE planned AS {sql}"))).await.unwrap();
            let lines = sqlx::raw_sql(AssertSqlSafe(run)).fetch_all(&mut *connection).await.unwrap();
            connection.execute("DEALLOCATE planned; RESET plan_cache_mode").await.unwrap();
            lines.iter().map(|line| line.get::<String, _>(0) + "\n").collect()
        }
    }
}

/// Ten thousand people in the account, a tenth of them in each state, with an invitation each.
async fn with_ten_thousand(world: &World) {
    let (id, key) = match &world.services.database {
        Database::Sqlite { .. } => ("randomblob(16)", "CAST('p' || n.i AS BLOB)"),
        Database::Postgres { .. } => ("gen_random_uuid()", "convert_to('p' || n.i, 'UTF8')"),
    };
    let members = format!(
        "INSERT INTO members (id, account_id, email, email_key, name, name_key, state, role_key, login_method_id, invited_at, joined_at,
                              last_active_at, version, changed_at, name_sort, search_key)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT {id}, a.account_id, 'p' || n.i || '@example.org', 'p' || n.i || '@example.org', 'P ' || n.i, 'p ' || n.i,
                CASE n.i % 10 WHEN 0 THEN 'removed' WHEN 1 THEN 'suspended' WHEN 2 THEN 'invited' ELSE 'active' END,
                CASE n.i % 5 WHEN 0 THEN 'editor' WHEN 1 THEN 'admin' ELSE 'viewer' END, a.login_method_id, n.i, n.i, n.i, 1, n.i,
                {key}, 'p ' || n.i || ' p' || n.i || '@example.org'
           FROM n, members a WHERE a.email_key = 'ana@example.org'"
    );
    let invitations = format!(
        "INSERT INTO invitations (id, account_id, member_id, email_key, state, sponsor_id, language, lifetime_ms, created_at, expires_at, resends)
         SELECT {id}, m.account_id, m.id, m.email_key, CASE m.invited_at % 4 WHEN 2 THEN 'declined' ELSE 'pending' END, a.id, 'en', 1, 1,
                4000000000000, 0
           FROM members m JOIN members a ON a.email_key = 'ana@example.org'"
    );
    let method = format!(
        "INSERT INTO login_methods (id, account_id, kind, name, enabled, created_at)
         SELECT {id}, account_id, 'oauth', 'SSO', TRUE, 1 FROM members WHERE email_key = 'ana@example.org'"
    );
    let all: [String; 6] = [
        members,
        method,
        "UPDATE members SET login_method_id = (SELECT l.id FROM login_methods l WHERE l.kind = 'oauth') WHERE invited_at % 3 = 0"
            .to_owned(),
        invitations,
        "UPDATE members SET invitation_id = (SELECT i.id FROM invitations i WHERE i.member_id = members.id)".to_owned(),
        "INSERT INTO member_permissions (account_id, member_id, permission)
         SELECT account_id, id, 'analytics.export' FROM members WHERE invited_at % 7 = 0"
            .to_owned(),
    ];
    for sql in all {
        match &world.services.database {
            Database::Sqlite { writer, .. } => drop(writer.execute(AssertSqlSafe(sql)).await.unwrap()),
            Database::Postgres { pool, .. } => drop(pool.execute(AssertSqlSafe(sql)).await.unwrap()),
        }
    }
    if let Database::Postgres { pool, .. } = &world.services.database {
        pool.execute("VACUUM ANALYZE").await.unwrap();
    }
}

/// The index that serves a filter in an order: `PAGE Name Up role state` by that of either filter.
fn indexes(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let column = match words.get(1) {
        Some(&"Activity") => "activity",
        Some(&"Invited") => "invited",
        _ => "name",
    };
    let filters =
        ["role", "method", "mail", "extras", "state", "attention"].into_iter().filter(|filter| words.contains(filter));
    let family = |filter| match filter {
        "mail" => "mail_trouble",
        "state" => "status",
        other => other,
    };
    let mut indexes: Vec<String> = filters.map(|filter| format!("members_{}_by_{column}", family(filter))).collect();
    if indexes.is_empty() {
        indexes.push(format!("members_listed_by_{column}"));
    }
    indexes
}

both_databases! {
    async fn a_page_of_the_list_reads_one_range_of_one_index_in_its_order(world: World) {
        world.owner("ana@example.org").await;
        with_ten_thousand(&world).await;
        let (mut looked_at, mut wrong) = (0, Vec::new());
        for (name, sql) in all_statements() {
            let Some(name) = name.strip_prefix("members::list::") else { continue };
            let is_of_view = ["PAGE", "BEFORE", "COUNT"].iter().any(|kind| name.starts_with(kind));
            let searches = ["search", "any-row", "trigrams"].iter().any(|way| name.contains(way));
            // Of two filters PostgreSQL takes the index of the rarer one, by its statistics.
            // Who has extras is counted, up to the 10,000 that the list counts to.
            if !is_of_view || searches || name.starts_with("COUNT_STATES") || name.starts_with("COUNT extras") || indexes(name).len() > 1 {
                continue;
            }
            let plan = plan(&world, &sql).await;
            looked_at += 1;
            let in_order = name.starts_with("COUNT")
                || plan.lines().any(|line| indexes(name).iter().any(|index| line.contains(index.as_str())));
            // From the position on, and not from the beginning of the index.
            let enters = match &world.services.database {
                Database::Sqlite { .. } => name.starts_with("COUNT") || plan.lines().any(|line| line.contains("members_") && line.contains(['<', '>'])),
                Database::Postgres { .. } => true,
            };
            let in_order = in_order && enters;
            let scans = [
                "SCAN m", "SCAN i", "SCAN o", "TEMP B-TREE", "AUTOMATIC", "Seq Scan on members", "Seq Scan on invitations", "Sort Key: m",
                "Sort Key: (COALESCE",
            ];
            if !in_order || scans.iter().any(|scan| plan.contains(scan)) {
                wrong.push(format!("{name}: {:?}\n{plan}", indexes(name)));
            }
        }
        assert!(looked_at >= 90, "{looked_at}");
        assert!(wrong.is_empty(), "{} of {looked_at}\n{}", wrong.len(), wrong.join("\n"));
    }

    async fn what_looks_people_up_edits_and_removes_them_goes_by_keys(world: World) {
        world.owner("ana@example.org").await;
        with_ten_thousand(&world).await;
        let by_keys = [
            "members::FIND", "members::FIND_BY_EMAIL", "members::FIND_BY_USER", "members::COUNT_BY_EMAIL", "members::SET_GRANT",
            "members::REMOVE", "members::SUSPEND", "members::SET_INVITATION", "members::JOIN", "members::numbers::NUMBERS",
            "members::numbers::LAPSED", "members::access::OWNERS", "members::access::CAN_SIGN_IN",
            "invitations::COPIED_LINKS", "invitations::FIND", "invitations::ANSWER", "invitations::END",
        ];
        let mut wrong = Vec::new();
        for (name, sql) in all_statements().into_iter().filter(|(name, _)| by_keys.contains(&name.as_str())) {
            let plan = plan(&world, &sql).await;
            let scans = ["SCAN m", "SCAN s", "SCAN i", "SCAN h", "AUTOMATIC", "Seq Scan on members", "Seq Scan on invitations"];
            if scans.iter().any(|scan| plan.lines().any(|line| line.trim_start_matches(['|', '`', '-', ' ']).starts_with(scan) || line.contains("Seq Scan") && line.contains(scan))) {
                wrong.push(format!("{name}\n{plan}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn what_is_asked_of_sign_ins_at_platforms_goes_by_indexes(world: World) {
        world.owner("ana@example.org").await;
        with_sign_ins_at_platforms(&world).await;
        let wanted = [
            ("MOVE_TO_SESSION", "platform_sign_ins_live"),
            ("OVER", "platform_sign_ins_live"),
            ("LIVE", "platform_sign_ins_live"),
            ("CLOSED", "platform_sign_ins_live"),
            ("CLIENTS_TO_TELL", "platform_sign_ins_to_tell"),
            ("TO_TELL", "platform_sign_ins_to_tell"),
            ("END_CLOSED_OF_MEMBER", "platform_sign_ins_by_member"),
            ("END_OF_MEMBER", "platform_sign_ins_by_member"),
            ("END_WITHOUT_SESSION", "platform_sign_ins_by_user"),
            ("END_OVER", "platform_sign_ins_by_user"),
            ("LAST_ACCOUNT", "platform_sign_ins_live"),
        ];
        let wanted = wanted.map(|(name, index)| (format!("platform_sign_ins::{name}"), index));
        let others = [
            ("clean_up::PLATFORM_SIGN_INS".to_owned(), "platform_sign_ins_by_told"),
            ("clean_up::UNUSED_CODES".to_owned(), "platform_sign_ins_by_age"),
            ("platform_clients::HAS_ORIGIN".to_owned(), "platform_client_origins"),
        ];
        let statements = all_statements();
        let mut wrong = Vec::new();
        for (name, index) in wanted.into_iter().chain(others) {
            let (_, sql) = statements.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}"));
            let plan = plan(&world, sql).await;
            // The few that are live are gone through in their own index; nothing goes through those that are over.
            // The clean-up finds a batch by the index, and PostgreSQL reckons with a batch of a tenth of the table.
            let whole = !name.starts_with("clean_up") && plan.lines().any(|line| {
                let of_sqlite = line.contains("SCAN p") && !line.contains("INDEX") || line.contains("SCAN platform_sign_ins") && !line.contains("INDEX");
                of_sqlite || line.contains("Seq Scan on platform_sign_ins")
            });
            if whole || !plan.contains(index) {
                wrong.push(format!("{name}: {index}\n{plan}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Twenty thousand sign-ins at two platforms: a hundredth of them live, another hundredth not told yet, of a thousand sessions.
async fn with_sign_ins_at_platforms(world: &World) {
    let (id, session, hash) = match &world.services.database {
        Database::Sqlite { .. } => {
            ("randomblob(16)", "CAST(substr('0000000000000000' || (n.i % 1000), -16) AS BLOB)", "randomblob(32)")
        }
        Database::Postgres { .. } => {
            ("gen_random_uuid()", "lpad((n.i % 1000)::text, 32, '0')::uuid", "decode(md5(n.i::text), 'hex')")
        }
    };
    let sql = format!(
        "INSERT INTO platform_sign_ins (id, client_id, account_id, member_id, user_id, session_id, subject, redirect_uri, scope, code_challenge,
                                        code_hash, code_expires_at, code_used_at, authenticated_at, created_at, ended, tell_at, told_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         SELECT {id}, CASE n.i % 2 WHEN 0 THEN 'bots' ELSE 'page' END, {id}, {id}, {id}, {session}, 's', 'u', 'openid', 'c', {hash}, n.i, n.i, n.i,
                n.i, n.i % 100 <> 0, n.i, CASE WHEN n.i % 100 > 1 THEN n.i END
           FROM n"
    );
    match &world.services.database {
        Database::Sqlite { writer, .. } => drop(writer.execute(AssertSqlSafe(sql)).await.unwrap()),
        Database::Postgres { pool, .. } => {
            pool.execute(AssertSqlSafe(sql)).await.unwrap();
            pool.execute("VACUUM ANALYZE").await.unwrap();
        }
    }
}

/// Counts the statements that this thread sends.
#[derive(Clone, Default)]
pub struct Statements(Arc<AtomicUsize>);

impl Statements {
    /// How many there were since this was asked last, with those that end a transaction in the background.
    pub async fn since_then(&self) -> usize {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl tracing::Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// On PostgreSQL, whose statements are sent by the thread that runs the request.
#[tokio::test]
async fn a_page_of_the_list_takes_few_statements_wherever_it_is() {
    World::tell(Kind::Postgres, |world| async move {
        let ana = world.owner("ana@example.org").await;
        for n in 0..60 {
            ana.invites(&format!("p{n:02}@example.org"), &Grant::of(BuiltInRole::Viewer)).await.unwrap();
        }
        ana.list(&ListQuery::default()).await.unwrap();
        let sent = Statements::default();
        let _here = tracing::subscriber::set_default(sent.clone());
        let mut counted = Vec::new();
        let mut list = async |query: ListQuery| {
            let before = sent.0.load(Ordering::Relaxed);
            let page = ana.list(&query).await.unwrap();
            counted.push(sent.0.load(Ordering::Relaxed) - before);
            page
        };
        let first = list(ListQuery::default()).await;
        list(ListQuery { after: first.next, ..Default::default() }).await;
        list(ListQuery { state: Some(StateFilter::NeedsAttention), ..Default::default() }).await;
        list(ListQuery { search: "p01".to_owned(), ..Default::default() }).await;
        list(ListQuery { sort: Sort::RoleDown, ..Default::default() }).await;
        list(ListQuery { mail_trouble: true, sort: Sort::InvitedDown, ..Default::default() }).await;
        // Nine for the session, the actor, roles and login methods; what is due to expire, the numbers, and the page; where it begins; or the way
        // and the numbers of a search; or the second role. The first page of a while notes the activity, too.
        assert!(counted.iter().all(|statements| *statements <= 15), "{counted:?}");
    })
    .await;
}
