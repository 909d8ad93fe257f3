SELECT * FROM attempt WHERE ended_at IS NULL ORDER BY interaction
