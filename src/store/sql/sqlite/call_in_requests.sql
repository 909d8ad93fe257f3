-- Those outstanding, and the youngest of each group: the numbers go round after its own.
SELECT * FROM call_in_request AS request
WHERE ended IS NULL OR sequence = (
    SELECT max(sequence) FROM call_in_request WHERE call_group = request.call_group
)
ORDER BY id
