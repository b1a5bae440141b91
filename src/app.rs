//! The composition root: the only place that names a backend.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::OnceCell;

use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::files::Folder;
use crate::jobs::{Distributor, Judging, Retention};
use crate::pending::{Gate, RulesInForce};
use crate::proof::Prover;
use crate::rewards::window::Calendar;
use crate::store::memory::MemoryStore;
use crate::store::sql::{
    self, Access, Applied, Database, Effort, Fence, SourceNames, SqlRemote, SqlSource, SqlStore,
};
use crate::store::{OnRetry, Remote, RewardsDatabase, Shelf, Source, Store};
use crate::web::{Pen, View};

/// The parts of the program, put together as configured.
pub struct App {
    pub config: Config,
    pub database: Database,
    /// What runs write to: the rewards' database, or memory in a dry run.
    pub store: Arc<dyn Store>,
    pub rewards: Arc<dyn RewardsDatabase>,
    pub shelf: Arc<dyn Shelf>,
    pub distributor: Distributor,
    /// Opened when it is first needed.
    remote: OnceCell<SqlRemote>,
}

/// Whether a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The database is made where there is none (SQLite), and migrated.
    Pay,
    /// Nothing is written anywhere: further runs go on from what is stored, in memory.
    DryRun,
}

impl App {
    /// Opens the databases for a command that is done once. It writes under the lease as it finds it: beside a daemon
    /// the order of runs keeps the two apart, and a new holder of the lease keeps it out.
    ///
    /// # Errors
    /// What could not be opened, and what to look at.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, mode: Mode) -> anyhow::Result<Self> {
        let fence = Arc::new(Fence::closed());
        let app = Self::open_fenced(config, clock, mode, Arc::clone(&fence), Arc::new(())).await?;
        fence.open(sql::read_lease(&app.database).await?.fence);
        Ok(app)
    }

    /// Opens the databases; nothing can be written until the fence is open. `retries` is told what has to be tried
    /// again.
    ///
    /// # Errors
    /// What could not be opened, and what to look at.
    pub async fn open_fenced(
        config: Config,
        clock: Arc<dyn Clock>,
        mode: Mode,
        fence: Arc<Fence>,
        retries: Arc<dyn OnRetry>,
    ) -> anyhow::Result<Self> {
        let database = open_database(&config, mode).await?;
        let shelf = open_shelf(&config);
        let stored = SqlStore::new(database.clone(), fence, retries).with_shelf(Arc::clone(&shelf));
        let store: Arc<dyn Store> = match mode {
            Mode::Pay => Arc::new(stored.clone()),
            Mode::DryRun => {
                let state = stored.state().await;
                Arc::new(MemoryStore::new(state.context("reading what has been paid")?))
            }
        };
        let source: Arc<dyn Source> = Arc::new(open_source(&config, &database).await?);
        let rewards: Arc<dyn RewardsDatabase> = Arc::new(stored);
        let gate = Gate::new(&config, Arc::clone(&rewards), mode == Mode::DryRun);
        let distributor = Distributor {
            gate: Some(Arc::new(gate)),
            ..distributor(&config, Arc::clone(&store), source, clock)
        };
        Ok(Self { config, database, store, rewards, shelf, distributor, remote: OnceCell::new() })
    }

    /// What moves old rows to archives.
    #[must_use]
    pub fn retention<'a>(&'a self, clock: &'a dyn Clock) -> Retention<'a> {
        Retention { mover: self.rewards.as_ref(), shelf: &self.shelf, clock }
    }

    /// What judges paid days by the suspicions.
    #[must_use]
    pub fn judging(&self) -> Judging<'_> {
        Judging {
            distributor: &self.distributor,
            cases: self.rewards.as_ref(),
            suspicions: &self.config.suspicions,
        }
    }

    /// The special partners' database; none where none is configured.
    ///
    /// # Errors
    /// Where it cannot be opened, which is no reason not to distribute.
    pub async fn remote(&self) -> anyhow::Result<Option<Arc<dyn Remote>>> {
        let Some(url) = &self.config.remote.url else { return Ok(None) };
        let remote = self.remote.get_or_try_init(|| open_remote(url, &self.config.remote.table)).await?;
        Ok(Some(Arc::new(remote.clone())))
    }
}

