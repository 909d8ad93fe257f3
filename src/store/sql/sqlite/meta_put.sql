UPDATE meta SET step = ?1, now = max(now, ?2)
