import { setTimeout as after } from "node:timers/promises";
import { ChannelError } from "@multifleet/core";
import { failed } from "./failure.js";
import { findHostServices } from "./host-service.js";
import type { Host, HostPlace, Pane } from "./host.js";
import { checkOptions, type Settings, type SupersetOptions } from "./options.js";
import { foregroundProgram, listProcesses } from "./program.js";
import { findTerminalHost } from "./terminal-host.js";
import { pasteable } from "./text.js";

/** A terminal of this user's, in Superset. */
export interface Terminal {
  /** Which host has it: `v1` for the terminal-host, `v2:ORGANISATION` for a host service. */
  readonly host: string;
  /** As the host knows it; a program in it finds it as `SUPERSET_PANE_ID` (v1) or `SUPERSET_TERMINAL_ID` (v2). */
  readonly id: string;
  readonly workspace: string;
  readonly title: string;
  /** The program that has the terminal now, where that is certain. */
  readonly program: string | undefined;
  /** Whether that is an agent, so that text may be typed. */
  readonly isAgent: boolean;
}

/** What there is to type into. */
export interface Found {
  readonly terminals: readonly Terminal[];
  /** Hosts that are there and could not be asked, each with its reason. */
  readonly troubles: readonly string[];
}

/**
 * Puts text into the terminal of an agent that runs in Superset on this machine. It holds nothing open between calls. Experimental: Superset does not
 * promise its hosts to other programs, and they may change with any version.
 */
export interface Superset {
  /** @throws ChannelError `UNREACHABLE` when no host is there, `ABORTED` */
  terminals(options: { readonly signal: AbortSignal }): Promise<Found>;
  /**
   * Pastes text into an agent's prompt and presses Enter. Two texts to one terminal go one after the other. That it resolves means that the host wrote
   * both: not that the agent read it.
   *
   * @throws ChannelError `REFUSED` when the program there is not known to be an agent, or for a text that it would take for a command;
   * `TOO_LARGE`; `UNREACHABLE`, `DENIED`, `CLOSED`, `TIMEOUT` or `INTERNAL` when the host fails; `ABORTED`. After `REFUSED` nothing was submitted.
   */
  type(
    terminal: Pick<Terminal, "host" | "id">,
    text: string,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
}

/** @throws ChannelError `MISCONFIGURED` */
export function superset(options: SupersetOptions = {}): Superset {
  return new Terminals(checkOptions(options));
}

class Terminals implements Superset {
  readonly #settings: Settings;
  /** The last text that is being typed into each terminal. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async terminals({ signal }: { readonly signal: AbortSignal }): Promise<Found> {
    const places = await this.#places();
    if (places.length === 0)
      throw failed("UNREACHABLE", `no host of Superset is in ${this.#settings.directory}`);
    const processes = await listProcesses(signal);
    const asked = places.map(async (place) => {
      try {
        const panes = await this.#with(place, signal, (host) => host.panes());
        return { panes, trouble: undefined };
      } catch (error) {
        if (!(error instanceof ChannelError) || error.code === "ABORTED") throw error;
        return { panes: [], trouble: `${place.name}: ${error.message}` };
      }
    });
    const answers = await Promise.all(asked);
    const terminals = answers.flatMap(({ panes }, index) =>
      panes.map(({ id, workspace, title, pid }) => {
        const program = pid === undefined ? undefined : foregroundProgram(processes, pid);
        const isAgent = program !== undefined && this.#settings.agents.has(program);
        return { host: places[index]?.name ?? "", id, workspace, title, program, isAgent };
      }),
    );
    return { terminals, troubles: answers.flatMap(({ trouble }) => trouble ?? []) };
  }

  async type(
    { host, id }: Pick<Terminal, "host" | "id">,
    text: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const safe = pasteable(text, this.#settings.maxBytes);
    const key = JSON.stringify([host, id]);
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.then(() => this.#type(host, id, safe, signal));
    // Who comes next waits for this one's end, not for its success.
    const ended = turn.catch(() => undefined); // lint: catch-ok the caller is given the failure itself
    this.#turns.set(key, ended);
    try {
      await turn;
    } finally {
      if (this.#turns.get(key) === ended) this.#turns.delete(key);
    }
  }

  async #type(hostName: string, id: string, text: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw failed("ABORTED", "the attempt was aborted");
    const place = (await this.#places()).find(({ name }) => name === hostName);
    if (place === undefined) throw failed("UNREACHABLE", `the host ${hostName} is not there`);
    const pane = await this.#with(place, signal, async (host) => {
      const found = (await host.panes()).find((each) => each.id === id);
      if (found === undefined) throw failed("UNREACHABLE", `${hostName} has no terminal ${id}`);
      await this.#mustBeAgent(found, signal);
      await host.paste(found, text);
      return found;
    });
    await after(this.#settings.settleMs, undefined, { signal }).catch((error: unknown) => {
      throw failed("ABORTED", "the attempt was aborted: the text stands in the prompt, not submitted", error);
    });
    // The agent may have ended meanwhile: then the text stands at a shell's prompt, where Enter would run it.
    await this.#mustBeAgent(pane, signal);
    await this.#with(place, signal, (host) => host.submit(pane));
  }

  async #mustBeAgent({ pid, id }: Pane, signal: AbortSignal): Promise<void> {
    const program = pid === undefined ? undefined : foregroundProgram(await listProcesses(signal), pid);
    if (program !== undefined && this.#settings.agents.has(program)) return;
    const known = [...this.#settings.agents].join(", ");
    const what = program === undefined ? "cannot be told" : `is ${JSON.stringify(program.slice(0, 64))}`;
    throw failed("REFUSED", `the program in terminal ${id} ${what}, and text goes to agents alone: ${known}`);
  }

  /** All hosts that seem to be there. */
  async #places(): Promise<readonly HostPlace[]> {
    const { directory } = this.#settings;
    const [first, others] = await Promise.all([findTerminalHost(directory), findHostServices(directory)]);
    return first === undefined ? others : [first, ...others];
  }

  /** Does something with a host within the time it has, and leaves nothing of the connection. */
  async #with<T>(place: HostPlace, signal: AbortSignal, act: (host: Host) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const end = () => limit.abort();
    const timer = setTimeout(end, this.#settings.timeoutMs);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    const over = new Promise<never>((_, reject) => {
      const stop = () =>
        reject(
          signal.aborted
            ? failed("ABORTED", "the attempt was aborted")
            : failed("TIMEOUT", `${place.name} did not answer within ${this.#settings.timeoutMs} ms`),
        );
      if (limit.signal.aborted) stop();
      else limit.signal.addEventListener("abort", stop);
    });
    const connecting = place.connect(limit.signal);
    try {
      const host = await Promise.race([connecting, over]);
      return await Promise.race([act(host), over]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      await connecting.then(
        (host) => host[Symbol.asyncDispose](),
        () => undefined, // lint: catch-ok it is thrown above
      );
    }
  }
}
