-- Lets go of the agent first: within one step an agent may pass from one interaction to another.
UPDATE interaction SET stage = 'waiting', agent = NULL WHERE id = ?1 AND agent IS NOT NULL
