//! Logging in by an OpenID Connect provider: authorization code with PKCE. The provider is asked who somebody is, and
//! for nothing else; what it says counts only with its signature, for us, in time, and for the login that was begun here.
//!
//! Nothing is kept of a login that has begun. Its cookie is random, and what has to match it (state, nonce, verifier) is
//! made from it with a key of this process: whoever floods the login fills no memory.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full, Limited};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreUserInfoClaims,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::sessions::random;
use crate::config::Oidc;
use crate::errors::chain;
use crate::outgoing;
use crate::people::Person;
use crate::rewards::window::Instant;

pub mod pages;

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer: keys and tokens are small.
const ANSWER_BYTES: usize = 1024 * 1024;
/// How long somebody may be at the provider.
const LOGIN_MINUTES: i64 = 10;
/// How long the provider's addresses and keys are taken to be the same. A login that fails looks anew.
const KNOWN_FOR: TimeDelta = TimeDelta::minutes(5);
/// Signatures that only the provider can make. Those by the client's secret are not among them: we could, too.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It does not answer, or not as a provider does.
    #[error("the provider cannot be asked: {0}")]
    Away(String),
    /// It was begun in another browser, too long ago, or not at all.
    #[error("this login was not begun here")]
    NotBegun,
    /// The provider says no, or what it says does not count.
    #[error("the provider's answer is refused: {0}")]
    Refused(String),
}

/// Who somebody is, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub subject: String,
    /// Only where the provider has verified it.
    pub email: Option<String>,
}

impl Identity {
    /// The person whose login this is, and which of both it is.
    pub fn person<'p>(&self, people: &'p [Person]) -> Option<(&'p Person, &'p str)> {
        people.iter().find_map(|person| {
            let login = person.login.as_deref()?;
            let is_email = |email: &String| email.eq_ignore_ascii_case(login);
            let is_hers = login == self.subject || self.email.as_ref().is_some_and(is_email);
            is_hers.then_some((person, login))
        })
    }
}

/// A login that begins: where to send the browser, and its cookie.
pub struct Begun {
    pub address: String,
    pub cookie: String,
}

/// See the module.
pub struct Provider {
    settings: Oidc,
    key: OnceLock<String>,
    known: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

impl Provider {
    #[must_use]
    pub const fn new(settings: Oidc) -> Self {
        Self { settings, key: OnceLock::new(), known: Mutex::new(None) }
    }

    /// Its host, for people.
    pub fn name(&self) -> String {
        let url = url::Url::parse(&self.settings.issuer).ok();
        let host = url.as_ref().and_then(url::Url::host_str);
        host.unwrap_or(&self.settings.issuer).to_owned()
    }

    /// Sends somebody to the provider; `wanted` is the path to go on to afterwards.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn begin(&self, wanted: &str, now: Instant) -> Result<Begun, OidcError> {
        let client = self.client(now).await?;
        let away = |error: getrandom::Error| OidcError::Away(error.to_string());
        let wanted: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        let cookie = format!("{}.{}.{wanted}", random().map_err(away)?, now.timestamp());
        if self.key.get().is_none() {
            // Where another request was faster, its key is the one.
            drop(self.key.set(random().map_err(away)?));
        }
        let [state, nonce, verifier] = self.marks(&cookie)?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let others = self.settings.scopes.iter().filter(|scope| *scope != "openid");
        let (address, ..) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .add_scopes(others.cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Begun { address: address.into(), cookie })
    }

