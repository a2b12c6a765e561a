//! `roster serve`: the web server and the mail worker in one process, until it is told to stop (F22).

use super::{Failure, file_system, lock, start};
use crate::{
    config::Config,
    context::{Services, StartError},
    http::{self, ConnectionLimits},
    mail::{smtp::Sender, worker},
    service::{
        clean_up, keep_delivering_webhooks, keep_keys, keep_measuring_lag, keep_reminding, keep_reminding_invited,
        keep_telling_platforms,
    },
};
use app::api::setup::SETUP_LINK_HOURS;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// How long requests and deliveries that have begun may take to finish after a signal to stop; service managers kill after 30 s (F22).
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// How many connections may read metrics at the same time: more than anybody needs, and far from what people need.
const MAX_METRICS_CONNECTIONS: u32 = 16;

pub(super) async fn serve(config: Arc<Config>) -> Result<(), Failure> {
    let _lock = lock::for_serving(&config)?;
    let services = start(config.clone()).await?;
    services.database.check_access(services.now()).await.map_err(StartError::from)?;
    if let Some(warning) = config.database_url.file().and_then(|file| file_system::warning(&file)) {
        tracing::warn!("{warning}");
    }
    services.synchronise_clients().await.map_err(StartError::from)?;
    let listener = bind("listen", config.listen).await?;
    let for_metrics = match config.metrics_listen {
        Some(address) => Some(bind("metrics_listen", address).await?),
        None => None,
    };

    // Unusable settings of the mail server stop the start, not the first mail.
    if let Some(smtp) = &config.smtp {
        Sender::new(&config, smtp).map_err(|error| Failure::other(format!("smtp: {error}")))?;
    }

    services.pin_accounts_of_hosts().await.map_err(StartError::from)?;
    let stop = services.stopping.clone();
    tokio::spawn(cancel_on_signal(stop.clone()));
    let mails = tokio::spawn(worker::run(services.clone(), stop.clone()));
    let webhooks = tokio::spawn(keep_delivering_webhooks(services.clone(), stop.clone()));
    // What these jobs have begun when the server stops is rolled back, and done at the next start.
    tokio::spawn(keep_keys(services.clone(), stop.clone()));
    tokio::spawn(clean_up::run(services.clone(), stop.clone()));
    tokio::spawn(keep_reminding(services.clone(), stop.clone()));
    tokio::spawn(keep_telling_platforms(services.clone(), stop.clone()));
    tokio::spawn(keep_reminding_invited(services.clone(), stop.clone()));
    let database = services.database.clone();
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move { database.relay_changes().await }));
    if let Some(listener) = for_metrics {
        tracing::info!(listen = ?listener.local_addr().ok(), path = http::metrics::PATH, "metrics can be read");
        tokio::spawn(keep_measuring_lag(services.clone(), stop.clone()));
        tokio::spawn(http::serve(
            listener,
            http::metrics::router(services.clone()),
            ConnectionLimits::new(MAX_METRICS_CONNECTIONS, MAX_METRICS_CONNECTIONS, Vec::new()),
            stop.clone(),
            SHUTDOWN_TIMEOUT,
        ));
    }
    tracing::info!(base_url = %config.base_url, listen = %config.listen, "roster serves");
    print_address(&services).await?;

    let requests = http::serve(
        listener,
        http::router(services.clone()),
        ConnectionLimits::of(&config),
        stop.clone(),
        SHUTDOWN_TIMEOUT,
    );
    let mails = async {
        stop.cancelled().await;
        tokio::time::timeout(SHUTDOWN_TIMEOUT, mails).await
    };
    let webhooks = async {
        stop.cancelled().await;
        tokio::time::timeout(SHUTDOWN_TIMEOUT, webhooks).await
    };
    let ((), mails, webhooks) = tokio::join!(requests, mails, webhooks);
    if webhooks.is_err() {
        tracing::warn!("the worker of webhooks did not end in time");
    }
    match mails {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => return Err(Failure::other(format!("smtp: {error}"))),
        Ok(Err(_)) | Err(_) => tracing::warn!("the mail worker did not end in time"),
    }
    services.database.close().await;
    tracing::info!("roster stopped");
    Ok(())
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure::other(format!("{key}: {address}: {error}")))
}

/// Prints the address to standard output, and the set-up link while there is no account. The link is only for the person who started the
/// server: it never goes to the log.
async fn print_address(services: &Services) -> Result<(), Failure> {
    match services.setup_link().await.map_err(Failure::other)? {
        Some(link) => println!("Set Roster up within {SETUP_LINK_HOURS} hours: {link}"),
        None => println!("Roster is at {}", services.config.base_url),
    }
    Ok(())
}

async fn cancel_on_signal(stop: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be listened to");
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
}
