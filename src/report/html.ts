// Markup that is safe by how it is made: whatever is put into it is text, unless it is markup itself.

import { escapeControls } from '../../resp/escapes.ts';

/** Made by `html`, or of a text that is the program's own. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | false | undefined | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What is false or missing leaves nothing. Attributes need their quotes in the template. */
export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(fixed.map((text, i) => text + textOf(parts[i])).join(''));
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(textOf).join('');
  return escapeHtml(String(part));
}

/** Nothing in it is obeyed by a browser, nor turns the direction of what stands beside it. */
function escapeHtml(text: string): string {
  return escapeControls(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
