//! Properties that must hold for every input, tried on many.

#[cfg(test)]
mod schedule;
