DELETE FROM number_use WHERE queue = ?1 AND number = ?2 AND kind = ?3 AND at = ?4
