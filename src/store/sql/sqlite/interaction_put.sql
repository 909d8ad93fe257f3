INSERT INTO interaction (
    id, queue, origin, skills, priority, arrival, sequence, stage, agent, not_before, outcome,
    last_class, state, reason, deadline, asked, address, node, caller_leg, attempts_used,
    attempts_made, postponed, created_at, purge_at, close_at, missed_by, ended_at, due_at,
    menu_until, share_until, leave_at, notify, upcoming, called_in, last_contact, told_at, told_ms,
    connected_at, called, data, failures, requested_at, accepted
) VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
    ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
    ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28,
    ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37,
    ?38, ?39, ?40, ?41, ?42, ?43
)
ON CONFLICT (id) DO UPDATE SET
    queue = excluded.queue, origin = excluded.origin, skills = excluded.skills,
    priority = excluded.priority, arrival = excluded.arrival, sequence = excluded.sequence,
    stage = excluded.stage, agent = excluded.agent, not_before = excluded.not_before,
    outcome = excluded.outcome, last_class = excluded.last_class, state = excluded.state,
    reason = excluded.reason, deadline = excluded.deadline, asked = excluded.asked,
    address = excluded.address, node = excluded.node, caller_leg = excluded.caller_leg,
    attempts_used = excluded.attempts_used, attempts_made = excluded.attempts_made,
    postponed = excluded.postponed, created_at = excluded.created_at,
    purge_at = excluded.purge_at, close_at = excluded.close_at,
    missed_by = excluded.missed_by, ended_at = excluded.ended_at, due_at = excluded.due_at,
    menu_until = excluded.menu_until, share_until = excluded.share_until,
    leave_at = excluded.leave_at, notify = excluded.notify, upcoming = excluded.upcoming,
    called_in = excluded.called_in, last_contact = excluded.last_contact,
    told_at = excluded.told_at, told_ms = excluded.told_ms, connected_at = excluded.connected_at,
    called = excluded.called, data = excluded.data, failures = excluded.failures,
    requested_at = excluded.requested_at, accepted = excluded.accepted
