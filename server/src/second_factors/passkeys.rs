//! Passkeys (WebAuthn, level 3): what is asked of a browser, and whether what it answers is true. Every check of the standard is
//! `webauthn_rp`'s; what is decided here is what Roster asks for, and which answers it lets count.

use app::domain::ids::UserId;
use std::{fmt, num::NonZeroU32};
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, NonDiscoverableAuthentication16, Registration,
    bin::{Decode, Encode},
    request::{
        AsciiDomain, Credentials, PublicKeyCredentialDescriptor, RpId, UserVerificationRequirement,
        auth::{
            AllowedCredential, AllowedCredentials, AuthenticationVerificationOptions,
            DiscoverableAuthenticationServerState, DiscoverableCredentialRequestOptions,
            NonDiscoverableAuthenticationServerState, NonDiscoverableCredentialRequestOptions,
        },
        register::{
            CoseAlgorithmIdentifier, CoseAlgorithmIdentifiers, CredProtect, Nickname,
            PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity, RegistrationServerState,
            RegistrationVerificationOptions, ResidentKeyRequirement, UserHandle16, Username,
        },
    },
    response::{
        AuthTransports, CredentialId,
        auth::error::AuthCeremonyErr,
        register::{CompressedPubKey, DynamicState, StaticState},
    },
};

/// How long a browser and its user may take: the standard's own proposal, and the most that Roster allows (LT-08).
pub const CHALLENGE_MS: u32 = 5 * 60 * 1000;

/// A key of one of the algorithms, as it is stored.
type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// This Roster, as authenticators know it.
pub struct RelyingParty {
    id: RpId,
    origin: String,
}

/// A challenge: what the server keeps of it, and what the browser is asked, as JSON.
pub struct Challenge {
    /// For the answer to be checked with.
    pub state: Vec<u8>,
    /// For the browser.
    pub options: String,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(…)")
    }
}

/// A passkey as it is stored. There is nothing secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The id that the authenticator gave it.
    pub id: Vec<u8>,
    /// The public key, and what stays as it was at the registration.
    pub key: Vec<u8>,
    /// The counter, and what else changes with use.
    pub state: Vec<u8>,
    /// How the authenticator can be reached, for the browser to know.
    pub transports: u8,
}

/// Why an answer does not count. None is told to the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyFault {
    /// It cannot be read.
    Unreadable,
    /// It is not true: another challenge, origin, credential, user or signature, or the user was not verified.
    Untrue,
    /// Its signature is right, and its counter is behind the stored one: there is a copy of the passkey.
    Copied,
}

impl RelyingParty {
    /// By the address of this Roster; `None` for one without a host name, as passkeys belong to names and not to numbers.
    pub fn of(base_url: &Url) -> Option<Self> {
        let Some(Host::Domain(name)) = base_url.host() else { return None };
        let id = RpId::Domain(AsciiDomain::try_from(name.to_owned()).ok()?);
        Some(Self { id, origin: base_url.origin().ascii_serialization() })
    }

    /// Asks for a new passkey: discoverable if the authenticator can, without attestation, and not one that is there already.
    pub fn begin_registration(&self, user: UserId, email: &str, name: &str, known: &[Credential]) -> Option<Challenge> {
        let handle = UserHandle16::decode(user.0.into_bytes()).ok()?;
        let entity = PublicKeyCredentialUserEntity {
            name: Username::try_from(email).ok()?,
            id: &handle,
            // A name that the standard has no room for stays away; the address is there.
            display_name: Nickname::try_from(name).ok(),
        };
        let mut options = PublicKeyCredentialCreationOptions::passkey(&self.id, entity, descriptors(known)?);
        options.authenticator_selection.resident_key = ResidentKeyRequirement::Preferred;
        options.authenticator_selection.user_verification = UserVerificationRequirement::Preferred;
        options.extensions.cred_protect = CredProtect::None;
        options.pub_key_cred_params = CoseAlgorithmIdentifiers::default().remove(CoseAlgorithmIdentifier::Es384);
        options.timeout = NonZeroU32::new(CHALLENGE_MS)?;
        let (server, client) = options.start_ceremony().ok()?;
        Some(Challenge { state: server.encode().ok()?, options: serde_json::to_string(&client).ok()? })
    }

    /// The passkey that a browser made for this user.
    ///
    /// # Errors
    /// [`PasskeyFault`].
    pub fn finish_registration(&self, state: &[u8], user: UserId, answer: &str) -> Result<Credential, PasskeyFault> {
        let server = RegistrationServerState::<16>::decode(state).map_err(|_| PasskeyFault::Untrue)?;
        let registration = Registration::from_json_relaxed(answer.as_bytes()).map_err(|_| PasskeyFault::Unreadable)?;
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &[self.origin.as_str()],
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = server.verify(&self.id, &registration, &options).map_err(|_| PasskeyFault::Untrue)?;
        if made.user_id().as_ref() != user.0.as_bytes() {
            return Err(PasskeyFault::Untrue);
        }
        let unreadable = |_| PasskeyFault::Unreadable;
        Ok(Credential {
            id: made.id().as_ref().to_vec(),
            key: made.static_state().encode().map_err(unreadable)?,
            state: made.dynamic_state().encode().map_err(unreadable)?.to_vec(),
            transports: made.transports().encode().map_err(unreadable)?,
        })
    }

