//! [`Entropy`] as the generator traits of both generations of cryptographic crates.

use std::convert::Infallible;

use rsa::rand_core as rand_core_06;

use crate::ambient::Entropy;

/// Lends an [`Entropy`] to whoever wants a `CryptoRng`.
pub(super) struct Generator<'a>(pub(super) &'a dyn Entropy);

impl Generator<'_> {
    fn array<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// For rsa 0.9.
impl rand_core_06::RngCore for Generator<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand_core_06::CryptoRng for Generator<'_> {}

/// For p256 0.14.
impl rand::TryRng for Generator<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand::TryCryptoRng for Generator<'_> {}
