-- As one value: see interactions_open.sql.
SELECT json_group_array(json_array(queue, number, kind, at)) AS rows FROM (
    SELECT queue, number, kind, at FROM number_use WHERE at > (SELECT now FROM meta) - 86400000
    ORDER BY queue, length(number), number, kind DESC, at
)
