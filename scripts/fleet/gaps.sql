-- Lines that were lost, by device and run: the numbers of a run have no gap.
SELECT device, run, max(seq) + 1 AS sent, count(*) AS stored, max(seq) + 1 - count(*) AS missing
FROM events
GROUP BY ALL
HAVING missing > 0
ORDER BY ALL;
