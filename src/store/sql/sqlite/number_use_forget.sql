DELETE FROM number_use WHERE at <= ?1
