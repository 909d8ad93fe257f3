SELECT * FROM number_use WHERE at > (SELECT now FROM meta) - 86400000
ORDER BY queue, length(number), number, kind DESC, at
