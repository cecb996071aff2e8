-- Mean number of faces by device and hour.
SELECT device, date_trunc('hour', time) AS hour, round(avg((line->>'$.faces.mean')::DOUBLE), 2) AS faces
FROM events
WHERE type = 'audience'
GROUP BY ALL
ORDER BY ALL;
