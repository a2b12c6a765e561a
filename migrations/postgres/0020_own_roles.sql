-- What it takes to change and delete the roles of an account's own. A deleted role keeps its row: removed members still name it.
ALTER TABLE roles ADD COLUMN name_key TEXT COLLATE "C";
ALTER TABLE roles ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE roles ADD COLUMN changed_at BIGINT;
ALTER TABLE roles ADD COLUMN changed_by UUID REFERENCES members (id);
ALTER TABLE roles ADD COLUMN removed_at BIGINT;
CREATE UNIQUE INDEX roles_one_a_name ON roles (account_id, name_key) WHERE name_key IS NOT NULL AND removed_at IS NULL;
CREATE INDEX roles_by_changer ON roles (changed_by) WHERE changed_by IS NOT NULL;

-- Who has a role, and who has a permission on top of theirs.
CREATE INDEX members_by_role ON members (account_id, role_key, state, id);
CREATE INDEX member_permissions_by_permission ON member_permissions (account_id, permission, member_id);
