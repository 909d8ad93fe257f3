SELECT id, direction, party, agent, started_at, answered_at, ended_at, ended_by, status
FROM leg WHERE interaction = ?1 ORDER BY rowid
