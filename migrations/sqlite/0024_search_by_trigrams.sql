-- Finds the rows whose search key holds a fragment by the fragment's trigrams, and not by looking through all of them. PostgreSQL has an index
-- for it; on SQLite triggers keep a full-text table beside the rows, which have no number of their own.
CREATE TABLE member_search_rows (
    id        INTEGER NOT NULL PRIMARY KEY,
    member_id BLOB NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE member_search USING fts5 (search_key, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1');
INSERT INTO member_search_rows (member_id) SELECT id FROM members;
INSERT INTO member_search (rowid, search_key)
SELECT r.id, m.search_key FROM member_search_rows r JOIN members m ON m.id = r.member_id;

CREATE TRIGGER members_search_inserted AFTER INSERT ON members BEGIN
    INSERT INTO member_search_rows (member_id) VALUES (NEW.id);
    INSERT INTO member_search (rowid, search_key) SELECT id, NEW.search_key FROM member_search_rows WHERE member_id = NEW.id;
END;
CREATE TRIGGER members_search_changed AFTER UPDATE OF search_key ON members WHEN OLD.search_key <> NEW.search_key BEGIN
    DELETE FROM member_search WHERE rowid = (SELECT id FROM member_search_rows WHERE member_id = NEW.id);
    INSERT INTO member_search (rowid, search_key) SELECT id, NEW.search_key FROM member_search_rows WHERE member_id = NEW.id;
END;
CREATE TRIGGER members_search_deleted AFTER DELETE ON members BEGIN
    DELETE FROM member_search WHERE rowid = (SELECT id FROM member_search_rows WHERE member_id = OLD.id);
    DELETE FROM member_search_rows WHERE member_id = OLD.id;
END;

-- Rows that the job which writes keys has not come to yet.
CREATE INDEX members_without_keys ON members (account_id) WHERE search_key = '' AND purged_at IS NULL;
