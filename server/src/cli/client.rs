//! `roster client`: registers the platforms that sign people in by Roster.

use super::Failure;
use crate::{
    config::{Client, SigningAlgorithm},
    context::Services,
    service::Opens,
};
use app::domain::time::Span;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Register a platform, and print its secret, which is shown once
    Add {
        /// Its client ID, in a–z, 0–9, - and _
        #[arg(long)]
        id: String,
        /// Its name, as people see it
        #[arg(long)]
        name: String,
        /// Where people come back to after signing in, compared exactly; can be given several times
        #[arg(long = "redirect-uri", required = true, value_name = "URI")]
        redirect_uris: Vec<String>,
        /// Where people may be sent after signing out, compared exactly; can be given several times
        #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
        post_logout_redirect_uris: Vec<String>,
        /// Where the platform is told that a sign-in ended
        #[arg(long, value_name = "URL")]
        backchannel_logout_uri: Option<String>,
        /// The slug of the only account whose members sign in there
        #[arg(long, value_name = "SLUG")]
        account: Option<String>,
        /// A page or an app, which can keep no secret
        #[arg(long)]
        public: bool,
        /// A file with its public keys (a JWK set), by which it proves itself instead of by a secret
        #[arg(long, value_name = "FILE", conflicts_with = "public")]
        public_keys: Option<PathBuf>,
        /// Give each person an ID that no other platform knows
        #[arg(long)]
        pairwise_subjects: bool,
        /// How its ID tokens are signed
        #[arg(long, value_enum, default_value = "ES256")]
        algorithm: SigningAlgorithm,
    },
    /// List the platforms
    List,
    /// Print a new secret for a platform
    Rotate {
        /// Its client ID
        id: String,
        /// For so many hours the earlier secret is taken as well
        #[arg(long, default_value_t = 0, value_name = "HOURS")]
        overlap_hours: u16,
    },
    /// Bind a platform of the settings file to the account that its `account` names now; what was begun there ends
    Bind {
        /// Its client ID
        id: String,
    },
    /// Remove a platform; its tokens are dead at once
    Remove {
        /// Its client ID
        id: String,
    },
}

pub(super) async fn run(services: &Services, command: ClientCommand) -> Result<(), Failure> {
    match command {
        ClientCommand::Add {
            id,
            name,
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            account,
            public,
            public_keys,
            pairwise_subjects,
            algorithm,
        } => {
            let read = |path: &PathBuf| {
                std::fs::read_to_string(path).map_err(|error| Failure::other(format!("{}: {error}", path.display())))
            };
            let settings = Client {
                id,
                name,
                secret: None,
                secret_file: None,
                public_keys: public_keys.as_ref().map(read).transpose()?,
                public_keys_file: None,
                redirect_uris,
                post_logout_redirect_uris,
                backchannel_logout_uri,
                account,
                pairwise_subjects,
                algorithm,
            };
            let secret = services.add_client(&settings, public).await.map_err(Failure::other)?;
            println!("Issuer: {}", services.config.origin());
            println!("Client ID: {}", settings.id);
            match secret {
                Some(secret) => println!("Client secret, shown this once: {}", secret.reveal()),
                None if settings.public_keys.is_some() => println!("It proves itself by its keys."),
                None => println!("It is public: it has no secret, and proves itself by PKCE."),
            }
        }
        ClientCommand::List => {
            for (client, in_file) in services.list_clients().await.map_err(Failure::other)? {
                let kind = if client.is_public() { "public" } else { "confidential" };
                let place = if in_file { "settings file" } else { "command line" };
                let opens = match client.opens {
                    Opens::Every => "every account".to_owned(),
                    Opens::Only { slug, .. } => format!("account {slug}"),
                    Opens::Nothing(why) => format!("serves nobody: {why}"),
                };
                let settings = client.settings;
                let uris = settings.redirect_uris.join(" ");
                println!("{}\t{}\t{kind}\t{place}\t{opens}\t{uris}", settings.id, settings.name);
            }
        }
        ClientCommand::Rotate { id, overlap_hours } => {
            let overlap = Span::hours(i64::from(overlap_hours));
            let secret = services.rotate_client(&id, overlap).await.map_err(Failure::other)?;
            println!("Client secret, shown this once: {}", secret.reveal());
            match overlap_hours {
                0 => println!("The earlier one is dead."),
                hours => println!("The earlier one is taken for {hours} hours more."),
            }
        }
        ClientCommand::Bind { id } => {
            services.rebind_client(&id).await.map_err(Failure::other)?;
            println!(
                "{id} is bound to the account that the settings name. Whoever was signed in there signs in again."
            );
        }
        ClientCommand::Remove { id } => {
            services.remove_client(&id).await.map_err(Failure::other)?;
            println!("{id} is removed; its tokens are dead.");
        }
    }
    Ok(())
}
