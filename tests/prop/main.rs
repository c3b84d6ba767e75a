//! Properties that must hold for every input, tried on many.

mod schedule;
