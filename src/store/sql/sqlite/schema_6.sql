-- The calls that an agent answered lately, by the quarter of an hour since 1970: `1983480:2 1983484:1`.
-- Those of the day of the upgrade, which were counted by the day of one zone, count no more.
ALTER TABLE agent ADD COLUMN answered TEXT NOT NULL DEFAULT '';
ALTER TABLE agent DROP COLUMN calls;
ALTER TABLE agent DROP COLUMN calls_day;

PRAGMA user_version = 6;
