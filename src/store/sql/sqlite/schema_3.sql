-- Call records: one row a leg, and where people stood when a callback was offered and answered.

ALTER TABLE event ADD COLUMN position INTEGER;   -- in its queue, 1 is next
ALTER TABLE event ADD COLUMN ewt_ms INTEGER;     -- the wait estimated

-- Legs that ended. Its interaction may have no row: not every call comes to a queue.
CREATE TABLE leg (
    id          TEXT NOT NULL UNIQUE,
    interaction TEXT,
    direction   TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    party       TEXT NOT NULL CHECK (party IN ('caller', 'consumer', 'agent', 'third')),
    agent       TEXT,
    started_at  INTEGER NOT NULL,
    answered_at INTEGER,
    ended_at    INTEGER NOT NULL,
    ended_by    TEXT NOT NULL CHECK (ended_by IN ('peer', 'us', 'lost')),
    status      INTEGER,         -- the SIP response that ended it
    CHECK ((party = 'agent') = (agent IS NOT NULL))
) STRICT;
CREATE INDEX leg_of_interaction ON leg (interaction);

-- Who asked never to be called: HMAC-SHA-256 of the address, under a key of the secrets.
CREATE TABLE never_call (
    hash  BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 3;
