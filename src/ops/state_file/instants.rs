//! Instants as the state file writes them: `2026-11-19T13:00:00.000000Z`.

/// For `#[serde(with)]` of an instant.
pub(super) mod one {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::rewards::window::{Instant, show};

    pub fn serialize<S: Serializer>(instant: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(*instant))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// For `#[serde(with)]` of an instant for each job.
pub(super) mod by_job {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::rewards::window::Instant;

    #[derive(Serialize, Deserialize)]
    struct Written(#[serde(with = "super::one")] Instant);

    pub fn serialize<S: Serializer>(
        instants: &BTreeMap<String, Instant>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(instants.iter().map(|(job, instant)| (job, Written(*instant))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Instant>, D::Error> {
        let written = BTreeMap::<String, Written>::deserialize(deserializer)?;
        Ok(written.into_iter().map(|(job, Written(instant))| (job, instant)).collect())
    }
}
