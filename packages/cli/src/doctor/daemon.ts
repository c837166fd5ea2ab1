import { connect } from "node:net";
import { api } from "../api.js";
import { Failure, reasonOf } from "../failure.js";
import { isAlive, readRunning, type Access } from "../home.js";
import type { HealthView } from "../views.js";
import { quoted } from "../quoted.js";
import { findings, type Finding } from "./finding.js";

const standardPort = 8855;

/** What was found of the daemon, and its health where it answers. */
export interface Answering {
  readonly found: readonly Finding[];
  readonly health?: HealthView;
}

/** Whether a daemon of this home runs and answers, and if not, whether one could start. */
export async function checkDaemon(
  home: string,
  port: number | undefined,
  find: () => Access,
): Promise<Answering> {
  const { ok, wrong } = findings("daemon");
  let access: Access;
  try {
    access = find();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { found: [notRunning(home, error), ...(await checkPort(port ?? standardPort))] };
  }
  const running = readRunning(home);
  try {
    const health = await api.health(access);
    if (running !== undefined && running.port === access.port && running.node !== health.node)
      return {
        found: [
          wrong(
            `${health.node} answers on port ${access.port}, but ${running.node} is this home's`,
            "another home's daemon has the port",
            `npx multifleet doctor --home ${quoted(home)} --port ${running.port}`,
          ),
        ],
      };
    const age = Math.round(health.uptime_s);
    return { found: [ok(`${health.node} answers on port ${access.port}, up ${age} s`)], health };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code === "not_running") return { found: [notRunning(home, error)] };
    return {
      found: [
        wrong(
          error.message,
          "nothing can be sent or read until it answers",
          running !== undefined && isAlive(running.pid)
            ? `kill ${running.pid}; npx multifleet-daemon --home ${quoted(home)}`
            : `npx multifleet-daemon --home ${quoted(home)}`,
        ),
      ],
    };
  }
}

function notRunning(home: string, error: Failure): Finding {
  return findings("daemon").wrong(
    error.message,
    "nothing is sent or taken in while it does not run",
    `npx multifleet-daemon --home ${quoted(home)}`,
  );
}

/** Whether a daemon that starts now would find its port free. */
async function checkPort(port: number): Promise<Finding[]> {
  const { ok, wrong } = findings("port");
  const answer = await reach(port);
  if (answer === "ECONNREFUSED") return [ok(`port ${port} is free`)];
  const taken = answer === "open" ? `port ${port} is taken by another program` : `port ${port}: ${answer}`;
  return [
    wrong(
      taken,
      "the daemon could not start there",
      process.platform === "win32"
        ? `netstat -ano | findstr :${port}`
        : `lsof -nP -iTCP:${port} -sTCP:LISTEN   # or choose another: npx multifleet-daemon --port ${port + 1}`,
    ),
  ];
}

function reach(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: 2000 });
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => end("open"));
    socket.on("timeout", () => end("no answer in 2 s"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? reasonOf(error)));
  });
}
