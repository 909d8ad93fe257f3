DELETE FROM binding WHERE user = ?1
