import { afterAll, describe, expect, test, vi } from "vitest";
import { far, http, nats, play, seed, ssh, startsBy, type Outcome, type Play } from "./scenarios.js";
import { mac2, type Manner, type Medium, type Message } from "./world.js";

/** How many seeds each scenario is played with: MULTIFLEET_SEEDS=200 for a long run. */
const seeds = Number(process.env.MULTIFLEET_SEEDS ?? 5);
vi.setConfig({ testTimeout: Math.max(30_000, seeds * 5_000) });
const rows: { readonly name: string; readonly outcome: Outcome }[] = [];

function playAs(name: string, media: () => readonly Medium[], run: Play): Outcome {
  const outcome = play(seeds, media, run);
  rows.push({ name, outcome });
  return outcome;
}

afterAll(() => {
  const sends = rows.reduce((sum, { outcome }) => sum + outcome.sends, 0);
  const ms = (value: number) => value.toFixed(value < 100 ? 1 : 0);
  const lines = rows.map(
    ({ name, outcome: { messages, unsettled, sendsPerMessage, p50, p99, fallThrough } }) => {
      const cells = [messages, unsettled, sendsPerMessage.toFixed(3), ms(p50), ms(p99), ms(fallThrough)];
      return `| ${name} | ${cells.join(" | ")} |`;
    },
  );
  const head = "| scenario | messages | left | sends per message | p50 ms | p99 ms | fall-through p99 ms |";
  console.log([head, "| --- | --- | --- | --- | --- | --- | --- |", ...lines].join("\n"));
  console.log(`${sends} sends in all; each scenario with the seeds 1 to ${seeds}`);
});

/** Eight seconds of traffic with the fault after three, and time to settle. */
function fault(strike: (best: Medium) => void, gap = 10): Play {
  return (world) => {
    const best = [...world.media.values()][0] as Medium;
    world.traffic(8_000 / gap, gap);
    world.after(3_000, () => strike(best));
    world.pass(60_000);
  };
}

describe("a healthy fleet", () => {
  for (const [where, median, spread, limit] of [
    ["a LAN", 1.5, 0.4, 1.01],
    ["a WAN of 60 ms", 60, 0.25, 1.05],
    ["a line of 220 ms", 220, 0.05, 1.05],
  ] as const) {
    test(`sends a message once on ${where}, by the best channel`, () => {
      const media = () => [
        far(nats(), median, spread),
        far(http(), median * 1.1, spread),
        far(ssh(), median * 1.5, spread),
        seed(),
      ];
      const outcome = playAs(`healthy, ${where}`, media, (world) => {
        world.traffic(2_500, 15);
        world.pass(60_000);
        expect(startsBy(world.messages, "seed")).toHaveLength(0);
        expect(startsBy(world.messages, "nats").length / world.messages.length).toBeGreaterThan(0.95);
      });
      expect(outcome.unsettled).toBe(0);
      expect(outcome.sendsPerMessage).toBeLessThan(limit);
    });
  }

  test("sends a crowd of 64 at a time once each", () => {
    const outcome = playAs(
      "healthy, 64 in flight",
      () => [nats(), http(), seed()],
      (world) => {
        const next = () => {
          if (world.messages.length >= 4_000) return;
          const message = world.send();
          const again = () => (message.end === undefined ? world.after(0.5, again) : next());
          world.after(0.5, again);
        };
        for (let i = 0; i < 64; i++) next();
        world.pass(60_000);
      },
    );
    expect(outcome.unsettled).toBe(0);
    expect(outcome.sendsPerMessage).toBeLessThan(1.01);
  });

  test("settles duplicated answers once", () => {
    const outcome = playAs(
      "answers doubled",
      () => [{ ...nats(), doubles: 0.5 }, http()],
      (world) => {
        world.traffic(1_000, 5);
        world.pass(60_000);
      },
    );
    expect(outcome.unsettled).toBe(0);
    expect(outcome.sendsPerMessage).toBeLessThan(1.01);
  });
});

