//! A small HTTP server that plays the endpoints of docs/rightsizing.md, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// One request: its path, its Authorization, its body.
#[derive(Clone)]
pub struct Asked {
    pub path: String,
    pub authorization: String,
    pub body: Value,
}

type Answer = Box<dyn Fn(&Asked) -> (u16, String) + Send>;

/// It listens until the test ends.
pub struct Server {
    pub url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Asked) -> (u16, String) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(Box::new(answer) as Answer)), Arc::new(Mutex::new(Vec::new())));
        let server = Server { url, answer: answer.clone(), asked: asked.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, asked) = (answer.clone(), asked.clone());
                // Who hangs up is not answered.
                std::thread::spawn(move || serve(stream, &answer, &asked));
            }
        });
        server
    }

    /// From now on it answers so.
    pub fn answer(&self, answer: impl Fn(&Asked) -> (u16, String) + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// What it was asked at this path.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

fn serve(stream: TcpStream, answer: &Mutex<Answer>, asked: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = Asked { path, authorization, body: serde_json::from_slice(&body).unwrap_or_default() };
    let (status, text) = answer.lock().unwrap()(&request);
    asked.lock().unwrap().push(request);
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    (&stream).write_all((head + &text).as_bytes()).ok()
}
