// Days and moments in words.

import { clock } from "/assets/words.js";

/** A time of day today, or with its day otherwise. */
export function moment(time) {
  const date = new Date(time);
  if (date.toDateString() === new Date().toDateString()) return clock(time);
  return `${date.toLocaleDateString([], { day: "numeric", month: "short" })}, ${clock(time)}`;
}

export function day(time) {
  return new Date(time).toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
}
