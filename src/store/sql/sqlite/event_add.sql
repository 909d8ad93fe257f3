INSERT INTO event (step, at, interaction, row, stage, agent, attempt, position, ewt_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
