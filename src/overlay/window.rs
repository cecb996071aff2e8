//! The window's process: reads frames from stdin and shows them.

use super::{
    READY, View,
    wire::{self, Message},
};
use crate::{
    frame::Picture,
    system::{Waiting, own, wait_for_end},
};
use emotiond_core::exit::{Exit, Failure};
use minifb::{InputCallback, Key, ScaleMode, Window, WindowOptions};
use std::{
    cell::RefCell,
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Write},
    rc::Rc,
    time::{Duration, Instant},
};

/// Maximum frame rate; a higher one is hardly visible and takes processor time from the analysis.
const FPS: u32 = 30;
/// Maximum interval between checks for key presses.
const EVENT_INTERVAL: Duration = Duration::from_millis(15);

/// Opens a window of `width` x `height` pixels and shows the frames from stdin until stdin ends or the window is
/// closed. First prints on stdout that it is ready, or why the window cannot be opened.
///
/// # Errors
/// When the window cannot be opened or stdin cannot be read.
pub fn run(width: u32, height: u32) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    let mut window = match open(width, height) {
        Ok(window) => window,
        Err(error) => {
            let reason = error.to_string().replace('\n', " ");
            let _ = writeln!(stdout, "{reason}");
            return Err(Failure::new(Exit::Unavailable, error));
        }
    };
    let _ = writeln!(stdout, "{READY}");
    let input = own(&io::stdin()).map_err(|error| Failure::new(Exit::Software, error))?;
    let pipe = Pipe { input: BufReader::with_capacity(1 << 16, input.into()), memory: Picture::default() };
    show(&mut window, pipe).map_err(|error| Failure::new(Exit::Software, error))
}

fn open(width: u32, height: u32) -> minifb::Result<Window> {
    let options =
        WindowOptions { resize: true, scale_mode: ScaleMode::UpperLeft, ..WindowOptions::default() };
    Window::new("emotiond", width as usize, height as usize, options)
}

/// The pipe that frames arrive through.
struct Pipe {
    input: BufReader<File>,
    /// Memory for the next picture.
    memory: Picture,
}

/// Keys pressed since the last check. The window's own key state misses a key that is released quickly.
#[derive(Clone, Default)]
struct Keys(Rc<RefCell<(Vec<Key>, HashSet<Key>)>>);

impl InputCallback for Keys {
    fn add_char(&mut self, _: u32) {}

    fn set_key_state(&mut self, key: Key, is_down: bool) {
        let (pressed, down) = &mut *self.0.borrow_mut();
        if !is_down {
            down.remove(&key);
        } else if down.insert(key) {
            pressed.push(key);
        }
    }
}

fn show(window: &mut Window, mut pipe: Pipe) -> io::Result<()> {
    let keys = Keys::default();
    window.set_input_callback(Box::new(keys.clone()));
    // This loop limits the frame rate itself.
    window.set_target_fps(0);
    let mut view = View::default();
    let mut pixels = Vec::new();
    let mut size = (0, 0);
    let mut shown_at = Instant::now();
    while window.is_open() {
        let due = Duration::from_secs(1) / FPS;
        let wants = !view.is_frozen() && shown_at.elapsed() >= due;
        let mut is_new = false;
        match pipe.wait(wants, EVENT_INTERVAL)? {
            Some(true) => {
                pipe.read(&mut view)?;
                is_new = true;
            }
            Some(false) => {}
            None => return Ok(()),
        }
        for key in keys.0.borrow_mut().0.drain(..) {
            is_new = true;
            match key {
                Key::Q | Key::Escape => return Ok(()),
                Key::Space => view.freeze(),
                Key::M => view.mirror(),
                Key::B => view.pixelate(),
                Key::H => view.help(),
                Key::Tab => view.next_source(),
                _ => {}
            }
        }
        let now = window.get_size();
        if is_new || size != now {
            size = now;
            shown_at = Instant::now();
            let picture = view.compose(now.0.max(1) as u32, now.1.max(1) as u32);
            pixels.clear();
            let packed = |rgb: &[u8; 3]| u32::from_be_bytes([0, rgb[0], rgb[1], rgb[2]]);
            pixels.extend(picture.pixels.as_chunks().0.iter().map(packed));
            window.update_with_buffer(&pixels, now.0.max(1), now.1.max(1)).map_err(io::Error::other)?;
        } else {
            window.update();
        }
    }
    Ok(())
}

impl Pipe {
    /// Waits up to `patience` for a message, or only for the end of the stream if none is wanted. Returns whether a
    /// message is available, `None` at the end.
    fn wait(&self, wants: bool, patience: Duration) -> io::Result<Option<bool>> {
        if wants && !self.input.buffer().is_empty() {
            return Ok(Some(true));
        }
        Ok(match wait_for_end(self.input.get_ref(), wants, patience)? {
            Waiting::End => None,
            waiting => Some(waiting == Waiting::Data),
        })
    }

    /// Reads the available messages, at most one frame per source.
    fn read(&mut self, view: &mut View) -> io::Result<()> {
        for _ in 0..=view.sources() {
            match wire::read(&mut self.input, &mut self.memory)? {
                Some(Message::PipelineInfo(stage)) => view.set_stage(stage),
                Some(Message::Frame(shown)) => self.memory = view.take(*shown, Instant::now()),
                None => return Ok(()),
            }
            if self.wait(true, Duration::ZERO)? != Some(true) {
                return Ok(());
            }
        }
        Ok(())
    }
}
