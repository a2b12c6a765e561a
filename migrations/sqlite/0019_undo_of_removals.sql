-- What a removed member was, so that a removal can be undone for a while (R64).
ALTER TABLE members ADD COLUMN removed_from TEXT CHECK (removed_from IN ('invited', 'active', 'suspended'));
