//! `emotiond bench --growth`: how the cost grows with faces, sources, pixels and time.

use super::{clip::Clip, play::play, scene::swaying_faces};
use crate::config::Config;
use emotiond_core::{exit::Failure, process::resident_bytes, stdout::print};
use std::{thread, time::Duration};

const FACES: [u32; 6] = [0, 1, 4, 16, 64, 200];
const SOURCES: [usize; 5] = [1, 2, 4, 8, 16];
const SIZES: [(u32, u32); 5] = [(320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)];
/// Number of memory measurements in a run, one after each `length`.
const LENGTHS: u32 = 4;

/// Prints a table for each parameter.
///
/// # Errors
/// When the runtime, the detector or the model is unusable.
pub(super) fn run(config: &Config, length: Duration) -> Result<(), Failure> {
    with_faces(config, length)?;
    with_sources(config, length)?;
    with_pixels(config, length)?;
    with_time(config, length)
}

fn with_faces(config: &Config, length: Duration) -> Result<(), Failure> {
    print(
        "1280x720, one source\n\n| faces | reported per frame | fps | CPU ms per frame |\n|---:|---:|---:|---:|\n",
    )?;
    for faces in FACES {
        let played = play(config, vec![clip(1280, 720, faces, length)?])?;
        print(&format!(
            "| {faces} | {:.1} | {:.1} | {:.2} |\n",
            played.faces_a_frame(),
            played.frames_per_second(),
            played.cpu_ms_a_frame()
        ))?;
    }
    print("\n")
}

fn with_sources(config: &Config, length: Duration) -> Result<(), Failure> {
    print("640x480, one face\n\n| sources | total fps | CPU ms per frame |\n|---:|---:|---:|\n")?;
    for sources in SOURCES {
        let clips = (0..sources).map(|_| clip(640, 480, 1, length)).collect::<Result<_, _>>()?;
        let played = play(config, clips)?;
        print(&format!(
            "| {sources} | {:.1} | {:.2} |\n",
            played.frames_per_second(),
            played.cpu_ms_a_frame()
        ))?;
    }
    print("\n")
}

fn with_pixels(config: &Config, length: Duration) -> Result<(), Failure> {
    print(
        "four faces, one source\n\n| frame | megapixels | fps | CPU ms per frame |\n|---|---:|---:|---:|\n",
    )?;
    for (width, height) in SIZES {
        let played = play(config, vec![clip(width, height, 4, length)?])?;
        print(&format!(
            "| {width}x{height} | {:.2} | {:.1} | {:.2} |\n",
            f64::from(width * height) / 1e6,
            played.frames_per_second(),
            played.cpu_ms_a_frame()
        ))?;
    }
    print("\n")
}

fn with_time(config: &Config, length: Duration) -> Result<(), Failure> {
    print("640x480, four faces, one run\n\n| time, s | memory, MB |\n|---:|---:|\n")?;
    let clip = clip(640, 480, 4, length * LENGTHS)?;
    thread::scope(|scope| {
        let run = scope.spawn(|| play(config, vec![clip]));
        for number in 1..=LENGTHS {
            thread::sleep(length);
            let after = length.as_secs_f64() * f64::from(number);
            print(&format!("| {after:.0} | {:.1} |\n", resident_bytes().unwrap_or_default() as f64 / 1e6))?;
        }
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map(|_| ())
    })
}

fn clip(width: u32, height: u32, faces: u32, length: Duration) -> Result<Clip, Failure> {
    Ok(Clip { jpegs: swaying_faces(width, height, faces)?.into(), length, fps: None })
}
