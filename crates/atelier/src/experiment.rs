//! What the verbs that compute something have in common: the run directory, and training itself,
//! which more than one verb does.

pub(crate) mod autoencoding;
pub(crate) mod evaluating;
pub(crate) mod figures;
pub(crate) mod finished;
pub(crate) mod history;
pub(crate) mod initialising;
pub(crate) mod landscaping;
mod looks;
pub(crate) mod nested;
mod pool;
pub(crate) mod prepared;
pub(crate) mod progress;
mod pytorch;
pub(crate) mod range;
pub(crate) mod recorded;
pub(crate) mod reproducing;
pub(crate) mod results;
pub(crate) mod same_settings;
pub(crate) mod saved;
pub(crate) mod seen;
pub(crate) mod summary;
pub(crate) mod training;
pub(crate) mod tuning;
pub(crate) mod variants;
pub(crate) mod weights;
