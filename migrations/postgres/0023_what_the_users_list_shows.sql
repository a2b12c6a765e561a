-- What the Users list shows, filters and counts by stands in the member's row, so that a page costs the same in an account of any size. Triggers
-- keep it: whatever writes the tables below, an older release beside this one included, leaves it right.

-- The state that the list shows; 'expired' once it was noticed that the time was up.
ALTER TABLE members ADD COLUMN status TEXT COLLATE "C" NOT NULL DEFAULT 'invited';
-- When 'invited' becomes 'expired' by time alone.
ALTER TABLE members ADD COLUMN lapses_at BIGINT;
-- Did the mail of an invitation that awaits an answer come to nothing?
ALTER TABLE members ADD COLUMN mail_trouble BOOLEAN NOT NULL DEFAULT FALSE;
-- Has an admin something to do? Login methods that are switched off are not in it: they concern all of their people at once.
ALTER TABLE members ADD COLUMN attention BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE members ADD COLUMN has_extras BOOLEAN NOT NULL DEFAULT FALSE;

-- How many rows there are of each kind. It is changed with the rows, under the lock of their account.
CREATE TABLE member_counts (
    account_id      UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role_key        TEXT COLLATE "C" NOT NULL,
    login_method_id UUID NOT NULL,
    status          TEXT COLLATE "C" NOT NULL,
    people          BIGINT NOT NULL,
    mail_trouble    BIGINT NOT NULL,
    attention       BIGINT NOT NULL,
    PRIMARY KEY (account_id, role_key, login_method_id, status)
);

-- The same as the tables have it, time left out: the one definition, which the triggers copy into the row.
CREATE VIEW member_statuses AS
SELECT s.id, s.status,
       CASE WHEN s.status = 'invited' THEN s.expires_at END AS lapses_at,
       s.mail_trouble,
       COALESCE(s.lacks_identifier OR s.mail_trouble OR s.awaits_decision OR s.status IN ('expired', 'declined', 'held'), FALSE) AS attention
  FROM (SELECT m.id, i.expires_at,
               CASE WHEN m.state <> 'invited' THEN m.state
                    WHEN i.state IN ('declined', 'held') THEN i.state
                    WHEN i.id IS NULL THEN 'expired'
                    ELSE 'invited' END AS status,
               (m.state = 'invited' AND EXISTS (
                   SELECT 1 FROM outbox o
                    WHERE o.id = (SELECT x.id FROM outbox x WHERE x.invitation_id = m.invitation_id AND x.kind = 'invitation'
                                   ORDER BY x.id DESC LIMIT 1)
                      AND o.state = 'refused')) AS mail_trouble,
               (m.state = 'invited' AND i.state IN ('pending', 'held') AND EXISTS (
                   SELECT 1 FROM decisions d
                    WHERE d.member_id = m.id AND d.outcome IS NULL AND d.invitation_id = i.id
                      AND d.login_method_id = m.login_method_id)) AS awaits_decision,
               (m.state <> 'removed' AND m.identifier IS NULL AND EXISTS (
                   SELECT 1 FROM login_methods l WHERE l.id = m.login_method_id AND l.kind = 'oauth')) AS lacks_identifier
          FROM members m LEFT JOIN invitations i ON i.id = m.invitation_id) s;

UPDATE members m
   SET status = s.status, lapses_at = s.lapses_at, mail_trouble = s.mail_trouble, attention = s.attention,
       has_extras = EXISTS (SELECT 1 FROM member_permissions p WHERE p.member_id = m.id)
  FROM member_statuses s WHERE s.id = m.id;
INSERT INTO member_counts (account_id, role_key, login_method_id, status, people, mail_trouble, attention)
SELECT account_id, role_key, login_method_id, status, COUNT(*), COUNT(*) FILTER (WHERE mail_trouble), COUNT(*) FILTER (WHERE attention)
  FROM members WHERE purged_at IS NULL GROUP BY account_id, role_key, login_method_id, status;

