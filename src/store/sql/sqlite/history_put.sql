INSERT INTO history (queue, handled, distributed) VALUES (?1, ?2, ?3)
ON CONFLICT (queue) DO UPDATE SET
    handled = excluded.handled, distributed = excluded.distributed
