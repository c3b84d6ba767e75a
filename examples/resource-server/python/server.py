"""An API that accepts access tokens (RFC 9068). Copy `Protect` and what it uses into your own service."""

import os
import re

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
# What this API calls itself: what applications name as `resource` and find in `aud`.
AUDIENCE = os.environ.get("AUDIENCE", f"{ISSUER}/demo-api")
# Pinned here, never taken from the token: who may choose the algorithm may choose a weak one.
ALGORITHM = os.environ.get("ALGORITHM", "ES256")
PORT = int(os.environ.get("PORT", "3002"))

# Keeps the keys for ten minutes. An unknown `kid` reads them again, but not more than once in 30 seconds.
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=600, timeout=5)


class Protect:
    """Lets a request pass whose access token is good and was granted all scopes; gives its claims."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    # Not `async`: FastAPI runs it on a thread, because reading the keys may take a moment.
    def __call__(self, request: Request) -> dict:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        # RFC 6750 section 3.1: who has sent no token is told that one is needed, and no error.
        if scheme.lower() != "bearer" or not token:
            raise refused(401)
        try:
            claims = verify(token)
        except jwt.PyJWKClientConnectionError as fault:
            # Nobody's token is at fault when the keys cannot be read.
            raise HTTPException(503, {"error": "temporarily_unavailable"}) from fault
        except jwt.PyJWTError as fault:
            raise refused(401, error="invalid_token", error_description=str(fault)) from fault
        if not set(self.scopes) <= set(claims.get("scope", "").split()):
            # A good token that is not good for this: to sign in again would not help.
            raise refused(403, error="insufficient_scope", scope=" ".join(self.scopes))
        return claims


def verify(token: str) -> dict:
    """The claims of a good access token, RFC 9068 section 4."""
    # An ID token is signed by the same keys; its `typ` is another.
    if str(jwt.get_unverified_header(token).get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
        raise jwt.InvalidTokenError("not an access token")
    return jwt.decode(
        token,
        KEYS.get_signing_key_from_jwt(token),
        algorithms=[ALGORITHM],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["iss", "aud", "exp", "iat", "sub", "client_id", "jti"]},
        # How far two clocks may be apart, in seconds.
        leeway=10,
    )


def refused(status: int, **members: str) -> HTTPException:
    """RFC 6750 section 3: the challenge says in a header what is wrong."""
    # What is said of a token may quote it: nothing in it may end the quotes, or the header.
    plain = {name: re.sub(r'[^ -~]|["\\]', "'", text) for name, text in members.items()}
    challenge = ", ".join(f'{name}="{text}"' for name, text in {"realm": "orders", **plain}.items())
    return HTTPException(status, members or None, headers={"WWW-Authenticate": f"Bearer {challenge}"})


app = FastAPI(title="Orders")


@app.get("/me")
def me(token: dict = Depends(Protect())) -> dict:
    return {"sub": token["sub"], "scope": token.get("scope", "")}


@app.get("/orders", dependencies=[Depends(Protect("orders:read"))])
def orders() -> list[dict]:
    return [{"id": 1, "what": "a teapot"}]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="info")
