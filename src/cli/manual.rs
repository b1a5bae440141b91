//! `rewardd man`

use crate::cli::output::say;
use std::path::Path;

use anyhow::Context;
use clap::Command;

use super::Exit;

pub(super) fn write(command: &Command, dir: &Path) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    clap_mangen::generate_to(command.clone(), dir)
        .with_context(|| format!("writing manual pages into {}", dir.display()))?;
    say!("The manual pages are in {}.", dir.display());
    Ok(Exit::Done)
}
