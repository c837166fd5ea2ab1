import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { serve } from "./rig.js";

const executablePath = process.env.MULTIFLEET_CHROMIUM ?? "/usr/bin/chromium";
const required = process.env.MULTIFLEET_REQUIRE?.split(",").includes("chromium") === true;
const present = existsSync(executablePath);
const suffix = present || required ? "" : ` [skipped: no browser at ${executablePath}]`;

/** What a browser needs to stay on this machine; all names end at loopback, so that one name can be the attacker's and ours. */
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * 127.0.0.1",
  // This permission would hold back some of what is tried here. The API must not need it: other browsers do not have it.
  "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessSendPreflights",
];

let profile: string;
let context: BrowserContext;

/** A server of somebody else's pages on loopback, each of them empty: what they do is told to the page from outside. */
async function attacker(port = 0): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>evil</title>");
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function visit(url: string): Promise<Page> {
  const page = await context.newPage();
  onTestFinished(() => page.close());
  await page.goto(url);
  return page;
}

const message = JSON.stringify({ type: "context", to: "mac2", payload: { subject: "evil", body: "evil" } });

/**
 * What a page can try, as code that runs in it and answers once the browser is done with it. `base` is the API's address and `body` a
 * message that would be accepted.
 */
const attempts = {
  "a form": `new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.name = "target";
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: base + "/message", enctype: "text/plain", target: "target" });
    const input = document.createElement("input");
    Object.assign(input, { name: body.slice(0, -1) + ',"x":"', value: '"}' });
    form.append(input);
    document.body.append(form);
    frame.onload = () => done("loaded");
    form.submit();
  })`,
  "fetch of text without CORS": `fetch(base + "/message", { method: "POST", mode: "no-cors", body })
    .then((r) => r.type, (e) => e.name)`,
  "fetch of text without CORS and without credentials": `fetch(base + "/message",
    { method: "POST", mode: "no-cors", credentials: "omit", referrerPolicy: "no-referrer", body }).then((r) => r.type, (e) => e.name)`,
  "fetch of JSON": `fetch(base + "/message", { method: "POST", headers: { "content-type": "application/json" }, body })
    .then((r) => r.status, (e) => e.name)`,
  "fetch of JSON hidden in a blob": `fetch(base + "/message",
    { method: "POST", mode: "no-cors", body: new Blob([body], { type: "application/json" }) }).then((r) => r.type, (e) => e.name)`,
  "fetch of the health": `fetch(base + "/health").then((r) => r.status, (e) => e.name)`,
  "a beacon": `new Promise((done) => {
    const sent = navigator.sendBeacon(base + "/message", new Blob([body], { type: "text/plain" }));
    const watch = new PerformanceObserver((list) => {
      if (list.getEntries().some((entry) => entry.name === base + "/message")) done(sent);
    });
    watch.observe({ type: "resource", buffered: true });
  })`,
  XMLHttpRequest: `new Promise((done) => {
    const request = new XMLHttpRequest();
    request.onloadend = () => done(request.status);
    request.open("POST", base + "/message");
    request.setRequestHeader("content-type", "text/plain");
    request.send(body);
  })`,
  EventSource: `new Promise((done) => {
    const source = new EventSource(base + "/events");
    source.onopen = () => done("open");
    source.onerror = () => { source.close(); done("error"); };
  })`,
  WebSocket: `new Promise((done) => {
    const socket = new WebSocket(base.replace("http", "ws") + "/events");
    socket.onopen = () => done("open");
    socket.onerror = () => done("error");
  })`,
  "an image": `new Promise((done) => {
    const image = new Image();
    image.onload = () => done("loaded");
    image.onerror = () => done("error");
    image.src = base + "/health";
  })`,
  "a script": `new Promise((done) => {
    const script = document.createElement("script");
    script.onload = () => done("loaded");
    script.onerror = () => done("error");
    script.src = base + "/openapi.json";
    document.body.append(script);
  })`,
  "a frame": `new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.onload = () => done("loaded");
    frame.src = base + "/health";
    document.body.append(frame);
  })`,
} as const;

const attempt = (page: Page, code: string, base: string) =>
  page.evaluate(
    `(() => { const base = ${JSON.stringify(base)}, body = ${JSON.stringify(message)}; return ${code}; })()`,
  );

describe.skipIf(!present && !required)(`in a real browser${suffix}`, () => {
  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), "multifleet-browser-"));
    context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
  }, 60_000);

  afterAll(async () => {
    await context?.close();
    await rm(profile, { recursive: true, force: true });
  });

  test.each(Object.entries(attempts))("a foreign page reaches nothing by %s", async (_, code) => {
    const { port, node, counters } = await serve();
    const evil = await attacker();
    const page = await visit(`http://evil.example:${evil.port}/`);
    await attempt(page, code, `http://127.0.0.1:${port}`);
    // It did come here, and was refused for what it is.
    await counters.until(() => counters.value("api_refusals_total", "forbidden_origin") > 0);
    expect(counters.total("api_refusals_total")).toBe(counters.value("api_requests_total"));
    expect(node.calls).toEqual([]);
  });

  test.each(Object.entries(attempts))(
    "a page on another port of this machine reaches nothing by %s",
    async (_, code) => {
      const { port, node, counters } = await serve();
      const evil = await attacker();
      const page = await visit(`http://127.0.0.1:${evil.port}/`);
      await attempt(page, code, `http://127.0.0.1:${port}`);
      await counters.until(() => counters.value("api_refusals_total", "forbidden_origin") > 0);
      expect(counters.total("api_refusals_total")).toBe(counters.value("api_requests_total"));
      expect(node.calls).toEqual([]);
    },
  );

  test.each(Object.entries(attempts))(
    "a page whose name was bound to this machine reaches nothing by %s",
    async (_, code) => {
      const { port, node, counters } = await serve();
      const base = `http://evil.example:${port}`;
      const page = await context.newPage();
      onTestFinished(() => page.close());
      // The attacker's own server answers the first request for its name; from then on the name leads to this API.
      await page.route(
        `${base}/`,
        (route) => route.fulfill({ contentType: "text/html", body: "<title>evil</title>" }),
        {
          times: 1,
        },
      );
      await page.goto(`${base}/`);
      await page.unrouteAll();
      await attempt(page, code, base);
      // Most of these are of one origin now, and so come without Origin and without Sec-Fetch: the name is all that tells them.
      await counters.until(() => counters.value("api_refusals_total", "wrong_host") > 0);
      expect(counters.total("api_refusals_total")).toBe(counters.value("api_requests_total"));
      expect(node.calls).toEqual([]);
    },
  );

  test("a person who types the address gets no page that others could frame or read", async () => {
    const { port, node, refusals } = await serve();
    const page = await context.newPage();
    onTestFinished(() => page.close());
    const response = await page.goto(`http://127.0.0.1:${port}/health`);
    expect(response?.status()).toBe(403);
    expect(refusals("forbidden_origin")).toBeGreaterThan(0);
    expect(node.calls).toEqual([]);
  });
});
