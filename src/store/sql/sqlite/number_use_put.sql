INSERT INTO number_use (queue, number, kind, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
