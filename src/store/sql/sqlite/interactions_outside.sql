SELECT id, state, reason, attempts_used, data FROM interaction ORDER BY created_at, id
