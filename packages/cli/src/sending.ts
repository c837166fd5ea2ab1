import { api, type SendRequest } from "./api.js";
import { during, type Context } from "./context.js";
import { milliseconds } from "./duration.js";
import { dim } from "./screen.js";
import { ends, shortfall, stateStyled } from "./states.js";
import { took, channelName } from "./units.js";
import type { MessageView } from "./views.js";

/** How far to follow a message, and how long. */
export interface Waiting {
  readonly wait: string | undefined;
  readonly timeout: string;
}

/** What became of one message, as far as was asked. */
interface Outcome {
  readonly id: string;
  readonly to?: string;
  readonly state: string;
  readonly reason?: string;
  readonly view?: MessageView;
}

/** Sends, waits where that is asked for, and tells. @returns The exit code: 1 where a message did not get as far */
export async function send(context: Context, request: SendRequest, waiting: Waiting): Promise<number> {
  const daemon = context.daemon();
  const answer = await during(context, "sending", api.send(daemon, request));
  const sent: readonly Outcome[] = answer.messages ?? [answer];
  const outcomes =
    waiting.wait === undefined
      ? sent
      : await during(context, `waiting until it is ${waiting.wait}`, waitFor(sent));
  if (context.json)
    context.out.json(
      answer.messages === undefined ? jsonOf(outcomes[0]) : { messages: outcomes.map(jsonOf) },
    );
  else for (const outcome of outcomes) show(outcome);
  const short = outcomes.filter((outcome) => !satisfies(outcome, waiting.wait));
  for (const outcome of short) tell(outcome);
  return short.length === 0 ? 0 : 1;

  async function waitFor(messages: readonly Outcome[]): Promise<Outcome[]> {
    const timeout = milliseconds(waiting.timeout) ?? 0;
    return Promise.all(
      messages.map(async ({ id, to }) => {
        const view = await api.wait(daemon, id, waiting.wait ?? "settled", timeout);
        return {
          id,
          ...(to === undefined ? {} : { to }),
          state: view.state,
          view,
          ...(view.reason === undefined ? {} : { reason: view.reason }),
        };
      }),
    );
  }

  function show({ id, to, state, view }: Outcome): void {
    const by = view?.attempts.findLast(({ outcome }) => outcome === "delivered" || outcome === "stored");
    const way = by === undefined ? "" : `  ${channelName(by.channel, by.rank)} ${took(by.ms)}`.trimEnd();
    context.out.line(id, "  ", stateStyled(state), ...(to === undefined ? [] : [`  ${to}`]), dim(way));
  }

  function tell({ id, to, state, reason }: Outcome): void {
    const whom = to === undefined ? "" : `to ${to}: `;
    context.err.line(`multifleet: ${whom}${missed(state, reason)}`);
    if (!ends.includes(state))
      context.err.line(`It goes on by itself. See: multifleet status ${id}${context.at}`);
  }

  function missed(state: string, reason: string | undefined): string {
    if (state === "delivered") return `delivered, but no session was given it within ${waiting.timeout}`;
    return ends.includes(state)
      ? shortfall(state, reason)
      : `${shortfall(state, reason)} (after ${waiting.timeout})`;
  }
}

function jsonOf(outcome: Outcome | undefined): unknown {
  return outcome?.view ?? outcome;
}

/** Whether it is what was asked for: without --wait anything that may still arrive. */
function satisfies({ state }: Outcome, wait: string | undefined): boolean {
  if (wait === undefined) return !ends.includes(state);
  return state === "surfaced" || (wait !== "surfaced" && state === "delivered");
}
