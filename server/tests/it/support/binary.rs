//! The binary in processes of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// The binary that is tested: the one just built, or the one that `ROSTER_BINARY` names.
fn binary() -> PathBuf {
    std::env::var_os("ROSTER_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_roster").into(), PathBuf::from)
}

/// A program on the path, in `/usr/sbin`, or that `.ci/set-up` unpacked.
pub fn installed(name: &str) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/proxies");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), unpacked.join("usr/sbin"), unpacked.join("usr/bin")]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed; run .ci/set-up test"))
}

pub fn roster(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(data).env("ROSTER_DATA_DIR", data.join("data")).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROSTER_") && name != "ROSTER_DATA_DIR") {
        command.env_remove(name);
    }
    command
}

pub fn run(data: &Path, arguments: &[&str]) -> Output {
    roster(data, arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server in a process of its own; killed when dropped.
pub struct Serving {
    child: Child,
    pub port: u16,
    pub greeting: String,
    log: Option<JoinHandle<String>>,
}

impl Serving {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, free_port(), &[])
    }

    /// Starts one on this port, with further arguments.
    pub fn start_with(data: &Path, port: u16, arguments: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let mut command = roster(data, &["serve", "--listen", &listen]);
        command.args(arguments);
        Self::started(command, port)
    }

    /// Starts one that may open so many descriptors.
    pub fn start_with_descriptors(data: &Path, most: u32) -> Self {
        let port = free_port();
        let plain = roster(data, &["serve", "--listen", &format!("127.0.0.1:{port}")]);
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("ulimit -n {most}; exec \"$0\" \"$@\""))
            .arg(plain.get_program())
            .args(plain.get_args());
        command.current_dir(data).stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self::started(command, port)
    }

    /// Starts this command, which listens on this port.
    pub fn started(mut command: Command, port: u16) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It is read all the time: a server that can write no more of its log stands still.
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let mut greeting = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
        Self { child, port, greeting, log: Some(log) }
    }

    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[allow(dead_code, reason = "the tests of faults use it")]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a fault does, and waits until it is gone; answers what it logged.
    #[allow(dead_code, reason = "the tests of faults use it")]
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    /// Waits until it has ended by itself, or by somebody else; answers what it logged.
    #[allow(dead_code, reason = "the tests of faults use it")]
    pub fn ended(mut self) -> String {
        self.child.wait().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    /// Ends it as a service manager does; answers how it ended and what it logged.
    pub fn stop(mut self) -> (Option<i32>, String) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
