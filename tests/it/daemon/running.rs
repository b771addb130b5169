//! A running daemon as its service manager has it: signals in, notifications and a log out.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::estate::{Estate, wait_for};

/// The real program, running.
pub struct Running {
    child: Child,
    log: PathBuf,
    socket: UnixDatagram,
    heard: RefCell<Vec<String>>,
}

impl Running {
    /// Starts it and waits until it says that it is ready.
    #[track_caller]
    pub fn start(estate: &Estate) -> Self {
        Self::start_with(estate, &[])
    }

    /// Likewise, with more in its environment.
    #[track_caller]
    pub fn start_with(estate: &Estate, env: &[(&str, &str)]) -> Self {
        let running = Self::launch(estate, env);
        wait_for("it is ready", || running.news().iter().any(|news| news == "READY=1").then_some(()));
        running
    }

    /// Starts it, and waits for nothing.
    #[track_caller]
    pub fn launch(estate: &Estate, env: &[(&str, &str)]) -> Self {
        Self::launch_as(estate, estate.command(&["run"]), env)
    }

    /// Likewise, where writes beyond a limit of the system's fail instead of ending the process; and waits until it is
    /// ready.
    #[track_caller]
    pub fn start_limited(estate: &Estate) -> Self {
        let program = estate.command(&["run"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" run"]).arg(program.get_program()).env_clear();
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(estate.folder.path()).stdin(Stdio::null());
        let running = Self::launch_as(estate, shell, &[]);
        wait_for("it is ready", || running.news().iter().any(|news| news == "READY=1").then_some(()));
        running
    }

    fn launch_as(estate: &Estate, mut command: Command, env: &[(&str, &str)]) -> Self {
        let path = estate.path("notify");
        if path.exists() {
            fs::remove_file(&path).expect("the socket of an earlier start");
        }
        let socket = UnixDatagram::bind(&path).expect("a socket in the folder");
        socket.set_nonblocking(true).expect("a socket that doesn't wait");
        let log = estate.path("log");
        let file = File::options().create(true).append(true).open(&log).expect("a log in the folder");
        // Many of them run side by side, and there is one usual address.
        command.env("KEYSWEEP__HTTP__LISTEN", "off");
        command.env("NOTIFY_SOCKET", &path).envs(env.iter().copied()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().expect("the program starts");
        Self { child, log, socket, heard: RefCell::default() }
    }

    /// Everything that the service manager has heard, a line each.
    pub fn news(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            self.heard.borrow_mut().extend(text.lines().map(str::to_owned));
        }
        self.heard.borrow().clone()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.expect("a shell").success(), "kill -{name}");
    }

    /// Files that it writes may be no longer than this, as on a disk that is full; `unlimited` ends that.
    pub fn limit_files(&self, bytes: &str) {
        let pid = self.child.id().to_string();
        let limit = format!("--fsize={bytes}:unlimited");
        let set = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
        assert!(set.expect("prlimit of util-linux").success(), "prlimit {limit}");
    }

    /// Everything that it has written to standard error, over all starts.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log")
    }

    /// Waits until the log has these words.
    #[track_caller]
    pub fn says(&self, words: &str) {
        wait_for(words, || self.log().contains(words).then_some(()));
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("a child");
    }

    /// Waits for its end. Returns the exit code, and how long it took.
    #[track_caller]
    pub fn end(mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let status = wait_for("it ends", || self.child.try_wait().expect("a child"));
        (status.code(), begun.elapsed())
    }

    /// Tells it to stop, and expects that it ends well.
    #[track_caller]
    pub fn stop(self) {
        self.signal("TERM");
        let log = self.log.clone();
        let (code, _) = self.end();
        assert_eq!(code, Some(0), "{}", fs::read_to_string(log).unwrap_or_default());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no daemon behind; one that ended is gone already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
