//! `[people]`: who may decide, and how the dashboard and the commands know them.

use crate::people::Role;

pub(super) const ROLES: [(&str, Role); 3] =
    [("viewer", Role::Viewer), ("reviewer", Role::Reviewer), ("admin", Role::Admin)];
