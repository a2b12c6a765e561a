-- The login method that the member had proved when the key was made or taken over: by another one, or once the method is gone, the key is dead.
ALTER TABLE api_keys ADD COLUMN login_method_id UUID REFERENCES login_methods (id) ON DELETE SET NULL;
UPDATE api_keys SET login_method_id = (SELECT m.login_method_id FROM members m WHERE m.id = api_keys.member_id);
CREATE INDEX api_keys_by_login_method ON api_keys (login_method_id);

-- How many answers a key has kept is counted whenever another one is to be kept.
CREATE INDEX api_answers_by_key_and_age ON api_answers (key_id, created_at);
