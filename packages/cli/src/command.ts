/** What an option takes. `flag` takes nothing; `duration` is `90s`, `15m`, `1h`, `7d`; `time` is that or an RFC 3339 time. */
export type OptionType = "flag" | "text" | "number" | "duration" | "time";

/** An option as it is declared: parsing, help, completion and the reference are made from this alone. */
export interface OptionSpec {
  readonly type: OptionType;
  readonly summary: string;
  /** What stands for the value in help, in capitals. */
  readonly value?: string;
  readonly values?: readonly string[];
  readonly default?: string | number;
  /** How a shell completes the value, where `values` does not say. */
  readonly completes?: "directory" | "node" | "channel";
}

/** An argument that is told by its place. */
export interface PositionalSpec {
  /** In lower case; shown in capitals. */
  readonly name: string;
  readonly summary: string;
  readonly optional?: true;
  readonly values?: readonly string[];
  readonly completes?: "node" | "command";
}

/** One thing that `multifleet` does. */
export interface CommandSpec {
  /** One line, beginning with a verb. */
  readonly summary: string;
  /** What is worth knowing before it is used, a paragraph each. */
  readonly about: readonly string[];
  readonly positionals: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Command lines without the program's name, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
}

type Choice<Spec, Otherwise> = Spec extends { readonly values: readonly (infer Value)[] } ? Value : Otherwise;

type OptionValue<Spec extends OptionSpec> = Spec["type"] extends "flag"
  ? boolean
  : | Choice<Spec, Spec["type"] extends "number" ? number : string>
    | (Spec extends { readonly default: unknown } ? never : undefined);

/** The options' values, by name. */
export type Options<Specs extends Readonly<Record<string, OptionSpec>>> = {
  readonly [Name in keyof Specs]: OptionValue<Specs[Name]>;
};

/** The positionals' values, by name. */
export type Positionals<Specs extends readonly PositionalSpec[]> = {
  readonly [Spec in Specs[number] as Spec["name"]]:
    | Choice<Spec, string>
    | (Spec extends { readonly optional: true } ? undefined : never);
};

/** What a command is run with, checked. */
export interface Call<Spec extends CommandSpec, Globals extends Readonly<Record<string, OptionSpec>>> {
  readonly positionals: Positionals<Spec["positionals"]>;
  readonly options: Options<Spec["options"]>;
  readonly globals: Options<Globals>;
}
