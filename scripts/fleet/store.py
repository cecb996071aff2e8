"""A store for the events of many devices: one table in DuckDB."""

import json
from pathlib import Path

import duckdb

SQL = Path(__file__).parent


class Store:
    """Keeps each line once: a device numbers the lines of a run."""

    def __init__(self, file=":memory:"):
        self.database = duckdb.connect(file)
        self.database.execute((SQL / "table.sql").read_text())

    def add(self, lines):
        """Adds event lines; those that are there already are ignored."""
        rows = []
        for line in lines:
            event = json.loads(line)
            if "seq" in event:
                key = (event["device"], event["run"], event["seq"])
                rows.append((*key, event["type"], event.get("source"), event["time"], line))
        if rows:
            self.database.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def ask(self, name):
        """Prints the answer to the question in NAME.sql."""
        answer = self.database.sql((SQL / f"{name}.sql").read_text())
        print(f"\n{name}.sql:\n{answer}")

    def count(self):
        return self.database.execute("SELECT count(*) FROM events").fetchone()[0]
