-- What survives. Times are UTC milliseconds since 1970; ids are UUIDs as text; names are stable.
-- A line that enforces an invariant names it.

CREATE TABLE meta (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    step INTEGER NOT NULL,  -- the last committed step
    now  INTEGER NOT NULL   -- the clock of the queue after it
) STRICT;
INSERT INTO meta (one, step, now) VALUES (1, 0, 0);

CREATE TABLE interaction (
    id            TEXT PRIMARY KEY NOT NULL,
    queue         TEXT NOT NULL,
    origin        TEXT NOT NULL,
    skills        TEXT NOT NULL,
    priority      INTEGER NOT NULL,
    arrival       INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    stage         TEXT NOT NULL,
    agent         TEXT,              -- who is alerted or talks
    not_before    INTEGER,           -- of a virtual one: not dialled earlier
    outcome       TEXT,              -- of a done one
    last_class    TEXT,              -- how its last attempt ended, if that was the outcome
    state         TEXT NOT NULL,     -- the state as told outside
    reason        TEXT,              -- the reason as told outside
    deadline      INTEGER,
    asked         INTEGER NOT NULL CHECK (asked IN (0, 1)),
    address       TEXT,
    node          TEXT,
    caller_leg    INTEGER NOT NULL CHECK (caller_leg IN (0, 1)),
    attempts_used INTEGER NOT NULL,
    attempts_made INTEGER NOT NULL,
    postponed     INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    purge_at      INTEGER,
    close_at      INTEGER,
    missed_by     TEXT NOT NULL,     -- agents, one a line
    ended_at      INTEGER,
    CHECK ((stage = 'done') = (outcome IS NOT NULL)),
    CHECK ((stage IN ('alerting', 'bridged')) = (agent IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX interaction_open ON interaction (id) WHERE outcome IS NULL;
-- agent_engaged_once
CREATE UNIQUE INDEX agent_engaged_once ON interaction (agent) WHERE agent IS NOT NULL;
-- outcome_once
CREATE TRIGGER outcome_once BEFORE UPDATE ON interaction
WHEN OLD.outcome IS NOT NULL AND (
    NEW.outcome IS NOT OLD.outcome
    OR NEW.last_class IS NOT OLD.last_class
    OR NEW.ended_at IS NOT OLD.ended_at
)
BEGIN
    SELECT RAISE(ABORT, 'outcome_once: an interaction that is done has its outcome for good');
END;
-- nothing_lost
CREATE TRIGGER nothing_lost BEFORE DELETE ON interaction WHEN OLD.outcome IS NULL
BEGIN
    SELECT RAISE(ABORT, 'nothing_lost: an interaction without an outcome is not deleted');
END;

CREATE TABLE attempt (
    interaction TEXT NOT NULL REFERENCES interaction (id),
    serial      INTEGER NOT NULL CHECK (serial >= 1),
    queue       TEXT NOT NULL,
    route       TEXT NOT NULL,       -- 'registrar' or 'trunk:NAME'
    address     TEXT NOT NULL,
    charged_to  TEXT,
    node        TEXT,
    started_at  INTEGER NOT NULL,
    answered_at INTEGER,
    ending      TEXT,                -- why we end its leg, once we do
    deadline    INTEGER,
    ended_at    INTEGER,
    class       TEXT,
    PRIMARY KEY (interaction, serial)
) STRICT, WITHOUT ROWID;
-- attempt_open_once
CREATE UNIQUE INDEX attempt_open_once ON attempt (interaction) WHERE ended_at IS NULL;

CREATE TABLE agent (
    id              TEXT PRIMARY KEY NOT NULL,
    skills          TEXT NOT NULL,   -- 'name=level', one a line
    skills_changed  INTEGER NOT NULL CHECK (skills_changed IN (0, 1)),
    state           TEXT NOT NULL,   -- 'ready', 'not-ready:REASON', ...
    engaged         TEXT,            -- the interaction alerted for or talked to
    since           INTEGER NOT NULL,
    deadline        INTEGER,
    after_call      TEXT,            -- 'log-out' or 'not-ready:REASON'
    misses          INTEGER NOT NULL,
    contact_checked INTEGER NOT NULL CHECK (contact_checked IN (0, 1)),
    CHECK ((state IN ('alerting', 'talking')) = (engaged IS NOT NULL))
) STRICT, WITHOUT ROWID;
-- agent_and_interaction_agree, from the other side
CREATE UNIQUE INDEX interaction_engaged_once ON agent (engaged) WHERE engaged IS NOT NULL;

CREATE TABLE binding (
    user       TEXT NOT NULL,
    contact    TEXT NOT NULL,
    address    TEXT NOT NULL,
    call_id    TEXT NOT NULL,
    cseq       INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user, contact)
) STRICT, WITHOUT ROWID;

-- The trail: one row for each row of the state table that was taken.
CREATE TABLE event (
    id          INTEGER PRIMARY KEY,
    step        INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    interaction TEXT NOT NULL,
    row         TEXT NOT NULL,
    stage       TEXT NOT NULL,
    agent       TEXT,
    attempt     INTEGER
) STRICT;
CREATE INDEX event_of_interaction ON event (interaction);

PRAGMA application_id = 0x5267426b; -- "RgBk": ours
PRAGMA user_version = 1;