describe("the best channel dies", () => {
  for (const [how, strike] of [
    ["refuses", (best) => void (best.manner = "UNREACHABLE")],
    ["closes under each send", (best) => void (best.manner = "CLOSED")],
    ["is denied", (best) => void (best.manner = "DENIED")],
    ["breaks", (best) => void (best.manner = "INTERNAL")],
    ["times out by itself", (best) => void (best.manner = "TIMEOUT")],
    ["hangs", (best) => void (best.manner = "hang")],
    ["answers two seconds late", (best) => void (best.manner = "slow")],
  ] satisfies [string, (best: Medium) => void][]) {
    for (const [where, median, gap] of [
      ["LAN", 1.5, 10],
      ["WAN", 60, 25],
      ["LAN, a message each second", 1.5, 1_000],
    ] as const) {
      test(`when it ${how} (${where}), the next is started in time`, () => {
        const media = () => [far(nats(), median), far(http(), median * 1.1), seed()];
        const outcome = playAs(`best ${how}, ${where}`, media, (world) => {
          fault(strike, gap)(world);
          if (gap < 1_000) return;
          world.traffic(60, gap);
          world.pass(120_000);
        });
        expect(outcome.unsettled).toBe(0);
        expect(outcome.fallThrough).toBeLessThan(300);
        expect(outcome.sendsPerMessage).toBeLessThan(1.15);
      });
    }
  }

  for (const silently of [false, true]) {
    const how = silently ? "the medium says so and the sends hang" : "the link closes under them";
    test(`with messages in flight, and ${how}: they go on at once`, () => {
      const media = () => [far(nats(), 60), far(http(), 60), seed()];
      const outcome = playAs(`best cut, ${how}`, media, (world) => {
        const best = world.media.get("nats") as Medium;
        world.traffic(2_000, 2);
        world.pass(2_000);
        const flying = world.messages.filter(({ end }) => end === undefined);
        expect(flying.length).toBeGreaterThan(10);
        world.cut(best, silently);
        world.pass(1);
        // One that had been silent for long may have gone on before.
        expect(flying.filter(({ starts }) => !starts.some(({ channel }) => channel === "http"))).toEqual([]);
        world.pass(60_000);
      });
      expect(outcome.unsettled).toBe(0);
      expect(outcome.sendsPerMessage).toBeLessThan(1.15);
    });
  }

  test("and the second with it: the third is started in time", () => {
    const outcome = playAs(
      "two of three hang",
      () => [nats(), http(), ssh(), seed()],
      (world) => {
        world.traffic(800, 10);
        world.after(3_000, () => {
          for (const name of ["nats", "http"]) (world.media.get(name) as Medium).manner = "hang";
        });
        world.pass(60_000);
      },
    );
    expect(outcome.unsettled).toBe(0);
    expect(outcome.fallThrough).toBeLessThan(300);
    expect(outcome.sendsPerMessage).toBeLessThan(1.15);
  });
});

describe("a channel that returns", () => {
  for (const manner of ["UNREACHABLE", "hang"] satisfies Manner[]) {
    for (const event of ["medium", "heard", "hello", "none"] as const) {
      const limit = event === "none" ? 30_000 : 1_000;
      test(`after ${manner}, told by ${event}, is used within ${limit} ms and then by all`, () => {
        let checked = 0;
        const outcome = playAs(
          `${manner} then back, by ${event}`,
          () => [nats(), http()],
          (world) => {
            const best = world.media.get("nats") as Medium;
            world.traffic(1_000, 100);
            world.after(5_000, () => {
              best.manner = manner;
              if (event === "medium") world.medium("nats", "down");
            });
            world.pass(50_000);
            best.manner = "well";
            const back = world.now;
            if (event === "medium") world.medium("nats", "up");
            if (event === "heard" || event === "hello") world.heard("nats", event === "hello");
            world.pass(limit + 1_000);
            const before = world.messages.length;
            const first = startsBy(world.messages, "nats").find((at) => at >= back) ?? Infinity;
            expect(first - back).toBeLessThanOrEqual(limit);
            world.pass(60_000);
            const later = world.messages.slice(before);
            expect(later.length).toBeGreaterThan(20);
            // None of the two healthy channels takes turns with the other.
            expect(startsBy(later, "nats")).toHaveLength(later.length);
            expect(startsBy(later, "http")).toHaveLength(0);
            checked++;
          },
        );
        expect(checked).toBe(seeds);
        expect(outcome.unsettled).toBe(0);
        expect(outcome.sendsPerMessage).toBeLessThan(1.15);
      });
    }
  }

  for (const event of ["medium", "heard", "hello", "none"] as const) {
    const limit = event === "none" ? 30_000 : 1_000;
    for (const name of ["nats", "http", "ssh"]) {
      test(`${name}, after ten minutes without any, told by ${event}, delivers all that waited within ${limit} ms`, () => {
        const media = () => [nats("hang"), http("UNREACHABLE"), ssh("CLOSED")];
        const outcome = playAs(`all down 10 min, ${name} back by ${event}`, media, (world) => {
          for (let i = 0; i < 100; i++) world.after(i * 100, () => world.send());
          world.pass(600_000);
          const medium = world.media.get(name) as Medium;
          medium.manner = "well";
          const back = world.now;
          if (event === "medium") world.medium(name, "up");
          if (event === "heard" || event === "hello") world.heard(name, event === "hello");
          world.pass(limit + 400);
          const late = world.messages.filter(({ end }) => end === undefined || end.at - back > limit + 300);
          expect(late).toHaveLength(0);
        });
        expect(outcome.unsettled).toBe(0);
      });
    }
  }
});

