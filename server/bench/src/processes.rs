//! The server in a process of its own, and what processes cost, by /proc.

use crate::{Result, client::Client};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The unit of /proc/PID/stat.
const TICK_MS: f64 = 10.0;
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The numbers of /proc/PID/stat from the third on, the state, which is none.
fn stat(pid: u32) -> Result<Vec<f64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, numbers) = text.rsplit_once(") ").ok_or("/proc/PID/stat")?;
    Ok(numbers.split(' ').skip(1).map(|number| number.trim().parse().unwrap_or_default()).collect())
}

fn field(stat: &[f64], n: usize) -> f64 {
    // The fields are counted from 1 in proc(5), and the first here is the fourth.
    stat.get(n - 4).copied().unwrap_or_default()
}

pub fn parent_of(pid: u32) -> Result<u32> {
    Ok(field(&stat(pid)?, 4) as u32)
}

/// Processor time of a process until now, user and system.
pub fn processor_ms(pid: u32) -> Result<f64> {
    let stat = stat(pid)?;
    Ok((field(&stat, 14) + field(&stat, 15)) * TICK_MS)
}

/// Processor time of a process with all of its children, ended ones too.
pub fn processor_ms_of_family(pid: u32) -> Result<f64> {
    let own = stat(pid)?;
    let mut ticks: f64 = (14..=17).map(|n| field(&own, n)).sum();
    for entry in fs::read_dir("/proc")? {
        let Ok(child) = entry?.file_name().to_string_lossy().parse() else { continue };
        // Processes end while they are read.
        let Ok(stat) = stat(child) else { continue };
        if field(&stat, 4) as u32 == pid {
            ticks += field(&stat, 14) + field(&stat, 15);
        }
    }
    Ok(ticks * TICK_MS)
}

/// Roster, as it is installed.
pub struct Roster {
    child: Child,
    pub port: u16,
    /// From the start of the process to its first answer.
    pub start_ms: f64,
}

impl Roster {
    /// Starts it with these settings, and waits until it answers.
    pub async fn start(
        binary: &Path,
        folder: &Path,
        database: &str,
        port: u16,
        settings: &[(&str, String)],
    ) -> Result<Self> {
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .current_dir(folder)
            .env("ROSTER_DATA_DIR", folder)
            .env("ROSTER_DATABASE_URL", database)
            .env("ROSTER_LOG__LEVEL", "error")
            .env("ROSTER_PASSWORDS__TURN_TIMEOUT_MS", "60000")
            // What would be measured instead of the work. The buckets are looked up and written all the same.
            .envs(
                [
                    "SIGN_IN_BURST",
                    "SIGN_IN_USER_BURST",
                    "MAILS_PER_ACCOUNT_DAY",
                    "MAILS_PER_INVITER_HOUR",
                    "MAILS_PER_SERVER_DAY",
                ]
                .map(|limit| (format!("ROSTER_LIMITS__{limit}"), "1000000")),
            )
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        while Client::connect(port).await.is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(format!("roster ended: {status}").into());
            }
            if begun.elapsed() > START_TIMEOUT {
                child.kill()?;
                return Err("roster does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Client::connect(port).await?.get("/healthz", "").await?.expect_ok("/healthz")?;
        let start_ms = begun.elapsed().as_secs_f64() * 1000.0;
        Ok(Self { child, port, start_ms })
    }

    /// What it says first on its output, if it says anything.
    pub fn greeting(&mut self) -> Result<String> {
        let mut greeting = String::new();
        BufReader::new(self.child.stdout.as_mut().ok_or("no output")?).read_line(&mut greeting)?;
        Ok(greeting)
    }

    pub fn processor_ms(&self) -> Result<f64> {
        processor_ms(self.child.id())
    }

    /// Resident memory, in MB.
    pub fn memory_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1000.0)
    }

    /// Stops it as a service manager does.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Roster {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A port that nobody listens at.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
