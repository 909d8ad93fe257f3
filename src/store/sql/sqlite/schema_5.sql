-- How the attempts ended that count: `busy:1 no-answer:2`. Of those that were made before this schema
-- their number is kept, and all are taken for such as nobody answered: which of them count cannot be
-- told from how their legs ended.
ALTER TABLE interaction ADD COLUMN failures TEXT NOT NULL DEFAULT '';
UPDATE interaction SET failures = 'no-answer:' || attempts_used
WHERE attempts_used > 0 AND outcome IS NULL;

PRAGMA user_version = 5;
