use rand::RngExt;

use crate::stream::Stream;
use crate::{Settings, Space};

/// Every parameter independently and uniformly (by factors where it is `log`).
pub(super) fn settings(space: &Space, stream: &mut Stream) -> Settings {
    space.fill(|_, domain| domain.at(stream.random()))
}
