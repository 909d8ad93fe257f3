INSERT INTO attempt (
    interaction, serial, queue, route, address, charged_to, node, started_at, answered_at, ending,
    deadline, ended_at, class, caller, display_name
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
ON CONFLICT (interaction, serial) DO UPDATE SET
    queue = excluded.queue, route = excluded.route, address = excluded.address,
    charged_to = excluded.charged_to, node = excluded.node, started_at = excluded.started_at,
    answered_at = excluded.answered_at, ending = excluded.ending, deadline = excluded.deadline,
    ended_at = excluded.ended_at, class = excluded.class,
    caller = excluded.caller, display_name = excluded.display_name