describe("a path that comes and goes", () => {
  for (const [manner, told] of [
    ["UNREACHABLE", true],
    ["UNREACHABLE", false],
    ["hang", true],
    ["hang", false],
  ] satisfies [Manner, boolean][]) {
    for (const others of [true, false]) {
      const how = `${manner}${told ? ", told" : ""}${others ? "" : ", alone"}`;
      test(`every 700 ms (${how}) loses nothing and costs less than three sends a message`, () => {
        const media = () => (others ? [nats(), http()] : [nats()]);
        const outcome = playAs(`flapping, ${how}`, media, (world) => {
          const best = world.media.get("nats") as Medium;
          world.traffic(3_000, 20);
          for (let i = 0; i < 90; i++) {
            world.after(i * 700, () => {
              const up = i % 2 === 1;
              if (!up && manner !== "hang") world.cut(best);
              best.manner = up ? "well" : manner;
              if (told) world.medium("nats", up ? "up" : "down");
            });
          }
          world.pass(180_000);
        });
        expect(outcome.unsettled).toBe(0);
        expect(outcome.sendsPerMessage).toBeLessThan(3);
      });
    }
  }
});

describe("the peer itself", () => {
  for (const [length, gap, limit] of [
    [60_000, 100, 1.15],
    [500, 2, 1.15],
  ] as const) {
    test(`is stopped for ${length} ms: hardly anything is sent in vain, and all arrives when it goes on`, () => {
      const outcome = playAs(
        `peer stopped ${length} ms`,
        () => [nats(), http()],
        (world) => {
          world.traffic(2_000, gap);
          world.pass(500);
          for (const medium of world.media.values()) medium.manner = "stopped";
          world.pass(length);
          world.goOn();
          world.pass(31_000);
          const late = ({ end, submitted }: Message) => end === undefined && submitted < world.now - 500;
          expect(world.messages.filter(late)).toHaveLength(0);
          world.pass(300_000);
        },
      );
      expect(outcome.unsettled).toBe(0);
      expect(outcome.sendsPerMessage).toBeLessThan(limit);
    });
  }

  test("asks us to come back later for twenty seconds: it is not beleaguered, and gets all afterwards", () => {
    const outcome = playAs(
      "busy 20 s",
      () => [nats(), http()],
      (world) => {
        world.traffic(1_000, 40);
        world.after(5_000, () => {
          for (const medium of world.media.values()) medium.manner = "BUSY";
        });
        world.pass(25_000);
        for (const medium of world.media.values()) medium.manner = "well";
        const states = world.cascade.health(mac2).map(({ state }) => state);
        expect(states.filter((state) => state === "down" || state === "suspect")).toEqual([]);
        world.pass(90_000);
      },
    );
    expect(outcome.unsettled).toBe(0);
    expect(outcome.sendsPerMessage).toBeLessThan(1.15);
  });
});

describe("a lossy path", () => {
  for (const others of [true, false]) {
    test(`loses two of a hundred frames and answers${others ? "" : ", and is the only one"}: nothing is lost`, () => {
      const lossy = () => ({ ...nats(), loss: 0.02 });
      const media = () => (others ? [lossy(), http()] : [lossy()]);
      const outcome = playAs(`loss 2 %${others ? "" : ", alone"}`, media, (world) => {
        world.traffic(2_000, 10);
        world.pass(90_000);
      });
      expect(outcome.unsettled).toBe(0);
      expect(outcome.sendsPerMessage).toBeLessThan(1.15);
    });
  }
});

