-- Lets go of the interaction first: see interaction_release.sql.
UPDATE agent SET state = 'ready', engaged = NULL WHERE id = ?1 AND engaged IS NOT NULL
