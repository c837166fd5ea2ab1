/** What one look came to. Where it is not `ok`, `why` says why that matters and `fix` is what to type, as it stands. */
export type Finding =
  | { readonly check: string; readonly state: "ok"; readonly what: string }
  | {
      readonly check: string;
      /** `note`: worth knowing, nothing to mend. */
      readonly state: "note" | "wrong";
      readonly what: string;
      readonly why: string;
      readonly fix?: string;
    };

/** A finding maker for one kind of thing. */
export function findings(check: string) {
  return {
    ok: (what: string): Finding => ({ check, state: "ok", what }),
    note: (what: string, why: string, fix?: string): Finding => ({
      check,
      state: "note",
      what,
      why,
      ...(fix === undefined ? {} : { fix }),
    }),
    wrong: (what: string, why: string, fix?: string): Finding => ({
      check,
      state: "wrong",
      what,
      why,
      ...(fix === undefined ? {} : { fix }),
    }),
  };
}
