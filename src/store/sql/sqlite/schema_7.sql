-- When a callback was asked for: by a caller on the line later than the call came. Of those that waited
-- at the upgrade it is not known, and taken for when they came.
ALTER TABLE interaction ADD COLUMN requested_at INTEGER NOT NULL DEFAULT 0;
UPDATE interaction SET requested_at = created_at WHERE outcome IS NULL;

-- How often a callback that was pushed was accepted.
ALTER TABLE interaction ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 7;
