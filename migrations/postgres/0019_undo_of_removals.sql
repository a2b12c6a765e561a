-- What a removed member was, so that a removal can be undone for a while, and when it was: sessions of before do not return (R64).
ALTER TABLE members ADD COLUMN removed_from TEXT CHECK (removed_from IN ('invited', 'active', 'suspended'));
ALTER TABLE members ADD COLUMN readmitted_at BIGINT;
