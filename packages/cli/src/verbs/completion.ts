import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";

export async function run(
  { positionals: { shell } }: CallOf<"completion">,
  context: Context,
): Promise<number> {
  const script = await scriptFor(shell);
  if (context.json) context.out.json({ shell, script });
  else for (const line of script.trimEnd().split("\n")) context.out.line(line);
  return 0;
}

async function scriptFor(shell: "bash" | "zsh" | "fish"): Promise<string> {
  switch (shell) {
    case "bash":
      return (await import("../completion/bash.js")).bash();
    case "zsh":
      return (await import("../completion/zsh.js")).zsh();
    case "fish":
      return (await import("../completion/fish.js")).fish();
  }
}
