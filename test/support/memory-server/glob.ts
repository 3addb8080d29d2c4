// The patterns of MATCH: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that is meant as itself.

/** For strings of a character a byte. */
export function globToRegExp(glob: string): RegExp {
  let source = '';
  for (let at = 0; at < glob.length; at += 1) {
    const char = glob[at]!;
    if (char === '*') source += '[^]*';
    else if (char === '?') source += '[^]';
    else if (char === '[') {
      const bracket = bracketAt(glob, at);
      source += bracket.source;
      at = bracket.end;
    } else if (char === '\\' && at + 1 < glob.length) {
      at += 1;
      source += literal(glob[at]!);
    } else source += literal(char);
  }
  return new RegExp(`^${source}$`);
}

/** A bracket that is never closed ends with the pattern. */
function bracketAt(glob: string, start: number): { readonly source: string; readonly end: number } {
  let at = start + 1;
  const negated = glob[at] === '^';
  if (negated) at += 1;
  let source = '';
  for (; at < glob.length && glob[at] !== ']'; at += 1) {
    if (glob[at] === '\\' && at + 1 < glob.length) {
      at += 1;
      source += literal(glob[at]!);
    } else if (glob[at + 1] === '-' && at + 2 < glob.length) {
      const [low, high] = [glob[at]!, glob[at + 2]!].toSorted();
      source += `${literal(low!)}-${literal(high!)}`;
      at += 2;
    } else source += literal(glob[at]!);
  }
  return { source: `[${negated ? '^' : ''}${source}]`, end: at };
}

function literal(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
