"""What the Python peers share: the rules of one day with their default values, exactly.

Amounts are integers of 10^-8 CC: Python's where a product may pass 64 bits, numpy's int64 in the columns. An amount that
does not fit raises OverflowError. A day is a UTC day, and the programme starts with it: its pool holds what its own 24
hours brought, and there are no late votes.
"""

import argparse
import json
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

import numpy as np

UNIT = 10**8
# The columns of reward_list_daily, in the order of the table, from the first amount on.
TIERS = {  # column: positions, votes it takes
    "daily_reward_top10": (10, 20),
    "daily_reward_top100": (100, 10),
    "daily_reward_top1000": (1_000, 5),
    "daily_reward_top10000": (10_000, 2),
    "daily_reward_all": (None, 1),
}
COLUMNS = [*TIERS, "daily_reward_top10p_ecc", "daily_reward_top50p", "cc_market_reward"]


class Job:
    """The command line, and the times of the phases."""

    def __init__(self, started: float, imported: float):
        parser = argparse.ArgumentParser()
        for name in ("--url", "--votes-db", "--result-db", "--day"):
            parser.add_argument(name, required=True)
        arguments = parser.parse_args()
        self.url = arguments.url.rstrip("/")
        self.votes_db, self.result_db = arguments.votes_db, arguments.result_db
        self.day = date.fromisoformat(arguments.day)
        self.start = datetime.combine(self.day, datetime.min.time())
        self.end = self.start + timedelta(days=1)
        self.times, self.last = {"import_s": imported - started}, imported

    def done(self, phase: str, now: float) -> None:
        self.times[f"{phase}_s"], self.last = now - self.last, now

    def report(self) -> None:
        print(json.dumps({phase: round(seconds, 4) for phase, seconds in self.times.items()}))

    def server(self, database: str) -> dict:
        """What a driver wants to know to connect."""
        url = urlsplit(self.url)
        return {
            "host": url.hostname,
            "port": url.port,
            "user": url.username,
            "password": url.password or "",
            "database": database,
        }


def allocate(amount: int, weights: list[int]) -> list[int]:
    """Largest remainder, ties to the earlier member; nothing where no one has weight (section 1)."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares, remainders = zip(*(divmod(amount * weight, total) for weight in weights))
    shares = list(shares)
    by_remainder = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)  # stable: ties stay in order
    for member in by_remainder[: amount - sum(shares)]:
        shares[member] += 1
    return shares


def rate_at(quotes: list[tuple[datetime, int]], instant: datetime) -> int:
    rates = [rate for at, rate in quotes if at <= instant]
    if not rates:
        raise ValueError(f"no CC rate is quoted at or before {instant}")
    return rates[-1]


def pool_of(cc_by_hour: dict[int, int], quotes: list[tuple[datetime, int]], start: datetime) -> int:
    """What the day's hours bring to its pool (section 4). Quotes are in order of time."""
    pool = 0
    for hour in range(24):
        rate = rate_at(quotes, start + timedelta(hours=hour + 1))
        total = cc_by_hour.get(hour, 0) * rate // UNIT
        pool += total - total * 25 // 100
    return pool


def bonus_ratio(quotes: list[tuple[datetime, int]], start: datetime) -> int:
    """The market bonus of each CC, at most 0.10 (section 6)."""
    before = [rate for at, rate in quotes if start - timedelta(days=7) <= at < start]
    reference = sum(before) // len(before) if before else 0
    if reference == 0:
        return 0
    rise = rate_at(quotes, start + timedelta(days=1)) - reference
    return min(max(rise, 0) * UNIT // reference, UNIT // 10)


def rewards(votes, ecc, active_hours, pool: int, ratio: int) -> dict[str, np.ndarray]:
    """The amounts of each column, by position (section 6). The arguments are int64 arrays by position."""
    if pool >= 2**63:
        raise OverflowError(f"a pool of {pool} units passes 64 bits")
    voters = len(votes)
    position = np.arange(1, voters + 1)
    eligible = (votes >= 1) & (active_hours >= 1)
    amounts = {column: np.zeros(voters, np.int64) for column in COLUMNS}

    def share_equally(column, amount, members):
        (who,) = np.nonzero(members)
        if len(who):
            base, left = divmod(amount, len(who))
            amounts[column][who] = base
            amounts[column][who[:left]] += 1

    fixed, by_ecc, top50 = allocate(pool, [40, 40, 20])
    for (column, (size, min_votes)), amount in zip(TIERS.items(), allocate(fixed, [1] * 5)):
        share_equally(column, amount, eligible & (position <= (size or voters)) & (votes >= min_votes))
    share_equally("daily_reward_top50p", top50, eligible & (position <= -(-voters // 2)))

    top10p = -(-voters // 10)
    of_top = ecc[:top10p].tolist()
    cap = 5 * sum(of_top) // top10p if top10p else 0
    weights = [min(one, cap) if ok else 0 for one, ok in zip(of_top, eligible.tolist())]
    amounts["daily_reward_top10p_ecc"][:top10p] = allocate(by_ecc, weights)

    # floor(sum · ratio / UNIT), in two steps that stay within 64 bits.
    whole, rest = np.divmod(sum(amounts.values()), UNIT)
    amounts["cc_market_reward"] = whole * ratio + rest * ratio // UNIT
    return amounts
