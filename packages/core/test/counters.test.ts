import fc from "fast-check";
import { expect, test } from "vitest";
import { Counters } from "../src/index.js";

const table = {
  packets_total: { class: "traffic", help: "Packets that were taken." },
  send_errors_total: {
    class: "error",
    help: 'Sends that failed, "by" channel.\nSee \\docs.',
    label: "channel",
  },
} as const;

test("a counter counts from nought, by label where it has one", () => {
  const counters = new Counters(table);
  expect(counters.totals()).toEqual({ packets_total: 0, send_errors_total: 0 });
  counters.count("packets_total");
  counters.add("packets_total", 4);
  counters.count("send_errors_total", "http");
  counters.add("send_errors_total", 2, "nats");
  counters.add("send_errors_total", 0, "git");
  expect(counters.totals()).toEqual({ packets_total: 5, send_errors_total: 3 });
  expect(counters.value("send_errors_total", "nats")).toBe(2);
  expect(counters.value("send_errors_total", "ssh")).toBe(0);
  expect(counters.value("packets_total")).toBe(5);
  expect(counters.total("send_errors_total")).toBe(3);
});

test("errors and traffic are told apart", () => {
  const counters = new Counters(table);
  counters.count("packets_total");
  expect(counters.totals("error")).toEqual({ send_errors_total: 0 });
  expect(counters.totals("traffic")).toEqual({ packets_total: 1 });
});

test("two registries of one table share nothing", () => {
  const [a, b] = [new Counters(table), new Counters(table)];
  a.count("packets_total");
  expect(b.total("packets_total")).toBe(0);
});

test("a counter that is not declared, or is used against its declaration, is a programmer's mistake", () => {
  const counters = new Counters(table);
  const untyped = counters as unknown as Counters<Record<string, (typeof table)["packets_total"]>>;
  for (const name of ["nothing_total", "__proto__", "constructor"]) {
    expect(() => untyped.count(name)).toThrow(`no counter is named ${name}`);
  }
  expect(() => counters.count("packets_total", "http")).toThrow(TypeError);
  expect(() => counters.count("send_errors_total")).toThrow(TypeError);
  expect(() => counters.count("send_errors_total", "")).toThrow(TypeError);
  for (const amount of [-1, Number.NaN, Infinity]) {
    expect(() => counters.add("packets_total", amount), String(amount)).toThrow(TypeError);
  }
  expect(counters.total("packets_total")).toBe(0);
});

test("a table with names that OpenMetrics would not take is refused", () => {
  const spec = { class: "error", help: "" } as const;
  for (const name of ["packets", "Packets_total", "packets-total", "_total", "é_total", "9_total"]) {
    expect(() => new Counters({ [name]: spec }), name).toThrow(TypeError);
  }
  for (const label of ["", "Channel", "a-b", 'a"b', "__proto__"]) {
    expect(() => new Counters({ a_total: { ...spec, label } }), label).toThrow(TypeError);
  }
});

test("a peer that makes up labels cannot fill the memory, and nothing of what it does is lost", () => {
  const counters = new Counters(table);
  for (let i = 0; i < 10_000; i++) counters.count("send_errors_total", `made-up-${i}`);
  counters.count("send_errors_total", "made-up-0");
  const lines = counters
    .openMetrics()
    .split("\n")
    .filter((line) => line.startsWith("send_errors_total{"));
  expect(lines).toHaveLength(257);
  expect(counters.value("send_errors_total", "made-up-0")).toBe(2);
  expect(counters.value("send_errors_total", "made-up-256")).toBe(0);
  expect(counters.value("send_errors_total", "other")).toBe(10_000 - 256);
  expect(counters.total("send_errors_total")).toBe(10_001);
});

test("the text is what OpenMetrics says it is", () => {
  const counters = new Counters(table);
  counters.count("packets_total");
  counters.count("send_errors_total", 'a "quoted" \\ value\n');
  expect(counters.openMetrics()).toBe(
    [
      "# TYPE packets counter",
      "# HELP packets Packets that were taken.",
      "packets_total 1",
      "# TYPE send_errors counter",
      '# HELP send_errors Sends that failed, \\"by\\" channel.\\nSee \\\\docs.',
      'send_errors_total{channel="a \\"quoted\\" \\\\ value\\n"} 1',
      "",
    ].join("\n"),
  );
});

/** The counter part of the exposition format's grammar (OpenMetrics 1.0.0, "ABNF"), and what its labels say. */
function parse(text: string): Map<string, number> {
  const escaped = String.raw`(?:[^"\\\n]|\\[n"\\])*`;
  const family = new RegExp(
    String.raw`^# TYPE (\w+) counter\n# HELP \1 ${escaped}\n((?:\1_total(?:\{[a-z_0-9]+="${escaped}"\})? [0-9.e+]+\n)*)`,
  );
  const samples = new Map<string, number>();
  for (let rest = text; rest !== "";) {
    const match = family.exec(rest);
    if (match === null) throw new Error(`not OpenMetrics: ${JSON.stringify(rest.slice(0, 200))}`);
    for (const line of (match[2] ?? "").split("\n").slice(0, -1)) {
      const [, series = "", value = ""] = /^(.*) (\S+)$/su.exec(line) ?? [];
      if (samples.has(series)) throw new Error(`twice: ${series}`);
      samples.set(series, Number(value));
    }
    rest = rest.slice(match[0].length);
  }
  return samples;
}

test("the text stays valid, and its sums right, whatever labels and amounts there are", () => {
  const use = fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 10 }), fc.maxSafeNat());
  fc.assert(
    fc.property(fc.array(use, { maxLength: 20 }), (uses) => {
      const counters = new Counters(table);
      for (const [label, amount] of uses) counters.add("send_errors_total", amount, label);
      const samples = parse(counters.openMetrics());
      expect(samples.size).toBe(1 + new Set(uses.map(([label]) => label)).size);
      const sum = [...samples.values()].reduce((a, b) => a + b, 0);
      expect(sum).toBe(counters.total("send_errors_total"));
    }),
  );
});
