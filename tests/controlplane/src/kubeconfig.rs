//! Kubeconfig files, with everything inside so that they can be copied.

use serde_json::{Value, json};

use crate::certificates::Certificate;

/// How a kubeconfig's user proves who it is.
pub(crate) enum Credentials<'a> {
    Token(&'a str),
    Certificate(&'a Certificate),
}

/// The text of a kubeconfig. Every JSON text is YAML too.
pub(crate) fn kubeconfig(server: &str, authority: &str, credentials: &Credentials<'_>) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "test",
            "cluster": {"server": server, "certificate-authority-data": base64(authority.as_bytes())},
        }],
        "users": [{"name": "test", "user": user(credentials)}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    })
    .to_string()
}

fn user(credentials: &Credentials<'_>) -> Value {
    match credentials {
        Credentials::Token(token) => json!({"token": token}),
        Credentials::Certificate(certificate) => json!({
            "client-certificate-data": base64(certificate.certificate.as_bytes()),
            "client-key-data": base64(certificate.key.as_bytes()),
        }),
    }
}

/// The standard alphabet with padding. Ten lines here are less to look after than one more crate.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            if place <= chunk.len() {
                let index = (bits >> (18 - 6 * place)) & 0x3f;
                text.push(char::from(ALPHABET[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_to_whole_groups() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
        assert_eq!(base64(&[0xff, 0xfe]), "//4=");
    }
}
