// Passwords, to be taken out of whatever a peer says: it was told them, and may repeat them in a refusal.

import { percentEncode } from './percent-encoding.ts';
import { quoted } from './quoting.ts';

const HIDDEN = '***';
/** Fewer characters than this are hidden only where they stand alone: every sentence has an `a`. */
const SHORT = 4;
/** Of the beginning of a secret that was cut: Redis repeats the first 128 characters of what it does not know. */
const LEAST_CUT = 4;
/** Behind what was cut. */
const CUT_END = /^(?:$|['"`…]|\.\.\.)/;
const WORD = /[\p{L}\p{N}]/u;

export class Secrets {
  readonly #forms = new Set<string>();

  constructor(secrets: Iterable<string | undefined> = []) {
    for (const secret of secrets) this.add(secret);
  }

  add(secret: string | undefined): void {
    if (secret === undefined || secret === '') return;
    // An error reply has no line ends; Redis quotes what it repeats, and proxies write it as they do in addresses and headers.
    const bytes = Buffer.from(secret);
    const texts = [secret, secret.replaceAll(/[\r\n]/g, ' '), quoted(bytes)];
    for (const form of [...texts, percentEncode(secret), bytes.toString('base64')]) this.#forms.add(form);
  }

  /** In which they may come back. */
  get forms(): ReadonlySet<string> {
    return this.#forms;
  }

  /** The text without any of the secrets, in none of the forms in which they may come back. */
  hide(text: string): string {
    if (this.#forms.size === 0) return text;
    // The longest first, and whole ones before what was cut: one may be the beginning of another.
    const forms = [...this.#forms].toSorted((a, b) => b.length - a.length);
    const rest = forms.reduce((shown, form) => without(shown, form, isWhole), text);
    return forms.reduce((shown, form) => without(shown, form, isCut), rest);
  }
}

type Test = (text: string, at: number, end: number, form: string) => boolean;

function without(text: string, form: string, isSecret: Test): string {
  const head = form.slice(0, LEAST_CUT);
  let hidden = '';
  let from = 0;
  for (let at = text.indexOf(head); at >= 0; at = text.indexOf(head, at)) {
    let end = at + head.length;
    while (end - at < form.length && text[end] === form[end - at]) end++;
    if (isSecret(text, at, end, form)) {
      hidden += text.slice(from, at) + HIDDEN;
      from = end;
      at = end;
    } else {
      at++;
    }
  }
  return hidden + text.slice(from);
}

function isCut(text: string, at: number, end: number, form: string): boolean {
  return end - at < form.length && CUT_END.test(text.slice(end, end + 3));
}

function isWhole(text: string, at: number, end: number, form: string): boolean {
  if (end - at < form.length) return false;
  if (form.length >= SHORT) return true;
  return !WORD.test(text.slice(at - 1, at)) && !WORD.test(text.slice(end, end + 1));
}
