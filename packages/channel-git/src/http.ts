import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, globalAgent, request as httpsRequest } from "node:https";
import type { Credentials } from "./credentials.js";
import { channelError, codeOf, Malformed } from "./failure.js";
import { PktReader } from "./pktline.js";
import type { Login } from "./remote.js";
import { maxAdvertisedBytes, type Connection, type Service } from "./session.js";

/** Git over HTTP, in the "smart" form: one request for the refs, and one for the exchange. */
export class HttpConnection implements Connection {
  readonly where: string;
  readonly advertisement: PktReader;
  readonly #url: string;
  readonly #service: Service;
  readonly #credentials: Credentials;
  readonly #agent: HttpAgent | HttpsAgent;

  #first: IncomingMessage | undefined;

  constructor(url: string, service: Service, credentials: Credentials) {
    this.where = url;
    this.#url = url;
    this.#service = service;
    this.#credentials = credentials;
    const how = { keepAlive: true, maxSockets: 1 };
    // What the program that embeds this node set for all its https, such as an authority of its own, holds here, too.
    this.#agent = url.startsWith("https:")
      ? new HttpsAgent({ ...globalAgent.options, ...how })
      : new HttpAgent(how);
    this.advertisement = new PktReader(this.#refs(), maxAdvertisedBytes, url);
  }

  async begin(): Promise<void> {
    this.#first = await this.#call("GET", `/info/refs?service=${this.#service}`);
    this.#checkType(this.#first, "advertisement");
    const hello = await this.advertisement.text();
    if (hello !== `# service=${this.#service}` || (await this.advertisement.line()) !== null)
      throw channelError("UNREACHABLE", `${this.where} is no git remote`);
  }

  async request(body: readonly Uint8Array[]): Promise<PktReader> {
    // To its end, so that the same connection can be asked again.
    if ((await this.advertisement.line()) !== undefined) throw new Malformed("more than its refs");
    const answer = await this.#call("POST", `/${this.#service}`, Buffer.concat(body));
    this.#checkType(answer, "result");
    return new PktReader(answer, maxAdvertisedBytes, this.where);
  }

  async fault(): Promise<Error> {
    return channelError("CLOSED", `${this.where}: the connection ended too early`);
  }

  async close(): Promise<void> {
    // Every connection of it, whatever it is doing.
    this.#agent.destroy();
  }

  async *#refs(): AsyncGenerator<Uint8Array> {
    if (this.#first !== undefined) yield* this.#first as AsyncIterable<Uint8Array>;
  }

  #checkType(answer: IncomingMessage, kind: "advertisement" | "result"): void {
    if (answer.headers["content-type"] === `application/x-${this.#service}-${kind}`) return;
    answer.destroy();
    throw channelError("UNREACHABLE", `${this.where} answers, but not as a git remote`);
  }

  /** One request, with the user's credentials where the remote asks for some. @throws ChannelError for any answer but 200. */
  async #call(method: "GET" | "POST", path: string, body?: Buffer): Promise<IncomingMessage> {
    let login = this.#credentials.known;
    let answer = await this.#ask(method, path, login, body);
    if (answer.statusCode === 401 && login === undefined) {
      answer.destroy();
      login = await this.#credentials.find();
      if (login !== undefined) {
        answer = await this.#ask(method, path, login, body);
        if (answer.statusCode === 200) await this.#credentials.approve(login);
      }
    }
    if (answer.statusCode === 200) return answer;
    if (answer.statusCode === 401 && login !== undefined) await this.#credentials.reject(login);
    answer.destroy();
    throw failureOfStatus(answer, login !== undefined, this.where);
  }

  async #ask(
    method: "GET" | "POST",
    path: string,
    login: Login | undefined,
    body?: Buffer,
  ): Promise<IncomingMessage> {
    const request = this.#url.startsWith("https:") ? httpsRequest : httpRequest;
    const kind = `application/x-${this.#service}`;
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#url}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          // Hosts tell git from a browser by it.
          "User-Agent": "git/multifleet",
          "Accept-Encoding": "identity",
          Accept: method === "GET" ? "*/*" : `${kind}-result`,
          ...(body === undefined ? {} : { "Content-Type": `${kind}-request`, "Content-Length": body.length }),
          ...(login === undefined ? {} : { Authorization: basic(login) }),
        },
      });
      asked.on("error", (error) =>
        reject(channelError("UNREACHABLE", `${this.where}: ${error.message || codeOf(error)}`, error)),
      );
      asked.once("response", resolve);
      asked.end(body);
    });
  }
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function failureOfStatus({ statusCode = 0, headers }: IncomingMessage, tried: boolean, where: string): Error {
  const said = `${where} answered ${statusCode}`;
  if (statusCode >= 300 && statusCode < 400)
    return channelError(
      "UNREACHABLE",
      `${said}: it has moved to ${originOf(headers.location)}; name that one`,
    );
  switch (statusCode) {
    case 401:
      return tried
        ? channelError(
            "DENIED",
            `${said}: it refuses the credentials; give git new ones: git credential approve`,
          )
        : channelError(
            "DENIED",
            `${said}: no credentials are known; run "git ls-remote ${where}" once by hand with a credential helper, such as git config --global credential.helper store`,
          );
    case 403:
      return channelError(
        "DENIED",
        `${said}: these credentials may not do this here; give them the right to write`,
      );
    case 404:
      return channelError(
        "UNREACHABLE",
        `${said}: no repository is there, or these credentials do not see it`,
      );
    case 413:
      return channelError("TOO_LARGE", said);
    case 429:
    case 503:
      return channelError("BUSY", `${said}: come back later`);
    case 502:
    case 504:
      return channelError("UNREACHABLE", said);
    default:
      return channelError("INTERNAL", said);
  }
}

/** Where a redirection leads, without anything that may be a secret. It is not followed: credentials stay where the user sent them. */
function originOf(location: string | undefined): string {
  if (location === undefined || !URL.canParse(location)) return "another place";
  const { origin, pathname } = new URL(location);
  return `${origin}${pathname.replace(/\/info\/refs$/, "")}`;
}
