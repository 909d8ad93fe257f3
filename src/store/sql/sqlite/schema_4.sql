-- What numbers were used for within the last day: requests and dials, which have limits.

CREATE TABLE number_use (
    queue  TEXT NOT NULL,
    number TEXT NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('request', 'dial')),
    at     INTEGER NOT NULL,
    PRIMARY KEY (queue, number, kind, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_use_at ON number_use (at);

PRAGMA user_version = 4;
