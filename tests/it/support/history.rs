//! Years of paid hours and days, made by the database itself: rows that look like those of real runs in number, size
//! and place, and books that add up, so that the next run is paid on top of them.
//!
//! The benchmark `history` uses this file as well.

use chrono::{Days, NaiveDate, TimeDelta};
use rewardd::rewards::money::Units;
use rewardd::rewards::window::Instant;
use rewardd::store::sql::{Database, sql_time};

/// What is made. Days are UTC days.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// The first day of the programme.
    pub start: NaiveDate,
    /// Days that are paid, from the first on.
    pub days: u32,
    /// Hours of the day after them that are paid too; at most 22, as the last hour of a day is paid after it.
    pub hours: u32,
    /// Reward rows of each hour.
    pub hourly_voters: u32,
    /// Reward rows of each day; at least as many.
    pub daily_voters: u32,
    /// Delivered transfers of each hour.
    pub specials: u32,
}

/// Votes that are stored for hours of the programme, paid or not.
#[derive(Clone, Copy, Debug)]
pub struct Votes {
    /// Hours, counted from the programme's start.
    pub from_hour: u32,
    pub hours: u32,
    pub per_hour: u32,
    /// The partners take turns.
    pub partners: u32,
}

/// Rows that one statement makes, at most, so that none takes longer than the driver waits.
const ROWS_PER_STATEMENT: u32 = 500_000;
const ROWS_PER_INSERT: usize = 1000;

impl History {
    const fn all_hours(&self) -> u32 {
        self.days * 24 + self.hours
    }

    /// Each of the five columns of an hourly row. All amounts are whole multiples of each other, so that what an hour
    /// or a day pays is spread over its rows without a remainder.
    fn hourly_amount(&self) -> i128 {
        7_000 * i128::from(self.daily_voters)
    }

    /// What an hour pays; three times as much goes to its day.
    fn hourly_share(&self) -> i128 {
        5 * i128::from(self.hourly_voters) * self.hourly_amount()
    }

    /// Each of the eight columns of a daily row; the last is the market bonus.
    fn daily_amount(&self) -> i128 {
        360_000 * i128::from(self.hourly_voters)
    }

    /// Fills a migrated, empty database with runs.
    pub async fn store(&self, database: &Database) -> anyhow::Result<()> {
        let fill = Fill { database, start: self.start };
        fill.numbers(self.daily_voters.max(self.hourly_voters)).await?;
        fill.hours(self.all_hours()).await?;
        self.runs(&fill).await?;
        self.rewards(&fill).await?;
        self.books(&fill).await?;
        fill.clear().await
    }

    /// Settlements, pools and the three rows that each run leaves.
    async fn runs(&self, fill: &Fill<'_>) -> anyhow::Result<()> {
        let (paid, share) = (units(self.hourly_share()), units(self.hourly_share()));
        let (total, to_day) = (units(4 * self.hourly_share()), units(3 * self.hourly_share()));
        let pool = units(72 * self.hourly_share());
        let bonus = units(i128::from(self.daily_voters) * self.daily_amount());
        let record = format!("{{\"filler\":\"{}\"}}", "x".repeat(1500));
        let hash = "0".repeat(64);
        fill.run(&format!(
            "INSERT INTO reward_settlements (time, day, cc_total, cc_rate, total_reward_cc, hourly_share, daily_share, paid) \
             SELECT time, day, '{total}', '1.00000000', '{total}', '{share}', '{to_day}', 1 FROM history_hours ORDER BY n"
        ))
        .await?;
        fill.run(
            "INSERT INTO reward_pool_state (day, accumulated_daily_pool) \
             SELECT day, '0.00000000' FROM history_hours WHERE day_sequence > 0 ORDER BY n",
        )
        .await?;
        for (kind, sequence, hour, amount, pool_before, market_bonus) in [
            ("hourly", "sequence", "n % 24", &paid, "0.00000000", "0.00000000"),
            ("daily", "day_sequence", "NULL", &pool, pool.as_str(), bonus.as_str()),
        ] {
            fill.run(&format!(
                "INSERT INTO reward_runs (reward_type, time, sequence, rules_version, committed_at) \
                 SELECT '{kind}', time, {sequence}, '{hash}', time FROM history_hours WHERE {sequence} > 0"
            ))
            .await?;
            fill.run(&format!(
                "INSERT INTO reward_log (sequence, reward_type, reward_day, reward_hour, time, total_reward_cc, votes, \
                 voters, cc_total, cc_rate, hourly_share, daily_share, late_cc, late_reward_cc, pool_before, pool_after, \
                 distributed, undistributed, market_bonus, ecc_cap) \
                 SELECT {sequence}, '{kind}', day, {hour}, time, '{amount}', 1, 1, '{amount}', '1.00000000', '{share}', \
                 '{to_day}', '0.00000000', '0.00000000', '{pool_before}', '0.00000000', '{amount}', '0.00000000', \
                 '{market_bonus}', NULL FROM history_hours WHERE {sequence} > 0"
            ))
            .await?;
            fill.run(&format!(
                "INSERT INTO reward_distribution_logs (sequence, reward_type, timestamp, total_amount, user_counts, \
                 ecc_cap, record, previous_hash) \
                 SELECT {sequence}, '{kind}', time, '{amount}', '{{}}', NULL, '{record}', '{hash}' \
                 FROM history_hours WHERE {sequence} > 0"
            ))
            .await?;
        }
        Ok(())
    }

