import { green, red, yellow, type Styled } from "./screen.js";

/** A state in its colour. */
export function stateStyled(state: string): Styled {
  if (state === "delivered" || state === "surfaced") return green(state);
  return state === "accepted" || state === "sent" ? yellow(state) : red(state);
}

export const ends: readonly string[] = ["rejected", "expired", "cancelled"];

/** What is to say of a message that is not delivered: the state honestly, and its reason. */
export function shortfall(state: string, reason: string | undefined): string {
  const because = reason === undefined || reason === "" ? "" : `: ${reason}`;
  return ends.includes(state) ? `${state}${because}` : `${state}, not delivered yet${because}`;
}
