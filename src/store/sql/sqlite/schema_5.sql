-- How the attempts ended that count: `busy:1 no-answer:2`. Of those that were made before this schema
-- only their number is known; they are taken for such as nobody answered.
ALTER TABLE interaction ADD COLUMN failures TEXT NOT NULL DEFAULT '';
UPDATE interaction SET failures = 'no-answer:' || attempts_used WHERE attempts_used > 0;

PRAGMA user_version = 5;
