//! Ports that nobody uses.

use std::net::TcpListener;

use crate::Error;

/// Different free ports of the loopback address.
///
/// Another process may take one before its user binds it; who starts a server must be ready to try again.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    // All are held until the last is found, so that none is handed out twice.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener =
            TcpListener::bind("127.0.0.1:0").map_err(|source| Error::preparing("finding a free port", source))?;
        *port = listener.local_addr().map_err(|source| Error::preparing("reading a free port", source))?.port();
        held.push(listener);
    }
    Ok(ports)
}