describe("a peer that is away", () => {
  test("finds what a store has kept for it when it comes back: each message was written once", () => {
    const media = () => [nats("UNREACHABLE"), http("hang"), seed(() => 600_000)];
    const outcome = playAs("away 10 min, one store", media, (world) => {
      world.traffic(300, 200);
      world.pass(700_000);
      expect(startsBy(world.messages, "seed")).toHaveLength(300);
    });
    expect(outcome.unsettled).toBe(0);
  });

  test("gets by a second store what the first has swallowed", () => {
    const git = (): Medium => ({ ...seed(() => 2_000), name: "git", rank: 7 });
    const outcome = playAs(
      "a store that loses all",
      () => [http("UNREACHABLE"), seed(), git()],
      (world) => {
        world.traffic(300, 200);
        world.pass(150_000);
        expect(startsBy(world.messages, "seed")).toHaveLength(300);
        expect(startsBy(world.messages, "git")).toHaveLength(300);
      },
    );
    expect(outcome.unsettled).toBe(0);
  });

  test("sleeps, is woken by one magic packet forty seconds before it is there, and gets all within two seconds", () => {
    const outcome = playAs(
      "asleep, woken, up 40 s later",
      () => [http("hang")],
      (world) => {
        const sleeper = world.media.get("http") as Medium;
        let woken = 0;
        const wake = () => {
          if (++woken > 1) return;
          world.after(40_000, () => {
            sleeper.manner = "well";
            world.heard("http", true);
          });
        };
        world.open({ name: "wol", effect: "wakes", rank: 6, trip: () => 1, manner: "well", woke: wake });
        world.traffic(300, 100);
        world.pass(42_500);
        expect(world.messages.every(({ end }) => end !== undefined)).toBe(true);
        expect(woken).toBe(1);
      },
    );
    expect(outcome.unsettled).toBe(0);
  });
});

describe("chaos", () => {
  test("settles every message that has an hour of life and an honest minute at its end", () => {
    const manners: Manner[] = [
      "well",
      "well",
      "hang",
      "slow",
      "UNREACHABLE",
      "TIMEOUT",
      "BUSY",
      "CLOSED",
      "INTERNAL",
      "DENIED",
    ];
    const outcome = playAs(
      "chaos",
      () => [nats(), http(), ssh(), seed(() => 500)],
      (world) => {
        const any = <Item>(items: readonly Item[]) =>
          items[Math.floor(world.random() * items.length)] as Item;
        for (let i = 0; i < 300; i++) {
          world.after(world.random() * 120_000, () => {
            const medium = any([...world.media.values()]);
            medium.manner = any(manners);
            const roll = world.random();
            if (roll < 0.2) world.medium(medium.name, medium.manner === "well" ? "up" : "down");
            else if (roll < 0.3) world.heard(medium.name, world.random() < 0.5);
            else if (roll < 0.35) world.skew += (world.random() - 0.5) * 20_000;
            else if (roll < 0.4) {
              world.close(medium.name);
              world.after(world.random() * 3_000, () => world.media.has(medium.name) || world.open(medium));
            }
          });
        }
        world.traffic(2_000, 60);
        world.pass(125_000);
        for (const medium of world.media.values()) medium.manner = "well";
        world.pass(60_000);
      },
    );
    expect(outcome.unsettled).toBe(0);
    expect(outcome.sendsPerMessage).toBeLessThan(4);
  });

  test("is the same chaos for the same seed", () => {
    const run = () => {
      const traces: { readonly trace: number; readonly inputs: number }[] = [];
      play(
        3,
        () => [{ ...nats(), loss: 0.1 }, http("hang"), seed(() => 900)],
        (world) => {
          world.traffic(300, 20);
          world.after(2_000, () => world.cut(world.media.get("nats") as Medium));
          world.pass(30_000);
          traces.push({ trace: world.trace, inputs: world.inputs });
        },
      );
      return traces;
    };
    const first = run();
    expect(run()).toEqual(first);
    expect(new Set(first.map(({ trace }) => trace)).size).toBe(3);
  });
});
