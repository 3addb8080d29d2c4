// The one table of flags: the parser, the environment and the help are all made from it.

import { duration } from './duration.ts';
import { endpoint, file, oneOf, toggle, wholeNumber, type Kind } from './kind.ts';
import { size } from './size.ts';

export interface Option {
  readonly group: 'Endpoints' | 'Copy' | 'Output';
  readonly short?: string;
  readonly kind: Kind<unknown>;
  readonly help: string;
  /** Shown in the help; the copy itself knows what to do without the flag. */
  readonly fallback?: string;
  /** Flags that say the opposite, or the same thing otherwise. */
  readonly excludes?: readonly string[];
  /** `false` where a variable such as RUMP_VERSION more likely means something else. */
  readonly environment?: false;
}

export const OPTIONS = {
  from: { group: 'Endpoints', kind: endpoint, help: 'the database to copy; it is never written to' },
  to: { group: 'Endpoints', kind: endpoint, help: 'the database to copy into' },
  'from-password-file': {
    group: 'Endpoints',
    kind: file,
    help: 'the password of the source; wins over the URL',
  },
  'to-password-file': { group: 'Endpoints', kind: file, help: 'the password of the target' },

  db: { group: 'Copy', kind: wholeNumber(0), help: 'the source database', fallback: 'the one in the URL' },
  'on-conflict': {
    group: 'Copy',
    kind: oneOf('replace', 'skip', 'fail'),
    help: 'a key that the target has',
    fallback: 'replace',
  },
  ttl: { group: 'Copy', kind: toggle, help: 'keep expiries, as is done anyway', excludes: ['no-ttl'] },
  'no-ttl': { group: 'Copy', kind: toggle, help: 'drop expiries', excludes: ['ttl'] },
  count: { group: 'Copy', kind: wholeNumber(1), help: 'SCAN COUNT', fallback: 'chosen by rump' },
  buffer: { group: 'Copy', kind: size, help: 'memory between reader and writer', fallback: '64M' },
  timeout: { group: 'Copy', kind: duration, help: 'so long without progress fails', fallback: '60s' },
  'fail-fast': { group: 'Copy', kind: toggle, help: 'stop at the first key that fails' },

  progress: {
    group: 'Output',
    kind: oneOf('auto', 'bar', 'dots', 'none'),
    help: 'how progress is shown',
    fallback: 'auto: a bar on a terminal, dots elsewhere',
    excludes: ['silent', 'json'],
  },
  silent: { group: 'Output', short: 's', kind: toggle, help: 'print errors only', excludes: ['progress', 'json'] },
  json: {
    group: 'Output',
    kind: toggle,
    help: 'print one JSON object a line instead',
    excludes: ['progress', 'silent'],
  },
  debug: { group: 'Output', kind: toggle, help: 'print where in the program an error came from' },
  help: { group: 'Output', short: 'h', kind: toggle, help: 'print this', environment: false },
  version: { group: 'Output', short: 'v', kind: toggle, help: 'print the version', environment: false },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof OPTIONS;

export type OptionValues = {
  readonly [Name in OptionName]?: (typeof OPTIONS)[Name]['kind'] extends Kind<infer T> ? T : never;
};

/** In the order of the table. */
export const OPTION_LIST = Object.entries(OPTIONS) as readonly (readonly [OptionName, Option])[];

/** `RUMP_ON_CONFLICT` for `on-conflict`. */
export function environmentNameOf(name: OptionName): string {
  return `RUMP_${name.replaceAll('-', '_').toUpperCase()}`;
}
