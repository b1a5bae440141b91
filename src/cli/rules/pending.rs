//! `rewardd rules pending`, `effect`, `propose`, `confirm` and `reject`

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::{find, refused, short};
use crate::app::{self, Records};
use crate::audit::{EffectRecord, OldNew, PartnerEffect};
use crate::cli::Exit;
use crate::cli::decided::{Decided, Matter};
use crate::cli::output::{self, say};
use crate::clock::{Clock, SystemClock};
use crate::config::{Change, Config};
use crate::pending::{Ask, DecideError, EffectState, Keys, RulesInForce, Verdict, View, view};
use crate::rewards::window::show;
use crate::store::sql::SqlStore;
use crate::store::{Confirmations, Ledger, PendingRules, PendingState, Store};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Show the change of the rules that waits: what it changes, what it would have meant, and who has signed it.
///
/// Exit codes: 0 nothing waits · 3 a version waits for people · 6 one was changed past rewardd, and refused.
#[derive(Debug, Args)]
pub(in crate::cli) struct Pending {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Simulate what a version of the rules would have meant: the last seven paid days by it, beside the rules in force.
///
/// Without a version, what is pending, or else the rules of the configuration. It reads the votes as they are now and
/// writes nothing.
#[derive(Debug, Args)]
pub(in crate::cli) struct Effect {
    /// The number of a version, or the first digits of its hash.
    #[arg(value_name = "VERSION")]
    named: Option<String>,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Which change is decided, and by whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct Decision {
    /// The number of the pending version, or the first digits of its hash (4 or more).
    #[arg(value_name = "VERSION")]
    named: String,
    #[command(flatten)]
    decided: Decided,
}

impl Decision {
    pub(in crate::cli) async fn execute(self, verdict: Verdict, config: &Config) -> anyhow::Result<Exit> {
        let (database, stored) = app::open_notices(config).await?;
        let decided = self.decide(&stored, verdict, config).await;
        database.close().await;
        decided
    }

    async fn decide(self, stored: &SqlStore, verdict: Verdict, config: &Config) -> anyhow::Result<Exit> {
        let keys = Keys { people: &config.people, valid: config.confirm.valid };
        let ask = match Ask::new(stored, keys, &self.named, verdict, SystemClock.now()).await {
            Ok(ask) => ask,
            Err(error) => return not_taken(error),
        };
        let matter = Matter {
            scope: &ask.scope,
            subject: &ask.subject,
            verdict: verdict.name(),
            what: ask.pending.version.clone(),
        };
        let decider = match self.decided.by(keys.people, verdict.needs(), matter)? {
            Ok(decider) => decider,
            Err(why) => {
                eprintln!("error: {why}");
                return Ok(Exit::Failed);
            }
        };
        let name = decider.name.clone();
        match ask.decide(stored, keys, decider, &self.decided.note, SystemClock.now()).await {
            Ok(pending) => {
                let version = short(&pending.version);
                say!(
                    "Number {} ({version}) is {} by {name}.{}",
                    pending.number,
                    verdict.name(),
                    next(&pending)
                );
                Ok(Exit::Done)
            }
            Err(error) => not_taken(error),
        }
    }
}

const fn next(pending: &PendingRules) -> &'static str {
    match pending.state {
        PendingState::Proposed => " Another person confirms it: `rewardd rules confirm`.",
        PendingState::Confirmed => " The next window is paid by it.",
        _ => " The rules in force stay.",
    }
}

fn not_taken(error: DecideError) -> anyhow::Result<Exit> {
    let exit = match &error {
        DecideError::Store(_) => return Err(error.into()),
        DecideError::Nothing | DecideError::Other { .. } | DecideError::State { .. } => Exit::Usage,
        DecideError::Same { .. } | DecideError::Unsigned { .. } => Exit::Failed,
        DecideError::Tampered { .. } => Exit::Tampering,
        DecideError::Meanwhile => Exit::TryAgain,
    };
    eprintln!("error: {error}");
    Ok(exit)
}

impl Pending {
    pub(super) async fn execute(self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let (seen, all) = (view(&records.stored).await?, records.stored.all_pending().await?);
        records.database.close().await;
        if self.json {
            let record = json!({
                "record_version": RECORD_VERSION,
                "pending": seen.as_ref().map(record),
                "history": all.iter().map(entry).collect::<Vec<_>>(),
            });
            say!("{record:#}");
        } else {
            match &seen {
                Some(view) => show_view(view),
                None => say!("No change of the rules is pending."),
            }
            show_history(&all);
        }
        Ok(match seen.map(|view| view.pending.state) {
            Some(PendingState::Refused) => Exit::Tampering,
            Some(state) if state.waits() => Exit::Waiting,
            _ => Exit::Done,
        })
    }
}

fn show_view(view: &View) {
    let View { pending, in_force, changes, effect, decisions } = view;
    let PendingRules { number, version, state, seen_at, .. } = pending;
    say!("Number {number} ({}) is {}; seen first at {}.", short(version), state.name(), show(*seen_at));
    if let Some(last) = in_force {
        say!("Windows are paid by number {} ({}).", last.number, short(&last.version));
    }
    for decision in decisions {
        let note = if decision.note.is_empty() { String::new() } else { format!(": {}", decision.note) };
        say!("  {} by {} at {}{note}", decision.verdict, decision.by, decision.at);
    }
    say!("\nChanges");
    for Change { key, old, new } in changes {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not there)".to_owned());
        say!("  {key}: {} → {}", text(old), text(new));
    }
    match effect {
        Some(EffectState::Known(effect)) => show_effect(effect),
        Some(EffectState::Failed(why)) => say!("\nIts effect could not be simulated: {why}"),
        None => say!("\nIts effect is not simulated yet; `rewardd rules effect {number}` does it now."),
    }
}

