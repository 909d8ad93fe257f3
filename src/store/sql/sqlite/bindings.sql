SELECT * FROM binding ORDER BY user, contact
