-- Appointments, consumers who call in, and what is told of a call.

ALTER TABLE interaction ADD COLUMN due_at INTEGER;        -- of an appointment: not dialled earlier
ALTER TABLE interaction ADD COLUMN menu_until INTEGER;    -- its consumer calls in and chooses
ALTER TABLE interaction ADD COLUMN share_until INTEGER;   -- counts against the pacing of pushes
ALTER TABLE interaction ADD COLUMN leave_at INTEGER;      -- whoever is on the line is led away
ALTER TABLE interaction ADD COLUMN notify INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1));
ALTER TABLE interaction ADD COLUMN upcoming INTEGER NOT NULL DEFAULT 0 CHECK (upcoming IN (0, 1));
ALTER TABLE interaction ADD COLUMN called_in INTEGER NOT NULL DEFAULT 0
    CHECK (called_in IN (0, 1));
ALTER TABLE interaction ADD COLUMN last_contact INTEGER;
ALTER TABLE interaction ADD COLUMN told_at INTEGER;       -- when an estimate was told,
ALTER TABLE interaction ADD COLUMN told_ms INTEGER;       -- and which, in milliseconds
ALTER TABLE interaction ADD COLUMN connected_at INTEGER;  -- when an agent answered

ALTER TABLE agent ADD COLUMN alerted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN calls_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN handling_queue TEXT;         -- of the call being measured
ALTER TABLE agent ADD COLUMN handling_since INTEGER;

-- What the estimates of a queue are made from.
CREATE TABLE history (
    queue       TEXT PRIMARY KEY NOT NULL,
    handled     TEXT NOT NULL,   -- 'ended_at_ms took_ms', one a line
    distributed TEXT NOT NULL    -- 'at_ms', one a line
) STRICT, WITHOUT ROWID;

-- Call-In requests. Of a code its keyed hash alone is kept.
CREATE TABLE call_in_request (
    id          TEXT PRIMARY KEY NOT NULL,
    call_group  TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    number      TEXT NOT NULL,
    code        BLOB,
    ani         TEXT,
    interaction TEXT REFERENCES interaction (id),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    ended       TEXT,
    CHECK ((ended IS NULL) = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;
-- code_single_use: the codes outstanding of a number are distinct
CREATE UNIQUE INDEX code_single_use ON call_in_request (number, code)
WHERE code IS NOT NULL AND ended IS NULL;
CREATE INDEX call_in_request_youngest ON call_in_request (call_group, sequence);

PRAGMA user_version = 2;
