//! A service on loopback that knows airports: a question is a code on a line, the answer a line of
//! JSON. Every twentieth answer is that it is busy.

#![allow(unreachable_pub, reason = "a module of a program")]

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etl_core::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One answer in so many is [`Answer::Busy`].
const BUSY_EVERY: u64 = 20;

/// What is known of a station.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Station {
    /// The airport's name.
    pub name: String,
    /// Feet above sea level.
    pub elevation_ft: i32,
}

/// What the service says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The station is known.
    Station(Station),
    /// Ask again later.
    Busy,
    /// There is no such station.
    Unknown,
}

/// A running service; it ends when this is dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Service {
    /// Starts on a free port, with the airports of a CSV file.
    pub async fn start(airports: &Path) -> Result<Self> {
        let stations = Arc::new(
            read(airports)
                .map_err(|_error| Error::msg(format!("cannot read {}", airports.display())).hint("it must stand beside the input"))?,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (stations, asked) = (Arc::clone(&stations), Arc::clone(&asked));
                tokio::spawn(async move {
                    // A caller that hangs up is no concern of the service.
                    let _hung_up = serve(caller, &stations, &asked).await;
                });
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn read(airports: &Path) -> Result<HashMap<String, Station>, csv::Error> {
    #[derive(Deserialize)]
    struct Line {
        faa: String,
        name: String,
        alt: i32,
    }
    csv::Reader::from_path(airports)?
        .deserialize()
        .map(|line| line.map(|Line { faa, name, alt }| (faa, Station { name, elevation_ft: alt })))
        .collect()
}

async fn serve(mut caller: TcpStream, stations: &HashMap<String, Station>, asked: &AtomicU64) -> io::Result<()> {
    let (questions, mut answers) = caller.split();
    let mut questions = BufReader::new(questions).lines();
    while let Some(code) = questions.next_line().await? {
        let answer = if asked.fetch_add(1, Ordering::Relaxed) % BUSY_EVERY == BUSY_EVERY - 1 {
            Answer::Busy
        } else {
            stations.get(&code).cloned().map_or(Answer::Unknown, Answer::Station)
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        answers.write_all(&line).await?;
    }
    Ok(())
}

/// The way to the service.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
}

impl Client {
    /// Connects anew for each question.
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Asks about one station.
    pub async fn ask(&self, code: &str) -> io::Result<Answer> {
        let mut connection = TcpStream::connect(self.address).await?;
        connection.write_all(format!("{code}\n").as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(&mut connection).read_line(&mut line).await?;
        serde_json::from_str(&line).map_err(io::Error::from)
    }
}
