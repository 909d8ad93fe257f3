SELECT hash FROM never_call ORDER BY hash
