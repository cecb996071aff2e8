//! The sender's process.

use crate::{
    config::LogConfig,
    stream::Link,
    system::{OwnedPipe, die_with_us, give_pipe, give_way, separate, widen},
};
use emotiond_send::wire::PICTURES_FD;
use std::{
    env,
    ffi::OsString,
    io,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Names another program in place of this one, for tests.
const STAND_IN: &str = "EMOTIOND_SENDER";
/// Niceness: the analysis has priority.
const NICER: i32 = 10;

/// The process, shared with the thread that may have to kill it.
#[derive(Clone)]
pub struct SharedChild(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    log: LogConfig,
    /// Where its pictures come from.
    pictures: Option<Link>,
    child: Option<Child>,
    /// Set when no process may run any more.
    is_over: bool,
}

impl SharedChild {
    /// No process yet; it will log as the daemon does, and get `pictures`.
    pub fn new(log: &LogConfig, pictures: Option<Link>) -> Self {
        Self(Arc::new(Mutex::new(State { log: log.clone(), pictures, ..State::default() })))
    }

    /// Starts the process; returns its stdin and stdout. The calling thread must outlive it: the system kills the
    /// process when the thread ends.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self) -> io::Result<(OwnedPipe, ChildStdout)> {
        let program = env::var_os(STAND_IN).map_or_else(|| env::current_exe().map(OsString::from), Ok)?;
        let mut state = self.lock();
        let mut command = Command::new(program);
        command.args(["send", "--child", "--log-level", &state.log.level]);
        command.args(state.log.json.then_some("--log-json"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C must not reach it: it sends the last lines of the pipeline.
        separate(&mut command);
        if let Some(pictures) = &state.pictures {
            let (theirs, ours) = io::pipe()?;
            widen(&ours);
            give_pipe(&mut command, theirs, PICTURES_FD)?;
            pictures.write_to(ours.into());
        }
        die_with_us(&mut command);
        if state.is_over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut child = command.spawn()?;
        give_way(&child, NICER);
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both are piped")
        };
        widen(&stdin);
        state.child = Some(child);
        Ok((stdin.into(), stdout))
    }

    /// Its exit status, once it has ended.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.lock().child.as_mut()?.try_wait().ok().flatten()
    }

    /// Kills it.
    pub fn kill(&self) {
        let mut state = self.lock();
        if let Some(child) = &mut state.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills it, and lets no other one start.
    pub fn give_up(&self) {
        self.lock().is_over = true;
        self.kill();
    }

    /// Locks the state. A holder makes only system calls and cannot panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
