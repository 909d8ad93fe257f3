INSERT INTO leg (
    id, interaction, direction, party, agent, started_at, answered_at, ended_at, ended_by, status
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