    /// Reward rows and delivered transfers.
    async fn rewards(&self, fill: &Fill<'_>) -> anyhow::Result<()> {
        let hourly = vec![format!("'{}'", units(self.hourly_amount())); 5].join(", ");
        let daily = vec![format!("'{}'", units(self.daily_amount())); 8].join(", ");
        let transfer = units(5 * self.hourly_amount());
        for (table, columns, rows, voters) in [
            (
                "reward_list_hourly (partner_id, position, time, hourly_reward_top10p, hourly_reward_top10, \
                 hourly_reward_top100, hourly_reward_top1000, hourly_reward_all)",
                format!("v.n + 1, v.n + 1, h.time, {hourly}"),
                "h.sequence > 0",
                self.hourly_voters,
            ),
            (
                "reward_list_daily (partner_id, position, time, daily_reward_top10, daily_reward_top100, \
                 daily_reward_top1000, daily_reward_top10000, daily_reward_all, daily_reward_top10p_ecc, \
                 daily_reward_top50p, cc_market_reward)",
                format!("v.n + 1, v.n + 1, h.time, {daily}"),
                "h.day_sequence > 0",
                self.daily_voters,
            ),
            (
                "special_transfers (partner_id, time, cc_reward, attempts, next_attempt_at, last_error, delivered_at)",
                format!("v.n + 1, h.time, '{transfer}', 0, NULL, NULL, h.time"),
                "h.sequence > 0",
                self.specials,
            ),
        ] {
            // Every hour of a day is looked at for the one row that stands for the day.
            fill.by_hour(0, self.all_hours(), voters, |hours| {
                format!(
                    "INSERT INTO {table} SELECT {columns} FROM history_hours h CROSS JOIN history_numbers v \
                     WHERE {hours} AND {rows} AND v.n < {voters} ORDER BY h.n, v.n"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// The sums over all runs, and the pool of the day that is under way.
    async fn books(&self, fill: &Fill<'_>) -> anyhow::Result<()> {
        let (hours, days) = (i128::from(self.all_hours()), i128::from(self.days));
        let today = self.start + Days::new(u64::from(self.days));
        if self.hours > 0 {
            let pool = units(3 * self.hourly_share() * i128::from(self.hours));
            fill.run(&format!("INSERT INTO reward_pool_state VALUES ('{today}', '{pool}')")).await?;
        }
        fill.run(&format!(
            "INSERT INTO reward_programme (id, timezone, start_day, runs, chain_head, contributed, hourly_paid, \
             daily_paid, market_bonus) VALUES (1, 'UTC', '{}', {}, '{}', '{}', '{}', '{}', '{}')",
            self.start,
            hours + days,
            "0".repeat(64),
            units(hours * 4 * self.hourly_share()),
            units(hours * self.hourly_share()),
            units(days * 72 * self.hourly_share()),
            units(days * i128::from(self.daily_voters) * self.daily_amount()),
        ))
        .await
    }
}

impl Votes {
    /// Stores the votes, and a CC rate at the start of each of their hours.
    pub async fn store(&self, database: &Database, start: NaiveDate) -> anyhow::Result<()> {
        let fill = Fill { database, start };
        fill.numbers(self.per_hour).await?;
        fill.hours(self.from_hour + self.hours).await?;
        let (per_hour, partners) = (self.per_hour, self.partners);
        fill.by_hour(self.from_hour, self.hours, per_hour, |hours| {
            format!(
                "INSERT INTO votes (id, partner_id, vote_type, cc, ecc, voted_at) \
                 SELECT h.n * 1000000 + v.n, (h.n * {per_hour} + v.n) % {partners} + 1, 'cc', '0.50000000', \
                 '1.25000000', CONCAT(h.clock, v.minute) FROM history_hours h CROSS JOIN history_numbers v \
                 WHERE {hours} AND v.n < {per_hour} ORDER BY h.n, v.n"
            )
        })
        .await?;
        fill.run(&format!(
            "INSERT INTO cc_rates (quoted_at, rate) SELECT time, '1.25000000' FROM history_hours WHERE n >= {}",
            self.from_hour
        ))
        .await?;
        fill.clear().await
    }
}

/// Helper tables that the statements join, and the statements.
struct Fill<'a> {
    database: &'a Database,
    start: NaiveDate,
}

impl Fill<'_> {
    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        self.database.fetch(sql.to_owned(), &[]).await?;
        Ok(())
    }

    async fn insert(&self, table: &str, rows: impl Iterator<Item = String>) -> anyhow::Result<()> {
        let rows: Vec<String> = rows.collect();
        for rows in rows.chunks(ROWS_PER_INSERT) {
            self.run(&format!("INSERT INTO {table} VALUES {}", rows.join(", "))).await?;
        }
        Ok(())
    }

    /// The numbers below `count`, each with a minute and second of the hour.
    async fn numbers(&self, count: u32) -> anyhow::Result<()> {
        self.run("CREATE TABLE history_numbers (n INT PRIMARY KEY, minute VARCHAR(15))").await?;
        let row = |n: u32| format!("({n}, '{:02}:{:02}.000000')", n % 60, n / 60 % 60);
        self.insert("history_numbers", (0..count).map(row)).await
    }

    /// The hours of the programme: which run paid each, and, beside the first hour of a day, which paid the day. A day
    /// is paid before its last hour.
    async fn hours(&self, count: u32) -> anyhow::Result<()> {
        self.run(
            "CREATE TABLE history_hours (n INT PRIMARY KEY, time VARCHAR(26), clock VARCHAR(14), day VARCHAR(10), \
             sequence INT, day_sequence INT)",
        )
        .await?;
        let midnight: Instant = self.start.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
        let row = |n: u32| {
            let (day, hour) = (n / 24, n % 24);
            let time = sql_time(midnight + TimeDelta::hours(i64::from(n)));
            let sequence = day * 25 + if hour < 23 { hour + 1 } else { 25 };
            let is_paid_day = hour == 0 && (day + 1) * 24 <= count;
            let day_sequence = if is_paid_day { day * 25 + 24 } else { 0 };
            let (clock, date) = (&time[..14], &time[..10]);
            format!("({n}, '{time}', '{clock}', '{date}', {sequence}, {day_sequence})")
        };
        self.insert("history_hours", (0..count).map(row)).await
    }

    /// Runs a statement for as many hours at a time as make a bearable number of rows.
    async fn by_hour(
        &self,
        from: u32,
        hours: u32,
        rows_per_hour: u32,
        statement: impl Fn(&str) -> String,
    ) -> anyhow::Result<()> {
        let step = (ROWS_PER_STATEMENT / rows_per_hour.max(1)).max(1);
        for first in (from..from + hours).step_by(step as usize) {
            let last = (first + step).min(from + hours) - 1;
            self.run(&statement(&format!("h.n BETWEEN {first} AND {last}"))).await?;
        }
        Ok(())
    }

    async fn clear(&self) -> anyhow::Result<()> {
        self.run("DROP TABLE history_numbers").await?;
        self.run("DROP TABLE history_hours").await
    }
}

fn units(count: i128) -> String {
    Units::new(count).map_or_else(|error| panic!("{count} units: {error}"), |units| units.to_string())
}