/// The special partners' database.
///
/// # Errors
/// Where it cannot be opened.
pub async fn open_remote(url: &DatabaseUrl, table: &str) -> anyhow::Result<SqlRemote> {
    let opened = Database::open(url, Access::Write, 2).await.context("opening the remote database")?;
    Ok(SqlRemote::new(opened, table))
}

/// A distributor by the configuration's rules, over any store and source.
#[must_use]
pub fn distributor(
    config: &Config,
    store: Arc<dyn Store>,
    source: Arc<dyn Source>,
    clock: Arc<dyn Clock>,
) -> Distributor {
    let calendar = Calendar::new(config.programme.timezone);
    Distributor {
        store,
        source,
        clock,
        calendar,
        rules: Arc::new(RulesInForce::configured(config)),
        gate: None,
    }
}

/// The rewards' database alone, for commands that look at what is stored and write nothing.
pub struct Records {
    pub database: Database,
    pub stored: SqlStore,
    /// Of this program, and whether the database has each.
    pub migrations: Vec<Applied>,
}

impl Records {
    /// Opens the database as it is, whatever migrations it lacks.
    ///
    /// # Errors
    /// What could not be opened, and what to look at.
    pub async fn open_as_is(config: &Config) -> anyhow::Result<Self> {
        let database = open_rewards(config, Access::Read).await?;
        let migrations = sql::applied(&database).await?;
        let stored = look_only(&database, config);
        Ok(Self { database, stored, migrations })
    }

    /// Opens a database that has every migration.
    ///
    /// # Errors
    /// What could not be opened, and what to look at.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let records = Self::open_as_is(config).await?;
        refuse_missing(&records.migrations)?;
        Ok(records)
    }

    /// What recomputes paid windows; it opens the source of votes as well.
    ///
    /// # Errors
    /// [`ProofError::NoProgramme`](crate::proof::ProofError::NoProgramme) where nothing was paid yet; what could not
    /// be opened.
    pub async fn prover(&self, config: &Config) -> anyhow::Result<Prover> {
        let source = open_source(config, &self.database).await?;
        Ok(Prover::new(Arc::new(self.stored.clone()), Arc::new(source)).await?)
    }
}

/// What is stored, archives included, with a fence that lets nothing be written.
fn look_only(database: &Database, config: &Config) -> SqlStore {
    let stored = SqlStore::new(database.clone(), Arc::new(Fence::closed()), Arc::new(()));
    stored.with_shelf(open_shelf(config))
}

/// The folder of archives. It is made when something is first moved to it.
#[must_use]
pub fn open_shelf(config: &Config) -> Arc<dyn Shelf> {
    Arc::new(Folder::new(&config.retention.archive))
}

async fn open_database(config: &Config, mode: Mode) -> anyhow::Result<Database> {
    let access = if mode == Mode::Pay { Access::Create } else { Access::Read };
    let database = open_rewards(config, access).await?;
    match mode {
        Mode::Pay => sql::migrate(&database).await?,
        Mode::DryRun => refuse_missing(&sql::applied(&database).await?)?,
    }
    Ok(database)
}

async fn open_rewards(config: &Config, access: Access) -> anyhow::Result<Database> {
    let opened = Database::open(&config.database.url, access, config.database.max_connections).await;
    opened.context("opening the rewards' database (database.url)")
}

fn refuse_missing(migrations: &[Applied]) -> anyhow::Result<()> {
    let Some(missing) = migrations.iter().find(|migration| !migration.applied) else { return Ok(()) };
    anyhow::bail!(
        "the rewards' database lacks migration {} ({}), and this command writes nothing; run `rewardd migrate` first",
        missing.version,
        missing.description
    )
}

