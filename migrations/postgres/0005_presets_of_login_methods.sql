-- The preset that a login method began as, so that its form is the right one before anything is saved.
ALTER TABLE login_methods ADD COLUMN preset TEXT;
