/// Later.
pub struct Display;