    /// Asks a user who is known by now for one of these passkeys.
    pub fn begin_step(&self, known: &[Credential]) -> Option<Challenge> {
        let mut allowed = AllowedCredentials::with_capacity(known.len());
        for descriptor in descriptors(known)? {
            allowed.push(AllowedCredential::from(descriptor));
        }
        let mut options = NonDiscoverableCredentialRequestOptions::second_factor(&self.id, allowed).ok()?;
        // Who has proved a password has only to be there; the authenticator asks for more if it likes.
        options.options().user_verification = UserVerificationRequirement::Preferred;
        options.options().timeout = NonZeroU32::new(CHALLENGE_MS)?;
        let (server, client) = options.start_ceremony().ok()?;
        Some(Challenge { state: server.encode().ok()?, options: serde_json::to_string(&client).ok()? })
    }

    /// Checks the answer to [`Self::begin_step`]: the passkey of this user that it is of, with its state as it is now.
    ///
    /// # Errors
    /// [`PasskeyFault`].
    pub fn finish_step(
        &self,
        state: &[u8],
        user: UserId,
        known: &[Credential],
        answer: &str,
    ) -> Result<Credential, PasskeyFault> {
        let server = NonDiscoverableAuthenticationServerState::decode(state).map_err(|_| PasskeyFault::Untrue)?;
        let answer = NonDiscoverableAuthentication16::from_json_relaxed(answer.as_bytes())
            .map_err(|_| PasskeyFault::Unreadable)?;
        let id = answer.raw_id().as_ref().to_vec();
        let stored = known.iter().find(|credential| credential.id == id).ok_or(PasskeyFault::Untrue)?;
        let handle = UserHandle16::decode(user.0.into_bytes()).map_err(|_| PasskeyFault::Untrue)?;
        let mut credential = stored.opened(&handle).ok_or(PasskeyFault::Untrue)?;
        server.verify(&self.id, &answer, &mut credential, &self.verification()).map_err(fault)?;
        stored.with_state(credential.dynamic_state())
    }

    /// Asks for any passkey of this Roster, and that the authenticator verify its user: it stands for the password too (LT-08).
    pub fn begin_sign_in(&self) -> Option<Challenge> {
        let mut options = DiscoverableCredentialRequestOptions::passkey(&self.id);
        options.0.timeout = NonZeroU32::new(CHALLENGE_MS)?;
        let (server, client) = options.start_ceremony().ok()?;
        Some(Challenge { state: server.encode().ok()?, options: serde_json::to_string(&client).ok()? })
    }

    /// Checks the answer to [`Self::begin_sign_in`] against the passkey that it names, with its state as it is now.
    ///
    /// # Errors
    /// [`PasskeyFault`].
    pub fn finish_sign_in(
        &self,
        state: &[u8],
        user: UserId,
        stored: &Credential,
        answer: &PasskeySignIn,
    ) -> Result<Credential, PasskeyFault> {
        let server = DiscoverableAuthenticationServerState::decode(state).map_err(|_| PasskeyFault::Untrue)?;
        let handle = UserHandle16::decode(user.0.into_bytes()).map_err(|_| PasskeyFault::Untrue)?;
        let mut credential = stored.opened(&handle).ok_or(PasskeyFault::Untrue)?;
        server.verify(&self.id, &answer.0, &mut credential, &self.verification()).map_err(fault)?;
        stored.with_state(credential.dynamic_state())
    }

    fn verification(&self) -> AuthenticationVerificationOptions<'_, '_, String, String> {
        AuthenticationVerificationOptions {
            allowed_origins: std::slice::from_ref(&self.origin),
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        }
    }
}

/// The answer of a browser that signs in by a passkey alone.
pub struct PasskeySignIn(DiscoverableAuthentication16);

impl PasskeySignIn {
    /// Reads it; `None` if it is none.
    pub fn read(answer: &str) -> Option<Self> {
        DiscoverableAuthentication16::from_json_relaxed(answer.as_bytes()).ok().map(Self)
    }

    /// The passkey that it names.
    pub fn credential_id(&self) -> Vec<u8> {
        self.0.raw_id().as_ref().to_vec()
    }

    /// The user whom it names.
    pub fn user(&self) -> Option<UserId> {
        Uuid::from_slice(self.0.response().user_handle().as_ref()).ok().map(UserId)
    }
}

impl Credential {
    fn opened<'c>(&'c self, user: &'c UserHandle16) -> Option<AuthenticatedCredential<'c, 'c, 16, PublicKey>> {
        let id = CredentialId::<&[u8]>::decode(self.id.as_slice()).ok()?;
        let key = StaticState::<PublicKey>::decode(self.key.as_slice()).ok()?;
        let state = DynamicState::decode(self.state.as_slice().try_into().ok()?).ok()?;
        AuthenticatedCredential::new(id, user, key, state).ok()
    }

    fn with_state(&self, state: DynamicState) -> Result<Self, PasskeyFault> {
        let state = state.encode().map_err(|_| PasskeyFault::Unreadable)?.to_vec();
        Ok(Self { state, ..self.clone() })
    }
}

fn descriptors(known: &[Credential]) -> Option<Vec<PublicKeyCredentialDescriptor<Vec<u8>>>> {
    known
        .iter()
        .map(|credential| {
            Some(PublicKeyCredentialDescriptor {
                id: CredentialId::decode(credential.id.clone()).ok()?,
                transports: AuthTransports::decode(credential.transports).ok()?,
            })
        })
        .collect()
}

/// The library looks at the counter once everything else is right.
fn fault(error: AuthCeremonyErr) -> PasskeyFault {
    if matches!(error, AuthCeremonyErr::SignatureCounter) { PasskeyFault::Copied } else { PasskeyFault::Untrue }
}
