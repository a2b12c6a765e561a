-- Does the live configuration allow invitations without an identifier (R67)? A copy, so that the list need not read configurations.
ALTER TABLE login_methods ADD COLUMN first_sign_in BOOLEAN NOT NULL DEFAULT FALSE;
