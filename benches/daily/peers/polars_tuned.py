"""The day's work with Polars and ConnectorX, tuned as its users tune it: the votes come in two partitions at once, rows are
written in the order of the key by PyMySQL's executemany, their amounts as texts. Exact; see rules.py."""

import time
from datetime import timedelta

started = time.perf_counter()
import connectorx  # noqa: F401 -- Polars would import it, and pyarrow, with its first query
import polars as pl
import pyarrow  # noqa: F401
import pymysql

import rules

job = rules.Job(started, time.perf_counter())

PARTITIONS = 2


def partition(number: int) -> str:
    start, end = (job.start + timedelta(days=1) / PARTITIONS * edge for edge in (number, number + 1))
    return f"""SELECT partner_id, vote_type, cc, ecc, voted_at FROM votes
        WHERE voted_at >= '{start}' AND voted_at < '{end}'"""


uri = f"{job.url}/{job.votes_db}"
votes = pl.read_database_uri([partition(number) for number in range(PARTITIONS)], uri)
quotes = pl.read_database_uri(
    f"SELECT quoted_at, rate FROM cc_rates WHERE quoted_at <= '{job.end}' ORDER BY quoted_at", uri
)
job.done("read", time.perf_counter())


def units(column: str) -> pl.Expr:
    return (pl.col(column) * rules.UNIT).cast(pl.Int64)


hour = pl.col("voted_at").dt.hour()
by_hour = votes.filter(pl.col("vote_type") == "cc").group_by(hour.alias("hour")).agg(pl.col("cc").sum())
ranked = (
    votes.group_by("partner_id")
    .agg(
        votes=pl.len(),
        ecc=pl.col("ecc").sum(),
        last=pl.col("voted_at").max(),
        active_hours=hour.n_unique(),
    )
    .sort("votes", "ecc", "last", "partner_id", descending=[True, True, False, False])
    .with_columns(units("ecc"), position=pl.int_range(1, pl.len() + 1))
)
rates = quotes.select("quoted_at", units("rate")).rows()
pool = rules.pool_of(dict(by_hour.select("hour", units("cc")).rows()), rates, job.start)
amounts = rules.rewards(
    ranked["votes"].cast(pl.Int64).to_numpy(),
    ranked["ecc"].to_numpy(),
    ranked["active_hours"].to_numpy(),
    pool,
    rules.bonus_ratio(rates, job.start),
)
table = (
    ranked.select("partner_id", "position", time=pl.lit(str(job.start)))
    .with_columns(
        (pl.Series(column, values).cast(pl.Decimal(38, 8)) / rules.UNIT).cast(pl.String)
        for column, values in amounts.items()
    )
    .sort("partner_id")
)
job.done("compute", time.perf_counter())

with pymysql.connect(**job.server(job.result_db)) as connection:
    marks = ", ".join(["%s"] * table.width)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO reward_list_daily ({', '.join(table.columns)}) VALUES ({marks})", table.rows()
        )
    connection.commit()
job.done("write", time.perf_counter())
job.report()
