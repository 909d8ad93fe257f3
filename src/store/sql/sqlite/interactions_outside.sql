SELECT id, state, reason, attempts_used FROM interaction ORDER BY created_at, id
