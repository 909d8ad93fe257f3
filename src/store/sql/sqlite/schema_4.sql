-- What numbers were used for within the last day: requests and dials, which have limits.

CREATE TABLE number_use (
    queue  TEXT NOT NULL,
    number TEXT NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('request', 'dial')),
    at     INTEGER NOT NULL,
    PRIMARY KEY (queue, number, kind, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_use_at ON number_use (at);

-- What came with calls and requests.
ALTER TABLE interaction ADD COLUMN called TEXT;       -- the number that the caller called
ALTER TABLE interaction ADD COLUMN data TEXT;         -- what the app attached, a JSON object
ALTER TABLE call_in_request ADD COLUMN data TEXT;
ALTER TABLE attempt ADD COLUMN caller TEXT;           -- the number shown as the caller,
ALTER TABLE attempt ADD COLUMN display_name TEXT NOT NULL DEFAULT '';   -- and the name

PRAGMA user_version = 4;
