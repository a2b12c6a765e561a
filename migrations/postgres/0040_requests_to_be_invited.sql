-- Somebody who was signed in with another address than the invited one asks to be invited by it: a decision without a provider. The address is the
-- user's, and is read there.
ALTER TABLE decisions ADD COLUMN asked_by UUID REFERENCES users (id);
CREATE INDEX decisions_by_asker ON decisions (asked_by) WHERE asked_by IS NOT NULL;
