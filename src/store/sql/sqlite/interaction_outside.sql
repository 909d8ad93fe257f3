SELECT id, state, reason, attempts_used FROM interaction WHERE id = ?1
