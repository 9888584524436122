//! A real Prometheus, filled with what it is to have seen: `prometheus` and `promtool` of Debian's package.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::control_plane::ControlPlane;
use crate::error::Error;

/// A Prometheus that ends with it.
pub struct Prometheus {
    child: Child,
    url: String,
}

/// Far more than it takes to open what it was filled with.
const PATIENCE: Duration = Duration::from_secs(60);

impl Prometheus {
    /// Whether the programs are missing, which `make test` installs. Where CI is set they must not be.
    pub fn is_missing() -> bool {
        let runs = |program: &str| {
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        let is_missing = !(runs("prometheus") && runs("promtool"));
        assert!(!is_missing || std::env::var_os("CI").is_none(), "prometheus is missing: apt-get install prometheus");
        if is_missing {
            eprintln!("skipped: prometheus is missing; make test installs it");
        }
        is_missing
    }

    /// Starts one that has seen this, in the OpenMetrics format with a time on each line, and goes on to see itself.
    pub fn start(folder: &Path, metrics: &str) -> Result<Prometheus, Error> {
        let (file, data, config) = (folder.join("metrics"), folder.join("data"), folder.join("prometheus.yml"));
        let failed = |source: std::io::Error| Error::preparing("cannot start Prometheus", source);
        std::fs::write(&file, metrics).map_err(failed)?;
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&file, &data])
            .stdout(Stdio::null())
            .status()
            .map_err(failed)?;
        if !made.success() {
            return Err(failed(std::io::Error::other("promtool does not take the metrics")));
        }
        let address = format!("127.0.0.1:{}", ControlPlane::free_port()?);
        let itself = format!("{{job_name: itself, scrape_interval: 1s, static_configs: [{{targets: ['{address}']}}]}}");
        std::fs::write(&config, format!("scrape_configs: [{itself}]\n")).map_err(failed)?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            // Blocks may be as old as they like.
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let started = Prometheus { child, url: format!("http://{address}") };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(&address).is_err() {
            if Instant::now() > until {
                return Err(failed(std::io::Error::other("it does not listen")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(started)
    }

    /// Asks it for something; it counts how often it is asked for what, as `prometheus_http_requests_total`.
    pub fn touch(&self, path: &str) -> Result<(), Error> {
        let failed = |source: std::io::Error| Error::preparing("cannot ask Prometheus", source);
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).map_err(failed)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").map_err(failed)?;
        stream.read_to_end(&mut Vec::new()).map_err(failed).map(|_| ())
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
