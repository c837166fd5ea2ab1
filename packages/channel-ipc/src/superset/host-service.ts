import { request } from "node:http";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../failure.js";
import { failed, printable } from "./failure.js";
import { isId, isRecord, maxPanes, pidOf, type Host, type HostPlace, type Pane } from "./host.js";
import { readPrivate } from "./private-file.js";
import { enter } from "./text.js";

/** One for each organisation that this user is in. */
const mostServices = 16;
const maxAnswerBytes = 4 * 1_024 * 1_024;
const loopback: ReadonlyMap<string, string> = new Map([
  ["127.0.0.1", "127.0.0.1"],
  // Whatever a hosts file says.
  ["localhost", "127.0.0.1"],
  ["[::1]", "::1"],
]);

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token: string;
}

/** The host services of version 2, each with its manifest in a directory of its own: HTTP on loopback. */
export async function findHostServices(directory: string): Promise<readonly HostPlace[]> {
  const place = join(directory, "host");
  const names = await readdir(place).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw failed("DENIED", `cannot look into ${place}: ${codeOf(error)}`, error);
  });
  return names.slice(0, mostServices).map((name) => {
    const manifest = join(place, name, "manifest.json");
    return {
      name: `v2:${name}`,
      connect: async (signal) => new HostService(await readManifest(manifest), signal),
    };
  });
}

class HostService implements Host {
  readonly #endpoint: Endpoint;
  readonly #signal: AbortSignal;

  constructor(endpoint: Endpoint, signal: AbortSignal) {
    this.#endpoint = endpoint;
    this.#signal = signal;
  }

  async panes(): Promise<readonly Pane[]> {
    const [listed, held] = await Promise.all([
      this.#call("GET", "terminal.list", {}),
      this.#call("GET", "terminal.daemon.listSessions"),
    ]);
    const pids = new Map(
      rowsOf(held).map(({ id, pid, alive }) => [id, alive === false ? undefined : pidOf(pid)]),
    );
    return rowsOf(listed).flatMap(({ terminalId, workspaceId, exited, title }) => {
      if (!isId(terminalId) || !isId(workspaceId) || exited === true) return [];
      const name = typeof title === "string" ? printable(title) : "";
      return [{ id: terminalId, workspace: workspaceId, pid: pids.get(terminalId), title: name }];
    });
  }

  async paste({ id, workspace }: Pane, text: string): Promise<void> {
    // It frames the paste itself.
    await this.#call("POST", "terminal.send", {
      terminalId: id,
      workspaceId: workspace,
      text,
      submit: false,
    });
  }

  async submit({ id, workspace }: Pane): Promise<void> {
    await this.#call("POST", "terminal.writeInput", { terminalId: id, workspaceId: workspace, data: enter });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Calls one procedure of its tRPC router. Values travel in superjson's envelope; what we send and read is plain JSON in it. */
  async #call(method: "GET" | "POST", procedure: string, input?: object): Promise<unknown> {
    const envelope = input === undefined ? undefined : JSON.stringify({ json: input });
    const query = method === "GET" && envelope !== undefined ? `?input=${encodeURIComponent(envelope)}` : "";
    const { status, text } = await this.#fetch(
      method,
      `/trpc/${procedure}${query}`,
      method === "POST" ? envelope : undefined,
    );
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch (error) {
      throw failed("INTERNAL", `the host service answered ${procedure} with ${status} and no JSON`, error);
    }
    const result = isRecord(answer) && isRecord(answer["result"]) ? answer["result"]["data"] : undefined;
    if (status === 200 && isRecord(result)) return result["json"];
    const error = isRecord(answer) && isRecord(answer["error"]) ? answer["error"] : {};
    const { message } = isRecord(error["json"]) ? error["json"] : error;
    const denied = status === 401 || status === 403;
    throw failed(
      denied ? "DENIED" : "INTERNAL",
      `the host service answered ${procedure} with ${status}: ${printable(message)}`,
    );
  }

  #fetch(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { host, port, token, path: base } = this.#endpoint;
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          this.#signal.aborted
            ? failed("ABORTED", "the attempt was aborted", error)
            : failed("UNREACHABLE", `the host service does not answer: ${codeOf(error)}`, error),
        );
      const asked = request(
        { host, port, method, path: base + path, headers, signal: this.#signal, agent: false },
        (answer) => {
          const parts: Buffer[] = [];
          let size = 0;
          answer.on("data", (part: Buffer) => {
            size += part.length;
            if (size > maxAnswerBytes) answer.destroy(new Error("its answer is without end"));
            else parts.push(part);
          });
          answer.on("error", fail);
          answer.on("end", () =>
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
          );
        },
      );
      asked.on("error", fail);
      asked.end(body);
    });
  }
}

/** @throws ChannelError `UNREACHABLE` when there is no service, `DENIED` when the manifest is not to be believed. */
async function readManifest(path: string): Promise<Endpoint> {
  const text = await readPrivate(path);
  if (text === undefined) throw failed("UNREACHABLE", `there is no ${path}`);
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch (error) {
    throw failed("DENIED", `${path} is no JSON`, error);
  }
  const { pid, endpoint, authToken } = isRecord(said) ? said : {};
  const url = typeof endpoint === "string" && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const host = url?.protocol === "http:" ? loopback.get(url.hostname) : undefined;
  if (url === undefined || host === undefined || url.username + url.password + url.search + url.hash !== "")
    throw failed("DENIED", `the endpoint in ${path} is not on this machine's loopback`);
  if (typeof authToken !== "string" || !/^[\x21-\x7e]{8,4096}$/.test(authToken))
    throw failed("DENIED", `${path} holds no token`);
  const owner = pidOf(pid);
  if (owner === undefined || !runs(owner))
    throw failed("UNREACHABLE", `the host service of ${path} does not run any more`);
  return { host, port: Number(url.port || 80), path: url.pathname.replace(/\/+$/, ""), token: authToken };
}

/** Whether a process of this user is there: the port of one that has gone may be another's by now. */
function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH" || codeOf(error) === "EPERM") return false;
    throw error;
  }
}

/** The rows of an answer, bare or behind `sessions`. */
function rowsOf(answer: unknown): readonly Readonly<Record<string, unknown>>[] {
  const rows = isRecord(answer) ? answer["sessions"] : answer;
  if (!Array.isArray(rows)) throw failed("INTERNAL", "the host service lists no terminals");
  return rows.slice(0, maxPanes).filter(isRecord);
}
