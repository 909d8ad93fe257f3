INSERT INTO event (step, at, interaction, row, stage, agent, attempt)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
