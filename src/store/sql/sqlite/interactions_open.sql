SELECT * FROM interaction WHERE outcome IS NULL ORDER BY id
