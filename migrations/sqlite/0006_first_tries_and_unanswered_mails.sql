-- When a mail was first tried: its patience begins then, not when it was written, since limits may put it off for days.
ALTER TABLE outbox ADD COLUMN first_tried_at INTEGER;
-- How many times its whole text was handed over without an answer that is known, and when this was last: it may have arrived.
ALTER TABLE outbox ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN unanswered_at INTEGER;
