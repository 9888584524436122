//! From kubeconfig or the pod's own account to a client, as kubectl does it.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::{LiveError, LiveOptions};

/// A cluster to talk to.
#[derive(Clone)]
pub struct Connection {
    /// Whoever talks to it.
    pub client: Client,
    /// The context's name, or `in-cluster`.
    pub name: String,
    /// Its URL, for messages.
    pub server: String,
}

/// A client as kubectl would have it. Nothing is asked yet.
pub async fn connect(options: &LiveOptions) -> Result<Connection, LiveError> {
    let (mut config, name) = configure(options).await?;
    config.connect_timeout = Some(options.request_timeout);
    // Retried here instead, with the server's own Retry-After.
    config.default_retry = false;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let plugin = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone());
    let client = Client::try_from(config).map_err(|source| LiveError::of_login(plugin.as_deref(), source))?;
    Ok(Connection { client, name, server })
}

async fn configure(options: &LiveOptions) -> Result<(Config, String), LiveError> {
    let bad = |source: kube::config::KubeconfigError| LiveError::Config { source: Box::new(source) };
    let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    if options.kubeconfig.is_none() && options.context.is_none() {
        let config = Config::infer().await.map_err(|source| LiveError::Config { source: Box::new(source) })?;
        // The context's name is for people; without a kubeconfig there is none.
        let name = Kubeconfig::read().ok().and_then(|kubeconfig| kubeconfig.current_context);
        return Ok((config, name.unwrap_or_else(|| "in-cluster".to_owned())));
    }
    let kubeconfig = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(bad)?,
        None => Kubeconfig::read().map_err(bad)?,
    };
    let name = options.context.clone().or_else(|| kubeconfig.current_context.clone());
    let config = Config::from_custom_kubeconfig(kubeconfig, &chosen).await.map_err(bad)?;
    Ok((config, name.unwrap_or_default()))
}
