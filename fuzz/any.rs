//! Every target in one program: `FUZZ_TARGET=params any [libFuzzer's options] CORPUS...`
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use signet_fuzz::TARGETS;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    TARGETS.iter().find(|(name, _)| *name == wanted).expect("a target of that name").1
});

fuzz_target!(|data: &[u8]| { TARGET(data) });
