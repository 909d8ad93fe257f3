INSERT INTO binding (user, contact, address, call_id, cseq, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
