-- The emotion that was shown most between two markers, by device. A marker begins a scene.
WITH scenes AS (
    SELECT device, run, time AS start, line->>'$.label' AS scene,
        lead(time) OVER (PARTITION BY device, run ORDER BY seq) AS stop
    FROM events
    WHERE type = 'marker'
), shares AS (
    SELECT events.device, scene, unnest(json_keys(line, '$.emotions')) AS emotion, line
    FROM events
    JOIN scenes ON events.device = scenes.device AND events.run = scenes.run
        AND time >= start AND (stop IS NULL OR time < stop)
    WHERE type = 'audience' AND (line->>'$.dominant') IS NOT NULL
), means AS (
    SELECT device, scene, emotion, avg((line->>('$.emotions.' || emotion))::DOUBLE) AS share
    FROM shares
    GROUP BY ALL
)
SELECT device, scene, arg_max(emotion, share) AS emotion, round(max(share), 2) AS share
FROM means
GROUP BY ALL
ORDER BY ALL;
