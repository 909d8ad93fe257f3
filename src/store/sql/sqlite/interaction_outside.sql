SELECT id, state, reason, attempts_used, data FROM interaction WHERE id = ?1
