"""The day's work with pandas and SQLAlchemy as it is commonly written: amounts as Python's Decimal, read by read_sql,
written by to_sql. Exact (but not with read_sql's default, coerce_float); see rules.py. For the small size only: Decimal
objects take 0.7 KB for each vote."""

import time

started = time.perf_counter()
from decimal import Decimal

import pandas as pd
from sqlalchemy import URL, create_engine, text

import rules

job = rules.Job(started, time.perf_counter())


def engine(database: str):
    server = job.server(database)
    return create_engine(URL.create("mysql+pymysql", username=server.pop("user"), **server))


window = {"start": job.start, "end": job.end}
with engine(job.votes_db).connect() as connection:
    votes = pd.read_sql(
        text(
            """SELECT partner_id, vote_type, cc, ecc, voted_at FROM votes
               WHERE voted_at >= :start AND voted_at < :end"""
        ),
        connection,
        params=window,
        coerce_float=False,
        parse_dates=["voted_at"],
    )
    quotes = pd.read_sql(
        text("SELECT quoted_at, rate FROM cc_rates WHERE quoted_at <= :end ORDER BY quoted_at"),
        connection,
        params=window,
        coerce_float=False,
        parse_dates=["quoted_at"],
    )
job.done("read", time.perf_counter())


def units(amounts: pd.Series) -> pd.Series:
    return (amounts * rules.UNIT).astype("int64")


votes["hour"] = votes["voted_at"].dt.hour
by_hour = units(votes[votes["vote_type"] == "cc"].groupby("hour")["cc"].sum())
ranked = (
    votes.groupby("partner_id")
    .agg(
        votes=("ecc", "size"),
        ecc=("ecc", "sum"),
        last=("voted_at", "max"),
        active_hours=("hour", "nunique"),
    )
    .reset_index()
    .assign(ecc=lambda frame: units(frame["ecc"]))
    .sort_values(["votes", "ecc", "last", "partner_id"], ascending=[False, False, True, True], ignore_index=True)
)
rates = list(zip(quotes["quoted_at"].dt.to_pydatetime(), units(quotes["rate"]).tolist()))
pool = rules.pool_of({int(hour): int(cc) for hour, cc in by_hour.items()}, rates, job.start)
amounts = rules.rewards(
    ranked["votes"].to_numpy(),
    ranked["ecc"].to_numpy(),
    ranked["active_hours"].to_numpy(),
    pool,
    rules.bonus_ratio(rates, job.start),
)
table = pd.DataFrame({"partner_id": ranked["partner_id"], "position": ranked.index + 1, "time": job.start})
for column, values in amounts.items():
    table[column] = [Decimal(value).scaleb(-8) for value in values.tolist()]
job.done("compute", time.perf_counter())

with engine(job.result_db).begin() as connection:
    table.to_sql("reward_list_daily", connection, if_exists="append", index=False)
job.done("write", time.perf_counter())
job.report()
