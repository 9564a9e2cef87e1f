// What codes and times are called to a person.

import { Problem, Unreachable } from "/assets/http.js";

const FLAWS = {
  phone_format: "Please write the number with its country code, such as +1 415 555 0123.",
  phone_not_served: "Numbers of this country are not served here.",
  otp_format: "A code has 6 digits (or 8, after many wrong ones).",
  password_short: "A password has 8 characters or more.",
  password_long: "A password has 128 characters at most.",
  password_common: "That password is known to everybody. Please choose another.",
  too_long: "That is too long.",
  blank: "Please write something.",
  control_character: "That has characters that cannot be used here.",
  required: "Something is missing.",
};

const REASONS = {
  prompt_blocked: "The model declined to answer this message.",
  answer_withheld: "The model withheld its answer.",
  model_unavailable: "The model could not be reached.",
  model_busy: "The model was too busy.",
  model_quota_exhausted: "The model's own limit is used up for now.",
  model_empty_answer: "The model had nothing to say.",
  no_room_for_answer: "The conversation left no room for an answer.",
  model_rejected_request: "The model could not read the conversation.",
  model_misconfigured: "The model is not set up rightly on this server.",
  deadline_exceeded: "The reply took too long.",
  internal: "Something went wrong on the server.",
};

/** A problem in one sentence, and how long to wait where that is known. */
export function sentence(error) {
  if (error instanceof Unreachable) {
    return navigator.onLine ? "The server cannot be reached. Please try again." : "You are offline.";
  }
  if (!(error instanceof Problem)) return "Something went wrong. Please try again.";
  if (error.code === "internal") return `Something went wrong on the server (${error.id ?? "no id"}).`;
  // The server says in words what is wrong, except with what was typed.
  const text = FLAWS[error.flaws[0]?.code] ?? error.detail ?? "That could not be done.";
  return error.wait > 1 ? `${text} Wait ${span(error.wait)}.` : text;
}

/** Why a reply is not a whole one; nothing for one that is. */
export function reason({ outcome, error }) {
  if (outcome === "truncated") return "The reply was cut off at its greatest length.";
  if (outcome === "stopped") return "Stopped.";
  if (outcome === "blocked") return REASONS[error] ?? "The model declined to answer.";
  if (outcome === "empty") return `${REASONS.model_empty_answer} It was not counted.`;
  if (outcome === "failed") return `${REASONS[error] ?? REASONS.internal} It was not counted.`;
  return "";
}

function span(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} minutes`;
  return `${Math.ceil(seconds / 3600)} hours`;
}

/** The time of day alone. */
export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
