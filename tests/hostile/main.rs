//! Files from outside that mean harm or are broken: none makes a reader panic, take a wrong value for a right one, or
//! take more memory than the file is worth.

mod allocator;
mod readers;
mod seeds;

mod corpus;
mod memory;
mod round_trips;
mod values;
