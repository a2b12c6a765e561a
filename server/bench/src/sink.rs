//! A mail server that takes everything at once and keeps nothing.

use crate::Result;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

const TIMEOUT: Duration = Duration::from_secs(120);

pub struct Sink {
    taken: Arc<AtomicUsize>,
}

impl Sink {
    pub async fn listen(port: u16) -> Result<Self> {
        let taken = Arc::<AtomicUsize>::default();
        let (listener, counter) = (TcpListener::bind(("127.0.0.1", port)).await?, Arc::clone(&taken));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                // Whoever hangs up has said what there was to say.
                tokio::spawn(async move { drop(serve(stream, &counter).await) });
            }
        });
        Ok(Self { taken })
    }

    /// How many mails a second come in, from the first to this one.
    pub async fn rate_of(&self, mails: usize) -> Result<f64> {
        let begun = Instant::now();
        let wait_for = async |most: usize| {
            while self.taken.load(Ordering::Relaxed) < most {
                if begun.elapsed() > TIMEOUT {
                    return Err(format!("{} of {mails} mails came", self.taken.load(Ordering::Relaxed)));
                }
                sleep(Duration::from_millis(1)).await;
            }
            Ok(Instant::now())
        };
        let first = wait_for(1).await?;
        let last = wait_for(mails).await?;
        Ok(mails as f64 / last.duration_since(first).as_secs_f64())
    }
}

async fn serve(stream: TcpStream, taken: &AtomicUsize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let (mut line, mut in_text) = (String::new(), false);
    while stream.read_line(&mut line).await? > 0 {
        let command = line.trim_end().to_ascii_uppercase();
        let answer = match command.get(..4) {
            _ if in_text && command == "." => {
                in_text = false;
                taken.fetch_add(1, Ordering::Relaxed);
                "250 taken"
            }
            _ if in_text => "",
            Some("DATA") => {
                in_text = true;
                "354 go on"
            }
            Some("QUIT") => "221 bye",
            _ => "250 fine",
        };
        if !answer.is_empty() {
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        line.clear();
    }
    Ok(())
}