/// Where votes and rates are read: the rewards' database itself, or another one.
///
/// # Errors
/// Where it cannot be opened.
pub async fn open_source(config: &Config, rewards: &Database) -> anyhow::Result<SqlSource> {
    let same = config.source_url() == &config.database.url;
    let database = if same {
        rewards.clone()
    } else {
        // Readers bring their own connections; this one shows that the source is there.
        open_other(config.source_url(), Access::Read, 1).await?
    };
    Ok(SqlSource::new(database, source_names(config), source_effort(config)))
}

/// The rewards' database for a command that writes incidents or decisions, beside a daemon that pays.
///
/// # Errors
/// What could not be opened, and what to look at.
pub async fn open_notices(config: &Config) -> anyhow::Result<(Database, SqlStore)> {
    let database = open_rewards(config, Access::Write).await?;
    refuse_missing(&sql::applied(&database).await?)?;
    let fence = Arc::new(Fence::closed());
    fence.open(sql::read_lease(&database).await?.fence);
    let stored = SqlStore::new(database.clone(), fence, Arc::new(()));
    Ok((database, stored))
}

/// How many connections the dashboard has to the rewards' database, apart from those of payments: to read, and to write
/// what is decided.
const VIEW_CONNECTIONS: u32 = 4;
const PEN_CONNECTIONS: u32 = 2;

/// What the dashboard reads from: connections of its own, which write nothing, and one that reads votes. What is decided
/// is written over others.
///
/// # Errors
/// What could not be opened, and what to look at.
pub async fn open_view(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<View> {
    let open = async |access, connections| {
        let opened = Database::open(&config.database.url, access, connections).await;
        opened.context("opening the rewards' database (database.url)")
    };
    let rewards = open(Access::Read, VIEW_CONNECTIONS).await?;
    let mut gentle = config.clone();
    gentle.source.connections = 1;
    let source = Arc::new(open_source(&gentle, &rewards).await?);
    let fence = Arc::new(Fence::closed());
    let written =
        SqlStore::new(open(Access::Write, PEN_CONNECTIONS).await?, Arc::clone(&fence), Arc::new(()));
    let written = Arc::new(written.with_shelf(open_shelf(config)));
    let distributor = distributor(config, Arc::clone(&written) as _, Arc::clone(&source) as _, clock);
    let pen = Pen { records: written, fence, distributor };
    let store = Arc::new(look_only(&rewards, config));
    Ok(View::new(store, Arc::clone(&source) as _, source, config, pen))
}

/// The source for import, which is the one thing that writes to it.
///
/// # Errors
/// Where it cannot be opened.
pub async fn open_for_import(config: &Config, rewards: &Database) -> anyhow::Result<Database> {
    if config.source_url() == &config.database.url {
        return Ok(rewards.clone());
    }
    open_other(config.source_url(), Access::Write, 4).await
}

async fn open_other(url: &DatabaseUrl, access: Access, connections: u32) -> anyhow::Result<Database> {
    Database::open(url, access, connections).await.context("opening the source of votes (source.url)")
}

/// The names of the source's tables and columns.
#[must_use]
pub fn source_names(config: &Config) -> SourceNames {
    let (source, columns) = (&config.source, &config.source.columns);
    SourceNames {
        votes_table: source.votes_table.clone(),
        rates_table: source.rates_table.clone(),
        id: columns.id.clone(),
        partner_id: columns.partner_id.clone(),
        vote_type: columns.vote_type.clone(),
        cc: columns.cc.clone(),
        ecc: columns.ecc.clone(),
        voted_at: columns.voted_at.clone(),
        quoted_at: columns.quoted_at.clone(),
        rate: columns.rate.clone(),
    }
}

fn source_effort(config: &Config) -> Effort {
    let source = &config.source;
    Effort {
        connections: source.connections,
        memory_budget: source.memory_budget,
        aggregate: source.aggregate,
    }
}