    /// Takes what the provider has sent a browser back with: who it is, and the path to go on to.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn finish(
        &self,
        cookie: Option<&str>,
        answer: impl Fn(&str) -> Option<String>,
        now: Instant,
    ) -> Result<(Identity, String), OidcError> {
        let cookie = cookie.ok_or(OidcError::NotBegun)?;
        let mut parts = cookie.splitn(3, '.').skip(1);
        let begun: Option<i64> = parts.next().and_then(|part| part.parse().ok());
        let age = begun.map(|begun| now.timestamp().saturating_sub(begun));
        if !age.is_some_and(|age| (0..=LOGIN_MINUTES * 60).contains(&age)) {
            return Err(OidcError::NotBegun);
        }
        let [state, nonce, verifier] = self.marks(cookie)?;
        let returned = answer("state").unwrap_or_default();
        if !bool::from(returned.as_bytes().ct_eq(state.as_bytes())) {
            return Err(OidcError::NotBegun);
        }
        if answer("iss").is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(OidcError::Refused("it comes from another provider".to_owned()));
        }
        let Some(code) = answer("code") else {
            return Err(OidcError::Refused(answer("error").unwrap_or_else(|| "no code".to_owned())));
        };
        let wanted = parts.next().unwrap_or_default();
        let wanted = form_urlencoded::parse(wanted.as_bytes()).next().map(|(wanted, _)| wanted.into_owned());
        let identity = self.exchange(code, verifier, nonce, now).await.inspect_err(|_| {
            // Perhaps its keys are others by now.
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        })?;
        Ok((identity, wanted.unwrap_or_default()))
    }

    /// State, nonce and verifier of a login, which only this process can make from its cookie.
    fn marks(&self, cookie: &str) -> Result<[String; 3], OidcError> {
        let key = self.key.get().ok_or(OidcError::NotBegun)?;
        Ok(["state", "nonce", "verifier"].map(|purpose| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length will do");
            mac.update(format!("{purpose} {cookie}").as_bytes());
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
        }))
    }

    async fn exchange(
        &self,
        code: String,
        verifier: String,
        nonce: String,
        now: Instant,
    ) -> Result<Identity, OidcError> {
        let client = self.client(now).await?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| away(&error))?;
        let answer = request.set_pkce_verifier(PkceCodeVerifier::new(verifier)).request_async(&fetch).await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(why) => OidcError::Refused(why.to_string()),
            other => away(&other),
        })?;
        let refused = |why: String| OidcError::Refused(why);
        let token = answer.id_token().ok_or_else(|| refused("it has no ID token".to_owned()))?;
        let verifier: CoreIdTokenVerifier<'_> =
            client.id_token_verifier().set_allowed_algs(SIGNATURES).set_time_fn(move || now);
        let claims = token.claims(&verifier, &Nonce::new(nonce)).map_err(|error| refused(chain(&error)))?;
        let subject = claims.subject().clone();
        let mut email = claims.email().filter(|_| claims.email_verified() == Some(true)).cloned();
        // Some providers tell no more than the subject until they are asked.
        if let (None, Ok(request)) =
            (&email, client.user_info(answer.access_token().clone(), Some(subject.clone())))
        {
            let info: CoreUserInfoClaims =
                request.request_async(&fetch).await.map_err(|error| refused(chain(&error)))?;
            email = info.email().filter(|_| info.email_verified() == Some(true)).cloned();
        }
        Ok(Identity { subject: subject.to_string(), email: email.map(|email| email.to_string()) })
    }

    async fn client(&self, now: Instant) -> Result<Client, OidcError> {
        let settings = &self.settings;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let metadata = match known.filter(|(since, _)| (*since..*since + KNOWN_FOR).contains(&now)) {
            Some((_, metadata)) => metadata,
            None => {
                let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| away(&error))?;
                let found = CoreProviderMetadata::discover_async(issuer, &fetch).await;
                let found = found.map_err(|error| away(&error))?;
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, found.clone()));
                found
            }
        };
        let secret =
            settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let redirect = RedirectUrl::new(settings.redirect_url.clone()).map_err(|error| away(&error))?;
        let id = ClientId::new(settings.client_id.clone());
        Ok(CoreClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(redirect))
    }
}

fn away(error: &(dyn std::error::Error + 'static)) -> OidcError {
    OidcError::Away(chain(error))
}

/// One request of the protocol.
async fn fetch(request: HttpRequest) -> io::Result<HttpResponse> {
    let exchanged = async {
        let answer = outgoing::send(request.map(Full::from)).await.map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(io::Error::other)?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
    };
    let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {PATIENCE:?}")));
    timeout(PATIENCE, exchanged).await.unwrap_or_else(late)
}
