import { call } from "./client.js";
import type { Access } from "./home.js";
import type {
  CheckRow,
  HealthView,
  InboxItem,
  InviteAnswer,
  JoinAnswer,
  MessageView,
  NatsServerView,
  PeerView,
  RosterView,
  SendAnswer,
} from "./views.js";

/** What `POST /message` takes. */
export interface SendRequest {
  readonly id?: string;
  readonly type: string;
  readonly to?: string;
  readonly payload: { readonly subject: string; readonly body: string };
  readonly session?: string;
  readonly replyTo?: string;
  readonly key?: string;
  readonly expires?: string;
  readonly via?: string;
}

/** The most that the API waits in one request. */
const longestWait = 3_600_000;

const query = (values: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? "" : `?${search.toString()}`;
};

/** The endpoints of the local API that this program uses. Each rejects with a Failure; see {@link call}. */
export const api = {
  send: (to: Access, body: SendRequest) => call(to, "POST", "/message", { body }) as Promise<SendAnswer>,

  message: (to: Access, id: string) => call(to, "GET", at`/message/${id}`) as Promise<MessageView>,

  /** Answers once the message got as far, ended otherwise, or `timeout` milliseconds are over. */
  async wait(to: Access, id: string, state: string, timeout: number): Promise<MessageView> {
    const wait = Math.min(timeout, longestWait);
    const path = at`/message/${id}` + query({ wait: state, timeout: wholeTime(wait) });
    const seen = (await call(to, "GET", path, { deadline: wait + 30_000 })) as MessageView;
    return reached(seen, state) || timeout <= longestWait
      ? seen
      : api.wait(to, id, state, timeout - longestWait);
  },

  messages: (to: Access, filter: { state?: string; limit: number }) =>
    call(to, "GET", `/messages${query(filter)}`) as Promise<{ readonly messages: readonly MessageView[] }>,

  cancel: (to: Access, id: string) => call(to, "POST", at`/message/${id}/cancel`) as Promise<MessageView>,

  /** From the oldest on; `next`, where there is more, is the `after` to go on with. */
  inbox: (to: Access, filter: { after?: number; session?: string; unsurfaced?: boolean; limit: number }) =>
    call(to, "GET", `/inbox${query(filter)}`) as Promise<{
      readonly items: readonly InboxItem[];
      readonly next?: number;
    }>,

  fetch: (to: Access) => call(to, "POST", "/fetch"),

  item: (to: Access, id: string) => call(to, "GET", at`/inbox/${id}`) as Promise<InboxItem>,

  surface: (to: Access, id: string) => call(to, "POST", at`/inbox/${id}/surfaced`),

  deadLetters: (to: Access, limit: number) =>
    call(to, "GET", `/dead-letters${query({ limit })}`) as Promise<{
      readonly messages: readonly MessageView[];
    }>,

  retry: (to: Access, id: string) => call(to, "POST", at`/dead-letters/${id}/retry`) as Promise<SendAnswer>,

  peers: (to: Access) => call(to, "GET", "/peers") as Promise<{ readonly peers: readonly PeerView[] }>,

  roster: (to: Access) => call(to, "GET", "/roster") as Promise<RosterView>,

  check: (to: Access, body: { peer?: string; channel?: string }) =>
    call(to, "POST", "/check", { body, deadline: 60_000 }) as Promise<{
      readonly results: readonly CheckRow[];
    }>,

  health: (to: Access) => call(to, "GET", "/health", { accepts: 503 }) as Promise<HealthView>,

  invite: (to: Access, body: { uses: number; expires: string; lan: boolean }) =>
    call(to, "POST", "/invite", { body }) as Promise<InviteAnswer>,

  join: (to: Access, body: { code: string; node?: string }) =>
    call(to, "POST", "/join", { body, deadline: 60_000 }) as Promise<JoinAnswer>,

  natsServer: (to: Access) => call(to, "GET", "/nats") as Promise<NatsServerView>,

  natsUp: (to: Access, body: object) =>
    call(to, "POST", "/nats", { body, deadline: 90_000 }) as Promise<NatsServerView>,

  natsDown: (to: Access, purge: boolean) =>
    call(to, "DELETE", `/nats${query({ purge })}`, { deadline: 60_000 }) as Promise<NatsServerView>,
};

/** A path whose parts are put in as one segment each, whatever they hold. */
function at(path: TemplateStringsArray, ...parts: readonly string[]): string {
  return String.raw({ raw: path }, ...parts.map(encodeURIComponent));
}

/** Whether a message is in `state` or beyond it, or will never be. */
export function reached({ state, settled }: MessageView, wanted: string): boolean {
  if (wanted === "surfaced") return state === "surfaced" || (settled !== undefined && state !== "delivered");
  return settled !== undefined;
}

function wholeTime(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.min(ms, 999_999)}ms`;
}
