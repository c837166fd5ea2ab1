import type { SendResult, Verdict } from "@multifleet/core";
import { failure } from "./failure.js";

/** What a daemon's verdict is to the sender. */
export function resultOf(verdict: Verdict): SendResult {
  switch (verdict.code) {
    case "taken":
      return { ok: true, effect: "delivers", ...(verdict.answer && { answer: verdict.answer }) };
    case "refused":
      return failure("REFUSED", `the peer refused the frame: ${verdict.reason}`);
    case "later":
      return failure("BUSY", `the peer cannot take the frame now: ${verdict.reason}`);
  }
}
