-- Does the live configuration allow invitations without an identifier (R67)? A copy, so that the list need not read configurations.
ALTER TABLE login_methods ADD COLUMN first_sign_in BOOLEAN NOT NULL DEFAULT FALSE;

-- Somebody who is invited so lacks no identifier: it is to come.
CREATE OR REPLACE VIEW member_statuses AS
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
                   SELECT 1 FROM login_methods l WHERE l.id = m.login_method_id AND l.kind = 'oauth'
                      AND NOT (l.first_sign_in AND m.state = 'invited'))) AS lacks_identifier
          FROM members m LEFT JOIN invitations i ON i.id = m.invitation_id) s;
CREATE FUNCTION login_methods_opened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_member(m.id) FROM members m
      WHERE m.account_id = NEW.account_id AND m.login_method_id = NEW.id AND m.identifier IS NULL AND m.state = 'invited';
    RETURN NULL;
END $$;
CREATE TRIGGER login_methods_opened AFTER UPDATE OF first_sign_in ON login_methods FOR EACH ROW
    WHEN (OLD.first_sign_in <> NEW.first_sign_in) EXECUTE FUNCTION login_methods_opened();
