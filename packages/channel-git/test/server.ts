import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { environment } from "./repository.js";

type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A git host in miniature: git's own http-backend, behind a name and a password where some are set. */
export class GitServer {
  readonly #server: Server;
  readonly #isSecure: boolean;
  /** What came, as `METHOD path`. */
  readonly requests: string[] = [];
  /** `user:password` that is asked for; undefined for none. */
  login: string | undefined;
  /** Answers in git's place, where it returns true. */
  instead: Answer = () => false;

  private constructor(root: string, certificate: Certificate | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(root, request, response);
    this.#isSecure = certificate !== undefined;
    this.#server = certificate === undefined ? createServer(serve) : createSecureServer(certificate, serve);
  }

  /** @param root The directory whose repositories it serves. */
  static async start(root: string, certificate?: Certificate): Promise<GitServer> {
    const server = new GitServer(root, certificate);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    return `http${this.#isSecure ? "s" : ""}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(root: string, request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`);
    if (this.instead(request, response)) return;
    const given = Buffer.from(
      (request.headers.authorization ?? "").replace(/^Basic /, ""),
      "base64",
    ).toString();
    if (this.login !== undefined && given !== this.login) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end("no");
      return;
    }
    const url = new URL(request.url ?? "", this.origin);
    const backend = spawn("git", ["http-backend"], {
      env: {
        ...environment,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        REMOTE_USER: "somebody",
        REQUEST_METHOD: request.method,
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        CONTENT_LENGTH: request.headers["content-length"] ?? "",
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    backend.stdin.on("error", () => request.unpipe());
    request.pipe(backend.stdin);
    response.once("close", () => backend.kill());
    let head = "";
    const onData = (chunk: Buffer) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      backend.stdout.off("data", onData);
      const fields = head
        .slice(0, end)
        .split("\r\n")
        .map((line) => line.split(": ", 2) as [string, string]);
      const status = fields.find(([name]) => name === "Status")?.[1] ?? "200";
      response.writeHead(
        Number.parseInt(status, 10),
        Object.fromEntries(fields.filter(([name]) => name !== "Status")),
      );
      response.write(Buffer.from(head.slice(end + 4), "latin1"));
      backend.stdout.pipe(response);
    };
    backend.stdout.on("data", onData);
  }
}