-- Copies what the tables say of a member into the row. The row is locked by a statement of its own, so that the next one sees what whoever held
-- it has committed: the mail worker does not lock the account.
CREATE FUNCTION refresh_member(member UUID) RETURNS void LANGUAGE sql AS $$
    SELECT FROM members m WHERE m.id = member FOR NO KEY UPDATE;
    UPDATE members m
       SET status = s.status, lapses_at = s.lapses_at, mail_trouble = s.mail_trouble, attention = s.attention
      FROM member_statuses s WHERE m.id = member AND s.id = member;
$$;

-- Counts a row, or takes it from its count.
CREATE FUNCTION count_member(m members, change BIGINT) RETURNS void LANGUAGE sql AS $$
    INSERT INTO member_counts AS c (account_id, role_key, login_method_id, status, people, mail_trouble, attention)
    VALUES (m.account_id, m.role_key, m.login_method_id, m.status, change, change * m.mail_trouble::int, change * m.attention::int)
        ON CONFLICT (account_id, role_key, login_method_id, status) DO UPDATE
        SET people = c.people + excluded.people, mail_trouble = c.mail_trouble + excluded.mail_trouble,
            attention = c.attention + excluded.attention;
$$;

CREATE FUNCTION members_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_member(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER members_inserted AFTER INSERT ON members FOR EACH ROW EXECUTE FUNCTION members_written();
CREATE TRIGGER members_changed AFTER UPDATE OF state, invitation_id, login_method_id, identifier ON members
    FOR EACH ROW EXECUTE FUNCTION members_written();

CREATE FUNCTION members_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.purged_at IS NULL THEN
        PERFORM count_member(OLD, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.purged_at IS NULL THEN
        PERFORM count_member(NEW, 1);
    END IF;
    RETURN NULL;
END $$;
-- By their names these come before those above, and count first what is changed afterwards; sums do not mind.
CREATE TRIGGER members_added AFTER INSERT OR DELETE ON members FOR EACH ROW EXECUTE FUNCTION members_counted();
CREATE TRIGGER members_counted AFTER UPDATE ON members FOR EACH ROW
    WHEN ((OLD.role_key, OLD.login_method_id, OLD.status, OLD.mail_trouble, OLD.attention, OLD.purged_at)
          IS DISTINCT FROM (NEW.role_key, NEW.login_method_id, NEW.status, NEW.mail_trouble, NEW.attention, NEW.purged_at))
    EXECUTE FUNCTION members_counted();

CREATE FUNCTION invitations_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_member(m.id) FROM members m WHERE m.id = NEW.member_id AND m.invitation_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER invitations_changed AFTER UPDATE OF state, expires_at ON invitations FOR EACH ROW EXECUTE FUNCTION invitations_changed();

CREATE FUNCTION decisions_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_member(CASE WHEN TG_OP = 'DELETE' THEN OLD.member_id ELSE NEW.member_id END);
    RETURN NULL;
END $$;
CREATE TRIGGER decisions_changed AFTER INSERT OR UPDATE OF outcome OR DELETE ON decisions
    FOR EACH ROW EXECUTE FUNCTION decisions_changed();

-- Nearly every mail is written and sent without anything to change in the row, which is then not touched.
CREATE FUNCTION outbox_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM refresh_member(m.id) FROM members m WHERE m.id = NEW.member_id AND (m.mail_trouble OR NEW.state = 'refused');
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM refresh_member(m.id) FROM members m WHERE m.id = OLD.member_id AND m.state = 'invited';
    ELSIF OLD.state <> NEW.state AND 'refused' IN (OLD.state, NEW.state) THEN
        PERFORM refresh_member(NEW.member_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_written AFTER INSERT ON outbox FOR EACH ROW WHEN (NEW.kind = 'invitation') EXECUTE FUNCTION outbox_changed();
CREATE TRIGGER outbox_changed AFTER UPDATE OF state ON outbox FOR EACH ROW WHEN (NEW.kind = 'invitation') EXECUTE FUNCTION outbox_changed();
CREATE TRIGGER outbox_deleted AFTER DELETE ON outbox FOR EACH ROW WHEN (OLD.kind = 'invitation') EXECUTE FUNCTION outbox_changed();

CREATE FUNCTION member_permissions_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE members SET has_extras = TRUE WHERE id = NEW.member_id AND NOT has_extras;
    ELSE
        UPDATE members SET has_extras = EXISTS (SELECT 1 FROM member_permissions p WHERE p.member_id = OLD.member_id) WHERE id = OLD.member_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER member_permissions_changed AFTER INSERT OR DELETE ON member_permissions
    FOR EACH ROW EXECUTE FUNCTION member_permissions_changed();

CREATE FUNCTION roles_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM member_counts WHERE account_id = OLD.account_id AND role_key = OLD.key;
    RETURN NULL;
END $$;
CREATE TRIGGER roles_deleted AFTER DELETE ON roles FOR EACH ROW EXECUTE FUNCTION roles_deleted();

-- One index range for each filter and each order.
CREATE INDEX members_listed_by_name ON members (account_id, name_sort, id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_listed_by_activity ON members (account_id, COALESCE(last_active_at, 0), id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_listed_by_invited ON members (account_id, invited_at, id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_status_by_name ON members (account_id, status, name_sort, id) WHERE purged_at IS NULL;
CREATE INDEX members_status_by_activity ON members (account_id, status, COALESCE(last_active_at, 0), id) WHERE purged_at IS NULL;
CREATE INDEX members_status_by_invited ON members (account_id, status, invited_at, id) WHERE purged_at IS NULL;
CREATE INDEX members_role_by_name ON members (account_id, role_key, name_sort, id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_role_by_activity ON members (account_id, role_key, COALESCE(last_active_at, 0), id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_role_by_invited ON members (account_id, role_key, invited_at, id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_method_by_name ON members (account_id, login_method_id, name_sort, id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_method_by_activity ON members (account_id, login_method_id, COALESCE(last_active_at, 0), id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_method_by_invited ON members (account_id, login_method_id, invited_at, id) WHERE purged_at IS NULL AND state <> 'removed';
CREATE INDEX members_attention_by_name ON members (account_id, name_sort, id) WHERE attention AND purged_at IS NULL;
CREATE INDEX members_attention_by_activity ON members (account_id, COALESCE(last_active_at, 0), id) WHERE attention AND purged_at IS NULL;
CREATE INDEX members_attention_by_invited ON members (account_id, invited_at, id) WHERE attention AND purged_at IS NULL;
CREATE INDEX members_mail_trouble_by_name ON members (account_id, name_sort, id) WHERE mail_trouble AND purged_at IS NULL;
CREATE INDEX members_mail_trouble_by_activity ON members (account_id, COALESCE(last_active_at, 0), id) WHERE mail_trouble AND purged_at IS NULL;
CREATE INDEX members_mail_trouble_by_invited ON members (account_id, invited_at, id) WHERE mail_trouble AND purged_at IS NULL;
CREATE INDEX members_extras_by_name ON members (account_id, name_sort, id) WHERE has_extras AND purged_at IS NULL;
CREATE INDEX members_extras_by_activity ON members (account_id, COALESCE(last_active_at, 0), id) WHERE has_extras AND purged_at IS NULL;
CREATE INDEX members_extras_by_invited ON members (account_id, invited_at, id) WHERE has_extras AND purged_at IS NULL;
CREATE INDEX members_lapsing ON members (account_id, lapses_at) WHERE lapses_at IS NOT NULL;
-- The owners of an account, who are counted at many a turn.
CREATE INDEX members_owners ON members (account_id, id) WHERE role_key = 'owner' AND state = 'active';
DROP INDEX members_by_name;
DROP INDEX members_by_name_sort;
DROP INDEX members_by_activity;
