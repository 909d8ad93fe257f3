INSERT INTO never_call (hash, since) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING
