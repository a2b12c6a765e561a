//! `roster keys`: replaces the instance key (CF-03).

use super::{Failure, lock, start};
use crate::{
    config::Config,
    context::StartError,
    program,
    secrets::KeyFile,
    service::{Resealed, Retired},
};
use std::sync::Arc;

pub(super) fn prepare(config: &Config) -> Result<(), Failure> {
    let _lock = lock::for_keys(config)?;
    let path = &config.secret_key_file;
    let mut keys = KeyFile::read(path).map_err(StartError::from)?;
    if keys.prepare() {
        keys.write(path).map_err(StartError::from)?;
        println!("The next key is in {}. It opens, and does not seal yet.", path.display());
    } else {
        println!("The next key is in {} already.", path.display());
    }
    println!("Next: copy the file to every instance, then run `{} keys rotate` on one.", program::name());
    Ok(())
}

pub(super) async fn rotate(config: Arc<Config>) -> Result<(), Failure> {
    let path = config.secret_key_file.display().to_string();
    let services = start(config.clone()).await?;
    let _lock = lock::for_keys(&config)?;
    let rotated = services.rotate_keys().await.map_err(Failure::other)?;
    if rotated.new_key {
        println!("A new key in {path} seals from now on; the earlier one still opens.");
    } else {
        println!("{path} holds an earlier key, so this carried its rotation on; no other key was made.");
    }
    print_resealed(rotated.resealed);
    let renewed = services.renew_signing_keys().await.map_err(|error| Failure::other(format!("{error:?}")))?;
    if renewed > 0 {
        println!(
            "New keys sign the tokens of platforms in ten minutes: {renewed}. The earlier ones stay published for a week."
        );
    }
    println!(
        "Next: copy the file to every other instance, if there are more; then `{} keys retire` removes the earlier key.",
        program::name()
    );
    Ok(())
}

pub(super) async fn retire(config: Arc<Config>) -> Result<(), Failure> {
    let path = config.secret_key_file.display().to_string();
    let services = start(config.clone()).await?;
    let _lock = lock::for_keys(&config)?;
    match services.retire_keys().await.map_err(Failure::other)? {
        Retired::Done { keys, resealed } => {
            print_resealed(resealed);
            println!("Earlier keys removed from {path}: {keys}. Nothing in the database needs them any more.");
            println!(
                "Next: copy the file to every other instance, if there are more. A backup made before needs the key of its time."
            );
            Ok(())
        }
        Retired::NoOlderKey => {
            println!("{path} holds no earlier key; there is nothing to remove.");
            Ok(())
        }
        Retired::TooSoon { wait } => Err(Failure::other(format!(
            "secret_key_file: {path}: changed just now, and a request may still be writing what it sealed before; try again in {} s",
            wait.as_secs() + 1
        ))),
    }
}

fn print_resealed(resealed: Resealed) {
    println!("Values sealed anew: {}.", resealed.values);
    if resealed.unopened > 0 {
        println!(
            "Values left as they are, because no key of the file opens them: {}. If another instance has the key, add its line to this file \
             and run this again.",
            resealed.unopened
        );
    }
}
