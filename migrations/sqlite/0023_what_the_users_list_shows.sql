-- What the Users list shows, filters and counts by stands in the member's row, so that a page costs the same in an account of any size. Triggers
-- keep it: whatever writes the tables below, an older release beside this one included, leaves it right.

-- The state that the list shows; 'expired' once it was noticed that the time was up.
ALTER TABLE members ADD COLUMN status TEXT NOT NULL DEFAULT 'invited';
-- When 'invited' becomes 'expired' by time alone.
ALTER TABLE members ADD COLUMN lapses_at INTEGER;
-- Did the mail of an invitation that awaits an answer come to nothing?
ALTER TABLE members ADD COLUMN mail_trouble BOOLEAN NOT NULL DEFAULT FALSE;
-- Has an admin something to do? Login methods that are switched off are not in it: they concern all of their people at once.
ALTER TABLE members ADD COLUMN attention BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE members ADD COLUMN has_extras BOOLEAN NOT NULL DEFAULT FALSE;

-- How many rows there are of each kind. It is changed with the rows, under the lock of their account.
CREATE TABLE member_counts (
    account_id      BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role_key        TEXT NOT NULL,
    login_method_id BLOB NOT NULL,
    status          TEXT NOT NULL,
    people          INTEGER NOT NULL,
    mail_trouble    INTEGER NOT NULL,
    attention       INTEGER NOT NULL,
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

UPDATE members
   SET (status, lapses_at, mail_trouble, attention) =
       (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id),
       has_extras = EXISTS (SELECT 1 FROM member_permissions p WHERE p.member_id = members.id);
INSERT INTO member_counts (account_id, role_key, login_method_id, status, people, mail_trouble, attention)
SELECT account_id, role_key, login_method_id, status, COUNT(*), SUM(mail_trouble), SUM(attention)
  FROM members WHERE purged_at IS NULL GROUP BY account_id, role_key, login_method_id, status;

CREATE TRIGGER members_inserted AFTER INSERT ON members BEGIN
    INSERT INTO member_counts VALUES (NEW.account_id, NEW.role_key, NEW.login_method_id, NEW.status, 1, NEW.mail_trouble, NEW.attention)
        ON CONFLICT (account_id, role_key, login_method_id, status) DO UPDATE
        SET people = people + 1, mail_trouble = mail_trouble + NEW.mail_trouble, attention = attention + NEW.attention;
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.id;
END;
CREATE TRIGGER members_changed AFTER UPDATE OF state, invitation_id, login_method_id, identifier ON members BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.id;
END;
CREATE TRIGGER members_counted AFTER UPDATE OF role_key, login_method_id, status, mail_trouble, attention, purged_at ON members
WHEN (OLD.role_key, OLD.login_method_id, OLD.status, OLD.mail_trouble, OLD.attention, OLD.purged_at)
     IS NOT (NEW.role_key, NEW.login_method_id, NEW.status, NEW.mail_trouble, NEW.attention, NEW.purged_at) BEGIN
    INSERT INTO member_counts
    SELECT OLD.account_id, OLD.role_key, OLD.login_method_id, OLD.status, -1, -OLD.mail_trouble, -OLD.attention WHERE OLD.purged_at IS NULL
        ON CONFLICT (account_id, role_key, login_method_id, status) DO UPDATE
        SET people = people - 1, mail_trouble = mail_trouble - OLD.mail_trouble, attention = attention - OLD.attention;
    INSERT INTO member_counts
    SELECT NEW.account_id, NEW.role_key, NEW.login_method_id, NEW.status, 1, NEW.mail_trouble, NEW.attention WHERE NEW.purged_at IS NULL
        ON CONFLICT (account_id, role_key, login_method_id, status) DO UPDATE
        SET people = people + 1, mail_trouble = mail_trouble + NEW.mail_trouble, attention = attention + NEW.attention;
END;
CREATE TRIGGER members_deleted AFTER DELETE ON members WHEN OLD.purged_at IS NULL BEGIN
    UPDATE member_counts
       SET people = people - 1, mail_trouble = mail_trouble - OLD.mail_trouble, attention = attention - OLD.attention
     WHERE account_id = OLD.account_id AND role_key = OLD.role_key AND login_method_id = OLD.login_method_id AND status = OLD.status;
END;
CREATE TRIGGER invitations_changed AFTER UPDATE OF state, expires_at ON invitations BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.member_id AND invitation_id = NEW.id;
END;
CREATE TRIGGER decisions_opened AFTER INSERT ON decisions BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.member_id;
END;
CREATE TRIGGER decisions_changed AFTER UPDATE OF outcome ON decisions BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.member_id;
END;
CREATE TRIGGER decisions_deleted AFTER DELETE ON decisions WHEN OLD.outcome IS NULL BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = OLD.member_id;
END;
CREATE TRIGGER outbox_written AFTER INSERT ON outbox WHEN NEW.kind = 'invitation' BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.member_id AND (mail_trouble OR NEW.state = 'refused');
END;
CREATE TRIGGER outbox_changed AFTER UPDATE OF state ON outbox
WHEN NEW.kind = 'invitation' AND OLD.state <> NEW.state AND 'refused' IN (OLD.state, NEW.state) BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = NEW.member_id;
END;
CREATE TRIGGER outbox_deleted AFTER DELETE ON outbox WHEN OLD.kind = 'invitation' BEGIN
    UPDATE members
       SET (status, lapses_at, mail_trouble, attention) =
           (SELECT s.status, s.lapses_at, s.mail_trouble, s.attention FROM member_statuses s WHERE s.id = members.id)
     WHERE id = OLD.member_id AND state = 'invited';
END;
CREATE TRIGGER member_permissions_added AFTER INSERT ON member_permissions BEGIN
    UPDATE members SET has_extras = TRUE WHERE id = NEW.member_id AND NOT has_extras;
END;
CREATE TRIGGER member_permissions_taken AFTER DELETE ON member_permissions BEGIN
    UPDATE members SET has_extras = EXISTS (SELECT 1 FROM member_permissions p WHERE p.member_id = OLD.member_id) WHERE id = OLD.member_id;
END;
CREATE TRIGGER roles_deleted AFTER DELETE ON roles BEGIN
    DELETE FROM member_counts WHERE account_id = OLD.account_id AND role_key = OLD.key;
END;

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
