-- What the Users list sorts and searches by, computed from name and address by Roster (server/src/collation.rs). Rows that are older have
-- nothing here until the job behind `roster serve` has come to them.
ALTER TABLE members ADD COLUMN name_sort BYTEA NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX members_by_name_sort ON members (account_id, name_sort, id);

-- Work that one instance at a time does, and until when the one that took it may go on.
CREATE TABLE job_leases (
    job          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    leased_until BIGINT NOT NULL
);
