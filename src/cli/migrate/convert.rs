//! What an older program's tables are, what would become of them, and the conversion.

use crate::cli::Exit;
use crate::cli::output::say;
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::window::show;
use crate::store::sql::Database;
use crate::store::sql::legacy::{
    Inexact, OldTable, Problem, Scan, Sink, convert as carry_over, scan, unpaid_pools,
};

/// Says all there is to say, and converts where that is wanted and can be done.
pub(super) async fn convert(
    database: &Database,
    old: &[OldTable],
    inexact: Inexact,
    dry_run: bool,
) -> anyhow::Result<Exit> {
    let (mut is_ready, mut last) = (true, None);
    for table in old {
        show_form(table);
        is_ready &= !table.has_backup;
        if table.kind.is_some() {
            let found = scan(database, table, inexact, &mut Shown { inexact }).await?;
            show_scan(table, &found);
            is_ready &= table.missing.is_empty() && found.refused == 0;
            last = last.max(found.last);
        } else {
            show_kept(database, table).await?;
        }
    }
    say!("");
    if let Some(last) = last {
        say!(
            "The last old window is {}. `programme.start` has to be a later day, or windows would be paid twice; \
             what was paid before it is the old program's affair: verify does not prove it.",
            show(last)
        );
    }
    if !is_ready {
        say!("Nothing was changed: mend what is named above in the old tables, and try again.");
        return Ok(Exit::BadData);
    }
    if dry_run {
        say!(
            "Nothing was changed. `rewardd migrate --convert` with the same options does it; stop the old program first."
        );
        return Ok(Exit::Done);
    }
    for done in carry_over(database, old, inexact).await? {
        say!("{}: {} rows carried over and read back", done.table, done.scan.rows);
    }
    say!("The old tables are kept as {}.", names(old.iter().map(|table| table.backup.as_str())));
    Ok(Exit::Done)
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn show_form(table: &OldTable) {
    say!("");
    say!("{}: {} rows of another program", table.name, table.rows);
    for column in &table.columns {
        let ours = match (table.kind, column.ours) {
            (Some(_), Some(ours)) => ours,
            _ => "kept in the backup only",
        };
        say!("  {:<24} {:<16} → {ours}", column.name, column.column_type);
    }
    for missing in table.missing.iter().filter(|_| table.kind.is_some()) {
        say!("  {missing:<24} is missing: the table cannot be converted");
    }
    let key = if table.key.is_empty() { "none".to_owned() } else { table.key.join(", ") };
    say!("  {:<24} {key:<16} → {}", "(primary key)", table.our_key.join(", "));
    if table.has_backup {
        say!("  {} is there already: move it elsewhere first", table.backup);
    } else {
        say!("  backup: {}", table.backup);
    }
}

/// Prints each value that does not convert as it is found: there may be many.
struct Shown {
    inexact: Inexact,
}

impl Sink for Shown {
    fn problem(&mut self, problem: &Problem) {
        let Problem { table, row, column, value, why, cut_to } = problem;
        let then = match (cut_to, self.inexact) {
            (Some(units), Inexact::Floor) => format!("; it is cut down to {units}"),
            (Some(units), Inexact::Refuse) => format!("; `--inexact floor` would cut it down to {units}"),
            (None, _) => String::new(),
        };
        say!("  {table}, {row}: {column} is {value}, which {why}{then}");
    }
}

fn show_scan(table: &OldTable, found: &Scan) {
    let Some(kind) = table.kind.filter(|_| table.missing.is_empty()) else { return };
    say!(
        "  {} of {} rows convert exactly, {} are cut down, {} do not convert",
        found.exact,
        found.rows,
        found.cut,
        found.refused
    );
    if let (Some(first), Some(last)) = (found.first, found.last) {
        say!("  windows from {} to {}; what converts adds up to", show(first), show(last));
        for (column, sum) in columns(kind).iter().zip(&found.sums) {
            say!("    {column:<24} {}", amount(*sum));
        }
    }
}

/// A sum may be past what one amount can be.
fn amount(units: i128) -> String {
    Units::new(units).map_or_else(|_| format!("{units} units"), |units| units.to_string())
}

/// Tables whose rows are not carried over, and why.
async fn show_kept(database: &Database, table: &OldTable) -> anyhow::Result<()> {
    if table.name == "reward_pool_state" {
        say!("  its rows stay in the backup: rewardd accounts for no money that it has not collected itself");
        if let Some(unpaid) = unpaid_pools(database, table).await? {
            say!(
                "  the old pools of {} days hold {} in all, which the old program or you have to pay{}",
                unpaid.days,
                amount(unpaid.sum),
                match unpaid.unreadable {
                    0 => String::new(),
                    days => format!("; {days} more hold no readable amount"),
                }
            );
        }
    } else {
        say!("  its rows stay in the backup: they are no part of rewardd's chain of hashes");
    }
    Ok(())
}
