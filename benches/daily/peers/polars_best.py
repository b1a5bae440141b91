"""The day's work with Polars and ConnectorX, as fast as we could make it: the votes come over several connections, amounts
as 64-bit integers that the server makes of its decimals; the rows go into LOAD DATA LOCAL, in the order of the primary
key, by way of a file in memory. Exact; see rules.py."""

import os
import tempfile
import time
from datetime import timedelta

started = time.perf_counter()
import connectorx  # noqa: F401 -- Polars would import it, and pyarrow, with its first query
import polars as pl
import pyarrow  # noqa: F401
import pymysql

import rules

job = rules.Job(started, time.perf_counter())

PARTS = 8  # of equal time; more than cores, because evenings are busier than nights


def units(column: str) -> str:
    """Past 64 bits the server gives the largest integer, which `checked_sum` refuses."""
    return f"CAST({column} * {rules.UNIT} AS INT)"


def part(number: int) -> str:
    start, end = (job.start + timedelta(hours=24) / PARTS * edge for edge in (number, number + 1))
    return f"""SELECT partner_id, IF(vote_type = 'cc', {units("cc")}, 0) AS cc, {units("ecc")} AS ecc, voted_at
        FROM votes FORCE INDEX (votes_by_time) WHERE voted_at >= '{start}' AND voted_at < '{end}'"""


uri = f"{job.url}/{job.votes_db}"
votes = pl.read_database_uri([part(number) for number in range(PARTS)], uri)
quotes = pl.read_database_uri(
    f"SELECT quoted_at, {units('rate')} AS rate FROM cc_rates WHERE quoted_at <= '{job.end}' ORDER BY quoted_at", uri
)
job.done("read", time.perf_counter())


def checked_sum(column: str) -> pl.Expr:
    """Sums of 64-bit integers wrap: so none may come near."""
    if votes.height * (votes[column].max() or 0) >= 2**63:
        raise OverflowError(f"{column} may pass 64 bits")
    return pl.col(column).sum()


hour = pl.col("voted_at").dt.hour()
by_hour = votes.group_by(hour.alias("hour")).agg(checked_sum("cc"))
ranked = (
    votes.group_by("partner_id")
    .agg(
        votes=pl.len().cast(pl.Int64),
        ecc=checked_sum("ecc"),
        last=pl.col("voted_at").max(),
        active_hours=hour.n_unique(),
    )
    .sort("votes", "ecc", "last", "partner_id", descending=[True, True, False, False])
)
rates = quotes.rows()
amounts = rules.rewards(
    ranked["votes"].to_numpy(),
    ranked["ecc"].to_numpy(),
    ranked["active_hours"].to_numpy(),
    rules.pool_of(dict(by_hour.rows()), rates, job.start),
    rules.bonus_ratio(rates, job.start),
)
table = (
    ranked.select("partner_id", position=pl.int_range(1, pl.len() + 1), time=pl.lit(str(job.start)))
    .with_columns(pl.Series(column, values).cast(pl.Decimal(38, 8)) / rules.UNIT for column, values in amounts.items())
    .sort("partner_id")
)
job.done("compute", time.perf_counter())

memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
with (
    tempfile.NamedTemporaryFile(dir=memory, suffix=".csv") as file,
    pymysql.connect(**job.server(job.result_db), local_infile=True) as connection,
):
    table.write_csv(file.name, include_header=False)
    with connection.cursor() as cursor:
        rows = cursor.execute(
            f"""LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE reward_list_daily
                FIELDS TERMINATED BY ',' ({", ".join(table.columns)})"""
        )
    if rows != table.height:  # LOAD DATA LOCAL warns where INSERT fails
        raise RuntimeError(f"{rows} of {table.height} rows were written")
    connection.commit()
job.done("write", time.perf_counter())
job.report()
