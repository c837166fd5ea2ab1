import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";

export async function run(_call: CallOf<"demo">, _context: Context): Promise<number> {
  return 1;
}
