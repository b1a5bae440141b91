//! Judging paid days by the suspicions: after the payment and apart from it, so that it can neither hold it up nor undo it.
//!
//! A day is judged once: its profiles are written last, and a day that has some is done. What was interrupted before is
//! done again, and opens no case twice.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use serde_json::{Value, json};
use tracing::info;

use super::{Distributor, JobError};
use crate::fault;
use crate::frames::{self, Watch};
use crate::guard::suspicion::{Compared, Crossing, Profile, Today, judge, pack, profiles, unpack};
use crate::rewards::suspicions::Suspicion;
use crate::rewards::window::{Calendar, Instant, Kind, Window};
use crate::store::{Cases, FINDINGS, Finding, Loaded, Request, StoreError};

/// Days before a day that it is compared with, and in which a day that was missed is made up for.
const HISTORY: Days = Days::new(14);

/// A source that has not handed over its votes by then is as good as gone.
const PATIENCE: Duration = Duration::from_secs(1800);

/// The end of the night, local time.
const MORNING: NaiveTime = NaiveTime::from_hms_opt(6, 0, 0).expect("six o'clock is a time");

/// See the module.
pub struct Judging<'a> {
    pub distributor: &'a Distributor,
    pub cases: &'a dyn Cases,
    pub suspicions: &'a [Suspicion],
}

/// A day that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedDay {
    pub day: NaiveDate,
    pub partners: usize,
    /// Past a stage, whether a case was opened for it or not.
    pub findings: usize,
    pub opened: u64,
    pub raised: u64,
    /// Whether it was only remembered: it lies before the first day that could be judged fairly.
    pub is_only_remembered: bool,
}

impl Judging<'_> {
    /// Judges the paid days that were not judged yet, as far as they are not older than what a day is compared with,
    /// oldest first. Without suspicions nothing is done.
    ///
    /// # Errors
    /// [`JobError`], naming the day; the next look tries again.
    pub async fn look(&self, now: Instant) -> Result<Vec<JudgedDay>, JobError> {
        let Some(min_days) = self.suspicions.iter().map(|suspicion| suspicion.min_days).min() else {
            return Ok(vec![]);
        };
        let calendar = &self.distributor.calendar;
        let from = calendar.date_of(now) - HISTORY;
        let paid = self.distributor.store.paid_since(Kind::Daily, calendar.midnight(from)).await?;
        let paid: BTreeSet<NaiveDate> = paid.into_iter().map(|start| calendar.date_of(start)).collect();
        let mut judged = self.cases.judged_days(from - HISTORY).await?;
        let missing: Vec<NaiveDate> = paid.difference(&judged).copied().collect();
        let mut done = vec![];
        for day in missing {
            let known: Vec<NaiveDate> = judged.range(day - HISTORY..day).copied().collect();
            // Where suspicions are new, the days before are there to learn from. The last one is judged in any case.
            let is_only_remembered = known.len() < min_days as usize && paid.last() != Some(&day);
            let context =
                |error: JobError| error.context(format!("day {day} was not judged by the suspicions"));
            let seen = self.judge(day, &known, is_only_remembered).await.map_err(context)?;
            info!(
                %day,
                partners = seen.partners,
                findings = seen.findings,
                opened = seen.opened,
                raised = seen.raised,
                is_only_remembered,
                "judged by the suspicions"
            );
            judged.insert(day);
            done.push(seen);
        }
        Ok(done)
    }

    async fn judge(
        &self,
        day: NaiveDate,
        known: &[NaiveDate],
        is_only_remembered: bool,
    ) -> Result<JudgedDay, JobError> {
        let mut history = vec![];
        if !is_only_remembered {
            for known in known {
                history.push(self.remembered(*known).await?);
            }
        }
        let window = self.distributor.calendar.day(day);
        let request =
            Request { window, quotes_from: window.end, count_types: false, watch: Some(Watch::of_times()) };
        let loading = tokio::time::timeout(PATIENCE, self.distributor.source.load(&request));
        let silent = |_| JobError::Retry(anyhow!("the source of votes has not answered for {PATIENCE:?}"));
        let loaded = loading.await.map_err(silent)??;
        let rules = Arc::clone(&self.distributor.rules);
        let night_until = morning(&self.distributor.calendar, &window);
        let suspicions = if is_only_remembered { vec![] } else { self.suspicions.to_vec() };
        let judging = tokio::task::spawn_blocking(move || {
            let Loaded { mut votes, .. } = loaded;
            let watched = votes.take_watched();
            let mut times: HashMap<i64, Vec<i64>> = watched
                .times()
                .map(|votes| (votes[0].partner_id, votes.iter().map(|vote| vote.voted_at).collect()))
                .collect();
            let turnout = frames::turnout(votes, &rules.rules)?;
            let today = profiles(&turnout.ranking, &mut times, night_until);
            let findings = findings(Today { profiles: &today, history: &history }, &suspicions);
            Ok::<_, JobError>((today, findings))
        });
        let judged = judging.await.map_err(|panic| JobError::Fail(anyhow!("judging has failed: {panic}")))?;
        let (today, findings) = judged?;
        fault::point("judged");
        let (partners, found) = (today.len(), findings.len());
        let mut seen = JudgedDay { day, partners, findings: found, opened: 0, raised: 0, is_only_remembered };
        let now = self.distributor.clock.now();
        for findings in findings.chunks(FINDINGS) {
            let opened = self.cases.open_cases(day, findings, now).await?;
            seen.opened += opened.opened;
            seen.raised += opened.raised;
        }
        self.cases.keep_profiles(day, &pack(&today)).await?;
        Ok(seen)
    }

    async fn remembered(&self, day: NaiveDate) -> Result<Vec<Profile>, StoreError> {
        let mut profiles = vec![];
        for part in self.cases.profiles_of(day).await? {
            let unreadable = || StoreError::Unreadable {
                table: "reward_profiles",
                column: "profiles",
                value: format!("{} bytes of {day}", part.len()),
                why: "are no whole number of profiles".to_owned(),
            };
            profiles.extend(unpack(&part).ok_or_else(unreadable)?);
        }
        Ok(profiles)
    }
}

