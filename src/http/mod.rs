//! The outside: one thin file per endpoint, and the pages that people see.

pub mod page;
