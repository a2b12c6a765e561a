-- When a suspended member was reactivated: API keys of before stay dead (R41).
ALTER TABLE members ADD COLUMN reactivated_at INTEGER;
