INSERT INTO call_in_request (
    id, call_group, sequence, number, code, ani, interaction, created_at, expires_at, ended_at,
    ended, data
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (id) DO UPDATE SET
    call_group = excluded.call_group, sequence = excluded.sequence, number = excluded.number,
    code = excluded.code, ani = excluded.ani, interaction = excluded.interaction,
    created_at = excluded.created_at, expires_at = excluded.expires_at,
    ended_at = excluded.ended_at, ended = excluded.ended, data = excluded.data