/// When the night of a day ends. Where a clock change skips that time, or has it twice, six hours after midnight is as
/// good.
fn morning(calendar: &Calendar, day: &Window) -> i64 {
    let local = day.day.and_time(MORNING).and_local_timezone(calendar.zone()).single();
    let morning: Instant = local.map_or(day.start + TimeDelta::hours(6), |at| at.to_utc());
    morning.timestamp_micros()
}

fn findings(today: Today<'_>, suspicions: &[Suspicion]) -> Vec<Finding> {
    let profile = |partner_id: i64| {
        let place = today.profiles.binary_search_by_key(&partner_id, |profile| profile.partner_id).ok()?;
        Some(&today.profiles[place])
    };
    let finding = |crossing: Crossing| Finding {
        detail: detail(&crossing, profile(crossing.partner_id)),
        partner_id: crossing.partner_id,
        suspicion: crossing.suspicion,
        stage: crossing.stage,
        score: crossing.score,
    };
    judge(today, suspicions).into_iter().map(finding).collect()
}

/// What a person needs to decide, as it is kept with the case.
fn detail(crossing: &Crossing, profile: Option<&Profile>) -> Value {
    let compared =
        |with: &Compared| json!({ "median": with.median, "count": with.count, "score": with.score });
    json!({
        "measure": crossing.measure.name(),
        "figure": crossing.figure,
        "crowd": compared(&crossing.crowd),
        "own": crossing.own.as_ref().map(compared),
        "day": profile.map(|profile| json!({
            "position": profile.position,
            "votes": profile.votes,
            "ecc_per_vote": profile.ecc_per_vote,
            "active_hours": profile.active_hours,
            "regularity": profile.regularity,
            "night": profile.night,
        })),
    })
}
