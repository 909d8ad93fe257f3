-- The open ones after ?1, ?2 at most, as one value: there may be many, and each value that is read
-- costs more than its text.
SELECT max(id) AS last, json_group_array(json_object(
    'id', id, 'queue', queue, 'origin', origin, 'skills', skills, 'priority', priority,
    'arrival', arrival, 'sequence', sequence, 'stage', stage, 'agent', agent,
    'not_before', not_before, 'deadline', deadline, 'asked', asked, 'address', address,
    'node', node, 'caller_leg', caller_leg, 'attempts_used', attempts_used,
    'failures', failures, 'attempts_made', attempts_made, 'postponed', postponed,
    'created_at', created_at, 'purge_at', purge_at, 'close_at', close_at,
    'missed_by', missed_by, 'ended_at', ended_at, 'due_at', due_at, 'menu_until', menu_until,
    'share_until', share_until, 'leave_at', leave_at, 'notify', notify, 'upcoming', upcoming,
    'called_in', called_in, 'last_contact', last_contact, 'told_at', told_at,
    'told_ms', told_ms, 'connected_at', connected_at, 'called', called, 'data', data,
    'requested_at', requested_at, 'accepted', accepted
)) AS rows
FROM (SELECT * FROM interaction WHERE outcome IS NULL AND id > ?1 ORDER BY id LIMIT ?2)