fn show_history(all: &[PendingRules]) {
    let past: Vec<&PendingRules> = all.iter().filter(|pending| !pending.is_current()).collect();
    if past.is_empty() {
        return;
    }
    let row = |pending: &&PendingRules| {
        vec![
            pending.number.to_string(),
            short(&pending.version).to_owned(),
            pending.state.name().to_owned(),
            show(pending.seen_at),
            pending.gone_at.map_or_else(|| "-".to_owned(), show),
        ]
    };
    let header = ["number", "version", "state", "seen", "until"];
    say!("\nBefore\n{}", output::table(&header, 5, past.iter().map(row).collect()));
}

fn record(view: &View) -> Value {
    let View { pending, in_force, changes, effect, decisions } = view;
    let mut record = entry(pending);
    record["instead_of"] =
        json!(in_force.as_ref().map(|last| json!({ "number": last.number, "version": last.version })));
    let change = |Change { key, old, new }: &Change| json!({ "key": key, "old": old, "new": new });
    record["changes"] = changes.iter().map(change).collect();
    record["effect"] = match effect {
        Some(EffectState::Known(effect)) => json!(effect),
        _ => Value::Null,
    };
    record["effect_failed"] = match effect {
        Some(EffectState::Failed(why)) => json!(why),
        _ => Value::Null,
    };
    record["decisions"] = decisions
        .iter()
        .map(|made| json!({ "verdict": made.verdict, "by": made.by, "at": made.at, "note": made.note }))
        .collect();
    record
}

fn entry(pending: &PendingRules) -> Value {
    json!({
        "number": pending.number,
        "version": pending.version,
        "state": pending.state.name(),
        "seen_at": show(pending.seen_at),
        "gone_at": pending.gone_at.map(show),
    })
}

impl Effect {
    pub(super) async fn execute(self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let exit = self.simulate(&records, config).await;
        records.database.close().await;
        exit
    }

    async fn simulate(&self, records: &Records, config: &Config) -> anyhow::Result<Exit> {
        let stored = &records.stored;
        let Some(last) = stored.rules_in_force().await? else {
            return Ok(refused("no rules are recorded yet: the first run records them"));
        };
        let (named, text) = match self.named(stored, config).await? {
            Ok(named) => named,
            Err(why) => return Ok(refused(&why)),
        };
        let (old, new) = (RulesInForce::read(&last.version, &last.rules), RulesInForce::read(&named, &text));
        let (old, new) = match (old, new) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(why), _) | (_, Err(why)) => {
                eprintln!("error: {why}");
                return Ok(Exit::Tampering);
            }
        };
        let effect = records.prover(config).await?.effect(&old.rules, &new.rules).await;
        let effect = effect.context("simulating what other rules would have paid")?;
        if self.json {
            let record = json!({
                "record_version": RECORD_VERSION,
                "old": last.version,
                "new": named,
                "effect": effect,
            });
            say!("{record:#}");
        } else {
            say!("From number {} ({}) to {}:", last.number, short(&last.version), short(&named));
            show_effect(&effect);
        }
        Ok(Exit::Done)
    }

    /// The hash and the text of the rules that are meant.
    async fn named(
        &self,
        stored: &SqlStore,
        config: &Config,
    ) -> anyhow::Result<Result<(String, String), String>> {
        let all = stored.all_pending().await?;
        let Some(name) = &self.named else {
            let current = all.into_iter().rfind(PendingRules::is_current);
            let configured = || {
                let RulesInForce { version, text, .. } = RulesInForce::configured(config);
                (version, text)
            };
            return Ok(Ok(current.map_or_else(configured, |current| (current.version, current.rules))));
        };
        let of_number = |pending: &&PendingRules| {
            name.parse() == Ok(pending.number)
                || (name.len() >= 4 && pending.version.starts_with(&name.to_lowercase()))
        };
        if let Some(pending) = all.iter().rfind(of_number) {
            return Ok(Ok((pending.version.clone(), pending.rules.clone())));
        }
        let versions = stored.rules_versions().await?;
        Ok(find(&versions, name).map(|found| (found.version.clone(), found.rules.clone())))
    }
}

fn show_effect(effect: &EffectRecord) {
    let (Some(first), Some(last)) = (&effect.first_day, &effect.last_day) else {
        return say!("\nNo day has been paid yet, so there is nothing to compare.");
    };
    say!("\nThe {} days {first} to {last}, by the votes as they are now", effect.days);
    let row = |name: &str, amount: &OldNew| {
        vec![name.to_owned(), amount.old.clone(), amount.new.clone(), signed(&amount.difference)]
    };
    let header = |what| [what, "old", "new", "change"];
    let mut rows: Vec<Vec<String>> =
        effect.categories.iter().map(|category| row(&category.column, &category.amount)).collect();
    rows.push(row("in all", &effect.total));
    rows.push(row("carried on", &effect.carried));
    say!("{}", output::table(&header("category"), 1, rows));
    let partners = |what: &str, named: &[PartnerEffect]| {
        if !named.is_empty() {
            let rows = named.iter().map(|one| row(&one.partner_id.to_string(), &one.amount)).collect();
            say!("\n{what}\n{}", output::table(&header("partner"), 1, rows));
        }
    };
    partners("Largest winners", &effect.top_winners);
    partners("Largest losers", &effect.top_losers);
    let EffectRecord { partners, winners, losers, .. } = effect;
    say!("\nOf {partners} partners {winners} win and {losers} lose.");
}

fn signed(difference: &str) -> String {
    if difference.starts_with('-') { difference.to_owned() } else { format!("+{difference}") }
}
