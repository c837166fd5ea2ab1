/**
 * The one way around a rule of ours: `// lint: <name> <reason>` on the line of the finding, or alone on the lines above it.
 *
 * A reason is part of the directive: without at least two words of it the directive is itself a finding, and so is
 * one that excuses nothing.
 *
 * @param {import("./syntax.js").Context} context
 * @param {string} name the directive's name, such as `polling-ok`
 * @returns {{ report(node: any, message: string): void, finish(): void }} `finish` is to run at `Program:exit`
 */
export function excusable(context, name) {
  const source = context.sourceCode;
  const directives = source
    .getAllComments()
    .map((comment) => ({ comment, text: /^\s*lint:\s*(\S+)\s*([\s\S]*)$/.exec(comment.value) }))
    .filter(({ text }) => text?.[1] === name)
    .map(({ comment, text }) => ({ comment, reasoned: /\S+\s+\S+/.test(text?.[2] ?? ""), used: false }));

  /** @param {number} line */
  function directiveFor(line) {
    let above = line - 1;
    while (above > 0 && /^\s*\/\//.test(source.lines[above - 1] ?? "")) above--;
    return directives.find(({ comment }) => {
      const at = comment.loc.end.line;
      return at === line || (at > above && at < line);
    });
  }

  return {
    report(node, message) {
      const directive = directiveFor(node.loc.start.line);
      if (directive === undefined) context.report({ node, message });
      else directive.used = true;
    },
    finish() {
      for (const { comment, reasoned, used } of directives) {
        if (!reasoned)
          context.report({ node: comment, message: `'lint: ${name}' needs a reason behind it.` });
        else if (!used) context.report({ node: comment, message: `'lint: ${name}' excuses nothing here.` });
      }
    },
  };
}
