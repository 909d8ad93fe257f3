SELECT * FROM history ORDER BY queue
