INSERT INTO agent (
    id, skills, skills_changed, state, engaged, since, deadline, after_call, misses,
    contact_checked, alerted_at, answered, handling_queue, handling_since
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
ON CONFLICT (id) DO UPDATE SET
    skills = excluded.skills, skills_changed = excluded.skills_changed, state = excluded.state,
    engaged = excluded.engaged, since = excluded.since, deadline = excluded.deadline,
    after_call = excluded.after_call, misses = excluded.misses,
    contact_checked = excluded.contact_checked, alerted_at = excluded.alerted_at,
    answered = excluded.answered,
    handling_queue = excluded.handling_queue, handling_since = excluded.handling_since
