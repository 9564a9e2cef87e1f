"""Callers for the requests that are made from the document, and values that no document can describe."""

import itertools
import json
import os
import secrets
import threading
import time
import urllib.request

import schemathesis
from schemathesis import GenerationMode

URL = os.environ["SCHEMA_URL"]
PASSWORD = "kestrel over dunes"
# These end the session that calls, or other sessions of its user, so each call of theirs is by a user of its own.
ENDING = {"log_out", "end_session", "change_password", "close_me"}
numbers = itertools.count()
turns = itertools.count()
lock = threading.Lock()
cursors = {}
# Numbers with a password, by when their last code was sent: a number is sent one a minute.
rested = []


def fresh_number():
    """A number that nobody has, in a block of numbers that is far from its limit."""
    number = next(numbers)
    return f"+4915{number // 40:06d}{number % 40:04d}"


def ask(path, token=None, body=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(URL + path, json.dumps(body).encode() if body is not None else None, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def send_code(path="/auth/send-otp"):
    mobile = fresh_number()
    return mobile, ask(path, body={"mobile": mobile})["otp"]


def sign_in():
    mobile, code = send_code()
    return ask("/auth/verify-otp", body={"mobile": mobile, "otp": code})


def with_password():
    user = sign_in()
    ask("/auth/change-password", user["access_token"], {"new_password": PASSWORD})
    rested.append((time.monotonic() + 61, user["user"]["mobile"]))
    return user["user"]["mobile"]


def rested_number():
    with lock:
        return rested.pop(0)[1] if rested and rested[0][0] < time.monotonic() else None


# Some to begin with, so that there are rested ones when passwords are reset.
for _ in range(20):
    with_password()


@schemathesis.auth(refresh_interval=None)
class Callers:
    shared = None

    def get(self, case, context):
        if operation_id(case) in ENDING:
            return sign_in()["access_token"]
        with lock:
            Callers.shared = Callers.shared or sign_in()["access_token"]
            return Callers.shared

    def set(self, case, token, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives requests that are right by the document what only the server's state can make acceptable."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    # A cursor is one that was given out.
    if case.query and "cursor" in case.query:
        cursor = cursors.get(case.formatted_path)
        case.query = {name: value for name, value in case.query.items() if name != "cursor"}
        case.query |= {"cursor": cursor} if cursor else {}
    # A span begins before it ends, and is no longer than a year.
    if case.query and "from" in case.query:
        case.query = dict(case.query) | ({"to": case.query["from"]} if operation_id(case) == "show_usage" else {})
    # A key is good once for one body.
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = secrets.token_urlsafe(12)
    if isinstance(case.body, dict):
        make_acceptable(case.body)
        if operation_id(case) == "close_me":
            leave_one_proof(case.body)
    # Every other request names what there is, so that right answers are seen as well; the rest stays as it was made.
    if next(turns) % 2:
        name_what_is_there(case, operation_id(case))


def make_acceptable(body):
    # Which passwords are too common is a list of thousands, and their greatest length is one of bytes.
    if isinstance(body.get("new_password"), str):
        body["new_password"] = body["new_password"][:100] + PASSWORD
    for name in ["password", "old_password"]:
        if isinstance(body.get(name), str):
            body[name] = body[name][:128]
    # Which models there are is the operator's choice.
    body.pop("model", None)


def leave_one_proof(body):
    # A password or a code, and a challenge with a code alone.
    if "password" in body:
        body.pop("otp", None)
    if "otp" not in body:
        body.pop("challenge_id", None)


def name_what_is_there(case, operation):
    body = case.body if isinstance(case.body, dict) else {}
    token = (case.headers or {}).get("Authorization", "").removeprefix("Bearer ")
    match operation:
        case "send_otp" | "forgot_password":
            body["mobile"] = fresh_number()
        case "verify_otp":
            body["mobile"], body["otp"] = send_code()
            body.pop("challenge_id", None)
        case "reset_password":
            if mobile := rested_number():
                body["mobile"], body["otp"] = mobile, ask("/auth/forgot-password", body={"mobile": mobile})["otp"]
                body.pop("challenge_id", None)
        case "log_in":
            body["mobile"], body["password"] = with_password(), PASSWORD
        case "refresh_tokens":
            body["refresh_token"] = sign_in()["refresh_token"]
        case "end_session" if token:
            case.path_parameters["id"] = ask("/auth/sessions", token)["sessions"][0]["id"]
        case "send_message" | "show_chatroom" | "update_chatroom" | "list_messages" if token:
            case.path_parameters["id"] = ask("/chatroom", token, {})["id"]
        case "show_message" | "stop_message" | "regenerate_message" | "retry_message" if token:
            room = ask("/chatroom", token, {})["id"]
            sent = ask(f"/chatroom/{room}/message", token, {"content": "Why is the sky blue?"})
            case.path_parameters |= {"id": room, "mid": (sent["reply"] if operation in ("stop_message", "retry_message") else secrets.choice([sent["message"], sent["reply"]]))["id"]}
        case "show_problem":
            case.path_parameters["code"] = "not_found"


@schemathesis.hook
def after_call(context, case, response):
    try:
        cursor = response.json().get("next_cursor")
    except (ValueError, AttributeError):
        return
    if cursor and not case.query:
        cursors[case.formatted_path] = cursor
