import { counterTable } from "./counters.js";

/** The reference of all counters in Markdown: docs/counters.md. */
export function countersReference(): string {
  const rows = (kind: "error" | "traffic") =>
    Object.entries(counterTable)
      .filter(([, spec]) => spec.class === kind)
      .map(([name, spec]) => `| \`${name}\` | ${"label" in spec ? spec.label : ""} | ${spec.help} |`)
      .join("\n");
  const head = "| counter | split by | what it counts |\n| --- | --- | --- |";
  return `# Counters

\`GET /health\` gives each counter's total under \`counters\`, and those of errors again under \`error_counters\`: in a healthy node all of
those are zero. \`GET /metrics\` gives them split, as OpenMetrics text.

## Errors

${head}
${rows("error")}

## Traffic

${head}
${rows("traffic")}
`;
}
