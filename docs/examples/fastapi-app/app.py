"""A FastAPI app whose people sign in by Roster. At each click it asks what they may do now, and it hears at once when a sign-in has ended.

pip install authlib fastapi httpx itsdangerous python-multipart uvicorn
ROSTER=https://roster.example.org APP=https://reports.example.org CLIENT_SECRET=… SESSION_SECRET=… uvicorn app:app --port 8080
"""
import os
from typing import Annotated

import httpx
from authlib.integrations.starlette_client import OAuth, OAuthError
from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import PlainTextResponse, RedirectResponse
from joserfc import errors, jwk, jwt
from starlette.middleware.sessions import SessionMiddleware

ROSTER, APP, SECRET = os.environ["ROSTER"], os.environ["APP"], os.environ["CLIENT_SECRET"]
CLIENT_ID = os.environ.get("CLIENT_ID", "reports")
METADATA = f"{ROSTER}/.well-known/openid-configuration"
SCOPE = {"scope": "openid profile email roster", "code_challenge_method": "S256"}
LOGOUT = jwt.JWTClaimsRegistry(iss={"essential": True, "value": ROSTER}, aud={"essential": True, "value": CLIENT_ID}, sid={"essential": True})
roster = OAuth().register("roster", client_id=CLIENT_ID, client_secret=SECRET, server_metadata_url=METADATA, client_kwargs=SCOPE)
app = FastAPI(default_response_class=PlainTextResponse)
app.add_middleware(SessionMiddleware, secret_key=os.environ["SESSION_SECRET"], session_cookie="__Host-session", https_only=True)
people = {}  # Who is signed in, by the sid of the sign-in, which is all that the signed cookie has. Yours would be a table.

@app.get("/sign-in")
async def sign_in(request: Request):
    return await roster.authorize_redirect(request, f"{APP}/callback")

@app.get("/callback")
async def callback(request: Request):
    try:
        tokens = await roster.authorize_access_token(request)
    except OAuthError:
        raise HTTPException(400, "This did not work. Open the first page again.")
    request.session["sid"] = tokens["userinfo"]["sid"]
    people[request.session["sid"]] = {"name": tokens["userinfo"]["name"], "token": tokens["access_token"]}
    return RedirectResponse("/reports", 303)

@app.post("/logged-out")  # The back channel: the person was removed or suspended, signed out, or may not come in any more.
async def logged_out(logout_token: Annotated[str, Form()]):
    try:
        told = jwt.decode(logout_token, jwk.KeySet.import_key_set(await roster.fetch_jwk_set(force=True)), algorithms=["ES256"])
        LOGOUT.validate(told.claims)
    except (errors.JoseError, ValueError):
        raise HTTPException(400)
    if told.header.get("typ") == "logout+jwt":  # And not another token of Roster's.
        people.pop(told.claims["sid"], None)

@app.get("/reports")
async def reports(request: Request):
    # The token is good for ten minutes. Then Roster gives a new one to who is still signed in there, without asking anything.
    token = people.get(request.session.get("sid"), {"token": "none"})["token"]
    async with httpx.AsyncClient(auth=(CLIENT_ID, SECRET)) as client:
        now = (await client.post(f"{ROSTER}/oidc/introspect", data={"token": token})).json()
    if not now["active"]:
        return RedirectResponse("/sign-in", 303)
    if "analytics.read" not in now["roster:permissions"]:
        raise HTTPException(403, "Ask an admin for analytics.read.")
    return f"The reports, for {now['name']}"
