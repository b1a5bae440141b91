//! The daemon's suspicions: judging the days that were paid, and telling of open cases.

use std::sync::Arc;

use super::Shared;
use crate::config::Event;
use crate::jobs::{JobError, JudgedDay};
use crate::notify::Condition;
use crate::store::CaseGroup;

/// Judges what was paid and not judged yet.
///
/// # Errors
/// [`JobError`]; the next look tries again.
pub(super) async fn judge(shared: &Arc<Shared>) -> Result<Vec<JudgedDay>, JobError> {
    let app = shared.app();
    app.judging().look(shared.clock.now()).await
}

/// One incident for all open cases of a suspicion and day, however many partners they are about. It closes when all of
/// them are decided.
pub(super) fn conditions(groups: &[CaseGroup]) -> Vec<Condition> {
    let condition = |group: &CaseGroup| Condition {
        event: Event::Suspicion,
        subject: format!("{} {}", group.suspicion, group.day),
        detail: detail(group),
    };
    groups.iter().map(condition).collect()
}

fn detail(group: &CaseGroup) -> String {
    let CaseGroup { suspicion, day, cases, stage, loudest } = group;
    let named: Vec<String> =
        loudest.iter().map(|(case, partner)| format!("{partner} (case {case})")).collect();
    let named = named.join(", ");
    let partners = if *cases == 1 { "partner" } else { "partners" };
    let more = cases.saturating_sub(loudest.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{suspicion}: {cases} {partners} of {day}, up to stage {stage}: {named}{more}; `rewardd case list`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_partners_are_one_message() {
        let day = "2026-11-20".parse().unwrap();
        let loudest = (1..=10).map(|case| (case, 500 + case as i64)).collect();
        let group = CaseGroup { suspicion: "spacing".to_owned(), day, cases: 10_000, stage: 4, loudest };
        let one =
            CaseGroup { cases: 1, loudest: vec![(7, 12)], suspicion: "votes".to_owned(), ..group.clone() };
        let told = conditions(&[group, one]);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].subject, "spacing 2026-11-20");
        assert!(
            told[0]
                .detail
                .starts_with("spacing: 10000 partners of 2026-11-20, up to stage 4: 501 (case 1), ")
        );
        assert!(told[0].detail.ends_with("510 (case 10) and 9990 more; `rewardd case list`"));
        assert!(told[0].detail.len() < 400);
        assert_eq!(
            told[1].detail,
            "votes: 1 partner of 2026-11-20, up to stage 4: 12 (case 7); `rewardd case list`"
        );
    }
}
