//! Properties that must hold for every input, tried on many.

#[cfg(test)]
mod jws;
#[cfg(test)]
mod schedule;
