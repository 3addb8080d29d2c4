// A run as a page that needs nothing else.

import type { RunState } from './run-state.ts';

export function contentOf({ phase, figures }: RunState): string {
  return `<h1>${phase}</h1><p>${figures.keys} keys</p>`;
}

export function pageOf(state: RunState, script = ''): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>rump</title><body><main>${contentOf(state)}</main><script>${script}</script></body></html>`;
}
