"""The parts of `explain` and `doctor`. A server does not import them, so that it starts faster."""

from dependency_injector import providers

from backend.adapters.auth.explain.configuration import diagnose_cookies
from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.container import explanations, tokens
from backend.container.application import Container
from backend.container.issuer_inspection import issuer_inspection
from backend.container.revocation_inspection import diagnose_revocations, explain_revocation


class InspectionContainer(Container):
    """The parts of the application, and those that explain credentials and check the installation.

    Each `Singleton` is made once, at its first use.
    """

    diagnose_database = providers.Callable(diagnose_database, Container.database)
    diagnose_revocations = providers.Callable(
        diagnose_revocations, Container.database, Container.revocation_check
    )
    advice = providers.Callable(explanations.advice_for, Container.settings)
    has_secret = providers.Callable(tokens.has_secret, Container.settings)
    token_explainer = providers.Singleton(
        TokenExplainer,
        Container.signed_tokens,
        policy=Container.policy,
        access_tokens=Container.access_token_rules,
        to_principal=Container.issuer.provided.to_principal,
        has_secret=has_secret,
        jwks_url=Container.keys_url,
        cookies=Container.settings.provided.auth_cookie,
        secret_is_for_sessions=providers.Callable(
            tokens.secret_is_for_sessions, Container.settings, has_key_set=Container.keys_url
        ),
        key_set_state=Container.key_set_state,
        claim_names=Container.settings.provided.auth_claims,
        advice=advice,
        clock=Container.clock,
    )
    cookie_explainer = providers.Singleton(
        explanations.cookie_explainer,
        Container.settings,
        Container.issuer,
        Container.jwks_keys,
        Container.session_verifier,
        Container.tracer,
    )
    session_token_explainer = providers.Singleton(
        explanations.session_token_explainer,
        Container.settings,
        Container.session_token_verifier,
        Container.tracer,
    )
    diagnose_session_tokens = providers.Callable(
        explanations.diagnose_get_session,
        Container.settings,
        Container.issuer,
        Container.get_session_client.provider,
    )
    explain_revocation = providers.Callable(
        explain_revocation, Container.database, Container.revocation_check
    )
    diagnose_cookies = providers.Callable(
        diagnose_cookies,
        Container.settings.provided.auth_cookie,
        name=Container.settings.provided.auth_cookie_name,
        has_secret=has_secret,
        origins=Container.web_origins,
    )
    diagnose_issuer = providers.Callable(
        diagnose_issuer,
        Container.http_client,
        Container.keys_url,
        has_secret=has_secret,
        metadata_issuer=Container.issuer.provided.metadata_issuer,
        advice=advice,
        algorithms=Container.settings.provided.auth_algorithms,
        leeway=Container.settings.provided.auth_leeway,
        policy=Container.policy,
        access_tokens=Container.access_token_rules,
        clock=Container.clock,
    )
    # For several issuers; None with one.
    issuer_inspection = providers.Singleton(
        issuer_inspection, Container.settings, Container.clock, Container.revocation_check.provider
    )
