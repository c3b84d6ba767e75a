"""Verifies an ID token and an access token with PyJWT, as an API written in Python would.

Reads one JSON object from standard input: issuer, jwks_uri, client_id, id_token, access_token.
"""

import json
import sys

import jwt

ALGORITHMS = ["ES256", "RS256"]


def main() -> None:
    given = json.load(sys.stdin)
    keys = jwt.PyJWKClient(given["jwks_uri"])

    def verify(token: str, **more: object) -> dict:
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=ALGORITHMS, issuer=given["issuer"], **more)

    identity = verify(
        given["id_token"],
        audience=given["client_id"],
        options={"require": ["iss", "sub", "aud", "exp", "iat"]},
    )

    # The audience of an access token is the API's own name; whoever holds both tokens takes it from the token.
    stated = jwt.decode(given["access_token"], options={"verify_signature": False})["aud"]
    access = verify(
        given["access_token"],
        audience=stated,
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]},
    )
    assert jwt.get_unverified_header(given["access_token"])["typ"] == "at+jwt"
    assert access["sub"] == identity["sub"], "both tokens speak of one user"

    try:
        verify(given["id_token"], audience="someone-else")
    except jwt.InvalidAudienceError:
        return
    raise SystemExit("a token for another audience was accepted")


main()
