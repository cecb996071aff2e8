CREATE TABLE IF NOT EXISTS events (
    device VARCHAR,
    run VARCHAR,
    seq BIGINT,
    type VARCHAR,
    source VARCHAR,
    time TIMESTAMPTZ,
    line JSON,
    PRIMARY KEY (device, run, seq)
);
