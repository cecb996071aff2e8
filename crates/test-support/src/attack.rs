//! Attacks on what is read, with inputs that a seeded generator changes.
//!
//! By default each attack takes some seconds. `EMOTIOND_MUTATE_SECONDS=600` makes it ten minutes, and `EMOTIOND_MUTATE_SEED`
//! repeats a run. An input that fails is kept in the system's folder of temporary files.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
    time::{Duration, Instant},
};

/// How long one input may take, in a slow build on a busy machine.
const HANG: Duration = Duration::from_secs(20);
/// The address space of the whole test program in GiB; what wants more fails. `EMOTIOND_MUTATE_GIB=0`: no limit, for
/// sanitizers, which reserve terabytes.
const SPACE_GIB: u64 = 6;

/// Runs `check` on changed inputs until the time is over.
///
/// # Panics
/// When `check` does, when it takes too long, or when it wants too much memory.
pub fn attack(name: &str, corpus: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    static LIMITED: Once = Once::new();
    let number = |variable: &str| env::var(variable).ok().and_then(|value| value.parse().ok());
    LIMITED.call_once(|| {
        let bytes = number("EMOTIOND_MUTATE_GIB").unwrap_or(SPACE_GIB) << 30;
        if bytes > 0 {
            setrlimit(Resource::As, Rlimit { current: Some(bytes), maximum: Some(bytes) }).unwrap();
        }
    });
    let seed: u64 = number("EMOTIOND_MUTATE_SEED").unwrap_or(24);
    let time = Duration::from_secs(number("EMOTIOND_MUTATE_SECONDS").unwrap_or(3));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (began, mut count, mut longest) = (Instant::now(), 0_u64, Duration::ZERO);
    while began.elapsed() < time {
        let input = changed(corpus, &mut random);
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&input)));
        let took = started.elapsed();
        longest = longest.max(took);
        if outcome.is_err() || took > HANG {
            let kept = env::temp_dir().join(format!("emotiond-{name}-{seed}-{count}"));
            fs::write(&kept, &input).unwrap();
            panic!("input {count} of seed {seed} failed after {took:?}; it is in {}", kept.display());
        }
        count += 1;
    }
    println!("{name}: {count} inputs in {:.0?}, the slowest took {longest:.1?}", began.elapsed());
}

/// One of the corpus with some changes.
fn changed(corpus: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    const TELLING: [&[u8]; 12] = [
        b"\0",
        b"\xFF",
        b"\xFF\xFF\xFF\xFF",
        b"\x7F\xFF",
        b"\x80\0",
        b"\n",
        b"\"",
        b"-1",
        b"99999999999",
        b"\xFF\xD8",
        b"\xFF\xD9",
        b"\xC3",
    ];
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..1 << random.random_range(0..6) {
        let at = random.random_range(0..=input.len());
        let rest = input.len() - at;
        let length = random.random_range(0..=rest.min(64));
        match random.random_range(0..8) {
            0 | 1 if rest > 0 => input[at] ^= 1 << random.random_range(0..8),
            2 if rest > 0 => input[at] = random.random(),
            3 => drop(input.drain(at..at + length)),
            4 => {
                let copy = input[at..at + length].to_vec();
                input.splice(at..at, copy);
            }
            5 => {
                let telling = TELLING[random.random_range(0..TELLING.len())];
                let over = telling.len().min(rest) * usize::from(random.random_bool(0.5));
                input.splice(at..at + over, telling.iter().copied());
            }
            6 => {
                let other = &corpus[random.random_range(0..corpus.len())];
                let from = random.random_range(0..=other.len());
                let part = &other[from..other.len().min(from + 256)];
                input.splice(at..at + length, part.iter().copied());
            }
            _ if random.random_bool(0.1) => input.truncate(at),
            _ => {}
        }
    }
    input
}
